"""From a repository's own files to the commands that its CI requires of a pull request, each with where it comes from.

Pure: path -> text in, `Check`s out; nothing is run. Workflows are followed job by job and row by row of their matrices
(`bot.rust.ci`); here the commands found are judged: which of them can and should run here, and which are left to CI.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from posixpath import basename

from bot.domain import Check, CheckKind
from bot.rust.cargo import CargoCommand, kind_of, parse, positionals, without
from bot.rust.checks import HOST_TARGET
from bot.rust.ci import follow_workflows
from bot.rust.expressions import HOLE
from bot.rust.manifests import package_field, read, table, text_of
from bot.rust.scripts import Found

DEFAULT = "default: no CI that can be read"
"""The source of the checks that stand in where CI names nothing of the kind."""
CORE = frozenset(CheckKind) - {CheckKind.OTHER}
_WANTED_NAMES = re.compile(
    r"(?:^|/)(?:Cargo\.toml|rust-toolchain(?:\.toml)?|\.?justfile|[\w.-]+\.just|GNUmakefile|[Mm]akefile(?:\.toml)?|[\w.-]+\.mk|"
    r"rustfmt\.toml|\.rustfmt\.toml|clippy\.toml|\.clippy\.toml|config\.toml|nextest\.toml)$",
    re.IGNORECASE,
)
_WANTED_SCRIPTS = re.compile(
    r"^(?:.*\.(?:sh|bash)|(?:\.?ci|scripts?|tools?|bin|etc|\.github|build|dev|util|utils|hack|contrib|admin)/(?:[^/]+/)*[^/]+"
    r"\.ya?ml|(?:[^/]+/)?(?:\.?ci|scripts?|bin|admin|hack|dev)/[^/.]+|(?:test|check|ci|run|build|x|lint|verify|precommit|pre-commit))$"
)
# Subcommands that prepare, publish or ask, and check nothing.
_NO_CHECKS = frozenset(
    """install binstall fetch metadata update generate-lockfile clean version publish package login search new init add
    tree locate-project pkgid vendor uninstall help release dist auditable-install quickinstall info read-manifest
    cache sweep chef tag workspaces set-version get pkgid edit""".split()  # noqa: SIM905 - a table of words
)
# Subcommands that need a network, a tool outside the image, or nightly; they stay with CI.
_LEFT_TO_CI: Mapping[str, str] = {
    "deny": "needs cargo-deny and its advisory database",
    "audit": "needs the advisory database",
    "outdated": "needs the crate registry",
    "semver-checks": "needs cargo-semver-checks and the published crate",
    "msrv": "needs cargo-msrv and other toolchains",
    "udeps": "needs nightly",
    "miri": "needs nightly",
    "fuzz": "needs nightly",
    "careful": "needs nightly",
    "afl": "needs cargo-afl",
    "mutants": "takes too long; mutants of the change are tested apart",
    "machete": "needs cargo-machete",
    "shear": "needs cargo-shear",
    "vet": "needs cargo-vet",
    "spellcheck": "needs cargo-spellcheck",
    "bloat": "measures",
    "minimal-versions": "needs nightly",
    "no-dev-deps": "needs cargo-no-dev-deps",
    "check-external-types": "needs nightly",
    "public-api": "needs nightly",
    "rdme": "needs cargo-rdme",
    "readme": "needs cargo-readme",
    "sort": "needs cargo-sort",
    "codspeed": "measures",
    "tarpaulin": "measures coverage",
    "ndk": "builds for another platform",
    "wasi": "builds for another platform",
    "web": "builds for another platform",
    "llvm-cov": "measures coverage",
    "zigbuild": "builds for another platform",
    "xwin": "builds for another platform",
    "deb": "packages",
    "wix": "packages",
}
_OLD_RUST_NAME = re.compile(
    r"msrv|minimum.{0,20}rust|min(?:imal|imum)?[ _-]?(?:supported[ _-]?)?(?:rust|version)|rust-version|oldest", re.I
)
_VERSION = re.compile(r"^\d+\.\d+(?:\.\d+)?(?:-(?!beta|nightly).*)?$")
_ENV_NOISE = re.compile(
    r"^(?:GITHUB_.*|RUNNER_.*|CI|CARGO|CARGO_TERM_.*|RUST_BACKTRACE|.*TOKEN.*|.*SECRET.*|.*_KEY|CARGO_INCREMENTAL|SCCACHE.*|"
    r"RUSTC_WRAPPER|CARGO_NET_.*|RUSTUP_.*|NPM_.*|FORCE_COLOR|CARGO_PROFILE_.*_DEBUG|CARGO_BUILD_JOBS|CARGO_REGISTRIES.*|CC_.*)$"
)


def wanted(path: str) -> bool:
    """Which files of a repository `discover` wants to see."""
    if path.startswith(".github/") or basename(path) in ("action.yml", "action.yaml"):
        return path.endswith((".yml", ".yaml", ".sh", ".bash")) or path.startswith(".github/scripts/")
    if basename(path) == "config.toml":
        return path.endswith(".cargo/config.toml")
    return bool(_WANTED_NAMES.search(path) or _WANTED_SCRIPTS.match(path) or path.endswith(".cargo/config"))


def default_checks() -> tuple[Check, ...]:
    """What to run where no CI can be read: formatting for information, all targets compile, tests."""
    return (
        Check(CheckKind.FMT, "cargo fmt --all --check", required=False, source=DEFAULT),
        Check(CheckKind.CHECK, "cargo check --workspace --all-targets", source=DEFAULT),
        Check(CheckKind.TEST, "cargo test --workspace", source=DEFAULT),
    )


def discover(files: Mapping[str, str]) -> tuple[Check, ...]:
    """The checks of the repository `files` (path -> text of every path that is `wanted`), in the order of its workflows.

    Those without `left_out_because` and with `required` gate a pull request on stable Linux and can run here. Where CI
    names nothing of the kind, `default_checks`.
    """
    judge = _Judge(files)
    found = [item for item in follow_workflows(files) if judge.is_check(item)]
    checks = judge.judged(found)
    if not any(check.kind in CORE and check.required and check.left_out_because is None for check in checks):
        return (*default_checks(), *checks)
    return checks


class _Judge:
    """What of a repository bears on whether a command can run here: its toolchain file, its minimum Rust, its aliases."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._pinned = toolchain_file(files)
        manifests = [path for path in files if basename(path) == "Cargo.toml"]
        self._minimum = {package_field(path, "rust-version", files) for path in manifests} | {
            text_of(table(read(files[path]), "workspace", "package").get("rust-version")) for path in manifests
        }
        self._aliases = aliases(files)

    def is_check(self, found: Found) -> bool:
        cargo = self._cargo(found)
        if cargo is None:
            return bool(re.match(r"rustfmt\s|typos\b", found.command))
        if cargo.has("--version", "-V", "--help", "-h", "--list") or cargo.subcommand in _NO_CHECKS:
            return False
        verb = positionals(cargo)[:1]
        return not (cargo.subcommand in ("llvm-cov", "nextest", "miri") and verb and verb[0] in (
            "report", "clean", "show-env", "list", "setup", "archive", "show-config", "self"))  # fmt: skip

    def _cargo(self, found: Found) -> CargoCommand | None:
        return parse(self._expanded(found.command))

    def _expanded(self, command: str) -> str:
        """The command with cargo's own alias replaced, as far as it has one."""
        cargo = parse(command)
        for _ in range(4):
            if cargo is None or cargo.subcommand not in self._aliases:
                break
            rest = cargo.line().split(f" {cargo.subcommand}", 1)[-1]
            command = f"cargo {self._aliases[cargo.subcommand]}{rest}"
            cargo = parse(command)
        return command

    def judged(self, found: Sequence[Found]) -> tuple[Check, ...]:
        """Every command once, with its verdict; what runs here wins over the same on another platform or toolchain."""
        kinds = [kind_of(self._expanded(item.command)) for item in found]
        reasons = [self._reason(item, kind) for item, kind in zip(found, kinds, strict=True)]
        on_main = {
            _purpose(kind) for item, kind, reason in zip(found, kinds, reasons, strict=True)
            if reason is None and HOLE not in item.toolchain and not _VERSION.match(item.toolchain)
        }  # fmt: skip
        checks: dict[tuple[object, ...], Check] = {}
        for item, kind, reason in zip(found, kinds, reasons, strict=True):
            if reason is None and self._is_older(
                item, has_main=_purpose(kind) in on_main, uses_newer=bool(on_main - {"fmt", "other"})
            ):
                reason = (
                    f"runs on Rust {item.toolchain.replace(HOLE, '') or 'of the MSRV'}, which is not the main toolchain"
                )
            check = self._check(item, kind, reason)
            key = (check.command, check.env, check.directory)
            if key not in checks or (_rank(check) < _rank(checks[key])):
                checks[key] = check
        return _without_repeats(_without_subsets(_coverage_last(checks.values())))

    def _check(self, item: Found, kind: CheckKind, reason: str | None) -> Check:
        command = item.command
        if kind_of(command) is not kind and " -- " in f"{self._expanded(command)} ":
            # Machine format cannot be asked for behind an alias that already holds a `--`.
            command = self._expanded(command)
        env = {
            name: value for name, value in item.env.items()
            if re.fullmatch(r"[A-Z][A-Z0-9_]*", name) and not _ENV_NOISE.match(name) and HOLE not in value
        }  # fmt: skip
        return Check(
            kind=kind,
            command=command.replace(HOLE, "…"),
            toolchain=(item.toolchain or self._pinned or "stable").replace(HOLE, "…"),
            env=tuple(sorted(env.items())),
            directory=item.directory.replace(HOLE, "…"),
            required=item.required,
            source=item.source,
            left_out_because=reason,
        )

    def _reason(self, item: Found, kind: CheckKind) -> str | None:
        """Why the command is left to CI; None where it runs here. Older toolchains are judged apart."""
        cargo = self._cargo(item)
        toolchain = item.toolchain or self._pinned
        if item.left_out_because:
            return item.left_out_because
        if HOLE in item.command or HOLE in item.directory:
            return "holds a value that only the CI run knows"
        if "nightly" in toolchain or toolchain in ("master", "dev"):
            return "needs nightly"
        if toolchain.startswith("beta") or " minus " in toolchain:
            return f"runs on {toolchain}"
        if re.search(r"(?:windows|darwin|freebsd|musl|i686|aarch64|wasm|android|ios)", toolchain):
            return f"runs on {toolchain}"
        if cargo is None:
            return None if kind is CheckKind.FMT else "needs a tool outside the image"
        return _cargo_reason(cargo, item.env)

    def _is_older(self, item: Found, *, has_main: bool, uses_newer: bool) -> bool:
        """Whether the command is for an older Rust than the one the project is developed with."""
        if HOLE in item.toolchain:
            return item.is_named(_OLD_RUST_NAME) or (has_main and not self._pinned)
        if not _VERSION.match(item.toolchain) or _same_version(item.toolchain, self._pinned):
            return False
        # The minimum itself is the main toolchain only of a project that uses nothing newer at all.
        is_minimum = any(_same_version(item.toolchain, version) for version in self._minimum)
        return has_main or item.is_named(_OLD_RUST_NAME) or (is_minimum and uses_newer)


