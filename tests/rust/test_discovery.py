"""From workflow files to commands: each rule and each trap on a workflow of a few lines."""

from __future__ import annotations

import textwrap

import pytest

from bot.domain import Check, CheckKind
from bot.rust import discovery
from bot.rust.expressions import HOLE, UNKNOWN, condition, evaluate, interpolate
from bot.rust.shell import Invocation, follow
from bot.rust.shell_words import State
from bot.rust.workflows import load, rows

CARGO = '[package]\nname = "demo"\nrust-version = "1.70"\n'


def workflow(jobs: str, head: str = "on: pull_request\n") -> str:
    return f"{head}jobs:\n{textwrap.indent(textwrap.dedent(jobs), '  ')}"


def steps(*lines: str, job: str = "") -> str:
    """A workflow of one job whose steps run `lines`."""
    text = "test:\n  runs-on: ubuntu-latest\n" + textwrap.indent(textwrap.dedent(job), "  ") + "  steps:\n"
    for line in lines:
        text += "    - run: |\n" + textwrap.indent(line, "        ") + "\n"
    return workflow(text)


def discover(text: str, **files: str) -> tuple[Check, ...]:
    named = {name.replace("__", "/"): content for name, content in files.items()}
    return discovery.discover({".github/workflows/ci.yml": text, "Cargo.toml": CARGO, **named})


def ours(checks: tuple[Check, ...]) -> list[str]:
    return [check.command for check in checks if check.required and check.left_out_because is None]


def left(checks: tuple[Check, ...]) -> dict[str, str]:
    return {check.command: check.left_out_because for check in checks if check.left_out_because is not None}


def test_a_command_carries_everything_that_is_known_of_it() -> None:
    text = """
    name: CI
    on: [push, pull_request]
    env: {RUSTFLAGS: -Dwarnings, LEVEL: workflow}
    jobs:
      lint:
        runs-on: ubuntu-latest
        env: {LEVEL: job}
        defaults: {run: {working-directory: crates/a}}
        steps:
          - uses: dtolnay/rust-toolchain@1.88.0
          - name: Clippy
            env: {LEVEL: step}
            run: EXTRA=1 cargo clippy -- -D warnings
    """
    (check,) = discover(textwrap.dedent(text))
    assert check == Check(
        CheckKind.CLIPPY,
        "cargo clippy -- -D warnings",
        toolchain="1.88.0",
        env=(("EXTRA", "1"), ("LEVEL", "step"), ("RUSTFLAGS", "-Dwarnings")),
        directory="crates/a",
        source=".github/workflows/ci.yml:lint:Clippy",
    )


def test_without_a_workflow_the_default_set_stands() -> None:
    assert [check.command for check in discovery.discover({"Cargo.toml": CARGO})] == [
        "cargo fmt --all --check", "cargo check --workspace --all-targets", "cargo test --workspace",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "broken", ["{{{", "[]", "jobs: 3", "on: pull_request\njobs: [a]", "on: pull_request\njobs: {a: {steps: x}}"]
)
def test_a_broken_workflow_is_as_good_as_none(broken: str) -> None:
    assert ours(discover(broken))[0] == "cargo check --workspace --all-targets"


def test_only_workflows_of_pull_requests_count_and_pushes_where_there_are_none() -> None:
    on_push = steps("cargo test --all").replace("pull_request", "push")
    tagged = steps("cargo build --release").replace("on: pull_request", "on: {push: {tags: [v*]}}")
    both = {".github/workflows/a.yml": on_push, ".github/workflows/b.yml": steps("cargo test")}
    assert ours(discovery.discover(both)) == ["cargo test"]
    assert ours(discovery.discover({".github/workflows/a.yml": on_push, ".github/workflows/c.yml": tagged})) == [
        "cargo test --all"
    ]


def test_a_path_filter_without_rust_files_is_no_gate() -> None:
    docs = steps("cargo doc").replace("on: pull_request", "on: {pull_request: {paths: ['docs/**', '**/Cargo.toml']}}")
    code = steps("cargo test").replace("on: pull_request", "on: {pull_request: {paths: ['**.rs']}}")
    assert ours(discovery.discover({".github/workflows/a.yml": docs, ".github/workflows/b.yml": code})) == [
        "cargo test"
    ]


