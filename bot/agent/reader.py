"""Typed values out of the JSON that the model sent: what is wrong is collected as sentences, never raised. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from bot.agent import markup


class Reader:
    """Takes typed values out of a JSON object and collects what is wrong instead of raising."""

    def __init__(self, given: Mapping[str, object], place: str, problems: list[str] | None = None) -> None:
        self._given = given
        self._place = place
        self.problems: list[str] = [] if problems is None else problems

    def complain(self, sentence: str) -> None:
        self.problems.append(self._place + sentence)

    def text(self, name: str, *, may_be_empty: bool = False) -> str:
        """A string; a list of strings is taken as a bulleted list, which models send where Markdown is asked for."""
        value = self._given.get(name)
        if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
            value = "\n".join(f"- {part}" for part in value)
        if value is None and may_be_empty:
            return ""
        if not isinstance(value, str):
            self.complain(f"{name}: {_missing_or_wrong(value, 'a text')}.")
            return ""
        if not value.strip() and not may_be_empty:
            self.complain(f"{name}: it is empty.")
        return value.strip()

    def markdown(self, name: str, *, may_be_empty: bool = False) -> str:
        """A text that people read as Markdown, all of it."""
        value = self.text(name, may_be_empty=may_be_empty)
        if hidden := markup.hides(value):
            self.complain(f"{name}: {hidden}.")
        return value

    def has(self, name: str) -> bool:
        return self._given.get(name) is not None

    def choice(self, name: str, among: tuple[str, ...]) -> str:
        """One of the words of `among`; the last of them where something else was sent, which is complained about."""
        value = self._given.get(name)
        if value is None:
            self.complain(f"{name}: it is missing; one of {', '.join(among)} is needed.")
            return among[-1]
        if value not in among:
            self.complain(f"{name} is one of {', '.join(among)}, not {value!r}.")
            return among[-1]
        return str(value)

    def texts(self, name: str) -> tuple[str, ...]:
        value = _decoded(self._given.get(name))
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            self.complain(f"{name}: {_missing_or_wrong(value, 'a list of texts')}.")
            return ()
        return tuple(part.strip() for part in value if part.strip())

    def some(self, name: str) -> list[Reader]:
        """The objects of a list that may be left out."""
        return self.objects(name) if self.has(name) else []

    def number(self, name: str) -> int:
        value = self._given.get(name)
        if isinstance(value, str) and value.strip().isdecimal():
            return int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            self.complain(f"{name}: {_missing_or_wrong(value, 'a whole number')}.")
            return 0
        return value

    def objects(self, name: str) -> list[Reader]:
        value = _decoded(self._given.get(name))
        if not isinstance(value, list):
            self.complain(f"{name}: {_missing_or_wrong(value, 'a list of objects')}.")
            return []
        readers = []
        for position, part in enumerate(value):
            place = f"{self._place}{name}[{position}]."
            if isinstance(part, dict):
                readers.append(Reader(part, place, self.problems))
            else:
                self.problems.append(f"{place.rstrip('.')}: {_missing_or_wrong(part, 'an object')}.")
        return readers


def _decoded(value: object) -> object:
    """A list that was sent as its own JSON text, which happens with long inputs, is read as the list."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _missing_or_wrong(value: object, wanted: str) -> str:
    if value is None:
        return f"it is missing; {wanted} is needed"
    kinds = {
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return f"{wanted} is needed, not {kinds.get(type(value), 'something else')}"
