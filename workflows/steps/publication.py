"""What people see in the end: the commits, the pull request, the answers to a review."""

from __future__ import annotations

from dataclasses import replace

from bot import comments, customs
from bot.agent import remarks
from bot.agent.submit import ChangeDraft, PlanDraft
from bot.comments.template import find_template
from bot.commit_message import as_headline, harmless
from bot.domain import (
    Actor,
    Annotation,
    Assignment,
    CheckRun,
    Evidence,
    Plan,
    PullRequest,
    Rfc,
    Run,
    RunKind,
    Stage,
    Usage,
)
from bot.errors import Conflict, UserError
from bot.github.client import GitHub
from bot.github.markers import with_marker
from workflows import hands
from workflows.engine import step
from workflows.steps import (
    answering,
    briefs,
    bundle,
    ci,
    contracts,
    lifecycle,
    mending,
    mutation,
    preparation,
    rules,
    tracing,
)
from workflows.steps.contracts import Findings
from workflows.steps.findings import still_open
from workflows.steps.records import (
    CONTINUES,
    JOINED,
    REVIEWERS,
    TAKEN_OVER,
    TAKEN_UP,
    Green,
    Joined,
    Red,
    Ticked,
    critique_of,
    foot_of,
    mutation_of,
    refuse,
    rfc_of,
)

TASKS = 100
"""The number of the first commit of a task among the commits of a run."""
COMMITS = "commits"
"""The name of the document with the commits of a run in order: each one's id and headline."""
CHECK_RUN = "rfcsmith / evidence"


@step("push")
def push(run_id: str, trial: int, trials: int) -> bool:
    """Make the commits on GitHub, first the red tree, then the green one, and move the branch there without force.

    Returns whether somebody was faster: then nothing moved, and what they pushed has to be joined first. Raises `UserError`
    where that was the last trial.
    """
    our_hands = hands.current()
    store = our_hands.store
    joined = store.document(run_id, JOINED, Joined)
    if joined is not None and not joined.is_laid_out:
        return True
    run = lifecycle.enter(store.run(run_id), Stage.PUBLISH)
    green = store.document(run_id, "green", Green)
    assert green is not None, "the proof comes before publishing"
    # Where this is another machine than the one that proved it, the trees are here only with the bench.
    our_hands.workbenches.open(run)
    start = foot_of(run)
    head = make_commits(run, green.tree, 2, _headline(run))
    faster = _move_branch(run, start, head)
    if faster is None:
        store.put_document(run_id, "pushed", head if head != start else "")
        return False
    if trial >= trials:
        raise UserError(
            f"Somebody pushed onto `{run.branch}` each of the {trials} times that I was about to, so I pushed nothing.",
            "Ask again when the branch is at rest, and I will start from what is there then.",
        )
    store.put_document(run_id, JOINED, Joined(faster, start))
    return True


def make_commits(run: Run, tree: str, number: int, headline: str) -> str:
    """The commits of a run up to `tree`, whose own has this number and headline; returns the last one.

    First the tests that were shown red, then a state for each task. What a draft holds already is not made once more.
    """
    store = hands.current().store
    head = foot_of(run)
    continues = store.has_document(run.id, CONTINUES)
    red = store.document(run.id, "red", Red)
    if red is not None and not continues:
        head = commit(run, 1, head, red.tree, f"Tests for #{run.target.issue}, red without the change")
    for position, ticked in enumerate(_ticked(run, tree), TASKS):
        if not (continues and ticked.turn == TAKEN_OVER):
            head = commit(run, position, head, ticked.tree, _task_headline(run, ticked))
    return commit(run, number, head, tree, headline)


def _ticked(run: Run, final: str) -> tuple[Ticked, ...]:
    """The states that the agent left task by task, as they may be published; the last ones where nothing comes after them.

    A state that equals the final tree is the last commit's, which bears the name of the whole change.
    """
    found = hands.current().store.document(run.id, "ticked", tuple[Ticked, ...]) or ()
    states = [replace(ticked, tree=rules.publishable(run, ticked.tree)[0]) for ticked in found]
    while states and states[-1].tree == final:
        states.pop()
    return tuple(states)