def test_matrix_rows_are_the_product_without_excludes_and_with_includes() -> None:
    job = load(
        textwrap.dedent("""
        strategy:
          matrix:
            os: [a, b]
            n: [1, 2]
            exclude: [{os: b, n: 2}]
            include: [{os: a, extra: x}, {os: c}]
        """)
    )
    assert list(rows(job, {})) == [
        {"os": "a", "n": 1, "extra": "x"}, {"os": "a", "n": 2, "extra": "x"}, {"os": "b", "n": 1}, {"os": "c"},
    ]  # fmt: skip


def test_rows_of_other_platforms_and_toolchains_are_left_to_ci_each_with_its_reason() -> None:
    text = workflow("""
    test:
      runs-on: ${{ matrix.os }}
      strategy:
        matrix:
          include:
            - {os: ubuntu-latest, rust: stable, args: one}
            - {os: windows-latest, rust: stable, args: two}
            - {os: ubuntu-latest, rust: nightly, args: three}
            - {os: ubuntu-latest, rust: beta, args: four}
            - {os: ubuntu-latest, rust: 1.70.0, args: five}
            - {os: ubuntu-latest, rust: stable, args: --target wasm32-unknown-unknown}
            - {os: ubuntu-24.04-arm, rust: stable, args: six}
      steps:
        - uses: dtolnay/rust-toolchain@master
          with: {toolchain: "${{ matrix.rust }}"}
        - run: cargo test ${{ matrix.args }}
    """)
    checks = discover(text)
    assert ours(checks) == ["cargo test one"]
    assert left(checks) == {
        "cargo test two": "runs on windows-latest",
        "cargo test three": "needs nightly",
        "cargo test four": "runs on beta",
        "cargo test five": "runs on Rust 1.70.0, which is not the main toolchain",
        "cargo test --target wasm32-unknown-unknown": "builds for wasm32-unknown-unknown",
        "cargo test six": "runs on ubuntu-24.04-arm",
    }


def test_a_pinned_toolchain_gates_where_nothing_newer_does_the_same() -> None:
    pinned = steps("rustup default 1.88", "cargo clippy")
    assert ours(discover(pinned)) == ["cargo clippy"]
    both = steps("rustup default 1.88", "cargo test --lib", "rustup default stable", "cargo test")
    assert ours(discover(both)) == ["cargo test"]


def test_the_minimum_is_the_main_toolchain_of_a_project_that_uses_nothing_newer() -> None:
    assert ours(discover(steps("rustup default 1.70", "cargo test", "cargo clippy"))) == ["cargo test", "cargo clippy"]


def test_an_official_image_brings_its_toolchain() -> None:
    assert left(discover(steps("cargo test", job="container: rustlang/rust:nightly\n"))) == {
        "cargo test": "needs nightly"
    }
    (check,) = discover(steps("cargo test", job="container: {image: 'rust:1.80-slim'}\n"))
    assert check.toolchain == "1.80" and check.left_out_because is None


def test_the_toolchain_file_names_the_main_toolchain() -> None:
    files = {"rust-toolchain.toml": '[toolchain]\nchannel = "1.70.0"\n'}
    (check,) = discover(steps("rustup default 1.70", "cargo test"), **files)
    assert check.left_out_because is None and check.toolchain == "1.70"


def test_the_toolchain_on_the_line_wins_over_the_steps() -> None:
    checks = discover(steps("rustup default stable", "cargo +nightly fmt --check\ncargo +stable test"))
    assert ours(checks) == ["cargo +stable test"] and left(checks) == {"cargo +nightly fmt --check": "needs nightly"}


def test_an_actions_input_wins_over_its_ref() -> None:
    text = workflow("""
    lint:
      runs-on: ubuntu-latest
      steps:
        - uses: dtolnay/rust-toolchain@stable
          with: {toolchain: nightly-2026-01-01}
        - run: cargo clippy
        - uses: dtolnay/rust-toolchain@clippy
        - run: cargo clippy --all
        - uses: dtolnay/rust-toolchain@stable
        - run: cargo test
    """)
    assert ours(discover(text)) == ["cargo test"]


