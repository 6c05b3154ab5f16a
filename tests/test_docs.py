"""The documents tell the truth: what they list is what is there, and nothing is there that they do not list."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from app import create_app
from bot import comments, repository
from bot.domain import Stage, Verb
from bot.settings import WebSettings, load_settings, load_web_settings

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("simulator/**/README.md")])
PACKAGES = ("bot", "workflows", "simulator", "bench")

# Written in pieces, so that this file does not hold what it looks for.
NEVER_WRITTEN = {
    "a path of somebody's machine": re.compile(
        r"(?<![\w.$}-])/(?:ro" + r"ot|wo" + r"rk|Us" + r"ers)/\w|/tmp/br" + "ief"
    ),
    "the host of a package registry": re.compile(
        r"\b(?:index|static)\.cra"
        + r"tes\.io|\bpy"
        + r"pi\.org|python"
        + r"hosted\.org|\bregistry\.np"
        + r"mjs|proxy\.go"
        + r"lang"
    ),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE" + r" KEY-----\s*\n?[A-Za-z0-9+/=]{40}"),
    "a token": re.compile(r"\b(?:gh[posu]_[A-Za-z0-9]{36}|github_pat_\w{60}|sk-ant-api[0-9]{2}-[\w-]{40})"),
}


def section(title: str, text: str = README) -> str:
    """The text under a heading, up to the next one of the same or a higher level."""
    found = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert found, f"there is no section {title}"
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def first_column(table: str) -> list[str]:
    """The code words in the first cells of a Markdown table."""
    rows = re.findall(r"^\| *(`[^|]+) *\|", table, re.MULTILINE)
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row)]


def fenced(text: str, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no block of {language}"
    return found[1]


@cache
def tree() -> tuple[str, ...]:
    """The files of the repository as POSIX paths, without what git is told to ignore and hidden files at the top."""
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().split()]

    def walk(folder: Path) -> Iterator[Path]:
        for path in sorted(folder.iterdir()):
            if path.name == ".git" or any(fnmatch(path.name, pattern) for pattern in ignored):
                continue
            if path.is_dir():
                yield from walk(path)
            else:
                yield path

    files = (path.relative_to(ROOT).as_posix() for path in walk(ROOT))
    return tuple(file for file in files if not file.startswith(".") or file.startswith((".ci/", ".gitignore")))


# --- the file map ----------------------------------------------------------------------------------------------------


@cache
def file_map() -> tuple[tuple[str, ...], ...]:
    """Each line of the README's map as path patterns; a line's names stand before its first run of two blanks.

    Indentation by two blanks means "in the folder of the line above". A name without a suffix is a Python module, `name/` a
    whole folder, or, where lines are indented under it, a folder whose files these lines list.
    """
    lines = [line for line in fenced(section("File map"), "text").splitlines() if line.strip()]
    folders: list[str] = []
    entries: list[tuple[str, ...]] = []
    for number, line in enumerate(lines):
        depth = (len(line) - len(line.lstrip())) // 2
        names, _, words = line.strip().partition("  ")
        assert words.strip(), f"the map says nothing about {names}"
        following = lines[number + 1] if number + 1 < len(lines) else ""
        is_opened = (len(following) - len(following.lstrip())) // 2 > depth
        prefix = "".join(folders[:depth])
        if is_opened:
            assert names.endswith("/") and " " not in names, f"{names} is no folder"
            folders[depth:] = [names]
            entries.append((f"{prefix}{names}__init__.py",))
        else:
            entries.append(tuple(prefix + _pattern(name) for name in names.split()))
    return tuple(entries)


def _pattern(name: str) -> str:
    if name.endswith("/"):
        return f"{name}*"
    is_module = "." not in name and not name[0].isupper()
    return f"{name}.py" if is_module else name


def _holds(pattern: str, file: str) -> bool:
    """Whether a pattern means a file; only a whole folder reaches into the folders below it."""
    return fnmatch(file, pattern) and (pattern.endswith("/*") or pattern.count("/") == file.count("/"))


def test_every_file_has_its_line_in_the_map() -> None:
    patterns = [pattern for line in file_map() for pattern in line]
    assert [file for file in tree() if not any(_holds(pattern, file) for pattern in patterns)] == []


def test_every_line_of_the_map_has_its_files() -> None:
    packages = {f"{package}/__init__.py" for package in ("tests", "bench", "docs")}
    patterns = {pattern for line in file_map() for pattern in line} - packages
    assert [pattern for pattern in sorted(patterns) if not any(_holds(pattern, file) for file in tree())] == []


def test_no_file_has_two_lines_in_the_map() -> None:
    patterns = [pattern for line in file_map() for pattern in line]
    assert [file for file in tree() if sum(_holds(pattern, file) for pattern in patterns) > 1] == []


def test_the_map_opens_every_python_package_of_the_product() -> None:
    whole = [pattern.removesuffix("*") for line in file_map() for pattern in line if pattern.endswith("/*")]
    packages = [file.removesuffix("__init__.py") for file in tree() if file.endswith("/__init__.py")]
    closed = [package for package in packages if package.startswith(PACKAGES) and package.startswith(tuple(whole))]
    assert [package for package in closed if not package.startswith("simulator/")] == []


# --- what people type ------------------------------------------------------------------------------------------------


def test_every_command_is_in_the_readme_and_in_help_with_the_same_words() -> None:
    assert set(comments.COMMANDS) == set(Verb)
    told = comments.help_comment("rfcsmith")
    table = section("Commands")
    for verb, (usage, meaning, who) in comments.COMMANDS.items():
        row = f"| {usage} | {meaning} | {who} |"
        assert usage.startswith(f"`/{verb}")
        assert row in told, f"/help lacks {verb}"
        assert row in table, f"the README lacks {row}"


def test_the_readme_has_no_command_that_does_not_exist() -> None:
    told = {word.split()[0].removeprefix("/") for word in first_column(section("Commands")) if word.startswith("/")}
    assert told == {verb.value for verb in Verb}


def test_every_make_target_is_in_the_readme() -> None:
    phony = re.search(r"^\.PHONY:(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    told = set(re.findall(r"`make ([a-z]+)", README))
    assert told == set(phony[1].split())


def test_every_command_of_the_program_is_in_the_readme_with_its_options() -> None:
    app = create_app(
        WebSettings(load_web_settings({"GITHUB_WEBHOOK_SECRET": "s"}).webhook_secret, "sqlite://", None, ROOT)
    )
    own = {name: command for name, command in app.cli.commands.items() if command.callback.__module__ == "app"}
    told = set(re.findall(r"flask --app app ([a-z]+)", README))
    assert told == set(own)
    options = [option for command in own.values() for parameter in command.params for option in parameter.opts]
    assert [option for option in options if option not in README] == []


@pytest.mark.parametrize("name", ["play", "serve", "demo"])
def test_every_command_of_the_simulator_is_in_the_readme(name: str) -> None:
    assert f"python -m simulator {name}" in README


# --- settings --------------------------------------------------------------------------------------------------------


class _Asked(dict[str, str]):
    """An environment that notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__(
            GITHUB_APP_ID="1",
            GITHUB_PRIVATE_KEY=str(ROOT / "Makefile"),
            GITHUB_WEBHOOK_SECRET="s",
            ANTHROPIC_API_KEY="k",
        )
        self.names: set[str] = set()

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.names.add(name)
        return super().get(name, default)