def _task_headline(run: Run, ticked: Ticked) -> str:
    """A commit's headline; further tasks of the same turn stand below."""
    first, *others = map(harmless, ticked.titles)
    short = as_headline(first)
    named = [first] if short != first else []
    rest = "\n".join(f"- {title}" for title in [*named, *others])
    return "\n\n".join(part for part in (short, rest, f"Part of #{run.target.issue}.") if part)


def _move_branch(run: Run, start: str, head: str) -> str | None:
    """Let the branch point at `head`, by compare and swap; the branch's head where somebody was faster, else None."""
    repo = run.target.repo
    github = hands.current().github.installation(repo.installation_id)
    if not run.is_on_pull_request and start == run.base_commit:
        _create_branch(github, run, head)
        return None
    try:
        if head != start:
            github.move_branch(repo, run.branch, expected=start, sha=head)
    except Conflict:
        faster = preparation.brought_head(run)
        # Where the push arrived and somebody went on from it before it was looked at again, it is there.
        return None if hands.current().git.is_ancestor(repo.id, head, faster) else faster
    _read_back(github, run, head)
    return None


def _read_back(github: GitHub, run: Run, head: str) -> None:
    """The branch points at what was pushed, or somebody went on from there. Raises `Conflict`."""
    repo = run.target.repo
    if github.branch_head(repo, run.branch) == head:
        return
    if not hands.current().git.is_ancestor(repo.id, head, preparation.brought_head(run)):
        raise Conflict(f"The branch {run.branch} moved right after I pushed.")


def _create_branch(github: GitHub, run: Run, head: str) -> None:
    """A new branch at `head`; where somebody took the name meanwhile, one of another name."""
    store = hands.current().store
    while True:
        try:
            github.create_branch(run.target.repo, run.branch, head)
            break
        except Conflict:
            run = store.save_run(preparation.with_branch(run))
    _read_back(github, run, head)


def commit(run: Run, number: int, parent: str, tree: str, headline: str) -> str:
    """One commit through GitHub's own API, which signs it; the parent itself where nothing changed.

    A run's commits are known by their numbers and parents; called inside other steps. Raises `UserError` for what is never published.
    """
    our_hands = hands.current()
    repo = run.target.repo
    key = f"commit:{number}:{parent[:24]}"
    made = our_hands.store.document(run.id, key, str)
    if made is not None:
        return made
    parent_tree = our_hands.git.tree_of(repo.id, parent) if our_hands.git.has(repo.id, parent) else None
    base_tree = parent_tree or tree_made(run, parent)
    assert base_tree is not None, "the parent is the base or a commit of this run"
    merged = run.base_commit if run.kind is RunKind.UPDATE else ""
    if base_tree == tree and not merged:
        return parent
    own = our_hands.git.changes(repo.id, base_tree, tree)
    changes = own
    if merged:
        # Of what the base brings GitHub has every file; only what differs from both sides is the merge's own.
        base_tree = our_hands.git.tree_of(repo.id, merged)
        changes = our_hands.git.changes(repo.id, base_tree, tree)
        paths = {change.path for change in changes}
        own = tuple(change for change in own if change.path in paths)
    refuse(run, own)
    github = our_hands.github.installation(repo.installation_id)
    sha = github.commit(
        repo,
        parent=parent,
        merged=merged,
        base_tree=base_tree,
        changes=changes,
        message=f"{headline}\n\n{_trailers(run, number)}",
        expected_tree=tree,
    )
    note_tree(run, sha, tree)
    listed = our_hands.store.document(run.id, COMMITS, tuple[tuple[str, str], ...]) or ()
    this = (sha, headline.partition("\n")[0])
    our_hands.store.put_document(run.id, COMMITS, (*(each for each in listed if each != this), this))
    our_hands.store.put_document(run.id, key, sha)
    return sha


