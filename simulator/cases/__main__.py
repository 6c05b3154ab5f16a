"""Proves cases from the command line: `python -m simulator.cases [CASE…]`; exit status 1 if one does not stand."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from simulator.case import CaseError, load
from simulator.cases.proof import prove
from simulator.measure import IMAGE, Measure, MeasureError
from simulator.play import certificates

HERE = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m simulator.cases", description=__doc__)
    parser.add_argument("case", nargs="*", help="a public case's name or a folder; all public cases if none is given")
    parser.add_argument("--image", default=IMAGE, help="the image with the Rust toolchain (%(default)s)")
    arguments = parser.parse_args()
    names = arguments.case or sorted(path.parent.name for path in HERE.glob("*/case.json"))
    bad = 0
    for name in names:
        folder = HERE / name if (HERE / name).is_dir() else Path(name)
        try:
            with Measure(image=arguments.image, ca_bundle=certificates()) as measure:
                proof = prove(load(folder), measure)
        except (CaseError, MeasureError) as error:
            print(f"{name}: {error}", flush=True)
            bad += 1
            continue
        print(proof.summary(), flush=True)
        bad += bool(proof.mistakes)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
