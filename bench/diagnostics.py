"""Measures what an agent is told of failing builds: how long it is, and whether the root cause stands in it in full.

`python -m bench.diagnostics` needs a Docker engine with the sandbox's image (`make image`) and a crate registry. Published
crates are broken on purpose and built in the sandbox, as in a run. The comparison is cargo's own output, its middle cut
out beyond 10,000 characters, as agents commonly do. It takes a few minutes.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench._builds import CRATES, TESTED, Build, builds
from bot.checking import Checker
from bot.domain import Check, CheckKind, CheckResult, SandboxPhase
from bot.rust.compact import compact
from bot.sandbox import SandboxSpec, never
from bot.sandbox.docker import DockerEngine, DockerSandbox
from bot.sandbox.image import IMAGE
from bot.sandbox.setup import fetch
from bot.sandbox.volume import RunVolume
from bot.sandbox.workspace import WorkspaceFiles
from simulator.crates import CrateError, crate
from simulator.play import certificates

CACHE = Path(".cache/crates")
CUT = 10_000
LEAST = 60
# What explains a lint's origin, not the finding; the product leaves it out, and so may anybody.
_CHATTER = re.compile(
    r"^\s*= (?:note: .*(?:on by default|implied by|requested on the command line)|help: (?:for further|to override))"
)
_SECTIONS = re.compile(
    r"(?ms)^\[(?:\[(?:bench|test|example)\]|dev-dependencies[^\]]*|target\.[^\]]*dev-dependencies[^\]]*)\].*?(?=^\[|\Z)"
)


@dataclass(frozen=True, slots=True)
class Told:
    """One failing build: the findings that cargo printed, what is told of them, and whether the root cause survives."""

    name: str
    findings: int
    printed: int
    characters: int
    is_complete: bool
    survives_a_cut: bool
    is_foreseen: bool

    @property
    def share(self) -> float:
        return self.characters / max(self.printed, 1)


@contextmanager
def opened(name: str, version: str, home: Path) -> Iterator[tuple[DockerSandbox, RunVolume, dict[str, str]]]:
    """The crate in a sandbox, its dependencies fetched."""
    bundle = certificates()
    engine = DockerEngine(image=IMAGE, home=home, ca_bundle=bundle)
    volume = RunVolume.fresh(home, f"bench-{name}")
    try:
        files = WorkspaceFiles(volume.workspace)
        sources = {}
        for path, file in crate(name, version, CACHE).items():
            text = file.data
            if path == "Cargo.toml" and name not in TESTED:
                text = _SECTIONS.sub("", text.decode()).encode()
            files.write(path, text)
            if path.endswith(".rs"):
                sources[path] = text.decode()
        volume.hand_over()
        fetched = fetch(engine, volume, volume.cargo)
        if not fetched.result.is_success:
            raise CrateError(fetched.result.output[-500:])
        sandbox = engine.open(SandboxSpec(volume.run_id, SandboxPhase.AGENT, volume))
        yield sandbox, volume, sources
        sandbox.close()
    finally:
        engine.reap(())
        engine.close()


def told(
    build: Build, sandbox: DockerSandbox, volume: RunVolume, sources: dict[str, str], base: CheckResult
) -> Told | None:
    """What is told of the build; None where the mistake is none after all."""
    files = WorkspaceFiles(volume.workspace)
    check = Check(build.kind, build.command)
    for path, text in build.files.items():
        files.write(path, text.encode())
    checker = Checker(sandbox, (check,), never)
    result = checker.run(check)
    # What a developer, or an agent without a product around it, would see of the same command.
    printed = sandbox.run(f"{build.command} 2>&1", timeout=300, keep=8 << 20).output
    for path in build.files:
        files.write(path, sources[path].encode())
    if result.is_success:
        return None
    text = compact((result,), (base,))
    known = {(item.code, item.message, item.path) for item in base.diagnostics}
    findings = [item for item in result.diagnostics if (item.code, item.message, item.path) not in known]
    tests = [test for test in result.tests if test.outcome == "failed"]
    is_foreseen = True
    if build.kind is CheckKind.TEST and tests:
        roots = [test.output for test in tests]
    else:
        roots = [item.rendered for item in findings if build.is_root(item.code, item.rendered)]
        if build.kind is CheckKind.TEST or not roots:
            # The mistake shows itself otherwise than foreseen: then the first error is the root cause.
            is_foreseen = bool(roots)
            roots = roots or [item.rendered for item in findings if item.level == "error"][:1]
    if not roots:
        return None
    count = len(findings) + (len(tests) if build.kind is CheckKind.TEST else 0)
    cut = printed if len(printed) <= CUT else f"{printed[: CUT // 2]}\n…\n{printed[-CUT // 2 :]}"
    return Told(
        build.name,
        count,
        len(printed),
        len(text),
        any(_stands_in(root, text) for root in roots),
        any(_stands_in(root, cut) for root in roots),
        is_foreseen,
    )


def _stands_in(root: str, text: str) -> bool:
    """Whether each line of the finding is there: message, place, code, labels, notes and help."""
    there = {" ".join(line.split()) for line in text.splitlines()}
    wanted = [line for line in root.splitlines() if not _CHATTER.match(line)]
    head, *rest = [" ".join(line.split()) for line in wanted]
    # A lint's name may stand in the first line as well.
    message = head.partition(": ")[2] or head
    lines = [line for line in rest if line.strip("| ")]
    return any(message in line for line in there) and all(line in there for line in lines)


def measure(home: Path) -> list[Told]:
    found = []
    for name, version in CRATES:
        with opened(name, version, home) as (sandbox, volume, sources):
            bases: dict[CheckKind, CheckResult] = {}
            for build in builds(name, sources):
                if build.kind not in bases:
                    check = Check(build.kind, build.command)
                    bases[build.kind] = Checker(sandbox, (check,), never).run(check)
                one = told(build, sandbox, volume, sources, bases[build.kind])
                if one is not None:
                    found.append(one)
                    mark = "" if one.is_complete else "   ROOT CAUSE MISSING"
                    print(
                        f"{one.name:55} {one.findings:4} {one.printed:7} {one.characters:6} {one.share:6.0%}{mark}",
                        flush=True,
                    )
    return found


def verdicts(found: list[Told]) -> list[tuple[str, str, str, bool]]:
    longest = max(one.characters for one in found)
    many = [one for one in found if one.findings > 5]
    plenty = [one for one in found if one.findings > 30]
    worst = {name: max((one.share for one in some), default=0.0) for name, some in (("5", many), ("30", plenty))}
    complete = sum(one.is_complete for one in found)
    return [
        ("failing builds", str(len(found)), f"at least {LEAST}", len(found) >= LEAST),
        ("the longest text", f"{longest} characters", "6,000", longest <= 6_000),
        (
            f"more than 5 findings ({len(many)} builds)",
            f"{worst['5']:.0%} at most",
            "40 %",
            worst["5"] <= 0.40 and bool(many),
        ),
        (
            f"more than 30 findings ({len(plenty)} builds)",
            f"{worst['30']:.0%} at most",
            "15 %",
            worst["30"] <= 0.15 and bool(plenty),
        ),
        ("root cause in full", f"{complete} of {len(found)}", "all", complete == len(found)),
    ]


def main() -> int:
    print(f"{'build':55} {'new':>4} {'printed':>7} {'told':>6} {'share':>6}")
    with tempfile.TemporaryDirectory(prefix="rfcsmith-bench-") as directory:
        try:
            found = measure(Path(directory))
        except CrateError as error:
            print(f"nothing measured: {error}")
            return 2
    print()
    results = verdicts(found)
    for name, figure, goal, is_reached in results:
        print(f"{name:40} {figure:>18}   goal {goal:14} {'reached' if is_reached else 'MISSED'}")
    survived = sum(one.survives_a_cut for one in found)
    told_in_all, cut_in_all = sum(one.characters for one in found), sum(min(one.printed, CUT) for one in found)
    print(
        f"cargo's output cut at {CUT} characters: root cause in {survived} of {len(found)}, {cut_in_all} characters in all"
    )
    print(
        f"what is told instead: root cause in {sum(one.is_complete for one in found)} of {len(found)}, {told_in_all} characters in all"
    )
    unforeseen = sum(not one.is_foreseen for one in found)
    print(f"judged by cargo's first error, because the mistake showed otherwise than foreseen: {unforeseen}")
    return 0 if all(is_reached for *_, is_reached in results) else 1


if __name__ == "__main__":
    sys.exit(main())
