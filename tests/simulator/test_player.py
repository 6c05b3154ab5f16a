"""The oracle player against a workspace: it knows only what its requests show, and ends at the expected tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic
import pytest

from simulator.case import Case, Trees, bring, load
from simulator.messages.server import MessagesServer
from simulator.player import drafts
from simulator.player.faults import APPENDED, NOT_YET, USUAL, FaultKind
from simulator.player.oracle import OracleBrain
from simulator.trees import File, Tree, changed
from tests.simulator.harness import (
    ANSWERING_RFC,
    BASH,
    CHECK,
    EDITOR,
    SUBMIT_CHANGE,
    SUBMIT_CRITIQUE,
    SUBMIT_PLAN,
    SUBMIT_PLAN_CRITIQUE,
    SUBMIT_REVIEW,
    SUBMIT_RFC,
    SUBMIT_TESTS,
    TEXT,
    TEXTS,
    Bench,
    tool,
)

DEMO = Path(__file__).parents[2] / "simulator" / "cases" / "demo"
BUILD = [BASH, EDITOR, CHECK, SUBMIT_CHANGE]
WRITE = [BASH, EDITOR, CHECK, SUBMIT_TESTS]


@contextmanager
def playing(
    tmp_path: Path, faults: tuple[FaultKind, ...] = (), check: Callable[[Tree], str] | None = None
) -> Iterator[tuple[OracleBrain, Bench]]:
    """A player behind a server, and a bench with the demo's base."""
    case, trees = demo()
    brain = OracleBrain(case, trees, faults)
    with MessagesServer(brain) as server:
        yield brain, Bench(server.url, tmp_path / "workspace", trees.base, check or honest_check(brain))


def demo() -> tuple[Case, Trees]:
    case = load(DEMO)
    return case, bring(case)


def honest_check(brain: OracleBrain) -> Callable[[Tree], str]:
    """Shows what is wrong with the tree, as cargo would, without cargo."""

    def check(tree: Tree) -> str:
        text = "\n".join(file.text or "" for file in tree.values())
        if APPENDED[FaultKind.TYPE] in text:
            return "clippy: FAILED\nerror[E0308]: mismatched types"
        if APPENDED[FaultKind.FORMAT] in text:
            return "fmt: FAILED; 1 new error\nDiff in src/lib.rs:1"
        if APPENDED[FaultKind.CLIPPY] in text:
            return "clippy: FAILED\nerror: approximate value of `f64::consts::PI` found"
        if NOT_YET in text:
            return f"test tests::x (lib) failed:\n  panicked at src/pretty.rs:1\n  {NOT_YET}"
        return (
            "test: FAILED\nerror[E0599]: no method"
            if changed(tree, brain.work.head)
            else "test: ok; 26 passed, 0 failed"
        )

    return check


def test_the_rfc_cites_lines_that_exist(tmp_path: Path) -> None:
    with playing(tmp_path) as (brain, bench):
        bench.run("Design it.", [BASH, EDITOR, SUBMIT_RFC])
        submitted = bench.submitted or {}
        base = brain.work.trees.base
        for citation in submitted["citations"]:
            lines = (base[citation["path"]].text or "").splitlines()
            assert lines[citation["line"] - 1].strip().startswith(citation["quote"])
        assert [criterion["id"] for criterion in submitted["criteria"]] == [f"AC-{n}" for n in range(1, 6)]
        assert set(submitted) == {
            "title",
            "citations",
            "criteria",
            "extra",
        }  # what the schema asks for, and nothing else


def strict(base: Tree) -> Callable[[dict[str, Any]], str]:
    """Names the citations that do not stand, as the product does."""

    def complaint(given: dict[str, Any]) -> str:
        wrong = []
        for each in given["citations"]:
            lines = (base[each["path"]].text or "").splitlines() if each["path"] in base else []
            if not (each["line"] <= len(lines) and each["quote"] in lines[each["line"] - 1]):
                wrong.append(f"citations: {each['path']}:{each['line']}: `{each['quote']}` is not there.")
        return "\n".join(wrong)

    return complaint


