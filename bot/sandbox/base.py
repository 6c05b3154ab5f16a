"""A base for the image without an image registry: Debian packages plus this machine's own Rust toolchain, as one layer.

The packages come from the mirrors that this machine's apt already uses, through mmdebstrap, and are kept as one tar file;
the toolchain is appended to it while it streams into the engine, so nothing is unpacked on the host and no root is needed
for that part.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.errors import UserError

CHUNK = 1 << 20
TAR_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A Rust toolchain on this machine: its `sysroot` directory and what `rustc -vV` says."""

    sysroot: Path
    version: str

    LEFT_OUT = (
        *("lib/rustlib/src", "lib/rustlib/rustc-src", "librustc-stable_rt.*san.a", "wasm-component-ld"),
        "multirust-channel-manifest.toml",
    )

    @classmethod
    def find(cls) -> Toolchain:
        """The toolchain that plain `rustc` means here. Raises UserError where there is none that can be copied."""
        hint = "Install Rust with rustup, with the components clippy and rustfmt, or let the engine reach an image registry."
        try:
            sysroot = Path(_output("rustc", "--print", "sysroot")).resolve()
            version = _output("rustc", "-vV")
        except (OSError, subprocess.CalledProcessError) as error:
            raise UserError("No image registry answers, and this machine has no Rust toolchain.", hint) from error
        missing = [
            name
            for name in ("cargo", "rustc", "rustdoc", "rustfmt", "cargo-fmt", "cargo-clippy", "clippy-driver")
            if not (sysroot / "bin" / name).is_file()
        ]
        if missing:
            raise UserError(f"The Rust toolchain in {sysroot} lacks {', '.join(missing)}.", hint)
        if sysroot.is_relative_to("/usr"):
            raise UserError(f"The Rust toolchain in {sysroot} is mixed with the system's own files.", hint)
        return cls(sysroot, version)

    def tar(self) -> Iterator[bytes]:
        """The toolchain as it will stand under /opt/rust, in tar format, end mark included."""
        command = [
            *("tar", "--create", "--owner=0", "--group=0", "--numeric-owner", "--mode=u+rw,go=rX"),
            *(f"--exclude={pattern}" for pattern in self.LEFT_OUT),
            *("--transform=s,^,opt/rust/,SH", "--directory", str(self.sysroot), "bin", "lib"),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            while chunk := process.stdout.read(CHUNK):
                yield chunk
        if process.returncode != 0:
            raise UserError(f"The Rust toolchain in {self.sysroot} cannot be read (tar: exit {process.returncode}).")


class DebianBase:
    """Debian packages as a tar file in `cache`, made once for a given list of packages."""

    LEFT_OUT = (
        *("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/lintian/*"),
        *("/usr/bin/*lto-dump*", "/usr/lib/gcc/*/lto1", "/usr/lib/*/lib[atl]san.*", "/usr/lib/*/libubsan.*"),
        *("/usr/lib/gcc/*/lib[atl]san*", "/usr/lib/gcc/*/libubsan*", "/usr/bin/ctest", "/usr/bin/cpack"),
        *("/usr/bin/*-dwp", "/usr/bin/*gold", "/usr/lib/*/perl/*/CORE/*"),
    )

    def __init__(self, cache: Path, packages: Sequence[str]) -> None:
        self._packages = tuple(packages)
        self._codename = _codename()
        key = "\n".join((self._codename, *self._packages, *self.LEFT_OUT))
        self.digest = hashlib.sha256(key.encode()).hexdigest()
        self._tar = cache / f"debian-{self.digest[:12]}.tar"

    @property
    def made_at(self) -> int:
        """When the packages were fetched, in nanoseconds of the epoch."""
        return self._tar.stat().st_mtime_ns

    def is_cached(self) -> bool:
        return self._tar.is_file()

    def make(self) -> None:
        """Fetch and unpack the packages (some 40 s). Raises UserError where apt or mmdebstrap cannot do it."""
        _require_mmdebstrap()
        partial = self._tar.with_suffix(".partial")
        command = [
            *("mmdebstrap", "--quiet", "--format=tar", "--variant=essential", f"--include={','.join(self._packages)}"),
            *(f"--dpkgopt=path-exclude={pattern}" for pattern in self.LEFT_OUT),
            *("--dpkgopt=force-unsafe-io", *(f"--aptopt={option}" for option in _apt_options())),
            *(self._codename, str(partial), "-"),
        ]
        done = subprocess.run(command, input="\n".join(_sources(self._codename)), capture_output=True, text=True)
        if done.returncode != 0:
            partial.unlink(missing_ok=True)
            raise UserError(
                "mmdebstrap cannot make a Debian base for the sandbox's image.", done.stderr[-2000:].strip()
            )
        _cut_end_mark(partial)
        for old in self._tar.parent.glob("debian-*.tar"):
            old.unlink()
        partial.rename(self._tar)

    def layer(self, toolchain: Toolchain) -> Iterator[bytes]:
        """The packages and then the toolchain, as one tar stream."""
        with self._tar.open("rb") as packages:
            while chunk := packages.read(CHUNK):
                yield chunk
        yield from toolchain.tar()


def _output(*command: str) -> str:
    # In the root directory, so that no rust-toolchain file of the current one changes which toolchain is meant.
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout.strip()


def _codename() -> str:
    try:
        text = Path("/etc/os-release").read_text()
    except FileNotFoundError:
        text = ""
    found = re.search(r'^VERSION_CODENAME="?([a-z]+)"?$', text, re.MULTILINE)
    if found is None or not shutil.which("apt-get"):
        raise UserError(
            "No image registry answers, and this machine is not a Debian one that could make a base image itself.",
            "Let the engine reach an image registry, or build the image on a Debian machine and load it here.",
        )
    return found[1]


def _require_mmdebstrap() -> None:
    if shutil.which("mmdebstrap"):
        return
    if os.geteuid() != 0:
        raise UserError("No image registry answers, and mmdebstrap is missing.", "Run: sudo apt-get install mmdebstrap")
    install = ("install", "--yes", "--no-install-recommends", "mmdebstrap")
    # A fresh machine's apt knows no packages yet: update and try again.
    if not (_apt_get(*install) or (_apt_get("update") and _apt_get(*install))):
        raise UserError(
            "No image registry answers, and mmdebstrap cannot be installed.", "Run: apt-get install mmdebstrap"
        )


def _sources(codename: str) -> list[str]:
    """The distribution's own package sources out of apt's configuration, one line each; foreign ones are left out."""
    wanted = {codename, f"{codename}-updates", f"{codename}-security"}
    # apt lists only what it has fetched once, and on a fresh machine that is nothing.
    listed = _index_targets() or (_apt_get("update") and _index_targets()) or []
    lines = set()
    for line in listed:
        uri, suite, component = line.split("|")
        if suite in wanted and component in ("main", "universe"):
            lines.add(f"deb {uri} {suite} {component}")
    if not lines:
        hint = "Check /etc/apt/sources.list and run: sudo apt-get update"
        raise UserError("No image registry answers, and apt knows no packages of the distribution itself.", hint)
    return sorted(lines)


def _index_targets() -> list[str]:
    fields = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    return _output("apt-get", "indextargets", "--format", fields, "Created-By: Packages").splitlines()


def _apt_get(*arguments: str) -> bool:
    return subprocess.run(("apt-get", *arguments), capture_output=True).returncode == 0


def _apt_options() -> list[str]:
    """The options of this machine's apt that decide whether its mirrors can be reached and believed."""
    pattern = r"^(Acquire::(?:https?::Proxy|https::CAInfo|Check-Valid-Until|Check-Date)) \"(.+)\";$"
    return [f'{name} "{value}";' for name, value in re.findall(pattern, _output("apt-config", "dump"), re.MULTILINE)]


def _cut_end_mark(path: Path) -> None:
    """Drop the zero blocks at the end of a tar file, so that another tar can follow it."""
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        while end >= TAR_BLOCK:
            file.seek(end - TAR_BLOCK)
            if file.read(TAR_BLOCK).strip(b"\0"):
                break
            end -= TAR_BLOCK
        file.truncate(end)
