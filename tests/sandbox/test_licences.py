"""Licences of packages in a dependency cache: data that a setup container could have written as it liked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.sandbox.cargo_homes import licence

MANIFEST = '[package]\nname = "itoa"\nversion = "1.0.1"\nlicense = "MIT OR Apache-2.0"\n\n[dependencies]\n'


def put(home: Path, name: str, text: str = MANIFEST, registry: str = "registry.example-1") -> Path:
    path = home / "registry/src" / registry / name / "Cargo.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_the_licence_is_what_the_packages_own_manifest_says(tmp_path: Path) -> None:
    put(tmp_path, "itoa-1.0.1")
    put(tmp_path, "itoa-derive-1.0.1", MANIFEST.replace("MIT OR Apache-2.0", "Zlib"))
    assert licence(tmp_path, "itoa", "1.0.1") == licence(tmp_path, "itoa", "") == "MIT OR Apache-2.0"
    assert licence(tmp_path, "itoa", "1.0.2") == licence(tmp_path, "ryu", "") == ""
    assert licence(tmp_path / "nowhere", "itoa", "1.0.1") == ""


def test_without_a_version_only_what_all_versions_say_counts(tmp_path: Path) -> None:
    put(tmp_path, "itoa-1.0.1")
    put(tmp_path, "itoa-0.4.0", MANIFEST.replace("MIT OR Apache-2.0", "MIT"))
    assert licence(tmp_path, "itoa", "") == ""


@pytest.mark.parametrize(
    "text",
    [
        '[package]\nlicense = "`@mara` <b>"\n',
        "[package]\nlicense-file = 'COPYING'\n",
        '[dependencies]\nlicense = "MIT"\n',
        "[" * 100_000,
        MANIFEST + "#" * 300_000,
        '[package]\nlicense = "' + "M" * 100 + '"\n',
    ],
)
def test_what_does_not_look_like_a_licence_is_none(tmp_path: Path, text: str) -> None:
    put(tmp_path, "itoa-1.0.1", text)
    assert licence(tmp_path, "itoa", "1.0.1") == ""


def test_no_link_is_followed_and_no_pipe_waited_for(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(MANIFEST)
    home = tmp_path / "home"
    path = put(home, "itoa-1.0.1")
    path.unlink()
    path.symlink_to(secret)
    assert licence(home, "itoa", "1.0.1") == ""
    path.unlink()
    os.mkfifo(path)
    assert licence(home, "itoa", "1.0.1") == ""
    outside = put(tmp_path / "outside", "itoa-2.0.0").parent
    (path.parent.parent / "itoa-2.0.0").symlink_to(outside)
    assert licence(home, "itoa", "2.0.0") == ""


@pytest.mark.parametrize("name", ["../itoa", "a/b", "", "..", "itoa\0"])
def test_names_from_a_lock_file_lead_nowhere_else(tmp_path: Path, name: str) -> None:
    put(tmp_path, "itoa-1.0.1")
    assert licence(tmp_path, name, "1.0.1") == licence(tmp_path, "itoa", f"1.0.1/../{name}") == ""
