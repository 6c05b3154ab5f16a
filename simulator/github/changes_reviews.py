"""What can happen to reviews, their inline comments and threads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from simulator.github import views_pulls
from simulator.github.changes_pulls import PullChanges
from simulator.github.patches import Line, patch_lines
from simulator.github.refusals import Refusal, custom, is_too_long, too_long, unprocessable
from simulator.github.state import PullRequest, Review, ReviewComment, Thread, User

STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
OUTSIDE = "Pull request review thread line must be part of the diff"


class ReviewChanges(PullChanges):
    """Changes of reviews."""

    def review(
        self,
        pull_request: PullRequest,
        author: User,
        *,
        event: str | None,
        body: str | None = None,
        comments: Iterable[Mapping[str, Any]] = (),
        commit: str | None = None,
    ) -> Review:
        """A review with all its inline comments; `event` None keeps it pending. One bad comment refuses it whole."""
        drafts = [dict(comment) for comment in comments]
        for draft in drafts:
            self._anchor(pull_request, draft)
        self._refuse_review(pull_request, author, event, body, drafts)
        if any(each.state == "PENDING" and each.author is author for each in pull_request.reviews):
            raise unprocessable("User can only have one pending review per pull request")
        review = Review(
            **self.written(author, body),
            pull_request=pull_request,
            state="PENDING",
            commit=commit or pull_request.head_sha,
            submitted_at=None,
            drafts=drafts,
        )
        pull_request.reviews.append(review)
        if event:
            self.submit(review, event)
        return review

    def _refuse_review(
        self, pull_request: PullRequest, author: User, event: str | None, body: str | None, drafts: list[dict[str, Any]]
    ) -> None:
        self.refuse_archived(pull_request.repository)
        self.refuse_locked(pull_request.issue, author)
        if is_too_long(body):
            raise too_long("PullRequestReview")
        if event in ("APPROVE", "REQUEST_CHANGES") and author is pull_request.issue.author:
            what = "approve" if event == "APPROVE" else "request changes on"
            raise Refusal(422, "Unprocessable Entity", [f"Can not {what} your own pull request"])
        if event == "REQUEST_CHANGES" and not (body or drafts) or event == "COMMENT" and not (body or drafts):
            raise Refusal(422, "Unprocessable Entity", ["Review must have a body or comments"])

    def submit(self, review: Review, event: str, body: str | None = None) -> None:
        """Publishes a review: one `submitted` and one `created` for each inline comment."""
        pull_request = review.pull_request
        review.state = STATES[event]
        review.body = review.body if body is None else body
        review.submitted_at = self.world.now()
        comments = [self._add_comment(review, draft) for draft in review.drafts]
        review.drafts = []
        if review.author in pull_request.requested_reviewers:
            pull_request.requested_reviewers.remove(review.author)
        self.touch(pull_request.issue)
        self.events.review("submitted", review.author, review)
        for comment in comments:
            self.events.review_comment("created", review.author, comment)

    def edit_review(self, review: Review, actor: User, body: str) -> None:
        old, review.body = review.body, body
        self.touch(review)
        self.events.review("edited", actor, review, changes={"body": {"from": old}})

    def dismiss(self, review: Review, actor: User) -> None:
        review.state = "DISMISSED"
        self.add_moment(review.pull_request.issue, "review_dismissed", actor)
        self.events.review("dismissed", actor, review)

    # --- inline comments ---------------------------------------------------------------------------------------------

    def _anchor(self, pull_request: PullRequest, draft: dict[str, Any]) -> tuple[str, int | None]:
        """The piece of the difference above the commented line, and GitHub's old `position` of it."""
        if is_too_long(draft.get("body")) or not (draft.get("body") or "").strip():
            raise Refusal(422, "Unprocessable Entity", ["Body is invalid"])
        file = next((each for each in views_pulls.files(pull_request) if each.path == draft["path"]), None)
        if file is None:
            raise Refusal(422, "Unprocessable Entity", ["Path could not be resolved"])
        if draft.get("subject_type") == "file":
            return "", None
        lines = patch_lines(file.patch)
        if "position" in draft and "line" not in draft:
            self._resolve_position(draft, lines)
        side = draft.setdefault("side", "RIGHT")
        for wanted in (draft.get("start_line"), draft.get("line")):
            if wanted is not None and not any(_is_at(line, side, wanted) for line in lines):
                raise Refusal(422, "Unprocessable Entity", [OUTSIDE])
        if draft.get("line") is None:
            raise Refusal(422, "Unprocessable Entity", [OUTSIDE])
        return _hunk(lines, side, draft["line"])

    def _resolve_position(self, draft: dict[str, Any], lines: tuple[Line, ...]) -> None:
        """`position` counts the lines below the first hunk's head."""
        position = draft["position"]
        if not 0 < position < len(lines) or lines[position].kind == "@":
            raise Refusal(422, "Unprocessable Entity", ["Position could not be resolved"])
        line = lines[position]
        draft["side"] = "LEFT" if line.kind == "-" else "RIGHT"
        draft["line"] = line.old if line.kind == "-" else line.new

    def _add_comment(self, review: Review, draft: dict[str, Any]) -> ReviewComment:
        """A new thread with its first comment."""
        pull_request = review.pull_request
        hunk, position = self._anchor(pull_request, draft)
        thread = Thread(
            id=self.world.new_id(),
            pull_request=pull_request,
            path=draft["path"],
            side=draft.get("side", "RIGHT"),
            line=draft.get("line"),
            start_line=draft.get("start_line"),
            commit=pull_request.head_sha,
            subject=draft.get("subject_type") or "line",
        )
        comment = ReviewComment(
            **self.written(review.author, draft["body"]),
            thread=thread,
            review=review,
            diff_hunk=hunk,
            position=position,
        )
        thread.comments.append(comment)
        pull_request.threads.append(thread)
        return comment

    def single_comment(self, pull_request: PullRequest, author: User, draft: Mapping[str, Any]) -> ReviewComment:
        """An inline comment outside a review, which makes a review of its own."""
        review = self.review(pull_request, author, event="COMMENT", comments=[draft])
        return next(comment for comment in pull_request.comments if comment.review is review)

    def reply(self, thread: Thread, author: User, body: str) -> ReviewComment:
        """A reply makes an implicit review without a body, as on GitHub."""
        pull_request = thread.pull_request
        self.refuse_archived(pull_request.repository)
        self.refuse_locked(pull_request.issue, author)
        if not body.strip():
            raise custom("PullRequestReviewComment", "body cannot be blank")
        if is_too_long(body):
            raise too_long("PullRequestReviewComment")
        first = thread.comments[0]
        now = self.world.now()
        review = Review(
            **self.written(author, None),
            pull_request=pull_request,
            state="COMMENTED",
            commit=pull_request.head_sha,
            submitted_at=now,
        )
        pull_request.reviews.append(review)
        comment = ReviewComment(
            **self.written(author, body),
            thread=thread,
            review=review,
            diff_hunk=first.diff_hunk,
            position=first.position,
            in_reply_to=first.id,
        )
        thread.comments.append(comment)
        self.touch(pull_request.issue)
        self.events.review("submitted", author, review)
        self.events.review_comment("created", author, comment)
        return comment

    def edit_review_comment(self, comment: ReviewComment, actor: User, body: str) -> None:
        if is_too_long(body):
            raise too_long("PullRequestReviewComment")
        old, comment.body = comment.body, body
        self.touch(comment)
        if old != body:
            self.events.review_comment("edited", actor, comment, changes={"body": {"from": old}})

    def delete_review_comment(self, comment: ReviewComment, actor: User) -> None:
        """A thread without comments is gone too."""
        thread = comment.thread
        self.events.review_comment("deleted", actor, comment)
        thread.comments.remove(comment)
        if not thread.comments:
            thread.pull_request.threads.remove(thread)

    def resolve(self, thread: Thread, actor: User) -> None:
        if thread.resolved_by is None:
            thread.resolved_by = actor
            self.events.thread("resolved", actor, thread)

    def unresolve(self, thread: Thread, actor: User) -> None:
        if thread.resolved_by is not None:
            thread.resolved_by = None
            self.events.thread("unresolved", actor, thread)


def _is_at(line: Line, side: str, number: int) -> bool:
    if side == "LEFT":
        return line.kind in ("-", " ") and line.old == number
    return line.kind in ("+", " ") and line.new == number


def _hunk(lines: tuple[Line, ...], side: str, number: int) -> tuple[str, int]:
    """The lines of the hunk down to the one asked for, at most the last few, and its position in the file's patch."""
    shown: list[str] = []
    for position, line in enumerate(lines):
        if line.kind == "@":
            shown = [line.text]
        else:
            shown.append(line.kind + line.text)
        if line.kind != "@" and _is_at(line, side, number):
            return "\n".join(shown), position
    raise Refusal(422, "Unprocessable Entity", [OUTSIDE])