def test_wrong_citations_are_planted_and_taken_back_only_when_they_are_named(tmp_path: Path) -> None:
    with playing(tmp_path, (FaultKind.CITATION,)) as (brain, bench):
        bench.complain = strict(brain.work.trees.base)
        bench.run("Design it.", [BASH, EDITOR, SUBMIT_RFC])
        handed_in = [call["input"]["citations"] for call in bench.calls if call["name"] == "submit_rfc"]
        assert len(handed_in) == 2 and bench.complain({"citations": handed_in[0]}).count("is not there") == 3
        assert bench.complain({"citations": handed_in[1]}) == ""
        assert brain.notes == []


def test_citations_that_nobody_checks_are_noted_and_found_in_what_is_published(tmp_path: Path) -> None:
    with playing(tmp_path, (FaultKind.CITATION,)) as (brain, bench):
        bench.run("Design it.", [BASH, EDITOR, SUBMIT_RFC])
        bench.messages.append({"role": "user", "content": [bench.accepted()]})
        assert drafts.left_in(str(bench.submitted)) == [drafts.NOWHERE, drafts.INVENTED]
        bench.turn([BASH, EDITOR, SUBMIT_RFC])
        assert [note for note in brain.notes if "never shown" in note] == [
            "diagnostic for a wrong line never shown",
            "diagnostic for a missing file never shown",
            "diagnostic for an invented item never shown",
        ]


def test_the_second_reader_finds_the_weakness_and_the_author_answers_each_finding(tmp_path: Path) -> None:
    with playing(tmp_path, (FaultKind.WEAKNESS,)) as (brain, bench):
        bench.run("Design it.", [BASH, EDITOR, ANSWERING_RFC])
        draft, conversation = bench.submitted or {}, [*bench.messages, {"role": "user", "content": [bench.accepted()]}]
        assert drafts.left_in(str(draft)) == [drafts.VAGUE]
        bench.run(f"The draft: {draft['criteria'][0]['text']}", [BASH, EDITOR, SUBMIT_CRITIQUE])
        findings = (bench.submitted or {})["findings"]
        assert [each["severity"] for each in findings] == ["blocker", "minor"]
        rows = [f"F{n} ({f['severity']}), {f['place']}: {f['problem']}" for n, f in enumerate(findings, 1)]
        conversation[-1]["content"].append({"type": "text", "text": "\n".join(rows)})
        bench.messages = conversation
        bench.go_on([BASH, EDITOR, ANSWERING_RFC])
        revised = bench.submitted or {}
        assert drafts.left_in(str(revised)) == []
        assert [(each["finding"], each["verdict"]) for each in revised["answers"]] == [
            ("F1", "taken"),
            ("F2", "declined"),
        ]
        assert brain.notes == []


def test_a_draft_that_never_reaches_the_second_reader_is_noted(tmp_path: Path) -> None:
    with playing(tmp_path, (FaultKind.WEAKNESS,)) as (brain, bench):
        bench.run("Criticise it.", [BASH, EDITOR, SUBMIT_CRITIQUE])
        assert bench.submitted == {"findings": []}
        assert brain.notes == ["diagnostic for weakness never shown"]


def test_a_task_too_many_is_found_in_the_plan_and_taken_out(tmp_path: Path) -> None:
    with playing(tmp_path, (FaultKind.WEAKNESS,)) as (brain, bench):
        bench.run("Plan it.", [BASH, EDITOR, SUBMIT_PLAN])
        plan, conversation = bench.submitted or {}, [*bench.messages, {"role": "user", "content": [bench.accepted()]}]
        *honest, stray = plan["tasks"]
        assert stray["title"] == drafts.STRAY
        turns = len(bench.calls)
        bench.run(f"The plan: {stray['title']}", [BASH, EDITOR, SUBMIT_PLAN_CRITIQUE])
        (finding,) = (bench.submitted or {})["findings"]
        assert len(bench.calls) == turns + 1
        row = f"F1 ({finding['severity']}), {finding['place']}: {finding['problem']}"
        conversation[-1]["content"].append({"type": "text", "text": row})
        bench.messages = conversation
        bench.go_on([BASH, EDITOR, SUBMIT_PLAN])
        revised = bench.submitted or {}
        assert revised["tasks"] == honest
        assert [(each["finding"], each["verdict"]) for each in revised["answers"]] == [("F1", "taken")]
        assert brain.notes == []


