"""Gathers what a conversation's brief is composed of; the words are in `bot.agent.brief`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot import comments
from bot.agent import brief, remarks
from bot.agent.brief import Brief, Discussion, Earlier, Mending, ReviewRound, Setting, Update
from bot.agent.remarks import ThreadTask
from bot.agent.schemas import AMENDS_RFC
from bot.agent.submit import PlanDraft, ReviewDraft, TestsDraft
from bot.checking import Baseline
from bot.commands import parse_commands
from bot.domain import (
    Assignment,
    Command,
    Comment,
    Finding,
    LastChecks,
    Permission,
    Plan,
    PullRequest,
    ReviewState,
    ReviewThread,
    Rfc,
    Run,
    RunKind,
    Side,
    Stage,
    Target,
    TaskState,
    Verb,
)
from bot.errors import UserError
from bot.git.process import GitError
from bot.github.markers import marker_of
from bot.hunks import hunks
from bot.rfc import document
from bot.rfc.draft import RfcDraft
from bot.rfc.template import find_rules
from bot.rust import mutants
from bot.rust.outline import Known, repository_map
from bot.rust.related import related
from bot.workbench import LAST_CHECKS, Setup
from workflows import hands
from workflows.steps import budgets, mending
from workflows.steps.findings import still_open
from workflows.steps.place import is_ours, may_review
from workflows.steps.records import (
    ENDED,
    HEARING,
    JOINED,
    ONLY_RULES,
    RESUMPTION,
    REVIEWERS,
    REVIEWS,
    SEEN,
    SUGGESTED,
    TASK,
    Green,
    Joined,
    Red,
    Resumption,
    Suggested,
    foot_of,
    mutation_of,
    rfc_of,
    rules_of,
    setup_of,
    template_of,
    toolchain_remark,
)


def compose(run: Run, assignment: Assignment) -> Brief:
    """Compose the brief of a conversation from what the store, the host's clone and GitHub know now."""
    store = hands.current().store
    round_ = _review_round(run) if assignment is Assignment.REVIEW else None
    discussion = _discussion(run, _reviewers(round_))
    setting = _setting(run, assignment, discussion)
    if assignment is Assignment.RFC:
        previous = previous_rfc(run)
        store.put_document(run.id, SEEN, previous.version if previous is not None else 0)
        return brief.rfc_brief(
            setting,
            discussion,
            previous=previous,
            request=run.request,
            requested_by=run.requested_by,
            concerns=store.concerns(run.target.repo.id, run.target.issue),
        )
    if assignment is Assignment.CRITIQUE:
        return _critique(run, setting, discussion)
    rfc = rfc_of(run)
    if rfc is None:
        raise UserError(
            "The RFC that this was to be built from is not in my records.", "Ask for a new one with `/rfc`."
        )
    if assignment is Assignment.PLAN:
        moved = store.document(run.id, "moved", tuple[str, ...]) or ()
        return brief.plan_brief(setting, discussion, rfc, moved, _questioned_plan(run))
    if round_ is not None:
        # Whatever version comes while it works, the round keeps to the one that it was shown.
        store.save_run(replace(run, rfc_version=rfc.version))
        return brief.review_brief(setting, discussion, rfc, round_)
    if assignment is Assignment.CI:
        return brief.ci_brief(setting, discussion, rfc, _mending(run))
    if assignment is Assignment.UPDATE:
        return brief.update_brief(setting, discussion, rfc, _update(run))
    if assignment is Assignment.EXAMINATION:
        return _examination(run, setting, discussion, rfc)
    plan = store.plan(run.id) or Plan()
    draft = store.document(run.id, f"draft:{Assignment.PLAN}", PlanDraft)
    notes = draft.notes if draft is not None else ""
    if assignment is Assignment.PLAN_CRITIQUE:
        return brief.plan_critique_brief(setting, discussion, rfc, plan, notes=notes)
    written = store.document(run.id, f"draft:{Assignment.TESTS}", TestsDraft)
    if written is not None and written.notes:
        notes = f"{notes}\n\nFrom the one who wrote the tests:\n{written.notes}".strip()
    if assignment is Assignment.TESTS:
        return brief.tests_brief(setting, discussion, rfc, plan, notes=notes)
    red = store.document(run.id, "red", Red)
    assert red is not None, "the red proof comes before building"
    difference = hands.current().git.diff(run.target.repo.id, run.base_commit, red.tree)
    return brief.build_brief(setting, discussion, rfc, plan, tests=difference, red=red.report, notes=notes)


