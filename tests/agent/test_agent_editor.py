"""The text editor tool on a real directory: what it shows, what it changes, and how it explains what it does not."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from bot.agent.editor import VIEW_LIMIT
from bot.domain import Assignment


@pytest.fixture
def code(bench):  # type: ignore[no-untyped-def]
    bench.write("src/lib.rs", "pub fn one() -> u8 {\n\t1\n}\n\npub fn two() -> u8 {\n\t2\n}\n")
    return bench


def test_a_view_numbers_its_lines(code) -> None:
    text = code.edit("view", "/workspace/src/lib.rs").text
    assert text.splitlines()[0] == "src/lib.rs, lines 1 to 7 of 7:"
    assert text.splitlines()[2] == "     2\t\t1"


@pytest.mark.parametrize(
    "path", ["src/lib.rs", "./src/lib.rs", "/workspace/src/lib.rs", "/workspace/src/../src/lib.rs"]
)
def test_every_way_to_write_a_path_is_understood(code, path: str) -> None:
    assert not code.edit("view", path).is_error


def test_a_part_can_be_viewed(code) -> None:
    assert code.edit("view", "src/lib.rs", view_range=[5, 6]).text == (
        "src/lib.rs, lines 5 to 6 of 7:\n     5\tpub fn two() -> u8 {\n     6\t\t2"
    )
    assert code.edit("view", "src/lib.rs", view_range=[7, -1]).text.endswith("     7\t}")
    assert code.edit("view", "src/lib.rs", view_range=[6, 999]).text.startswith("src/lib.rs, lines 6 to 7 of 7")


@pytest.mark.parametrize("view_range", [[9, 12], [5, 2], "5-6", [1], [1, 2, 3], ["1", "2"], [True, 2]])
def test_an_impossible_part_is_explained(code, view_range: object) -> None:
    result = code.edit("view", "src/lib.rs", view_range=view_range)
    assert result.is_error
    assert "7 lines" in result.text or "pair of line numbers" in result.text


def test_a_huge_file_is_shown_from_its_beginning_and_says_how_to_see_the_rest(bench) -> None:
    bench.write("big.rs", "".join(f"// line {n} {'x' * 60}\n" for n in range(1, 5001)))
    text = bench.edit("view", "big.rs").text
    assert len(text) < VIEW_LIMIT + 500
    last = int(text.splitlines()[-2].split("\t")[0])
    assert f"(lines {last + 1} to 5000 left out; see them with view_range [{last + 1}, {2 * last}])" in text
    more = bench.edit("view", "big.rs", view_range=[last + 1, 2 * last]).text
    assert f"// line {last + 1} " in more


def test_an_endless_line_is_shortened(bench) -> None:
    bench.write("min.js", "a" * 100_000 + "\nb\n")
    text = bench.edit("view", "min.js").text
    assert "99000 more characters in this line" in text and text.endswith("     2\tb")


def test_a_directory_is_listed_two_levels_deep(code) -> None:
    code.write("src/inner/deep/x.rs", "")
    code.write(".git/config", "")
    text = code.edit("view", "/workspace").text
    assert text.splitlines() == ["./ holds:", "src/", "src/inner/", "src/lib.rs"]


def test_a_wrong_path_names_its_neighbours(code) -> None:
    result = code.edit("view", "src/libs.rs")
    assert result.is_error and "Did you mean src/lib.rs?" in result.text


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret", "/workspace/../etc/passwd", "src/../../x"])
def test_nothing_outside_of_the_workspace_is_touched(code, path: str) -> None:
    for result in (code.edit("view", path), code.edit("create", path, file_text="x")):
        assert result.is_error and "outside /workspace" in result.text


def test_links_are_not_followed(code, tmp_path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    os.symlink(outside / "secret", code.root / "link")
    os.symlink(outside, code.root / "directory")
    for path in ("link", "directory/secret"):
        viewed = code.edit("view", path)
        assert viewed.is_error and "symbolic link" in viewed.text and "secret" not in viewed.text.replace(path, "")
        assert code.edit("create", path, file_text="x").is_error
        assert code.edit("str_replace", path, old_str="secret", new_str="x").is_error
    assert (outside / "secret").read_text() == "secret"


def test_binary_files_are_named_as_such(bench) -> None:
    bench.write("a.png", b"\x89PNG\r\n\x1a\n\xff\xfe")
    bench.write("b.bin", b"text\0more")
    assert "no UTF-8 text" in bench.edit("view", "a.png").text
    assert "binary file" in bench.edit("str_replace", "b.bin", old_str="text", new_str="x").text


def test_invisible_characters_are_shown(bench) -> None:
    bench.write("a.rs", 'let a = "\u202e";\n')
    assert "\\u{202e}" in bench.edit("view", "a.rs").text


def test_a_replacement_shows_what_came_of_it(code) -> None:
    result = code.edit("str_replace", "src/lib.rs", old_str="\t1\n", new_str="\t0 + 1\n")
    assert not result.is_error
    assert result.text.startswith("Edited. src/lib.rs, lines 1 to 7 of 7:") and "     2\t\t0 + 1" in result.text
    assert code.read("src/lib.rs").startswith("pub fn one() -> u8 {\n\t0 + 1\n}\n")


def test_a_missing_replacement_deletes(code) -> None:
    assert not code.edit("str_replace", "src/lib.rs", old_str="pub fn one() -> u8 {\n\t1\n}\n\n").is_error
    assert code.read("src/lib.rs") == "pub fn two() -> u8 {\n\t2\n}\n"


def test_two_matches_are_told_with_their_lines_and_change_nothing(code) -> None:
    before = code.read("src/lib.rs")
    result = code.edit("str_replace", "src/lib.rs", old_str="() -> u8 {", new_str="() -> u16 {")
    assert result.is_error and "occurs 2 times in src/lib.rs, beginning on lines 1, 5" in result.text
    assert code.read("src/lib.rs") == before


def test_no_match_shows_the_nearest_place(code) -> None:
    result = code.edit("str_replace", "src/lib.rs", old_str="pub fn tow() -> u8 {\n\t2", new_str="x")
    assert result.is_error and "does not occur" in result.text
    assert "     5\tpub fn two() -> u8 {" in result.text
    assert "src/lib.rs, lines 4 to 7 of 7:" in result.text


def test_no_match_but_for_white_space_says_so(code) -> None:
    result = code.edit("str_replace", "src/lib.rs", old_str="pub fn two() -> u8 {\n    2\n}", new_str="x")
    assert result.is_error and "Only white space differs" in result.text and "lines 5 to 7" in result.text


def test_no_match_at_all_says_to_look_again(code) -> None:
    result = code.edit("str_replace", "src/lib.rs", old_str="@@@@@@@@ ######## %%%%%%%%", new_str="x")
    assert result.is_error and "view the file again" in result.text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"old_str": "", "new_str": "x"}, "old_str is empty"),
        ({"new_str": "x"}, "old_str is missing"),
        ({"old_str": 5, "new_str": "x"}, "old_str is missing"),
        ({"old_str": "\t1\n", "new_str": "\t1\n"}, "equals"),
    ],
)
def test_a_senseless_replacement_is_refused(code, given: dict[str, object], said: str) -> None:
    result = code.edit("str_replace", "src/lib.rs", **given)
    assert result.is_error and said in result.text


def test_line_ends_of_windows_stay(bench) -> None:
    bench.write("win.rs", b"fn a() {\r\n    1\r\n}\r\n")
    assert "     2\t    1" in bench.edit("view", "win.rs").text and "\r" not in bench.edit("view", "win.rs").text
    assert not bench.edit("str_replace", "win.rs", old_str="{\n    1\n", new_str="{\n    1;\n    2\n").is_error
    assert not bench.edit("insert", "win.rs", insert_line=0, insert_text="// a\n// b").is_error
    assert (bench.root / "win.rs").read_bytes() == b"// a\r\n// b\r\nfn a() {\r\n    1;\r\n    2\r\n}\r\n"


def test_text_is_inserted_after_a_line(code) -> None:
    code.edit("insert", "src/lib.rs", insert_line=0, insert_text="//! Top.\n")
    code.edit("insert", "src/lib.rs", insert_line=4, insert_text="// after four")
    result = code.edit("insert", "src/lib.rs", insert_line=9, insert_text="// end\n")
    assert not result.is_error
    lines = code.read("src/lib.rs").split("\n")
    assert (lines[0], lines[4], lines[-2], lines[-1]) == ("//! Top.", "// after four", "// end", "")


def test_of_a_long_insertion_both_ends_are_shown(bench) -> None:
    bench.write("a.txt", "first\nlast\n")
    shown = bench.edit("insert", "a.txt", insert_line=1, insert_text="".join(f"{n}\n" for n in range(2, 102))).text
    assert shown.splitlines()[:2] == ["Edited. a.txt, lines 1 to 9 of 102:", "     1\tfirst"]
    assert "\n     9\t9\n[… 84 more lines of yours …]\na.txt, lines 94 to 102 of 102:\n    94\t94\n" in shown
    assert shown.endswith("   101\t101\n   102\tlast")


def test_text_is_inserted_behind_a_last_line_without_end(bench) -> None:
    bench.write("a.txt", "one")
    bench.edit("insert", "a.txt", insert_line=1, insert_text="two")
    assert bench.read("a.txt") == "one\ntwo\n"


@pytest.mark.parametrize("line", [-1, 99, "3", None])
def test_an_impossible_place_to_insert_is_explained(code, line: object) -> None:
    before = code.read("src/lib.rs")
    result = code.edit("insert", "src/lib.rs", insert_line=line, insert_text="x")
    assert result.is_error and ("7 lines" in result.text or "number of the line" in result.text)
    assert code.read("src/lib.rs") == before


def test_a_file_is_created_with_its_directories(bench) -> None:
    assert bench.edit("create", "tests/it/a.rs", file_text="one\ntwo\n").text == "Created tests/it/a.rs with 2 lines."
    assert bench.edit("create", "tests/it/a.rs", file_text="three").text == (
        "Replaced the whole of tests/it/a.rs, which had 2 lines; it has 1 now."
    )
    assert bench.read("tests/it/a.rs") == "three"


def test_editing_a_file_that_is_not_there_says_how_to_make_it(bench) -> None:
    result = bench.edit("str_replace", "no.rs", old_str="a", new_str="b")
    assert result.is_error and "use `create`" in result.text


def test_an_unknown_command_names_the_known_ones(bench) -> None:
    assert "view, create, str_replace and insert" in bench.edit("undo_edit", "a.rs").text


@pytest.mark.parametrize("assignment", [Assignment.RFC, Assignment.PLAN])
def test_where_the_workspace_is_only_read_nothing_is_changed(
    make_bench: Callable[..., object], assignment: Assignment
) -> None:
    bench = make_bench(assignment)
    bench.write("a.rs", "fn a() {}\n")
    for result in (
        bench.edit("create", "b.rs", file_text="x"),
        bench.edit("str_replace", "a.rs", old_str="a", new_str="b"),
        bench.edit("insert", "a.rs", insert_line=0, insert_text="x"),
    ):
        assert result.is_error and "only reads" in result.text
    assert not bench.edit("view", "a.rs").is_error
    assert sorted(path.name for path in bench.root.iterdir()) == ["a.rs"]
