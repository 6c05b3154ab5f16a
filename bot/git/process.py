"""Starts git, the only module that does: no inherited environment, no configuration but ours, no hook, no prompt.

The repository's own files are hostile: git never reads a configuration, hook or attribute that a sandbox or a stranger
could have written, because the git directory is the host's own and everything else is switched off here.
"""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bot.errors import GitHubUnavailable, RfcsmithError, UserError

# Where git and its helpers are looked for; the worker's own PATH is not inherited.
_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin"

_CONFIG: Mapping[str, str] = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.autocrlf": "false",
    "core.symlinks": "true",
    "core.fileMode": "true",
    "core.askPass": "",
    "core.sshCommand": "false",
    # Which names are refused is decided by `workspace.is_reserved`, once, and for all platforms.
    "core.protectNTFS": "false",
    "core.protectHFS": "false",
    "credential.helper": "",
    "diff.external": "",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.allow": "never",
    "protocol.http.allow": "always",
    "protocol.https.allow": "always",
    # A redirect would take the token to another host; addresses come fresh from GitHub's API instead.
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "user.useConfigOnly": "true",
    "commit.gpgSign": "false",
    "advice.detachedHead": "false",
}

_AUTHORIZATION = re.compile(r"(?i)(authorization:?\s*)(basic|bearer|token)\s+\S+")
_USER_IN_URL = re.compile(r"(?<=://)[^/\s@']+@")


class GitError(RfcsmithError):
    """A git command failed where it should not have: a bug, or a damaged clone. The text holds no token."""


@dataclass(frozen=True, slots=True)
class Remote:
    """An address to fetch from, and the installation token for it, which only the one process's environment will hold."""

    url: str
    token: str | None = field(default=None, repr=False)

    def environment(self) -> dict[str, str]:
        """The setting that makes git send the token to this host, and to no other, as variables."""
        if self.token is None:
            return {}
        parts = urlsplit(self.url)
        basic = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{parts.scheme}://{parts.netloc}/.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
        }

    def redact(self, text: str) -> str:
        """The text without the token, in the clear or as it stands in the header."""
        if self.token:
            basic = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
            text = text.replace(self.token, "***").replace(basic, "***")
        return _USER_IN_URL.sub("***@", _AUTHORIZATION.sub(r"\1\2 ***", text))


@dataclass(frozen=True, slots=True)
class Repository:
    """A git directory of the host's and how to run git on it. `allow_file` lets tests fetch from a directory."""

    git_dir: Path
    ca_bundle: Path | None = None
    allow_file: bool = False

    def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        index: Path | None = None,
        work_tree: Path | None = None,
        timeout: float = 300.0,
    ) -> bytes:
        """What git printed; raises `GitError` where its exit is not 0 or it took more than `timeout` seconds."""
        code, stdout, stderr = self._spawn(arguments, self._environment(index, work_tree), stdin, timeout)
        if code != 0:
            raise GitError(f"git {arguments[0]} ended with {code}: {_tail(stderr)}")
        return stdout

    def test(self, *arguments: str, stdin: bytes = b"", work_tree: Path | None = None, timeout: float = 60.0) -> bytes:
        """Like `run` for commands whose exit 1 means no, not failure."""
        code, stdout, stderr = self._spawn(arguments, self._environment(None, work_tree), stdin, timeout)
        if code not in (0, 1):
            raise GitError(f"git {arguments[0]} ended with {code}: {_tail(stderr)}")
        return stdout

    def fetch(self, remote: Remote, refspec: str, *, timeout: float = 900.0) -> None:
        """Fetches one ref or commit; only this process knows the token.

        Raises `UserError` where access is refused or the ref is not there, else `GitHubUnavailable`.
        """
        check_address(remote, allow_file=self.allow_file)
        environment = self._environment(None, None) | remote.environment()
        options = ("--quiet", "--force", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance")
        arguments = ("fetch", *options, "--end-of-options", remote.url, refspec)
        try:
            code, _, stderr = self._spawn(arguments, environment, b"", timeout)
        except GitError as error:
            raise GitHubUnavailable(f"Fetching took more than {timeout:.0f} s.") from error
        if code != 0:
            raise _fetch_error(remote.redact(_tail(stderr)), refspec)

    def _environment(self, index: Path | None, work_tree: Path | None) -> dict[str, str]:
        environment = {
            "PATH": _PATH,
            "HOME": "/nonexistent",
            "LC_ALL": "C",
            "GIT_DIR": str(self.git_dir),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_PAGER": "cat",
        }
        if index is not None:
            environment["GIT_INDEX_FILE"] = str(index)
        if work_tree is not None:
            environment["GIT_WORK_TREE"] = str(work_tree)
        if self.ca_bundle is not None:
            environment["GIT_SSL_CAINFO"] = environment["SSL_CERT_FILE"] = str(self.ca_bundle)
        return environment

    def _spawn(
        self, arguments: Sequence[str], environment: dict[str, str], stdin: bytes, timeout: float
    ) -> tuple[int, bytes, bytes]:
        config = {**_CONFIG, "protocol.file.allow": "always"} if self.allow_file else _CONFIG
        command = ["git", *(part for name, value in config.items() for part in ("-c", f"{name}={value}")), *arguments]
        # A session of its own, so that a time-out also ends the helpers that git started.
        process = subprocess.Popen(
            command,
            cwd=self.git_dir.parent,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            stdout, stderr = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired as error:
            raise GitError(f"git {arguments[0]} took more than {timeout:.0f} s") from error
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        return process.returncode, stdout, stderr


def check_address(remote: Remote, *, allow_file: bool = False) -> None:
    """Raises `UserError` for an address that git must not be given, or that would carry the token in the clear."""
    parts = urlsplit(remote.url)
    if allow_file and parts.scheme == "file":
        return
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise UserError("The repository's clone address is not a plain https:// address.")
    is_local = parts.hostname in ("localhost", "::1") or parts.hostname.startswith("127.")
    if parts.scheme == "http" and remote.token is not None and not is_local:
        raise UserError("The repository's clone address is http://, which would show the token to the network.")


def _tail(stderr: bytes) -> str:
    """The end of what git complained about, one line, at most 1000 characters."""
    return " ".join(stderr.decode("utf-8", "replace").split())[-1000:]


def _fetch_error(complaint: str, refspec: str) -> RfcsmithError:
    source = refspec.removeprefix("+").partition(":")[0]
    lowered = complaint.lower()
    if "couldn't find remote ref" in lowered or "not our ref" in lowered:
        branch = source.removeprefix("refs/heads/")
        return UserError(f"There is no branch `{branch}` in the repository.", "Has it been deleted or renamed?")
    if any(sign in lowered for sign in ("authentication failed", "error: 401", "could not read username")):
        # GitHub refuses a fresh token for some seconds; a new try mints another one.
        return GitHubUnavailable(f"GitHub did not accept the token: {complaint}", 2.0)
    if any(sign in lowered for sign in ("error: 403", "error: 404", "repository not found", "' not found")):
        return UserError("I may not read the repository's code.", "Does the App have the permission `contents`?")
    return GitHubUnavailable(f"Fetching from GitHub failed: {complaint}")
