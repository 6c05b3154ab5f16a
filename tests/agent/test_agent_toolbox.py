"""One batch of tool calls: one result for each, nothing raised but a stop, and nothing done on unedited code."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.agent import schemas
from bot.agent.submit import ChangeDraft, Expected
from bot.agent.toolbox import RESULT_LIMIT, STILL_OPEN, act
from bot.agent.tools import READ_ONLY, tools_for
from bot.domain import Assignment, CheckScope, Criterion, Inquiry, Plan, StopReason, Task, TaskState
from bot.errors import SandboxUnavailable, Stopped, UserError
from bot.rfc.draft import RfcDraft

EDITOR = "str_replace_based_edit_tool"
CHANGE = {"title": "Add two", "summary": "Adds `two`."}


class Checks:
    """Notes what was asked for and answers with a fixed report."""

    def __init__(self, report: str = "clippy: ok\n12 tests ran, all passed.") -> None:
        self.report = report
        self.asked: list[tuple[CheckScope, str]] = []

    def run(self, scope: CheckScope, filter: str, should_stop: Callable[[], bool]) -> str:
        self.asked.append((scope, filter))
        return self.report


class Registry:
    """Knows one crate."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, tuple[str, ...], bool]] = []

    def fetch(
        self, name: str, version: str, features: tuple[str, ...], default_features: bool, should_stop: object
    ) -> str:
        self.asked.append((name, version, features, default_features))
        if name != "itoa":
            raise UserError(f"The registry has no crate `{name}`.", "Check the name.")
        return f"{name} {version} is there."


class Diffs:
    def diff(self, path: str) -> str:
        return f"--- a/{path}\n+++ b/{path}\n" if path else ""


# --- bash ------------------------------------------------------------------------------------------------------------


def test_a_command_tells_its_end_and_its_output(bench) -> None:
    result = bench.one("bash", command="echo one; echo two >&2; exit 3")
    head, *lines = result.text.splitlines()
    assert head.startswith("[exit 3, ") and head.endswith(" s]")
    assert lines == ["one", "two"]
    assert not result.is_error


def test_output_stays_as_it_is(bench) -> None:
    text = "fn a<'x, T: Into<&'x str>>(t: T) && \\n \"q\" b'='"
    bench.write("a.rs", text)
    assert bench.one("bash", command="cat a.rs").text.split("\n", 1)[1] == text


def test_a_silent_command_says_that_it_was_silent(bench) -> None:
    assert bench.one("bash", command="true").text.endswith("; no output]")


def test_the_directory_lasts_and_nothing_else_does(bench) -> None:
    bench.write("src/lib.rs", "")
    bench.one("bash", command="cd src && export A=1")
    text = bench.one("bash", command='pwd; echo "A=$A"; false').text
    assert text.endswith(f"{bench.root}/src\nA=")
    bench.one("bash", command="cd ..; exit 7")
    assert bench.one("bash", command="pwd").text.endswith(str(bench.root))


def test_a_directory_that_is_gone_is_forgotten(bench) -> None:
    bench.one("bash", command="mkdir gone && cd gone")
    bench.one("bash", command="rmdir ../gone")
    assert bench.one("bash", command="pwd").text.endswith(str(bench.root))


def test_a_restart_begins_in_the_workspace(bench) -> None:
    bench.one("bash", command="mkdir a && cd a")
    assert not bench.one("bash", restart=True).is_error
    assert bench.one("bash", command="pwd").text.endswith(str(bench.root))


def test_scripts_of_many_lines_and_here_documents_work(bench) -> None:
    bench.one("bash", command="cat > a.txt <<'EOF'\n$x `y` \\z\nEOF\nwc -l < a.txt")
    assert bench.read("a.txt") == "$x `y` \\z\n"


def test_the_line_numbers_of_shell_errors_are_true(bench) -> None:
    assert "line 2:" in bench.one("bash", command="echo a\nno_such_command").text


def test_long_output_says_what_is_missing_and_how_to_see_it(bench) -> None:
    text = bench.one("bash", command="seq 1 20000").text
    head = text.splitlines()[0]
    assert "bytes of output left out where marked" in head and "/tmp" in head
    assert len(text) < 17_000


def test_a_time_limit_can_be_asked_for(bench) -> None:
    text = bench.one("bash", command="sleep 30", timeout=0.2).text
    assert "time-out" in text and "was ended" in text


