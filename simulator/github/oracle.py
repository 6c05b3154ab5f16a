"""Checks requests, responses and webhooks against GitHub's own published descriptions.

Validators are compiled when first needed and kept. The REST description is OpenAPI 3.0 (`nullable`), turned into JSON
Schema 2020-12 here; that of the webhooks is OpenAPI 3.1, which is JSON Schema already.
"""

from __future__ import annotations

import json
import re
import threading
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema_rs

DESCRIPTIONS = Path(__file__).parent / "descriptions"
UNDESCRIBED = range(300, 600)  # redirects and refusals may come from any operation

# What GitHub's own description has wrong, by operation: where real answers lack what it requires.
KNOWN_FLAWS = (
    (
        "repos/get-collaborator-permission-level",
        re.compile(r"^user$"),
        re.compile(r'"(role_name|email|name)" is a required'),
    ),
    ("*", re.compile(r"required_status_checks$"), re.compile(r'"checks" is a required property')),
    # An account is described as a person and an enterprise at once.
    ("apps/list-installations", re.compile(r"account$"), re.compile(r"")),
    # The address of every App's bot has brackets, which the format forbids.
    ("*", re.compile(r"email$"), re.compile(r'\[bot\]@users\.noreply\.github\.com" is not a "email"')),
    # An outdated inline comment has neither line nor position.
    ("*", re.compile(r"(^|/)(line|position|start_line)$"), re.compile(r'^null is not of type "integer"')),
)


def as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0's `nullable` in the words of JSON Schema."""
    if isinstance(node, list):
        return [as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    schema = {key: as_json_schema(value) for key, value in node.items()}
    if schema.get("nullable") is not True:
        return schema
    del schema["nullable"]
    if not isinstance(schema.get("type"), str):
        return {"anyOf": [schema, {"type": "null"}]}
    schema["type"] = [schema["type"], "null"]
    if "enum" in schema and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    return schema


class Oracle:
    """Answers "would GitHub say this?" with a list of faults, empty where it would."""

    def __init__(self) -> None:
        self._validators: dict[tuple[str, ...], jsonschema_rs.Draft202012Validator] = {}
        self._lock = threading.Lock()

    @cached_property
    def rest(self) -> dict[str, Any]:
        """The REST description: `operations`, `schemas`, `parameters`, `responses`."""
        document: dict[str, Any] = json.loads((DESCRIPTIONS / "rest.json").read_text(encoding="utf-8"))
        # Operations that the kept part of the description lacks, written after GitHub's documentation.
        unlisted = json.loads((DESCRIPTIONS / "unlisted.json").read_text(encoding="utf-8"))
        return {**document, "operations": {**document["operations"], **unlisted["operations"]}}

    @cached_property
    def _rest_components(self) -> dict[str, Any]:
        return {"schemas": {name: as_json_schema(schema) for name, schema in self.rest["schemas"].items()}}

    @cached_property
    def _webhooks(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((DESCRIPTIONS / "webhooks.json").read_text(encoding="utf-8"))
        return document

    def operation(self, operation_id: str) -> dict[str, Any]:
        """The description of one operation: `method`, `path`, `parameters`, `requestBody`, `responses`."""
        operation: dict[str, Any] = self.rest["operations"][operation_id]
        return operation

    def query_parameters(self, operation_id: str) -> frozenset[str]:
        """The names an operation takes in its query."""
        listed = [self._resolve(parameter) for parameter in self.operation(operation_id).get("parameters", [])]
        return frozenset(parameter["name"] for parameter in listed if parameter["in"] == "query")

    def root_fields(self) -> list[str]:
        """The addresses that the API's root lists."""
        names: list[str] = self.rest["schemas"]["root"]["required"]
        return names

    def request_faults(self, operation_id: str, body: Any) -> list[str]:
        """What is wrong with a request body."""
        described = self._resolve(self.operation(operation_id).get("requestBody", {}))
        schema = _json_schema(described)
        if schema is None:
            return [] if body in (None, {}) else [f"{operation_id} takes no body"]
        if body is None:
            return ["the body is missing"] if described.get("required") else []
        return self._faults(
            (operation_id, "request"), as_json_schema(schema), self._rest_components, body, operation_id
        )

    def response_faults(self, operation_id: str, status: int, body: Any) -> list[str]:
        """What is wrong with an answer; errors that the operation does not describe must be a `basic-error`."""
        described = self.operation(operation_id)["responses"].get(str(status))
        if described is None:
            if status not in UNDESCRIBED:
                return [f"status {status} is not described"]
            schema: Any = {"$ref": "#/components/schemas/basic-error"}
            return self._faults(("error",), schema, self._rest_components, body, operation_id)
        schema = _json_schema(self._resolve(described))
        if schema is None:
            return [] if body is None or status in UNDESCRIBED else ["a body where none is described"]
        return self._faults(
            (operation_id, str(status)), as_json_schema(schema), self._rest_components, body, operation_id
        )

    def webhook_faults(self, event: str, action: str | None, payload: Any) -> list[str]:
        """What is wrong with a webhook payload."""
        name = f"{event}.{action}" if action else event
        schema = self._webhooks["hooks"].get(name)
        if schema is None:
            return [f"{name} is not described"]
        components = {key: value for key, value in self._webhooks.items() if key != "hooks"}
        return self._faults(("webhook", name), schema, components, payload, name)

    def _resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            _, _, kind, name = node["$ref"].split("/")
            node = self.rest[kind][name]
        return node

    def _faults(self, key: tuple[str, ...], schema: Any, components: dict[str, Any], body: Any, who: str) -> list[str]:
        with self._lock:
            if key not in self._validators:
                whole = {**schema, "components": components}
                self._validators[key] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
            validator = self._validators[key]
        faults = []
        for error in validator.iter_errors(body):
            where = "/".join(map(str, error.instance_path))
            if not any(
                flaw in ("*", who) and at.search(where) and what.search(error.message) for flaw, at, what in KNOWN_FLAWS
            ):
                faults.append(f"{where or '.'}: {error.message[:300]}")
        return faults


def _json_schema(node: dict[str, Any]) -> Any:
    """The schema of a request's or response's JSON, None where it has none."""
    for media in (node.get("content") or {}).values():
        if "schema" in media:
            return media["schema"]
    return None
