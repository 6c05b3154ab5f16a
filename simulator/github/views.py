"""People, Apps and repositories as GitHub's JSON."""

from __future__ import annotations

from typing import Any

from simulator.github.place import Place, stamp
from simulator.github.state import App, Installation, Label, Reaction, Repository, User, Written

Json = dict[str, Any]


def user(at: Place, person: User) -> Json:
    """A `simple-user`."""
    url = at.api(f"/users/{person.login}")
    page = f"/apps/{person.login.removesuffix('[bot]')}" if person.kind == "Bot" else f"/{person.login}"
    return {
        "login": person.login,
        "id": person.id,
        "node_id": at.world.node_id(person),
        "avatar_url": at.html(f"/_sim/avatar/{person.login}.svg"),
        "gravatar_id": "",
        "url": url,
        "html_url": at.html(page),
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": person.kind,
        "user_view_type": "public",
        "site_admin": False,
    }


def public_user(at: Place, person: User) -> Json:
    """A `public-user`, what `GET /users/x` answers."""
    created = stamp(at.world.now())
    return {
        **user(at, person),
        "name": person.name,
        "company": None,
        "blog": "",
        "location": None,
        "email": None,
        "hireable": None,
        "bio": None,
        "twitter_username": None,
        "public_repos": len([each for each in at.world.repositories if each.owner is person]),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": created,
        "updated_at": created,
    }


def app(at: Place, it: App) -> Json:
    """An `integration`."""
    return {
        "id": it.id,
        "slug": it.slug,
        "client_id": it.client_id,
        "node_id": at.world.node_id(it),
        "owner": user(at, it.owner),
        "name": it.name,
        "description": "",
        "external_url": at.html(f"/apps/{it.slug}"),
        "html_url": at.html(f"/apps/{it.slug}"),
        "created_at": stamp(it.created_at),
        "updated_at": stamp(it.created_at),
        "permissions": dict(it.permissions),
        "events": list(it.events),
    }


def installation(at: Place, it: Installation) -> Json:
    """An `installation`."""
    kind = "Organization" if it.account.kind == "Organization" else "User"
    page = f"/organizations/{it.account.login}" if kind == "Organization" else ""
    return {
        "id": it.id,
        "client_id": it.app.client_id,
        "account": user(at, it.account),
        "repository_selection": "all" if it.repositories is None else "selected",
        "access_tokens_url": at.api(f"/app/installations/{it.id}/access_tokens"),
        "repositories_url": at.api("/installation/repositories"),
        "html_url": at.html(f"{page}/settings/installations/{it.id}"),
        "app_id": it.app.id,
        "app_slug": it.app.slug,
        "target_id": it.account.id,
        "target_type": kind,
        "permissions": dict(it.permissions),
        "events": list(it.app.events),
        "created_at": stamp(it.created_at),
        "updated_at": stamp(it.created_at),
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": user(at, it.suspended_by) if it.suspended_by else None,
        "suspended_at": stamp(it.suspended_at),
    }


REPOSITORY_URLS = {
    "forks_url": "/forks",
    "keys_url": "/keys{/key_id}",
    "collaborators_url": "/collaborators{/collaborator}",
    "teams_url": "/teams",
    "hooks_url": "/hooks",
    "issue_events_url": "/issues/events{/number}",
    "events_url": "/events",
    "assignees_url": "/assignees{/user}",
    "branches_url": "/branches{/branch}",
    "tags_url": "/tags",
    "blobs_url": "/git/blobs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "trees_url": "/git/trees{/sha}",
    "statuses_url": "/statuses/{sha}",
    "languages_url": "/languages",
    "stargazers_url": "/stargazers",
    "contributors_url": "/contributors",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "commits_url": "/commits{/sha}",
    "git_commits_url": "/git/commits{/sha}",
    "comments_url": "/comments{/number}",
    "issue_comment_url": "/issues/comments{/number}",
    "contents_url": "/contents/{+path}",
    "compare_url": "/compare/{base}...{head}",
    "merges_url": "/merges",
    "archive_url": "/{archive_format}{/ref}",
    "downloads_url": "/downloads",
    "issues_url": "/issues{/number}",
    "pulls_url": "/pulls{/number}",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "labels_url": "/labels{/name}",
    "releases_url": "/releases{/id}",
    "deployments_url": "/deployments",
}


