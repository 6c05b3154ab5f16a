"""What one delivery comes to: a run that is opened, a message for the one at work, an answer in words, or nothing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from bot import comments, webhook
from bot.commands import is_mentioned, parse_commands
from bot.domain import (
    Actor,
    CiCompleted,
    Command,
    CommentCreated,
    CommentEdited,
    CommentSubject,
    Event,
    InstallationChanged,
    IssueChanged,
    IssueLabeled,
    IssueState,
    IssueSubject,
    Message,
    MessageKind,
    Permission,
    Ping,
    PullRequest,
    PullRequestChanged,
    Repo,
    RepositoriesChanged,
    ReviewCommentCreated,
    ReviewCommentSubject,
    ReviewState,
    ReviewSubject,
    ReviewSubmitted,
    Run,
    RunKind,
    Subject,
    Target,
    Verb,
)
from bot.errors import UserError
from bot.github.client import GitHub
from bot.github.markers import marker_of
from workflows import hands
from workflows.engine import step, wake_run
from workflows.steps import lifecycle

log = logging.getLogger("rfcsmith")

NEEDED = {
    Verb.HELP: Permission.NONE,
    Verb.STATUS: Permission.NONE,
    Verb.RFC: Permission.TRIAGE,
    Verb.IMPLEMENT: Permission.WRITE,
    Verb.STOP: Permission.WRITE,
}
REVIEW_DELAY = 3.0
"""Seconds between a submitted review and its run: its inline remarks arrive in any order, and are read again anyway."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where somebody spoke: `number` is the conversation's own, `target` the issue that work belongs to."""

    repo: Repo
    number: int
    target: Target
    sender: Actor
    subject: Subject
    delivery_id: str
    pull_request: int | None = None
    is_open: bool = True


@step("receive")
def receive(delivery_id: str) -> list[dict[str, Any]]:
    """Handle a delivery; returns the runs to enqueue. Repeating it changes nothing: every effect is looked for first."""
    our_hands = hands.current()
    headers, body = our_hands.store.delivery(delivery_id)
    event = webhook.parse(headers, body).event
    runs = [] if event is None else _handle(delivery_id, event)
    our_hands.store.handled(delivery_id, ", ".join(run.id for run in runs) or "no run")
    return [
        {
            "id": run.id,
            "kind": run.kind.value,
            "partition": run.target.key,
            "priority": our_hands.store.priority(run.id),
            "delay": REVIEW_DELAY if run.kind is RunKind.REVIEW else 0.0,
        }
        for run in runs
    ]


@step("apologise")
def apologise(delivery_id: str, error: str) -> None:
    """A delivery could not be handled: note it, and where somebody commanded, say so in one neutral sentence."""
    log.error("delivery %s broke: %s", delivery_id, error)
    hands.current().store.handled(delivery_id, "broken")
    _reply(delivery_id, comments.bug_note(delivery_id))


@step("explain")
def explain(delivery_id: str, message: str, hint: str) -> None:
    """A delivery cannot be handled for a reason that a human can mend: note it, and where somebody commanded, tell it."""
    log.warning("delivery %s cannot be handled: %s %s", delivery_id, message, hint)
    hands.current().store.handled(delivery_id, "refused")
    _reply(delivery_id, comments.failed_note(message, hint))


def _reply(delivery_id: str, text: str) -> None:
    """Answer the comment that a delivery is about, if it holds a command, and if there still is a way to answer."""
    our_hands = hands.current()
    headers, body = our_hands.store.delivery(delivery_id)
    event = webhook.parse(headers, body).event
    if not isinstance(event, CommentCreated) or _is_ours(event.sender):
        return
    if not parse_commands(event.comment.body, app_slug=our_hands.github.slug):
        return
    number = event.issue.number
    place = _Place(event.repo, number, Target(event.repo, number), event.sender, IssueSubject(number), delivery_id)
    try:
        _answer(place, text, 0)
    except UserError as error:
        log.warning("delivery %s: nobody can be told: %s", delivery_id, error)


def _handle(delivery_id: str, event: Event) -> Sequence[Run]:
    match event:
        case IssueLabeled():
            return _labeled(delivery_id, event)
        case CommentCreated():
            return _commented(delivery_id, event, previous="")
        case CommentEdited():
            # Somebody else with write permission may edit a comment; that does not make its author say anything.
            is_own_edit = event.sender.login == event.comment.author.login
            return _commented(delivery_id, event, previous=event.previous_body) if is_own_edit else []
        case ReviewSubmitted():
            return _reviewed(delivery_id, event)
        case ReviewCommentCreated():
            return _remarked(delivery_id, event)
        case IssueChanged():
            return _issue_changed(delivery_id, event)
        case PullRequestChanged():
            return _pull_request_changed(delivery_id, event)
        case InstallationChanged():
            return _installation_changed(delivery_id, event)
        case RepositoriesChanged():
            return _repositories_removed(delivery_id, event)
        case CiCompleted() | Ping():
            return []
        case _:
            assert_never(event)


