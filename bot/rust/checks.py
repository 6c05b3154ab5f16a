"""The ladder of checks, cheapest first, and for each the command line that the sandbox runs in machine-readable form.

Pure: commands out, nothing run. The command of a `Check` is CI's own; what is run differs from it in these points, all
of which keep CI's verdict: lints are asked for as warnings and denied afterwards (`bot.rust.diagnostics`), so that one
finding does not hide those of the crates behind it; a `check` that an equal clippy covers is not run; coverage runs as
the tests it measures; output is JSON on one stream together with cargo's own words.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from posixpath import basename, dirname

from bot.domain import Check, CheckKind, CheckScope
from bot.rust.cargo import CargoCommand, as_plain_test, parse, positionals, without, words

# Cheapest first; feature rows follow their first row because the sort is stable.
_ORDER = (
    CheckKind.FMT,
    CheckKind.CLIPPY,
    CheckKind.CHECK,
    CheckKind.BUILD,
    CheckKind.TEST,
    CheckKind.NEXTEST,
    CheckKind.DOCTEST,
    CheckKind.DOC,
    CheckKind.HACK,
    CheckKind.OTHER,
)
_LINTED = (CheckKind.CLIPPY, CheckKind.CHECK, CheckKind.BUILD)
_TESTED = (CheckKind.TEST, CheckKind.NEXTEST)
NEXTEST = "nextest"
"""The name of cargo-nextest among the tools of a sandbox."""
HOST_TARGET = "x86_64-unknown-linux-gnu"
MAX_ROWS = 4
CONFIGURED = ".github/rfcsmith.toml"
"""Where the source of a check begins that the repository itself asks for."""
_CHECKING = re.compile(r"(?:^|[\s_-])(?:check|lint|verify)(?:\s|$)")
_NOISE = words("--verbose -v -vv -vvv --quiet -q --hide-progress-bar --no-fail-fast --keep-going")
_NOISE_VALUED = words("--message-format --color")
_NEXTEST_FLAGS = words("run r --no-capture --nocapture --all-targets --tests --no-tests=pass")
_NEXTEST_TALKATIVE = words(
    "--status-level --final-status-level --failure-output --success-output --max-fail --show-progress"
)
_NEXTEST_VALUED = words("""--profile -P --retries --partition --no-tests -E --filter-expr --filterset --status-level --max-fail
    --final-status-level --failure-output --success-output --run-ignored --test-threads --build-jobs""")
# What nextest is asked besides, so that it prints its JSON and, for people, one line for each test.
_NEXTEST_TALK = (
    "--no-fail-fast",
    "--message-format=libtest-json-plus",
    "--cargo-message-format=json",
    "--status-level=pass",
    "--final-status-level=none",
    "--failure-output=never",
    "--success-output=never",
    "--show-progress=none",
)
_SELECTION = words("--lib --bins --tests --examples --benches --all-targets --doc --workspace --all")
_SELECTION_VALUED = words("-p --package --exclude --test --bin --example")
_TARGET_FLAGS = ("--lib", "--bin", "--test", "--example", "--bench", "--all-targets")
_LISTED = re.compile(r"\$\(git ls-files[^()]*\.rs[^()]*\)|`git ls-files[^`]*\.rs[^`]*`")
_FOUND = "$(find . -name '*.rs' -not -path './target/*' | sort)"
_FLAG_VARIABLES = ("RUSTFLAGS", "RUSTDOCFLAGS")


def ladder(checks: Sequence[Check], *, scope: CheckScope, tools: frozenset[str] = frozenset()) -> tuple[Check, ...]:
    """The checks to run, in order; those that another rung already covers are dropped.

    Quick keeps one rung of each of fmt, clippy (or check) and tests: what an edit can break, within seconds. Full keeps
    what is required and not left to CI, of a matrix the first rows. Where CI has nothing that compiles everything or runs
    the tests, cargo's defaults stand in. `tools` names the cargo subcommands that the sandbox has besides cargo's own.
    """
    ours = [check for check in checks if check.required and check.left_out_because is None and _can_run(check, tools)]
    ours = sorted(_first_rows([*ours, *_stand_ins(ours)]), key=lambda check: _ORDER.index(check.kind))
    rungs = [check for position, check in enumerate(ours) if not _is_covered(check, ours[:position], ours)]
    if scope is CheckScope.FULL:
        return tuple(rungs)
    fmt = [check for check in rungs if check.kind is CheckKind.FMT][:1]
    linted = [check for check in rungs if check.kind in _LINTED]
    tested = [check for check in rungs if check.kind in _TESTED and not _is_release(check)]
    return (*fmt, *_broadest(linted), *_broadest(tested))


def _can_run(check: Check, tools: frozenset[str]) -> bool:
    """Whether the image can, and whether it is a check at all: a generator would change the tree under the agent."""
    if check.source.startswith(CONFIGURED):
        return True
    if check.kind is CheckKind.OTHER:
        return parse(check.command) is not None and _CHECKING.search(check.command) is not None
    return check.kind is not CheckKind.HACK or "hack" in tools


def _stand_ins(checks: Sequence[Check]) -> tuple[Check, ...]:
    """What a change must pass although CI does not say so: everything compiles, the tests pass."""
    found = []
    if not any(check.kind in (CheckKind.CLIPPY, CheckKind.CHECK) for check in checks):
        found.append(Check(CheckKind.CHECK, "cargo check --workspace --all-targets", source="default"))
    if not any(check.kind in _TESTED for check in checks):
        found.append(Check(CheckKind.TEST, "cargo test --workspace", source="default"))
    return tuple(found)


def _first_rows(checks: Sequence[Check]) -> list[Check]:
    """Of the rows of one matrix step no more than `MAX_ROWS`: a dozen feature sets are CI's work."""
    counts: dict[tuple[str, CheckKind, str], int] = {}
    kept = []
    for check in checks:
        key = (check.source, check.kind, " ".join(check.command.split()[:2]))
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= MAX_ROWS:
            kept.append(check)
    return kept


