"""Commits, refs, trees, files and comparisons as GitHub's JSON."""

from __future__ import annotations

import base64

from simulator.github import views
from simulator.github.git import Commit, Identity
from simulator.github.patches import FileDiff
from simulator.github.place import Place, stamp_of
from simulator.github.state import Repository, User
from simulator.github.views import Json

GITHUB = ("GitHub", "noreply@github.com")


def email_of(person: User) -> str:
    """The address under which GitHub commits for an account."""
    return f"{person.id}+{person.login}@users.noreply.github.com"


def account_of(at: Place, identity: Identity) -> User | None:
    """The account whose address stands in a commit."""
    for person in at.world.users.values():
        if identity.email.lower() in (email_of(person).lower(), f"{person.login.lower()}@example.com"):
            return person
    return None


def written_by(identity: Identity) -> Json:
    return {"name": identity.name, "email": identity.email, "date": stamp_of(identity.time)}


def verification(repository: Repository, it: Commit) -> Json:
    """Whether the signature in the commit is GitHub's own."""
    verified = repository.git.is_signed_by_github(it)
    reason = "valid" if verified else ("unsigned" if it.signature is None else "unknown_key")
    return {
        "verified": verified,
        "reason": reason,
        "signature": it.signature,
        "payload": it.payload,
        "verified_at": stamp_of(it.committer.time) if verified else None,
    }


def parents(at: Place, repository: Repository, it: Commit, *, kind: str = "commits") -> list[Json]:
    return [
        {
            "sha": sha,
            "url": at.repo(repository, f"/{kind}/{sha}"),
            "html_url": at.html(f"/{repository.full_name}/commit/{sha}"),
        }
        for sha in it.parents
    ]


def node_id(kind: str, repository: Repository, name: str) -> str:
    """The GraphQL id of a git object or ref, which is computed, not remembered."""
    return f"{kind}_kwDOsim{repository.id:x}_{name}"


def git_commit(at: Place, repository: Repository, it: Commit) -> Json:
    """A `git-commit` of the Git Data API."""
    return {
        "sha": it.sha,
        "node_id": node_id("C", repository, it.sha),
        "url": at.repo(repository, f"/git/commits/{it.sha}"),
        "html_url": at.html(f"/{repository.full_name}/commit/{it.sha}"),
        "author": written_by(it.author),
        "committer": written_by(it.committer),
        "tree": {"sha": it.tree, "url": at.repo(repository, f"/git/trees/{it.tree}")},
        "message": it.message.removesuffix("\n"),
        "parents": parents(at, repository, it, kind="git/commits"),
        "verification": verification(repository, it),
    }


def commit(at: Place, repository: Repository, it: Commit) -> Json:
    """A `commit` of the repository's commits API, without files."""
    url = at.repo(repository, f"/commits/{it.sha}")
    author, committer = account_of(at, it.author), account_of(at, it.committer)
    return {
        "sha": it.sha,
        "node_id": node_id("C", repository, it.sha),
        "commit": {
            "author": written_by(it.author),
            "committer": written_by(it.committer),
            "message": it.message.removesuffix("\n"),
            "tree": {"sha": it.tree, "url": at.repo(repository, f"/git/trees/{it.tree}")},
            "url": at.repo(repository, f"/git/commits/{it.sha}"),
            "comment_count": 0,
            "verification": verification(repository, it),
        },
        "url": url,
        "html_url": at.html(f"/{repository.full_name}/commit/{it.sha}"),
        "comments_url": f"{url}/comments",
        "author": views.user(at, author) if author else None,
        "committer": views.user(at, committer) if committer else None,
        "parents": parents(at, repository, it),
    }


def commit_with_files(at: Place, repository: Repository, it: Commit, files: tuple[FileDiff, ...]) -> Json:
    """A `commit` with what it changed."""
    additions, deletions = sum(each.additions for each in files), sum(each.deletions for each in files)
    stats = {"total": additions + deletions, "additions": additions, "deletions": deletions}
    listed = [file_diff(at, repository, each, it.sha) for each in files]
    return {**commit(at, repository, it), "stats": stats, "files": listed}


def file_diff(at: Place, repository: Repository, it: FileDiff, head: str) -> Json:
    """A `diff-entry`."""
    body: Json = {
        "sha": it.sha,
        "filename": it.path,
        "status": it.status,
        "additions": it.additions,
        "deletions": it.deletions,
        "changes": it.additions + it.deletions,
        "blob_url": at.html(f"/{repository.full_name}/blob/{head}/{it.path}"),
        "raw_url": at.html(f"/{repository.full_name}/raw/{head}/{it.path}"),
        "contents_url": at.repo(repository, f"/contents/{it.path}?ref={head}"),
    }
    if it.patch is not None:
        body["patch"] = it.patch
    if it.previous is not None:
        body["previous_filename"] = it.previous
    return body


def ref(at: Place, repository: Repository, name: str, sha: str) -> Json:
    """A `git-ref`."""
    kind = repository.git.kind(sha) or "commit"
    return {
        "ref": name,
        "node_id": node_id("REF", repository, name),
        "url": at.repo(repository, f"/git/{name}"),
        "object": {"type": kind, "sha": sha, "url": at.repo(repository, f"/git/{kind}s/{sha}")},
    }


