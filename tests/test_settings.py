"""The environment: complete and well-formed, or one error that names everything wrong."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bot.errors import SettingsError
from bot.settings import Secret, load_settings, load_web_settings


@pytest.fixture(scope="module")
def pem() -> str:
    key = generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


@pytest.fixture
def environ(pem: str) -> dict[str, str]:
    return {
        "GITHUB_APP_ID": "12345",
        "GITHUB_PRIVATE_KEY": pem,
        "GITHUB_WEBHOOK_SECRET": "hook-secret",
        "ANTHROPIC_API_KEY": "model-secret",
        "HOME": "/home/ada",
    }


def test_an_empty_environment_is_told_everything_that_is_missing_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({})
    for name in ("GITHUB_APP_ID", "GITHUB_PRIVATE_KEY", "GITHUB_WEBHOOK_SECRET", "ANTHROPIC_API_KEY"):
        assert name in str(caught.value)


def test_missing_and_bad_settings_are_told_together_and_without_their_values(environ: dict[str, str]) -> None:
    environ |= {
        "GITHUB_APP_ID": "my-app",
        "ANTHROPIC_API_KEY": "  ",
        "GITHUB_API_URL": "ftp://user:hunter2@example.org",
        "DATABASE_URL": "mysql://ada:hunter2@db/x",
        "RFCSMITH_WRITE_PAUSE": "soon-hunter2",
        "RFCSMITH_STATUS_INTERVAL": "nan",
        "RFCSMITH_CONCURRENCY": "0",
        "RFCSMITH_CACHE_GB": "1.5",
        "RFCSMITH_DAILY_DOLLARS": "0",
        "RFCSMITH_EFFORT": "heroic",
        "RFCSMITH_PUBLIC_URL": "https://bot.example.org?x=1",
        "SANDBOX_CA_BUNDLE": "/nowhere/ca.pem",
    }
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    told = str(caught.value)
    assert all(name in told for name in environ if name not in ("GITHUB_PRIVATE_KEY", "GITHUB_WEBHOOK_SECRET", "HOME"))
    assert "GITHUB_PRIVATE_KEY" not in told
    assert "hunter2" not in told


def test_the_defaults_are_those_of_the_readme(environ: dict[str, str]) -> None:
    settings = load_settings(environ)
    assert settings.github_api_url == "https://api.github.com"
    assert settings.anthropic_base_url is None
    assert settings.model == "claude-opus-5-5"
    assert settings.home == Path("/home/ada/.local/share/rfcsmith")
    assert settings.database_url == "sqlite:////home/ada/.local/share/rfcsmith/rfcsmith.sqlite"
    assert settings.allowed_owners is None and settings.daily_dollars is None
    assert (settings.write_pause, settings.status_interval, settings.concurrency, settings.cache_gigabytes) == (
        1.0,
        15.0,
        2,
        20,
    )
    assert settings.worker_id
    assert settings.web == load_web_settings(environ)


def test_everything_can_be_set(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("certificates")
    settings = load_settings(
        environ
        | {
            "GITHUB_API_URL": "http://127.0.0.1:8080/api/v3/",
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:8081",
            "DATABASE_URL": "postgres://ada:pw@db:5432/x?sslmode=require",
            "RFCSMITH_MODEL": "claude-x",
            "RFCSMITH_EFFORT": "high",
            "RFCSMITH_HOME": "~/bot",
            "RFCSMITH_PUBLIC_URL": "https://bot.example.org/",
            "RFCSMITH_ALLOWED_OWNERS": "Acme, @ada  tokio-rs",
            "RFCSMITH_IMAGE": "image:1",
            "RFCSMITH_DOCKER_RUNTIME": "runsc",
            "RFCSMITH_WRITE_PAUSE": "0",
            "RFCSMITH_STATUS_INTERVAL": "0.5",
            "RFCSMITH_CONCURRENCY": "8",
            "RFCSMITH_CACHE_GB": "3",
            "RFCSMITH_DAILY_DOLLARS": "$12.50",
            "RFCSMITH_WORKER_ID": "worker-a",
            "SANDBOX_CA_BUNDLE": str(tmp_path / "ca.pem"),
        }
    )
    assert settings.github_api_url == "http://127.0.0.1:8080/api/v3"
    assert settings.database_url == "postgresql://ada:pw@db:5432/x?sslmode=require"
    assert settings.home == Path("/home/ada/bot")
    assert settings.public_url == "https://bot.example.org"
    assert settings.allowed_owners == {"acme", "ada", "tokio-rs"}
    assert (settings.write_pause, settings.status_interval, settings.concurrency, settings.cache_gigabytes) == (
        0.0,
        0.5,
        8,
        3,
    )
    assert settings.daily_dollars == 12.5
    assert (settings.effort, settings.image, settings.docker_runtime) == ("high", "image:1", "runsc")
    assert settings.ca_bundle == tmp_path / "ca.pem"
    assert settings.worker_id == "worker-a"


def test_a_list_of_owners_without_an_owner_allows_nobody(environ: dict[str, str]) -> None:
    assert load_settings(environ | {"RFCSMITH_ALLOWED_OWNERS": ","}).allowed_owners == frozenset()


def test_the_private_key_may_be_text_one_line_of_text_or_a_file(
    environ: dict[str, str], pem: str, tmp_path: Path
) -> None:
    (tmp_path / "key.pem").write_text(pem)
    for value in (pem, pem.strip().replace("\n", "\\n"), str(tmp_path / "key.pem")):
        settings = load_settings(environ | {"GITHUB_PRIVATE_KEY": value})
        assert settings.private_key.reveal().strip() == pem.strip()


def test_a_private_key_that_cannot_sign_is_refused_without_showing_it(environ: dict[str, str], pem: str) -> None:
    elliptic = generate_ec_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for value in ("/nowhere/key.pem", pem[:200], "-----BEGIN NONSENSE-----", elliptic, "a\0b"):
        with pytest.raises(SettingsError, match="GITHUB_PRIVATE_KEY") as caught:
            load_settings(environ | {"GITHUB_PRIVATE_KEY": value})
        assert value not in str(caught.value)


def test_the_receiver_needs_only_its_secret() -> None:
    settings = load_web_settings({"GITHUB_WEBHOOK_SECRET": "hook-secret"})
    assert settings.webhook_secret.reveal() == "hook-secret"
    assert settings.home == Path("/var/lib/rfcsmith")
    with pytest.raises(SettingsError, match="GITHUB_WEBHOOK_SECRET"):
        load_web_settings({})


def test_a_secret_shows_itself_only_when_asked(environ: dict[str, str]) -> None:
    secret = Secret("hunter2")
    shown = f"{secret} {secret!r} {[secret]} {load_settings(environ)!r} {load_web_settings(environ)!r}"
    for value in ("hunter2", "hook-secret", "model-secret", "PRIVATE KEY"):
        assert value not in shown
    assert secret.reveal() == "hunter2"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_the_password_in_the_database_address_is_not_shown(environ: dict[str, str]) -> None:
    environ["DATABASE_URL"] = "postgresql://ada:hunter2@db/x"
    assert "hunter2" not in repr(load_settings(environ)) + repr(load_web_settings(environ))
