"""Reads the environment, the only module that does: complete and well-formed, or one error that names everything wrong.

`load_web_settings` is for the process that only receives webhooks, `load_settings` for the one that works. Both are pure
functions of the mapping they are given; only the private key may be read from a file that the mapping names.
"""

from __future__ import annotations

import math
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bot.errors import SettingsError

GITHUB_API_URL = "https://api.github.com"
MODEL = "claude-opus-5-5"
IMAGE = "rfcsmith-sandbox:latest"
EFFORTS = ("low", "medium", "high", "xhigh", "max")


class Secret:
    """A text that shows itself only to `reveal()`: not when printed, logged, compared in a test's output or pickled."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is never pickled")


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What the receiver of webhooks needs; `home` is an absolute directory that may not exist yet.

    `database_url` may hold a password and is therefore left out of `repr`.
    """

    webhook_secret: Secret
    database_url: str = field(repr=False)
    public_url: str | None
    home: Path


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """What is needed to make something in a container; `tools` is the directory of the tools."""

    home: Path
    tools: Path
    image: str = IMAGE
    ca_bundle: Path | None = None
    proxies: Mapping[str, str] = field(default_factory=dict, hash=False)
    images: tuple[str, ...] = ()
    docker_runtime: str | None = None


@dataclass(frozen=True, slots=True)
class AppSettings:
    """What is needed to speak to GitHub as the App, and to nobody else."""

    app_id: str
    private_key: Secret
    github_api_url: str = GITHUB_API_URL


@dataclass(frozen=True, slots=True)
class Settings:
    """What the worker needs. Durations are in seconds; `allowed_owners` are lower case, and None restricts nobody.

    `warms` says that the base is measured anew after a merge. `daily_dollars` is what the model may cost for one repository in one day (UTC); None bounds nothing.
    """

    app_id: str
    private_key: Secret
    webhook_secret: Secret
    api_key: Secret
    database_url: str = field(repr=False)
    home: Path
    tools: Path
    worker_id: str
    github_api_url: str = GITHUB_API_URL
    anthropic_base_url: str | None = None
    model: str = MODEL
    effort: str | None = None
    public_url: str | None = None
    allowed_owners: frozenset[str] | None = None
    ca_bundle: Path | None = None
    image: str = IMAGE
    images: tuple[str, ...] = ()
    docker_runtime: str | None = None
    proxies: Mapping[str, str] = field(default_factory=dict, hash=False)
    write_pause: float = 1.0
    status_interval: float = 15.0
    concurrency: int = 2
    quiet_seconds: float = 60.0
    mutants_seconds: float = 600.0
    ci_patience: float = 300.0
    cache_gigabytes: int = 20
    warms: bool = True
    daily_dollars: float | None = None

    @property
    def web(self) -> WebSettings:
        """The receiver's part, where both live in one process."""
        return WebSettings(self.webhook_secret, self.database_url, self.public_url, self.home)