def _is_release(check: Check) -> bool:
    cargo = parse(check.command)
    return cargo is not None and cargo.has("--release", "-r")


def _broadest(checks: Sequence[Check]) -> tuple[Check, ...]:
    """The one that sees most of the code: whole workspace, all targets, default features rather than none."""

    def breadth(check: Check) -> int:
        cargo = parse(check.command)
        if cargo is None:
            return -1
        score = 4 * cargo.has("--workspace", "--all") + 2 * cargo.has("--all-features") + cargo.has("--all-targets")
        narrow = (
            "-p",
            "--package",
            "--test",
            "--bin",
            "--lib",
            "--example",
            "--manifest-path",
            "--no-default-features",
        )
        score -= 4 * bool(cargo.has(*narrow) or cargo.values(*narrow)) + 4 * bool(positionals(cargo)[:1])
        return score - 2 * (check.directory != ".") + 5 * (check.kind is CheckKind.CLIPPY)

    return tuple(sorted(checks, key=breadth, reverse=True)[:1])


def main_tests(checks: Sequence[Check]) -> Check | None:
    """The check whose tests say most of the code: a whole workspace at the repository's top; None where there is none."""
    tested = [check for check in ladder(checks, scope=CheckScope.FULL) if check.kind in _TESTED]
    at_top = [check for check in tested if check.directory == "." and not _is_release(check)]
    return next(iter(_broadest(at_top)), None)


def _is_covered(check: Check, earlier: Sequence[Check], everything: Sequence[Check]) -> bool:
    """Whether another rung does the same work: an equal one before it, or a test run that builds the same."""
    own = _identity(check)
    if any(_identity(other) == own for other in earlier):
        return True
    if check.kind is CheckKind.BUILD:
        same = replace(check, kind=CheckKind.TEST)
        return any(other.kind is CheckKind.TEST and _identity(other) == _identity(same) for other in everything)
    return False


