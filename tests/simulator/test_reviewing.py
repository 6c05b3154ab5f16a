"""Suggestions and disputes in a played review: where they are written, how the player meets them, and what counts as a good end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from simulator import reviewing
from simulator.case import Case, CaseError, Criterion, Dispute, Edit, Remark, Suggestion, Trees, bring, edited, load
from simulator.cases.proof import mistakes_on_paper
from simulator.github.server import GitHubServer
from simulator.github.state import Thread
from simulator.messages.server import MessagesServer
from simulator.player.head import head, lines_of
from simulator.player.oracle import OracleBrain
from simulator.town import Town
from simulator.trees import File, Tree, changed
from tests.simulator.harness import BASH, CHECK, EDITOR, SUBMIT_REVIEW, SUBMIT_RFC, Bench

LIB = "src/lib.rs"
BASE = {LIB: File(b"pub fn one() -> u8 {\n    0\n}\n")}
SOURCE = {LIB: File(b"pub fn one() -> u8 {\n    let it = 1;\n    it\n}\n\npub fn two() -> u8 {\n    2\n}\n")}
PROMISE, WORDING = "`two` is 2.", "`two` is 3."
KEPT = Remark(LIB, "", "Shorter.", suggestion=Suggestion("    let it = 1;\n    it\n", "    1\n"))
REFUSED = Remark(
    LIB,
    "",
    "Like that?",
    edits=(Edit(LIB, "pub fn two() -> u8 {\n", "/// Two.\npub fn two() -> u8 {\n"),),
    suggestion=Suggestion("pub fn two() -> u8 {\n", "pub fn two() {\n", "It does not compile."),
)
DECLINED = Remark(LIB, "", "Or like that?", suggestion=Suggestion("    2\n", "    two\n", "It does not compile."))
DISPUTED = Remark(
    LIB,
    "    2",
    "I know, this is contrary to AC-1.",
    edits=(Edit(LIB, "    2\n", "    3\n"),),
    dispute=Dispute("AC-1", WORDING, "So be it.", is_amended=True),
)
UPHELD = Remark(LIB, "    2", "This is contrary to AC-1.", dispute=Dispute("AC-1", WORDING, "No.", is_amended=False))
REPLY = f"This contradicts version 1 of the RFC, which promises:\n\n> {PROMISE}\n\nInstead:\n\n> {WORDING}\n\n```text\n/rfc Please.\n```"
RFC = "# RFC\n\n- {}\n\n<!-- rfcsmith:rfc -->"


def a_case(*review: Remark) -> tuple[Case, Trees]:
    criteria = (Criterion("AC-1", PROMISE, ("lib::two",)),)
    case = Case("x", "Two", "There should be two.", criteria, ("lib::two",), review, {}, Path())
    return case, Trees(BASE, edited(SOURCE, [edit for remark in review for edit in remark.changes]))


# --- in a case -------------------------------------------------------------------------------------------------------


def test_the_change_before_the_review_lacks_what_the_review_brings() -> None:
    case, trees = a_case(KEPT, REFUSED)
    assert changed(trees.gold, SOURCE) == [LIB]
    assert head(case, trees) == SOURCE
    assert mistakes_on_paper(case, trees) == []
    assert [lines_of(SOURCE, remark) for remark in case.review] == [range(2, 4), range(6, 7)]


def test_an_edit_that_does_not_fit_is_told(tmp_path: Path) -> None:
    data: dict[str, Any] = {"name": "x", "issue": {"title": "Two"}, "base": "base.tar.gz", "gold": "gold.patch"}
    data["review"] = [{"path": LIB, "anchor": "2", "body": "Why?", "edits": [{"old": "nowhere", "new": ""}]}]
    own = Path(__file__).parents[2] / "simulator" / "cases" / "tidytable"
    for name in ("base.tar.gz", "gold.patch"):
        (tmp_path / name).write_bytes((own / name).read_bytes())
    (tmp_path / "case.json").write_text(json.dumps(data))
    with pytest.raises(CaseError, match="'nowhere' does not occur exactly once"):
        bring(load(tmp_path))


def test_a_suggestion_for_old_lines_and_a_dispute_of_nothing_are_mistakes() -> None:
    old = Remark(LIB, "", "Why?", suggestion=Suggestion("pub fn one() -> u8 {\n", "fn one() -> u8 {\n", "No."))
    none = Remark(LIB, "    2", "Why?", dispute=Dispute("AC-9", "", "", is_amended=False))
    assert mistakes_on_paper(*a_case(KEPT, old, none)) == [
        f"{LIB}: the suggestion is for no added line",
        "AC-9 is disputed, but there is no such criterion",
    ]


def test_a_suggestion_is_written_on_the_lines_that_it_replaces_and_nowhere_else() -> None:
    case, trees = a_case(KEPT)
    (there,) = reviewing.placed(case, trees, SOURCE, {LIB: [1, 2, 3, 4]})
    assert (there.lines, there.body) == (range(2, 4), "Shorter.\n\n```suggestion\n    1\n```")
    (elsewhere,) = reviewing.placed(case, trees, SOURCE, {LIB: [4]})
    assert (elsewhere.lines, elsewhere.body) == (range(4, 5), "Shorter.")


def test_lines_that_were_there_before_do_not_count_as_suggested() -> None:
    fewer = Suggestion("    let it = 1;\n    it\n", "    it\n")
    assert not fewer.stands_in(SOURCE[LIB].text or "")
    assert fewer.stands_in(edited(SOURCE, [Edit(LIB, fewer.old, fewer.new)])[LIB].text or "")
    more = Suggestion("    2\n", "    // Two.\n    2\n")
    assert more.stands_in(edited(SOURCE, [Edit(LIB, more.old, more.new)])[LIB].text or "")


def test_what_is_disputed_is_not_built_at_first() -> None:
    case, trees = a_case(KEPT, DISPUTED)
    text = (reviewing.before_disputes(case, trees)[LIB].text or "").split("pub fn two")
    assert ("    1\n" in text[0], "    2\n" in text[1]) == (True, True)


# --- played ----------------------------------------------------------------------------------------------------------


@contextmanager
def playing(path: Path, workspace: Tree, *review: Remark) -> Iterator[tuple[OracleBrain, Bench]]:
    brain = OracleBrain(*a_case(*review), ())
    with MessagesServer(brain) as server:
        yield brain, Bench(server.url, path / "workspace", workspace)


def a_brief(*remarks: str) -> str:
    said = (
        f'# Thread R{n}\n<quoted-{n} what="thread R{n}, remark 1">\n{text}\n</quoted>'
        for n, text in enumerate(remarks, 1)
    )
    return "\n".join([*said, f"AC-1: {PROMISE}"])


def reviewed(bench: Bench, brief: str) -> list[dict[str, Any]]:
    bench.run(brief, [BASH, EDITOR, CHECK, SUBMIT_REVIEW])
    return list((bench.submitted or {})["answers"])


def test_a_suggestion_that_stands_in_the_workspace_is_left_as_it_is(tmp_path: Path) -> None:
    case, trees = a_case(KEPT)
    with playing(tmp_path, trees.gold, KEPT) as (brain, bench):
        (answer,) = reviewed(bench, a_brief(KEPT.body))
        assert answer["kind"] == "done" and bench.tree == trees.gold and brain.notes == []
        assert not [call for call in bench.calls if call["name"] == EDITOR["name"]]


def suggested(remark: Remark) -> dict[str, File]:
    """The change before the review with the suggestion of a remark, and with the one that can be kept."""
    edits = [(each.path, each.suggestion) for each in (KEPT, remark) if each.suggestion is not None]
    return edited(SOURCE, [Edit(path, suggestion.old, suggestion.new) for path, suggestion in edits])


@pytest.mark.parametrize(("remark", "kind"), [(REFUSED, "done"), (DECLINED, "declined")])
def test_a_suggestion_that_breaks_something_is_seen_to_break_it_and_not_kept(
    tmp_path: Path, remark: Remark, kind: str
) -> None:
    with playing(tmp_path, suggested(remark), KEPT, remark) as (brain, bench):
        trials: list[Tree] = []
        bench.check = lambda tree: trials.append(tree) or "error[E0308]: mismatched types"
        kept, refused = reviewed(bench, a_brief(KEPT.body, remark.body))
        assert (kept["kind"], refused["kind"], refused["text"]) == ("done", kind, "It does not compile.")
        assert [trials[0], bench.tree] == [suggested(remark), brain.work.trees.gold]
        assert brain.notes == []


def test_a_broken_suggestion_that_no_check_shows_is_told(tmp_path: Path) -> None:
    with playing(tmp_path, suggested(DECLINED), KEPT, DECLINED) as (brain, bench):
        reviewed(bench, a_brief(KEPT.body, DECLINED.body))
        assert brain.notes == ["diagnostic for a suggestion that breaks something never shown"]


def test_what_contradicts_the_rfc_is_built_when_a_maintainer_has_settled_it(tmp_path: Path) -> None:
    with playing(tmp_path, SOURCE, DISPUTED) as (brain, bench):
        (answer,) = reviewed(bench, a_brief(DISPUTED.body))
        assert (answer["kind"], answer["promise"], answer["wording"]) == ("amends_rfc", PROMISE, WORDING)
        assert bench.tree == SOURCE
        again = a_brief(DISPUTED.body) + '\n<quoted-9 what="thread R1, remark 3">\nSo be it.\n</quoted>'
        (answer,) = reviewed(bench, again)
        assert (answer["kind"], answer["text"]) == ("done", "Built as the RFC has it now.")
        assert bench.tree == brain.work.trees.gold


def test_a_new_version_of_the_rfc_says_what_was_asked_for(tmp_path: Path) -> None:
    with playing(tmp_path, BASE, DISPUTED) as (_, bench):
        bench.run("Design it.", [BASH, EDITOR, SUBMIT_RFC])
        assert [each["text"] for each in (bench.submitted or {})["criteria"]] == [PROMISE]
        bench.run(f"Let it say\n\n> {WORDING}", [BASH, EDITOR, SUBMIT_RFC])
        assert [each["text"] for each in (bench.submitted or {})["criteria"]] == [WORDING]


# --- in the end ------------------------------------------------------------------------------------------------------


@pytest.fixture
def thread() -> Iterator[Thread]:
    with GitHubServer() as github:
        town = Town(github, "x", BASE)
        town.invite()
        with town.world.lock:
            town.changes.push_files(town.repository, town.maintainer, "two", {LIB: SOURCE[LIB].text}, "Two")
            pull_request = town.changes.open_pull_request(
                town.repository, town.reader, head="two", base="main", title="Two", body=""
            )
        (made,) = town.review(pull_request, [(LIB, range(2, 4), "Shorter.")], "One remark.")
        assert (made.comments[0].author, town.is_answered(made), town.answers(made)) == (town.maintainer, False, [])
        yield made


@pytest.mark.parametrize(
    ("remark", "answers", "rfc"),
    [
        (KEPT, ["Applied as suggested in 0123456789ab."], PROMISE),
        (REFUSED, ["Done in 0123456789ab, but not word for word as suggested. It does not compile."], PROMISE),
        (DECLINED, ["It does not compile."], PROMISE),
        (DISPUTED, [REPLY, "Done."], WORDING),
        (UPHELD, [REPLY, "Done."], PROMISE),
    ],
)
def test_each_remark_has_a_good_end(thread: Thread, remark: Remark, answers: list[str], rfc: str) -> None:
    case, trees = a_case(remark)
    found = reviewing.found([(remark, thread)], {str(thread.id): answers}, [RFC.format(rfc)], case, trees.gold)
    assert found["problems"] == []
    assert sum([*found["suggestions"].values(), *found["disputes"].values()]) == 1


@pytest.mark.parametrize(
    ("remark", "answers", "rfc", "words"),
    [
        (KEPT, [], PROMISE, "0 answers instead of 1"),
        (KEPT, ["Applied as suggested in 0.", "Once more."], PROMISE, "2 answers instead of 1"),
        (KEPT, ["Done in 0."], PROMISE, "does not say that the suggestion was applied"),
        (KEPT, ["Applied as suggested in 0."], PROMISE, "not in the tree word for word"),
        (DECLINED, ["It does not compile."], PROMISE, "though they break something"),
        (DECLINED, ["No."], PROMISE, "does not say why"),
        (REFUSED, ["It does not compile."], PROMISE, "does not say that the suggestion was changed"),
        (DISPUTED, [REPLY, "Done."], PROMISE, "the RFC was not amended"),
        (DISPUTED, [REPLY, "Done."], f"{PROMISE} {WORDING}", "still holds the old promise"),
        (DISPUTED, ["Done.", "Done."], WORDING, "proposes no amendment"),
        (UPHELD, [REPLY, "Done."], WORDING, "though the maintainer upheld it"),
        (UPHELD, [REPLY, "Done."], "", "lost a promise"),
    ],
)
def test_each_bad_end_of_a_remark_is_named(
    thread: Thread, remark: Remark, answers: list[str], rfc: str, words: str
) -> None:
    case, _ = a_case(remark)
    tree = SOURCE if remark is KEPT else suggested(remark)
    found = reviewing.found([(remark, thread)], {str(thread.id): answers}, [RFC.format(rfc)], case, tree)
    assert any(words in problem for problem in found["problems"]), found["problems"]
