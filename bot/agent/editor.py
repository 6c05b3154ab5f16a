"""The text editor tool: views and edits text files of the workspace on the host's side, and explains what went wrong.

It reads and writes through `WorkspaceFiles`, which never follows a link out of the workspace. A view numbers its lines
and never cuts a file in the middle: what does not fit is left out at the end, and the view says how to see it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from posixpath import normpath

from bot.agent.quote import printable
from bot.agent.tools import BadCall
from bot.sandbox.workspace import INSIDE, WorkspaceFiles

VIEW_LIMIT = 16_000
"""Characters of one view."""

LINE_LIMIT = 1_000
"""Characters of a line that a view shows; only generated files have longer ones."""

CONTEXT_LINES = 4
"""Lines around an edit that are shown after it."""


@dataclass(frozen=True, slots=True)
class Editor:
    """`act` carries out one call; `is_read_only` leaves only `view`."""

    files: WorkspaceFiles
    is_read_only: bool = False

    def act(self, given: Mapping[str, object]) -> str:
        """Carry out one call and say what came of it. Raises `BadCall` with the reason where it cannot be done."""
        command = _text(given, "command")
        if command not in ("view", "create", "str_replace", "insert"):
            raise BadCall(f"There is no command {command!r}; there are view, create, str_replace and insert.")
        path = relative(_text(given, "path"))
        if command == "view":
            return self._view(path, given)
        if self.is_read_only:
            raise BadCall("This conversation only reads: the workspace cannot be changed here. Only `view` works.")
        if path == ".":
            raise BadCall("The path is the workspace itself; name a file in it.")
        try:
            match command:
                case "create":
                    return self._create(path, given)
                case "str_replace":
                    return self._replace(path, given)
                case _:
                    return self._insert(path, given)
        except OSError as error:
            raise BadCall(f"{path} cannot be changed: {_reason(error)}.") from error

    # --- view ---

    def _view(self, path: str, given: Mapping[str, object]) -> str:
        try:
            data = self.files.read(path)
        except IsADirectoryError:
            return self._listing(path)
        except FileNotFoundError as error:
            raise BadCall(f"There is no {path}.{self._neighbours(path)}") from error
        except OSError as error:
            raise BadCall(f"{path} cannot be read: {_reason(error)}.") from error
        lines = _decode(path, data).split("\n")
        if lines[-1] == "":
            lines.pop()
        if not lines:
            return f"{path} is empty."
        first, last = _range(given.get("view_range"), len(lines), path)
        return _numbered(path, lines, first, last)

    def _listing(self, path: str) -> str:
        """Two levels of a directory; hidden entries, and what is deeper, are left out."""
        rows: list[str] = []
        for name in self._names(path):
            rows.append(name)
            if name.endswith("/"):
                rows += [name + inner for inner in self._names(f"{path}/{name}".removeprefix("./").rstrip("/"))]
        shown = rows[:500]
        more = f"\n({len(rows) - len(shown)} more; view a subdirectory)" if len(rows) > len(shown) else ""
        return f"{path}/ holds:\n" + printable("\n".join(shown)) + more

    def _names(self, path: str) -> list[str]:
        try:
            return [name for name in self.files.list(path) if not name.startswith(".") and name != "target/"]
        except OSError:
            return []

    def _neighbours(self, path: str) -> str:
        """Where a file of that name might be, told with a path that does not exist."""
        directory, _, name = path.rpartition("/")
        names = [entry.rstrip("/") for entry in self._names(directory or ".")]
        close = difflib.get_close_matches(name, names, n=3)
        prefix = f"{directory}/" if directory else ""
        return f" Did you mean {' or '.join(prefix + entry for entry in close)}?" if close else ""

    # --- edits ---

    def _create(self, path: str, given: Mapping[str, object]) -> str:
        text = _text(given, "file_text")
        try:
            before = self.files.read(path)
        except OSError:
            before = None
        self.files.write(path, text.encode())
        count = text.count("\n") + (not text.endswith("\n") and text != "")
        if before is None:
            return f"Created {path} with {count} lines."
        return f"Replaced the whole of {path}, which had {before.count(10)} lines; it has {count} now."

    def _replace(self, path: str, given: Mapping[str, object]) -> str:
        text = self._read_for_edit(path)
        old, new = _text(given, "old_str"), _text(given, "new_str", default="")
        if not old:
            raise BadCall("old_str is empty; give the text to be replaced, or use `insert`.")
        if old not in text and "\r\n" in text:
            old, new = _crlf(old), _crlf(new)  # the model sees and writes line feeds; the file keeps its own line ends
        count = text.count(old)
        if count == 0:
            raise BadCall(_no_match(path, text, old))
        if count > 1:
            places = ", ".join(str(line) for line in _line_numbers(text, old)[:10])
            raise BadCall(
                f"old_str occurs {count} times in {path}, beginning on lines {places}; nothing was changed. "
                "Add lines around it until it occurs once."
            )
        if old == new:
            raise BadCall("new_str equals old_str; nothing was changed.")
        position = text.index(old)
        self.files.write(path, (text[:position] + new + text[position + len(old) :]).encode())
        first = text.count("\n", 0, position) + 1
        return self._shown_after(path, first, first + new.count("\n"))

    def _insert(self, path: str, given: Mapping[str, object]) -> str:
        text = self._read_for_edit(path)
        line = given.get("insert_line")
        if not isinstance(line, int) or isinstance(line, bool):
            raise BadCall("insert_line is missing: the number of the line after which to insert, 0 for the beginning.")
        new = _text(given, "insert_text" if "insert_text" in given else "new_str")
        end = "\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n"
        lines = _keep_ends(text)
        if not 0 <= line <= len(lines):
            raise BadCall(f"insert_line is {line}, but {path} has {len(lines)} lines; nothing was changed.")
        if lines and line == len(lines) and not lines[-1].endswith("\n"):
            lines[-1] += end
        inserted = _crlf(new) if end == "\r\n" else new
        if not inserted.endswith("\n"):
            inserted += end
        self.files.write(path, "".join([*lines[:line], inserted, *lines[line:]]).encode())
        return self._shown_after(path, line + 1, line + inserted.count("\n"))

    def _read_for_edit(self, path: str) -> str:
        try:
            return _decode(path, self.files.read(path))
        except FileNotFoundError as error:
            raise BadCall(f"There is no {path}; use `create` to make it.{self._neighbours(path)}") from error

    def _shown_after(self, path: str, first: int, last: int) -> str:
        lines = self.files.read(path).decode().split("\n")
        if lines[-1] == "":
            lines.pop()
        if not lines:
            return f"Edited {path}; it is empty now."
        first, last = max(1, first - CONTEXT_LINES), min(len(lines), last + CONTEXT_LINES)
        if last - first < 6 * CONTEXT_LINES:
            return "Edited. " + _numbered(path, lines, first, max(first, last))
        begin, end = first + 2 * CONTEXT_LINES, last - 2 * CONTEXT_LINES
        return (
            f"Edited. {_numbered(path, lines, first, begin)}\n"
            f"[… {end - begin - 1} more lines of yours …]\n{_numbered(path, lines, end, last)}"
        )


def relative(path: str) -> str:
    """A path as the model writes it (absolute under /workspace, or relative to it), relative to the workspace."""
    inside = path.strip()
    if inside == INSIDE or inside.startswith(INSIDE + "/"):
        inside = inside[len(INSIDE) :].lstrip("/") or "."
    elif inside.startswith("/"):
        raise BadCall(f"{inside} is outside {INSIDE}; this tool works only there. Use bash to read other files.")
    inside = normpath(inside)
    if inside == ".." or inside.startswith("../") or "\0" in inside:
        raise BadCall(f"{path} is outside {INSIDE}; this tool works only there.")
    return inside


def _numbered(path: str, lines: Sequence[str], first: int, last: int) -> str:
    shown: list[str] = []
    size, number = 0, first
    for number in range(first, last + 1):
        line = printable(lines[number - 1].removesuffix("\r"))
        if len(line) > LINE_LIMIT:
            line = f"{line[:LINE_LIMIT]} … ({len(line) - LINE_LIMIT} more characters in this line)"
        size += len(line) + 8
        if size > VIEW_LIMIT and shown:
            number -= 1
            break
        shown.append(f"{number:6}\t{line}")
    head = f"{path}, lines {first} to {number} of {len(lines)}:"
    if number < last:
        end = min(last, number + len(shown))
        tail = f"\n(lines {number + 1} to {last} left out; see them with view_range [{number + 1}, {end}])"
    else:
        tail = ""
    return head + "\n" + "\n".join(shown) + tail


def _range(given: object, count: int, path: str) -> tuple[int, int]:
    if given is None:
        return 1, count
    numbers = [part for part in given if type(part) is int] if isinstance(given, list) else []
    if not isinstance(given, list) or len(numbers) != 2 or len(given) != 2:
        raise BadCall("view_range is a pair of line numbers, for example [120, 180]; -1 means the end of the file.")
    first, last = max(numbers[0], 1), count if numbers[1] == -1 else min(numbers[1], count)
    if first > last:
        raise BadCall(f"{path} has {count} lines; view_range {numbers} shows none of them.")
    return first, last


def _no_match(path: str, text: str, old: str) -> str:
    """Say why `old` does not occur, by what in the file comes nearest to it."""
    said = f"old_str does not occur in {path}; nothing was changed."
    lines, wanted = text.removesuffix("\n").split("\n"), old.strip("\n").split("\n")
    stripped, target = [line.strip() for line in lines], [line.strip() for line in wanted]
    for start in range(len(lines) - len(wanted) + 1):
        if stripped[start : start + len(wanted)] == target:
            return f"{said} Only white space differs. {_numbered(path, lines, start + 1, start + len(wanted))}"
    matcher = difflib.SequenceMatcher(autojunk=False)
    key = max(target, key=len)
    matcher.set_seq2(key)
    best, best_ratio = 0, 0.0
    for number, line in enumerate(stripped[:20_000]):
        matcher.set_seq1(line)
        if matcher.real_quick_ratio() > best_ratio and matcher.quick_ratio() > best_ratio:
            ratio = matcher.ratio()
            if ratio > best_ratio:
                best, best_ratio = number, ratio
    if best_ratio < 0.6:
        return f"{said} No line resembles it: view the file again."
    start = max(0, best - target.index(key))
    first, last = max(1, start), min(len(lines), start + len(wanted) + 1)
    return f"{said} The nearest place: {_numbered(path, lines, first, max(first, min(last, first + 40)))}"


def _line_numbers(text: str, old: str) -> list[int]:
    return [text.count("\n", 0, match.start()) + 1 for match in re.finditer(re.escape(old), text)]


def _decode(path: str, data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise BadCall(
            f"{path} is no UTF-8 text ({len(data)} bytes); use bash (`file`, `xxd`) to look at it."
        ) from error
    if "\0" in text:
        raise BadCall(f"{path} is a binary file ({len(data)} bytes); use bash (`file`, `xxd`) to look at it.")
    return text


def _text(given: Mapping[str, object], name: str, default: str | None = None) -> str:
    value = given.get(name, default)
    if not isinstance(value, str):
        raise BadCall(f"{name} is missing: a text is needed.")
    return value


def _crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def _keep_ends(text: str) -> list[str]:
    """Lines with their line feeds; unlike `str.splitlines`, nothing else ends a line."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).strip().rstrip(".")