def _identity(check: Check) -> tuple[object, ...]:
    """What a rung executes: kind of work, words in any order, directory, and the environment that reaches rustc."""
    kind = CheckKind.CLIPPY if check.kind is CheckKind.CHECK else check.kind
    cargo = parse(command_line(check))
    if cargo is None:
        return (kind, check.command, check.directory)
    subcommand = cargo.subcommand if kind not in (CheckKind.CLIPPY, CheckKind.BUILD, CheckKind.TEST) else ""
    given = frozenset(word for word in cargo.arguments if not word.startswith(("--message-format", "--no-fail-fast")))
    trailing = () if kind is CheckKind.CLIPPY else cargo.trailing
    return (kind, subcommand, given, trailing, check.directory, tuple(sorted(environment(check).items())))


# --- command lines ---------------------------------------------------------------------------------------------------


def command_line(
    check: Check, *, test_filter: str = "", packages: Sequence[str] = (), tools: frozenset[str] = frozenset()
) -> str:
    """The line to run in `check.directory` under `environment(check)`; its standard output is for `diagnostics.parse`.

    `test_filter` is libtest's: only tests whose path contains it. `packages` narrows a whole-workspace command. `tools` are
    those of the sandbox: where nextest is not among them, cargo's own harness runs the tests. The toolchain (`+x`) is not in the line: the caller chooses it.
    """
    cargo = parse(check.command)
    if cargo is None:
        # The sandbox has the files, and no git directory that could list them.
        return f"{_LISTED.sub(_FOUND, check.command)} 2>&1"
    cargo = replace(cargo, toolchain="", global_options=_quiet(cargo.global_options), arguments=_quiet(cargo.arguments))
    cargo = _without_host_target(cargo)
    if packages:
        cargo = narrow(cargo, packages)
    if _runs_nextest(cargo, tools):
        return f"{_nextest(cargo, test_filter).line()} 2>&1"
    match check.kind:
        case CheckKind.FMT:
            return f"{cargo.line()} 2>&1"
        case CheckKind.CLIPPY:
            return f"{_clippy(cargo).line()} 2>&1"
        case CheckKind.TEST | CheckKind.NEXTEST | CheckKind.DOCTEST:
            return f"{_test(cargo, test_filter).line()} 2>&1"
        case CheckKind.CHECK | CheckKind.BUILD | CheckKind.DOC:
            return f"{_with(cargo, '--keep-going', '--message-format=json').line()} 2>&1"
        case _:
            return f"{cargo.line()} 2>&1"


def without_doc_tests(check: Check) -> Check | None:
    """The check without documentation tests, each of which is compiled by itself; None where it runs nothing else.

    Plain `cargo test` runs them; with any choice of targets, of which `--tests` is the widest, it does not
    (https://doc.rust-lang.org/cargo/commands/cargo-test.html#target-selection).
    """
    cargo = parse(check.command)
    if check.kind is CheckKind.DOCTEST or (cargo is not None and cargo.has("--doc")):
        return None
    if cargo is None or cargo.subcommand != "test" or any(word.startswith(_TARGET_FLAGS) for word in cargo.arguments):
        return check
    return replace(check, command=replace(cargo, arguments=("--tests", *cargo.arguments)).line())


def stand_in(check: Check, tools: frozenset[str] = frozenset()) -> str:
    """What is run in place of a command whose tool the sandbox lacks, in words; "" where CI's own command is run."""
    cargo = parse(check.command)
    if (
        cargo is None
        or _runs_nextest(cargo, tools)
        or check.kind not in _TESTED
        or cargo.subcommand not in ("nextest", "llvm-cov", "tarpaulin", "insta")
    ):
        return ""
    return "run as cargo test"


def environment(check: Check) -> dict[str, str]:
    """The variables for `command_line(check)`: CI's own, with denied lints as warnings, and pins for honest output."""
    env = {name: value for name, value in check.env if name not in ("CARGO_BUILD_WARNINGS", "CARGO_INCREMENTAL")}
    for name in _FLAG_VARIABLES:
        if name in env:
            env[name] = " ".join(_soften(tuple(env[name].split()))[0])
    # Snapshot tests must not rewrite themselves and then pass; backtraces hide the message they follow.
    env |= {"RUST_BACKTRACE": "0", "CARGO_TERM_COLOR": "never", "INSTA_UPDATE": "no"}
    return env | ({"NEXTEST_EXPERIMENTAL_LIBTEST_JSON": "1"} if check.kind is CheckKind.NEXTEST else {})