def _questioned_plan(run: Run) -> tuple[Plan, str, str] | None:
    """The plan of an earlier run that this one has taken over, its notes, and what a second reader holds against it."""
    store = hands.current().store
    draft, task = store.document(run.id, f"draft:{Assignment.PLAN}", PlanDraft), store.document(run.id, TASK, str)
    return (store.plan(run.id) or Plan(), draft.notes, task) if draft is not None and task else None


def previous_rfc(run: Run) -> Rfc | None:
    """The version that an RFC run revises; None where it writes the first."""
    return hands.current().store.latest_rfc(run.target.repo.id, run.target.issue, not_by=run.id)


def _critique(run: Run, setting: Setting, discussion: Discussion) -> Brief:
    draft = hands.current().store.document(run.id, f"draft:{Assignment.RFC}", RfcDraft)
    assert draft is not None, "the critique follows an accepted draft"
    url = f"https://github.com/{run.target.repo.full_name}"
    rfc = document.publish(draft, version=0, base_commit=run.base_commit, repository_url=url)
    return brief.critique_brief(
        setting, discussion, rfc, Plan(draft.tasks), request=run.request, requested_by=run.requested_by
    )


def _examination(run: Run, setting: Setting, discussion: Discussion, rfc: Rfc) -> Brief:
    green = hands.current().store.document(run.id, "green", Green)
    assert green is not None, "what is examined was proven"
    difference = hands.current().git.diff(run.target.repo.id, run.base_commit, green.tree)
    rows = [
        f"{proof.test}: red without the change ({proof.red}), {'passes' if proof.is_green else 'does not pass'} with it; "
        f"for {', '.join(proof.criteria) or 'no criterion'}"
        for proof in green.evidence.proofs
    ]
    rows += [
        f"{result.check.command}: {'passed' if result.is_success else 'as on the base'}"
        for result in green.evidence.checks
    ]
    plan = hands.current().store.plan(run.id) or Plan()
    rows += [
        f"the plan's {task.id} was not ticked: {task.title}" for task in plan.tasks if task.state is TaskState.OPEN
    ]
    mutation = mutation_of(run)
    if mutation is not None:
        rows.append(comments.mutation_sentence(mutation))
        rows += [f"no test notices {mutants.at(each)}: {each.what}" for each in mutation.survivors]
    return brief.examination_brief(setting, discussion, rfc, difference=difference, evidence="\n".join(rows))


def _setting(run: Run, assignment: Assignment, discussion: Discussion) -> Setting:
    our_hands = hands.current()
    setup = setup_of(run)
    baseline = our_hands.store.document(run.id, "baseline", Baseline)
    base_stands = ""
    if baseline is not None:
        base_stands = f"{toolchain_remark(run, baseline)}\n{baseline.summary()}".strip()
    return Setting(
        repository=run.target.repo.full_name,
        base_commit=run.base_commit,
        repo_map=_repo_map(run, assignment, setup, discussion),
        baseline=base_stands,
        checks=setup.checks,
        max_turns=budgets.max_turns(run, assignment),
        rules=_rules(run),
        template=template_of(run),
        earlier=earlier_run(run),
    )


def earlier_run(run: Run) -> Earlier | None:
    """What a retry is told of the run that it goes on from; None where the run begins by itself."""
    store = hands.current().store
    resumption = store.document(run.id, RESUMPTION, Resumption)
    if resumption is None:
        return None
    plan, checks = store.plan(resumption.earlier), store.document(resumption.earlier, LAST_CHECKS, LastChecks)
    red = store.document(resumption.earlier, "red", Red)
    proven = f"{len(red.kinds)} new tests were shown red." if red is not None else "No new test was shown red."
    return Earlier(
        work=_where_the_work_is(resumption, has_red=store.has_document(run.id, "red")),
        end=store.document(resumption.earlier, ENDED, str) or "It was stopped.",
        standing=" ".join(part for part in (comments.progress(plan), proven, comments.checks_words(checks)) if part),
        hint=run.request,
        hinted_by=run.requested_by,
    )


