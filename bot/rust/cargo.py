"""Reads a cargo command line into its parts, and says what kind of check it is; runs nothing."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from bot.domain import CheckKind


def words(text: str) -> frozenset[str]:
    """The words of `text` as a set."""
    return frozenset(text.split())


# Options of cargo and of the subcommands that are seen in CI which take their value as the next word.
WITH_VALUE = words("""--features -F --package -p --exclude --test --bin --example --bench --target --target-dir --manifest-path
    --profile --config -Z -j --jobs --color --message-format -C --out-dir --artifact-dir --lockfile-path --depth
    --exclude-features --skip --include-features --at-least-one-of --mutually-exclusive-features --group-features
    --version-range --rust-version --partition --no-tests --retries -E --filter-expr --filterset --cargo-profile
    --output-path --output-dir --ignore-filename-regex --fail-under-lines --git --rev --branch --tag --path --version
    --root --registry --index --crate-type --format --test-threads --status-level --final-status-level --run-ignored
    --tool-config-file --config-file --build-jobs --archive-file --max-fail --timings-format --emit""")

_KINDS: dict[str, CheckKind] = {
    "fmt": CheckKind.FMT,
    "check": CheckKind.CHECK,
    "c": CheckKind.CHECK,
    "clippy": CheckKind.CLIPPY,
    "build": CheckKind.BUILD,
    "b": CheckKind.BUILD,
    "rustc": CheckKind.BUILD,
    "test": CheckKind.TEST,
    "t": CheckKind.TEST,
    "doc": CheckKind.DOC,
    "d": CheckKind.DOC,
    "rustdoc": CheckKind.DOC,
    "nextest": CheckKind.NEXTEST,
    "hack": CheckKind.HACK,
    "tarpaulin": CheckKind.TEST,
}

# llvm-cov's own options; what remains of its line is a line of `cargo test`.
_COVERAGE_FLAGS = words("""--lcov --json --text --html --open --codecov --cobertura --summary-only --no-report --no-clean --branch --mcdc
    --doctests --include-build-script --fail-uncovered-lines --show-missing-lines --ignore-run-fail""")
_SNAPSHOT_FLAGS = words("--review --check --accept --unreferenced --delete-unreferenced-snapshots --require-full-match")
_COVERAGE_WITH_VALUE = words(
    "--output-path --output-dir --ignore-filename-regex --fail-under-lines --fail-under-functions"
)


@dataclass(frozen=True, slots=True)
class CargoCommand:
    """A line `cargo [+toolchain] [global] subcommand [arguments] [-- trailing]`, split by the shell's rules."""

    toolchain: str
    global_options: tuple[str, ...]
    subcommand: str
    arguments: tuple[str, ...]
    trailing: tuple[str, ...]

    def values(self, *names: str) -> tuple[str, ...]:
        """The values given to the options `names`, in either form (`--x=v`, `--x v`)."""
        found: list[str] = []
        given = (*self.global_options, *self.arguments)
        for position, word in enumerate(given):
            name, equals, value = word.partition("=")
            if name in names and equals:
                found.append(value)
            elif word in names and position + 1 < len(given):
                found.append(given[position + 1])
        return tuple(found)

    def has(self, *flags: str) -> bool:
        return any(word in flags for word in (*self.global_options, *self.arguments))

    def line(self) -> str:
        """The command as one line that a shell reads back to the same words."""
        parts = ["cargo", *([f"+{self.toolchain}"] if self.toolchain else []), *self.global_options, self.subcommand]
        parts += self.arguments
        if self.trailing:
            parts += ["--", *self.trailing]
        # An empty word is the value of an option (`--features ""`), or nothing at all.
        pairs = zip(("", *parts), parts, strict=False)
        return shlex.join(word for before, word in pairs if word or before in WITH_VALUE)


def parse(command: str) -> CargoCommand | None:
    """The parts of a cargo command, or None where the line is something else or cannot be split."""
    try:
        parts = shlex.split(command)
    except ValueError:
        return None
    if not parts:
        return None
    program = parts[0].rsplit("/", 1)[-1]
    if program.startswith("cargo-") and len(program) > len("cargo-"):
        parts = ["cargo", program.removeprefix("cargo-"), *parts[1:]]
    elif program not in ("cargo", "cross"):
        return None
    return _split(parts[1:])


def _split(parts: list[str]) -> CargoCommand | None:
    toolchain = parts.pop(0)[1:] if parts and parts[0].startswith("+") else ""
    global_options: list[str] = []
    while parts and parts[0].startswith("-"):
        option = parts.pop(0)
        global_options.append(option)
        if option in WITH_VALUE and parts:
            global_options.append(parts.pop(0))
    if not parts:
        return None
    subcommand, rest = parts[0], parts[1:]
    cut = rest.index("--") if "--" in rest else len(rest)
    return CargoCommand(toolchain, tuple(global_options), subcommand, tuple(rest[:cut]), tuple(rest[cut + 1 :]))


def positionals(cargo: CargoCommand) -> tuple[str, ...]:
    """The arguments before `--` that are neither options nor their values (a test filter, a subcommand's verb)."""
    found: list[str] = []
    skip = False
    for word in cargo.arguments:
        if skip:
            skip = False
        elif word in WITH_VALUE:
            skip = True
        elif word and not word.startswith("-"):
            found.append(word)
    return tuple(found)


def kind_of(command: str) -> CheckKind:
    """What kind of check a command line is; OTHER for everything that is not one of the core kinds."""
    if re.match(r"rustfmt\s", command):
        return CheckKind.FMT
    cargo = parse(command)
    if cargo is None:
        return CheckKind.OTHER
    if cargo.subcommand == "llvm-cov":
        return CheckKind.OTHER if positionals(cargo)[:1] in (("report",), ("clean",), ("show-env",)) else CheckKind.TEST
    if cargo.subcommand == "insta":
        return CheckKind.TEST if positionals(cargo)[:1] == ("test",) else CheckKind.OTHER
    kind = _KINDS.get(cargo.subcommand, CheckKind.OTHER)
    if kind is CheckKind.TEST and "--doc" in cargo.arguments:
        return CheckKind.DOCTEST
    if kind is CheckKind.NEXTEST and positionals(cargo)[:1] not in (("run",), ("r",)):
        return CheckKind.OTHER
    return kind


def without(given: tuple[str, ...], flags: frozenset[str], valued: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """`given` without the `flags` and without the options `valued` together with their values."""
    kept: list[str] = []
    skip = False
    for word in given:
        if skip:
            skip = False
        elif word in valued:
            skip = True
        elif word not in flags and word.partition("=")[0] not in valued:
            kept.append(word)
    return tuple(kept)


def as_plain_test(cargo: CargoCommand) -> CargoCommand:
    """A line of llvm-cov, tarpaulin or insta as the `cargo test` line that executes the same tests."""
    dropped = _COVERAGE_FLAGS | _SNAPSHOT_FLAGS | {"test"}
    arguments = without(cargo.arguments, dropped, _COVERAGE_WITH_VALUE | {"--unreferenced", "--test-runner"})
    if arguments[:1] in (("nextest",), ("run",)):
        arguments = ("--tests", *(word for word in arguments if word not in ("nextest", "run")))
    return CargoCommand(cargo.toolchain, cargo.global_options, "test", arguments, cargo.trailing)
