"""Evaluates GitHub's workflow expressions (`${{ … }}`) as far as they can be known before CI runs; runs nothing.

Grammar and coercions after GitHub's documentation "Evaluate expressions in workflows and actions". What only the run
knows (outputs of steps, secrets) is `UNKNOWN`, and whatever depends on it is unknown too, unless it does not matter.
No well-kept parser of these expressions exists on PyPI.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Final, Literal


class Unknown(Enum):
    """The value that only the run itself knows."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
# Stands for an unknown part within a text; a private-use letter, which is an ordinary letter to a shell.
HOLE: Final = "\ue000"
# A key of a mapping that says: there may be more entries than are known.
OPEN: Final = "\ue001"

Value = object
_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?0x[0-9a-fA-F]+|[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|'(?P<string>(?:[^']|'')*)'"
    r"|(?P<name>[A-Za-z_][\w-]*)|(?P<operator>&&|\|\||==|!=|<=|>=|[<>!()\[\].,*]))"
)
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_CONSTANTS: Mapping[str, Value] = {"true": True, "false": False, "null": None}


class _Bad(Exception):
    """The text is not an expression."""


def evaluate(text: str, context: Mapping[str, Value]) -> Value:
    """The value of one expression without its `${{ }}`; UNKNOWN where it cannot be read or known."""
    try:
        parser = _Parser(_tokens(text), context)
        value = parser.expression()
    except (_Bad, RecursionError):
        return UNKNOWN
    return value if parser.at_end() else UNKNOWN


def condition(text: object, context: Mapping[str, Value]) -> bool | Unknown:
    """The truth of an `if:`, which may be written with or without `${{ }}`."""
    if isinstance(text, bool) or text is None:
        return text is not False
    source = str(text).strip()
    match = re.fullmatch(r"\$\{\{((?:(?!\}\}).)*)\}\}", source, re.DOTALL)
    if match is None and "${{" in source:
        source = _EXPRESSION.sub(r"(\1)", source)
    return truth(evaluate(match[1] if match else source, context))


def interpolate(value: Value, context: Mapping[str, Value]) -> Value:
    """A value of the workflow file with its expressions replaced, in texts, lists and mappings.

    A text that is one single expression keeps the expression's type; unknown parts of longer texts become `HOLE`.
    """
    if isinstance(value, str):
        if match := re.fullmatch(r"\s*\$\{\{((?:(?!\}\}).)*)\}\}\s*", value, re.DOTALL):
            return evaluate(match[1], context)
        return _EXPRESSION.sub(lambda match: text_of(evaluate(match[1], context)), value)
    if isinstance(value, Mapping):
        return {key: interpolate(item, context) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolate(item, context) for item in value]
    return value


def text_of(value: Value) -> str:
    """A value as GitHub writes it into a text; `HOLE` for what is unknown."""
    if value is UNKNOWN:
        return HOLE
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (str, int, float)):
        return str(value)
    return "Array" if isinstance(value, list) else "Object"


