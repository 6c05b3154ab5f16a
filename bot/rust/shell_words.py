"""The words of a shell script: quotes, variables and braces expanded as far as they can be known; runs nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tree_sitter import Node

from bot.rust.expressions import HOLE


@dataclass(slots=True)
class State:
    """What a script carries from command to command; `written` are its lines to $GITHUB_ENV and $GITHUB_OUTPUT.

    `is_open`: something that cannot be followed (`eval`, a sourced file) may have set more variables than are known.
    """

    variables: dict[str, str] = field(default_factory=dict)
    exported: set[str] = field(default_factory=set)
    directory: str = "."
    functions: dict[str, Node] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    certain: bool = True
    tolerated: bool = False
    ended: bool = False
    is_open: bool = False
    depth: int = 0
    stack: list[str] = field(default_factory=list)
    written: dict[str, dict[str, str]] = field(default_factory=lambda: {"GITHUB_ENV": {}, "GITHUB_OUTPUT": {}})

    def copy(self) -> State:
        return State(
            dict(self.variables), set(self.exported), self.directory, self.functions, self.arguments,
            self.certain, self.tolerated, self.ended, self.is_open, self.depth, list(self.stack), self.written,
        )  # fmt: skip

    @property
    def env(self) -> dict[str, str]:
        return {name: value for name, value in self.variables.items() if name in self.exported}


class Words:
    """Expands the nodes of one script under the variables of one state."""

    def __init__(self, source: bytes, state: State) -> None:
        self._source = source
        self._state = state

    def _text(self, node: Node) -> str:
        return self._source[node.start_byte : node.end_byte].decode(errors="replace")

    def _words(self, node: Node) -> list[str]:
        """The words that one argument becomes: unquoted expansions are split, empty ones vanish."""
        text = self._word(node)
        if node.type in ("simple_expansion", "expansion", "command_substitution"):
            return text.split()
        if node.type == "string" and re.fullmatch(r'"\$(?:@|\{@\}|\{\w+\[@\]\})"', self._text(node)):
            return list(self._state.arguments) if "[" not in self._text(node) else text.split()
        if node.type == "concatenation" and any(
            child.type in ("simple_expansion", "expansion") for child in node.named_children
        ):
            return text.split() or [""]
        if node.type in ("word", "concatenation") and (braced := _braces(text)) is not None:
            return braced
        return [text]

    def _word(self, node: Node | None, *, for_pattern: bool = False) -> str:
        if node is None:
            return ""
        match node.type:
            case "raw_string":
                return self._text(node)[1:-1]
            case "ansi_c_string":
                return self._text(node)[2:-1]
            case "string" | "concatenation" | "command_name" | "translated_string":
                return self._joined(node)
            case "simple_expansion" | "expansion":
                return self._expansion(node)
            case "command_substitution":
                # Known only to the run; but the commands in it are run.
                return HOLE
            case "arithmetic_expansion" | "process_substitution":
                return HOLE
        text = self._text(node)
        return text if for_pattern else re.sub(r"\\(?:\n\s*)?(.?)", r"\1", text)

    def _joined(self, node: Node) -> str:
        """The parts of a quoted text or of glued words, with what the grammar leaves between them."""
        out = ""
        position = node.start_byte
        for child in node.children:
            out += self._source[position : child.start_byte].decode(errors="replace")
            position = child.end_byte
            if child.type == '"':
                continue
            text = self._text(child)
            out += re.sub(r'\\(["$`\\\n])', r"\1", text) if child.type == "string_content" else self._word(child)
        return out

    def _expansion(self, node: Node) -> str:
        text = self._text(node)
        if match := re.fullmatch(r"\$\{?(\w+|[@*#?])\}?", text):
            return self._variable(match[1])
        if match := re.fullmatch(r"\$\{(\w+)\[[@*0-9]+\]\}", text):
            return self._variable(match[1])
        if match := re.fullmatch(r"\$\{(\w+)(:?[-=+])(.*)\}", text, re.DOTALL):
            value = self._variable(match[1])
            other = self._inner(match[3])
            if match[2].endswith("+"):
                return other if value else ""
            return value or other
        if match := re.fullmatch(r"\$\{(\w+)(//?)([^/]*)/?([^/]*)\}", text):
            value = self._variable(match[1])
            return value if HOLE in value else value.replace(match[3], match[4], -1 if match[2] == "//" else 1)
        if match := re.fullmatch(r"\$\{(\w+)(##?|%%?)(.*)\}", text):
            return _trimmed(self._variable(match[1]), match[2], match[3])
        if match := re.fullmatch(r"\$\{(\w+)(,,|\^\^)\}", text):
            value = self._variable(match[1])
            return value.lower() if match[2] == ",," else value.upper()
        return HOLE

    def _inner(self, text: str) -> str:
        text = text.strip("\"'")
        return re.sub(r"\$\{?(\w+)\}?", lambda match: self._variable(match[1]), text)

    def _variable(self, name: str) -> str:
        state = self._state
        if name in ("@", "*"):
            return " ".join(state.arguments)
        if name == "#":
            return str(len(state.arguments))
        if name.isdigit():
            index = int(name) - 1
            return state.arguments[index] if 0 <= index < len(state.arguments) else ""
        if name in state.variables:
            return state.variables[name]
        return _GIVEN_BY_RUNNER.get(name, HOLE if state.is_open else "")


# Unset variables are empty, but these the runner or the shell sets.
_GIVEN_BY_RUNNER = dict.fromkeys(["HOME", "PATH", "PWD", "USER", "RUNNER_TEMP", "GITHUB_SHA", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "RANDOM", "?"], HOLE) | {"GITHUB_WORKSPACE": ".", "CI": "true", "GITHUB_ACTIONS": "true", "RUNNER_OS": "Linux", "RUNNER_ARCH": "X64",
     "GITHUB_EVENT_NAME": "pull_request", "OSTYPE": "linux-gnu", "GITHUB_ENV": "GITHUB_ENV",
     "GITHUB_OUTPUT": "GITHUB_OUTPUT"}  # fmt: skip


def _braces(text: str) -> list[str] | None:
    match = re.fullmatch(r"([^{}]*)\{([^{}]*,[^{}]*)\}([^{}]*)", text)
    return [f"{match[1]}{part}{match[3]}" for part in match[2].split(",")] if match else None


def _trimmed(value: str, operator: str, pattern: str) -> str:
    """`${x#p}`, `${x##p}`, `${x%p}`, `${x%%p}`."""
    if HOLE in value:
        return value
    cuts = range(len(value) + 1)
    if operator in ("##", "%"):
        cuts = range(len(value), -1, -1)
    for cut in cuts:
        head, tail = value[:cut], value[cut:]
        if operator[0] == "#" and fnmatchcase(head, pattern):
            return tail
        if operator[0] == "%" and fnmatchcase(tail, pattern):
            return head
    return value