def tree_made(run: Run, commit: str) -> str | None:
    """The tree of a commit that the run knows without having it in the clone."""
    store = hands.current().store
    # The long name is that of runs which began before names were cut to what Postgres has room for.
    return store.document(run.id, _tree_name(commit), str) or store.document(run.id, f"tree:{commit}", str)


def note_tree(run: Run, commit: str, tree: str) -> None:
    hands.current().store.put_document(run.id, _tree_name(commit), tree)


def _tree_name(commit: str) -> str:
    """Within the 40 characters that the store has for names."""
    return f"tree:{commit[:32]}"


def _trailers(run: Run, number: int) -> str:
    if run.is_own_doing:
        return f"Rfcsmith-Step: {run.id}/{number}"
    people = [f"Co-authored-by: {p.login} <{p.id}+{p.login}@users.noreply.github.com>" for p in _askers(run)]
    return "\n".join([f"Rfcsmith-Step: {run.id}/{number}", *people])


def _askers(run: Run) -> tuple[Actor, ...]:
    """Who asked for what the run does: in a review round everybody who spoke in what it answers."""
    reviewers = hands.current().store.document(run.id, REVIEWERS, tuple[Actor, ...]) or ()
    return tuple({actor.login: actor for actor in (run.requested_by, *reviewers)}.values())


def _headline(run: Run) -> str:
    if run.kind is RunKind.REVIEW:
        return answering.commit_message(run)
    if run.kind is RunKind.CI:
        return mending.commit_message(run)
    if run.kind is RunKind.UPDATE:
        return f"Merge {run.base_ref} into {run.branch}"
    change = _change_draft(run)
    return f"{harmless(change.title)} (#{run.target.issue})\n\n{harmless(change.summary)}"


def _change_draft(run: Run) -> ChangeDraft:
    draft = hands.current().store.document(run.id, f"draft:{Assignment.BUILD}", ChangeDraft)
    assert draft is not None, "the conversation ended with an accepted draft"
    return draft


@step("open_pull_request")
def open_pull_request(run_id: str) -> None:
    """Open the pull request of the branch, with the promise and its proof, and the same facts as a check run."""
    our_hands = hands.current()
    store = our_hands.store
    run = preparation.with_base(store.run(run_id))
    repo = run.target.repo
    github = our_hands.github.installation(repo.installation_id)
    change = _change_draft(run)
    findings = contracts.findings_of(run, rfc_of(run))
    evidence = bundle.attached(run, contracts.with_stubs(_evidence(run), findings.contract))
    text = _body(github, run, change, evidence, findings, store.usage(run_id))
    body = with_marker(comments.own_region(text), f"issue:{run.target.issue}")
    pull_request = github.ensure_pull_request(
        repo,
        branch=run.branch,
        base=run.base_ref,
        title=harmless(change.title),
        body=body,
        draft=True,
    )
    # Of a pull request that was there before, GitHub may not tell the new head at once.
    head = store.document(run_id, "pushed", str) or pull_request.head_sha
    finishes = store.has_document(run_id, CONTINUES)
    if finishes:
        is_marked = pull_request.title.startswith(comments.UNFINISHED)
        body = comments.with_own_region(pull_request.body, text) or body
        github.edit_pull_request(
            repo, pull_request.number, title=harmless(change.title) if is_marked else None, body=body
        )
    store.bind(run.target, pull_request=pull_request.number)
    ci.watch(run, pull_request, head, finishes=finishes)
    store.save_run(replace(run, pull_request=pull_request.number))
    _ensure_check_run(github, run, head, evidence, findings)
    store.put_document(run_id, "note", _opened_note(run_id, pull_request))