def test_conditions_drop_steps_and_jobs_and_what_waits_for_them() -> None:
    text = workflow("""
    gate: {runs-on: ubuntu-latest, if: "github.event_name != 'pull_request'", steps: [{run: cargo doc}]}
    after: {runs-on: ubuntu-latest, needs: gate, steps: [{run: cargo bench --no-run}]}
    home: {runs-on: ubuntu-latest, if: "github.repository == 'someone/else'", steps: [{run: cargo test}]}
    labelled:
      runs-on: ubuntu-latest
      if: contains(github.event.pull_request.labels.*.name, 'slow')
      steps: [{run: cargo test --release}]
    steps:
      runs-on: ubuntu-latest
      strategy: {matrix: {checks: [[fmt], [clippy]]}}
      steps:
        - {if: "contains(matrix.checks, 'fmt')", run: cargo fmt --check}
        - {if: "startsWith(github.ref, 'refs/tags/')", run: cargo build --release}
        - {id: changed, uses: dorny/paths-filter@v3}
        - {if: "steps.changed.outputs.rust == 'true'", run: cargo check}
        - {if: "steps.absent.outputs.x == '1'", run: cargo build}
    """)
    assert ours(discover(text)) == ["cargo test", "cargo fmt --check", "cargo check"]


def test_what_ci_tolerates_is_not_required() -> None:
    text = workflow("""
    soft: {runs-on: ubuntu-latest, continue-on-error: true, steps: [{run: cargo doc}]}
    hard:
      runs-on: ubuntu-latest
      steps: [{run: cargo clippy || true}, {run: cargo check, continue-on-error: true}, {run: cargo test}]
    """)
    assert ours(discover(text)) == ["cargo test"]


def test_services_leave_the_whole_job_to_ci_whether_declared_or_started() -> None:
    text = workflow("""
    declared: {runs-on: ubuntu-latest, services: {postgres: {image: postgres}}, steps: [{run: cargo test --test db}]}
    started: {runs-on: ubuntu-latest, steps: [{run: cargo build}, {run: docker compose up -d db}, {run: cargo test -p db}]}
    plain: {runs-on: ubuntu-latest, steps: [{run: cargo test}]}
    """)
    checks = discover(text)
    assert ours(checks) == ["cargo test"]
    assert left(checks) == {
        "cargo test --test db": "needs services: postgres",
        "cargo build": "needs services (docker)",
        "cargo test -p db": "needs services (docker)",
    }


def test_variables_come_from_every_level_and_from_github_env() -> None:
    text = steps(
        'echo "FEATURES=a,b" >> "$GITHUB_ENV"\necho "RUSTFLAGS=-Dwarnings" >> $GITHUB_ENV',
        '$CARGO test --features "$FEATURES" $UNSET "$EMPTY"',
        job="env: {CARGO: \"${{ matrix.cross && 'cross' || 'cargo' }}\", EMPTY: \"\"}\nstrategy: {matrix: {cross: [true]}}\n",
    )
    (check,) = discover(text)
    assert check.command == "cargo test --features a,b"
    assert dict(check.env)["RUSTFLAGS"] == "-Dwarnings"


def test_the_shell_is_followed_through_conditions_loops_cases_and_functions() -> None:
    script = """
    FLAG="${{ matrix.features }}"
    if [[ "$FLAG" = "default features" ]]; then FLAG=''; else FLAG="--${FLAG// /-}"; fi
    cargo test $FLAG
    for name in one two; do cargo build -p "$name"; done
    case ${TARGET:-x86} in arm*) cargo test --bin arm ;; *) cargo test --bins ;; esac
    lint() { cargo clippy "$@"; }
    lint --all-targets -- -D warnings
    (cd sub && cargo doc)
    pushd other; cargo check; popd
    if ! cargo fmt --check; then echo bad; exit 1; fi
    """
    checks = discover(
        steps(textwrap.dedent(script), job="strategy: {matrix: {features: [all features, default features]}}\n")
    )
    assert ours(checks)[:4] == [
        "cargo test --all-features",
        "cargo build -p one",
        "cargo build -p two",
        "cargo test --bins",
    ]
    assert {"cargo test", "cargo clippy --all-targets -- -D warnings", "cargo fmt --check"} <= set(ours(checks))
    assert "cargo test --bin arm" not in ours(checks)
    assert {check.command: check.directory for check in checks if check.directory != "."} == {
        "cargo doc": "sub", "cargo check": "other",
    }  # fmt: skip


