"""Customs of a repository that a pull request meets or names."""

from __future__ import annotations

import pytest

from bot.customs import NO_ENTRY, SIGN_OFF, remarks, telling

LOG = "# Changelog\n\n## [Unreleased]\n\n- Nothing.\n\n## 1.0.0\n"


@pytest.mark.parametrize(
    ("files", "touched", "said"),
    [
        ({}, ["src/lib.rs"], ()),
        ({"CONTRIBUTING.md": "Be kind."}, ["src/lib.rs"], ()),
        ({"CONTRIBUTING.md": "Each commit needs `Signed-off-by`."}, ["src/lib.rs"], (SIGN_OFF,)),
        ({".github/dco.yml": "require: {members: false}"}, ["src/lib.rs"], (SIGN_OFF,)),
        ({"CHANGELOG.md": LOG}, ["src/lib.rs"], (NO_ENTRY,)),
        ({"crates/a/CHANGELOG.md": LOG}, ["src/lib.rs", "crates/a/CHANGELOG.md"], ()),
        ({"CHANGELOG.md": "# 1.0.0\n\nUnreleased things are not told.\n"}, ["src/lib.rs"], ()),
        ({"CHANGELOG.md": LOG}, [], ()),
    ],
)
def test_a_custom_that_is_not_met_is_named(files: dict[str, str], touched: list[str], said: tuple[str, ...]) -> None:
    assert remarks(files, touched) == said


def test_only_files_that_tell_of_customs_are_read() -> None:
    paths = ["DCO", "docs/CONTRIBUTING.md", "a/CHANGELOG.md", "src/dco.rs", "contributing/guide.md"]
    assert telling(paths) == ("DCO", "docs/CONTRIBUTING.md", "a/CHANGELOG.md")