def asked_of_the_environment() -> set[str]:
    asked = _Asked()
    load_web_settings(asked)
    with pytest.raises(Exception, match="GITHUB_PRIVATE_KEY"):
        load_settings(asked)
    return asked.names


def test_every_environment_variable_is_in_the_readme_and_none_is_invented() -> None:
    assert sorted(first_column(section("Environment"))) == sorted(asked_of_the_environment())


def test_every_key_of_a_repository_is_in_the_readme() -> None:
    config = section("Configuration of a repository")
    assert sorted(first_column(config)) == sorted(repository.KEYS)
    example = fenced(config, "toml")
    repository.parse(example)
    assert set(tomllib.loads(example)) == set(repository.KEYS)


# --- the diagram -----------------------------------------------------------------------------------------------------


def test_the_states_of_the_diagram_are_the_stages_of_a_run() -> None:
    diagram = fenced(section("The stages of a run"), "mermaid")
    states = {
        state
        for arrow in re.findall(r"^ *(\S+) --> ([^\s:]+)", diagram, re.MULTILINE)
        for state in arrow
        if state != "[*]"
    }
    assert states == {stage.value for stage in Stage}


def test_the_diagram_shows_the_road_of_each_kind_of_run() -> None:
    diagram = fenced(section("The stages of a run"), "mermaid")
    arrows = set(re.findall(r"^ *(\S+) --> ([^\s:]+)", diagram, re.MULTILINE))
    for stages in comments.STAGES_OF.values():
        road = [Stage.QUEUED, *stages, Stage.DONE]
        assert {(here.value, there.value) for here, there in zip(road, road[1:], strict=False)} <= arrows