def _cargo_reason(cargo: CargoCommand, env: Mapping[str, str]) -> str | None:
    flags = f"{env.get('RUSTFLAGS', '')} {env.get('RUSTDOCFLAGS', '')} {env.get('MIRIFLAGS', '')}"
    unstable = any(word.startswith("-Z") for word in (*cargo.global_options, *cargo.arguments, *flags.split()))
    if unstable and env.get("RUSTC_BOOTSTRAP") != "1":
        return "needs nightly (-Z)"
    targets = [*cargo.values("--target"), *([env["CARGO_BUILD_TARGET"]] if env.get("CARGO_BUILD_TARGET") else [])]
    if foreign := [target for target in targets if target != HOST_TARGET]:
        return f"builds for {foreign[0]}"
    if cargo.subcommand == "hack":
        if cargo.has("--rust-version") or cargo.values("--version-range"):
            return "runs on the minimum supported Rust version"
        if any(word in ("miri", "udeps", "minimal-versions") for word in cargo.arguments):
            return "needs nightly"
    if cargo.subcommand in ("llvm-cov", "tarpaulin"):
        return None
    if cargo.subcommand == "bench" and not cargo.has("--no-run"):
        return "measures"
    return _LEFT_TO_CI.get(cargo.subcommand)


def _purpose(kind: CheckKind) -> str:
    """What a kind of check is for: if it holds on the main toolchain, an older one is asked for another reason."""
    return str(kind) if kind in (CheckKind.FMT, CheckKind.CLIPPY, CheckKind.DOC, CheckKind.OTHER) else "compiles"