@pytest.mark.parametrize("given", [{}, {"command": ""}, {"command": ["ls"]}, {"command": "a\0b"}])
def test_a_command_that_is_none_is_explained(bench, given: dict[str, object]) -> None:
    result = bench.one("bash", **given)
    assert result.is_error and "command" in result.text.lower()
    assert bench.sandbox.commands == []


# --- check, diff, plan, dependency -----------------------------------------------------------------------------------


def test_a_check_is_run_with_its_scope_and_filter(bench) -> None:
    bench.toolbox.checks = checks = Checks()
    assert bench.one("check", scope="quick", filter=" parser ").text.endswith("all passed.")
    bench.one("check", scope="full")
    assert checks.asked == [(CheckScope.QUICK, "parser"), (CheckScope.FULL, "")]


@pytest.mark.parametrize(
    "given", [{}, {"scope": "all"}, {"scope": "quick", "filter": 5}, {"scope": "full", "filter": "x"}]
)
def test_a_senseless_check_is_explained(bench, given: dict[str, object]) -> None:
    bench.toolbox.checks = checks = Checks()
    assert bench.one("check", **given).is_error
    assert checks.asked == []


def test_the_difference_is_shown(bench) -> None:
    bench.toolbox.differ = Diffs()
    assert bench.one("diff", path="a.rs").text.startswith("--- a/a.rs")
    assert bench.one("diff").text == "No difference."


def test_tasks_are_ticked_and_dropped(bench) -> None:
    bench.toolbox.plan = Plan((Task("T1", "One"), Task("T2", "Two")))
    assert bench.one("plan", task="T1", state="done").text == "Noted. Still open: T2."
    assert (
        bench.one("plan", task="T2", state="dropped", note="not needed").text == "Noted. Every task is done or dropped."
    )
    assert [task.state for task in bench.toolbox.plan.tasks] == [TaskState.DONE, TaskState.DROPPED]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"task": "T9", "state": "done"}, "there are T1"),
        ({"task": "T1", "state": "half"}, "`done` or `dropped`"),
        ({"task": "T1", "state": "dropped"}, "needs a note"),
        ({}, "there are T1"),
    ],
)
def test_a_senseless_tick_is_explained(bench, given: dict[str, object], said: str) -> None:
    bench.toolbox.plan = Plan((Task("T1", "One"),))
    result = bench.one("plan", **given)
    assert result.is_error and said in result.text
    assert bench.toolbox.plan.tasks[0].state is TaskState.OPEN


def test_a_dependency_is_fetched_or_its_refusal_told(bench) -> None:
    bench.toolbox.dependencies = registry = Registry()
    assert (
        bench.one("dependency", name="itoa", version="1.0", features=["std"], default_features=False).text
        == "itoa 1.0 is there."
    )
    refused = bench.one("dependency", name="itoaa", version="1.0")
    assert refused.is_error and "no crate `itoaa`" in refused.text and "Check the name." in refused.text
    assert registry.asked == [("itoa", "1.0", ("std",), False), ("itoaa", "1.0", (), True)]


@pytest.mark.parametrize(
    "given", [{}, {"name": "a"}, {"name": "a", "version": 1}, {"name": "a", "version": "1", "features": "x"}]
)
def test_a_senseless_dependency_is_explained(bench, given: dict[str, object]) -> None:
    bench.toolbox.dependencies = registry = Registry()
    assert bench.one("dependency", **given).is_error
    assert registry.asked == []


# --- the batch -------------------------------------------------------------------------------------------------------


def test_after_a_failed_edit_only_looking_goes_on(bench) -> None:
    bench.toolbox.checks = checks = Checks()
    bench.write("a.rs", "fn a() {}\n")
    results = bench.do(
        (EDITOR, {"command": "str_replace", "path": "a.rs", "old_str": "nope", "new_str": "x"}),
        (EDITOR, {"command": "create", "path": "b.rs", "file_text": "x"}),
        (EDITOR, {"command": "view", "path": "a.rs"}),
        ("bash", {"command": "touch c.rs"}),
        ("check", {"scope": "quick"}),
        ("submit_change", CHANGE),
    )
    assert [result.is_error for result in results] == [True, True, False, True, True, True]
    assert all("str_replace of a.rs before it" in results[n].text for n in (1, 3, 4, 5))
    assert sorted(path.name for path in bench.root.iterdir()) == ["a.rs"]
    assert checks.asked == [] and bench.toolbox.draft is None


def test_the_next_batch_starts_afresh(bench) -> None:
    bench.edit("str_replace", "a.rs", old_str="nope", new_str="x")
    assert not bench.edit("create", "a.rs", file_text="x").is_error


