"""What the model hands in at the end of a conversation, and its way from JSON into domain values.

Pure. What does not hold is answered with plain sentences, all at once, that the model can act on; nothing is guessed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bot.agent.schemas import HEADLINE_LIMIT, TITLE_LIMIT
from bot.domain import Assignment, Citation, Criterion, Rfc, Task
from bot.rfc import citations as rfc_citations
from bot.rfc.document import RfcDraft

# --- what is handed in -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """The tasks, in the order in which they are to be done."""

    tasks: tuple[Task, ...]
    notes: str


@dataclass(frozen=True, slots=True)
class NewTest:
    """A test that the agent wrote: its libtest name, and the criteria it proves."""

    name: str
    criteria: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TestsDraft:
    """The tests that stand in the workspace now and fail without the change."""

    __test__ = False  # the name begins with Test, but pytest is not meant

    tests: tuple[NewTest, ...]
    notes: str


@dataclass(frozen=True, slots=True)
class ChangeDraft:
    """The finished change: `title` is the commit's headline; `deviations` says where it leaves the RFC, and why."""

    title: str
    summary: str
    deviations: str
    notes: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply to one review thread: `kind` is done, question or declined."""

    thread: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class ReviewDraft:
    """One answer for each thread of the review."""

    summary: str
    answers: tuple[Answer, ...]


Draft = RfcDraft | PlanDraft | TestsDraft | ChangeDraft | ReviewDraft


@dataclass(frozen=True, slots=True)
class Rejected:
    """A submission that does not hold; each problem is one sentence."""

    problems: tuple[str, ...]

    def __str__(self) -> str:
        lines = "\n".join(f"- {problem}" for problem in self.problems)
        return f"The submission was not accepted. Mend this and submit again:\n{lines}"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a submission is checked against: the agreed criteria, the threads to answer, and the base's files.

    `read` gives a file's bytes at the base commit or None; None instead of a function leaves citations unchecked.
    """

    criteria: tuple[Criterion, ...] = ()
    threads: tuple[str, ...] = ()
    read: Callable[[str], bytes | None] | None = None

    @classmethod
    def by(cls, rfc: Rfc) -> Expected:
        return cls(criteria=rfc.criteria)


# --- from JSON to values ---------------------------------------------------------------------------------------------


def parse(assignment: Assignment, given: Mapping[str, object], expected: Expected) -> Draft | Rejected:
    """Turn what the model sent into the assignment's draft, or say everything that is wrong with it."""
    reader = _Reader(given, "")
    draft: Draft
    match assignment:
        case Assignment.RFC:
            draft = _rfc(reader, expected)
        case Assignment.PLAN:
            draft = _plan(reader, expected)
        case Assignment.TESTS:
            draft = _tests(reader, expected)
        case Assignment.BUILD:
            draft = _change(reader)
        case Assignment.REVIEW:
            draft = _review(reader, expected)
    return Rejected(tuple(dict.fromkeys(reader.problems))) if reader.problems else draft


def _rfc(reader: _Reader, expected: Expected) -> RfcDraft:
    criteria = tuple(
        Criterion(r.text("id"), r.text("text"), r.text("test", may_be_empty=True)) for r in reader.objects("criteria")
    )
    citations = tuple(
        Citation(_path(r.text("path")), r.number("line"), r.text("quote")) for r in reader.objects("citations")
    )
    tasks = tuple(
        Task(f"T{n}", r.text("title"), criteria=r.texts("criteria"), files=r.texts("files"))
        for n, r in enumerate(reader.objects("tasks"), 1)
    )
    draft = RfcDraft(
        title=_headline(reader, TITLE_LIMIT),
        summary=reader.text("summary"),
        motivation=reader.text("motivation"),
        current_behaviour=reader.text("current_behaviour"),
        design=reader.text("design"),
        alternatives=reader.text("alternatives"),
        criteria=criteria,
        non_goals=reader.text("non_goals", may_be_empty=True),
        risks=reader.text("risks", may_be_empty=True),
        questions=reader.texts("questions"),
        citations=citations,
        tasks=tasks,
    )
    ids = [criterion.id for criterion in criteria]
    _check_unique(reader, "criteria", ids)
    for id in ids:
        if id and not re.fullmatch(r"AC-[1-9][0-9]*", id):
            reader.complain(f"criteria: number them AC-1, AC-2, …; {id!r} is no such id.")
    _need(reader, "criteria", criteria)
    _need(reader, "citations", citations)
    _need(reader, "tasks", tasks)
    _check_coverage(reader, "tasks", tasks, ids, "add it to the task that fulfils it")
    if expected.read is not None and not reader.problems:
        for problem in rfc_citations.problems(citations, expected.read):
            reader.complain(f"citations: {problem}")
    return draft


def _plan(reader: _Reader, expected: Expected) -> PlanDraft:
    tasks = tuple(
        Task(r.text("id"), r.text("title"), criteria=r.texts("criteria"), files=r.texts("files"))
        for r in reader.objects("tasks")
    )
    _need(reader, "tasks", tasks)
    _check_unique(reader, "tasks", [task.id for task in tasks])
    _check_coverage(reader, "tasks", tasks, [c.id for c in expected.criteria], "add it to the task that fulfils it")
    return PlanDraft(tasks, reader.text("notes", may_be_empty=True))


# A path of Rust identifiers, perhaps behind a target (`tests/cli.rs`), or rustdoc's own name of a documentation test.
_TEST_NAME = re.compile(r"(?:[\w./-]+(?:::|: ))?[A-Za-z_]\w*(?:::\w+)*|\S+\.(?:rs|md) - .+")