def minimal_repository(at: Place, it: Repository) -> Json:
    """What every form of a repository holds."""
    return {
        "id": it.id,
        "node_id": at.world.node_id(it),
        "name": it.name,
        "full_name": it.full_name,
        "private": it.private,
        "owner": user(at, it.owner),
        "html_url": at.html(f"/{it.full_name}"),
        "description": it.description or None,
        "fork": it.parent is not None,
        "url": at.repo(it),
        **{key: at.repo(it, path) for key, path in REPOSITORY_URLS.items()},
    }


def repository(at: Place, it: Repository, permissions: Json | None = None) -> Json:
    """A `repository`, as webhooks and pull requests hold it."""
    open_issues = len([each for each in it.issues.values() if each.state == "open"])
    address = at.html(f"/{it.full_name}")
    body = {
        **minimal_repository(at, it),
        "created_at": stamp(it.created_at),
        "updated_at": stamp(it.pushed_at or it.created_at),
        "pushed_at": stamp(it.pushed_at or it.created_at),
        "git_url": f"git://{address.split('://', 1)[1]}.git",
        "ssh_url": f"git@localhost:{it.full_name}.git",
        "clone_url": f"{address}.git",
        "svn_url": address,
        "homepage": None,
        "size": 1,
        "stargazers_count": 0,
        "watchers_count": 0,
        "language": "Rust",
        "has_issues": it.has_issues,
        "has_projects": False,
        "has_downloads": True,
        "has_wiki": False,
        "has_pages": False,
        "has_discussions": False,
        "has_pull_requests": True,
        "forks_count": 0,
        "mirror_url": None,
        "archived": it.archived,
        "disabled": False,
        "open_issues_count": open_issues,
        "license": None,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
        "visibility": "private" if it.private else "public",
        "forks": 0,
        "open_issues": open_issues,
        "watchers": 0,
        "default_branch": it.default_branch,
    }
    return {**body, "permissions": permissions} if permissions is not None else body


def full_repository(at: Place, it: Repository, permissions: Json) -> Json:
    """A `full-repository`, what `GET /repos/o/r` answers."""
    parents = {}
    if it.parent is not None:
        parents = {"parent": repository(at, it.parent), "source": repository(at, it.parent)}
    merging = {
        "allow_squash_merge": True,
        "allow_merge_commit": True,
        "allow_rebase_merge": True,
        "allow_auto_merge": False,
        "delete_branch_on_merge": it.deletes_merged_branches,
        "allow_update_branch": False,
    }
    return {
        **repository(at, it, permissions),
        **merging,
        **parents,
        "temp_clone_token": None,
        "network_count": 0,
        "subscribers_count": 1,
    }


def label(at: Place, repository: Repository, it: Label) -> Json:
    return {
        "id": it.id,
        "node_id": at.world.node_id(it),
        "url": at.repo(repository, f"/labels/{it.name}"),
        "name": it.name,
        "color": it.color,
        "default": it.name in ("bug", "enhancement", "question"),
        "description": it.description,
    }


def reaction(at: Place, it: Reaction) -> Json:
    return {
        "id": it.id,
        "node_id": at.world.node_id(it),
        "user": user(at, it.user),
        "content": it.content,
        "created_at": stamp(it.created_at),
    }


def reactions(url: str, it: Written) -> Json:
    """The roll-up of reactions that every written thing carries."""
    counts = dict.fromkeys(("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"), 0)
    for each in it.reactions:
        counts[each.content] += 1
    return {"url": f"{url}/reactions", "total_count": len(it.reactions), **counts}


def association(repository: Repository, person: User) -> str:
    """How an author stands to a repository."""
    if person is repository.owner:
        return "OWNER"
    if person.login.lower() in repository.roles:
        return "COLLABORATOR"
    merged = any(each.merged_at and each.issue.author is person for each in repository.pull_requests)
    return "CONTRIBUTOR" if merged or person.kind == "Bot" else "NONE"


def performed_via(at: Place, it: Written) -> Json | None:
    """The App through which something was written."""
    if not it.by_app:
        return None
    return next((app(at, each) for each in at.world.apps if each.bot is it.author), None)
