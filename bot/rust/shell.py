"""Follows a shell script without running it, and tells which commands it would run, with their words and environment.

Reads with tree-sitter's bash grammar and keeps track of variables, directories, conditions, loops and functions as far as
they can be known. Where a condition cannot be known both ways are followed; what an unknown word holds is `HOLE`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from posixpath import join, normpath

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from bot.rust.expressions import HOLE, OPEN
from bot.rust.shell_words import State, Words

_LANGUAGE = Language(tree_sitter_bash.language())
MAX_DEPTH = 12
MAX_LOOP = 64


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command as it would run: `text` is its source, `env` the variables that it would see, `is_certain` whether no
    unknown condition stands before it; `is_tolerated` where its failure changes nothing (`|| true`)."""

    words: tuple[str, ...]
    env: dict[str, str]
    directory: str
    text: str
    is_certain: bool = True
    is_tolerated: bool = False


Handler = Callable[[Invocation, State], bool | None]


def follow(script: str, state: State, handler: Handler) -> None:
    """Follows `script`; each command goes to `handler`, which may answer whether it succeeds (None: not known)."""
    if state.depth > MAX_DEPTH:
        return
    source = script.encode()
    _Walker(source, state, handler).statements(Parser(_LANGUAGE).parse(source).root_node.named_children)