def _same_version(version: str, other: str) -> bool:
    """`1.90` and `1.90.0` are the same release."""
    return bool(other) and (f"{version}.0".startswith(f"{other}.") or f"{other}.0".startswith(f"{version}."))


def _rank(check: Check) -> tuple[bool, bool]:
    return (check.left_out_because is not None, not check.required)


def _coverage_last(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Measuring coverage is a gate only where nothing else runs the tests."""
    checks = tuple(checks)
    measuring = [check for check in checks if re.search(r"\b(?:llvm-cov|tarpaulin)\b", check.command)]
    tested = any(
        check.kind in (CheckKind.TEST, CheckKind.NEXTEST, CheckKind.HACK)
        and check not in measuring
        and _rank(check) == (False, False)
        for check in checks
    )
    if not tested:
        return checks
    return tuple(
        Check(
            CheckKind.OTHER,
            check.command,
            check.toolchain,
            check.env,
            check.directory,
            False,
            check.source,
            "measures coverage",
        )
        if check in measuring
        else check
        for check in checks
    )


def _without_subsets(checks: Iterable[Check]) -> tuple[Check, ...]:
    """The same command with `--exclude` besides the one for the whole workspace (CI runs it on an edited manifest)."""
    checks = tuple(checks)
    whole = {(_words(check), check.env, check.directory): check for check in checks if _rank(check) == (False, False)}
    kept = []
    for check in checks:
        cargo = parse(check.command)
        if cargo is not None and cargo.values("--exclude") and check.left_out_because is None:
            smaller = without(cargo.arguments, frozenset(), frozenset(["--exclude"]))
            other = whole.get((frozenset((cargo.subcommand, *smaller, *cargo.trailing)), check.env, check.directory))
            if other is not None:
                check = replace(check, left_out_because=f"is a part of `{other.command}`")
        kept.append(check)
    return tuple(kept)


def _words(check: Check) -> frozenset[str]:
    cargo = parse(check.command)
    return frozenset() if cargo is None else frozenset((cargo.subcommand, *cargo.arguments, *cargo.trailing))


def _without_repeats(checks: Iterable[Check]) -> tuple[Check, ...]:
    """What is left to CI need not be told where the same command runs here anyway, nor once per environment."""
    checks = tuple(checks)
    ours = {(check.command, check.directory) for check in checks if _rank(check) == (False, False)}
    told: set[tuple[str, str, str | None]] = set()
    kept = []
    for check in checks:
        if check.left_out_because is not None or not check.required:
            key = (check.command, check.directory, check.left_out_because)
            if (check.command, check.directory) in ours or key in told:
                continue
            told.add(key)
        kept.append(check)
    return tuple(kept)


def toolchain_file(files: Mapping[str, str]) -> str:
    """The channel of rust-toolchain(.toml) at the root; empty where there is none."""
    text = files.get("rust-toolchain.toml") or files.get("rust-toolchain") or ""
    channel = text_of(table(read(text), "toolchain").get("channel"))
    return channel or (text.strip() if re.fullmatch(r"[\w.-]+", text.strip()) else "")


def aliases(files: Mapping[str, str]) -> dict[str, str]:
    """cargo's aliases in .cargo/config.toml at the root."""
    found: dict[str, str] = {}
    for path in (".cargo/config", ".cargo/config.toml"):
        for name, value in table(read(files.get(path, "")), "alias").items():
            found[name] = (
                value if isinstance(value, str) else " ".join(map(str, value)) if isinstance(value, list) else ""
            )
    return found
