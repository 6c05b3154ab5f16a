"""What people say: commands, mentions, labels, reviews; who may say it, and what comes of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import assert_never

from bot import comments
from bot.commands import is_near_miss, parse_commands
from bot.domain import (
    Command,
    CommentCreated,
    CommentEdited,
    CommentSubject,
    IssueLabeled,
    IssueState,
    IssueSubject,
    KeptWork,
    LastChecks,
    Message,
    MessageKind,
    Permission,
    ReviewCommentCreated,
    ReviewCommentSubject,
    Run,
    RunKind,
    Target,
    Verb,
)
from bot.errors import UserError
from bot.workbench import LAST_CHECKS
from workflows import hands
from workflows.steps import budgets, lifecycle, pairing, retrying, reviewing, rounds, updating
from workflows.steps.place import (
    Place,
    answer,
    at,
    github_of,
    is_allowed,
    is_ours,
    leave_stop,
    place_at,
    place_of_pull_request,
    rouse,
)
from workflows.steps.records import KEPT

log = logging.getLogger("rfcsmith")

NEEDED = {
    Verb.HELP: Permission.NONE,
    Verb.STATUS: Permission.NONE,
    Verb.RFC: Permission.TRIAGE,
    Verb.CONCERN: Permission.TRIAGE,
    Verb.RESOLVE: Permission.TRIAGE,
    Verb.IMPLEMENT: Permission.WRITE,
    Verb.APPROVE: Permission.WRITE,
    Verb.RETRY: Permission.WRITE,
    Verb.UPDATE: Permission.WRITE,
    Verb.REMEMBER: Permission.WRITE,
    Verb.STOP: Permission.WRITE,
}


def labeled(delivery_id: str, event: IssueLabeled) -> Sequence[Run]:
    if event.label != comments.RFC_NEEDED or is_ours(event.sender) or not is_allowed(event.repo):
        return []
    target = Target(event.repo, event.issue.number)
    place = Place(event.repo, event.issue.number, target, event.sender, IssueSubject(target.issue), delivery_id)
    if event.issue.is_pull_request:
        return []
    return _obey(place, [Command(Verb.RFC)])


def commented(delivery_id: str, event: CommentCreated | CommentEdited, *, previous: str) -> Sequence[Run]:
    if is_ours(event.sender) or not is_allowed(event.repo):
        return []
    asked = parse_commands(event.comment.body, app_slug=hands.current().github.slug, previous=previous)
    if not asked:
        return []
    place = place_at(event.repo, event.issue.number, event.issue.is_pull_request, event.sender, delivery_id)
    if place is None:
        return []
    said_at = event.comment.updated_at if previous else event.comment.created_at
    place = at(place, CommentSubject(event.comment.id), event.issue.state is IssueState.OPEN, said_at)
    if event.issue.is_locked and not event.issue.is_pull_request:
        log.info("delivery %s: #%d is locked, so nothing can be answered there", delivery_id, event.issue.number)
        return []
    if _is_talk(asked):
        if place.pull_request is not None:
            return _talked(place, asked, event.comment.body)
        steered = _steered(place, event.comment.body)
        if steered is not None:
            return steered
        if rounds.has_rfc(place):
            asked = (Command(Verb.RFC, event.comment.body.strip()),)
    return _obey(place, asked, comment_id=event.comment.id)


def edited(delivery_id: str, event: CommentEdited) -> Sequence[Run]:
    """An edited comment: its author may have added a command; of our own RFC, a maintainer made a new version."""
    if is_ours(event.comment.author) and not is_ours(event.sender):
        if is_allowed(event.repo):
            rounds.rfc_edited(event)
        return []
    # Somebody else with write permission may edit a comment; that does not make its author say anything.
    is_own_edit = event.sender.login == event.comment.author.login
    return commented(delivery_id, event, previous=event.previous_body) if is_own_edit else []


def _is_talk(asked: Sequence[Command | UserError]) -> bool:
    """Whether we were spoken to in free words: neither with a command nor with what was probably meant for one."""
    return all(isinstance(item, UserError) and not is_near_miss(item) for item in asked)


def _steered(place: Place, text: str) -> Sequence[Run] | None:
    """Hand a mention in free words to the run at work; returns what is to go on, None where there is no run or they may not steer it."""
    our_hands = hands.current()
    running = our_hands.store.active_runs(place.repo.id, place.target.issue)
    if not running or rounds.is_being_published(running[0]):
        return None
    needed = Permission.TRIAGE if running[0].kind is RunKind.RFC else Permission.WRITE
    permission = github_of(place.repo).permission(place.repo, place.sender.login)
    if permission < needed:
        return None
    github_of(place.repo).react(place.repo, place.subject)
    message = Message(place.delivery_id, MessageKind.STEER, place.sender, permission, text)
    our_hands.store.leave(running[0].id, message)
    answer(place, comments.steering_comment(place.sender), 0)
    return rouse(running[0])


def _talked(place: Place, asked: Sequence[Command | UserError], text: str) -> Sequence[Run]:
    """Free words to us on our pull request: for the run at work, else a round of its own that answers what is open."""
    steered = _steered(place, text)
    if steered is not None:
        return steered
    github = github_of(place.repo)
    if not place.is_open or github.permission(place.repo, place.sender.login) < Permission.WRITE:
        return _obey(place, asked)
    github.react(place.repo, place.subject)
    return reviewing.start(place, request=text.strip())


def remarked(delivery_id: str, event: ReviewCommentCreated) -> Sequence[Run]:
    """A single inline remark: commands in it count; the review that it belongs to comes in a delivery of its own."""
    if is_ours(event.sender) or not is_allowed(event.repo):
        return []
    asked = parse_commands(event.comment.body, app_slug=hands.current().github.slug)
    place = place_of_pull_request(event.repo, event.pull_request, event.sender, delivery_id)
    if not asked or place is None:
        return []
    if _is_talk(asked):
        # The review that the remark belongs to is a round of its own.
        return []
    return _obey(at(place, ReviewCommentSubject(event.comment.id)), asked)


def _obey(place: Place, asked: Sequence[Command | UserError], comment_id: int | None = None) -> Sequence[Run]:
    """Carry out what was asked, as far as this person may; each gets a reaction at once and an answer in words."""
    github = github_of(place.repo)
    permission = github.permission(place.repo, place.sender.login)
    if all(isinstance(item, UserError) for item in asked) and permission < Permission.TRIAGE:
        return []
    github.react(place.repo, place.subject)
    runs: list[Run] = []
    for number, item in enumerate(asked):
        if isinstance(item, UserError):
            answer(place, comments.user_error_comment(place.sender, item.message, item.hint), number)
        elif permission < NEEDED[item.verb]:
            answer(place, comments.not_allowed_comment(place.sender, item.verb, NEEDED[item.verb]), number)
        else:
            runs += _carry_out(place, item, number, comment_id)
    # Two rules in one comment are one round.
    return list(dict.fromkeys(runs))


def _carry_out(place: Place, command: Command, number: int, comment_id: int | None) -> Sequence[Run]:
    match command.verb:
        case Verb.HELP:
            answer(place, comments.help_comment(hands.current().github.slug), number)
            return []
        case Verb.STATUS:
            answer(place, _status(place), number)
            return []
        case Verb.STOP:
            return _stop(place, number)
        case Verb.RFC | Verb.IMPLEMENT | Verb.RETRY if not place.is_open:
            closed = UserError("This issue is closed.", "Reopen it, and ask again.")
            answer(place, comments.user_error_comment(place.sender, closed.message, closed.hint), number)
            return []
        case Verb.RFC:
            return rounds.ask(place, command.argument, number, comment_id)
        case Verb.CONCERN:
            rounds.raise_concern(place, command.argument, number)
            return []
        case Verb.RESOLVE:
            rounds.resolve_concern(place, command.argument, number)
            return []
        case Verb.IMPLEMENT:
            return rounds.implement(place, command.argument, number, comment_id)
        case Verb.APPROVE:
            return pairing.approve(place, command.argument, number)
        case Verb.RETRY:
            return retrying.retry(place, command.argument, number, comment_id)
        case Verb.UPDATE:
            return updating.ask(place, number, comment_id)
        case Verb.REMEMBER:
            return reviewing.remember(place, command.argument, number)
        case _:
            assert_never(command.verb)


def _stop(place: Place, number: int) -> Sequence[Run]:
    running = hands.current().store.active_runs(place.repo.id, place.target.issue)
    if not running:
        answer(place, comments.nothing_running_comment(place.sender), number)
    woken = [each for run in running for each in leave_stop(run, place.sender, place.delivery_id)]
    if running:
        answer(place, comments.stopping_comment(place.sender, running[0]), number)
    return woken


def _status(place: Place) -> str:
    store = hands.current().store
    running = store.active_runs(place.repo.id, place.target.issue)
    if running:
        run = running[0]
        return comments.running_status_comment(
            run,
            store.plan(run.id),
            store.usage(run.id),
            checks=store.document(run.id, LAST_CHECKS, LastChecks),
            dollars=budgets.dollars(run.id),
            url=store.document(run.id, lifecycle.STATUS_URL, str) or "",
            note=pairing.note_of(run),
        )
    record = store.target(place.repo.id, place.target.issue)
    url = ""
    if record is not None and record.pull_request is not None:
        url = github_of(place.repo).pull_request(place.repo, record.pull_request).html_url
    last = store.last_run(place.repo.id, place.target.issue)
    kept = store.document(last.id, KEPT, KeptWork) if last is not None else None
    return comments.idle_status_comment(last, store.latest_rfc(place.repo.id, place.target.issue), url, kept)