def _where_the_work_is(resumption: Resumption, *, has_red: bool) -> str:
    if resumption.does_not_fit:
        return "The code has changed since, and its work does not fit any more: nothing of it is in the workspace."
    if not resumption.tree:
        return "It had changed nothing yet."
    if resumption.tests and not resumption.is_same_base and not has_red:
        return (
            "The code has changed since. The workspace holds the tests that it wrote, brought onto the code as it is now; what it "
            "built comes back when they are shown red again."
        )
    return (
        "Its unfinished work is in the workspace, and nothing of it is verified. See what is there, with `diff` where you have it, "
        "keep what is good, and go on from there."
    )


RULES = 4
"""So many files with rules of the house are shown."""


def _rules(run: Run) -> tuple[tuple[str, str], ...]:
    """What the repository tells contributors, people and machines, at the base commit."""
    git, repository_id = hands.current().git, run.target.repo.id
    paths = find_rules(git.paths(repository_id, run.base_commit))[:RULES]
    found = git.texts(repository_id, run.base_commit, paths)
    return tuple((path, found[path]) for path in paths if path in found)


SOURCES = 4_000
"""So many files are looked into for the map; of a larger repository those nearest to the top."""
HISTORY_FILES, HISTORY_COMMITS, HISTORY_SECONDS = 6, 10, 20.0


FINDERS = (Assignment.RFC, Assignment.CRITIQUE, Assignment.PLAN, Assignment.TESTS, Assignment.BUILD)
"""Who has to find the places of the issue; all others are told them."""


def _repo_map(run: Run, assignment: Assignment, setup: Setup, discussion: Discussion) -> str:
    """What the workspace holds, made without the model, for those who have to find it with what the issue is about in front."""
    git, repository_id = hands.current().git, run.target.repo.id
    commit = run.start
    green = hands.current().store.document(run.id, "green", Green) if assignment is Assignment.EXAMINATION else None
    tree = green.tree if green is not None else commit
    paths = git.paths(repository_id, tree)
    wanted = [path for path in paths if path.endswith((".rs", "Cargo.toml", "rust-toolchain", "rust-toolchain.toml"))]
    sources = sorted(wanted, key=lambda path: (path.count("/"), path))[:SOURCES]
    texts = git.texts(repository_id, tree, sources)
    said = "\n\n".join([discussion.issue.title, discussion.issue.body, *(each.body for each in discussion.comments)])
    found = related(said, paths, texts) if assignment in FINDERS else ()
    lock = git.read(repository_id, setup.base_tree or commit, "Cargo.lock") or b""
    return repository_map(Known(paths, texts, lock.decode(errors="replace"), found, _recent(run, commit, found)))


def _recent(run: Run, commit: str, paths: Sequence[str]) -> tuple[str, ...]:
    """The last commits to the files that the issue is about, one a line; none where git takes too long to tell."""
    try:
        entries = hands.current().git.log(
            run.target.repo.id, commit, count=HISTORY_COMMITS, paths=paths[:HISTORY_FILES], timeout=HISTORY_SECONDS
        )
    except GitError:
        return ()
    return tuple(f"{entry.at:%Y-%m-%d} {entry.commit[:10]} {entry.subject[:120]}" for entry in entries)


def _reviewers(round_: ReviewRound | None) -> set[str]:
    if round_ is None:
        return set()
    threads = [task.thread for task in round_.tasks]
    threads += [rule.thread for rule in round_.rules if rule.thread is not None]
    speakers = {comment.author.login for thread in threads for comment in thread.comments}
    return speakers | {review.author.login for review in round_.reviews} | {rule.author.login for rule in round_.rules}


def _discussion(run: Run, others: set[str]) -> Discussion:
    """The issue and what people said, with everybody's standing at this moment; the bot's own words are left out."""
    our_hands = hands.current()
    repo = run.target.repo
    github = our_hands.github.installation(repo.installation_id)
    issue = github.issue(repo, run.target.issue)
    said = github.comments(repo, run.target.issue)
    own = {comment.id for comment in said if comment.author.login == our_hands.github.bot_login}
    asked = frozenset(comment.id for comment in said if comment.id in own and _is_inquiry(comment))
    comments = tuple(comment for comment in said if comment.id not in own)
    logins = {*others, issue.author.login, run.requested_by.login, *(comment.author.login for comment in comments)}
    permissions = {login: github.permission(repo, login) for login in sorted(logins)}
    # Words of people without standing in the repository are not shown to the model, unless it says so itself; the issue's are.
    least = Permission.NONE if our_hands.config(run).read_everybody else Permission.TRIAGE
    shown = {comment.id for comment in comments if permissions[comment.author.login] >= least} | asked
    return Discussion(issue, tuple(comment for comment in said if comment.id in shown), permissions, asked)