class _Walker(Words):
    """One pass over one syntax tree; answers of the visiting methods are exit verdicts: True, False, None for unknown."""

    def __init__(self, source: bytes, state: State, handler: Handler) -> None:
        super().__init__(source, state)
        self._handler = handler

    def statements(self, nodes: Iterable[Node]) -> bool | None:
        verdict: bool | None = True
        for node in nodes:
            if self._state.ended:
                break
            verdict = self.visit(node)
        return verdict

    def visit(self, node: Node) -> bool | None:
        method = getattr(self, f"_{node.type}", None)
        if method is not None:
            verdict: bool | None = method(node)
            return verdict
        if node.type in ("ERROR", "program", "compound_statement", "do_group", "pipeline", "else_clause"):
            return self.statements(node.named_children)
        return None

    def _comment(self, node: Node) -> bool | None:
        return True

    # --- control flow ---

    def _list(self, node: Node) -> bool | None:
        children = node.children
        first, operator, second = children[0], children[1].type, children[-1]
        if operator == "||" and self._is_no_op(second):
            outer, self._state.tolerated = self._state.tolerated, True
            self.visit(first)
            self._state.tolerated = outer
            return True
        verdict = self.visit(first)
        if (operator == "&&" and verdict is False) or (operator == "||" and verdict is True):
            return verdict
        if operator == "||" and verdict is None and not self._is_test(first):
            # The other way for when something fails: not the way that CI is meant to take.
            return None
        return self._perhaps(verdict is None and self._is_test(first), [second])

    def _is_no_op(self, node: Node) -> bool:
        return self._text(node).split(" ", 1)[0] in ("true", ":", "echo")

    def _is_test(self, node: Node) -> bool:
        text = self._text(node)
        return node.type == "test_command" or text.startswith(("[", "test ", "! "))

    def _perhaps(self, is_unknown: bool, nodes: Sequence[Node]) -> bool | None:
        """Follows `nodes`, marked uncertain where it is not known whether they are reached."""
        outer = self._state.certain
        self._state.certain = outer and not is_unknown
        verdict = self.statements(nodes)
        if is_unknown:
            self._state.ended = False
        self._state.certain = outer
        return verdict

    def _negated_command(self, node: Node) -> bool | None:
        verdict = self.visit(node.named_children[-1])
        return None if verdict is None else not verdict

    def _if_statement(self, node: Node) -> bool | None:
        verdict: bool | None = None
        is_unknown = False
        for condition, body in self._branches(node):
            if condition:
                verdict = self._condition(condition)
                if verdict is False:
                    continue
            if verdict is not True and condition and not any(self._is_test(part) for part in condition):
                # `if ! cargo …; then complain; fi`: the command matters, the complaint does not.
                is_unknown = True
            is_unknown = is_unknown or (bool(condition) and verdict is None)
            self._perhaps(is_unknown, body)
            if condition and verdict is True:
                break
        return None

    def _condition(self, nodes: Sequence[Node]) -> bool | None:
        verdict: bool | None = None
        for node in nodes:
            verdict = self.visit(node)
        return verdict

    def _branches(self, node: Node) -> list[tuple[list[Node], list[Node]]]:
        branches: list[tuple[list[Node], list[Node]]] = [([], [])]
        in_condition = True
        for child in node.children:
            if child.type == "then":
                in_condition = False
            elif child.type == "elif_clause":
                branches += self._branches(child)
            elif child.type == "else_clause":
                branches.append(([], list(child.named_children)))
            elif child.is_named:
                branches[0][0 if in_condition else 1].append(child)
        return branches

    def _case_statement(self, node: Node) -> bool | None:
        value = self._word(node.child_by_field_name("value"))
        for item in node.named_children:
            if item.type != "case_item":
                continue
            patterns = [self._word(child, for_pattern=True) for child in item.children_by_field_name("value")]
            body = [child for child in item.named_children if child not in item.children_by_field_name("value")]
            if HOLE in value:
                self._perhaps(True, body)
            elif any(fnmatchcase(value, pattern) for pattern in patterns):
                return self.statements(body)
        return None

    def _for_statement(self, node: Node) -> bool | None:
        name = node.child_by_field_name("variable")
        body = node.child_by_field_name("body")
        values = [word for child in node.children_by_field_name("value") for word in self._words(child)]
        for value in values[:MAX_LOOP]:
            if name is not None:
                self._state.variables[self._text(name)] = value
            if body is not None:
                self.statements(body.named_children)
        return None

    def _while_statement(self, node: Node) -> bool | None:
        body = node.child_by_field_name("body")
        return self._perhaps(True, body.named_children if body is not None else [])

    def _subshell(self, node: Node) -> bool | None:
        outer = self._state
        self._state = outer.copy()
        verdict = self.statements(node.named_children)
        self._state = outer
        return verdict

    def _function_definition(self, node: Node) -> bool | None:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is not None and body is not None:
            self._state.functions[self._text(name)] = body
        return True

    def _test_command(self, node: Node) -> bool | None:
        inner = [child for child in node.named_children if child.type != "comment"]
        return self._expression(inner[0]) if inner else None

    def _expression(self, node: Node) -> bool | None:
        if node.type == "unary_expression":
            return self._unary(node)
        if node.type == "parenthesized_expression":
            return self._expression(node.named_children[0])
        if node.type == "binary_expression":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            operator = node.child_by_field_name("operator")
            if left is not None and right is not None and operator is not None:
                return self._binary(left, self._text(operator), right)
        if node.type in (
            "string",
            "word",
            "simple_expansion",
            "expansion",
            "raw_string",
            "concatenation",
            "command_substitution",
        ):
            value = self._word(node)
            return None if HOLE in value else bool(value)
        return None

    def _unary(self, node: Node) -> bool | None:
        operator = self._text(node.children[0])
        operand = node.named_children[-1]
        if operator == "!":
            verdict = self._expression(operand)
            return None if verdict is None else not verdict
        value = self._word(operand)
        if HOLE in value or operator not in ("-z", "-n"):
            return None
        return (value == "") == (operator == "-z")

    def _binary(self, left: Node, operator: str, right: Node) -> bool | None:
        if operator in ("&&", "||"):
            first, second = self._expression(left), self._expression(right)
            decisive = operator == "||"
            if decisive in (first, second):
                return decisive
            return None if None in (first, second) else not decisive
        value, other = self._word(left), self._word(right, for_pattern=True)
        if HOLE in value or HOLE in other:
            return None
        if operator in ("=", "=="):
            return fnmatchcase(value, other)
        if operator == "!=":
            return not fnmatchcase(value, other)
        if operator == "=~":
            try:
                return re.search(other, value) is not None
            except re.error:
                return None
        return None

    # --- variables ---

    def _variable_assignment(self, node: Node) -> bool | None:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is not None:
            text = self._word(value) if value is not None else ""
            key = self._text(name)
            appended = any(child.type == "+=" for child in node.children)
            if value is not None and value.type == "array":
                text = " ".join(word for child in value.named_children for word in self._words(child))
            self._state.variables[key] = (
                self._state.variables.get(key, "")
                + (" " if appended and value is not None and value.type == "array" else "")
                + text
                if appended
                else text
            )
        return True

    def _variable_assignments(self, node: Node) -> bool | None:
        return self.statements(node.named_children)

    def _declaration_command(self, node: Node) -> bool | None:
        exports = self._text(node.children[0]) in ("export", "declare", "typeset") and (
            node.children[0].type == "export" or " -x" in self._text(node)
        )
        for child in node.named_children:
            if child.type == "variable_assignment":
                self._variable_assignment(child)
                name = child.child_by_field_name("name")
            else:
                name = child if child.type == "variable_name" else None
            if name is not None and exports:
                self._state.exported.add(self._text(name))
        return True

    def _unset_command(self, node: Node) -> bool | None:
        for child in node.named_children:
            self._state.variables.pop(self._text(child), None)
        return True

    # --- commands ---

    def _redirected_statement(self, node: Node) -> bool | None:
        body = node.child_by_field_name("body")
        targets = [self._text(child) for child in node.children_by_field_name("redirect")]
        file = next((name for name in self._state.written for target in targets if name in target), None)
        if body is None:
            return None
        if file is None:
            return self.visit(body)
        self._note_written(file, body)
        return True

    def _note_written(self, file: str, body: Node) -> None:
        """Lines for $GITHUB_ENV or $GITHUB_OUTPUT; what is not printed plainly leaves the file open to anything."""
        assignments = self._assignments_printed_by(body)
        for name, value in assignments or [(OPEN, HOLE)]:
            self._state.written[file][name] = value

    def _assignments_printed_by(self, body: Node) -> list[tuple[str, str]]:
        commands = (
            [body] if body.type == "command" else [child for child in body.named_children if child.type == "command"]
        )
        found = []
        for command in commands:
            if not self._text(command).startswith(("echo", "printf")):
                continue
            words = [word for child in command.named_children for word in self._words(child)]
            for line in " ".join(words[1:]).removeprefix("-e ").splitlines():
                name, equals, value = line.partition("=")
                if equals and re.fullmatch(r"\w[\w-]*", name):
                    found.append((name, value))
        return found

    def _pipeline(self, node: Node) -> bool | None:
        commands = list(node.named_children)
        last = self._text(commands[-1]) if commands else ""
        file = next((name for name in self._state.written if last.startswith("tee") and name in last), None)
        if file is not None:
            if len(commands) == 2:
                self._note_written(file, commands[0])
            else:
                self._state.written[file][OPEN] = HOLE
            return True
        for command in commands:
            self.visit(command)
        return None

    def _command(self, node: Node) -> bool | None:
        prefix: dict[str, str] = {}
        words: list[str] = []
        for child in node.children:
            if child.type == "variable_assignment" and not words:
                name, value = child.child_by_field_name("name"), child.child_by_field_name("value")
                if name is not None:
                    prefix[self._text(name)] = self._word(value) if value is not None else ""
            elif child.is_named and child.type not in ("file_redirect", "herestring_redirect", "heredoc_redirect"):
                words += self._words(child)
        return self._run(words, prefix, self._text(node)) if words else None

    def _run(self, words: list[str], prefix: dict[str, str], text: str) -> bool | None:
        state = self._state
        builtin = _BUILTINS.get(words[0])
        if builtin is not None:
            return builtin(words, state)
        if words[0] in ("test", "["):
            return _test(words)
        if words[0] in state.functions:
            return self._call(words)
        env = {**state.env, **prefix}
        return self._handler(
            Invocation(tuple(words), env, state.directory, text, state.certain, state.tolerated), state
        )

    def _call(self, words: list[str]) -> bool | None:
        state = self._state
        if state.depth >= MAX_DEPTH:
            return None
        outer, state.arguments = state.arguments, tuple(words[1:])
        state.depth += 1
        verdict = self.visit(state.functions[words[0]])
        state.depth -= 1
        state.arguments, state.ended = outer, False
        return verdict


