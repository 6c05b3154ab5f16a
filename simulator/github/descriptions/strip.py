"""Reduces GitHub's published descriptions to the schemas of what the simulator serves and emits.

`python -m simulator.github.descriptions.strip REST.json WEBHOOKS.json GRAPHQL.graphql PERMISSIONS.json`

The arguments are the OpenAPI document of the REST API (`@octokit/openapi`), the OpenAPI 3.1 document of the webhooks with
an `x-webhooks` index (`@octokit/openapi-webhooks`), a GraphQL schema (`@octokit/graphql-schema`) and the permission map
(`@octokit/app-permissions`), all MIT. Results are written beside this file, one component a line, so that differences
can be read.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simulator.github.events import EMITTED
from simulator.github.routes import served_operations

HERE = Path(__file__).parent
PROSE = {"description", "summary", "example", "examples", "x-github", "externalDocs", "title", "tags", "deprecated"}
NAMED = {"properties", "patternProperties", "schemas", "parameters", "responses", "requestBodies", "headers"}


def stripped(node: Any, *, names: bool = False) -> Any:
    """The same schema without prose; keys below `properties` and the like are names, never prose."""
    if isinstance(node, dict):
        kept = node.items() if names else [item for item in node.items() if item[0] not in PROSE]
        return {key: stripped(value, names=not names and key in NAMED) for key, value in kept}
    if isinstance(node, list):
        return [stripped(item) for item in node]
    return node


def references(node: Any) -> Iterator[str]:
    """Every local reference below `node`."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def reachable(document: dict[str, Any], roots: list[Any]) -> dict[str, dict[str, Any]]:
    """The components that `roots` need, directly or not, by kind and name."""
    components: dict[str, dict[str, Any]] = {}
    waiting = [reference for root in roots for reference in references(root)]
    while waiting:
        _, _, kind, name = waiting.pop().split("/")
        if name not in components.setdefault(kind, {}):
            component = stripped(document["components"][kind][name])
            components[kind][name] = component
            waiting.extend(references(component))
    return components


def json_only(operation: dict[str, Any]) -> dict[str, Any]:
    """An operation with nothing but its parameters, its JSON request and its JSON responses."""
    kept: dict[str, Any] = {
        key: operation[key] for key in ("operationId", "parameters", "requestBody", "responses") if key in operation
    }
    for holder in (kept.get("requestBody", {}), *kept["responses"].values()):
        holder.pop("headers", None)
        if "content" in holder:
            holder["content"] = {
                kind: media for kind, media in holder["content"].items() if "json" in kind and "scim" not in kind
            }
    return kept


def rest(document: dict[str, Any], wanted: set[str]) -> dict[str, Any]:
    """The REST description of the operations in `wanted`, by operation id."""
    operations: dict[str, Any] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and operation.get("operationId") in wanted:
                described = stripped(json_only(operation))
                name = described.pop("operationId")
                operations[name] = {"method": method.upper(), "path": path, **described}
    missing = wanted - operations.keys()
    if missing:
        raise SystemExit(f"not described: {sorted(missing)}")
    roots = [*operations.values(), {"$ref": "#/components/schemas/basic-error"}]
    return {"operations": operations, **reachable(document, roots)}


def webhooks(document: dict[str, Any], wanted: set[tuple[str, str | None]]) -> dict[str, Any]:
    """The schemas of the events in `wanted`, by `event` or `event.action`."""
    hooks = {}
    for hook in document["x-webhooks"].values():
        if (hook["event"], hook["action"]) in wanted:
            name = f"{hook['event']}.{hook['action']}" if hook["action"] else hook["event"]
            hooks[name] = hook["schema"]
    missing = {f"{event}.{action}" if action else event for event, action in wanted} - hooks.keys()
    if missing:
        raise SystemExit(f"not described: {sorted(missing)}")
    return {"hooks": hooks, **reachable(document, [hooks])}


def shared(document: dict[str, Any], *, least: int = 400) -> dict[str, Any]:
    """The same document where every schema that stands in it twice, of at least so many characters, stands once.

    The descriptions of webhooks repeat whole users and repositories; this makes a fifth of them, faster to compile.
    """
    schemas: dict[str, Any] = {}

    def visit(node: Any, *, names: bool = False) -> Any:
        if isinstance(node, list):
            return [visit(item) for item in node]
        if not isinstance(node, dict):
            return node
        made = {key: visit(value, names=not names and key in NAMED) for key, value in node.items()}
        text = json.dumps(made, sort_keys=True)
        if names or len(text) < least or counts[json.dumps(node, sort_keys=True)] < 2:
            return made
        name = f"shared-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        schemas[name] = made
        return {"$ref": f"#/components/schemas/{name}"}

    counts: Counter[str] = Counter()

    def count(node: Any, *, names: bool = False) -> None:
        if isinstance(node, dict):
            if not names:
                counts[json.dumps(node, sort_keys=True)] += 1
            for key, value in node.items():
                count(value, names=not names and key in NAMED)
        elif isinstance(node, list):
            for item in node:
                count(item)

    for schema in document["schemas"].values():
        count(schema)
    kept: dict[str, Any] = {}
    for name, schema in document["schemas"].items():
        made = visit(schema)
        kept[name] = schemas[made["$ref"].split("/")[-1]] if set(made) == {"$ref"} else made
    return {**document, "schemas": {**kept, **schemas}}


def write(name: str, document: dict[str, Any]) -> None:
    """Writes two levels of keys a line each: small, yet a difference names what changed."""
    lines = []
    for section, entries in document.items():
        inner = [
            f"{json.dumps(key)}:{json.dumps(entries[key], separators=(',', ':'), sort_keys=True)}"
            for key in sorted(entries)
        ]
        lines.append(f"{json.dumps(section)}:{{\n" + ",\n".join(inner) + "\n}")
    (HERE / name).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Writes `rest.json`, `webhooks.json`, `graphql.graphql` and `permissions.json`."""
    rest_path, hooks_path, graphql_path, permissions_path = map(Path, arguments)
    by_hand = json.loads((HERE / "unlisted.json").read_text(encoding="utf-8"))["operations"]
    operations = served_operations() - by_hand.keys()
    write("rest.json", rest(json.loads(rest_path.read_text(encoding="utf-8")), operations))
    write("webhooks.json", shared(webhooks(json.loads(hooks_path.read_text(encoding="utf-8")), set(EMITTED))))
    graphql = re.sub(r'"""(?:.|\n)*?"""\n?', "", graphql_path.read_text(encoding="utf-8"))
    (HERE / "graphql.graphql").write_text(graphql.rstrip() + "\n", encoding="utf-8")
    permissions = json.loads(permissions_path.read_text(encoding="utf-8"))
    write(
        "permissions.json",
        {"operations": {name: permissions[name] for name in sorted(operations & permissions.keys())}},
    )


if __name__ == "__main__":
    main(sys.argv[1:])