def _is_inquiry(comment: Comment) -> bool:
    return (marker_of(comment.body) or "").startswith("questions:")


def open_threads(run: Run) -> tuple[ReviewThread, ...]:
    """The threads that a review round answers: not resolved, and the last word is that of somebody who may write."""
    our_hands = hands.current()
    repo = run.target.repo
    assert run.pull_request is not None
    stored = our_hands.store.document(run.id, "threads", tuple[ReviewThread, ...])
    if stored is not None:
        return stored
    our_hands.store.put_document(run.id, HEARING, True)
    github = our_hands.github.installation(repo.installation_id)
    last_words = {
        thread: thread.comments[-1].author
        for thread in github.review_threads(repo, run.pull_request)
        if thread.comments and not thread.is_resolved
    }
    config = our_hands.config(run)
    heard = {author for author in set(last_words.values()) if may_review(repo, author, config)}
    threads = tuple(thread for thread, author in last_words.items() if author in heard)
    our_hands.store.put_document(run.id, "threads", threads)
    return threads


def thread_ids(run: Run) -> tuple[str, ...]:
    """The short ids of the threads that this run answers; none where it is no review."""
    return tuple(remarks.thread_ids(open_threads(run))) if run.kind is RunKind.REVIEW else ()


def _update(run: Run) -> Update:
    our_hands = hands.current()
    store, repo = our_hands.store, run.target.repo
    joined = store.document(run.id, JOINED, Joined)
    assert run.pull_request is not None and joined is not None, "the merge is laid out before anybody is asked"
    pull_request = our_hands.github.installation(repo.installation_id).pull_request(repo, run.pull_request)
    difference = our_hands.git.diff(repo.id, joined.before, foot_of(run))
    return Update(pull_request, difference, joined.conflicts, store.document(run.id, TASK, str) or "")


def _mending(run: Run) -> Mending:
    our_hands = hands.current()
    repo = run.target.repo
    assert run.pull_request is not None
    pull_request = our_hands.github.installation(repo.installation_id).pull_request(repo, run.pull_request)
    difference = our_hands.git.diff(repo.id, run.base_commit, run.head_commit)
    reproduced = our_hands.store.document(run.id, mending.REPRODUCED, str) or ""
    return Mending(pull_request, difference, mending.failures_of(run), reproduced)


def answered_reviews(target: Target) -> set[int]:
    """The reviews whose words an earlier round has answered; deliveries come in any order, so their ids do not tell."""
    store = hands.current().store
    rounds = store.runs_of_kind(target.repo.id, target.issue, RunKind.REVIEW)
    read = [store.document(each.id, REVIEWS, tuple[int, ...]) or () for each in rounds if each.stage is Stage.DONE]
    return {id for ids in read for id in ids}


def _review_round(run: Run) -> ReviewRound:
    our_hands = hands.current()
    repo = run.target.repo
    assert run.pull_request is not None
    github = our_hands.github.installation(repo.installation_id)
    pull_request = github.pull_request(repo, run.pull_request)
    threads = open_threads(run)
    rules = rules_of(run)
    answered = answered_reviews(run.target)
    with_remarks = {comment.review_id for thread in threads for comment in thread.comments} | {run.review_id}
    reviews = tuple(
        review
        for review in github.reviews(repo, run.pull_request)
        if review.body.strip()
        and review.id not in answered
        and (review.state is ReviewState.CHANGES_REQUESTED or review.id in with_remarks)
        and may_review(repo, review.author, our_hands.config(run))
    )
    our_hands.store.put_document(run.id, REVIEWS, tuple(review.id for review in reviews))
    speakers = [comment.author for thread in threads for comment in thread.comments]
    authors = dict.fromkeys([*(review.author for review in reviews), *speakers, *(rule.author for rule in rules)])
    config = our_hands.config(run)
    reviewers = tuple(each for each in authors if not each.is_bot and may_review(repo, each, config))
    our_hands.store.put_document(run.id, REVIEWERS, reviewers)
    only_rules = bool(rules) and not run.request and not reviews and all(map(_asks_to_remember, threads))
    our_hands.store.put_document(run.id, ONLY_RULES, only_rules)
    return ReviewRound(
        pull_request,
        our_hands.git.diff(repo.id, run.base_commit, run.head_commit),
        comments.told_only_here(pull_request.body),
        reviews,
        _with_notes(run, _tasks(run, threads, pull_request)),
        run.request,
        run.requested_by,
        own_login=our_hands.github.bot_login,
        rules=rules,
        only_rules=only_rules,
        built_from=_built_from(run),
        findings=open_findings(run),
    )


