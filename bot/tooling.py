"""What the agent's `check`, `diff` and `dependency` tools do at the run's bench."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from bot.checking import Baseline, Checker
from bot.domain import CheckKind, CheckResult, CheckScope
from bot.errors import UserError
from bot.rust.compact import compact, complete
from bot.rust.fixes import apply_fixes, may_fix
from bot.rust.manifests import edition_of, members_in, packages_reached
from bot.sandbox.setup import fetch_dependency
from bot.sandbox.workspace import WorkspaceFiles
from bot.workbench import Workbench

FINDINGS = "rfcsmith-findings.txt"
"""The file in the agent's target directory with all that a check found."""
WHOLE = 3_000
"""A report of so many characters needs no file besides."""


@dataclass(frozen=True, slots=True)
class CheckTool:
    """Formats what the change touched, climbs the ladder, and compares with the base."""

    bench: Workbench
    baseline: Baseline

    def run(self, scope: CheckScope, filter: str, should_stop: Callable[[], bool]) -> str:
        """What came of it, compact; see `bot.agent.toolbox.CheckRunner`."""
        checker = self.bench.checker(self.bench.sandbox())
        formatted = self._format(checker)
        packages = self._reached() if scope is CheckScope.QUICK else ()
        results = checker.climb(scope, self.baseline, test_filter=filter, packages=packages)
        fixed = self._fix(results)
        if fixed:
            results = checker.climb(scope, self.baseline, test_filter=filter, packages=packages)
        self.bench.saw(results, self.baseline)
        text = compact(results, self.baseline.results) + self._in_full(results)
        if packages:
            text += f"\n\nOnly {', '.join(packages)} {'was' if len(packages) == 1 else 'were'} checked, which is what the change reaches."
        if scope is CheckScope.QUICK and not filter:
            left = [each.command for each in checker.rungs(CheckScope.FULL) if each not in checker.rungs(scope)]
            text += f"\n\nLeft to a full check: {', '.join(f'`{each}`' for each in left)}." if left else ""
        skipped = len(checker.rungs(scope, filter)) - len(results)
        if skipped > 0:
            text += f"\n\nStopped at the first check that fails; {skipped} more were not run."
        return f"{formatted}{fixed}{text}"

    def _in_full(self, results: Sequence[CheckResult]) -> str:
        """Where everything stands that the text has no room for; "" where it has."""
        whole = complete(results, self.baseline.results)
        if len(whole) <= WHOLE:
            return ""
        # The agent can write there too: the host follows no link of its, and reads nothing back.
        data = whole.encode()[: 4 << 20]
        WorkspaceFiles(self.bench.volume.target("agent")).write(FINDINGS, data)
        return f"\n\nAll of it, in full: /target/{FINDINGS} ({whole.count(chr(10)) + 1} lines)."

    def _fix(self, results: Sequence[CheckResult]) -> str:
        """Apply clippy's own fixes on lines of the change, and say so; "" where there was nothing to apply."""
        found = [item for result in results if result.check.kind is CheckKind.CLIPPY for item in result.diagnostics]
        if not may_fix(found):
            return ""
        git, repository_id, tree = self.bench.git, self.bench.repository_id, self.bench.tree()
        base_tree = self.bench.setup.base_tree
        paths = [
            change.path
            for change in git.changes(repository_id, base_tree, tree)
            if change.content is not None and change.path.endswith(".rs")
        ]
        now = git.read_many(repository_id, tree, paths)
        applied = apply_fixes(found, git.read_many(repository_id, base_tree, paths), now)
        for path, content in applied.files.items():
            self.bench.files.write(path, content)
        names = dict.fromkeys(f"{item.code} in {item.path}:{item.line}" for item in applied.mended)
        return f"clippy's own fixes were applied: {', '.join(names)}.\n" if names else ""

    def _reached(self) -> tuple[str, ...]:
        """The packages of a workspace that the change can break; empty where that is all of them, or cannot be said."""
        git, repository_id, tree = self.bench.git, self.bench.repository_id, self.bench.tree()
        manifests = self._manifests(tree)
        changes = git.changes(repository_id, self.bench.setup.base_tree, tree)
        paths = [change.path for change in changes if change.path.endswith((".rs", ".toml", ".lock"))]
        reached = packages_reached(paths, manifests) if paths else ()
        lock = git.read(repository_id, tree, "Cargo.lock") or b""
        members = members_in(lock.decode(errors="replace"))
        return reached if reached and members > set(reached) else ()

    def _format(self, checker: Checker) -> str:
        """rustfmt is applied rather than complained about, but never to files that the base has unformatted."""
        git, repository_id, tree = self.bench.git, self.bench.repository_id, self.bench.tree()
        changed = [
            change.path
            for change in git.changes(repository_id, self.bench.setup.base_tree, tree)
            if change.content is not None and change.path.endswith(".rs")
        ]
        left = [path for path in changed if path in self.baseline.unformatted]
        ours = [path for path in changed if path not in left]
        reason = "rustfmt was left out, because it would change lines of the base too; keep your own lines in its style"
        said = f"{', '.join(left)}: {reason}.\n" if left else ""
        if not ours:
            return said
        manifests = self._manifests(tree)
        checker.format(ours, {path: edition_of(path, manifests) for path in ours})
        touched = [change.path for change in git.changes(repository_id, tree, self.bench.tree())]
        done = f"rustfmt formatted {', '.join(touched)}.\n" if touched else "rustfmt had nothing to format.\n"
        return f"{done}{said}"

    def _manifests(self, tree: str) -> dict[str, str]:
        git, repository_id = self.bench.git, self.bench.repository_id
        paths = [path for path in git.paths(repository_id, tree) if PurePosixPath(path).name == "Cargo.toml"]
        contents = git.read_many(repository_id, tree, paths)
        return {path: content.decode(errors="replace") for path, content in contents.items()}