# --- what is needed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_and_has_a_reason(name: str) -> None:
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith(("#", "-r "))]
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9_.\[\]-]+==[\w.]+ +# \S.{5,}", line)] == []


# --- words and links -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", NEVER_WRITTEN)
def test_the_repository_does_not_hold(what: str) -> None:
    guilty = []
    for file in tree():
        try:
            text = (ROOT / file).read_text()
        except UnicodeDecodeError:
            continue
        guilty += [f"{file}: {found[0]}" for found in NEVER_WRITTEN[what].finditer(text)]
    assert guilty == []


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub makes of a document's headings."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.M | re.S), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", text):
        address = unquote("".join(link))
        if re.match(r"https?://|mailto:", address):
            continue
        path, _, anchor = address.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(address)
    assert dead == []


def test_every_file_that_a_document_names_is_there() -> None:
    """Paths in code type, as `bot/git/clone.py`, are promises as well."""
    missing = []
    for document in DOCUMENTS:
        for name in re.findall(r"`((?:bot|workflows|simulator|tests|docs|bench)/[\w/.-]+)`", document.read_text()):
            if not (ROOT / name).exists():
                missing.append(f"{document.name}: {name}")
    assert missing == []


def test_every_function_that_the_architecture_names_is_there() -> None:
    """Names in code type with a pair of brackets, as `prove_red()`, are defined somewhere in the product."""
    defined = {
        node.name
        for file in tree()
        if file.endswith(".py") and file.startswith(("app", "bot/", "workflows/", "simulator/"))
        for node in ast.walk(ast.parse((ROOT / file).read_text()))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    told = re.findall(r"`(?:\w+\.)*(\w+)\(\)`", (ROOT / "docs/architecture.md").read_text())
    assert told
    assert sorted(set(told) - defined) == []


def test_the_twelve_laws_are_told() -> None:
    laws = section("The twelve laws", (ROOT / "docs/architecture.md").read_text())
    assert [int(number) for number in re.findall(r"^(\d+)\. ", laws, re.MULTILINE)] == list(range(1, 13))


def test_the_changelog_has_a_place_for_what_is_not_released() -> None:
    changes = section("Unreleased", (ROOT / "CHANGELOG.md").read_text())
    assert re.findall(r"^- \S", changes, re.MULTILINE)


def test_pictures_are_small_enough_to_read_the_page_on_a_train() -> None:
    pictures = sorted((ROOT / "docs/pictures").glob("*.png"))
    assert pictures
    assert [picture.name for picture in pictures if picture.stat().st_size > 250_000] == []