def open_findings(run: Run) -> tuple[Finding, ...]:
    """The findings that are open where a run on a pull request begins; none before there is one."""
    if not run.is_on_pull_request:
        return ()
    tree = hands.current().git.tree_of(run.target.repo.id, run.start)
    return tuple(finding for finding, _ in still_open(run, tree))


def _built_from(run: Run) -> Rfc | None:
    """The version that the pull request was built from; None where that is not known."""
    store = hands.current().store
    built = store.last_done(run.target.repo.id, run.target.issue, RunKind.IMPLEMENT)
    return store.rfc(run.target.repo.id, run.target.issue, built.rfc_version) if built is not None else None


def _with_notes(run: Run, tasks: tuple[ThreadTask, ...]) -> tuple[ThreadTask, ...]:
    """The tasks, each with what became of its suggestion, and of an amendment of the RFC that was proposed in it."""
    suggested = hands.current().store.document(run.id, SUGGESTED, Suggested) or Suggested()
    applied = {suggestion.thread for suggestion in suggested.applied}
    amended = amended_threads(run)
    return tuple(
        replace(
            task,
            notes=(
                *([remarks.APPLIED] if id in applied else []),
                *([remarks.AMENDED if amended[id] else remarks.NOT_AMENDED] if id in amended else []),
            ),
        )
        for id, task in zip(thread_ids(run), tasks, strict=True)
    )


def amended_threads(run: Run) -> dict[str, bool]:
    """The threads in which the bot's last answer proposed to amend the RFC, each with whether a newer version stands there now."""
    store, own = hands.current().store, hands.current().github.bot_login
    rfc, found = rfc_of(run), {}
    for id, thread in remarks.thread_ids(open_threads(run)).items():
        answers = [marker_of(comment.body) or "" for comment in thread.comments if comment.author.login == own]
        run_id, _, answered = (answers[-1] if answers else "").removeprefix("thread:").rpartition(":")
        draft = store.document(run_id, f"draft:{Assignment.REVIEW}", ReviewDraft)
        if draft is not None and any(each.thread == answered and each.kind == AMENDS_RFC for each in draft.answers):
            found[id] = rfc is not None and rfc.version > store.run(run_id).rfc_version
    return found


def _asks_to_remember(thread: ReviewThread) -> bool:
    """Whether all that was said in the thread since the bot's own answer is `/remember`."""
    asked = parse_commands(thread.comments[-1].body, app_slug=hands.current().github.slug)
    is_all = {item.verb for item in asked if isinstance(item, Command)} == {Verb.REMEMBER}
    return is_all and len(thread.comments) > 1 and is_ours(thread.comments[-2].author)


def _tasks(run: Run, threads: Sequence[ReviewThread], pull_request: PullRequest) -> tuple[ThreadTask, ...]:
    """Each thread with what stands at its place at the head that the run begins at.

    GitHub counts lines at the head of this moment: where somebody has pushed since, they tell nothing.
    """
    git, repository_id = hands.current().git, run.target.repo.id
    if pull_request.head_sha != run.head_commit:
        return tuple(map(ThreadTask, threads))
    paths = {thread.path for thread in threads if thread.lines}
    texts = {
        Side.LEFT: git.texts(repository_id, run.base_commit, paths),
        Side.RIGHT: git.texts(repository_id, run.head_commit, paths),
    }
    changed = {
        path: hunks(git.diff(repository_id, run.base_commit, run.head_commit, paths=[path])) for path in sorted(paths)
    }
    return tuple(
        remarks.task_of(thread, texts[thread.side].get(thread.path, ""), changed.get(thread.path, ()))
        for thread in threads
    )
