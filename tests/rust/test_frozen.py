"""What a human must see of tests that were weakened, and that honest work gives at most one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cheats import CHEATS, HONEST, MOST_LINES, MOST_LINES_IF_HONEST, TREE, after
from bot.rust import tests
from bot.rust.frozen import is_watched, weakened
from simulator import case


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_is_named_in_at_most_five_lines(cheat: str) -> None:
    edits, words = CHEATS[cheat]
    lines = weakened(TREE, after(edits))
    assert any(words in line.sentence for line in lines), lines
    assert len(lines) <= MOST_LINES


@pytest.mark.parametrize("work", HONEST)
def test_honest_work_gets_at_most_one_line(work: str) -> None:
    assert len(weakened(TREE, after(HONEST[work]))) <= MOST_LINES_IF_HONEST


@pytest.mark.parametrize("name", ["demo", "mdlinks", "tidytable"])
def test_the_solution_of_a_case_gets_at_most_one_line(name: str) -> None:
    trees = case.bring(case.load(Path(case.__file__).parent / "cases" / name))
    before, solved = (
        {
            path: file.data.decode(errors="backslashreplace")
            for path, file in tree.items()
            if path.endswith((".rs", "Cargo.toml")) or is_watched(path)
        }
        for tree in (trees.base, trees.gold)
    )
    assert before != solved
    assert len(weakened(before, solved)) <= MOST_LINES_IF_HONEST


def test_a_test_that_only_asserts_more_is_worth_no_line() -> None:
    assert weakened(TREE, after(HONEST["a stricter test"])) == ()
    earlier = TREE["src/lib.rs"].replace(
        "        assert_eq!(area(2", "        return;\n        assert_eq!(area(1, 1), 1);\n        assert_eq!(area(2"
    )
    assert len(weakened(TREE, TREE | {"src/lib.rs": earlier})) == 1


def test_a_test_that_is_only_renamed_is_worth_no_line() -> None:
    name = next(iter(tests.tests_of(TREE).values()))
    short = name.name.rpartition("::")[2]
    other = TREE[name.path].replace(f"fn {short}(", "fn named_anew(")
    assert other != TREE[name.path] and weakened(TREE, TREE | {name.path: other}) == ()


def test_a_habit_takes_one_line_however_often_it_was_found() -> None:
    many = {f"tests/data/{number}.txt": "1" for number in range(9)}
    (line,) = weakened(TREE | many, TREE | dict.fromkeys(many, "2"))
    assert line.place == "tests/data/0.txt, tests/data/1.txt, tests/data/2.txt (and 6 more)"


def test_what_is_neither_rust_nor_a_manifest_is_watched_only_where_tests_or_builds_read_it() -> None:
    assert all(map(is_watched, ["tests/data/rows.txt", ".cargo/config.toml", "x/build.rs", "src/snapshots/a.snap"]))
    assert not any(map(is_watched, ["README.md", "src/rows.txt", "docs/build.md"]))