def test_wrappers_are_looked_through() -> None:
    lines = ["sudo -E env A=1 cargo test", "xvfb-run -a cargo test --lib", "timeout 10m cargo doc", "nix develop -c cargo fmt --check",
             "rustup run stable cargo check", 'bash -c "cd x && cargo build"']  # fmt: skip
    assert ours(discover(steps(*lines))) == [
        "cargo test", "cargo test --lib", "cargo doc", "cargo fmt --check", "cargo check", "cargo build",
    ]  # fmt: skip


def test_scripts_just_make_and_cargo_make_are_followed_where_they_are_at_hand() -> None:
    checks = discover(
        steps(
            "./ci/run.sh --all-features",
            "just lint",
            "make -C tools check EXTRA=--lib",
            "cargo make ci",
            "ci/absent.sh",
        ),
        ci__run_sh="",
        **{
            "ci/run.sh": '#!/usr/bin/env bash\nset -ex\nCARGO=cargo\nif [ "$CHANNEL" = nightly ]; then exit 0; fi\n"${CARGO}" -vv test $1\n',
            "justfile": 'flags := "--workspace"\nlint: fmt\n    @cargo clippy {{flags}} -- -D warnings\nfmt:\n    cargo fmt --check\n',
            "tools/Makefile": "CARGO ?= cargo\ncheck: build\n\t@$(CARGO) test $(EXTRA)\nbuild:\n\t$(CARGO) build\n",
            "Makefile.toml": '[tasks.ci]\ndependencies = ["docs"]\n[tasks.docs]\ncommand = "cargo"\nargs = ["doc", "--no-deps"]\n',
        },
    )
    assert ours(checks) == [
        "cargo -vv test --all-features", "cargo fmt --check", "cargo clippy --workspace -- -D warnings", "cargo build",
        "cargo test --lib", "cargo doc --no-deps",
    ]  # fmt: skip


def test_reusable_workflows_and_composite_actions_of_the_repository_are_followed_with_their_inputs() -> None:
    text = workflow("""
    call: {uses: ./.github/workflows/reusable.yml, with: {features: x}}
    local:
      runs-on: ubuntu-latest
      steps: [{uses: ./.github/actions/setup, with: {toolchain: nightly}}, {run: cargo fmt --check}]
    """)
    called = """
    on: {workflow_call: {inputs: {features: {type: string}, mode: {type: string, default: quick}}}}
    jobs: {t: {runs-on: ubuntu-latest, steps: [{run: "cargo test --features ${{ inputs.features }} ${{ inputs.mode }}"}]}}
    """
    setup = """
    inputs: {toolchain: {required: true}}
    runs: {using: composite, steps: [{uses: dtolnay/rust-toolchain@master, with: {toolchain: "${{ inputs.toolchain }}"}}]}
    """
    files = {".github/workflows/reusable.yml": called, ".github/actions/setup/action.yml": setup}
    checks = discover(text, **files)
    assert ours(checks) == ["cargo test --features x quick"]
    assert left(checks) == {"cargo fmt --check": "needs nightly"}


def test_actions_that_are_checks_become_commands() -> None:
    text = workflow("""
    a:
      runs-on: ubuntu-latest
      steps:
        - uses: actions-rs/cargo@v1
          with: {command: clippy, args: --all-targets -- -D warnings}
        - uses: EmbarkStudios/cargo-deny-action@v2
        - uses: taiki-e/install-action@nextest
        - uses: obi1kenobi/cargo-semver-checks-action@v2
    """)
    checks = discover(text)
    assert ours(checks) == ["cargo clippy --all-targets -- -D warnings"]
    assert set(left(checks)) == {"cargo deny check", "cargo semver-checks"}