def test_an_honest_plan_is_handed_in_once_and_nothing_is_found_in_it(tmp_path: Path) -> None:
    with playing(tmp_path) as (brain, bench):
        bench.run("Plan it.", [BASH, EDITOR, SUBMIT_PLAN])
        assert [call["name"] for call in bench.calls].count("submit_plan") == 1
        bench.run(f"The plan: {bench.submitted}", [BASH, EDITOR, SUBMIT_PLAN_CRITIQUE])
        assert bench.submitted == {"findings": []} and brain.notes == []


def test_the_road_ends_at_the_expected_tree(tmp_path: Path) -> None:
    with playing(tmp_path) as (brain, bench):
        bench.run("Tests first.", WRITE)
        assert changed(bench.tree, brain.work.tests) == []
        bench.run("Build it.", BUILD)
        assert changed(bench.tree, brain.work.head) == []
        bench.run("# Thread R1\n\n# Thread R2 (outdated)", [BASH, EDITOR, CHECK, SUBMIT_REVIEW])
        assert changed(bench.tree, brain.work.trees.gold) == []
        assert [answer["thread"] for answer in (bench.submitted or {})["answers"]] == ["R1", "R2"]
        assert brain.notes == []


def test_a_remark_against_a_criterion_is_answered_with_another_wording_of_it(tmp_path: Path) -> None:
    with playing(tmp_path) as (_, bench):
        brief = (
            '# Thread R1\n<quoted-1 what="thread R1, remark 1" author="@mara">\nAgainst all advice, contrary to AC-1, I want a panic.\n</quoted-1>\n'
            '# Thread R2\n<quoted-2 what="thread R2, remark 1">\nIs AC-1 shown? It stands against AC-9.\n</quoted-2>\nAC-1: It saturates.'
        )
        bench.run(brief, [BASH, EDITOR, CHECK, SUBMIT_REVIEW])
        first, second = (bench.submitted or {})["answers"]
    assert (first["kind"], first["promise"], second["kind"]) == ("amends_rfc", "It saturates.", "done")


def test_a_new_dependency_is_asked_for_before_it_is_used(tmp_path: Path) -> None:
    dependency = tool("dependency", name=TEXT, version=TEXT, features=TEXTS, default_features={"type": "boolean"})
    case = load(DEMO)
    base = {"Cargo.toml": File(b'[package]\nname = "x"\n'), "src/lib.rs": File(b"fn one() {}\n")}
    manifest = File(b'[package]\nname = "x"\n\n[dependencies.log]\nversion = "0.4"\nfeatures = ["std"]\n')
    trees = Trees(base, {**base, "Cargo.toml": manifest, "src/lib.rs": File(b"fn one() { log::info!(); }\n")})
    with MessagesServer(OracleBrain(case, trees, ())) as server:
        bench = Bench(server.url, tmp_path / "workspace", base)
        bench.run("Build it.", [*BUILD, dependency])
        [asked] = [call["input"] for call in bench.calls if call["name"] == "dependency"]
    assert asked == {"name": "log", "version": "0.4", "features": ["std"], "default_features": True}


def test_a_change_that_does_not_stand_is_mended_and_handed_in_again(tmp_path: Path) -> None:
    with playing(tmp_path) as (brain, bench):
        bench.run("Tests first.", WRITE)
        bench.run("Build it.", BUILD)
        (bench.workspace / "src" / "pretty.rs").write_text("// spoiled\n")
        spoken = [block for block in bench.messages[-1]["content"] if block["type"] == "tool_use"]
        result = {"type": "tool_result", "tool_use_id": spoken[0]["id"], "content": "Accepted."}
        bench.messages.append({"role": "user", "content": [result, {"type": "text", "text": "It does not stand."}]})
        bench.go_on(BUILD)
        assert changed(bench.tree, brain.work.head) == []
        assert any("was refused" in note for note in brain.notes)


