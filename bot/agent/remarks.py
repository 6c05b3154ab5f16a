"""The threads of a review, each told as a task of its own: its place, the code and the difference there, and what was said. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bot.agent.quote import cut, latest, quote
from bot.domain import Actor, Permission, ReviewComment, ReviewThread, Side
from bot.hunks import Hunk

THREADS_LIMIT = 150_000
"""Characters of all threads together; each gets the same share."""
SHARE = 1_200
"""Characters that a thread gets at the least."""
REMARK_LIMIT = 12_000
AROUND = 12
"""Lines of code before and behind those that a thread is written on."""
MOST_LINES = 60
"""So many lines of code are shown of a thread that is written on more."""
LINE_LIMIT = 300
APPLIED = (
    "The suggestion of its last remark is in the workspace already, word for word, in place of the lines shown above."
)
AMENDED = (
    "You proposed in it to amend the RFC, and the RFC has been amended since: whoever agrees here wants that built."
)
NOT_AMENDED = (
    "You proposed in it to amend the RFC, and no new version stands there yet: until then nothing is built for it."
)


@dataclass(frozen=True, slots=True)
class ThreadTask:
    """A thread with what stands at its place now: `code` are the numbered lines around it, `difference` the hunks that touch it.

    Both are empty where it has no place any more. `notes` are sentences of ours about how it stands.
    """

    thread: ReviewThread
    code: str = ""
    difference: str = ""
    notes: tuple[str, ...] = ()


def thread_ids(threads: Sequence[ReviewThread]) -> dict[str, ReviewThread]:
    """The short ids under which the brief shows `threads` and the answers name them: R1, R2, … in the order given."""
    return {f"R{number}": thread for number, thread in enumerate(threads, 1)}


def task_of(thread: ReviewThread, text: str, changed: Sequence[Hunk]) -> ThreadTask:
    """The task of a thread, given the file of its side and the hunks of the pull request in it."""
    lines = text.split("\n")
    if not thread.lines or thread.lines.stop > len(lines) + 1:
        return ThreadTask(thread)
    first, last = max(thread.lines.start - AROUND, 1), min(thread.lines[-1] + AROUND, len(lines))
    shown = [
        f"{'>' if number in thread.lines else ' '}{number:6} {lines[number - 1].removesuffix(chr(13))[:LINE_LIMIT]}"
        for number in range(first, last + 1)
    ]
    touching = [hunk for hunk in changed if hunk.touches(thread.side, thread.lines)]
    return ThreadTask(thread, _middle_out(shown), "\n".join(_shown(hunk, thread) for hunk in touching))


def _shown(hunk: Hunk, thread: ReviewThread) -> str:
    near = [line[:LINE_LIMIT] for line in hunk.near(thread.side, thread.lines, AROUND)]
    rest = len(hunk.lines) - len(near)
    note = [f"(The hunk has {rest} more lines before or behind these.)"] if rest else []
    return "\n".join([hunk.head, *_middle_out(near).split("\n"), *note])


def _middle_out(lines: Sequence[str]) -> str:
    """All lines, or the first and the last ones of too many."""
    if len(lines) <= MOST_LINES:
        return "\n".join(lines)
    half = MOST_LINES // 2
    return "\n".join([*lines[:half], f"(… {len(lines) - 2 * half} lines are left out here)", *lines[-half:]])


def sections(tasks: Sequence[ThreadTask], standing: Callable[[Actor], Permission], own_login: str) -> Iterator[str]:
    """A section of the brief for each thread; `standing` tells what an author's word counts for, `own_login` is the bot's.

    Where there are many, each has less room: first the difference is left out, then the code, then what was said long ago.
    """
    share = max(SHARE, THREADS_LIMIT // max(len(tasks), 1))
    ids = thread_ids([task.thread for task in tasks])
    for id, task in zip(ids, tasks, strict=True):
        said = what_was_said(id, task.thread, standing, own_login, share // 2)
        yield "\n\n".join([f"# Thread {id}{_state(task)}", *_place(id, task, share - len(said)), said, *task.notes])


def _state(task: ThreadTask) -> str:
    if task.thread.is_outdated:
        return " (outdated: the lines it was written on have changed since)"
    if task.thread.line is None:
        return " (about the whole file)"
    return "" if task.code else " (somebody has pushed since, so that its lines are not known)"


def _place(id: str, task: ThreadTask, room: int) -> list[str]:
    """Where it is and what stands there, as far as there is room."""
    thread = task.thread
    if not task.code:
        hunk = next((comment.diff_hunk for comment in thread.comments if comment.diff_hunk), "")
        told = f"{thread.path}\n{_last_lines(hunk, AROUND)}".strip()
        return [quote(told, what=f"the file of thread {id}, and the lines as they were when it was written")]
    lines = thread.lines
    place = f"{thread.path}:{lines.start}" + (f"-{lines[-1]}" if len(lines) > 1 else "")
    when = "at the head" if thread.side is Side.RIGHT else "on the base, before the pull request"
    code = quote(task.code, what=f"{place} {when}; thread {id} is written on the lines marked with >")
    difference = quote(task.difference, what=f"what the pull request changes there, at {place}")
    if len(code) > room:
        return [quote(place, what=f"the place of thread {id}, {when}; see it in the workspace, there is no room here")]
    return [code, difference] if task.difference and len(code) + len(difference) <= room else [code]


def what_was_said(
    id: str, thread: ReviewThread, standing: Callable[[Actor], Permission], own_login: str, room: int
) -> str:
    """Each remark of a thread with its author; what was said long ago is left out where `room`, in characters, is too small."""

    def remark(number: int, comment: ReviewComment) -> str:
        body, what = cut(comment.body, min(REMARK_LIMIT, room)), f"thread {id}, remark {number}"
        if comment.author.login == own_login:
            return quote(body, what=f"{what}: your own answer", is_markdown=True)
        return quote(body, what=what, author=comment.author, permission=standing(comment.author), is_markdown=True)

    quotes = [remark(number, comment) for number, comment in enumerate(thread.comments, 1)]
    return latest(quotes, room, "remarks")


def _last_lines(text: str, count: int) -> str:
    return "\n".join(text.splitlines()[-count:])