# --- people speak ----------------------------------------------------------------------------------------------------


def _labeled(delivery_id: str, event: IssueLabeled) -> Sequence[Run]:
    if event.label != comments.RFC_NEEDED or _is_ours(event.sender) or not _is_allowed(event.repo):
        return []
    target = Target(event.repo, event.issue.number)
    place = _Place(event.repo, event.issue.number, target, event.sender, IssueSubject(target.issue), delivery_id)
    if event.issue.is_pull_request:
        return []
    return _obey(place, [Command(Verb.RFC)])


def _commented(delivery_id: str, event: CommentCreated | CommentEdited, *, previous: str) -> Sequence[Run]:
    if _is_ours(event.sender) or not _is_allowed(event.repo):
        return []
    asked = parse_commands(event.comment.body, app_slug=hands.current().github.slug, previous=previous)
    if not asked:
        return []
    place = _place(event.repo, event.issue.number, event.issue.is_pull_request, event.sender, delivery_id)
    if place is None:
        return []
    subject = CommentSubject(event.comment.id)
    place = _with(place, subject, event.issue.state is IssueState.OPEN)
    if _steers(place, asked, event.comment.body):
        return []
    return _obey(place, asked, comment_id=event.comment.id)


def _steers(place: _Place, asked: Sequence[Command | UserError], text: str) -> bool:
    """Hand a mention that is no command to the run at work, if there is one and this person may steer it."""
    our_hands = hands.current()
    is_talk = all(isinstance(item, UserError) for item in asked) and is_mentioned(text, our_hands.github.slug)
    running = our_hands.store.active_runs(place.repo.id, place.target.issue) if is_talk else ()
    if not running:
        return False
    permission = _github(place.repo).permission(place.repo, place.sender.login)
    if permission < Permission.WRITE:
        return False
    _github(place.repo).react(place.repo, place.subject)
    message = Message(place.delivery_id, MessageKind.STEER, place.sender, permission, text)
    our_hands.store.leave(running[0].id, message)
    _answer(place, comments.steering_comment(place.sender), 0)
    return True


def _remarked(delivery_id: str, event: ReviewCommentCreated) -> Sequence[Run]:
    """A single inline remark: commands in it count; the review that it belongs to comes in a delivery of its own."""
    if _is_ours(event.sender) or not _is_allowed(event.repo):
        return []
    asked = parse_commands(event.comment.body, app_slug=hands.current().github.slug)
    place = _place_of_pull_request(event.repo, event.pull_request, event.sender, delivery_id)
    if not asked or place is None:
        return []
    return _obey(_with(place, ReviewCommentSubject(event.comment.id)), asked)


def _reviewed(delivery_id: str, event: ReviewSubmitted) -> Sequence[Run]:
    """A review with requests, or with remarks, by somebody who may write, starts a round without any mention."""
    if _is_ours(event.sender) or event.sender.is_bot or not _is_allowed(event.repo):
        return []
    place = _place_of_pull_request(event.repo, event.pull_request, event.sender, delivery_id)
    if place is None or event.pull_request.state is not IssueState.OPEN:
        return []
    if event.review.state not in (ReviewState.CHANGES_REQUESTED, ReviewState.COMMENTED):
        return []
    github = _github(event.repo)
    if github.permission(event.repo, event.sender.login) < Permission.WRITE:
        return []
    if not event.review.body.strip() and not _has_new_thread(github, event):
        return []
    github.react(event.repo, ReviewSubject(event.pull_request.number, event.review.id))
    return [_open(place, RunKind.REVIEW, "", review_id=event.review.id, pull_request=place.pull_request)]


def _has_new_thread(github: GitHub, event: ReviewSubmitted) -> bool:
    """Whether the review opened a thread: a mere reply also arrives as a review, and is talk until it mentions us."""
    return any(
        thread.comments and thread.comments[0].review_id == event.review.id
        for thread in github.review_threads(event.repo, event.pull_request.number)
    )