def _tests(reader: _Reader, expected: Expected) -> TestsDraft:
    notes = reader.text("notes", may_be_empty=True)
    tests = tuple(NewTest(r.text("name").strip("`"), r.texts("criteria")) for r in reader.objects("tests"))
    _need(reader, "tests", tests)
    _check_unique(reader, "tests", [test.name for test in tests])
    for test in tests:
        if test.name and not _TEST_NAME.fullmatch(test.name):
            reader.complain(f"tests: {test.name!r} is not the name of a test as libtest prints it (`module::name`).")
    ids = [criterion.id for criterion in expected.criteria]
    _check_coverage(
        reader,
        "tests",
        tests,
        [id for id in ids if not re.search(rf"\b{re.escape(id)}\b", notes)],
        "write a test for it, or say in `notes`, naming it, why no test can prove it",
        known=ids,
    )
    return TestsDraft(tests, notes)


def _change(reader: _Reader) -> ChangeDraft:
    return ChangeDraft(
        title=_headline(reader, HEADLINE_LIMIT),
        summary=reader.text("summary"),
        deviations=reader.text("deviations", may_be_empty=True),
        notes=reader.text("notes", may_be_empty=True),
    )


def _review(reader: _Reader, expected: Expected) -> ReviewDraft:
    answers = tuple(Answer(r.text("thread"), r.text("kind"), r.text("text")) for r in reader.objects("answers"))
    _check_unique(reader, "answers", [answer.thread for answer in answers])
    for answer in answers:
        if answer.kind not in ("done", "question", "declined"):
            reader.complain(f"answers: kind is one of done, question, declined, not {answer.kind!r}.")
    answered = {answer.thread for answer in answers}
    for thread in expected.threads:
        if thread not in answered:
            reader.complain(f"answers: thread {thread} has no answer; each thread gets exactly one.")
    unknown = sorted(answered - set(expected.threads))
    if unknown:
        known = ", ".join(expected.threads) or "none"
        reader.complain(f"answers: no thread {', '.join(unknown)} is in the brief; the threads are: {known}.")
    return ReviewDraft(reader.text("summary"), answers)


# --- checks ----------------------------------------------------------------------------------------------------------


def _headline(reader: _Reader, limit: int) -> str:
    title = reader.text("title").strip()
    if "\n" in title or len(title) > limit:
        reader.complain(f"title: one line of at most {limit} characters; it has {len(title)}.")
    return title


def _need(reader: _Reader, name: str, values: tuple[object, ...]) -> None:
    if not values:
        reader.complain(f"{name}: at least one is needed.")


def _check_unique(reader: _Reader, name: str, ids: list[str]) -> None:
    for id, count in Counter(ids).items():
        if id and count > 1:
            reader.complain(f"{name}: {id} occurs {count} times.")


def _check_coverage(
    reader: _Reader,
    name: str,
    values: Iterable[Task | NewTest],
    ids: list[str],
    remedy: str,
    known: list[str] | None = None,
) -> None:
    """Every criterion of `ids` is mentioned by one of `values`, and none is mentioned that does not exist."""
    known = ids if known is None else known
    mentioned = [id for value in values for id in value.criteria]
    for id in dict.fromkeys(mentioned):
        if id not in known:
            reader.complain(f"{name}: there is no criterion {id}; there are {', '.join(known) or 'none'}.")
    for id in ids:
        if id not in mentioned:
            reader.complain(f"{name}: nothing mentions {id}; {remedy}.")


def _path(path: str) -> str:
    return path.strip("`").removeprefix("/workspace/").removeprefix("./")


class _Reader:
    """Takes typed values out of a JSON object and collects what is wrong instead of raising."""

    def __init__(self, given: Mapping[str, object], place: str, problems: list[str] | None = None) -> None:
        self._given = given
        self._place = place
        self.problems: list[str] = [] if problems is None else problems

    def complain(self, sentence: str) -> None:
        self.problems.append(self._place + sentence)

    def text(self, name: str, *, may_be_empty: bool = False) -> str:
        """A string; a list of strings is taken as a bulleted list, which models send where Markdown is asked for."""
        value = self._given.get(name)
        if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
            value = "\n".join(f"- {part}" for part in value)
        if value is None and may_be_empty:
            return ""
        if not isinstance(value, str):
            self.complain(f"{name}: {_missing_or_wrong(value, 'a text')}.")
            return ""
        if not value.strip() and not may_be_empty:
            self.complain(f"{name}: it is empty.")
        return value.strip()

    def texts(self, name: str) -> tuple[str, ...]:
        value = _decoded(self._given.get(name))
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            self.complain(f"{name}: {_missing_or_wrong(value, 'a list of texts')}.")
            return ()
        return tuple(part.strip() for part in value if part.strip())

    def number(self, name: str) -> int:
        value = self._given.get(name)
        if isinstance(value, str) and value.strip().isdecimal():
            return int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            self.complain(f"{name}: {_missing_or_wrong(value, 'a whole number')}.")
            return 0
        return value

    def objects(self, name: str) -> list[_Reader]:
        value = _decoded(self._given.get(name))
        if not isinstance(value, list):
            self.complain(f"{name}: {_missing_or_wrong(value, 'a list of objects')}.")
            return []
        readers = []
        for position, part in enumerate(value):
            place = f"{self._place}{name}[{position}]."
            if isinstance(part, dict):
                readers.append(_Reader(part, place, self.problems))
            else:
                self.problems.append(f"{place.rstrip('.')}: {_missing_or_wrong(part, 'an object')}.")
        return readers


def _decoded(value: object) -> object:
    """A list that was sent as its own JSON text, which happens with long inputs, is read as the list."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _missing_or_wrong(value: object, wanted: str) -> str:
    if value is None:
        return f"it is missing; {wanted} is needed"
    kinds = {
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return f"{wanted} is needed, not {kinds.get(type(value), 'something else')}"