def tree(at: Place, repository: Repository, sha: str, *, recursive: bool) -> Json:
    """A `git-tree`."""
    entries = []
    for entry in repository.git.tree(sha, recursive=recursive):
        listed: Json = {"path": entry.path, "mode": entry.mode, "type": entry.type, "sha": entry.sha}
        if entry.size is not None:
            listed["size"] = entry.size
        if entry.type != "commit":
            listed["url"] = at.repo(repository, f"/git/{entry.type}s/{entry.sha}")
        entries.append(listed)
    return {"sha": sha, "url": at.repo(repository, f"/git/trees/{sha}"), "tree": entries, "truncated": False}


def blob(at: Place, repository: Repository, sha: str) -> Json:
    """A `blob`."""
    data = repository.git.read(sha)
    return {
        "sha": sha,
        "node_id": node_id("B", repository, sha),
        "size": len(data),
        "url": at.repo(repository, f"/git/blobs/{sha}"),
        "content": base64.encodebytes(data).decode(),
        "encoding": "base64",
    }


def short_branch(at: Place, repository: Repository, name: str, sha: str) -> Json:
    """A `short-branch`."""
    return {
        "name": name,
        "commit": {"sha": sha, "url": at.repo(repository, f"/commits/{sha}")},
        "protected": name in repository.protected,
    }


def branch(at: Place, repository: Repository, name: str, sha: str) -> Json:
    """A `branch-with-protection`."""
    url = at.repo(repository, f"/branches/{name}")
    protected = name in repository.protected
    checks = repository.required_checks if protected else []
    return {
        "name": name,
        "commit": commit(at, repository, repository.git.commit(sha)),
        "_links": {"self": url, "html": at.html(f"/{repository.full_name}/tree/{name}")},
        "protected": protected,
        "protection": {
            "enabled": protected,
            "required_status_checks": {
                "enforcement_level": "everyone" if checks else "off",
                "contexts": list(checks),
                "checks": [{"context": check, "app_id": None} for check in checks],
            },
        },
        "protection_url": f"{url}/protection",
    }


def content_file(at: Place, repository: Repository, path: str, sha: str, reference: str) -> Json:
    """A `content-file`."""
    data = repository.git.read(sha)
    url = at.repo(repository, f"/contents/{path}?ref={reference}")
    git_url = at.repo(repository, f"/git/blobs/{sha}")
    html_url = at.html(f"/{repository.full_name}/blob/{reference}/{path}")
    return {
        **_content(path, sha, len(data), url, git_url, html_url),
        "download_url": at.html(f"/{repository.full_name}/raw/{reference}/{path}"),
        "type": "file",
        "content": base64.encodebytes(data).decode(),
        "encoding": "base64",
    }


def content_directory(at: Place, repository: Repository, path: str, entries: list[Json], reference: str) -> list[Json]:
    """A `content-directory`: `entries` are those of the tree."""
    kinds = {"blob": "file", "tree": "dir", "commit": "submodule"}
    listed = []
    for entry in entries:
        name = f"{path}/{entry['path']}".lstrip("/")
        url = at.repo(repository, f"/contents/{name}?ref={reference}")
        git_url = at.repo(repository, f"/git/{entry['type']}s/{entry['sha']}")
        html_url = at.html(f"/{repository.full_name}/blob/{reference}/{name}")
        body = _content(name, entry["sha"], entry.get("size", 0), url, git_url, html_url)
        download = at.html(f"/{repository.full_name}/raw/{reference}/{name}") if entry["type"] == "blob" else None
        listed.append({**body, "download_url": download, "type": kinds[entry["type"]]})
    return listed


def _content(path: str, sha: str, size: int, url: str, git_url: str, html_url: str) -> Json:
    links = {"self": url, "git": git_url, "html": html_url}
    return {
        "name": path.rsplit("/", 1)[-1],
        "path": path,
        "sha": sha,
        "size": size,
        "url": url,
        "html_url": html_url,
        "git_url": git_url,
        "_links": links,
    }


def push_commit(at: Place, repository: Repository, it: Commit) -> Json:
    """A commit as the push webhook holds it."""
    author, committer = account_of(at, it.author), account_of(at, it.committer)
    files = repository.git.files(it.parents[0], it.sha) if it.parents else ()
    body: Json = {
        "id": it.sha,
        "tree_id": it.tree,
        "distinct": True,
        "message": it.message.removesuffix("\n"),
        "timestamp": stamp_of(it.committer.time),
        "url": at.html(f"/{repository.full_name}/commit/{it.sha}"),
        "author": {"name": it.author.name, "email": it.author.email},
        "committer": {"name": it.committer.name, "email": it.committer.email},
        "added": [each.path for each in files if each.status == "added"],
        "removed": [each.path for each in files if each.status == "removed"],
        "modified": [each.path for each in files if each.status not in ("added", "removed")],
    }
    if author:
        body["author"]["username"] = author.login
    if committer:
        body["committer"]["username"] = committer.login
    return body


def simple_commit(it: Commit) -> Json:
    """A `simple-commit`, as check suites and workflow runs hold it."""
    return {
        "id": it.sha,
        "tree_id": it.tree,
        "message": it.message.removesuffix("\n"),
        "timestamp": stamp_of(it.committer.time),
        "author": {"name": it.author.name, "email": it.author.email},
        "committer": {"name": it.committer.name, "email": it.committer.email},
    }
