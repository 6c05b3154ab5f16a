"""What the model hands in at the end of a conversation, and its way from JSON into domain values.

Pure. What does not hold is answered with plain sentences, all at once, that the model can act on; nothing is guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from bot.agent.reader import Reader
from bot.agent.readers import READERS
from bot.agent.schemas import (
    ALTERNATIVES,
    AMENDMENT_LIMIT,
    AMENDS_RFC,
    ANSWER_KINDS,
    HEADLINE_LIMIT,
    MEND_LIMIT,
    QUESTIONS_LIMIT,
    SECTION_LIMIT,
    TITLE_LIMIT,
)
from bot.domain import (
    Assignment,
    Citation,
    Criterion,
    Finding,
    FindingAnswer,
    Foreseen,
    ForeseenFile,
    ForeseenItem,
    Inquiry,
    ItemChange,
    Rfc,
    RfcPart,
    Semver,
    Severity,
    Task,
)
from bot.rfc import citations as rfc_citations
from bot.rfc.document import has_words
from bot.rfc.draft import Alternative, ConcernAnswer, Question, Reply, RfcDraft, Section

# --- what is handed in -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """The tasks, in the order in which they are to be done.

    Where the code has moved from under the RFC, `design_stands` tells whether the design holds all the same, `ground` why.
    `answers` are those to a second reader's findings.
    """

    tasks: tuple[Task, ...]
    notes: str
    design_stands: bool = True
    ground: str = ""
    answers: tuple[FindingAnswer, ...] = ()


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
class SurvivorReason:
    """Why a mutant (`M1`, as it was shown) needs no test."""

    mutant: str
    reason: str


@dataclass(frozen=True, slots=True)
class ChangeDraft:
    """The finished change: `title` is the commit's headline; `deviations` says where it leaves the RFC, and why.

    `survivors` says of mutants that no test notices why they make no difference; `answers` are those to an examiner's findings.
    """

    title: str
    summary: str
    deviations: str
    notes: str
    survivors: tuple[SurvivorReason, ...] = ()
    answers: tuple[FindingAnswer, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply to one review thread: `kind` is one of `ANSWER_KINDS`.

    One that proposes to amend the RFC names the `promise` that the remark contradicts, and the `wording` in its place.
    """

    thread: str
    kind: str
    text: str
    promise: str = ""
    wording: str = ""


@dataclass(frozen=True, slots=True)
class ReviewDraft:
    """One answer for each thread of the review; `tests` are those of this round that stand for a criterion.

    `mended` are the ids of an examiner's findings that were open until then.
    """

    summary: str
    answers: tuple[Answer, ...]
    tests: tuple[NewTest, ...] = ()
    mended: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MendDraft:
    """What was wrong on CI, and what was done about it; `is_mended` is False where nothing in the code can help."""

    is_mended: bool
    headline: str
    cause: str
    summary: str


@dataclass(frozen=True, slots=True)
class UpdateDraft:
    """How a pull request's change and its base were brought together."""

    summary: str


@dataclass(frozen=True, slots=True)
class Critique:
    """What a second reader with a fresh context holds against a draft, the worst first; F1, F2, … in that order."""

    findings: tuple[Finding, ...]


Draft = RfcDraft | Inquiry | Critique | PlanDraft | TestsDraft | ChangeDraft | ReviewDraft | MendDraft | UpdateDraft