def _obey(place: _Place, asked: Sequence[Command | UserError], comment_id: int | None = None) -> Sequence[Run]:
    """Carry out what was asked, as far as this person may; each gets a reaction at once and an answer in words."""
    github = _github(place.repo)
    permission = github.permission(place.repo, place.sender.login)
    if all(isinstance(item, UserError) for item in asked) and permission < Permission.TRIAGE:
        return []
    github.react(place.repo, place.subject)
    runs: list[Run] = []
    for number, item in enumerate(asked):
        if isinstance(item, UserError):
            _answer(place, comments.user_error_comment(place.sender, item.message, item.hint), number)
        elif permission < NEEDED[item.verb]:
            _answer(place, comments.not_allowed_comment(place.sender, item.verb, NEEDED[item.verb]), number)
        else:
            runs += _carry_out(place, item, number, comment_id)
    return runs


def _carry_out(place: _Place, command: Command, number: int, comment_id: int | None) -> Sequence[Run]:
    store = hands.current().store
    match command.verb:
        case Verb.HELP:
            _answer(place, comments.help_comment(hands.current().github.slug), number)
            return []
        case Verb.STATUS:
            _answer(place, _status(place), number)
            return []
        case Verb.STOP:
            return _stop(place, number)
        case Verb.RFC | Verb.IMPLEMENT if not place.is_open:
            closed = UserError("This issue is closed.", "Reopen it, and ask again.")
            _answer(place, comments.user_error_comment(place.sender, closed.message, closed.hint), number)
            return []
        case Verb.RFC:
            return [_open(place, RunKind.RFC, command.argument, comment_id=comment_id)]
        case Verb.IMPLEMENT:
            own = f"{RunKind.IMPLEMENT}:{place.delivery_id}"
            running = [
                run
                for run in store.active_runs(place.repo.id, place.target.issue)
                if f"{run.kind}:{run.delivery_id}" != own
            ]
            if running:
                _answer(place, comments.already_running_comment(place.sender, running[0]), number)
                return []
            return _implement(place, command, number, comment_id)
        case _:
            assert_never(command.verb)


def _implement(place: _Place, command: Command, number: int, comment_id: int | None) -> Sequence[Run]:
    """Bind a new run to the newest RFC, unless there is none or its pull request is open already."""
    store = hands.current().store
    rfc = store.latest_rfc(place.repo.id, place.target.issue)
    if rfc is None:
        _answer(place, comments.no_rfc_comment(place.sender), number)
        return []
    record = store.target(place.repo.id, place.target.issue)
    if record is not None and record.pull_request is not None:
        pull_request = _github(place.repo).pull_request(place.repo, record.pull_request)
        if pull_request.state is IssueState.OPEN:
            _answer(place, comments.already_open_comment(place.sender, pull_request), number)
            return []
    run = _open(
        place,
        RunKind.IMPLEMENT,
        command.argument,
        comment_id=comment_id,
        rfc_version=rfc.version,
        rfc_digest=rfc.digest,
    )
    return [run]


def _stop(place: _Place, number: int) -> Sequence[Run]:
    running = hands.current().store.active_runs(place.repo.id, place.target.issue)
    if not running:
        _answer(place, comments.nothing_running_comment(place.sender), number)
    for run in running:
        _leave_stop(run, place.sender, place.delivery_id)
    if running:
        _answer(place, comments.stopping_comment(place.sender, running[0]), number)
    return []


def _leave_stop(run: Run, actor: Actor, delivery_id: str) -> None:
    message = Message(f"{delivery_id}:{run.id}", MessageKind.STOP, actor, Permission.WRITE, "")
    store = hands.current().store
    store.leave(run.id, message)
    segment = store.document(run.id, lifecycle.NEXT_SEGMENT, int)
    if segment is not None:
        wake_run(run.id, segment)


def _status(place: _Place) -> str:
    store = hands.current().store
    running = store.active_runs(place.repo.id, place.target.issue)
    if running:
        return comments.running_status_comment(running[0], store.plan(running[0].id), store.usage(running[0].id))
    record = store.target(place.repo.id, place.target.issue)
    url = ""
    if record is not None and record.pull_request is not None:
        url = _github(place.repo).pull_request(place.repo, record.pull_request).html_url
    last = store.last_run(place.repo.id, place.target.issue)
    return comments.idle_status_comment(last, store.latest_rfc(place.repo.id, place.target.issue), url)


# --- the world changes -----------------------------------------------------------------------------------------------


def _issue_changed(delivery_id: str, event: IssueChanged) -> Sequence[Run]:
    """Closing, deleting or moving the issue ends what is at work on it; so does taking the label off a draft."""
    store = hands.current().store
    if _is_ours(event.sender) or event.issue.is_pull_request:
        return []
    for run in store.active_runs(event.repo.id, event.issue.number):
        is_end = event.action in ("closed", "deleted", "transferred")
        is_unlabeled = event.action == "unlabeled" and event.label == comments.RFC_NEEDED and run.kind is RunKind.RFC
        if is_end or is_unlabeled:
            _leave_stop(run, event.sender, delivery_id)
    return []