def test_each_mistake_is_mended_only_after_a_check_has_shown_it(tmp_path: Path) -> None:
    with playing(tmp_path, USUAL) as (brain, bench):
        shown: list[str] = []
        honest = honest_check(brain)
        bench.check = lambda tree: shown.append(honest(tree)) or shown[-1]
        bench.run("Tests first.", WRITE)
        shown.clear()
        bench.run("Build it.", BUILD)
        assert [text.splitlines()[-1].strip() for text in shown[:3]] == [
            "error[E0599]: no method",
            "error[E0308]: mismatched types",
            "Diff in src/lib.rs:1",
        ]
        assert [NOT_YET in shown[4], shown[-1]] == [True, "test: ok; 26 passed, 0 failed"]
        assert changed(bench.tree, brain.work.head) == []
        assert brain.notes == []


def test_what_no_check_shows_is_told(tmp_path: Path) -> None:
    with playing(tmp_path, (FaultKind.TYPE,), lambda tree: "everything: ok") as (brain, bench):
        bench.run("Tests first.", WRITE)
        # The probe asks cargo itself; here a script in its place, which sees what the check hides.
        (bench.workspace / "cargo").write_text("#!/bin/sh\necho 'error[E0308]: mismatched types'\n")
        (bench.workspace / "cargo").chmod(0o755)
        bench.path = str(bench.workspace)
        bench.run("Build it.", BUILD)
        assert brain.notes == ["diagnostic for type never shown"]
        (bench.workspace / "cargo").unlink()
        assert changed(bench.tree, brain.work.head) == []


def test_a_repeated_request_gets_the_same_answer(tmp_path: Path) -> None:
    with playing(tmp_path, USUAL) as (_, bench):
        bench.messages = [{"role": "user", "content": "Build it."}]
        first = bench.turn(BUILD)
        bench.messages.pop()
        assert bench.turn(BUILD) == first


def test_the_player_survives_its_server(tmp_path: Path) -> None:
    case, trees = demo()
    with playing(tmp_path, USUAL) as (_, bench):
        bench.run("Tests first.", WRITE)
        messages: list[dict[str, Any]] = bench.messages
    with MessagesServer(OracleBrain(case, trees)) as server:
        again = Bench(server.url, tmp_path / "other", {})
        again.messages = messages[:-1]
        assert again.turn(WRITE) == messages[-1]["content"]


def test_an_edit_that_fails_is_made_good(tmp_path: Path) -> None:
    with playing(tmp_path) as (brain, bench):
        bench.broken_edits = 3
        bench.run("Tests first.", WRITE)
        assert changed(bench.tree, brain.work.tests) == []


def test_a_workspace_in_an_unknown_state_is_brought_to_the_expected_one(tmp_path: Path) -> None:
    with playing(tmp_path) as (brain, bench):
        (bench.workspace / "src" / "pretty.rs").write_text("// something else\n")
        (bench.workspace / "tests" / "columns.rs").write_text("// left over\n")
        bench.run("Build it.", BUILD)
        assert changed(bench.tree, brain.work.head) == []


def test_a_history_that_is_not_the_players_is_refused(tmp_path: Path) -> None:
    with playing(tmp_path) as (_, bench):
        other = {"type": "tool_use", "id": "toolu_x", "name": "bash", "input": {"command": "true"}}
        result = {"type": "tool_result", "tool_use_id": "toolu_x", "content": "ok"}
        bench.messages = [
            {"role": "user", "content": "Build it."},
            {"role": "assistant", "content": [other]},
            {"role": "user", "content": [result]},
        ]
        with pytest.raises(anthropic.BadRequestError, match="not mine"):
            bench.turn(BUILD)