def load_web_settings(environ: Mapping[str, str]) -> WebSettings:
    """Raises `SettingsError` naming all that is missing or bad; `GITHUB_WEBHOOK_SECRET` is all that is required."""
    reader = _Reader(environ)
    home = _home(reader)
    settings = WebSettings(
        webhook_secret=reader.secret("GITHUB_WEBHOOK_SECRET"),
        database_url=_database_url(reader, home),
        public_url=reader.url("RFCSMITH_PUBLIC_URL"),
        home=home,
    )
    reader.finish()
    return settings


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Raises `SettingsError` naming all that is missing or bad.

    Required are `GITHUB_APP_ID`, `GITHUB_PRIVATE_KEY` (PEM text, with line ends or `\\n` for them, or the path of a file),
    `GITHUB_WEBHOOK_SECRET` and `ANTHROPIC_API_KEY`. An empty value counts as missing.
    """
    reader = _Reader(environ)
    home = _home(reader)
    settings = Settings(
        app_id=_app_id(reader),
        private_key=_private_key(reader),
        webhook_secret=reader.secret("GITHUB_WEBHOOK_SECRET"),
        api_key=reader.secret("ANTHROPIC_API_KEY"),
        github_api_url=reader.url("GITHUB_API_URL") or GITHUB_API_URL,
        anthropic_base_url=reader.url("ANTHROPIC_BASE_URL"),
        database_url=_database_url(reader, home),
        model=reader.text("RFCSMITH_MODEL") or MODEL,
        effort=_effort(reader),
        home=home,
        tools=_tools(reader),
        public_url=reader.url("RFCSMITH_PUBLIC_URL"),
        allowed_owners=_allowed_owners(reader),
        ca_bundle=_ca_bundle(reader),
        image=reader.text("RFCSMITH_IMAGE") or IMAGE,
        images=_images(reader),
        docker_runtime=reader.text("RFCSMITH_DOCKER_RUNTIME"),
        proxies=_proxies(reader),
        write_pause=reader.seconds("RFCSMITH_WRITE_PAUSE", 1.0),
        status_interval=reader.seconds("RFCSMITH_STATUS_INTERVAL", 15.0),
        worker_id=reader.text("RFCSMITH_WORKER_ID") or socket.gethostname(),
        concurrency=reader.count("RFCSMITH_CONCURRENCY", 2),
        quiet_seconds=reader.seconds("RFCSMITH_QUIET_SECONDS", 60.0),
        mutants_seconds=reader.seconds("RFCSMITH_MUTANTS_SECONDS", 600.0),
        ci_patience=reader.seconds("RFCSMITH_CI_PATIENCE", 300.0),
        cache_gigabytes=reader.count("RFCSMITH_CACHE_GB", 20),
        warms=reader.switch("RFCSMITH_WARM_AFTER_MERGE", True),
        daily_dollars=reader.dollars("RFCSMITH_DAILY_DOLLARS"),
    )
    reader.finish()
    return settings


def load_sandbox_settings(environ: Mapping[str, str]) -> SandboxSettings:
    """Raises `SettingsError` naming all that is bad; nothing is required."""
    reader = _Reader(environ)
    settings = SandboxSettings(
        home=_home(reader),
        tools=_tools(reader),
        image=reader.text("RFCSMITH_IMAGE") or IMAGE,
        ca_bundle=_ca_bundle(reader),
        proxies=_proxies(reader),
        images=_images(reader),
        docker_runtime=reader.text("RFCSMITH_DOCKER_RUNTIME"),
    )
    reader.finish()
    return settings


def load_app_settings(environ: Mapping[str, str]) -> AppSettings:
    """Raises `SettingsError` naming all that is missing or bad; the App's number and key are required."""
    reader = _Reader(environ)
    settings = AppSettings(_app_id(reader), _private_key(reader), reader.url("GITHUB_API_URL") or GITHUB_API_URL)
    reader.finish()
    return settings


class _Reader:
    """Takes values out of the environment and collects complaints; values themselves are never repeated in them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._missing: list[str] = []
        self._bad: list[str] = []

    def text(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            self._missing.append(name)
        return value or ""

    def secret(self, name: str) -> Secret:
        return Secret(self.required(name))

    def matching(self, name: str, pattern: str, what: str) -> str:
        value = self.required(name)
        if value and not re.fullmatch(pattern, value):
            self.bad(name, f"must be {what}")
        return value

    def url(self, name: str) -> str | None:
        """An absolute http(s) address without user, query or trailing slash."""
        value = self.text(name)
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            is_good = False
        else:
            is_good = is_good and "@" not in parts.netloc and not parts.query and not parts.fragment
        if not is_good:
            self.bad(name, "must be an http:// or https:// address without user, query or fragment")
        return value.rstrip("/")

    def seconds(self, name: str, default: float) -> float:
        value = self.text(name)
        if value is None:
            return default
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not (math.isfinite(number) and number >= 0):
            self.bad(name, "must be a number of seconds, zero or more")
        return number

    def dollars(self, name: str) -> float | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            number = float(value.removeprefix("$"))
        except ValueError:
            number = 0.0
        if not (math.isfinite(number) and number > 0):
            self.bad(name, "must be a number of US dollars, more than zero")
        return number

    def switch(self, name: str, default: bool) -> bool:
        value = (self.text(name) or ("yes" if default else "no")).lower()
        if value not in ("yes", "no"):
            self.bad(name, "must be yes or no")
        return value == "yes"

    def count(self, name: str, default: int) -> int:
        value = self.text(name)
        if value is None:
            return default
        if not re.fullmatch(r"[1-9][0-9]{0,2}", value):
            self.bad(name, "must be a whole number from 1 to 999")
            return default
        return int(value)

    def bad(self, name: str, why: str) -> None:
        self._bad.append(f"{name} {why}")

    def finish(self) -> None:
        if not (self._missing or self._bad):
            return
        sentences = []
        if self._missing:
            sentences.append(f"These settings are missing from the environment: {', '.join(self._missing)}.")
        sentences += [f"{complaint}." for complaint in self._bad]
        raise SettingsError(" ".join(sentences), "The README lists all settings.")


def _home(reader: _Reader) -> Path:
    """`RFCSMITH_HOME`, else `rfcsmith` in the user's data directory (XDG), else `/var/lib/rfcsmith`."""
    user_home = reader.text("HOME")
    data = reader.text("XDG_DATA_HOME") or (f"{user_home}/.local/share" if user_home else "/var/lib")
    return _directory(reader, "RFCSMITH_HOME") or Path(data) / "rfcsmith"