def _opened_note(run_id: str, pull_request: PullRequest) -> str:
    """Where the pull request is, and what a second reader questioned of the plan."""
    plan = hands.current().store.document(run_id, f"draft:{Assignment.PLAN}", PlanDraft)
    answers = plan.answers if plan is not None else ()
    questioned = comments.second_reader_note(critique_of(run_id, Assignment.PLAN), answers, "plan")
    return "\n\n".join(part for part in (comments.opened_note(pull_request), questioned) if part)


def _body(github: GitHub, run: Run, change: ChangeDraft, evidence: Evidence, findings: Findings, usage: Usage) -> str:
    """What the pull request says of the whole change as the run leaves it."""
    rfc = rfc_of(run)
    source = None
    if rfc is not None:
        source = comments.Source(rfc, rfc_url(github, run, rfc), findings.drift, _taken_up(run))
    return comments.pull_request_body(
        issue=run.target.issue,
        account=_account(run, change),
        source=source,
        evidence=evidence,
        usage=usage,
        contract=findings.contract,
    )


def _account(run: Run, change: ChangeDraft) -> comments.Account:
    """What the author says and left of the plan, and what the repository's template and customs ask for, as the base has them."""
    git, repository_id = hands.current().git, run.target.repo.id
    green = hands.current().store.document(run.id, "green", Green)
    base = git.tree_of(repository_id, run.base_commit)
    touched = tuple(each.path for each in git.changes(repository_id, base, green.tree)) if green is not None else ()
    paths = git.paths(repository_id, base)
    template = find_template(paths)
    wanted = [*customs.telling(paths), *([template] if template is not None else [])]
    texts = git.texts(repository_id, base, wanted)
    plan = hands.current().store.plan(_implemented_by(run)) or Plan()
    return comments.Account(
        change.summary,
        change.deviations,
        change.notes,
        _commits(run),
        touched,
        texts.pop(template, "") if template is not None else "",
        (*comments.plan_remarks(plan), *customs.remarks(texts, touched)),
    )


def _commits(run: Run) -> tuple[tuple[str, str], ...]:
    """The commits of the implementation, each with its headline; a later round adds one of its own behind them."""
    return hands.current().store.document(_implemented_by(run), COMMITS, tuple[tuple[str, str], ...]) or ()


def _implemented_by(run: Run) -> str:
    """The run that opened the pull request: this one, or the one before it where this is a later round."""
    built = hands.current().store.last_done(run.target.repo.id, run.target.issue, RunKind.IMPLEMENT)
    return run.id if not run.is_on_pull_request or built is None else built.id


def bring_up_to_date(github: GitHub, run: Run, pull_request: PullRequest, pushed: str) -> None:
    """Let the bot's part of the body, and a check run, tell of the whole difference after a round; people's words stay."""
    store = hands.current().store
    built = store.last_done(run.target.repo.id, run.target.issue, RunKind.IMPLEMENT)
    bound = replace(run, rfc_version=built.rfc_version) if built is not None else run
    findings = contracts.findings_of(bound, rfc_of(bound))
    found = bundle.attached(run, contracts.with_stubs(_evidence(run), findings.contract))
    _ensure_check_run(github, run, pushed, found, findings)
    change = store.document(built.id, f"draft:{Assignment.BUILD}", ChangeDraft) if built is not None else None
    green = store.document(built.id, "green", Green) if built is not None else None
    if built is None or change is None or green is None:
        return
    # What passed before is what passed before the whole change, not before this round.
    evidence = replace(found, passed_before=green.evidence.passed_before)
    usage = store.usage(built.id) + store.usage(run.id)
    text = _body(github, bound, change, evidence, findings, usage)
    body = comments.with_own_region(pull_request.body, text)
    if body is not None and body != pull_request.body:
        github.edit_pull_request(run.target.repo, pull_request.number, body=body)


def _taken_up(run: Run) -> int:
    """The newest version of the RFC that a review of the pull request has taken up, 0 where none has."""
    store = hands.current().store
    rounds = store.runs_of_kind(run.target.repo.id, run.target.issue, RunKind.REVIEW)
    versions = [store.document(each.id, TAKEN_UP, int) or 0 for each in rounds if each.pull_request == run.pull_request]
    return max(versions, default=0)


