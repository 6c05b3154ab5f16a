"""What is handed in: its schema, its values, and sentences that help to mend it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest

from bot.agent.schemas import INQUIRY, SCHEMAS
from bot.agent.submit import (
    Answer,
    ChangeDraft,
    Critique,
    Expected,
    MendDraft,
    NewTest,
    PlanDraft,
    Rejected,
    ReviewDraft,
    SurvivorReason,
    TestsDraft,
    parse,
    parse_inquiry,
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
    Semver,
    Severity,
    Task,
)
from bot.rfc.draft import Alternative, Question, RfcDraft

TWO = Expected(criteria=(Criterion("AC-1", "one"), Criterion("AC-2", "two")))


def problems(assignment: Assignment, given: dict[str, Any], expected: Expected = TWO) -> str:
    outcome = parse(assignment, given, expected)
    assert isinstance(outcome, Rejected), outcome
    return str(outcome)


def rfc(**changes: object) -> dict[str, Any]:
    texts = ("summary", "vision", "current_behaviour", "design", "non_goals", "risks")
    return {
        "title": "Title",
        **{name: f"The {name}." for name in texts},
        "criteria": [{"id": "AC-1", "text": "one", "test": "a"}, {"id": "AC-2", "text": "two", "test": "b"}],
        "changes": [
            {"path": "./src/lib.rs", "items": [{"name": "fn a", "change": "change", "semver": "patch"}]},
            {"path": "CHANGELOG.md", "items": [], "note": "a line"},
        ],
        "alternatives": [{"design": "Less.", "why_not": "Too little."}, {"design": "More.", "why_not": "Too much."}],
        "questions": [{"to": "maintainers", "question": "Now or later?", "recommendation": "Now."}],
        "citations": [{"path": "/workspace/src/lib.rs", "line": 3, "quote": "fn a"}],
        "tasks": [{"title": "Do it", "files": ["src/lib.rs"], "criteria": ["AC-1", "AC-2"]}],
    } | changes


def test_an_rfc_becomes_a_draft() -> None:
    draft = parse(Assignment.RFC, rfc(), Expected())
    assert isinstance(draft, RfcDraft)
    assert draft.criteria[1] == Criterion("AC-2", "two", "b")
    assert draft.citations == (Citation("src/lib.rs", 3, "fn a"),)
    lib = ForeseenFile("src/lib.rs", (ForeseenItem("fn a", ItemChange.CHANGE, Semver.PATCH),))
    assert draft.foreseen == Foreseen((lib, ForeseenFile("CHANGELOG.md", (), "a line")))
    assert draft.questions == (Question("maintainers", "Now or later?", "Now."),)
    assert draft.tasks == (Task("T1", "Do it", ("AC-1", "AC-2"), ("src/lib.rs",)),)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    said = problems(Assignment.RFC, {"title": "x\ny", "criteria": "none", "citations": [5], "tasks": []}, Expected())
    for fragment in (
        "title: one line",
        "summary: it is missing; a text is needed.",
        "criteria: a list of objects is needed, not a text.",
        "citations[0]: an object is needed, not a number.",
        "tasks: at least one is needed.",
    ):
        assert fragment in said
    assert said.count("\n") > 5


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"criteria": [{"id": "A1", "text": "t", "test": "a"}]}, "number them AC-1, AC-2, …; 'A1' is no such id"),
        ({"criteria": [{"id": "AC-1", "test": "a"}]}, "criteria[0].text: it is missing"),
        ({"criteria": [{"id": "AC-1", "text": "t"}]}, "criteria[0].test: it is missing"),
        ({"risks": None}, "risks: it is missing"),
        (
            {"changes": [{"path": "a", "items": [{"name": "b", "change": "add"}]}]},
            "changes[0].items[0].semver: it is missing; one of patch, minor, major, none is needed.",
        ),
        ({"tasks": [{"title": "t", "files": [], "criteria": ["AC-1"]}]}, "tasks: nothing mentions AC-2"),
        (
            {"tasks": [{"title": "t", "files": [], "criteria": ["AC-1", "AC-2", "AC-7"]}]},
            "there is no criterion AC-7; there are AC-1, AC-2",
        ),
        ({"citations": [{"path": "a", "line": "x", "quote": "q"}]}, "citations[0].line: a whole number is needed"),
        ({"citations": []}, "citations: at least one is needed"),
        ({"title": "x" * 101}, "at most 100 characters; it has 101"),
        ({"design": "x" * 15_001}, "design: 15001 characters; nobody reads more than 15000"),
        ({"alternatives": [{"design": "Less.", "why_not": "Too little."}]}, "compare with at least 2 others"),
        ({"changes": []}, "changes: at least one is needed"),
        (
            {"changes": [{"path": "a", "items": [{"name": "b", "change": "x", "semver": "none"}]}]},
            "add, change, remove",
        ),
        ({"parts": [{"title": "t", "summary": "s", "criteria": ["AC-1"]}]}, "parts: nothing mentions AC-2"),
        ({"dependencies": ["serde = 1"]}, "'serde = 1' is not the name of a crate"),
    ],
)
def test_a_faulty_rfc_is_explained(changes: dict[str, object], said: str) -> None:
    assert said in problems(Assignment.RFC, rfc(**changes), Expected())


def test_a_citation_that_does_not_hold_names_what_stands_there() -> None:
    expected = Expected(read=lambda path: b"a\nb\nfn b() {}\n" if path == "src/lib.rs" else None)
    assert "The line reads: `fn b() {}`" in problems(Assignment.RFC, rfc(), expected)


def test_wrong_places_are_told_together_with_what_else_is_wrong() -> None:
    expected = Expected(read=lambda path: b"a\nb\nfn b() {}\n" if path == "src/lib.rs" else None)
    cited = [{"path": "src/lib.rs", "line": 3, "quote": "fn a"}, {"path": "src/lib.rs", "quote": "fn a"}]
    said = problems(Assignment.RFC, rfc(risks=None, citations=cited), expected)
    assert "risks: it is missing" in said and "citations[1].line: it is missing" in said
    assert "citations: src/lib.rs:3: `fn a` is not there" in said and said.count("\n- ") == 3


def test_a_place_that_only_the_prose_names_and_an_item_that_nobody_wrote_are_told_too() -> None:
    source = b"a\nb\nfn a() {}\n"
    expected = Expected(read=lambda path: source if path == "src/lib.rs" else None)
    given = rfc(design="See src/lib.rs:3 and `src/lib.rs:40`; `src/new.rs:1` comes.", changes=[
        {"path": "src/lib.rs", "items": [{"name": "fn invented", "change": "remove", "semver": "major"}]},
        {"path": "src/new.rs", "items": [{"name": "fn fresh", "change": "add", "semver": "minor"}]},
    ])  # fmt: skip
    said = problems(Assignment.RFC, given, expected)
    assert "src/lib.rs:40: the file has 3 lines." in said and "there is no `invented` in it" in said
    assert said.count("\n- ") == 2


def test_what_was_sent_back_often_enough_is_handed_in_marked_as_not_verified() -> None:
    expected = Expected(read=lambda path: b"fn b() {}\n", tolerates_wrong_places=True)
    draft = parse(Assignment.RFC, rfc(), expected)
    assert isinstance(draft, RfcDraft) and draft.unverified == ("src/lib.rs:3", "src/lib.rs a")


def test_a_later_version_says_what_changed() -> None:
    assert "what_changed: it is missing" in problems(Assignment.RFC, rfc(), Expected(is_revision=True))


def test_harmless_differences_of_form_are_forgiven() -> None:
    given = rfc(
        criteria=json.dumps(rfc()["criteria"]),
        alternatives=json.dumps(rfc()["alternatives"]),
        citations=[{"path": "`src/lib.rs`", "line": "3", "quote": "fn a"}],
        questions=None,
    )
    draft = parse(Assignment.RFC, given, Expected())
    assert isinstance(draft, RfcDraft)
    assert draft.alternatives == (Alternative("Less.", "Too little."), Alternative("More.", "Too much."))
    assert draft.citations[0].line == 3 and len(draft.criteria) == 2 and draft.questions == ()


def critique(**changes: Any) -> dict[str, Any]:
    finding = {"severity": "serious", "place": "AC-2", "problem": "`a(0)` is not settled.", "suggestion": "Say 1."}
    return {"findings": [finding | changes]}


def test_findings_are_numbered_in_the_order_in_which_they_come() -> None:
    found = Finding("F1", Severity.SERIOUS, "AC-2", "`a(0)` is not settled.", "Say 1.")
    assert parse(Assignment.CRITIQUE, critique(), Expected()) == Critique((found,))
    assert parse(Assignment.CRITIQUE, {"findings": []}, Expected()) == Critique(())
    two = parse(Assignment.CRITIQUE, {"findings": critique()["findings"] * 2}, Expected())
    assert isinstance(two, Critique) and [each.id for each in two.findings] == ["F1", "F2"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (critique(severity="bad"), "severity is one of blocker, serious, minor, not 'bad'"),
        (critique(problem=" "), "findings[0].problem: it is empty"),
        ({"findings": critique()["findings"] * 13}, "findings: at most 12"),
    ],
)
def test_a_faulty_critique_is_explained(given: dict[str, Any], said: str) -> None:
    assert said in problems(Assignment.CRITIQUE, given)


def test_a_plan_is_worth_half_as_many_findings_as_an_rfc() -> None:
    six = {"findings": critique()["findings"] * 6}
    assert isinstance(parse(Assignment.PLAN_CRITIQUE, six, Expected()), Critique)
    assert "findings: at most 6" in problems(Assignment.PLAN_CRITIQUE, {"findings": critique()["findings"] * 7})


def test_a_revised_plan_answers_each_finding_once() -> None:
    plan = {"tasks": [{"id": "T1", "title": "Tests", "criteria": ["AC-1", "AC-2"]}]}
    expected = Expected(criteria=TWO.criteria, findings=("F1",))
    answer = {"finding": "F1", "verdict": "declined", "text": "The map has it."}
    draft = parse(Assignment.PLAN, plan | {"answers": [answer]}, expected)
    assert isinstance(draft, PlanDraft) and draft.answers == (FindingAnswer("F1", False, "The map has it."),)
    refused = parse(Assignment.PLAN, plan, expected)
    assert isinstance(refused, Rejected) and "no answer to F1" in str(refused)


def test_a_revised_rfc_answers_each_finding_once() -> None:
    expected = Expected(findings=("F1", "F2"))
    taken = {"finding": "F1", "verdict": "taken", "text": "Settled."}
    declined = {"finding": "F2", "verdict": "declined", "text": "Out of scope."}
    draft = parse(Assignment.RFC, rfc(answers=[taken, declined]), expected)
    assert isinstance(draft, RfcDraft)
    assert draft.answers == (FindingAnswer("F1", True, "Settled."), FindingAnswer("F2", False, "Out of scope."))
    assert "no answer to F1, F2; each finding gets one" in problems(Assignment.RFC, rfc(), expected)
    assert "F1 occurs 2 times" in problems(Assignment.RFC, rfc(answers=[taken, taken, declined]), expected)
    assert "verdict is one of taken, declined, not 'maybe'" in problems(
        Assignment.RFC, rfc(answers=[taken | {"verdict": "maybe"}, declined]), expected
    )


def test_questions_instead_of_a_design_are_few_and_not_none() -> None:
    given = {"findings": "There is only `double`.", "questions": ["Saturate or fail?"]}
    assert parse_inquiry(given) == Inquiry("There is only `double`.", ("Saturate or fail?",))
    assert "questions: at least one is needed" in str(parse_inquiry(given | {"questions": []}))
    assert "at most 7; nobody answers 8" in str(parse_inquiry(given | {"questions": ["?"] * 8}))
    assert jsonschema_rs.validator_for(INQUIRY).is_valid(given)


def test_a_plan_covers_every_criterion() -> None:
    tasks = [
        {"id": "T1", "title": "Tests", "criteria": ["AC-1", "AC-2"], "files": ["tests/a.rs"]},
        {"id": "T2", "title": "Code"},
    ]
    draft = parse(Assignment.PLAN, {"tasks": tasks, "notes": "Mind the macro."}, TWO)
    assert draft == PlanDraft(
        (Task("T1", "Tests", ("AC-1", "AC-2"), ("tests/a.rs",)), Task("T2", "Code")), "Mind the macro."
    )
    assert "T1 occurs 2 times" in problems(Assignment.PLAN, {"tasks": [tasks[0], tasks[0]]})


def test_tests_cover_every_criterion_or_say_why_not() -> None:
    tests = [{"name": "`parser::tests::a`", "criteria": ["AC-1"]}]
    assert "nothing mentions AC-2; write a test for it, or say in `notes`" in problems(
        Assignment.TESTS, {"tests": tests}
    )
    draft = parse(Assignment.TESTS, {"tests": tests, "notes": "AC-2 is about documentation."}, TWO)
    assert draft == TestsDraft((NewTest("parser::tests::a", ("AC-1",)),), "AC-2 is about documentation.")


def test_a_criterion_is_not_excused_by_one_with_a_longer_number() -> None:
    expected = Expected(criteria=(Criterion("AC-1", "one"), Criterion("AC-12", "twelve")))
    tests = [{"name": "a", "criteria": ["AC-12"]}]
    assert "nothing mentions AC-1;" in problems(Assignment.TESTS, {"tests": tests, "notes": "AC-12 is hard."}, expected)


@pytest.mark.parametrize(
    "name", ["a", "m::tests::a_b", "tests/cli.rs::a", "lib::m::a", "cli: m::a", "src/lib.rs - add (line 3)"]
)
def test_names_of_tests_are_recognised(name: str) -> None:
    given = {"tests": [{"name": name, "criteria": ["AC-1", "AC-2"]}]}
    assert isinstance(parse(Assignment.TESTS, given, TWO), TestsDraft)


@pytest.mark.parametrize("name", ["all the parser tests", "cargo test", "tests/cli.rs", "a, b"])
def test_what_is_no_name_of_a_test_is_refused(name: str) -> None:
    given = {"tests": [{"name": name, "criteria": ["AC-1", "AC-2"]}]}
    said = problems(Assignment.TESTS, given)
    assert repr(name) in said


def test_a_change_needs_a_headline_and_a_summary() -> None:
    assert parse(Assignment.BUILD, {"title": " Add a ", "summary": "Because."}, TWO) == ChangeDraft(
        "Add a", "Because.", "", ""
    )
    assert "summary: it is missing" in problems(Assignment.BUILD, {"title": "x"})


def test_a_change_says_which_mutants_need_no_test() -> None:
    given = {"title": "Add a", "summary": "Because.", "survivors": [{"mutant": "M1", "reason": "Nobody sees it."}]}
    draft = parse(Assignment.BUILD, given, TWO)
    assert isinstance(draft, ChangeDraft) and draft.survivors == (SurvivorReason("M1", "Nobody sees it."),)
    assert "survivors[0].reason" in problems(Assignment.BUILD, given | {"survivors": [{"mutant": "M1"}]})


def test_a_review_answers_each_thread_once() -> None:
    expected = Expected(threads=("R1", "R2"))
    good = {"thread": "R1", "kind": "done", "text": "Did it."}
    other = {"thread": "R2", "kind": "declined", "text": "See AC-1."}
    assert parse(Assignment.REVIEW, {"summary": "s", "answers": [good, other]}, expected) == ReviewDraft(
        "s", (Answer("R1", "done", "Did it."), Answer("R2", "declined", "See AC-1."))
    )
    said = problems(
        Assignment.REVIEW,
        {"summary": "s", "answers": [good, good, {"thread": "R9", "kind": "maybe", "text": "?"}]},
        expected,
    )
    for fragment in (
        "R1 occurs 2 times",
        "thread R2 has no answer",
        "no thread R9 is in the brief; the threads are: R1, R2",
        "kind is one of done, question, amends_rfc, declined, not 'maybe'",
    ):
        assert fragment in said


def test_a_review_may_name_the_criteria_of_its_new_tests() -> None:
    given = {"summary": "s", "answers": [], "tests": [{"name": "`tests::a`", "criteria": ["AC-1"]}]}
    draft = parse(Assignment.REVIEW, given, TWO)
    assert isinstance(draft, ReviewDraft) and draft.tests == (NewTest("tests::a", ("AC-1",)),)
    said = problems(Assignment.REVIEW, given | {"tests": [{"name": "a b", "criteria": ["AC-9"]}]}, TWO)
    assert "'a b' is not the name of a test" in said and "there is no criterion AC-9" in said


def test_a_review_may_name_open_findings_that_it_mends() -> None:
    given = {"summary": "s", "answers": [], "mended": ["F1"]}
    draft = parse(Assignment.REVIEW, given, Expected(findings=("F1", "F2")))
    assert isinstance(draft, ReviewDraft) and draft.mended == ("F1",)
    assert "no finding F1 is open; open are: F2" in problems(Assignment.REVIEW, given, Expected(findings=("F2",)))


def test_an_amendment_of_the_rfc_quotes_it_and_says_what_should_stand_there() -> None:
    agreed = Rfc(2, "t", "### Design\n\nIt returns an **error** and\nnever panics.", TWO.criteria, "0" * 40, "d")
    agreed = replace(agreed, criteria=(Criterion("AC-1", "`parse` refuses an empty key."),))
    expected = Expected(rfc=agreed, threads=("R1",))
    given = {"thread": "R1", "kind": "amends_rfc", "text": "It would panic.", "wording": "It panics."}

    def said(promise: str, **more: str) -> str:
        return problems(Assignment.REVIEW, {"summary": "s", "answers": [given | {"promise": promise} | more]}, expected)

    for promise in ("It returns an error and never panics.", "`parse` refuses an empty key.", "AC-1: parse refuses an"):
        draft = parse(Assignment.REVIEW, {"summary": "s", "answers": [given | {"promise": promise}]}, expected)
        assert isinstance(draft, ReviewDraft) and draft.answers[0].promise == promise
    assert "not in the RFC" in said("It never fails at all.") and "not in the RFC" in said("never panics")
    assert "promise: it is empty" in said("") and "wording: it is empty" in said("It returns an error", wording="")
    assert "at most 1500" in said("It returns an error", wording="x" * 1501)


def test_a_review_without_threads_needs_no_answers() -> None:
    assert isinstance(parse(Assignment.REVIEW, {"summary": "s", "answers": []}, Expected()), ReviewDraft)


def test_a_test_of_an_examiner_is_a_file_of_its_own() -> None:
    (finding, *_) = critique()["findings"]
    tested = finding | {"test": "#[test]\nfn a() {}", "test_path": "/workspace/tests/a.rs"}
    found = parse(Assignment.EXAMINATION, {"findings": [tested]}, Expected())
    assert isinstance(found, Critique) and found.findings[0].test_path == "tests/a.rs"
    strayed = problems(Assignment.EXAMINATION, {"findings": [finding, tested | {"test_path": "src/a.rs"}]})
    assert "findings[1].test_path: 'src/a.rs' is no file right under `tests`" in strayed
    assert "no file right under `tests`" in problems(
        Assignment.EXAMINATION, {"findings": [tested | {"test_path": "src/../../a.rs"}]}
    )


def test_what_was_mended_fits_into_a_headline() -> None:
    given = {"verdict": "not_ours", "headline": "a dead link", "cause": "The network.", "summary": "Ask again."}
    assert parse(Assignment.CI, given, Expected()) == MendDraft(False, "a dead link", "The network.", "Ask again.")
    assert "it has 61" in problems(Assignment.CI, given | {"headline": "x" * 61})
    assert "verdict is one of mended, not_ours" in problems(Assignment.CI, given | {"verdict": "done"})


@pytest.mark.parametrize("assignment", list(Assignment))
def test_every_schema_is_a_schema_and_accepts_what_is_accepted(assignment: Assignment) -> None:
    examples: dict[Assignment, dict[str, Any]] = {
        Assignment.RFC: rfc(),
        Assignment.CRITIQUE: critique(),
        Assignment.PLAN: {"tasks": [{"id": "T1", "title": "a", "files": [], "criteria": ["AC-1", "AC-2"]}]},
        Assignment.PLAN_CRITIQUE: critique(),
        Assignment.TESTS: {"tests": [{"name": "a", "criteria": ["AC-1", "AC-2"]}]},
        Assignment.BUILD: {"title": "a", "summary": "b"},
        Assignment.EXAMINATION: critique(),
        Assignment.REVIEW: {"summary": "s", "answers": []},
        Assignment.CI: {"verdict": "mended", "headline": "a link", "cause": "c", "summary": "s"},
        Assignment.UPDATE: {"summary": "s"},
    }
    validator = jsonschema_rs.validator_for(SCHEMAS[assignment])
    assert validator.is_valid(examples[assignment])
    # What an RFC holds already need not be handed in again.
    assert validator.is_valid({}) is (assignment is Assignment.RFC)
    assert not isinstance(parse(assignment, examples[assignment], Expected(criteria=TWO.criteria)), Rejected)


@pytest.mark.parametrize("assignment", list(Assignment))
@pytest.mark.parametrize(
    "given",
    [{}, {"tasks": None}, {"tests": {}}, {"answers": [[]]}, {"criteria": [None], "citations": [{}]}, {"title": 5}],
)
def test_nonsense_is_answered_and_never_raises(assignment: Assignment, given: dict[str, Any]) -> None:
    assert isinstance(parse(assignment, given, TWO), Rejected)
