"""REST: the App, its installations and tokens, webhook deliveries, repositories, people and GitHub itself."""

from __future__ import annotations

from typing import Any

from simulator.github import views
from simulator.github.auth import mint
from simulator.github.operations import Answer, Call, operation
from simulator.github.place import stamp
from simulator.github.refusals import Refusal, not_found, unprocessable
from simulator.github.state import ROLES, App, Installation, Repository, User
from simulator.github.webhooks import Deliveries

VERSION = "2022-11-28"


def _app(call: Call) -> App:
    if call.caller.app is None:
        raise Refusal(401, "A JSON web token could not be decoded")
    return call.caller.app


def _installation(call: Call) -> Installation:
    found = call.world.installation(int(call.path["installation_id"]))
    if found is None or found.app is not _app(call):
        raise not_found()
    return found


def _deliveries(call: Call) -> Deliveries:
    deliveries: Deliveries = call.path["deliveries"]
    return deliveries


@operation("meta/root")
def root(call: Call) -> Any:
    described = call.path["root"]
    return {name: call.at.api(f"/{name.removesuffix('_url')}") for name in described}


@operation("meta/get-all-versions")
def versions(call: Call) -> Any:
    return [VERSION]


@operation("rate-limit/get")
def rate_limit(call: Call) -> Any:
    core = call.path["rate"]
    return {"resources": {"core": core, "search": core, "graphql": core}, "rate": core}


# --- the App ---------------------------------------------------------------------------------------------------------


@operation("apps/get-authenticated", app_only=True)
def get_app(call: Call) -> Any:
    count = len([each for each in call.world.installations if each.app is _app(call) and not each.deleted])
    return {**views.app(call.at, _app(call)), "installations_count": count}


@operation("apps/get-by-slug")
def get_app_by_slug(call: Call) -> Any:
    app = next((each for each in call.world.apps if each.slug == call.path["app_slug"]), None)
    if app is None:
        raise not_found()
    return views.app(call.at, app)


@operation("apps/list-installations", app_only=True)
def list_installations(call: Call) -> Answer:
    call.query.get("since"), call.query.get("outdated")
    listed = [each for each in call.world.installations if each.app is _app(call) and not each.deleted]
    return call.page(listed, lambda each: views.installation(call.at, each))


@operation("apps/get-installation", app_only=True)
def get_installation(call: Call) -> Any:
    return views.installation(call.at, _installation(call))


@operation("apps/delete-installation", app_only=True, success=204)
def delete_installation(call: Call) -> None:
    installation = _installation(call)
    call.changes.uninstall(installation, installation.app.bot)


@operation("apps/get-repo-installation", app_only=True)
def get_repo_installation(call: Call) -> Any:
    installation = call.world.installation_of(_app(call), call.repository)
    if installation is None:
        raise not_found()
    return views.installation(call.at, installation)


@operation("apps/get-user-installation", app_only=True)
def get_user_installation(call: Call) -> Any:
    return _installation_of_account(call, call.person(call.path["username"]))


@operation("apps/get-org-installation", app_only=True)
def get_org_installation(call: Call) -> Any:
    return _installation_of_account(call, call.person(call.path["org"]))


def _installation_of_account(call: Call, account: User) -> Any:
    for installation in call.world.installations:
        if installation.account is account and installation.app is _app(call) and not installation.deleted:
            return views.installation(call.at, installation)
    raise not_found()


@operation("apps/create-installation-access-token", app_only=True, success=201)
def create_token(call: Call) -> Any:
    installation = _installation(call)
    names, ids = call.body.get("repositories"), call.body.get("repository_ids")
    repositories = None
    if names is not None or ids is not None:
        repositories = [_repository(call, installation, name) for name in names or []]
        repositories += [_repository_by_id(call, repository_id) for repository_id in ids or []]
    token = mint(call.world, installation, call.body.get("permissions") or {}, repositories)
    body: dict[str, Any] = {
        "token": token.value,
        "expires_at": stamp(token.expires_at),
        "permissions": dict(token.permissions),
        "repository_selection": "selected"
        if repositories is not None or installation.repositories is not None
        else "all",
    }
    if repositories is not None:
        body["repositories"] = [views.repository(call.at, each) for each in repositories]
    return body


def _repository(call: Call, installation: Installation, name: str) -> Repository:
    found = call.world.repository(f"{installation.account.login}/{name}")
    if found is None:
        raise unprocessable(
            "There is at least one repository that does not exist or is not accessible to the parent installation."
        )
    return found


