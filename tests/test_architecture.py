"""The laws of the layout, kept by reading the source: who imports whom, who reads the environment, who runs git."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bot", "workflows", "simulator")
MODULES = sorted(
    path for path in (*(p for package in PACKAGES for p in (ROOT / package).rglob("*.py")), ROOT / "app.py")
)
PRODUCT = [path for path in MODULES if path.relative_to(ROOT).parts[0] != "simulator"]
RINGS = {
    "domain": 0,
    "errors": 0,
    "webhook": 1,
    "commands": 1,
    "comments": 1,
    "evidence": 1,
    "policy": 1,
    "customs": 1,
    "commit_message": 1,
    "hunks": 1,
    "suggestions": 1,
    "rfc": 1,
    "rust": 1,
    "disk": 2,
    "caching": 2,
    "repository": 2,
    "settings": 2,
    "github": 2,
    "git": 2,
    "sandbox": 2,
    "model": 2,
    "store": 2,
    "agent": 3,
    "checking": 3,
    "tooling": 3,
    "mutation": 3,
    "seedbed": 3,
    "workbench": 3,
    "inspection": 3,
    "verification": 3,
    "report": 3,
    "web": 3,
}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} imports relatively"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def edges_of(path: Path, known: Mapping[str, Path]) -> set[str]:
    """The modules that must be whole before this one: a package counts only for names that are no modules of it."""
    edges = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            edges |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            edges |= (full & known.keys()) or {str(node.module)}
    return edges & known.keys()


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports_of(path)}


def names(paths: list[Path]) -> list[str]:
    return [name_of(path) for path in paths]


def test_the_bot_never_imports_durability_or_the_simulator() -> None:
    guilty = [
        path
        for path in MODULES
        if name_of(path).startswith("bot") and tops(path) & {"workflows", "dbos", "simulator", "app"}
    ]
    assert names(guilty) == []


def test_the_simulator_imports_nothing_of_the_product() -> None:
    guilty = [
        path for path in MODULES if name_of(path).startswith("simulator") and tops(path) & {"bot", "workflows", "app"}
    ]
    assert names(guilty) == []


def test_only_the_engine_imports_dbos() -> None:
    assert names([path for path in MODULES if "dbos" in tops(path)]) == ["workflows.engine"]


def test_imports_of_the_bot_point_inward() -> None:
    guilty = []
    for path in PRODUCT:
        parts = name_of(path).split(".")
        if parts[0] != "bot" or len(parts) < 2:
            continue
        assert parts[1] in RINGS, f"{name_of(path)} has no ring"
        for imported in imports_of(path):
            other = imported.split(".")
            if other[0] == "bot" and len(other) > 1 and other[1] in RINGS and RINGS[other[1]] > RINGS[parts[1]]:
                guilty.append(f"{name_of(path)} -> {imported}")
    assert guilty == []


def test_the_vocabulary_imports_the_standard_library_only() -> None:
    assert tops(ROOT / "bot/domain.py") <= set(sys.stdlib_module_names)


def test_there_is_no_import_cycle() -> None:
    known = {name_of(path): path for path in MODULES}
    graph = {name: edges_of(path, known) - {name} for name, path in known.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for other in graph[name]:
                visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_nothing_is_imported_inside_a_function_or_for_type_checking_only() -> None:
    guilty = []
    for path in MODULES:
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
                isinstance(inner, ast.Import | ast.ImportFrom) for inner in ast.walk(node)
            ):
                guilty.append(f"{name_of(path)}.{node.name}")
        if "TYPE_CHECKING" in text:
            guilty.append(name_of(path))
    assert guilty == []


def test_only_the_settings_and_the_program_itself_read_the_environment() -> None:
    readers = [
        name_of(path)
        for path in PRODUCT
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb")
    ]
    assert set(readers) <= {"app", "bot.settings", "bot.sandbox.provision"}


def test_broad_handlers_stand_in_the_two_outermost_frames_only() -> None:
    broad = []
    for path in PRODUCT:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler):
                kinds = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} if node.type else {"bare"}
                raises = any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node))
                if kinds & {"bare", "Exception", "BaseException"} and not raises:
                    broad.append(name_of(path))
    assert sorted(broad) == ["workflows.frame", "workflows.router"]


def test_workflow_bodies_hold_steps_and_control_flow_only() -> None:
    banned = {"time", "random", "uuid", "os", "logging", "requests"}
    for name in ("agent", "frame", "rfc", "implement", "review", "ci", "router", "upkeep"):
        path = ROOT / f"workflows/{name}.py"
        assert not tops(path) & banned, name
        assert "print(" not in path.read_text(), name


def test_every_module_opens_with_a_sentence() -> None:
    silent = [path for path in MODULES if not (ast.get_docstring(ast.parse(path.read_text())) or "").strip()]
    assert names(silent) == []


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "common", "helpers", "misc", "shared"}
    assert [name_of(path) for path in MODULES if path.stem in drawers] == []


def test_importing_the_product_needs_no_environment_and_prints_nothing() -> None:
    modules = [name_of(path) for path in PRODUCT if "migrations" not in path.parts]
    program = "; ".join(f"import {module}" for module in modules)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_test_can_be_collected() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"], cwd=ROOT, capture_output=True, text=True
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