def denied_lints(check: Check) -> frozenset[str]:
    """The lints, `warnings` among them, that CI turns into errors for this check."""
    cargo = parse(check.command)
    env = dict(check.env)
    denied = set(_soften(tuple(env.get("RUSTFLAGS", "").split()))[1])
    if check.kind in (CheckKind.DOC, CheckKind.DOCTEST):
        denied |= _soften(tuple(env.get("RUSTDOCFLAGS", "").split()))[1]
    if cargo is not None and check.kind is CheckKind.CLIPPY:
        denied |= _soften(cargo.trailing)[1]
    if env.get("CARGO_BUILD_WARNINGS") == "deny":
        denied.add("warnings")
    return frozenset(lint.replace("_", "-") for lint in denied)


def _soften(given: tuple[str, ...]) -> tuple[tuple[str, ...], frozenset[str]]:
    """rustc's flags with each deny as a warn (`-D warnings` goes altogether), and the lints that were denied."""
    kept: list[str] = []
    denied: set[str] = set()
    rest = list(given)
    while rest:
        word = rest.pop(0)
        match = re.fullmatch(r"(?:-D|-F|--deny|--forbid)=?(.*)", word)
        if match is None:
            kept.append(word)
            if word in ("-W", "-A", "--warn", "--allow", "-C", "--cfg") and rest:
                kept.append(rest.pop(0))
            continue
        for lint in (match[1] or (rest.pop(0) if rest else "")).split(","):
            denied.add(lint)
            if lint != "warnings":
                kept += ["-W", lint]
    return tuple(kept), frozenset(denied)


def _quiet(given: tuple[str, ...]) -> tuple[str, ...]:
    return without(given, _NOISE, _NOISE_VALUED)


def _without_host_target(cargo: CargoCommand) -> CargoCommand:
    """Naming the host as target changes nothing but the directory, and so would build everything twice."""
    if cargo.values("--target") != (HOST_TARGET,):
        return cargo
    return replace(cargo, arguments=without(cargo.arguments, frozenset(), frozenset(["--target"])))


def _with(cargo: CargoCommand, *flags: str) -> CargoCommand:
    return replace(cargo, arguments=(*cargo.arguments, *flags))


def _clippy(cargo: CargoCommand) -> CargoCommand:
    trailing = _soften(cargo.trailing)[0] if cargo.subcommand == "clippy" else ()
    cargo = replace(cargo, subcommand="clippy", trailing=trailing)
    return _with(cargo, "--keep-going", "--message-format=json")


def _test(cargo: CargoCommand, test_filter: str) -> CargoCommand:
    if cargo.subcommand in ("llvm-cov", "tarpaulin", "insta"):
        cargo = as_plain_test(cargo)
    elif cargo.subcommand == "nextest":
        # nextest runs no documentation tests; `--tests` says the same to cargo.
        arguments = without(cargo.arguments, _NEXTEST_FLAGS, _NEXTEST_VALUED)
        narrow_target = any(word.startswith(("--lib", "--bin", "--test", "--example")) for word in arguments)
        arguments = arguments if narrow_target else ("--tests", *arguments)
        cargo = replace(cargo, subcommand="test", arguments=arguments, trailing=())
    cargo = _with(cargo, "--no-fail-fast", "--message-format=json")
    if not test_filter:
        return cargo
    # CI's own filter, if it has one, gives way: cargo accepts a single one before `--`.
    kept = without(cargo.arguments, frozenset(positionals(cargo)))
    return replace(cargo, arguments=(*kept, test_filter))


def _runs_nextest(cargo: CargoCommand, tools: frozenset[str]) -> bool:
    return cargo.subcommand == "nextest" and NEXTEST in tools


