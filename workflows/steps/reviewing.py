"""Which reviews and remarks on a pull request start a round, which join the one that waits, and which are only talk."""

from __future__ import annotations

from collections.abc import Sequence

from bot import comments
from bot.commands import is_mentioned, parse_commands
from bot.domain import (
    Command,
    IssueState,
    Review,
    ReviewCommentSubject,
    ReviewState,
    ReviewSubject,
    ReviewSubmitted,
    ReviewThread,
    Rule,
    Run,
    RunKind,
)
from bot.repository import RepositoryConfig
from workflows import hands
from workflows.steps import briefs
from workflows.steps.place import (
    Place,
    answer,
    github_of,
    is_allowed,
    is_ours,
    may_review,
    open_run,
    place_of_pull_request,
)
from workflows.steps.records import HEARING, RULES


def reviewed(delivery_id: str, event: ReviewSubmitted) -> Sequence[Run]:
    """Requests for changes, reviews with remarks, replies in our own threads and words to us start a round.

    An approval with remarks is asked about.
    """
    if is_ours(event.sender) or not is_allowed(event.repo) or event.pull_request.state is not IssueState.OPEN:
        return []
    place = place_of_pull_request(event.repo, event.pull_request, event.sender, delivery_id)
    if place is None or not may_review(place.repo, place.sender, _config(place)):
        return []
    review, slug, github = event.review, hands.current().github.slug, github_of(event.repo)
    threads = github.review_threads(event.repo, event.pull_request.number)
    if _only_commands(review, threads, slug):
        return []
    if not _wants_a_round(review, threads, slug):
        if review.state is ReviewState.APPROVED and _opened(review, threads):
            answer(place, comments.approved_with_remarks_comment(place.sender, slug), 0)
        return []
    github.react(event.repo, ReviewSubject(event.pull_request.number, review.id))
    return [] if _is_answered(place, review, threads) else start(place, review_id=review.id)


def _is_answered(place: Place, review: Review, threads: Sequence[ReviewThread]) -> bool:
    """Whether a round has read and answered all of it before its delivery came."""
    own = [thread for thread in threads if any(comment.review_id == review.id for comment in thread.comments)]
    is_heard = not review.body.strip() or review.id in briefs.answered_reviews(place.target)
    return is_heard and all(is_ours(thread.comments[-1].author) for thread in own)


def _only_commands(review: Review, threads: Sequence[ReviewThread], slug: str) -> bool:
    """Whether there is nothing in it but commands, which the deliveries of its remarks carry out."""
    asked = [parse_commands(text, app_slug=slug) for text in _inline(review, threads)]
    is_each = all(any(isinstance(item, Command) for item in items) for items in asked)
    return bool(asked) and is_each and not review.body.strip()


def _wants_a_round(review: Review, threads: Sequence[ReviewThread], slug: str) -> bool:
    """Whether whoever submitted this expects work.

    GitHub wraps a single remark, and a reply, in a review of their own that has no body: talk, unless it is to us.
    """
    inline = _inline(review, threads)
    if any(is_mentioned(text, slug) for text in (review.body, *inline)):
        return review.state in (ReviewState.APPROVED, ReviewState.CHANGES_REQUESTED, ReviewState.COMMENTED)
    if review.state is ReviewState.CHANGES_REQUESTED:
        return bool(review.body.strip() or inline)
    if review.state is not ReviewState.COMMENTED:
        return False
    opened = _opened(review, threads)
    is_whole = opened > 1 or (opened == 1 and bool(review.body.strip()))
    return is_whole or any(_answers_us(thread, review.id) for thread in threads)


def _inline(review: Review, threads: Sequence[ReviewThread]) -> list[str]:
    """What the review says in threads."""
    return [comment.body for thread in threads for comment in thread.comments if comment.review_id == review.id]


def _opened(review: Review, threads: Sequence[ReviewThread]) -> int:
    """How many threads the review opened."""
    return sum(thread.comments[0].review_id == review.id for thread in threads if thread.comments)


def start(place: Place, *, review_id: int | None = None, request: str = "") -> Sequence[Run]:
    """A round, unless one waits that has not read the reviews yet: it reads this one as well."""
    joins = "" if request else HEARING
    run = open_run(place, RunKind.REVIEW, request, joins=joins, review_id=review_id, pull_request=place.pull_request)
    return [run] if run.delivery_id == place.delivery_id else []


def remember(place: Place, text: str, number: int) -> Sequence[Run]:
    """`/remember`: a round that writes the rule down, unless one waits that has not begun to read: it does that as well."""
    github = github_of(place.repo)
    if place.pull_request is None or github.pull_request(place.repo, place.pull_request).state is not IssueState.OPEN:
        answer(place, comments.remember_elsewhere_comment(place.sender), number)
        return []
    rule = Rule(f"{place.delivery_id}:{number}", place.sender, text, _thread_of(place) if not text else None)
    if not rule.text and rule.thread is None:
        answer(place, comments.nothing_to_remember_comment(place.sender), number)
        return []
    while True:
        run = open_run(place, RunKind.REVIEW, "", joins=HEARING, pull_request=place.pull_request)
        _note(run, rule)
        if run.delivery_id == place.delivery_id:
            return [run]
        # A round that has begun to read in between may have missed it; the next one does not join that one.
        if not hands.current().store.has_document(run.id, HEARING):
            answer(place, comments.taken_into_round_comment(place.sender), number)
            return []


def _note(run: Run, rule: Rule) -> None:
    def amend(rules: tuple[Rule, ...] | None) -> tuple[Rule, ...]:
        return (*(each for each in rules or () if each.id != rule.id), rule)

    hands.current().store.amend_document(run.id, RULES, tuple[Rule, ...], amend)


def _thread_of(place: Place) -> ReviewThread | None:
    """The thread in which the command was said, if anything else was said there before."""
    if not isinstance(place.subject, ReviewCommentSubject):
        return None
    for thread in github_of(place.repo).review_threads(place.repo, place.number):
        if place.subject.comment_id in [comment.id for comment in thread.comments[1:]]:
            return thread
    return None


def _config(place: Place) -> RepositoryConfig:
    """What the repository said of itself when the pull request was built."""
    our_hands = hands.current()
    built = our_hands.store.last_done(place.repo.id, place.target.issue, RunKind.IMPLEMENT)
    return our_hands.known_config(place.repo.id, built.base_commit) if built is not None else RepositoryConfig()


def _answers_us(thread: ReviewThread, review_id: int) -> bool:
    """Whether this review replies in a thread that the bot has spoken in; a reply arrives as a review without a body."""
    authors = [comment.author for comment in thread.comments if comment.review_id != review_id]
    has_reply = len(authors) < len(thread.comments)
    return has_reply and any(is_ours(author) for author in authors)