@dataclass(frozen=True, slots=True)
class DiffTool:
    """Shows everything that would be published and differs from where the work started."""

    bench: Workbench

    def diff(self, path: str) -> str:
        """The unified difference below `path` (everything where it is empty); see `bot.agent.toolbox.Differ`."""
        now = self.bench.publishable(self.bench.tree())
        text = self.bench.git.diff(self.bench.repository_id, self.bench.run.start, now)
        wanted = path.removeprefix("/workspace").strip("/")
        if wanted in ("", "."):
            return text
        parts = text.removeprefix("diff --git ").split("\ndiff --git ")
        kept = [part for part in parts if _is_below(part.partition("\n")[0], wanted)]
        return "\n".join(f"diff --git {part}" for part in kept)


def _is_below(header: str, wanted: str) -> bool:
    path = header.rpartition(" b/")[2]
    return path == wanted or path.startswith(f"{wanted}/")


@dataclass(frozen=True, slots=True)
class DependencyTool:
    """Fetches a crate in a setup container; no file of the workspace but its lock file takes part in it."""

    bench: Workbench

    def fetch(
        self,
        name: str,
        version: str,
        features: tuple[str, ...],
        default_features: bool,
        should_stop: Callable[[], bool],
    ) -> str:
        """What was fetched, in words; see `bot.agent.toolbox.DependencyFetcher`."""
        started_at = time.time()
        fetched = fetch_dependency(
            self.bench,
            self.bench.volume,
            self.bench.cargo_home,
            name=name,
            version=version,
            features=features,
            default_features=default_features,
            should_stop=should_stop,
        )
        stage = self.bench.store.run(self.bench.run.id).stage
        seconds = fetched.result.seconds
        self.bench.store.record_span(self.bench.run.id, stage, "command", "cargo fetch", started_at, seconds)
        if not fetched.version:
            raise UserError(f"{name} {version} could not be fetched.", fetched.result.output[-2000:])
        return f"{name} {fetched.version} and what it depends on can be used offline now; add it to Cargo.toml."