@dataclass(frozen=True, slots=True)
class Rejected:
    """A submission that does not hold; each problem is one sentence."""

    problems: tuple[str, ...]

    def __str__(self) -> str:
        lines = "\n".join(f"- {problem}" for problem in self.problems)
        return f"The submission was not accepted. Mend this and submit again:\n{lines}"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a submission is checked against: the agreed criteria, the RFC, the threads and findings to answer, the base's files.

    `read` gives a file's bytes at the base commit or None; None instead of a function leaves citations unchecked. What does
    not stand where a draft says is complained about, or, where that was done often enough, marked as unverified. Whoever hands
    a change in with tasks of the plan open is asked once, and `asks_about_tasks` until then.
    """

    criteria: tuple[Criterion, ...] = ()
    rfc: Rfc | None = None
    threads: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    is_revision: bool = False
    has_moved: bool = False
    tolerates_wrong_places: bool = False
    asks_about_tasks: bool = False
    read: Callable[[str], bytes | None] | None = None

    @classmethod
    def by(cls, rfc: Rfc) -> Expected:
        return cls(criteria=rfc.criteria)


# --- from JSON to values ---------------------------------------------------------------------------------------------


def parse(assignment: Assignment, given: Mapping[str, object], expected: Expected) -> Draft | Rejected:
    """Turn what the model sent into the assignment's draft, or say everything that is wrong with it."""
    reader = Reader(given, "")
    draft: Draft
    match assignment:
        case Assignment.RFC:
            draft = _rfc(reader, expected)
        case Assignment.CRITIQUE | Assignment.PLAN_CRITIQUE:
            draft = _critique(reader, READERS[assignment].max_findings)
        case Assignment.PLAN:
            draft = _plan(reader, expected)
        case Assignment.TESTS:
            draft = _tests(reader, expected)
        case Assignment.BUILD:
            draft = _change(reader, expected)
        case Assignment.EXAMINATION:
            draft = _examination(reader)
        case Assignment.REVIEW:
            draft = _review(reader, expected)
        case Assignment.CI:
            draft = _mend(reader)
        case Assignment.UPDATE:
            draft = UpdateDraft(reader.markdown("summary"))
    return Rejected(tuple(dict.fromkeys(reader.problems))) if reader.problems else draft


def _rfc(reader: Reader, expected: Expected) -> RfcDraft:
    criteria = tuple(Criterion(r.text("id"), r.markdown("text"), _said(r, "test")) for r in reader.objects("criteria"))
    citations = tuple(
        Citation(_path(r.text("path")), r.number("line"), r.text("quote")) for r in reader.objects("citations")
    )
    tasks = tuple(
        Task(f"T{n}", r.text("title"), criteria=r.texts("criteria"), files=r.texts("files"))
        for n, r in enumerate(reader.objects("tasks"), 1)
    )
    draft = RfcDraft(
        title=_headline(reader, TITLE_LIMIT),
        summary=_bounded(reader, "summary"),
        vision=_bounded(reader, "vision"),
        example=_bounded(reader, "example", may_be_empty=True),
        current_behaviour=_bounded(reader, "current_behaviour"),
        design=_bounded(reader, "design"),
        foreseen=_foreseen(reader),
        compatibility=_bounded(reader, "compatibility", may_be_empty=True),
        alternatives=tuple(
            Alternative(r.markdown("design"), r.markdown("why_not")) for r in reader.objects("alternatives")
        ),
        criteria=criteria,
        non_goals=_bounded(reader, "non_goals", may_be_empty=reader.has("non_goals")),
        risks=_bounded(reader, "risks", may_be_empty=reader.has("risks")),
        questions=tuple(
            Question(r.text("to"), r.markdown("question"), r.markdown("recommendation"))
            for r in reader.some("questions")
        ),
        citations=citations,
        tasks=tasks,
        parts=tuple(RfcPart(r.text("title"), r.markdown("summary"), r.texts("criteria")) for r in reader.some("parts")),
        sections=tuple(Section(r.text("heading"), r.markdown("text")) for r in reader.some("sections")),
        what_changed=_bounded(reader, "what_changed", may_be_empty=not expected.is_revision),
        replies=tuple(Reply(r.text("to").lstrip("@"), r.markdown("text")) for r in reader.some("replies")),
        concerns=tuple(ConcernAnswer(r.number("number"), r.markdown("text")) for r in reader.some("concerns")),
        answers=_answers(reader),
    )
    has_gaps = bool(reader.problems)
    _check_rfc(reader, draft, expected)
    if expected.read is None:
        return draft
    wrong = _wrong_places(draft, expected.read, has_gaps=has_gaps)
    if expected.tolerates_wrong_places:
        return replace(draft, unverified=tuple(dict.fromkeys(each.place for each in wrong)))
    for each in wrong:
        reader.complain(f"citations: {each.problem}")
    return draft


