"""The RFC in the issue: published in its comments, read back before each edit, and made a version of whoever edited it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot import comments, report
from bot.agent import transcript
from bot.agent.quote import quote
from bot.agent.submit import PlanDraft
from bot.domain import Actor, Assignment, Comment, Concern, Rfc, Run, RunKind, Stage, Target
from bot.errors import Question
from bot.github.client import GitHub
from bot.github.markers import with_marker
from bot.rfc import citations, document, pages
from bot.rfc.difference import difference
from bot.rfc.draft import RfcDraft
from workflows import hands
from workflows.engine import step
from workflows.steps import conversation, lifecycle
from workflows.steps.records import SEEN, critique_of, rfc_of, template_of

PUBLISHING = "publishing"
"""The name of the document with the version that a run is about to post: whoever finds its text there knows whose it is."""


@step("publish_rfc")
def publish_rfc(run_id: str) -> bool:
    """Post the next version of the RFC in the comments that hold it, and read it back.

    False: somebody edited the text while the version was written; the author was shown the edit and has to take it up.
    """
    our_hands = hands.current()
    store = our_hands.store
    run = lifecycle.enter(store.run(run_id), Stage.PUBLISH)
    target, github = run.target, our_hands.github.installation(run.target.repo.installation_id)
    rfc = store.document(run_id, PUBLISHING, Rfc)
    if rfc is None:
        adopt_edits(target)
        if _has_unseen_edit(run):
            return False
        if store.unread_steering(run_id):
            conversation.reopen(run_id, Assignment.RFC, transcript.UNHEARD)
            return False
        rfc = _next_version(run, github)
        store.put_document(run_id, PUBLISHING, rfc)
    previous = store.latest_rfc(target.repo.id, target.issue, not_by=run_id)
    posted = _post(github, target, rfc, previous)
    store.publish_rfc(
        run_id, target, replace(rfc, comment_ids=tuple(c.id for c in posted), published_at=posted[0].updated_at)
    )
    label = {comments.RFC_IN_REVIEW: comments.LABELS[comments.RFC_IN_REVIEW]}
    github.set_labels(target.repo, target.issue, add=label, remove=[comments.RFC_NEEDED])
    _tell_round(run, github, rfc, previous, posted[0].html_url)
    return True


def _next_version(run: Run, github: GitHub) -> Rfc:
    our_hands = hands.current()
    store = our_hands.store
    draft = _draft_of(run)
    previous = store.latest_rfc(run.target.repo.id, run.target.issue, not_by=run.id)
    rfc = document.publish(
        draft,
        version=1 if previous is None else previous.version + 1,
        base_commit=run.base_commit,
        repository_url=github.repository(run.target.repo).html_url,
        template=template_of(run),
    )
    past = report.forecast(store, run.target.repo.id, len(draft.tasks))
    words = comments.forecast_words(past.runs, past.tokens, past.seconds, past.dollars) if past is not None else ""
    note = comments.rfc_note(store.usage(run.id), len(draft.foreseen.files), len(draft.tasks), words)
    return replace(rfc, note=note)


def _draft_of(run: Run) -> RfcDraft:
    draft = hands.current().store.document(run.id, f"draft:{Assignment.RFC}", RfcDraft)
    assert draft is not None, "the conversation ended with an accepted draft"
    return draft


def _post(github: GitHub, target: Target, rfc: Rfc, previous: Rfc | None) -> tuple[Comment, ...]:
    """Let the comments that hold the RFC hold this version; those of the version before are used again."""
    held = previous.comment_ids if previous is not None else ()
    concerns = hands.current().store.concerns(target.repo.id, target.issue)
    bodies = comments.rfc_comments(rfc, concerns, pages_held=len(held))
    posted = []
    for number, body in enumerate(bodies, 1):
        marker = "rfc" if number == 1 else f"rfc:{number}"
        known = held[number - 1] if number <= len(held) else 0
        # An editor may have taken the marker away, so that the comment is known by its id first.
        if known and github.comment(target.repo, known) is not None:
            posted.append(github.edit_comment(target.repo, known, with_marker(body, marker)))
        else:
            posted.append(github.ensure_comment(target.repo, target.issue, marker, body))
    return tuple(posted)


def _tell_round(run: Run, github: GitHub, rfc: Rfc, previous: Rfc | None, url: str) -> None:
    """What this round brought: under a later version as a short reply, always in the run's own status."""
    store = hands.current().store
    draft = _draft_of(run)
    if previous is not None:
        open_ones = {c.number: c for c in store.concerns(run.target.repo.id, run.target.issue) if c.is_open}
        answered = [(open_ones[a.number], a) for a in draft.concerns if a.number in open_ones]
        text = comments.round_comment(
            rfc, previous, what_changed=draft.what_changed, replies=draft.replies, concerns=answered, url=url
        )
        github.ensure_comment(run.target.repo, run.target.issue, f"round:{rfc.version}", text)
    second_reader = comments.second_reader_note(critique_of(run.id, Assignment.RFC), draft.answers)
    done = comments.rfc_done_note(rfc, url)
    store.put_document(run.id, "note", "\n\n".join(part for part in (done, second_reader) if part))