def _repository_by_id(call: Call, repository_id: int) -> Repository:
    found = call.world.repository_by_id(repository_id)
    if found is None:
        raise unprocessable(
            "There is at least one repository that does not exist or is not accessible to the parent installation."
        )
    return found


@operation("apps/revoke-installation-access-token", success=204)
def revoke_token(call: Call) -> None:
    if call.caller.token is None or call.caller.installation is None:
        raise Refusal(401, "Requires authentication")
    del call.world.tokens[call.caller.token.value]


@operation("apps/list-repos-accessible-to-installation")
def list_accessible(call: Call) -> Answer:
    if call.caller.installation is None:
        raise Refusal(403, "Resource not accessible by personal access token")
    listed = [each for each in call.world.repositories if call.caller.covers(each)]
    answer = call.page(listed, lambda each: views.repository(call.at, each), inside="repositories")
    answer.body["repository_selection"] = "all" if call.caller.installation.repositories is None else "selected"
    return answer


# --- webhook deliveries ----------------------------------------------------------------------------------------------


@operation("apps/list-webhook-deliveries", app_only=True)
def list_deliveries(call: Call) -> Answer:
    """Newest first; the cursor is the id after which to go on."""
    status, cursor = call.query.get("status"), call.query.get("cursor")
    size = max(1, min(int(call.query.get("per_page") or 30), 100))
    entries = _deliveries(call).of(_app(call))
    if status:
        entries = [each for each in entries if (each.status_code // 100 == 2) == (status == "success")]
    if cursor:
        entries = [each for each in entries if each.id < int(cursor.removeprefix("v1_"))]
    shown = entries[:size]
    headers = {}
    if len(entries) > size:
        headers["Link"] = f'<{call.url}?per_page={size}&cursor=v1_{shown[-1].id}>; rel="next"'
    return Answer(200, [each.item() for each in shown], headers)


@operation("apps/get-webhook-delivery", app_only=True)
def get_delivery(call: Call) -> Any:
    return _delivery(call).full()


@operation("apps/redeliver-webhook-delivery", app_only=True, success=202)
def redeliver(call: Call) -> Any:
    _deliveries(call).redeliver(_delivery(call))
    return {}


def _delivery(call: Call) -> Any:
    for delivery in _deliveries(call).of(_app(call)):
        if delivery.id == int(call.path["delivery_id"]):
            return delivery
    raise not_found()


# --- repositories and people -----------------------------------------------------------------------------------------


def _rights(role: str) -> dict[str, bool]:
    rank = ROLES.index(role)
    names = {"admin": "admin", "maintain": "maintain", "push": "write", "triage": "triage", "pull": "read"}
    return {name: rank >= ROLES.index(least) for name, least in names.items()}


@operation("repos/get")
def get_repository(call: Call) -> Any:
    caller, repository = call.caller, call.repository
    if caller.installation:
        role = "write" if caller.covers(repository) and caller.has("contents", "write") else "read"
    else:
        role = repository.role(caller.user) if caller.user else "read"
    return views.full_repository(call.at, repository, _rights(role))


@operation("repos/get-collaborator-permission-level")
def get_permission(call: Call) -> Any:
    person = call.person(call.path["username"])
    role = call.repository.role(person)
    old = {"triage": "read", "maintain": "write"}.get(role, role)
    body = {**views.user(call.at, person), "permissions": _rights(role), "role_name": role}
    return {"permission": old, "role_name": role, "user": body}


@operation("repos/check-collaborator", success=204)
def check_collaborator(call: Call) -> None:
    person = call.person(call.path["username"])
    if person is not call.repository.owner and person.login.lower() not in call.repository.roles:
        raise not_found()


@operation("repos/list-collaborators")
def list_collaborators(call: Call) -> Answer:
    call.query.get("affiliation"), call.query.get("permission")
    people = [call.repository.owner, *(call.person(login) for login in call.repository.roles)]

    def view(person: User) -> Any:
        role = call.repository.role(person)
        return {**views.user(call.at, person), "permissions": _rights(role), "role_name": role}

    return call.page(people, view)


@operation("repos/list-languages")
def list_languages(call: Call) -> Any:
    sizes = [
        entry.size or 0 for entry in call.repository.git.tree("HEAD", recursive=True) if entry.path.endswith(".rs")
    ]
    return {"Rust": sum(sizes)} if sizes else {}


@operation("users/get-by-username")
def get_user(call: Call) -> Any:
    return views.public_user(call.at, call.person(call.path["username"]))


@operation("users/get-authenticated")
def get_authenticated_user(call: Call) -> Any:
    if call.caller.installation or call.caller.app:
        raise Refusal(403, "Resource not accessible by integration")
    return views.public_user(call.at, call.user)