def _said(reader: Reader, name: str) -> str:
    """A text that may be empty, but not left out: whoever means nothing says so."""
    return reader.text(name, may_be_empty=reader.has(name))


def _check_rfc(reader: Reader, draft: RfcDraft, expected: Expected) -> None:
    ids = [criterion.id for criterion in draft.criteria]
    _check_unique(reader, "criteria", ids)
    for id in ids:
        if id and not re.fullmatch(r"AC-[1-9][0-9]*", id):
            reader.complain(f"criteria: number them AC-1, AC-2, …; {id!r} is no such id.")
    _need(reader, "criteria", draft.criteria)
    _need(reader, "citations", draft.citations)
    _need(reader, "tasks", draft.tasks)
    if len(draft.alternatives) < ALTERNATIVES:
        reader.complain(f"alternatives: compare with at least {ALTERNATIVES} others; doing less is one.")
    _check_answers(reader, draft.answers, expected.findings)
    _check_coverage(reader, "tasks", draft.tasks, ids, "add it to the task that fulfils it")
    if draft.parts:
        _check_coverage(reader, "parts", draft.parts, ids, "add it to the part that fulfils it")
    for crate in draft.foreseen.dependencies:
        if not re.fullmatch(r"[A-Za-z][\w-]*", crate):
            reader.complain(f"dependencies: {crate!r} is not the name of a crate.")


def _wrong_places(
    draft: RfcDraft, read: Callable[[str], bytes | None], *, has_gaps: bool
) -> tuple[rfc_citations.Wrong, ...]:
    """What does not stand where the draft says: citations, places in its prose, items that it changes.

    Of a draft that `has_gaps`, which are complained about already, only what is whole is looked up.
    """
    prose = "\n\n".join((draft.vision, draft.current_behaviour, draft.design, draft.risks, draft.compatibility))
    cited = {(citation.path, citation.line) for citation in draft.citations}
    loose = [place for place in rfc_citations.places_in(prose) if (place.path, place.line) not in cited]
    new = {file.path for file in draft.foreseen.files if read(file.path) is None}
    cited_whole = [each for each in draft.citations if each.path and each.line and each.quote]
    return (
        *rfc_citations.problems(cited_whole if has_gaps else draft.citations, read),
        *rfc_citations.problems([place for place in loose if place.path not in new], read),
        *(() if has_gaps else rfc_citations.unknown_items(draft.foreseen, read)),
    )


def _foreseen(reader: Reader) -> Foreseen:
    files = tuple(
        ForeseenFile(
            path=_path(r.text("path")),
            items=tuple(
                ForeseenItem(
                    i.text("name"),
                    ItemChange(i.choice("change", tuple(ItemChange))),
                    Semver(i.choice("semver", (*tuple(Semver)[1:], Semver.NONE))),
                )
                for i in r.some("items")
            ),
            note=r.text("note", may_be_empty=True),
        )
        for r in reader.objects("changes")
    )
    _need(reader, "changes", files)
    return Foreseen(files, reader.texts("dependencies"), reader.texts("features"))


def _bounded(reader: Reader, name: str, *, may_be_empty: bool = False) -> str:
    """A text that people can still read, and that fits into a comment."""
    text = reader.markdown(name, may_be_empty=may_be_empty)
    if len(text) > SECTION_LIMIT:
        reader.complain(f"{name}: {len(text)} characters; nobody reads more than {SECTION_LIMIT}.")
    return text


def _answers(reader: Reader) -> tuple[FindingAnswer, ...]:
    if not reader.has("answers"):
        return ()
    return tuple(
        FindingAnswer(r.text("finding"), r.choice("verdict", ("taken", "declined")) == "taken", r.markdown("text"))
        for r in reader.objects("answers")
    )