def _nextest(cargo: CargoCommand, test_filter: str) -> CargoCommand:
    """CI's own command, all of its tests: a partition of them is CI's way to share the work among machines."""
    arguments = without(cargo.arguments, words("run r --no-capture --nocapture"), _NEXTEST_TALKATIVE | {"--partition"})
    if test_filter:
        others = frozenset(positionals(replace(cargo, arguments=arguments)))
        arguments = without(arguments, others, words("-E --filter-expr --filterset"))
        arguments = (*arguments, "--no-tests=pass", test_filter)
    return replace(cargo, arguments=("run", *arguments, *_NEXTEST_TALK))


def narrow(cargo: CargoCommand, packages: Sequence[str]) -> CargoCommand:
    """A whole-workspace command restricted to `packages`.

    One that already names packages stays as it is, and one with features: not every package has them, and cargo refuses.
    """
    if cargo.values("-p", "--package", "--manifest-path", "--features", "-F"):
        return cargo
    kept = without(cargo.arguments, frozenset(["--workspace", "--all"]), frozenset(["--exclude"]))
    return replace(cargo, arguments=(*(word for package in packages for word in ("-p", package)), *kept))


# --- when a test target does not compile -----------------------------------------------------------------------------


def salvage_build_line(check: Check) -> str:
    """Builds every test target that can be built, past those that cannot.

    `cargo test` runs nothing at all if a single target fails to compile, and refuses `--keep-going`. The output of this
    line, given to `diagnostics.test_targets`, names the targets that stand; `salvage_test_lines` runs these.
    """
    cargo = parse(command_line(check).removesuffix(" 2>&1"))
    if cargo is None:
        return "true"
    kept = without(cargo.arguments, frozenset(["--doc", "--no-fail-fast", *positionals(cargo)]))
    explicit = any(word.startswith(_TARGET_FLAGS) for word in kept)
    arguments = (*kept, *(() if explicit else ("--tests",)), "--keep-going")
    return f"{replace(cargo, subcommand='build', arguments=arguments, trailing=()).line()} 2>&1"


def salvage_test_lines(check: Check, targets: Iterable[tuple[str, str, str]]) -> tuple[str, ...]:
    """One `cargo test` line per package for the targets (package, kind, name) that compile, then the doc tests."""
    cargo = parse(command_line(check).removesuffix(" 2>&1"))
    if cargo is None:
        return ()
    base = without(cargo.arguments, _SELECTION, _SELECTION_VALUED)
    flags: dict[str, list[str]] = {}
    for package, kind, name in targets:
        selectors = flags.setdefault(package, ["-p", package])
        selectors += ["--lib"] if kind in ("lib", "proc-macro") else [f"--{kind}", name]
    lines = [replace(cargo, arguments=(*chosen, *base)).line() for chosen in flags.values()]
    if check.kind is CheckKind.TEST and not any(word.startswith(_TARGET_FLAGS) for word in cargo.arguments):
        lines += [
            replace(cargo, arguments=("-p", chosen[1], "--doc", *base)).line()
            for chosen in flags.values()
            if "--lib" in chosen
        ]
    return tuple(f"{line} 2>&1" for line in lines)


def one_by_one_line(line: str) -> str:
    """The line of a test run with one test at a time: the harness names each before it starts it, so also one that aborts."""
    cargo = parse(line.removesuffix(" 2>&1"))
    if cargo is None or cargo.subcommand != "test":
        return line
    trailing = without(cargo.trailing, frozenset(), frozenset(["--test-threads"]))
    return f"{replace(cargo, trailing=(*trailing, '--test-threads=1')).line()} 2>&1"


# --- named tests and formatting --------------------------------------------------------------------------------------


