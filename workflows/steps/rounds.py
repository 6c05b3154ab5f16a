"""Rounds of an RFC: requests, concerns, edits by hand, and which version `/implement` is bound to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches

from bot import comments
from bot.commands import parse_order
from bot.domain import (
    CommentEdited,
    Concern,
    IssueChanged,
    IssueState,
    IssueSubject,
    Message,
    MessageKind,
    Permission,
    Rfc,
    Run,
    RunKind,
    Target,
)
from bot.errors import UserError
from workflows import hands
from workflows.steps import design, keeping, parts
from workflows.steps.place import Place, answer, github_of, is_allowed, open_run

_WORD = re.compile(r"\w{3}")


def has_rfc(place: Place) -> bool:
    return hands.current().store.latest_rfc(place.repo.id, place.target.issue) is not None


def is_being_published(run: Run) -> bool:
    """Whether an RFC run hears nobody any more: its version is written."""
    return run.kind is RunKind.RFC and hands.current().store.has_document(run.id, design.PUBLISHING)


def quiet_seconds(run: Run) -> float:
    """How long a round waits for more to be said; a first draft waits for nothing."""
    our_hands = hands.current()
    rfc = our_hands.store.latest_rfc(run.target.repo.id, run.target.issue)
    if rfc is None:
        return 0.0
    configured = our_hands.known_config(run.target.repo.id, rfc.base_commit).quiet_seconds
    return our_hands.settings.quiet_seconds if configured is None else configured


# --- requests --------------------------------------------------------------------------------------------------------


def ask(place: Place, request: str, number: int, comment_id: int | None) -> Sequence[Run]:
    """`/rfc`: a draft, or a round; what comes while a round waits or is at work is taken into it."""
    word = request.split("\n")[0].strip().lower()
    if word == "split":
        return parts.split(place, number)
    if word == "file":
        parts.file(place, number)
        return []
    if place.pull_request is None and _is_empty(place, request):
        answer(place, comments.nothing_to_design_comment(place.sender), number)
        return []
    rounds = [run for run in _others(place, RunKind.RFC) if not is_being_published(run)]
    if rounds and request:
        permission = github_of(place.repo).permission(place.repo, place.sender.login)
        message = Message(f"{place.delivery_id}:{number}", MessageKind.STEER, place.sender, permission, request)
        hands.current().store.leave(rounds[0].id, message)
        answer(place, comments.taken_into_round_comment(place.sender), number)
        return []
    if rounds:
        answer(place, comments.already_running_comment(place.sender, rounds[0]), number)
        return []
    return [open_run(place, RunKind.RFC, request, comment_id=comment_id)]


def _others(place: Place, kind: RunKind) -> list[Run]:
    """Runs of this kind at work or waiting here, but for the one that this very delivery has opened."""
    running = hands.current().store.active_runs(place.repo.id, place.target.issue)
    return [run for run in running if run.kind is kind and run.delivery_id != place.delivery_id]


def _is_empty(place: Place, request: str) -> bool:
    """Whether there is no word in issue, request and comments; what a single word means, the model asks."""
    if request or has_rfc(place):
        return False
    github = github_of(place.repo)
    issue = github.issue(place.repo, place.target.issue)
    own = hands.current().github.bot_login
    said = [c.body for c in github.comments(place.repo, place.target.issue) if c.author.login != own]
    return not any(_WORD.search(re.sub(r"^\s*/\w+", "", text)) for text in (issue.title, issue.body, *said))


def rfc_edited(event: CommentEdited) -> None:
    """Somebody edited a comment of ours: if it holds the RFC, and they may, that is a version of theirs."""
    target = Target(event.repo, event.issue.number)
    rfc = hands.current().store.latest_rfc(event.repo.id, event.issue.number)
    if rfc is None or event.comment.id not in rfc.comment_ids:
        return
    if github_of(event.repo).permission(event.repo, event.sender.login) >= Permission.TRIAGE:
        design.adopt_edits(target, event.sender)


def issue_edited(delivery_id: str, event: IssueChanged) -> Sequence[Run]:
    """A maintainer changed the issue under an RFC: a round of its own, in their name, reads it as it is now."""
    target = Target(event.repo, event.issue.number)
    place = Place(event.repo, event.issue.number, target, event.sender, IssueSubject(target.issue), delivery_id)
    if not is_allowed(event.repo) or event.issue.state is not IssueState.OPEN or not has_rfc(place):
        return []
    if github_of(event.repo).permission(event.repo, event.sender.login) < Permission.TRIAGE:
        return []
    if _others(place, RunKind.RFC) or _others(place, RunKind.IMPLEMENT):
        return []
    return [open_run(place, RunKind.RFC, "The issue was edited. Read it as it is now, and follow what changed in it.")]


# --- concerns --------------------------------------------------------------------------------------------------------


def raise_concern(place: Place, title: str, number: int) -> None:
    """`/concern <title>`: it stands in the RFC and stops `/implement` until somebody resolves it."""
    title = " ".join(title.split("\n")[0].split())[:200]
    if not has_rfc(place):
        answer(place, comments.no_rfc_comment(place.sender), number)
    elif not title:
        answer(
            place,
            comments.user_error_comment(place.sender, "A concern needs a title.", "`/concern It is slow`"),
            number,
        )
    else:
        said_at = place.said_at or datetime.now(UTC)
        key = f"{place.delivery_id}:{number}"
        store = hands.current().store
        concern = store.raise_concern(place.repo.id, place.target.issue, title, place.sender, said_at, key)
        design.show(place.target)
        answer(place, comments.concern_raised_comment(place.sender, concern), number)


def resolve_concern(place: Place, wanted: str, number: int) -> None:
    """`/resolve <title or number>`; a title that is none of the open ones gets the nearest one named."""
    store = hands.current().store
    concerns = store.concerns(place.repo.id, place.target.issue)
    wanted = " ".join(wanted.split("\n")[0].split())
    concern = _find(concerns, wanted)
    if concern is None:
        error = _no_such_concern(concerns, wanted)
        answer(place, comments.user_error_comment(place.sender, error.message, error.hint), number)
        return
    said_at = place.said_at or datetime.now(UTC)
    concern = store.resolve_concern(place.repo.id, place.target.issue, concern.number, place.sender, said_at)
    left = [each for each in design.show(place.target) if each.is_open]
    answer(place, comments.concern_resolved_comment(place.sender, concern, left), number)


def _find(concerns: Sequence[Concern], wanted: str) -> Concern | None:
    for concern in concerns:
        if wanted.lstrip("#").lower() in (str(concern.number), concern.title.lower()):
            return concern
    return None


def _no_such_concern(concerns: Sequence[Concern], wanted: str) -> UserError:
    titles = [concern.title for concern in concerns if concern.is_open]
    if not titles:
        return UserError("There is no open concern here.", "")
    near = get_close_matches(wanted.lower(), [title.lower() for title in titles], n=1, cutoff=0.5)
    if near:
        title = next(title for title in titles if title.lower() == near[0])
        return UserError("There is no concern of that title.", f"Did you mean `/resolve {title}`?")
    listed = ", ".join(f"`{title}`" for title in titles)
    return UserError("There is no concern of that title.", f"Open are {listed}.")


# --- which version is built ------------------------------------------------------------------------------------------


def implement(place: Place, argument: str, number: int, comment_id: int | None) -> Sequence[Run]:
    """Bind a new run to the version that the person saw, or named; where that is in doubt, ask."""
    store = hands.current().store
    try:
        order = parse_order(argument)
    except UserError as error:
        answer(place, comments.user_error_comment(place.sender, error.message, error.hint), number)
        return []
    refusal = not_now(place)
    if refusal:
        answer(place, refusal, number)
        return []
    design.adopt_edits(place.target)
    latest = store.latest_rfc(place.repo.id, place.target.issue)
    if latest is None:
        drafts = _others(place, RunKind.RFC)
        draft = comments.already_running_comment(place.sender, drafts[0]) if drafts else ""
        answer(place, draft or comments.no_rfc_comment(place.sender), number)
        return []
    wanted = order.version
    rfc = _seen(place, latest) if wanted is None else store.rfc(place.repo.id, place.target.issue, wanted)
    question = _question(place, rfc, latest, wanted)
    if question or rfc is None:
        answer(place, question, number)
        return []
    run = open_run(
        place,
        RunKind.IMPLEMENT,
        order.hint,
        comment_id=comment_id,
        rfc_version=rfc.version,
        rfc_digest=rfc.digest,
        rfc_known=latest.version,
        is_paired=order.is_paired,
    )
    return [run, *parts.next_draft(place)]


def not_now(place: Place, *, goes_on: bool = False) -> str:
    """Why nothing can be started now: a run at work, or a pull request that is open already; empty where it can.

    What goes on with earlier work may finish the draft that the last run left, unless somebody has pushed onto it since.
    """
    store = hands.current().store
    running = at_work(place)
    if running:
        return comments.already_running_comment(place.sender, running[0])
    record = store.target(place.repo.id, place.target.issue)
    if record is not None and record.pull_request is not None:
        pull_request = github_of(place.repo).pull_request(place.repo, record.pull_request)
        if pull_request.state is IssueState.OPEN:
            last = store.last_of_kind(place.repo.id, place.target.issue, RunKind.IMPLEMENT, not_by=place.delivery_id)
            is_unfinished = last is not None and keeping.draft_of(last) == (pull_request.number, pull_request.head_sha)
            if is_unfinished and goes_on:
                return ""
            return comments.already_open_comment(place.sender, pull_request, is_unfinished=is_unfinished)
    return ""


def at_work(place: Place) -> list[Run]:
    """The runs that change code for this target, but the one that this delivery opened."""
    kinds = (RunKind.IMPLEMENT, RunKind.REVIEW, RunKind.CI, RunKind.UPDATE)
    return [run for kind in kinds for run in _others(place, kind)]


def _seen(place: Place, latest: Rfc) -> Rfc | None:
    """The last version that stood there when the person spoke, by GitHub's clock."""
    store = hands.current().store
    rfc: Rfc | None = latest
    while rfc is not None and place.said_at is not None and (rfc.published_at or place.said_at) > place.said_at:
        rfc = store.rfc(place.repo.id, place.target.issue, rfc.version - 1)
    return rfc


def _question(place: Place, rfc: Rfc | None, latest: Rfc, wanted: int | None) -> str:
    """What has to be settled first, in words for the person; empty where nothing has."""
    if rfc is None:
        return comments.no_such_version_comment(place.sender, wanted, latest)
    concerns = hands.current().store.concerns(place.repo.id, place.target.issue)
    open_ones = [concern for concern in concerns if concern.is_open]
    if open_ones:
        return comments.open_concerns_comment(place.sender, open_ones)
    if wanted is not None:
        return ""
    if latest.version != rfc.version:
        return comments.newer_version_comment(place.sender, rfc, latest)
    rounds = _others(place, RunKind.RFC)
    return comments.round_running_comment(place.sender, rounds[0], latest) if rounds else ""
