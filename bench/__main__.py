"""`python -m bench` runs every benchmark that can run here, one after the other; each prints its figures next to its goal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))


def main() -> int:
    """Exit 0 only if every benchmark ended well."""
    codes = []
    for name in sys.argv[1:] or NAMES:
        print(f"\n=== {name} ===", flush=True)
        codes.append(subprocess.run([sys.executable, "-m", f"bench.{name}"], cwd=HERE.parent).returncode)
    return max(codes, default=0)


if __name__ == "__main__":
    sys.exit(main())
