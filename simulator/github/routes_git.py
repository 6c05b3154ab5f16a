"""REST: the Git Data API, commits, branches, contents and comparisons."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any

from simulator.github import views_git
from simulator.github.git import EMPTY_TREE, SHA, GitError, Identity
from simulator.github.operations import Answer, Call, operation, required
from simulator.github.refusals import Refusal, invalid, not_found, unprocessable
from simulator.github.state import Repository

MODES = {"100644": "blob", "100755": "blob", "040000": "tree", "160000": "commit", "120000": "blob"}


def _refuse_empty(repository: Repository) -> None:
    if not repository.git.refs("refs/heads/"):
        raise Refusal(409, "Git Repository is empty.")


def _object(call: Call, sha: str, kind: str) -> str:
    if call.repository.git.kind(sha) != kind:
        raise not_found()
    return sha


def _commit(call: Call, expression: str) -> str:
    _refuse_empty(call.repository)
    sha = call.repository.git.resolve(expression)
    if sha is None:
        raise Refusal(422, f"No commit found for SHA: {expression}")
    return sha


# --- Git data --------------------------------------------------------------------------------------------------------


@operation("git/create-blob", success=201)
def create_blob(call: Call) -> Any:
    _refuse_empty(call.repository)
    call.changes.refuse_archived(call.repository)
    (content,) = required(call.body, "Blob", "content")
    encoding = call.body.get("encoding") or "utf-8"
    try:
        data = base64.b64decode(content) if encoding == "base64" else content.encode()
    except binascii.Error:
        raise unprocessable("content is not valid Base64") from None
    sha = call.repository.git.blob(data)
    return {"sha": sha, "url": call.at.repo(call.repository, f"/git/blobs/{sha}")}


@operation("git/get-blob")
def get_blob(call: Call) -> Any:
    return views_git.blob(call.at, call.repository, _object(call, call.path["file_sha"], "blob"))


@operation("git/create-tree", success=201)
def create_tree(call: Call) -> Any:
    _refuse_empty(call.repository)
    call.changes.refuse_archived(call.repository)
    git = call.repository.git
    base = call.body.get("base_tree")
    if base is not None and git.kind(base) not in ("tree", "commit"):
        raise unprocessable("base_tree is not a valid tree oid")
    (entries,) = required(call.body, "Tree", "tree")
    if not entries:
        raise unprocessable("Invalid tree info")
    changes = [_tree_entry(call, entry) for entry in entries]
    try:
        sha = git.make_tree(changes, base)
    except GitError:
        raise unprocessable("GitRPC::BadObjectState") from None
    return views_git.tree(call.at, call.repository, sha, recursive=False)


def _tree_entry(call: Call, entry: dict[str, Any]) -> tuple[str, str, str | None]:
    path, mode, kind = entry.get("path"), entry.get("mode"), entry.get("type")
    if not path or path.startswith("/") or ".." in path.split("/") or ".git" in path.lower().split("/"):
        raise unprocessable("tree.path contains a malformed path component")
    if mode not in MODES or (kind is not None and MODES[mode] != kind):
        raise unprocessable("Must supply a valid tree.mode")
    if "content" in entry:
        return path, mode, call.repository.git.blob(entry["content"].encode())
    if "sha" not in entry:
        raise unprocessable("Must supply either tree.sha or tree.content")
    sha = entry["sha"]
    if sha is None:
        return path, mode, None
    if mode != "160000" and call.repository.git.kind(sha) != MODES[mode]:
        raise unprocessable(f"tree.sha {sha} is not a valid {MODES[mode]}")
    return path, mode, sha


@operation("git/get-tree")
def get_tree(call: Call) -> Any:
    _refuse_empty(call.repository)
    git, name = call.repository.git, call.path["tree_sha"]
    sha = name if git.kind(name) in ("tree", "commit") else git.resolve(name)
    if sha is None:
        raise not_found()
    tree = git.commit(sha).tree if git.kind(sha) == "commit" else sha
    return views_git.tree(call.at, call.repository, tree, recursive=bool(call.query.get("recursive")))


@operation("git/create-commit", success=201)
def create_commit(call: Call) -> Any:
    """Without author, committer and signature an App's commit is GitHub's own, and Verified."""
    _refuse_empty(call.repository)
    call.changes.refuse_archived(call.repository)
    git = call.repository.git
    message, tree = required(call.body, "Commit", "message", "tree")
    parents = call.body.get("parents") or []
    if git.kind(tree) != "tree":
        raise unprocessable("Tree SHA does not exist")
    if any(git.kind(parent) != "commit" for parent in parents):
        raise unprocessable("Parent SHA does not exist or is not a commit object")
    author = _identity(call, "author")
    committer = _identity(call, "committer")
    if call.body.get("signature"):
        raise Refusal(501, "signatures of one's own are not simulated")
    now = int(call.world.now().timestamp())
    sign = author is None and committer is None and call.caller.installation is not None
    who = author or Identity(call.user.login, views_git.email_of(call.user), now)
    by = Identity(*views_git.GITHUB, now) if sign else (committer or who)
    sha = git.make_commit(tree=tree, parents=parents, author=who, committer=by, message=message, sign=sign)
    return views_git.git_commit(call.at, call.repository, git.commit(sha))


def _identity(call: Call, field: str) -> Identity | None:
    given = call.body.get(field)
    if given is None:
        return None
    when = datetime.fromisoformat(given["date"]) if given.get("date") else call.world.now()
    return Identity(given["name"], given["email"], int(when.timestamp()))


@operation("git/get-commit")
def get_git_commit(call: Call) -> Any:
    sha = _object(call, call.path["commit_sha"], "commit")
    return views_git.git_commit(call.at, call.repository, call.repository.git.commit(sha))


@operation("git/create-ref", success=201)
def create_ref(call: Call) -> Any:
    _refuse_empty(call.repository)
    ref, sha = required(call.body, "Reference", "ref", "sha")
    if not SHA.fullmatch(sha):
        raise unprocessable("The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
    call.changes.create_ref(call.repository, call.user, ref, sha)
    return views_git.ref(call.at, call.repository, ref, sha)


@operation("git/get-ref")
def get_ref(call: Call) -> Any:
    _refuse_empty(call.repository)
    ref = f"refs/{call.path['ref']}"
    sha = call.repository.git.refs().get(ref)
    if sha is None:
        raise not_found()
    return views_git.ref(call.at, call.repository, ref, sha)


@operation("git/list-matching-refs")
def list_matching_refs(call: Call) -> Any:
    found = call.repository.git.refs(f"refs/{call.path['ref']}")
    return [views_git.ref(call.at, call.repository, ref, sha) for ref, sha in found.items()]


@operation("git/update-ref")
def update_ref(call: Call) -> Any:
    ref = f"refs/{call.path['ref']}"
    (sha,) = required(call.body, "Reference", "sha")
    call.changes.move_ref(call.repository, call.user, ref, sha, force=bool(call.body.get("force")))
    return views_git.ref(call.at, call.repository, ref, sha)


@operation("git/delete-ref", success=204)
def delete_ref(call: Call) -> None:
    call.changes.delete_ref(call.repository, call.user, f"refs/{call.path['ref']}")


# --- commits and branches --------------------------------------------------------------------------------------------


@operation("repos/list-commits")
def list_commits(call: Call) -> Answer:
    start = _commit(call, call.query.get("sha") or call.repository.default_branch)
    git = call.repository.git
    shas = git.history(start, path=call.query.get("path"))
    return call.page(shas, lambda sha: views_git.commit(call.at, call.repository, git.commit(sha)))


@operation("repos/get-commit")
def get_commit(call: Call) -> Any:
    git = call.repository.git
    commit = git.commit(_commit(call, call.path["ref"]))
    files = git.files(commit.parents[0] if commit.parents else EMPTY_TREE, commit.sha)
    return views_git.commit_with_files(call.at, call.repository, commit, files)


@operation("repos/list-branches")
def list_branches(call: Call) -> Answer:
    heads = call.repository.git.refs("refs/heads/").items()
    return call.page(
        heads,
        lambda head: views_git.short_branch(call.at, call.repository, head[0].removeprefix("refs/heads/"), head[1]),
    )


@operation("repos/get-branch")
def get_branch(call: Call) -> Any:
    name = call.path["branch"]
    sha = call.repository.git.refs("refs/heads/").get(f"refs/heads/{name}")
    if sha is None:
        raise Refusal(404, "Branch not found")
    return views_git.branch(call.at, call.repository, name, sha)


@operation("repos/compare-commits-with-basehead")
def compare(call: Call) -> Any:
    base_name, separator, head_name = call.path["basehead"].partition("...")
    if not separator:
        raise not_found()
    git, repository, at = call.repository.git, call.repository, call.at
    base, head = _compared(call, base_name), _compared(call, head_name)
    start = git.merge_base(base, head)
    if start is None:
        raise Refusal(404, f"No common ancestor between {base_name} and {head_name}.")
    ahead, behind = tuple(reversed(git.history(head, f"^{base}"))), git.history(base, f"^{head}")
    status = {(False, False): "identical", (True, False): "ahead", (False, True): "behind", (True, True): "diverged"}
    url = at.repo(repository, f"/compare/{call.path['basehead']}")
    page = at.html(f"/{repository.full_name}/compare/{call.path['basehead']}")
    listed = call.page(ahead, lambda sha: views_git.commit(at, repository, git.commit(sha)))
    body = {
        "url": url,
        "html_url": page,
        "permalink_url": at.html(f"/{repository.full_name}/compare/{base}...{head}"),
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "base_commit": views_git.commit(at, repository, git.commit(base)),
        "merge_base_commit": views_git.commit(at, repository, git.commit(start)),
        "status": status[(bool(ahead), bool(behind))],
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": listed.body,
        "files": [views_git.file_diff(at, repository, each, head) for each in git.files(start, head)],
    }
    return Answer(200, body, listed.headers)


def _compared(call: Call, name: str) -> str:
    sha = call.repository.git.resolve(name)
    if sha is None:
        raise not_found()
    return sha


@operation("repos/get-content")
def get_content(call: Call) -> Any:
    reference = call.query.get("ref") or call.repository.default_branch
    commit = call.repository.git.resolve(reference)
    if commit is None:
        raise Refusal(404, f"No commit found for the ref {reference}")
    path = call.path["path"].strip("/")
    git, tree = call.repository.git, call.repository.git.commit(commit).tree
    if path:
        entry = next((each for each in git.tree(commit, recursive=True) if each.path == path), None)
        if entry is None:
            raise not_found()
        if entry.type == "blob":
            return views_git.content_file(call.at, call.repository, path, entry.sha, reference)
        if entry.type != "tree":
            raise invalid("Content", "path")
        tree = entry.sha
    entries = views_git.tree(call.at, call.repository, tree, recursive=False)["tree"]
    return views_git.content_directory(call.at, call.repository, path, entries, reference)