def test_aliases_keep_their_name_and_get_their_kind() -> None:
    config = '[alias]\nit = "test --test integration"\nlint = ["clippy", "--", "-D", "warnings"]\n'
    checks = discover(steps("cargo it", "cargo lint"), **{".cargo/config.toml": config})
    assert [(check.kind, check.command) for check in checks] == [
        (CheckKind.TEST, "cargo it"), (CheckKind.CLIPPY, "cargo clippy -- -D warnings"),
    ]  # fmt: skip


def test_preparations_are_no_checks() -> None:
    lines = [
        "cargo install cargo-hack",
        "cargo update",
        "cargo fetch --locked",
        "cargo --version",
        "cargo publish --dry-run",
        "cargo test",
    ]
    assert [check.command for check in discover(steps(*lines))] == ["cargo test"]


def test_unstable_flags_need_nightly_unless_bootstrapped() -> None:
    assert ours(discover(steps("cargo test", "cargo doc -Zunstable-options"))) == ["cargo test"]
    assert ours(discover(steps("RUSTC_BOOTSTRAP=1 cargo doc -Zunstable-options"))) == ["cargo doc -Zunstable-options"]


def test_what_edits_the_manifest_between_two_commands_is_no_check_and_is_never_run() -> None:
    found = discover(
        steps("cargo test", "sed -i '/criterion/d' Cargo.toml", "perl -pi -e 's/a/b/' Cargo.toml && cargo test --lib")
    )
    assert ours(found) == ["cargo test", "cargo test --lib"]
    assert not any("Cargo.toml" in check.command for check in found)


def test_a_row_for_this_very_platform_that_ci_runs_through_cross_is_run_by_cargo() -> None:
    rows = steps("cross test --target x86_64-unknown-linux-gnu", "cross test --target aarch64-unknown-linux-gnu")
    found = discover(rows)
    assert ours(found) == ["cargo test --target x86_64-unknown-linux-gnu"]
    assert [check.left_out_because for check in found if check.left_out_because] == [
        "builds for aarch64-unknown-linux-gnu"
    ]


def test_minimal_versions_and_other_repositories_are_left_to_ci() -> None:
    minimal = steps("cargo update -Z minimal-versions", "cargo test --all")
    foreign = steps("git clone https://github.example/x/hyper.git", "cd hyper && cargo test")
    assert set(left(discover(minimal)).values()) == {"runs with minimal versions of dependencies"}
    assert left(discover(foreign)) == {"cargo test": "works on another repository"}


def test_what_only_the_run_knows_is_said_and_not_guessed() -> None:
    checks = discover(steps("cargo test --features $(cat features)", "cargo test"))
    assert ours(checks) == ["cargo test"]
    assert left(checks) == {"cargo test --features …": "holds a value that only the CI run knows"}


def test_an_msrv_job_whose_version_is_read_at_run_time_is_recognised_by_its_name() -> None:
    text = workflow("""
    test: {runs-on: ubuntu-latest, steps: [{run: cargo test}]}
    msrv:
      runs-on: ubuntu-latest
      steps:
        - {run: 'echo "version=$(grep rust-version Cargo.toml)" >> $GITHUB_ENV'}
        - {run: rustup default $version}
        - {run: cargo check --all-features}
    """)
    assert ours(discover(text)) == ["cargo test"]


def test_coverage_counts_only_where_nothing_else_runs_the_tests() -> None:
    assert ours(discover(steps("cargo llvm-cov --workspace"))) == ["cargo llvm-cov --workspace"]
    assert ours(discover(steps("cargo llvm-cov --workspace", "cargo test"))) == ["cargo test"]


def test_secrets_and_the_runners_own_variables_do_not_reach_the_sandbox() -> None:
    job = "env: {GITHUB_TOKEN: x, CODECOV_TOKEN: y, MY_SECRET: z, CARGO_TERM_COLOR: always, KEPT: '1', UNKNOWN: '${{ secrets.A }}'}\n"
    (check,) = discover(steps("cargo test", job=job))
    assert check.env == (("KEPT", "1"),)