def _has_unseen_edit(run: Run) -> bool:
    """Whether a version came, by hand, after the one that the author was shown; then the author goes on with what changed."""
    store = hands.current().store
    repository_id, issue = run.target.repo.id, run.target.issue
    latest = store.latest_rfc(repository_id, issue, not_by=run.id)
    seen = store.document(run.id, SEEN, int) or 0
    if latest is None or latest.version <= seen:
        return False
    before = store.rfc(repository_id, issue, seen)
    changed = difference(before.body if before is not None else "", latest.body)
    shown = quote(
        changed, what=f"what changed in the RFC up to version {latest.version}, by hand", author=latest.author
    )
    conversation.reopen(run.id, Assignment.RFC, transcript.edited_note(latest.version, shown))
    store.put_document(run.id, SEEN, latest.version)
    return True


# --- foreign hands ---------------------------------------------------------------------------------------------------


def adopt_edits(target: Target, editor: Actor | None = None) -> Rfc | None:
    """Make a version of what somebody wrote into the RFC's comments; None where they hold what was published last.

    `editor` is who it was, where that is known. Called inside steps, and again without harm.
    """
    store = hands.current().store
    latest = store.latest_rfc(target.repo.id, target.issue)
    if latest is None or not latest.comment_ids:
        return None
    github = hands.current().github.installation(target.repo.installation_id)
    found = [github.comment(target.repo, id) for id in latest.comment_ids]
    if any(comment is None for comment in found):
        return None  # deleted by hand: the next version is posted anew
    bodies = [comment.body for comment in found if comment is not None]
    body = pages.content(bodies)
    if not body or document.digest(body) in _own_digests(target):
        return None
    version = document.edited(latest, title=pages.title(bodies[0]), body=body, editor=editor)
    if version is None:
        return None
    edited_at = max(comment.updated_at for comment in found if comment is not None)
    adopted = replace(version, published_at=edited_at)
    store.publish_rfc(f"edit-{adopted.digest[:16]}", target, adopted)
    github.ensure_comment(
        target.repo, target.issue, f"round:{adopted.version}", comments.edited_comment(adopted, latest)
    )
    _post(github, target, adopted, latest)
    return adopted


def _own_digests(target: Target) -> set[str]:
    """What runs at work are about to publish or have just posted: not the work of foreign hands."""
    store = hands.current().store
    running = store.active_runs(target.repo.id, target.issue)
    planned = (store.document(run.id, PUBLISHING, Rfc) for run in running if run.kind is RunKind.RFC)
    return {rfc.digest for rfc in planned if rfc is not None}


def show(target: Target) -> Sequence[Concern]:
    """Bring the RFC's comment up to date with its concerns, without a new version; returns the concerns."""
    store = hands.current().store
    adopt_edits(target)
    latest = store.latest_rfc(target.repo.id, target.issue)
    if latest is not None and latest.comment_ids:
        github = hands.current().github.installation(target.repo.installation_id)
        _post(github, target, latest, latest)
    return store.concerns(target.repo.id, target.issue)


# --- what is built is what was agreed --------------------------------------------------------------------------------


@step("heed_rfc")
def heed_rfc(run_id: str) -> None:
    """Read the RFC's comment again: raises `Question` where it is no longer what this run was bound to."""
    store = hands.current().store
    run = store.run(run_id)
    if store.has_document(run_id, "pushed"):
        return
    adopt_edits(run.target)
    latest = store.latest_rfc(run.target.repo.id, run.target.issue)
    if latest is not None and latest.version > max(run.rfc_known, run.rfc_version):
        raise Question(*comments.rfc_changed_question(run.rfc_version, latest))


MOVED = "moved"
"""The name of the document with what the RFC cites and the base does not hold any more, a sentence each."""


@step("check_ground")
def check_ground(run_id: str) -> None:
    """Where the base has moved since the RFC was written: note which of its citations do not hold any more."""
    our_hands = hands.current()
    store = our_hands.store
    run = store.run(run_id)
    rfc = rfc_of(run)
    if rfc is None or store.has_document(run_id, MOVED):
        return
    moved = []
    for citation in rfc.citations if run.base_commit != rfc.base_commit else ():
        content = our_hands.git.read(run.target.repo.id, run.base_commit, citation.path)
        if content is None or (citation.quote and not citations.lines_with(citation.quote, content)):
            moved.append(
                citations.problem(citation, lambda path: our_hands.git.read(run.target.repo.id, run.base_commit, path))
            )
    store.put_document(run_id, MOVED, tuple(moved))


@step("trust_ground")
def trust_ground(run_id: str) -> None:
    """Raises `Question` where the base moved and the planner found that the design does not stand any more."""
    store = hands.current().store
    moved = store.document(run_id, MOVED, tuple[str, ...]) or ()
    plan = store.document(run_id, f"draft:{Assignment.PLAN}", PlanDraft)
    if moved and plan is not None and not plan.design_stands:
        raise Question(*comments.ground_moved_question(moved, plan.ground))
