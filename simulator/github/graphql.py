"""Executes GraphQL on GitHub's own schema: reading through `graphql_types`, and the mutations that are served."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request
from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    OverlappingFieldsCanBeMergedRule,
    build_schema,
    execute_sync,
    parse,
    specified_rules,
    validate,
)

from simulator.github import graphql_pulls, graphql_types
from simulator.github.auth import Caller, authenticate
from simulator.github.graphql_nodes import CONTENTS, FIELDS, Context, Failed, type_name
from simulator.github.operations import Answer
from simulator.github.oracle import DESCRIPTIONS
from simulator.github.place import Place
from simulator.github.refusals import Refusal
from simulator.github.service import Service
from simulator.github.state import Comment, Issue, PullRequest, Repository, Review, ReviewComment, Thread, Written

# GitHub tolerates fields of the same name and different nullability in the branches of a union.
# The tables of fields; importing them fills `FIELDS`.
TABLES = (graphql_types, graphql_pulls)
RULES = [rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule]
MINIMIZED = {
    "ABUSE": "abuse",
    "DUPLICATE": "duplicate",
    "OFF_TOPIC": "off-topic",
    "OUTDATED": "outdated",
    "RESOLVED": "resolved",
    "SPAM": "spam",
}


def repository_of(thing: Any) -> Repository | None:
    """In which repository a thing is, None for people and the like."""
    if isinstance(thing, Repository):
        return thing
    if isinstance(thing, Issue | PullRequest):
        return thing.repository
    if isinstance(thing, Comment):
        return thing.issue.repository
    if isinstance(thing, Review | Thread):
        return thing.pull_request.repository
    if isinstance(thing, ReviewComment):
        return thing.thread.pull_request.repository
    return None


class GraphQL:
    """The executor behind `/graphql`."""

    def __init__(self, service: Service) -> None:
        self.service, self.world, self.changes = service, service.world, service.changes
        self._schema: GraphQLSchema | None = None
        self._mutations: dict[str, Callable[..., Any]] = {
            "addReaction": self._add_reaction,
            "removeReaction": self._remove_reaction,
            "resolveReviewThread": self._resolve,
            "unresolveReviewThread": self._unresolve,
            "addPullRequestReviewThreadReply": self._reply,
            "markPullRequestReadyForReview": self._ready,
            "convertPullRequestToDraft": self._to_draft,
            "minimizeComment": self._minimize,
            "unminimizeComment": self._unminimize,
        }
        # Of this server, not of all in the process: each has a world of its own.
        self._queries: dict[str, Callable[..., Any]] = {
            "repository": self._repository,
            "node": lambda _, context, id: self._node(context, id),
            "nodes": lambda _, context, ids: [self._node(context, each) for each in ids],
            "viewer": lambda _, context: context.caller.acting_user(),
            "rateLimit": lambda _, context, **options: {
                "cost": 1,
                "limit": 5000,
                "nodeCount": 1,
                "remaining": 4999,
                "used": 1,
                "resetAt": "2030-01-01T00:00:00Z",
            },
        }

    @property
    def schema(self) -> GraphQLSchema:
        """GitHub's schema, read at first use."""
        if self._schema is None:
            self._schema = build_schema(
                (DESCRIPTIONS / "graphql.graphql").read_text(encoding="utf-8"), assume_valid_sdl=True
            )
        return self._schema

    def register(self, flask: Flask) -> None:
        flask.add_url_rule("/graphql", "graphql", self._serve, methods=["POST"])

    # --- one request -------------------------------------------------------------------------------------------------

    def _serve(self) -> Response:
        caller = Caller()
        with self.world.lock:
            fault = self.service.faults.strike("graphql", "POST")
            try:
                if fault and not fault.kind.endswith("_after"):
                    raise self.service.fault_refusal(fault)
                caller = authenticate(self.world, request.headers.get("Authorization"))
                if caller.token is None:
                    raise Refusal(401, "This endpoint requires you to be authenticated.")
                answer = self._answer(caller)
            except Refusal as refusal:
                answer = Answer(refusal.status, refusal.body(), dict(refusal.headers))
            if fault and fault.kind.endswith("_after"):
                struck = self.service.fault_refusal(fault)
                answer = Answer(struck.status, struck.body())
        return self.service.dress("graphql", caller, answer)

    def _answer(self, caller: Caller) -> Answer:
        asked = request.get_json(silent=True)
        if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
            raise Refusal(400, "Problems parsing JSON")
        context = Context(
            Place(self.world, request.host_url.rstrip("/"), request.environ.get("sim.prefix", "")), caller
        )
        try:
            document = parse(asked["query"])
            errors = validate(self.schema, document, RULES)
        except GraphQLError as error:
            errors = [error]
        if errors:
            self.service.violate("GraphQL: " + "; ".join(error.message for error in errors))
            return Answer(200, {"errors": [_shown(error) for error in errors]})
        result = execute_sync(
            self.schema,
            document,
            context_value=context,
            variable_values=asked.get("variables") or {},
            operation_name=asked.get("operationName"),
            field_resolver=self._resolve_field,
            type_resolver=lambda thing, info, abstract: type_name(thing),
        )
        assert isinstance(result, ExecutionResult)
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            body["errors"] = [_shown(error) for error in result.errors]
            for failure in result.errors:
                if failure.original_error and not isinstance(failure.original_error, Failed | Refusal):
                    self.service.violate(f"GraphQL: {failure.message} ({type(failure.original_error).__name__})")
        return Answer(200, body)

    def _resolve_field(self, source: Any, info: GraphQLResolveInfo[Context], **arguments: Any) -> Any:
        type_, name = info.parent_type.name, info.field_name
        try:
            if type_ == "Mutation":
                return self._mutate(name, info.context, arguments["input"])
            resolver = self._queries.get(name) if type_ == "Query" else FIELDS.get((type_, name))
            if resolver is not None:
                return resolver(source, info.context, **arguments)
        except Refusal as refusal:
            kind = {401: "UNAUTHENTICATED", 403: "FORBIDDEN", 404: "NOT_FOUND"}.get(refusal.status, "UNPROCESSABLE")
            raise Failed(kind, refusal.message) from None
        if isinstance(source, dict) and name in source:
            return source[name]
        raise LookupError(f"the field {name} of {type_} is not simulated")

    # --- reading -----------------------------------------------------------------------------------------------------

    def _repository(self, _: Any, context: Context, owner: str, name: str, **options: Any) -> Repository:
        full_name = f"{owner}/{name}"
        found = self.world.repository(full_name) or self.world.renamed.get(full_name.lower())
        if found is None or not context.caller.can_see(found):
            raise Failed("NOT_FOUND", f"Could not resolve to a Repository with the name '{full_name}'.")
        return found

    def _node(self, context: Context, node_id: str) -> Any:
        thing = self.world.nodes.get(node_id)
        repository = repository_of(thing)
        if thing is None or (repository is not None and not context.caller.can_see(repository)):
            raise Failed("NOT_FOUND", f"Could not resolve to a node with the global id of '{node_id}'")
        return thing

    # --- mutations ---------------------------------------------------------------------------------------------------

    def _mutate(self, name: str, context: Context, given: dict[str, Any]) -> Any:
        mutation = self._mutations.get(name)
        if mutation is None:
            raise LookupError(f"the mutation {name} is not simulated")
        return {"clientMutationId": given.get("clientMutationId"), **mutation(context, given)}

    def _subject(self, context: Context, node_id: str, kinds: Any, *needs: tuple[str, str], role: str = "write") -> Any:
        """The thing a mutation is about, if the caller has all of `needs` there."""
        thing = self._node(context, node_id)
        repository = repository_of(thing)
        if not isinstance(thing, kinds) or repository is None:
            raise Failed("NOT_FOUND", f"Could not resolve to a node with the global id of '{node_id}'")
        for need in needs:
            context.caller.must(repository, [need], role=role, writes=True)
        return thing

    def _reactable(self, context: Context, node_id: str) -> Any:
        thing = self._node(context, node_id)
        needs = (
            [("issues", "write"), ("pull_requests", "write")]
            if isinstance(thing, Issue | Comment)
            else [("pull_requests", "write")]
        )
        repository = repository_of(thing)
        if repository is None or not isinstance(thing, Written | PullRequest):
            raise Failed("NOT_FOUND", f"Could not resolve to a node with the global id of '{node_id}'")
        context.caller.must(repository, needs, role="read", writes=True)
        return thing

    def _add_reaction(self, context: Context, given: dict[str, Any]) -> dict[str, Any]:
        thing = self._reactable(context, given["subjectId"])
        written = thing.issue if isinstance(thing, PullRequest) else thing
        reaction, _ = self.changes.react(written, context.caller.acting_user(), CONTENTS[given["content"]])
        return {
            "subject": thing,
            "reaction": reaction,
            "reactionGroups": FIELDS[("Issue", "reactionGroups")](written, context),
        }

    def _remove_reaction(self, context: Context, given: dict[str, Any]) -> dict[str, Any]:
        thing, user = self._reactable(context, given["subjectId"]), context.caller.acting_user()
        written = thing.issue if isinstance(thing, PullRequest) else thing
        for reaction in [
            each for each in written.reactions if each.user is user and each.content == CONTENTS[given["content"]]
        ]:
            self.changes.unreact(written, user, reaction.id)
        return {"subject": thing, "reactionGroups": FIELDS[("Issue", "reactionGroups")](written, context)}

    def _thread(self, context: Context, node_id: str, *needs: tuple[str, str]) -> Thread:
        thread: Thread = self._subject(context, node_id, Thread, ("pull_requests", "write"), *needs)
        return thread

    def _resolve(self, context: Context, given: dict[str, Any]) -> dict[str, Any]:
        thread = self._thread(
            context, given["threadId"], ("contents", "write")
        )  # asked for besides pull_requests, oddly
        self.changes.resolve(thread, context.caller.acting_user())
        return {"thread": thread}

    def _unresolve(self, context: Context, given: dict[str, Any]) -> dict[str, Any]:
        thread = self._thread(context, given["threadId"], ("contents", "write"))
        self.changes.unresolve(thread, context.caller.acting_user())
        return {"thread": thread}

    def _reply(self, context: Context, given: dict[str, Any]) -> dict[str, Any]:
        thread = self._thread(context, given["pullRequestReviewThreadId"])
        return {"comment": self.changes.reply(thread, context.caller.acting_user(), given["body"])}

    def _set_draft(self, context: Context, given: dict[str, Any], draft: bool) -> dict[str, Any]:
        pull_request: PullRequest = self._subject(
            context, given["pullRequestId"], PullRequest, ("pull_requests", "write")
        )
        self.changes.set_draft(pull_request, context.caller.acting_user(), draft)
        return {"pullRequest": pull_request}

    def _ready(self, context: Context, given: dict[str, Any]) -> dict[str, Any]:
        return self._set_draft(context, given, False)

    def _to_draft(self, context: Context, given: dict[str, Any]) -> dict[str, Any]:
        return self._set_draft(context, given, True)

    def _minimizable(self, context: Context, node_id: str) -> Written:
        need = ("issues", "write") if isinstance(self._node(context, node_id), Comment) else ("pull_requests", "write")
        thing: Written = self._subject(context, node_id, Comment | Review | ReviewComment, need)
        return thing

    def _minimize(self, context: Context, given: dict[str, Any]) -> dict[str, Any]:
        thing = self._minimizable(context, given["subjectId"])
        thing.minimized = MINIMIZED[given["classifier"]]
        return {"minimizedComment": thing}

    def _unminimize(self, context: Context, given: dict[str, Any]) -> dict[str, Any]:
        thing = self._minimizable(context, given["subjectId"])
        thing.minimized = None
        return {"unminimizedComment": thing}


def _shown(error: GraphQLError) -> dict[str, Any]:
    """An error in GitHub's form: `type` beside the message."""
    shown: dict[str, Any] = {"message": error.message}
    if error.path:
        shown["path"] = list(error.path)
    if error.locations:
        shown["locations"] = [{"line": location.line, "column": location.column} for location in error.locations]
    original = error.original_error if isinstance(error.original_error, Failed) else error
    if isinstance(original, Failed):
        shown["type"] = original.kind
        if original.kind == "FORBIDDEN":
            shown["extensions"] = {"saml_failure": False}
    return shown
