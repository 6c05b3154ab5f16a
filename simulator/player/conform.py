"""Makes an input fit the schema that a tool asks for, so that the player follows the request and not its own memory."""

from __future__ import annotations

from typing import Any

EMPTY: dict[str, Any] = {"string": "None.", "array": [], "object": {}, "boolean": False, "integer": 1, "number": 1}


def conform(value: Any, schema: dict[str, Any]) -> Any:
    """`value` without what the schema does not know, with something for what it requires, in the types it wants."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), None)
    options = schema.get("enum")
    if options and value not in options:
        return options[0]
    match kind:
        case "object":
            return _object(value if isinstance(value, dict) else {}, schema)
        case "array":
            items = schema.get("items", {})
            given = value if isinstance(value, list | tuple) else [] if value in (None, "") else [value]
            return [conform(each, items) for each in given]
        case "string":
            return (
                "\n".join(map(str, value)) if isinstance(value, list | tuple) else "" if value is None else str(value)
            )
        case _:
            return value


def _object(value: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    known = schema.get("properties", {})
    is_open = schema.get("additionalProperties", True) is not False
    result = {key: conform(each, known.get(key, {})) for key, each in value.items() if key in known or is_open}
    for key in schema.get("required", []):
        if key not in result:
            wanted = known.get(key, {})
            kind = wanted.get("type", "string")
            options = wanted.get("enum")
            result[key] = options[0] if options else EMPTY.get(kind, "None.") if isinstance(kind, str) else None
    return result
