"""What the steps decide without the world: names of branches, and which test proves what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.agent.submit import NewTest
from bot.domain import (
    Check,
    CheckKind,
    CheckResult,
    Contract,
    Diagnostic,
    Evidence,
    Exit,
    Failure,
    ItemChange,
    Level,
    LookHere,
    RedKind,
    Success,
    Term,
    TermKind,
    Timeout,
)
from bot.domain import TestOutcome as Outcome
from bot.domain import TestRun as Ran
from bot.rust import verdicts
from bot.rust.frozen import stubs_left
from bot.rust.tests import TestItem as Item
from bot.rust.tests import new_tests
from workflows.steps import proof
from workflows.steps.contracts import with_stubs
from workflows.steps.preparation import slug

FAILED = Failure(101)
FILES = {"Cargo.toml": '[package]\nname = "doubler"\nversion = "0.1.0"\nedition = "2021"\n', "src/lib.rs": ""}
(UNIT,) = new_tests(FILES, FILES | {"src/lib.rs": "mod tests {\n    #[test]\n    fn prints() {}\n}\n"})
(FIRST, SECOND) = new_tests(FILES, FILES | {"tests/cli.rs": "#[test]\nfn prints() {}\n\n#[test]\nfn reprints() {}\n"})


def results(*ran: Ran, errors: bool = False, exit_: Exit = FAILED) -> tuple[CheckResult, ...]:
    found = (Diagnostic(Level.ERROR, "E0308", "mismatched types", "src/lib.rs", 1, 1),) if errors else ()
    return (CheckResult(Check(CheckKind.TEST, "cargo test"), exit_, 1.0, found, ran),)


def ran(test: Item, outcome: Outcome) -> Ran:
    target, _, name = test.key.partition("::")
    return Ran(target, name, outcome)


@pytest.mark.parametrize(
    ("title", "branch"),
    [
        ("Round durations", "round-durations"),
        ("`Duration::parse` panics on “ü”!", "duration-parse-panics-on"),
        ("日本語", "change"),
        ("a" * 90, "a" * 40),
        ("one two three four five six seven eight nine ten", "one-two-three-four-five-six-seven-eight"),
        ("../../etc; rm -rf /", "etc-rm-rf"),
    ],
)
def test_a_branch_is_named_after_the_words_of_the_title(title: str, branch: str) -> None:
    assert slug(title) == branch


@pytest.mark.parametrize("name", ["tests/cli.rs::prints", "prints"])
def test_a_test_may_be_named_with_or_without_its_target(name: str) -> None:
    assert proof._criteria(FIRST, [NewTest(name, ("AC-1",))]) == ("AC-1",)


@pytest.mark.parametrize("name", ["lib::tests::prints", "tests::prints", "src/lib.rs::tests::prints", "prints"])
def test_a_unit_test_may_be_named_as_people_do(name: str) -> None:
    assert proof._criteria(UNIT, [NewTest(name, ("AC-1", "AC-2", "AC-1"))]) == ("AC-1", "AC-2")


def test_a_name_that_merely_ends_alike_is_another_test() -> None:
    assert proof._criteria(SECOND, [NewTest("prints", ("AC-1",))]) == ()


def test_a_test_that_passes_without_the_change_is_told_only_where_it_should_prove_something() -> None:
    assert proof._green_complaint([FIRST], []) == ""
    assert "- tests/cli.rs::prints\n" in proof._green_complaint([FIRST, SECOND], [NewTest("prints", ("AC-1",))])


def stub_panic() -> Ran:
    said = "thread 'prints' panicked at src/lib.rs:3:5:\nnot yet implemented: printing"
    return replace(ran(FIRST, Outcome.FAILED), output=said)


def test_red_is_a_failed_assertion_or_a_stub_else_code_that_does_not_compile_else_an_abort() -> None:
    assert verdicts.red_kind(FIRST, results(ran(FIRST, Outcome.FAILED))) is RedKind.ASSERTION
    assert verdicts.red_kind(FIRST, results(stub_panic())) is RedKind.TODO
    assert verdicts.red_kind(FIRST, results(errors=True)) is RedKind.COMPILE
    assert verdicts.red_kind(FIRST, results(exit_=Timeout(9.0))) is RedKind.ABORT
    for last in ("the test's process died (SIGABRT)", "time limit exceeded"):
        died = replace(ran(FIRST, Outcome.FAILED), output=f"thread 'prints' panicked\n{last}")
        assert verdicts.red_kind(FIRST, results(died)) is RedKind.ABORT


def test_a_test_that_fails_in_one_row_has_failed() -> None:
    rows = [*results(ran(FIRST, Outcome.OK)), *results(ran(FIRST, Outcome.FAILED))]
    assert verdicts.outcome_of(FIRST, rows) is Outcome.FAILED
    assert verdicts.outcome_of(SECOND, rows) is None


def test_a_test_that_did_not_run_for_no_good_reason_is_unseen() -> None:
    assert proof._is_unseen(FIRST, results(exit_=Success()))
    assert proof._is_unseen(FIRST, results(ran(FIRST, Outcome.IGNORED)))
    assert not proof._is_unseen(FIRST, results(errors=True))
    assert not proof._is_unseen(FIRST, results(exit_=Timeout(9.0)))


# --- the contract ----------------------------------------------------------------------------------------------------


def test_stubs_of_the_whole_change_stand_under_look_here_once_and_by_their_lines() -> None:
    def stub(line: int) -> Term:
        return Term(TermKind.STUB, ItemChange.ADD, "f", "src/lib.rs", line, "todo!()")

    other = LookHere("tests/a.rs::t", "asserts less than it did.")
    # What a round's own comparison saw names the file only, and a round after it sees nothing of what was there before.
    for look_here in ((other,), (*stubs_left(["src/lib.rs"]), other)):
        seen = with_stubs(Evidence(look_here=look_here), Contract((stub(3), stub(9))))
        assert seen.look_here == (other, *stubs_left(["src/lib.rs:3", "src/lib.rs:9"]))
    assert with_stubs(Evidence(look_here=(other,)), Contract()).look_here == (other,)