def _check_answers(reader: Reader, answers: tuple[FindingAnswer, ...], findings: tuple[str, ...]) -> None:
    """Each finding that was shown has exactly one answer; what answers nothing is passed over."""
    given = [answer.finding for answer in answers]
    _check_unique(reader, "answers", given)
    if missing := [id for id in findings if id not in given]:
        reader.complain(f"answers: no answer to {', '.join(missing)}; each finding gets one, `taken` or `declined`.")


def parse_inquiry(given: Mapping[str, object]) -> Inquiry | Rejected:
    """Turn the questions with which an RFC was not handed in into an inquiry, or say what is wrong with them."""
    reader = Reader(given, "")
    inquiry = Inquiry(reader.markdown("findings"), reader.texts("questions"))
    _need(reader, "questions", inquiry.questions)
    if len(inquiry.questions) > QUESTIONS_LIMIT:
        reader.complain(
            f"questions: at most {QUESTIONS_LIMIT}; nobody answers {len(inquiry.questions)}. Keep those that decide most."
        )
    return Rejected(tuple(dict.fromkeys(reader.problems))) if reader.problems else inquiry


_TEST_FILE = re.compile(r"(?:[\w-]+/)*tests/\w+\.rs")


def _examination(reader: Reader) -> Critique:
    """A critique of code, whose tests go into files of their own."""
    critique = _critique(reader, READERS[Assignment.EXAMINATION].max_findings)
    tested = {position: finding for position, finding in enumerate(critique.findings) if finding.test}
    _check_unique(reader, "test_path", [finding.test_path for finding in tested.values()])
    for position, finding in tested.items():
        if not _TEST_FILE.fullmatch(finding.test_path):
            reader.complain(
                f"findings[{position}].test_path: {finding.test_path!r} is no file right under `tests`, such as "
                "`tests/finding.rs`."
            )
    return critique


def _critique(reader: Reader, most: int) -> Critique:
    findings = tuple(
        Finding(
            id=f"F{number}",
            severity=Severity(r.choice("severity", tuple(Severity))),
            place=r.text("place"),
            problem=r.markdown("problem"),
            suggestion=r.markdown("suggestion", may_be_empty=True),
            test=r.text("test", may_be_empty=True),
            test_path=_path(r.text("test_path", may_be_empty=True)),
        )
        for number, r in enumerate(reader.objects("findings"), 1)
    )
    if len(findings) > most:
        reader.complain(f"findings: at most {most}; keep those that matter most.")
    return Critique(findings)


def _plan(reader: Reader, expected: Expected) -> PlanDraft:
    tasks = tuple(
        Task(r.text("id"), r.text("title"), criteria=r.texts("criteria"), files=r.texts("files"))
        for r in reader.objects("tasks")
    )
    _need(reader, "tasks", tasks)
    _check_unique(reader, "tasks", [task.id for task in tasks])
    _check_coverage(reader, "tasks", tasks, [c.id for c in expected.criteria], "add it to the task that fulfils it")
    ground = reader.markdown("ground", may_be_empty=not expected.has_moved)
    stands = not reader.has("design_stands") or reader.choice("design_stands", ("no", "yes")) == "yes"
    if expected.has_moved and not reader.has("design_stands"):
        reader.complain("design_stands: the code has moved from under the RFC; say yes or no.")
    answers = _answers(reader)
    _check_answers(reader, answers, expected.findings)
    return PlanDraft(tasks, reader.markdown("notes", may_be_empty=True), stands, ground, answers)


# A path of Rust identifiers, perhaps behind a target (`tests/cli.rs`), or rustdoc's own name of a documentation test.
_TEST_NAME = re.compile(r"(?:[\w./-]+(?:::|: ))?[A-Za-z_]\w*(?:::\w+)*|\S+\.(?:rs|md) - .+")


def _tests(reader: Reader, expected: Expected) -> TestsDraft:
    notes = reader.markdown("notes", may_be_empty=True)
    tests = _named_tests(reader, reader.objects("tests"))
    _need(reader, "tests", tests)
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