def rfc_url(github: GitHub, run: Run, rfc: Rfc | None) -> str:
    comment = github.comment(run.target.repo, rfc.comment_id) if rfc is not None and rfc.comment_id else None
    return comment.html_url if comment is not None else ""


def _evidence(run: Run) -> Evidence:
    green = hands.current().store.document(run.id, "green", Green)
    assert green is not None, "the proof comes before publishing"
    look_here = (*green.evidence.look_here, *(line for _, line in still_open(run, green.tree)))
    found = tracing.with_round(run, green.evidence) if run.is_on_pull_request else green.evidence
    return replace(found, mutation=mutation_of(run), look_here=look_here)


def _ensure_check_run(github: GitHub, run: Run, head: str, evidence: Evidence, findings: Findings) -> None:
    is_good = all(proof.is_green for proof in evidence.proofs)
    github.ensure_check_run(
        run.target.repo,
        CheckRun(
            name=CHECK_RUN,
            head_sha=head,
            external_id=f"{run.id}/evidence",
            status="completed",
            conclusion="success" if is_good else "failure",
            title=comments.evidence_title(evidence),
            summary=comments.evidence_summary(evidence, findings.contract, findings.drift.terms),
            annotations=_annotations(run, evidence),
        ),
    )


def _annotations(run: Run, evidence: Evidence) -> tuple[Annotation, ...]:
    """Survivors at their lines; where something changed since they were tried, the lines are not known any more."""
    is_of_this = hands.current().store.has_document(run.id, mutation.LAST)
    if evidence.mutation is None or not is_of_this or comments.BEFORE_PUSH in evidence.mutation.remark:
        return ()
    return comments.mutation_annotations(evidence.mutation)


@step("report_mending")
def report_mending(run_id: str) -> None:
    """Let the pull request tell of the whole change after CI was mended, and say what failed and what was done."""
    our_hands = hands.current()
    store = our_hands.store
    run = store.run(run_id)
    assert run.pull_request is not None
    github = our_hands.github.installation(run.target.repo.installation_id)
    pushed = store.document(run_id, "pushed", str) or ""
    if pushed:
        pull_request = github.pull_request(run.target.repo, run.pull_request)
        bring_up_to_date(github, run, pull_request, pushed)
        ci.watch(run, pull_request, pushed)
    store.put_document(run_id, "note", mending.note(run, pushed))


@step("answer_review")
def answer_review(run_id: str) -> None:
    """Answer each thread once, say what was done, and ask the reviewer to look again."""
    our_hands = hands.current()
    store = our_hands.store
    run = store.run(run_id)
    repo = run.target.repo
    assert run.pull_request is not None
    github = our_hands.github.installation(repo.installation_id)
    draft = answering.draft_of(run)
    pushed = store.document(run_id, "pushed", str) or ""
    threads = remarks.thread_ids(briefs.open_threads(run))
    replies = answering.replies(run, pushed)
    for answer in draft.answers:
        thread = threads[answer.thread]
        github.reply(
            repo, run.pull_request, thread.comments[0].id, f"thread:{run.id}:{answer.thread}", replies[answer.thread]
        )
        if answer.kind == "done" and our_hands.config(run).resolve_threads:
            github.resolve_thread(thread.node_id)
    if answering.is_amendment_taken_up(run):
        store.put_document(run_id, TAKEN_UP, run.rfc_version)
    pull_request = github.pull_request(repo, run.pull_request)
    if pushed:
        bring_up_to_date(github, run, pull_request, pushed)
        ci.watch(run, pull_request, pushed)
    github.request_review(repo, run.pull_request, [actor.login for actor in _askers(run) if not actor.is_bot])
    store.put_document(run_id, "note", comments.reviewed_note(pull_request.html_url, pushed, draft.summary))
