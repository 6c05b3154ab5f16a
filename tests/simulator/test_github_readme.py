"""The simulator's own map is true."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import simulator.github.server

HOME = Path(simulator.github.server.__file__).parent


def test_every_file_is_on_the_map_and_everything_on_the_map_is_there():
    rows = [line for line in (HOME / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    patterns = [name.rstrip("/") for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]
    files = [path.name for path in HOME.iterdir() if path.name not in ("__init__.py", "__pycache__", "README.md")]
    assert [name for name in files if not any(fnmatchcase(name, pattern) for pattern in patterns)] == []
    assert [pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in files)] == []