def named_tests_line(
    check: Check,
    names: Sequence[str],
    *,
    package: str = "",
    selector: Sequence[str] = (),
    tools: frozenset[str] = frozenset(),
) -> str:
    """Runs exactly the tests `names` of one target, with the features and environment of `check`.

    `selector` is cargo's: `("--lib",)`, `("--test", "cli")`, `("--bin", "x")`. A name that matches nothing is not an error
    to libtest: compare the names that ran.
    """
    cargo = parse(command_line(check, tools=tools).removesuffix(" 2>&1"))
    if cargo is not None and cargo.subcommand == "nextest" and not package:
        # https://nexte.st/docs/filtersets/reference: names of Rust functions need no escaping.
        expression = " | ".join(f"test(={name})" for name in names)
        kept = without(cargo.arguments, frozenset(), words("-E --filter-expr --filterset"))
        return f"{replace(cargo, arguments=(*kept, '-E', expression)).line()} 2>&1"
    if cargo is None:
        cargo = CargoCommand("", (), "test", ("--no-fail-fast", "--message-format=json"), ())
    base = without(cargo.arguments, _SELECTION | frozenset(positionals(cargo)), _SELECTION_VALUED)
    everywhere = ("--workspace",) if not package and cargo.has("--workspace", "--all") else ()
    chosen = (*(("-p", package) if package else everywhere), *selector)
    extra = tuple(word for word in cargo.trailing if word.startswith("--"))
    line = replace(cargo, subcommand="test", arguments=(*chosen, *base), trailing=(*extra, "--exact", *names))
    return f"{line.line()} 2>&1"


def repeated(check: Check, names: Sequence[str], times: int, tools: frozenset[str]) -> tuple[Check, tuple[str, ...]]:
    """The check and the lines that run exactly these tests so many times, each in a process of its own where nextest is there.

    A process that runs a single test, whose output nextest captures, can neither borrow from others nor speak for them.
    nextest repeats them in one line (https://nexte.st/docs/features/stress-tests/). Documentation tests are not among them.
    """
    alone = _alone(check, tools)
    line = named_tests_line(alone, names, tools=tools)
    cargo = parse(line.removesuffix(" 2>&1"))
    if cargo is None or not _runs_nextest(cargo, tools):
        return alone, (line,) * times
    counted = replace(cargo, arguments=(*cargo.arguments, f"--stress-count={times}"))
    return alone, (f"{counted.line()} 2>&1",)


def _alone(check: Check, tools: frozenset[str]) -> Check:
    """The check as one of nextest, where nextest is there and the check is cargo's own."""
    cargo = parse(command_line(check).removesuffix(" 2>&1"))
    if cargo is None or NEXTEST not in tools or cargo.subcommand != "test":
        return check
    kept = without(
        cargo.arguments, frozenset(["--doc", "--no-fail-fast", "--message-format=json", *positionals(cargo)])
    )
    line = replace(cargo, subcommand="nextest", arguments=("run", *kept), trailing=()).line()
    return replace(check, kind=CheckKind.NEXTEST, command=line)


def format_line(paths: Sequence[str], editions: Mapping[str, str]) -> str:
    """Formats exactly the files `paths` in place, each by the edition of its crate; unchanged files keep their mtime.

    Through standard input, because rustfmt given a file formats every module below it too. It runs in the file's
    directory, so that the nearest rustfmt.toml counts. A file that does not parse is left alone; clippy will say why.
    """
    lines = []
    for path in paths:
        directory, name = shlex.quote(dirname(path) or "."), shlex.quote(basename(path))
        edition = shlex.quote(editions.get(path, "2021"))
        lines.append(
            f"(cd {directory} && formatted=$(rustfmt --edition {edition} < {name} 2>/dev/null && printf x) && "
            f'printf %s "${{formatted%x}}" | cmp -s - {name} || '
            f'{{ [ -n "$formatted" ] && printf %s "${{formatted%x}}" > {name}; }})'
        )
    return "\n".join([*lines, "true"])


def unformatted_line(check: Check | None = None) -> str:
    """Lists the files that rustfmt would change, for `diagnostics.unformatted`."""
    directory_all = "cargo fmt --all -- --check -l --color never"
    cargo = parse(check.command) if check is not None else None
    if cargo is None or cargo.subcommand != "fmt":
        return f"{directory_all} 2>/dev/null"
    kept = without(cargo.arguments, frozenset(["--check", "--verbose", "-v", "--quiet", "-q"]))
    trailing = without(cargo.trailing, frozenset(["--check", "-l", "--files-with-diff"]), frozenset(["--color"]))
    line = CargoCommand("", (), "fmt", kept, (*trailing, "--check", "-l", "--color", "never")).line()
    return f"{line} 2>/dev/null"