def test_a_failed_view_or_command_stops_nothing(bench) -> None:
    results = bench.do(
        (EDITOR, {"command": "view", "path": "no.rs"}), ("bash", {"command": "false"}), ("bash", {"command": "true"})
    )
    assert [result.is_error for result in results] == [True, False, False]


def test_a_tool_of_another_assignment_is_unknown_and_the_known_ones_are_named(make_bench) -> None:
    bench = make_bench(Assignment.RFC)
    for name in ("check", "submit_change", "python"):
        result = bench.one(name)
        assert result.is_error and "bash, str_replace_based_edit_tool, dependency, submit_rfc" in result.text


def test_a_stop_between_two_calls_is_respected(bench) -> None:
    def after_first() -> bool:
        return (bench.root / "one").exists()

    with pytest.raises(Stopped):
        bench.do(("bash", {"command": "touch one"}), ("bash", {"command": "touch two"}), should_stop=after_first)
    assert not (bench.root / "two").exists()


def test_a_stop_inside_a_command_is_respected(bench) -> None:
    with pytest.raises(Stopped):
        bench.do(("bash", {"command": "touch one"}), should_stop=lambda: (bench.root / "one").exists())


def test_a_failing_service_is_not_the_models_fault(bench) -> None:
    class Down:
        def run(self, scope: CheckScope, filter: str, should_stop: object) -> str:
            raise SandboxUnavailable("The engine is gone.")

    bench.toolbox.checks = Down()
    with pytest.raises(SandboxUnavailable):
        bench.one("check", scope="quick")


def test_calls_of_an_answer_that_was_cut_off_are_not_carried_out(bench) -> None:
    turn = bench.turn(("bash", {"command": "touch half"}), stop=StopReason.LENGTH)
    (result,) = act(turn, bench.toolbox, lambda: False)
    assert result.is_error and "smaller pieces" in result.text
    assert list(bench.root.iterdir()) == []


def test_a_result_is_bounded_whatever_a_tool_says(bench) -> None:
    bench.toolbox.checks = Checks("x" * 100_000)
    text = bench.one("check", scope="quick").text
    assert len(text) < RESULT_LIMIT + 100 and text.endswith("[60000 characters left out here]")


# --- submitting ------------------------------------------------------------------------------------------------------


def test_an_accepted_submission_is_kept_and_ends_the_batch(bench) -> None:
    results = bench.do(("submit_change", CHANGE), ("bash", {"command": "touch late"}))
    assert [result.text for result in results][0] == "Received. It is verified in a fresh container now."
    assert results[1].is_error and "ended this conversation" in results[1].text
    assert bench.toolbox.draft == ChangeDraft("Add two", "Adds `two`.", "", "")
    assert list(bench.root.iterdir()) == []


def test_a_rejected_submission_says_what_to_mend_and_can_be_mended(bench) -> None:
    result = bench.one("submit_change", title="x" * 80, summary=" ")
    assert result.is_error and "title: one line of at most 72 characters; it has 80." in result.text
    assert "summary: it is empty." in result.text
    assert bench.toolbox.draft is None
    assert not bench.one("submit_change", **CHANGE).is_error


def test_whoever_hands_in_with_tasks_open_is_asked_and_who_has_ticked_or_was_asked_is_not(bench) -> None:
    bench.toolbox.plan = Plan((Task("T1", "One", state=TaskState.DONE), Task("T2", "Two"), Task("T3", "Three")))
    bench.toolbox.expected = Expected(asks_about_tasks=True)
    asked = bench.one("submit_change", **CHANGE)
    assert asked.is_error and asked.text.startswith(STILL_OPEN) and "T2 (Two), T3 (Three)." in asked.text
    assert bench.toolbox.draft is None
    results = bench.do(
        ("plan", {"task": "T2", "state": "done"}),
        ("plan", {"task": "T3", "state": "dropped", "note": "It was there."}),
        ("submit_change", CHANGE),
    )
    assert [result.is_error for result in results] == [False] * 3
    bench.toolbox.plan, bench.toolbox.draft = Plan((Task("T1", "One"),)), None
    bench.toolbox.expected = Expected()
    assert not bench.one("submit_change", **CHANGE).is_error


def test_a_task_that_is_dropped_keeps_the_reason(bench) -> None:
    bench.toolbox.plan = Plan((Task("T1", "One"), Task("T2", "Two")))
    bench.one("plan", task="T1", state="done", note="It went well.")
    bench.one("plan", task="T2", state="dropped", note="The design\nneeds it no more.")
    assert [task.why for task in bench.toolbox.plan.tasks] == ["", "The design needs it no more."]


