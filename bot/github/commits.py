"""Branches and commits through the Git Data API, without author or committer, so that GitHub signs them: Verified."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from bot import policy
from bot.domain import FileChange, FileMode, Repo
from bot.errors import Conflict, UserError
from bot.github import parse
from bot.github.api import GIT_OBJECT, read
from bot.github.errors import NotFound, Refused
from bot.github.part import Part, path_of, segment

INLINE_FILE = 64 * 1024
INLINE_TOTAL = 1024 * 1024
"""Bytes of clean text that travel inside the tree's own request instead of one request for each blob."""


class Commits(Part):
    """Branches move from the head that was read and never by force."""

    def branch_head(self, repo: Repo, branch: str) -> str | None:
        """The commit at the branch's head, or None where there is no such branch."""
        try:
            body = self._api.get(path_of(repo, f"/git/ref/heads/{_ref(branch)}"))
        except NotFound:
            return None
        return read(_target, body)

    def create_branch(self, repo: Repo, branch: str, sha: str) -> None:
        """Make the branch at this commit; it may be there already if it points at it. Raises `Conflict`."""
        body = {"ref": f"refs/heads/{branch}", "sha": sha}
        try:
            # Repeatable: a second one is refused, and then the head is compared.
            self._api.send("POST", path_of(repo, "/git/refs"), body, repeatable=True)
        except Refused as refused:
            if refused.mentions("reference update failed"):
                # Git cannot hold `rfcsmith/3-x` beside a branch that is called `rfcsmith`.
                hint = f"A branch called `{branch.partition('/')[0]}` may be in the way."
                raise UserError(f"GitHub cannot make the branch `{branch}`.", hint) from refused
            if not refused.mentions("already exists"):
                raise
            head = self.branch_head(repo, branch)
            if head != sha:
                raise Conflict(f"the branch {branch} is already there and points at {head}") from refused

    def move_branch(self, repo: Repo, branch: str, *, expected: str, sha: str) -> None:
        """Compare and swap: from `expected` forward to `sha`. Raises `Conflict` where the head is neither of them."""
        head = self.branch_head(repo, branch)
        if head == sha:
            return
        if head != expected:
            raise Conflict(f"the branch {branch} points at {head}, not at {expected}")
        path = path_of(repo, f"/git/refs/heads/{_ref(branch)}")
        try:
            # Repeatable: whoever pushed in between makes it no fast forward, and GitHub refuses.
            body = self._api.send("PATCH", path, {"sha": sha, "force": False}, repeatable=True)
        except Refused as refused:
            if any(refused.mentions(words) for words in ("fast forward", "does not exist", "update failed")):
                raise Conflict(f"the branch {branch} moved away from {expected}: {refused}") from refused
            raise
        if read(_target, body) != sha:
            raise Conflict(f"the branch {branch} does not point at {sha} after it was moved there")

    def delete_branch(self, repo: Repo, branch: str, *, expected: str) -> None:
        """Delete the branch where its head is `expected`; one that somebody has moved, or deleted, is left as it is."""
        if self.branch_head(repo, branch) != expected:
            return
        try:
            self._api.send("DELETE", path_of(repo, f"/git/refs/heads/{_ref(branch)}"), repeatable=True)
        except NotFound:
            return
        except Refused as refused:
            if not refused.mentions("does not exist"):
                raise

    def commit(
        self,
        repo: Repo,
        *,
        parent: str,
        merged: str = "",
        base_tree: str,
        changes: Sequence[FileChange],
        message: str,
        expected_tree: str,
    ) -> str:
        """Make a commit of `base_tree` with `changes`; its tree is `expected_tree` or nothing is made. Returns its id.

        `merged` is the second parent, of a merge.

        Raises `UserError` for what the App cannot commit: submodules, LFS files, too many files, too many bytes.
        """
        # Whether workflows may be touched was for the caller to decide; GitHub asks for a permission of its own.
        policy.refuse(changes, may_touch_workflows=True)
        tree = self._tree(repo, base_tree, changes, inline=True) if changes else base_tree
        if tree != expected_tree:
            # Text inside the tree's request takes no detour over base64; should GitHub change it, blobs do not.
            tree = self._tree(repo, base_tree, changes, inline=False) if changes else base_tree
        if tree != expected_tree:
            raise RuntimeError(f"GitHub made the tree {tree} where the host has {expected_tree}")
        # Repeatable: a commit that no branch points at is no effect anybody sees.
        body = {"message": message, "tree": tree, "parents": [parent, merged] if merged else [parent]}
        made = self._api.send("POST", path_of(repo, "/git/commits"), body, repeatable=True, weight=GIT_OBJECT)
        return read(_sha, made)

    def find_commit(self, repo: Repo, branch_or_sha: str, trailer: str) -> str | None:
        """The newest of the last hundred commits by the bot that carries exactly this trailer line, or None."""
        try:
            history = self._api.get(path_of(repo, "/commits"), {"sha": branch_or_sha, "per_page": 100})
        except NotFound:
            return None
        except Refused as refused:
            if not refused.mentions("no commit found"):
                raise
            return None
        for body in history if isinstance(history, list) else ():
            message, author = read(lambda item: (str(item["commit"]["message"]), parse.actor(item["author"])), body)
            if trailer in (line.strip() for line in message.splitlines()) and self._is_own(author):
                return read(_sha, body)
        return None

    def _tree(self, repo: Repo, base_tree: str, changes: Sequence[FileChange], *, inline: bool) -> str:
        room = INLINE_TOTAL if inline else 0
        entries: list[dict[str, Any]] = []
        uploaded: set[str] = set()
        for change in changes:
            text = _inline_text(change, room)
            if text is not None:
                room -= len(change.content or b"")
                entries.append(_entry(change, content=text))
            else:
                entries.append(_entry(change, sha=self._blob(repo, change, uploaded)))
        body = {"base_tree": base_tree, "tree": entries}
        return read(_sha, self._api.send("POST", path_of(repo, "/git/trees"), body, repeatable=True, weight=GIT_OBJECT))

    def _blob(self, repo: Repo, change: FileChange, uploaded: set[str]) -> str | None:
        if change.content is None:
            return change.blob if change.mode is not None else None
        sha = blob_id(change.content)
        if sha in uploaded:
            return sha
        body = {"content": base64.b64encode(change.content).decode("ascii"), "encoding": "base64"}
        path = path_of(repo, "/git/blobs")
        made = read(_sha, self._api.send("POST", path, body, repeatable=True, weight=GIT_OBJECT))
        if made != sha:
            raise RuntimeError(f"GitHub stored {change.path} as {made} where the host has {sha}")
        uploaded.add(sha)
        return sha


def blob_id(content: bytes) -> str:
    """Git's object id of a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _inline_text(change: FileChange, room: int) -> str | None:
    content = change.content
    if content is None or len(content) > min(room, INLINE_FILE) or b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _entry(change: FileChange, **content: str | None) -> dict[str, Any]:
    mode = change.mode or FileMode.FILE
    return {"path": change.path, "mode": mode.value, "type": "blob", **content}


def _ref(branch: str) -> str:
    return "/".join(segment(part) for part in branch.split("/"))


def _target(body: Any) -> str:
    return str(body["object"]["sha"])


def _sha(body: Any) -> str:
    return str(body["sha"])
