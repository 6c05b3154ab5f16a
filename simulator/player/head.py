"""What the pull request holds before its review: the solution, but for what the reviewers will ask for."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.case import Case, Edit, Remark, Trees, edited, without
from simulator.player import rust
from simulator.player.edits import hunks
from simulator.trees import SYMLINK, File, Tree

COMMENT = {
    "rs": ("//", ""),
    "toml": ("#", ""),
    "md": ("<!--", " -->"),
    "yml": ("#", ""),
    "yaml": ("#", ""),
    "py": ("#", ""),
}
LEFTOVER = "Not sure yet whether this has to be like that."
DEFAULT_BODY = "The comment above this line says nothing that helps a reader. Please take it out."


def remarks(case: Case, trees: Trees) -> tuple[Remark, ...]:
    """The case's review; for a case without one, a remark about the first changed line of code that bears a comment."""
    return case.review or _own_remark(case, trees)


def head(case: Case, trees: Trees) -> dict[str, File]:
    """The tree that the player builds before anybody reviews it."""
    told = remarks(case, trees)
    result = without(trees.gold, [edit for remark in told for edit in remark.changes])
    for remark in told:
        for path in remark.answered_by:
            _put(result, path, trees.base.get(path))
        if not (remark.answered_by or remark.changes or remark.suggestion or remark.dispute):
            _leave_comment(result, remark)
    if result == dict(trees.gold):
        for remark in _own_remark(case, trees):
            _leave_comment(result, remark)
    return result


def with_suggestions(tree: Tree, some: Sequence[Remark]) -> dict[str, File]:
    """The tree with every suggestion word for word, also those that break something."""
    suggested = [(remark.path, remark.suggestion) for remark in some if remark.suggestion is not None]
    return edited(tree, [Edit(path, suggestion.old, suggestion.new) for path, suggestion in suggested])


def lines_of(tree: Tree, remark: Remark) -> range | None:
    """The lines (from 1) that a remark is written on: those that it wants to replace, else the one with its anchor; None where it has no place."""
    if remark.suggestion is None:
        line = line_of(tree, remark)
        return None if line is None else range(line, line + 1)
    text, old = (tree[remark.path].text if remark.path in tree else None) or "", remark.suggestion.old
    if f"\n{text}".count(f"\n{old}") != 1:
        return None
    first = 1 + f"\n{text}".partition(f"\n{old}")[0].count("\n")
    return range(first, first + old.count("\n"))


def line_of(tree: Tree, remark: Remark) -> int | None:
    """The line (from 1) that a remark is about, or None where the anchor is not in the file."""
    text = tree[remark.path].text if remark.path in tree else None
    if text is None or not remark.anchor.strip():
        return None
    lines = text.splitlines()
    wanted = remark.anchor.strip().splitlines()[0].strip()
    return next((number for number, line in enumerate(lines, start=1) if wanted in line), None)


def _put(tree: dict[str, File], path: str, file: File | None) -> None:
    if file is None:
        tree.pop(path, None)
    else:
        tree[path] = file


def _leave_comment(tree: dict[str, File], remark: Remark) -> None:
    """Puts a superfluous comment above the anchor, where that cannot change what the code means."""
    line = line_of(tree, remark)
    suffix = remark.path.rpartition(".")[2]
    if line is None or suffix not in COMMENT or tree[remark.path].mode == SYMLINK:
        return
    text = tree[remark.path].text or ""
    index = line - 1
    while suffix == "rs" and index > 0 and (rust.is_inside_literal(text, index) or _continues(text, index)):
        index -= 1
    lines = text.splitlines(keepends=True)
    start, end = COMMENT[suffix]
    indent = lines[index][: len(lines[index]) - len(lines[index].lstrip())]
    ending = "\r\n" if lines[index].endswith("\r\n") else "\n"
    lines.insert(index, f"{indent}{start} {LEFTOVER}{end}{ending}")
    tree[remark.path] = File("".join(lines).encode(), tree[remark.path].mode)


def _continues(text: str, index: int) -> bool:
    """Whether line `index` goes on with a doc comment or an expression, so that rustfmt or rustc would mind a comment."""
    lines = text.splitlines()
    previous = lines[index - 1].rstrip()
    if lines[index].lstrip().startswith(("//!", "/*!")):
        return False
    is_fresh = (
        not previous.strip() or previous.endswith((";", "{", "}", ",")) or previous.lstrip().startswith(("//", "#"))
    )
    return not is_fresh or previous.endswith("\\")


def _own_remark(case: Case, trees: Trees) -> tuple[Remark, ...]:
    """A remark about a new line: of code if there is one, at the beginning of a statement if there is one."""
    usable: list[tuple[int, Remark]] = []
    for path in sorted(trees.changed, key=lambda each: ("test" in each, each)):
        file = trees.gold.get(path)
        text = file.text if file is not None else None
        if text is None or path.rpartition(".")[2] not in COMMENT or file is None or file.mode == SYMLINK:
            continue
        old = trees.base[path].text if path in trees.base else None
        tests = rust.test_regions(text) if path.endswith(".rs") else []
        for number in _new_lines(old or "", text):
            rank = _rank(path, text, number)
            if rank is not None:
                # What only tests need is proof, and better left alone.
                rank += 4 * ("test" in path or any(region.start <= number < region.end for region in tests))
                usable.append((rank, Remark(path, text.splitlines()[number].strip(), DEFAULT_BODY)))
    return tuple(remark for _, remark in sorted(usable, key=lambda each: each[0])[:1])


def _rank(path: str, text: str, number: int) -> int | None:
    """How well a line bears a comment above it, 0 best; None if it does not."""
    lines = text.splitlines()
    words = lines[number].strip()
    if number == 0 or len(words) < 5 or sum(words in line for line in lines) != 1:
        return None
    if not path.endswith(".rs"):
        return 3
    begins = words.startswith(("pub ", "fn ", "let ", "if ", "for ", "match ", "impl", "return "))
    is_fresh = not _continues(text, number) and not rust.is_inside_literal(text, number)
    return (0 if begins else 1) if is_fresh else 2


def _new_lines(old: str, new: str) -> Sequence[int]:
    """The numbers (from 0) of the lines that the new text adds."""
    numbers: list[int] = []
    shift = 0
    for hunk in hunks(old, new):
        start = hunk.start + shift
        numbers += range(start, start + len(hunk.new))
        shift += len(hunk.new) - (hunk.end - hunk.start)
    return numbers
