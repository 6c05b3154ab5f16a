"""What cargo must take for changed when it meets build output that was made of other files. Pure.

Cargo believes modification times: a file that is older than the build output made of it counts as built, whatever it
holds. So files that are laid out beside older build output get an old time only where nothing about their package changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath

MANIFEST = "Cargo.toml"


def outdated(built: Mapping[str, str], files: Mapping[str, str]) -> frozenset[str]:
    """The paths of `files`, and directories above them, that have to be newer than what was built from `built`.

    Both map paths to what identifies a file's content and mode. A package in which anything differs is outdated as a whole,
    since a macro may read files that it does not name; so are the directories in which something came, went or changed.
    """
    changed = {path for path, identity in files.items() if built.get(path) != identity}
    gone = built.keys() - files.keys()
    homes = {_directory(path) for path in files if PurePosixPath(path).name == MANIFEST}
    packages = {package_of(path, homes) for path in changed | gone}
    touched = {path for path in files if package_of(path, homes) in packages}
    return frozenset(touched | _directories(changed | gone))


def package_of(path: str, homes: Collection[str]) -> str:
    """The nearest directory above the path that is in `homes`, where the manifests are; "" where none is."""
    directory = _directory(path)
    while directory and directory not in homes:
        directory = _directory(directory)
    return directory


def _directories(paths: Collection[str]) -> set[str]:
    found: set[str] = set()
    for path in paths:
        while (path := _directory(path)) and path not in found:
            found.add(path)
    return found


def _directory(path: str) -> str:
    return path.rpartition("/")[0]