def test_discovery_wants_ci_files_and_manifests_and_no_sources() -> None:
    yes = [".github/workflows/ci.yml", ".github/actions/x/action.yml", "Cargo.toml", "a/b/Cargo.toml", "rust-toolchain.toml",
           ".cargo/config.toml", "justfile", "Makefile", "ci/run.sh", "scripts/test"]  # fmt: skip
    no = [
        "src/lib.rs",
        "README.md",
        "Cargo.lock",
        "docs/config.toml",
        "tests/data/x.yml",
        ".github/ISSUE_TEMPLATE/bug.md",
    ]
    assert [path for path in (*yes, *no) if discovery.wanted(path)] == yes


# --- expressions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 == '1'", True),
        ("'A' == 'a'", True),
        ("null == 0", True),
        ("!x.missing", True),
        ("x.list[1]", "b"),
        ("x.list.*.z", [None, None]),
        ("x['key'] && 'yes' || 'no'", "yes"),
        ("format('{0}-{1} {{}}', 'a', 2)", "a-2 {}"),
        ("join(x.list, '+')", "a+b"),
        ("fromJSON('{\"a\": [1, 2]}').a[1]", 2),
        ("contains(x.list, 'B')", True),
        ("u.anything == 'x'", UNKNOWN),
        ("u.anything && false", False),
        ("u.anything || true", UNKNOWN),
        ("always() && !cancelled()", True),
        ("'it''s'", "it's"),
        ("1 <", UNKNOWN),
        ("hashFiles('x')", UNKNOWN),
    ],
)
def test_expressions_are_evaluated_as_github_does(text: str, value: object) -> None:
    context = {"x": {"list": ["a", "b"], "key": "v"}, "u": UNKNOWN}
    assert evaluate(text, context) == value


def test_conditions_work_with_and_without_braces_and_texts_keep_a_hole_for_the_unknown() -> None:
    context = {"a": "1", "u": UNKNOWN}
    assert condition("a == '1'", context) is True and condition("${{ a != '1' }}", context) is False
    assert interpolate("x-${{ a }}-${{ u }}", context) == f"x-1-{HOLE}"
    assert interpolate({"k": ["${{ a }}"]}, context) == {"k": ["1"]}


# --- shell -----------------------------------------------------------------------------------------------------------


def words(script: str, **variables: str) -> list[tuple[str, ...]]:
    seen: list[Invocation] = []
    follow(script, State(dict(variables), set(variables)), lambda invocation, state: seen.append(invocation))
    return [invocation.words for invocation in seen]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('run "a b" c', [("run", "a b", "c")]),
        ("run $LIST", [("run", "x", "y")]),
        ('run "$LIST"', [("run", "x y")]),
        ("run --opt=$LIST", [("run", "--opt=x", "y")]),
        ("run {a,b}", [("run", "a", "b")]),
        ("run a \\\n  b", [("run", "a", "b")]),
        ("run ${NONE:-d} ${LIST%% *} ${LIST#x }", [("run", "d", "x", "y")]),
        ("false && run a; true && run b", [("run", "b")]),
        ("run a || run b", [("run", "a")]),
        ("X=1; [ $X = 2 ] && run no; [[ $X == 1 && -n $LIST ]] && run yes", [("run", "yes")]),
        ("exit 0; run never", []),
        ("unset LIST; run $LIST end", [("run", "end")]),
        ("# run no\nrun yes # no", [("run", "yes")]),
        ("run a | tee b", [("run", "a"), ("tee", "b")]),
    ],
)
def test_words_are_what_the_shell_would_make_of_them(script: str, expected: list[tuple[str, ...]]) -> None:
    assert words(script, LIST="x y") == expected


def test_a_script_that_calls_itself_ends() -> None:
    checks = discover(steps("./a.sh"), **{"a.sh": "#!/bin/sh\ncargo test\n./a.sh\n"})
    assert ours(checks) == ["cargo test"]
