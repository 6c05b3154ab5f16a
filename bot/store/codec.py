"""Frozen values of the vocabulary to plain JSON values and back, without losing their types."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, kind))


def to_json(value: Any) -> Any:
    """A value of dataclasses, enums, tuples and plain values as what `json.dumps` takes."""
    return _adapter(cast(Hashable, type(value))).dump_python(value, mode="json")


def from_json(kind: type[T], data: Any) -> T:
    """The value of type `kind` that `to_json` made `data` from."""
    value: T = _adapter(cast(Hashable, kind)).validate_python(data)
    return value
