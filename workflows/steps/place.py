"""Where somebody spoke, and what every part of the reception needs: GitHub, an answer, a run that is opened."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.domain import (
    Actor,
    IssueSubject,
    Message,
    MessageKind,
    Permission,
    PullRequest,
    Repo,
    Run,
    RunKind,
    Stage,
    Subject,
    Target,
)
from bot.github.client import GitHub
from bot.github.markers import marker_of
from bot.repository import RepositoryConfig
from workflows import hands
from workflows.engine import wake_run
from workflows.steps import lifecycle

log = logging.getLogger("rfcsmith")


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody spoke: `number` is the conversation's own, `target` the issue that work belongs to."""

    repo: Repo
    number: int
    target: Target
    sender: Actor
    subject: Subject
    delivery_id: str
    pull_request: int | None = None
    is_open: bool = True
    said_at: datetime | None = None


def github_of(repo: Repo) -> GitHub:
    return hands.current().github.installation(repo.installation_id)


def is_ours(actor: Actor) -> bool:
    return actor.login == hands.current().github.bot_login


def is_allowed(repo: Repo) -> bool:
    allowed = hands.current().settings.allowed_owners
    if allowed is None or repo.owner.lower() in allowed:
        return True
    log.info("ignored: %s is not among RFCSMITH_ALLOWED_OWNERS", repo.owner)
    return False


def may_review(repo: Repo, author: Actor, config: RepositoryConfig) -> bool:
    """Whether a review of this author counts: of people who may write, and of bots that the repository names."""
    if is_ours(author):
        return False
    if author.is_bot:
        return author.login in config.review_bots
    return github_of(repo).permission(repo, author.login) >= Permission.WRITE


def answer(place: Place, body: str, number: int) -> None:
    github_of(place.repo).ensure_comment(place.repo, place.number, f"answer:{place.delivery_id}:{number}", body)


def open_run(place: Place, kind: RunKind, request: str, *, joins: str = "", **fields: Any) -> Run:
    """The delivery's run; with `joins`, one of another delivery that waits there without that document."""
    run = Run("", kind, place.target, 0, place.delivery_id, place.sender, request, **fields)
    return hands.current().store.open_run(run, joins=joins)


def order_of(run: Run, delay: float = 0.0) -> dict[str, Any]:
    """The run as the workflow that enqueues it wants it: from its beginning, or where it goes on; `delay` is in seconds."""
    store = hands.current().store
    return {
        "kind": run.kind.value,
        "id": run.id,
        "segment": store.document(run.id, lifecycle.NEXT_SEGMENT, int) or 1,
        "partition": run.target.key,
        "priority": store.priority(run.id),
        "delay": delay,
    }


def at(place: Place, subject: Subject, is_open: bool = True, said_at: datetime | None = None) -> Place:
    """The place of one thing that was said there; a pull request's conversation goes on whatever its issue does."""
    is_open = is_open or place.pull_request is not None
    return replace(place, subject=subject, is_open=is_open, said_at=said_at)


def place_at(repo: Repo, number: int, is_pull_request: bool, sender: Actor, delivery_id: str) -> Place | None:
    """Where the comment stands; None on a pull request that is not the bot's."""
    if not is_pull_request:
        return Place(repo, number, Target(repo, number), sender, IssueSubject(number), delivery_id)
    return place_of_pull_request(repo, github_of(repo).pull_request(repo, number), sender, delivery_id)


def place_of_pull_request(repo: Repo, pull_request: PullRequest, sender: Actor, delivery_id: str) -> Place | None:
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
    return Place(repo, pull_request.number, target, sender, subject, delivery_id, pull_request.number)


def rouse(run: Run) -> Sequence[Run]:
    """The run, to be enqueued, if it waits for people; whoever calls has left before what it is to go on with."""
    run = hands.current().store.run(run.id)
    return [run] if run.stage is Stage.WAITING else []


def leave_stop(run: Run, actor: Actor, delivery_id: str, why: str = "") -> Sequence[Run]:
    """Let the run stop, which is returned if it has to be enqueued for that; `why` is told in the end where nobody asked in words."""
    message = Message(f"{delivery_id}:{run.id}", MessageKind.STOP, actor, Permission.WRITE, why)
    store = hands.current().store
    store.leave(run.id, message)
    segment = store.document(run.id, lifecycle.NEXT_SEGMENT, int)
    if segment is not None:
        wake_run(run.id, segment)
    return rouse(run)
