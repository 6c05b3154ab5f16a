"""What a build needs that a plain checkout does not have: submodules, files kept by LFS, git repositories behind a key. Pure."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from posixpath import basename, dirname, join, normpath

from bot.rust.manifests import read, table, tables, text_of

# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
LFS_POINTER = "version https://git-lfs.github.com/spec/"
_PRIVATE = re.compile(r"(?:git\+)?ssh://|^[\w.-]+@[\w.-]+:")
_INSTALL = re.compile(r"\bapt(?:-get)?\s+(?:-\S+\s+)*install\s+([^\n;&|<>#\"')]*)")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_KINDS = ("dependencies", "dev-dependencies", "build-dependencies")
_PINNED = re.compile(r"(?:stable|beta|nightly|\d+\.\d+(?:\.\d+)?)(?:-[\w-]+)?")


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why no work can begin: a sentence for people, and what they can do."""

    message: str
    hint: str


def needed_submodule(files: Mapping[str, str]) -> Obstacle | None:
    """A submodule that a manifest leads into: cargo would find nothing there. `files` has manifests and `.gitmodules`."""
    places = submodules(files.get(".gitmodules", ""))
    for path, text in sorted(files.items()):
        if basename(path) != "Cargo.toml":
            continue
        for used in sorted(_used_directories(read(text), dirname(path))):
            found = next((place for place in places if used == place or used.startswith(f"{place}/")), None)
            if found is not None:
                return Obstacle(
                    f"`{path}` leads into `{found}`, which is a git submodule, and I work without submodules.",
                    "Publish that crate, depend on it by git, or move it into this repository.",
                )
    return None


def submodules(gitmodules: str) -> tuple[str, ...]:
    """The paths that `.gitmodules` names; https://git-scm.com/docs/gitmodules."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string("\n".join(line.strip() for line in gitmodules.splitlines()))
    except configparser.Error:
        return ()
    return tuple(normpath(parser[section]["path"].strip('"')) for section in parser if "path" in parser[section])


def lfs_patterns(files: Mapping[str, str]) -> tuple[str, ...]:
    """The patterns that `.gitattributes` files give to Git LFS, from the top of the repository."""
    found = []
    for path, text in sorted(files.items()):
        if basename(path) == ".gitattributes":
            rows = [line.split() for line in text.splitlines() if not line.lstrip().startswith("#")]
            found += [join(dirname(path), row[0].lstrip("/")) for row in rows if "filter=lfs" in row[1:]]
    return tuple(found)


def kept_by_lfs(path: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern of `lfs_patterns` means this path; one without a slash means the name anywhere below."""
    for pattern in patterns:
        folder, name = dirname(pattern), basename(pattern)
        if fnmatchcase(path, pattern.replace("**", "*")):
            return True
        if path.startswith(f"{folder}/" if folder else "") and fnmatchcase(basename(path), name) and "**" not in folder:
            return True
    return False


def needed_lfs_file(pointers: Iterable[str], sources: Mapping[str, str]) -> Obstacle | None:
    """A file kept by LFS whose name stands in the Rust source: only its pointer would be compiled or read."""
    everything = "\n".join(sources.values())
    for path in sorted(pointers):
        if path.endswith(".rs") or basename(path) in everything:
            return Obstacle(
                f"`{path}` is kept by Git LFS, the code uses it, and I see only its pointer.",
                "Keep it in git itself, or let the code do without it where it is not there.",
            )
    return None


def private_dependency(files: Mapping[str, str]) -> Obstacle | None:
    """A dependency that is fetched with somebody's key; there is none in the sandbox, by design."""
    for path, text in sorted(files.items()):
        for name, url in _git_sources(path, text):
            if _PRIVATE.search(url):
                return Obstacle(
                    f"`{path}` takes `{name}` from `{url[:120]}`, which needs a key, and there is none in the sandbox.",
                    "Publish that crate, make its repository public and name it by https, or vendor it.",
                )
    return None


def _git_sources(path: str, text: str) -> list[tuple[str, str]]:
    document = read(text)
    if basename(path) == "Cargo.lock":
        rows = [(text_of(row.get("name")), text_of(row.get("source"))) for row in tables(document.get("package"))]
        return [(name, source.removeprefix("git+")) for name, source in rows if source.startswith("git+")]
    if basename(path) != "Cargo.toml":
        return []
    holders = [document, table(document, "workspace"), *(table(each) for each in table(document, "target").values())]
    return [
        (name, text_of(table(value).get("git")))
        for holder in holders
        for kind in _KINDS
        for name, value in table(holder, kind).items()
        if table(value).get("git")
    ]


def _used_directories(document: dict[str, object], home: str) -> set[str]:
    """Where a manifest leads: members of its workspace, path dependencies, patches."""
    members = table(document, "workspace").get("members")
    used = {text_of(member).rstrip("/*") for member in members if member} if isinstance(members, list) else set()
    patches = [table(patch) for patch in table(document, "patch").values()]
    holders = [document, table(document, "workspace"), *(table(each) for each in table(document, "target").values())]
    entries = [*patches, *(table(holder, kind) for holder in holders for kind in _KINDS)]
    used |= {text_of(table(value).get("path")) for entry in entries for value in entry.values()}
    return {normpath(join(home, path)) for path in used if path}


def debian_packages(workflows: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The Debian packages that CI installs by name, each with the file that says so: candidates for `[setup]`.

    They are not installed without being asked for: names differ between Ubuntu's releases and Debian's.
    """
    found: dict[str, str] = {}
    for path, text in sorted(workflows.items()):
        if not path.startswith(".github/") or not path.endswith((".yml", ".yaml")):
            continue
        for words in _INSTALL.findall(text.replace("\\\n", " ")):
            for word in words.split():
                if _PACKAGE.fullmatch(word):
                    found.setdefault(word, path)
    return tuple(sorted(found.items()))


def pinned_toolchain(files: Mapping[str, str]) -> tuple[str, str] | None:
    """The file that pins a toolchain and the toolchain, such as `1.70.0` or `nightly-2026-01-01`.

    https://rust-lang.github.io/rustup/overrides.html#the-toolchain-file: the older name wins.
    """
    for path in ("rust-toolchain", "rust-toolchain.toml"):
        text = files.get(path)
        if text is None:
            continue
        channel = text_of(table(read(text), "toolchain").get("channel")) or text.strip()
        if _PINNED.fullmatch(channel):
            return path, channel
    return None


def other_toolchain(pinned: tuple[str, str] | None, version: str) -> str:
    """A sentence where the toolchain in use, rustc's `version`, is not the pinned one; "" where it is."""
    if pinned is None or not version:
        return ""
    path, channel = pinned
    wanted = channel.split("-", 1)[0]
    if wanted == "stable" or version == wanted or version.startswith(f"{wanted}."):
        return ""
    return f"`{path}` pins Rust {channel}, which the sandbox does not have: Rust {version} was used instead."