def _tools(reader: _Reader) -> Path:
    """`RFCSMITH_TOOLS`, else `rfcsmith/tools` in the user's cache (XDG), else in `/var/cache`."""
    user_home = reader.text("HOME")
    cache = reader.text("XDG_CACHE_HOME") or (f"{user_home}/.cache" if user_home else "/var/cache")
    return _directory(reader, "RFCSMITH_TOOLS") or Path(cache) / "rfcsmith" / "tools"


def _directory(reader: _Reader, name: str) -> Path | None:
    value, user_home = reader.text(name), reader.text("HOME")
    if value is None:
        return None
    if value.startswith("~/") and user_home:
        value = user_home + value[1:]
    return Path(value).absolute()


def _database_url(reader: _Reader, home: Path) -> str:
    """`DATABASE_URL` (it may hold a password), else an SQLite file in `home`."""
    value = reader.text("DATABASE_URL")
    if value is None:
        return f"sqlite:///{home / 'rfcsmith.sqlite'}"
    scheme, separator, rest = value.partition("://")
    if scheme == "postgres":
        # Heroku and others still write the old name, which SQLAlchemy refuses.
        scheme = "postgresql"
    if not separator or scheme not in ("sqlite", "postgresql", "postgresql+psycopg"):
        reader.bad("DATABASE_URL", "must start with sqlite:// or postgresql://")
    return f"{scheme}://{rest}"


def _app_id(reader: _Reader) -> str:
    return reader.matching("GITHUB_APP_ID", r"[0-9]+", "the number that GitHub shows on the App's page")


def _images(reader: _Reader) -> tuple[str, ...]:
    return tuple((reader.text("RFCSMITH_IMAGES") or "").replace(",", " ").split())


def _private_key(reader: _Reader) -> Secret:
    name = "GITHUB_PRIVATE_KEY"
    value = reader.required(name)
    if not value:
        return Secret("")
    if "-----BEGIN" not in value:
        try:
            value = Path(value).read_text(encoding="ascii")
        except (OSError, ValueError):
            reader.bad(name, "must be the App's private key as PEM text, or the path of a readable file with it")
            return Secret("")
    if "\n" not in value.strip():
        value = value.replace("\\n", "\n")
    try:
        key = load_pem_private_key(value.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        reader.bad(name, "is not a readable private key; download a new one from the App's page")
    else:
        if not isinstance(key, RSAPrivateKey):
            reader.bad(name, "is not an RSA key; GitHub's App keys are")
    return Secret(value)


def _effort(reader: _Reader) -> str | None:
    value = reader.text("RFCSMITH_EFFORT")
    if value is not None and value not in EFFORTS:
        reader.bad("RFCSMITH_EFFORT", f"must be one of {', '.join(EFFORTS)}")
    return value


def _allowed_owners(reader: _Reader) -> frozenset[str] | None:
    """Owners are separated by commas or blanks. A set value without any owner allows nobody: the safe reading."""
    value = reader.text("RFCSMITH_ALLOWED_OWNERS")
    if value is None:
        return None
    return frozenset(owner.removeprefix("@").lower() for owner in re.split(r"[,\s]+", value) if owner)


def _proxies(reader: _Reader) -> dict[str, str]:
    """The proxy variables for setup containers, as curl and cargo know them; a name and password in them are left out."""
    names = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    found = {name: value for name in names if (value := reader.text(name)) is not None}
    return {name: re.sub(r"(?<=//)[^/@]*@", "", value) for name, value in found.items()}


def _ca_bundle(reader: _Reader) -> Path | None:
    """What `SANDBOX_CA_BUNDLE` names; else what OpenSSL's own `SSL_CERT_FILE` does, if that is there."""
    value = reader.text("SANDBOX_CA_BUNDLE")
    if value is None:
        common = reader.text("SSL_CERT_FILE")
        return Path(common).absolute() if common and Path(common).is_file() else None
    path = Path(value).absolute()
    if not path.is_file():
        reader.bad("SANDBOX_CA_BUNDLE", "must be the path of a file with certificates")
    return path
