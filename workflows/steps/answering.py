"""The answers of a review round: what stands under each thread, and the message of the commit that they are about."""

from __future__ import annotations

from bot import comments
from bot.agent import remarks
from bot.agent.schemas import AMENDS_RFC
from bot.agent.submit import Answer, ReviewDraft
from bot.commit_message import Answered, review_message
from bot.domain import Assignment, ReviewThread, Run, RunKind
from bot.suggestions import Suggestion
from workflows import hands
from workflows.steps import briefs, suggesting
from workflows.steps.records import ONLY_RULES, SUGGESTED, Suggested


def draft_of(run: Run) -> ReviewDraft:
    draft = hands.current().store.document(run.id, f"draft:{Assignment.REVIEW}", ReviewDraft)
    assert draft is not None, "the conversation ended with an accepted draft"
    return draft


def replies(run: Run, pushed: str) -> dict[str, str]:
    """What is said in each thread, by its short id; `pushed` is the commit that was made, "" where none was."""
    threads, fates = remarks.thread_ids(briefs.open_threads(run)), suggesting.fates(run)
    return {
        answer.thread: _reply(run, answer, threads[answer.thread], pushed, fates.get(answer.thread))
        for answer in draft_of(run).answers
    }


def _reply(run: Run, answer: Answer, thread: ReviewThread, pushed: str, fate: tuple[Suggestion, bool] | None) -> str:
    """The words for one thread; `fate` is its suggestion, if the host applied one, and whether that stands."""
    if answer.kind == AMENDS_RFC:
        url, issue = thread.comments[-1].html_url, run.target.issue
        return comments.amendment_reply(
            run.rfc_version, answer.promise, answer.wording, answer.text, issue=issue, url=url
        )
    if fate is None:
        return comments.thread_reply(answer.kind, answer.text, pushed)
    text = "" if _has_all_said(answer, fate) else answer.text
    return comments.thread_reply(answer.kind, text, pushed, is_as_suggested=fate[1])


def idle_complaint(run: Run, tree: str) -> str:
    """What to say of a round that changes nothing and calls a thread done without naming a file where it is so; "" if none."""
    if run.kind is not RunKind.REVIEW:
        return ""
    names = {path.rsplit("/", 1)[-1] for path in hands.current().git.paths(run.target.repo.id, tree)}
    suggested = hands.current().store.document(run.id, SUGGESTED, Suggested) or Suggested()
    applied = {suggestion.thread for suggestion in suggested.applied}
    idle = [
        answer.thread
        for answer in draft_of(run).answers
        if answer.kind == "done" and answer.thread not in applied and not any(name in answer.text for name in names)
    ]
    return (
        f"Nothing in the workspace differs from the pull request's head, but {', '.join(idle)} is answered with `done`. Make the change; "
        "if it is so already, say in the text where (`path:line`); if people agreed to leave it, that is `declined`."
        if idle
        else ""
    )


def _has_all_said(answer: Answer, fate: tuple[Suggestion, bool]) -> bool:
    """Whether there is nothing to add to a suggestion that was applied: whoever only suggests has said it all."""
    suggestion, stands = fate
    return answer.kind == "done" and stands and not suggestion.has_words


def commit_message(run: Run) -> str:
    """Headline and body of the one commit of a round."""
    threads, fates, draft = remarks.thread_ids(briefs.open_threads(run)), suggesting.fates(run), draft_of(run)
    answered = []
    for answer in draft.answers:
        if answer.kind == "done":
            thread, fate = threads[answer.thread], fates.get(answer.thread)
            last = thread.comments[-1]
            place = thread.path if thread.line is None else f"{thread.path}:{thread.line}"
            said = "Applied as suggested." if fate is not None and _has_all_said(answer, fate) else answer.text
            answered.append(Answered(place, last.author.login, last.body, said))
    title = "Write a rule down" if hands.current().store.document(run.id, ONLY_RULES, bool) else ""
    return review_message(draft.summary, answered, title)


def is_amendment_taken_up(run: Run) -> bool:
    """Whether the round did what a thread asked for after the RFC was amended for it."""
    amended = briefs.amended_threads(run)
    return any(answer.kind == "done" and amended.get(answer.thread) for answer in draft_of(run).answers)