def test_an_rfc_that_is_handed_in_again_needs_only_what_is_different(make_bench) -> None:
    bench = make_bench(Assignment.RFC)
    bench.toolbox.handed_in = rfc_input(risks="None.", title="x" * 101)
    refused = bench.one("submit_rfc", design="`pub fn c()`")
    assert refused.is_error and "title: one line of at most 100" in refused.text and refused.text.count("\n") == 1
    assert not bench.one("submit_rfc", title="A c").is_error
    draft = bench.toolbox.draft
    assert isinstance(draft, RfcDraft)
    assert (draft.title, draft.design, draft.risks, draft.vision) == ("A c", "`pub fn c()`", "None.", "People want b.")


def test_what_is_handed_in_again_of_other_assignments_is_the_whole(bench) -> None:
    bench.toolbox.handed_in = CHANGE
    assert "summary: it is missing" in bench.one("submit_change", title="Add two").text


def test_questions_end_the_conversation_of_an_rfc_and_of_nothing_else(make_bench) -> None:
    asked = {"findings": "Nothing says which parser.", "questions": ["Which one?"]}
    bench = make_bench(Assignment.RFC)
    assert not bench.one("submit_questions", **asked).is_error
    assert bench.toolbox.draft == Inquiry("Nothing says which parser.", ("Which one?",))
    bench.toolbox.assignment, bench.toolbox.draft = Assignment.PLAN, None
    assert bench.one("submit_questions", **asked).is_error


def test_citations_are_checked_when_they_are_handed_in(make_bench) -> None:
    bench = make_bench(Assignment.RFC)
    bench.write("src/lib.rs", "fn a() {}\nfn b() {}\n")
    bench.toolbox.expected = Expected(
        read=lambda path: (bench.root / path).read_bytes() if (bench.root / path).exists() else None
    )
    wrong = rfc_input(
        citations=[{"path": "src/lib.rs", "line": 2, "quote": "fn c()"}, {"path": "no.rs", "line": 1, "quote": "x"}]
    )
    refused = bench.one("submit_rfc", **wrong)
    assert refused.is_error and "src/lib.rs:2" in refused.text and "no.rs:1" in refused.text
    assert not bench.one("submit_rfc", **rfc_input()).is_error


def rfc_input(**changes: object) -> dict[str, object]:
    return {
        "title": "A b that says b",
        "summary": "One. Two. Three.",
        "vision": "People want b.",
        "example": "",
        "current_behaviour": "`src/lib.rs:2` is silent.",
        "design": "`pub fn b() -> &'static str`",
        "changes": [{"path": "src/lib.rs", "items": [{"name": "pub fn b", "change": "add", "semver": "minor"}]}],
        "alternatives": [{"design": "Nothing.", "why_not": "Silence."}, {"design": "A c.", "why_not": "Too much."}],
        "criteria": [{"id": "AC-1", "text": '`b()` returns "b".', "test": "tests::b_says_b"}],
        "non_goals": "",
        "risks": "None.",
        "questions": [],
        "citations": [{"path": "src/lib.rs", "line": 2, "quote": "fn b()"}],
        "tasks": [{"title": "Say b", "files": ["src/lib.rs"], "criteria": ["AC-1"]}],
    } | changes


# --- what is offered -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("assignment", list(Assignment))
def test_every_assignment_has_its_tools_in_one_order(assignment: Assignment) -> None:
    names = [tool["name"] for tool in tools_for(assignment)]
    assert names == [tool["name"] for tool in tools_for(assignment)]
    assert names[:2] == ["bash", EDITOR] and schemas.NAMES[assignment] in names[-2:]
    assert (schemas.INQUIRE in names) == (assignment is Assignment.RFC)
    assert ("check" in names) == (assignment not in READ_ONLY)
    assert all(tool["description"] for tool in tools_for(assignment) if "type" not in tool)


def test_criteria_of_the_agreed_design_are_what_is_expected(make_bench) -> None:
    bench = make_bench(Assignment.PLAN)
    bench.toolbox.expected = Expected(criteria=(Criterion("AC-1", "x"), Criterion("AC-2", "y")))
    result = bench.one("submit_plan", tasks=[{"id": "T1", "title": "All", "files": [], "criteria": ["AC-1"]}])
    assert result.is_error and "nothing mentions AC-2" in result.text
