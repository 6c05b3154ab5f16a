"""What the public GitHub Actions that Rust projects use amount to: a toolchain, or a cargo command; a table, no I/O."""

from __future__ import annotations

from collections.abc import Mapping

# action -> the input that names the toolchain. The ref of dtolnay's action names one too; see `toolchain_of`.
_TOOLCHAIN_INPUT: Mapping[str, str] = {
    "dtolnay/rust-toolchain": "toolchain",
    "dtolnay/install-rust": "toolchain",
    "actions-rs/toolchain": "toolchain",
    "actions-rust-lang/setup-rust-toolchain": "toolchain",
    "moonrepo/setup-rust": "channel",
    "hecrj/setup-rust-action": "rust-version",
    "raftario/setup-rust-action": "rust-version",
    "ructions/toolchain": "toolchain",
    "ATiltedTree/setup-rust": "rust-version",
    "brndnmtthws/rust-action-rustup": "toolchain",
    "brndnmtthws/rust-action": "toolchain",
    "IronCoreLabs/rust-toolchain": "toolchain",
    "oxidecomputer/actions-rust-toolchain": "toolchain",
    "maxim-lobanov/setup-rust": "rust-version",
    "crusty-pizza/setup-rust": "toolchain",
    "risc0/risc0-toolchain": "toolchain",
    "bruxisma/setup-rust": "toolchain",
    "TheRealBluesun/rust-toolchain": "toolchain",
    "houseabsolute/actions-rust-cross": "toolchain",
}

# action -> (the command, the inputs whose words follow it).
_COMMANDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "actions-rs/cargo": ("cargo", ("command", "args")),
    "actions-rs-plus/cargo": ("cargo", ("command", "args")),
    "ructions/cargo": ("cargo", ("command", "args")),
    "clechasseur/rs-cargo": ("cargo", ("command", "args")),
    "ClementTsang/cargo-action": ("cargo", ("command", "args")),
    "houseabsolute/actions-rust-cross": ("cargo", ("command", "args")),
    "actions-rs/clippy-check": ("cargo clippy", ("args",)),
    "actions-rs/clippy": ("cargo clippy", ("args",)),
    "clechasseur/rs-clippy-check": ("cargo clippy", ("args",)),
    "actions-rs-plus/clippy-check": ("cargo clippy", ("args",)),
    "auguwu/clippy-action": ("cargo clippy", ("check-args",)),
    "giraffate/clippy-action": ("cargo clippy", ("clippy_flags",)),
    "actions-rust-lang/rustfmt": ("cargo fmt --all --check", ()),
    "mbrobbel/rustfmt-check": ("cargo fmt --all --check", ()),
    "actions-rust-lang/audit": ("cargo audit", ()),
    "actions-rs/audit-check": ("cargo audit", ()),
    "rustsec/audit-check": ("cargo audit", ()),
    "EmbarkStudios/cargo-deny-action": ("cargo deny", ("command",)),
    "obi1kenobi/cargo-semver-checks-action": ("cargo semver-checks", ()),
    "bnjbvr/cargo-machete": ("cargo machete", ()),
    "crate-ci/typos": ("typos", ()),
}
_DEFAULT_INPUTS: Mapping[str, Mapping[str, str]] = {"EmbarkStudios/cargo-deny-action": {"command": "check"}}
# dtolnay/rust-toolchain@clippy and @miri are nightly with that component.
_NIGHTLY_REFS = ("nightly", "clippy", "miri")


def _split(uses: str) -> tuple[str, str]:
    name, _, ref = uses.partition("@")
    return "/".join(name.split("/")[:2]), ref


def _lookup(table: Mapping[str, object], name: str) -> str | None:
    return next((key for key in table if key.lower() == name.lower()), None)


def toolchain_of(uses: str, inputs: Mapping[str, str]) -> str | None:
    """The toolchain that a step with this action makes the default; None where it does not touch toolchains.

    Empty where the action takes what rust-toolchain.toml says.
    """
    name, ref = _split(uses)
    key = _lookup(_TOOLCHAIN_INPUT, name)
    if key is None:
        return None
    given = inputs.get(_TOOLCHAIN_INPUT[key], "").strip()
    if given:
        return given.splitlines()[0].split(",")[0].strip()
    if key == "dtolnay/rust-toolchain":
        if ref.startswith(_NIGHTLY_REFS):
            return "nightly"
        return ref if ref[:1].isdigit() or ref in ("stable", "beta") else ""
    return ""


def command_of(uses: str, inputs: Mapping[str, str]) -> str | None:
    """The command line that a step with this action runs; None where it runs no check that we know."""
    name, _ = _split(uses)
    key = _lookup(_COMMANDS, name)
    if key is None:
        return None
    command, names = _COMMANDS[key]
    given = {**_DEFAULT_INPUTS.get(key, {}), **inputs}
    target = f"--target {given['target']}" if key.startswith("houseabsolute/") and given.get("target") else ""
    return " ".join(word for word in (command, *(given.get(part, "") for part in names), target) if word)


def env_of(uses: str, inputs: Mapping[str, str]) -> dict[str, str]:
    """The environment that an action leaves behind for the steps after it."""
    name, _ = _split(uses)
    if name.lower() == "actions-rust-lang/setup-rust-toolchain":
        flags = inputs.get("rustflags", "-D warnings")
        return {"RUSTFLAGS": flags} if flags else {}
    return {}