def _named_tests(reader: Reader, given: Iterable[Reader]) -> tuple[NewTest, ...]:
    tests = tuple(NewTest(r.text("name").strip("`"), r.texts("criteria")) for r in given)
    _check_unique(reader, "tests", [test.name for test in tests])
    for test in tests:
        if test.name and not _TEST_NAME.fullmatch(test.name):
            reader.complain(f"tests: {test.name!r} is not the name of a test as libtest prints it (`module::name`).")
    return tests


def _change(reader: Reader, expected: Expected) -> ChangeDraft:
    answers = _answers(reader)
    _check_answers(reader, answers, expected.findings)
    return ChangeDraft(
        title=_headline(reader, HEADLINE_LIMIT),
        summary=reader.markdown("summary"),
        deviations=reader.markdown("deviations", may_be_empty=True),
        notes=reader.markdown("notes", may_be_empty=True),
        survivors=tuple(SurvivorReason(r.text("mutant"), r.markdown("reason")) for r in reader.some("survivors")),
        answers=answers,
    )


def _mend(reader: Reader) -> MendDraft:
    headline = reader.text("headline").strip()
    if "\n" in headline or len(headline) > MEND_LIMIT:
        reader.complain(f"headline: one line of at most {MEND_LIMIT} characters; it has {len(headline)}.")
    is_mended = reader.choice("verdict", ("mended", "not_ours")) == "mended"
    return MendDraft(is_mended, headline, reader.markdown("cause"), reader.markdown("summary"))


def _review(reader: Reader, expected: Expected) -> ReviewDraft:
    answers = tuple(_thread_answer(r, expected) for r in reader.objects("answers"))
    _check_unique(reader, "answers", [answer.thread for answer in answers])
    answered = {answer.thread for answer in answers}
    for thread in expected.threads:
        if thread not in answered:
            reader.complain(f"answers: thread {thread} has no answer; each thread gets exactly one.")
    unknown = sorted(answered - set(expected.threads))
    if unknown:
        known = ", ".join(expected.threads) or "none"
        reader.complain(f"answers: no thread {', '.join(unknown)} is in the brief; the threads are: {known}.")
    tests = _named_tests(reader, reader.some("tests"))
    _check_coverage(reader, "tests", tests, [], "", known=[criterion.id for criterion in expected.criteria])
    mended = reader.texts("mended") if reader.has("mended") else ()
    for id in mended:
        if id not in expected.findings:
            reader.complain(f"mended: no finding {id} is open; open are: {', '.join(expected.findings) or 'none'}.")
    return ReviewDraft(reader.markdown("summary"), answers, tests, mended)


def _thread_answer(reader: Reader, expected: Expected) -> Answer:
    kind = reader.choice("kind", ANSWER_KINDS)
    answer = Answer(reader.text("thread"), kind, reader.markdown("text"))
    if kind != AMENDS_RFC:
        return answer
    answer = replace(answer, promise=reader.text("promise"), wording=reader.text("wording"))
    for name, text in (("promise", answer.promise), ("wording", answer.wording)):
        if len(text) > AMENDMENT_LIMIT:
            reader.complain(f"{name}: {len(text)} characters; at most {AMENDMENT_LIMIT}, the sentence that matters.")
    if answer.promise and (expected.rfc is None or not has_words(expected.rfc, answer.promise)):
        reader.complain("promise: these words are not in the RFC. Copy a whole sentence or criterion of it, exactly.")
    return answer


# --- checks ----------------------------------------------------------------------------------------------------------


def _headline(reader: Reader, limit: int) -> str:
    title = reader.text("title").strip()
    if "\n" in title or len(title) > limit:
        reader.complain(f"title: one line of at most {limit} characters; it has {len(title)}.")
    return title


def _need(reader: Reader, name: str, values: tuple[object, ...]) -> None:
    if not values:
        reader.complain(f"{name}: at least one is needed.")


def _check_unique(reader: Reader, name: str, ids: list[str]) -> None:
    for id, count in Counter(ids).items():
        if id and count > 1:
            reader.complain(f"{name}: {id} occurs {count} times.")


def _check_coverage(
    reader: Reader,
    name: str,
    values: Iterable[Task | NewTest | RfcPart],
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