def _change_directory(words: list[str], state: State) -> bool | None:
    target = next((word for word in words[1:] if not word.startswith("-")), "")
    if words[0] == "pushd":
        state.stack.append(state.directory)
    if words[1:] == ["-"]:
        target, state.directory = ".", state.stack.pop() if state.stack else "."
    elif words[0] == "cd":
        state.stack.append(state.directory)
    state.directory = (
        HOLE if HOLE in target or target.startswith(("~", "/")) else normpath(join(state.directory, target))
    )
    if state.directory.startswith(".."):
        state.directory = HOLE
    return True


def _pop_directory(words: list[str], state: State) -> bool | None:
    state.directory = state.stack.pop() if state.stack else "."
    return True


def _exit(words: list[str], state: State) -> bool | None:
    state.ended = True
    return words[1:] in ([], ["0"])


def _test(words: list[str]) -> bool | None:
    """`test a = b` and `[ -n x ]` where they come as plain words."""
    operands = words[1:-1] if words[0] == "[" else words[1:]
    if any(HOLE in word for word in operands):
        return None
    match operands:
        case ["!", *rest]:
            verdict = _test(["test", *rest])
            return None if verdict is None else not verdict
        case ["-z", value]:
            return value == ""
        case ["-n", value]:
            return value != ""
        case [left, "=" | "==", right]:
            return left == right
        case [left, "!=", right]:
            return left != right
    return None


def _export(words: list[str], state: State) -> bool | None:
    for word in words[1:]:
        name, equals, value = word.partition("=")
        state.exported.add(name)
        if equals:
            state.variables[name] = value
    return True


def _open(words: list[str], state: State) -> bool | None:
    state.is_open = True
    return None


def _shift(words: list[str], state: State) -> bool | None:
    state.arguments = state.arguments[1:]
    return True


_BUILTINS: dict[str, Callable[[list[str], State], bool | None]] = {
    "cd": _change_directory,
    "pushd": _change_directory,
    "popd": _pop_directory,
    "exit": _exit,
    "return": _exit,
    "export": _export,
    "shift": _shift,
    "eval": _open,
    "read": _open,
    "mapfile": _open,
    "set": lambda words, state: True,
    "true": lambda words, state: True,
    ":": lambda words, state: True,
    "false": lambda words, state: False,
    "echo": lambda words, state: True,
    "printf": lambda words, state: True,
}