def truth(value: Value) -> bool | Unknown:
    """Falsy are false, 0, the empty text and null; a text with an unknown part is taken for true."""
    if value is UNKNOWN:
        return UNKNOWN
    return not (value is None or value is False or value == "" or (value == 0 and not isinstance(value, bool)))


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _Bad(text)
        tokens.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent with evaluation on the way; both sides of an operator are always read."""

    def __init__(self, tokens: Sequence[tuple[str, str]], context: Mapping[str, Value]) -> None:
        self._tokens = tokens
        self._position = 0
        self._context = context

    def at_end(self) -> bool:
        return self._position == len(self._tokens)

    def expression(self) -> Value:
        value = self._conjunction()
        while self._take("||"):
            right, known = self._conjunction(), truth(value)
            value = right if known is False else (UNKNOWN if known is UNKNOWN else value)
        return value

    def _conjunction(self) -> Value:
        value = self._comparison()
        while self._take("&&"):
            right, known = self._comparison(), truth(value)
            if known is UNKNOWN:
                value = right if truth(right) is False else UNKNOWN
            elif known:
                value = right
        return value

    def _comparison(self) -> Value:
        value = self._unary()
        while operator := self._take("==", "!=", "<=", ">=", "<", ">"):
            value = _compare(operator, value, self._unary())
        return value

    def _unary(self) -> Value:
        if self._take("!"):
            known = truth(self._unary())
            return UNKNOWN if known is UNKNOWN else not known
        return self._postfix(self._primary())

    def _primary(self) -> Value:
        if self._take("("):
            value = self.expression()
            self._expect(")")
            return value
        if self.at_end():
            raise _Bad
        kind, text = self._tokens[self._position]
        self._position += 1
        if kind == "string":
            return text.replace("''", "'")
        if kind == "number":
            return int(text, 16) if "0x" in text else float(text)
        if kind != "name":
            raise _Bad(text)
        if self._take("("):
            return self._call(text.lower())
        return _CONSTANTS[text] if text in _CONSTANTS else _member(self._context, text)

    def _postfix(self, value: Value) -> Value:
        while True:
            if self._take("."):
                value = _Star(value) if self._take("*") else _member(value, self._name())
            elif self._take("["):
                value = _Star(value) if self._take("*") else _member(value, self.expression())
                self._expect("]")
            else:
                return value.items if isinstance(value, _Star) else value

    def _call(self, name: str) -> Value:
        arguments: list[Value] = []
        while not self._take(")"):
            arguments.append(self.expression())
            if not self._take(","):
                self._expect(")")
                break
        function = _FUNCTIONS.get(name)
        return UNKNOWN if function is None else function(arguments)

    def _name(self) -> str:
        if self.at_end() or self._tokens[self._position][0] != "name":
            raise _Bad
        self._position += 1
        return self._tokens[self._position - 1][1]

    def _take(self, *operators: str) -> str:
        if not self.at_end():
            kind, text = self._tokens[self._position]
            if kind == "operator" and text in operators:
                self._position += 1
                return text
        return ""

    def _expect(self, operator: str) -> None:
        if not self._take(operator):
            raise _Bad(operator)


class _Star:
    """The result of `.*`: what follows is asked of each item."""

    def __init__(self, value: Value) -> None:
        self.items: Value = UNKNOWN
        if isinstance(value, Mapping):
            self.items = list(value.values())
        elif isinstance(value, list):
            self.items = value
        elif value is None:
            self.items = []


def _member(value: Value, key: Value) -> Value:
    if isinstance(value, _Star):
        star = _Star(None)
        star.items = [_member(item, key) for item in value.items] if isinstance(value.items, list) else UNKNOWN
        return star
    if value is UNKNOWN or key is UNKNOWN:
        return UNKNOWN
    if isinstance(value, Mapping):
        if key in value:
            return value[key]
        lowered = text_of(key).lower()
        missing = UNKNOWN if OPEN in value else None
        return next((item for name, item in value.items() if str(name).lower() == lowered), missing)
    if isinstance(value, list) and isinstance(key, (int, float)) and 0 <= key < len(value):
        return value[int(key)]
    return None


def _number(value: Value) -> float | None:
    if isinstance(value, bool) or value is None:
        return float(value is True)
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value.strip() or 0)
        except ValueError:
            return None
    return None


def _is_open(value: Value) -> bool:
    return value is UNKNOWN or (isinstance(value, str) and HOLE in value)


def _compare(operator: str, left: Value, right: Value) -> Value:
    """GitHub's loose comparison: texts without case, mixed types as numbers."""
    if _is_open(left) or _is_open(right):
        return UNKNOWN
    if isinstance(left, str) and isinstance(right, str):
        order = (left.lower() > right.lower()) - (left.lower() < right.lower())
    elif isinstance(left, (list, Mapping)) or isinstance(right, (list, Mapping)):
        order = 0 if left is right else 1
    else:
        first, second = _number(left), _number(right)
        if first is None or second is None:
            return operator == "!="
        order = (first > second) - (first < second)
    return {"==": order == 0, "!=": order != 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[
        operator
    ]


# --- functions -------------------------------------------------------------------------------------------------------


def _contains(arguments: Sequence[Value]) -> Value:
    if len(arguments) != 2 or any(_is_open(item) for item in arguments):
        return UNKNOWN
    place, item = arguments
    if isinstance(place, list):
        found = [_compare("==", entry, item) for entry in place]
        return True if True in found else (UNKNOWN if UNKNOWN in found else False)
    return text_of(item).lower() in text_of(place).lower()


def _edge(method: Literal["startswith", "endswith"]) -> Callable[[Sequence[Value]], Value]:
    def function(arguments: Sequence[Value]) -> Value:
        if len(arguments) != 2 or any(_is_open(item) for item in arguments):
            return UNKNOWN
        text, edge = (text_of(item).lower() for item in arguments)
        return text.startswith(edge) if method == "startswith" else text.endswith(edge)

    return function


def _format(arguments: Sequence[Value]) -> Value:
    if not arguments or arguments[0] is UNKNOWN:
        return UNKNOWN
    texts = [text_of(item) for item in arguments]

    def piece(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        index = int(match[1]) + 1
        return texts[index] if index < len(texts) else ""

    return re.sub(r"\{\{|\}\}|\{(\d+)\}", piece, texts[0])


def _join(arguments: Sequence[Value]) -> Value:
    if not arguments or arguments[0] is UNKNOWN:
        return UNKNOWN
    items = arguments[0] if isinstance(arguments[0], list) else [arguments[0]]
    return (text_of(arguments[1]) if len(arguments) > 1 else ",").join(text_of(item) for item in items)


def _from_json(arguments: Sequence[Value]) -> Value:
    if len(arguments) != 1 or not isinstance(arguments[0], str) or HOLE in arguments[0]:
        return UNKNOWN
    try:
        value: Value = json.loads(arguments[0])
    except ValueError:
        return UNKNOWN
    return value


def _to_json(arguments: Sequence[Value]) -> Value:
    try:
        return json.dumps(arguments[0], indent=2) if len(arguments) == 1 else UNKNOWN
    except TypeError:
        return UNKNOWN


_FUNCTIONS: Mapping[str, Callable[[Sequence[Value]], Value]] = {
    "contains": _contains,
    "startswith": _edge("startswith"),
    "endswith": _edge("endswith"),
    "format": _format,
    "join": _join,
    "fromjson": _from_json,
    "tojson": _to_json,
    # What comes before is taken to have succeeded.
    "success": lambda _: True,
    "always": lambda _: True,
    "failure": lambda _: False,
    "cancelled": lambda _: False,
}