def _pull_request_changed(delivery_id: str, event: PullRequestChanged) -> Sequence[Run]:
    store = hands.current().store
    if _is_ours(event.sender) or event.action != "closed":
        return []
    record = store.target_of_pull_request(event.repo.id, event.pull_request.number)
    if record is not None:
        for run in store.active_runs(event.repo.id, record.target.issue):
            if run.kind is RunKind.REVIEW:
                _leave_stop(run, event.sender, delivery_id)
    return []


def _installation_changed(delivery_id: str, event: InstallationChanged) -> Sequence[Run]:
    if event.action in ("deleted", "suspend"):
        runs = hands.current().store.runs_of_installation(event.installation_id)
        finish = _forget if event.action == "deleted" else _end
        finish(runs, event.sender, delivery_id)
    return []


def _repositories_removed(delivery_id: str, event: RepositoriesChanged) -> Sequence[Run]:
    removed = {repo.id for repo in event.removed}
    store = hands.current().store
    runs = [run for run in store.runs_of_installation(event.installation_id) if run.target.repo.id in removed]
    _forget(runs, event.sender, delivery_id)
    return []


def _end(runs: Sequence[Run], actor: Actor, delivery_id: str) -> None:
    for run in runs:
        if not run.stage.is_final:
            _leave_stop(run, actor, delivery_id)


def _forget(runs: Sequence[Run], actor: Actor, delivery_id: str) -> None:
    """Delete what was kept for repositories that took the App away; a run at work is stopped, and forgotten at its end."""
    store = hands.current().store
    for run in runs:
        if not run.stage.is_final:
            # In this order: whoever stops must find that nothing of it is to be kept.
            store.put_document(run.id, lifecycle.FORGET, True)
    _end(runs, actor, delivery_id)
    for run in runs:
        lifecycle.forget(run.id)


# --- common to all ---------------------------------------------------------------------------------------------------


def _github(repo: Repo) -> GitHub:
    return hands.current().github.installation(repo.installation_id)


def _is_ours(actor: Actor) -> bool:
    return actor.login == hands.current().github.bot_login


def _is_allowed(repo: Repo) -> bool:
    allowed = hands.current().settings.allowed_owners
    if allowed is None or repo.owner.lower() in allowed:
        return True
    log.info("ignored: %s is not among RFCSMITH_ALLOWED_OWNERS", repo.owner)
    return False


def _answer(place: _Place, body: str, number: int) -> None:
    _github(place.repo).ensure_comment(place.repo, place.number, f"answer:{place.delivery_id}:{number}", body)


def _open(place: _Place, kind: RunKind, request: str, **fields: Any) -> Run:
    run = Run("", kind, place.target, 0, place.delivery_id, place.sender, request, **fields)
    return hands.current().store.open_run(run)


def _with(place: _Place, subject: Subject, is_open: bool = True) -> _Place:
    return _Place(
        place.repo,
        place.number,
        place.target,
        place.sender,
        subject,
        place.delivery_id,
        place.pull_request,
        is_open or place.pull_request is not None,
    )


def _place(repo: Repo, number: int, is_pull_request: bool, sender: Actor, delivery_id: str) -> _Place | None:
    """Where the comment stands; None on a pull request that is not the bot's."""
    if not is_pull_request:
        return _Place(repo, number, Target(repo, number), sender, IssueSubject(number), delivery_id)
    return _place_of_pull_request(repo, _github(repo).pull_request(repo, number), sender, delivery_id)


def _place_of_pull_request(repo: Repo, pull_request: PullRequest, sender: Actor, delivery_id: str) -> _Place | None:
    """The bot's own pull requests belong to the issue in the store, else to the one that the bot's own marker names."""
    our_hands = hands.current()
    record = our_hands.store.target_of_pull_request(repo.id, pull_request.number)
    issue = record.target.issue if record is not None else 0
    if not issue:
        marker = marker_of(pull_request.body) or ""
        is_own = pull_request.author.login == our_hands.github.bot_login and pull_request.head_repository_id == repo.id
        if not (is_own and marker.startswith("issue:") and marker[6:].isdigit()):
            return None
        issue = int(marker[6:])
        our_hands.store.bind(Target(repo, issue), branch=pull_request.head_ref, pull_request=pull_request.number)
    target = Target(repo, issue)
    subject = IssueSubject(pull_request.number)
    return _Place(repo, pull_request.number, target, sender, subject, delivery_id, pull_request.number)
