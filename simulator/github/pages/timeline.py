"""The conversation of an issue or pull request in the order in which it happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulator.github import views_pulls
from simulator.github.git import Commit
from simulator.github.state import Comment, Issue, Moment, PullRequest, Review, ReviewComment, Thread, User

SENTENCES = {
    "closed": "closed this",
    "reopened": "reopened this",
    "merged": "merged this pull request",
    "locked": "locked this conversation",
    "unlocked": "unlocked this conversation",
    "ready_for_review": "marked this as ready for review",
    "convert_to_draft": "turned this into a draft",
    "review_dismissed": "dismissed a review",
    "base_ref_changed": "changed the base branch",
}
ICONS = {
    "closed": "done",
    "reopened": "issue",
    "merged": "merge",
    "labeled": "label",
    "unlabeled": "label",
    "renamed": "pencil",
    "review_requested": "eye",
    "ready_for_review": "eye",
    "convert_to_draft": "pull",
}


@dataclass(frozen=True)
class Item:
    """One entry: `kind` is `comment`, `review`, `moment`, `labels` or `commits`."""

    kind: str
    at: datetime
    order: int
    actor: User
    thing: Any = None
    text: str = ""
    icon: str = ""
    added: tuple[Any, ...] = ()
    removed: tuple[Any, ...] = ()
    commits: tuple[Commit, ...] = ()
    threads: tuple[ThreadView, ...] = field(default=())


@dataclass(frozen=True)
class ThreadView:
    """An inline conversation as shown: with the state it has now."""

    thread: Thread
    comments: tuple[ReviewComment, ...]
    line: int | None
    is_outdated: bool


def thread_view(thread: Thread) -> ThreadView:
    outdated = views_pulls.is_outdated(thread)
    line = views_pulls.current_line(thread, thread.line)
    return ThreadView(thread, tuple(thread.comments), line if line is not None else thread.line, outdated)


def timeline(issue: Issue) -> list[Item]:
    """Everything that happened, oldest first; neighbouring labels of one person are told together."""
    items = [_comment(comment) for comment in issue.comments]
    items += [_moment(issue, moment) for moment in issue.moments]
    if issue.pull_request:
        items += _opening_commits(issue.pull_request)
        items += [item for review in issue.pull_request.reviews if (item := _review(review))]
    items.sort(key=lambda item: (item.at, item.order))
    return _together(items)


def _comment(comment: Comment) -> Item:
    return Item("comment", comment.created_at, comment.id, comment.author, comment)


def _review(review: Review) -> Item | None:
    """A review; one that only carries replies is shown in the threads it replied to."""
    started = [
        thread for thread in review.pull_request.threads if thread.comments and thread.comments[0].review is review
    ]
    if review.submitted_at is None or (not review.body and not started and review.state == "COMMENTED"):
        return None
    threads = tuple(thread_view(thread) for thread in started)
    return Item("review", review.submitted_at, review.id, review.author, review, threads=threads)


def _opening_commits(pull_request: PullRequest) -> list[Item]:
    """The commits with which it was opened: those that no later push brought."""
    git = pull_request.repository.git
    pushes = [moment for moment in pull_request.issue.moments if moment.kind in ("pushed", "head_ref_force_pushed")]
    first = pushes[0].details["old"] if pushes else pull_request.head_sha
    base = git.merge_base(pull_request.base_sha, first) or pull_request.base_sha
    shas = tuple(reversed(git.history(first, f"^{base}", limit=50)))
    if not shas:
        return []
    issue = pull_request.issue
    return [
        Item(
            "commits",
            issue.created_at,
            issue.id,
            issue.author,
            commits=tuple(git.commit(sha) for sha in shas),
            icon="push",
        )
    ]


def _moment(issue: Issue, moment: Moment) -> Item:
    details = moment.details
    if moment.kind in ("labeled", "unlabeled"):
        label = (details["label"],)
        added, removed = (label, ()) if moment.kind == "labeled" else ((), label)
        return Item("labels", moment.at, moment.id, moment.actor, added=added, removed=removed, icon=ICONS[moment.kind])
    if moment.kind in ("pushed", "head_ref_force_pushed"):
        git = issue.repository.git
        shas = tuple(reversed(git.history(details["new"], f"^{details['old']}", limit=50)))
        forced = "force-pushed the branch" if moment.kind == "head_ref_force_pushed" else ""
        return Item(
            "commits",
            moment.at,
            moment.id,
            moment.actor,
            commits=tuple(git.commit(sha) for sha in shas),
            text=forced,
            icon="push",
        )
    return Item(
        "moment", moment.at, moment.id, moment.actor, moment, text=_sentence(moment), icon=ICONS.get(moment.kind, "")
    )


def _sentence(moment: Moment) -> str:
    details = moment.details
    if moment.kind == "renamed":
        return f"changed the title from “{details['from']}” to “{details['to']}”"
    if moment.kind in ("review_requested", "review_request_removed"):
        verb = "asked" if moment.kind == "review_requested" else "no longer asks"
        return f"{verb} {details['reviewer'].login} for a review"
    if moment.kind in ("assigned", "unassigned"):
        return f"{moment.kind} {details['assignee'].login}"
    return SENTENCES.get(moment.kind, moment.kind.replace("_", " "))


def _together(items: list[Item]) -> list[Item]:
    joined: list[Item] = []
    for item in items:
        last = joined[-1] if joined else None
        near = last is not None and last.actor is item.actor and (item.at - last.at).total_seconds() < 60
        if last is not None and near and item.kind == last.kind == "labels":
            joined[-1] = Item(
                "labels",
                last.at,
                last.order,
                last.actor,
                added=(*last.added, *item.added),
                removed=(*last.removed, *item.removed),
                icon=ICONS["labeled"],
            )
        else:
            joined.append(item)
    return joined
