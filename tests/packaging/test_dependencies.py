"""Which package may import which, and where I/O and clocks may be used.

The overlay and the mock are two independent implementations of one document: if either used the
other, or the mock the generated client, a contract test would compare the code with itself.
"""

import ast
import shutil
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "generated": "enphase_streaming_api",
    "overlay": "enphase_streaming",
    "mock": "enphase_streaming_mock",
}
MAY_IMPORT = {"generated": set[str](), "overlay": {"generated"}, "mock": set[str]()}

# The overlay's parts, each with all that it may import. A part is a package or a top-level module.
LAYERS = {
    "errors": set[str](),
    "secrets": {"errors"},
    "core": {"errors", "secrets"},
    "threads": {"errors"},
    "connection": {"core", "errors", "threads"},
    "auth": {"connection", "core", "errors", "secrets", "transports"},
    "ledger": {"core", "errors", "secrets"},
    "recording": {"core", "errors", "secrets"},
    "stream": {"connection", "core", "errors", "recording"},
    "client": {
        *("auth", "connection", "core", "environment", "errors", "secrets", "stream"),
        "transports",
    },
    "environment": {"auth", "core", "errors", "secrets"},
    "fleet": {"transports"},
    "transports": {"core", "errors"},
    "reading": {"core"},
    "sse": {"core"},
}
# Modules that belong to a part under another name.
PART_OF = {"aconnection": "connection"}
# `__init__` gathers the public names; the command may use every part.
FREE = {"__init__", "__main__", "cli"}

IO = {"asyncio", "http", "httpcore", "httpx", "select", "socket", "ssl", "threading", "time"}
IO_EXCEPTIONS = {
    ("core/budget.py", "threading"),  # a lock for threads that share a budget; nothing waits on it
    ("core/answers.py", "ssl"),  # the class of an exception
}


@cache
def imported_modules(source: str) -> frozenset[str]:
    """Every imported module and name, dotted, including those inside functions."""
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call):
            names += [text for text in imported_by_call(node) if not text.startswith(".")]
    return frozenset(names)


def imported_by_call(call: ast.Call) -> Iterator[str]:
    called = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    called = call.func.id if isinstance(call.func, ast.Name) else called
    if called in ("import_module", "__import__"):
        values = [*call.args[:1], *(each.value for each in call.keywords if each.arg == "name")]
        for value in values:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value


def part_of(path: str) -> str:
    name = path.partition("/")[0].removesuffix(".py")
    return PART_OF.get(name, name)


def wrong_imports(root: Path) -> list[str]:
    """Every import between packages that is not allowed, and every I/O module in the core."""
    found = []
    for folder, package in FOLDERS.items():
        closed = {FOLDERS[other] for other in FOLDERS.keys() - MAY_IMPORT[folder] - {folder}}
        modules = sorted((root / folder / package).rglob("*.py"))
        assert modules, f"{folder}/{package} is empty"
        for module in modules:
            path = module.relative_to(root / folder / package).as_posix()
            names = imported_modules(module.read_text("utf-8"))
            wrong = closed & {name.partition(".")[0] for name in names}
            if folder == "overlay":
                wrong |= wrong_in_overlay(path, names)
            found += [f"{folder}/{package}/{path} imports {name}" for name in sorted(wrong)]
    return found


def wrong_in_overlay(path: str, names: frozenset[str]) -> set[str]:
    wrong = set[str]()
    part = part_of(path)
    if part in {"core", "cli", "errors", "secrets"}:
        without_io = IO if part != "cli" else {"httpx"}
        used = without_io & {name.partition(".")[0] for name in names}
        wrong |= {name for name in used if (path, name) not in IO_EXCEPTIONS}
    if part not in FREE:
        allowed = LAYERS.get(part, set()) | {part, "version"}
        inside = [name.split(".")[1] for name in names if name.startswith("enphase_streaming.")]
        wrong |= {f"{each} from {part}" for each in inside if part_of(each) not in allowed}
    return wrong


def import_graph(folder: str) -> dict[str, set[str]]:
    """Which modules each module of a package imports, type-checking imports included."""
    package = FOLDERS[folder]
    base = ROOT / folder / package
    names = {
        ".".join((package, *path.relative_to(base).with_suffix("").parts)).removesuffix(".__init__")
        for path in base.rglob("*.py")
    }
    graph: dict[str, set[str]] = {}
    for name in names:
        path = base.joinpath(*name.split(".")[1:])
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        imported = imported_modules(source.read_text("utf-8"))
        graph[name] = {
            found
            for each in imported
            if (found := each if each in names else each.rpartition(".")[0]) in names
        } - {name}
    return graph


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in FOLDERS:
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "prism")
        )
    return tmp_path


def found_after_planting(copy: Path, module: str, line: str) -> set[str]:
    before = wrong_imports(copy)
    folder, _, name = module.rpartition("/")
    planted = copy / folder / (name if name.endswith(".py") else f"{name}/planted.py")
    planted.parent.mkdir(exist_ok=True)
    former = planted.read_text("utf-8") if planted.exists() else ""
    planted.write_text(f"{former}\n{line}\n", "utf-8")
    return set(wrong_imports(copy)) - set(before)


def test_packages_import_only_what_they_may() -> None:
    assert wrong_imports(ROOT) == []


@pytest.mark.parametrize("folder", ["overlay", "mock"])
def test_no_module_imports_itself_through_others(folder: str) -> None:
    try:
        TopologicalSorter(import_graph(folder)).prepare()
    except CycleError as error:
        pytest.fail(f"{folder} has an import cycle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize(
    ("module", "line", "name"),
    [
        ("generated/enphase_streaming_api", "import enphase_streaming", "enphase_streaming"),
        ("generated/enphase_streaming_api", "import enphase_streaming_mock.wire", ""),
        ("overlay/enphase_streaming/core", "from enphase_streaming_mock import Wire", ""),
        ("overlay/enphase_streaming/core", "import httpx", "httpx"),
        ("overlay/enphase_streaming/cli", "import httpx", "httpx"),
        ("overlay/enphase_streaming/core", "from time import monotonic", "time"),
        ("overlay/enphase_streaming/core", "def late(): import asyncio.subprocess", "asyncio"),
        ("overlay/enphase_streaming/core", "import ssl", "ssl"),
        ("overlay/enphase_streaming/core", "import enphase_streaming.client", "client from core"),
        (
            "overlay/enphase_streaming/auth",
            "from enphase_streaming.stream import ReadingStream",
            "",
        ),
        ("overlay/enphase_streaming/connection.py", "from enphase_streaming import client", ""),
        ("mock/enphase_streaming_mock", "import enphase_streaming_api.models", ""),
        ("mock/enphase_streaming_mock", "def late(): import enphase_streaming.sse", ""),
        ("mock/enphase_streaming_mock", "a = importlib.import_module('enphase_streaming')", ""),
        ("mock/enphase_streaming_mock", "a = import_module(name='enphase_streaming.sse')", ""),
        ("mock/enphase_streaming_mock", "a = __import__('enphase_streaming_api')", ""),
    ],
)
def test_a_planted_import_is_found(copy: Path, module: str, line: str, name: str) -> None:
    (found,) = found_after_planting(copy, module, line)
    planted = module if module.endswith(".py") else f"{module}/planted.py"
    assert found.startswith(f"{planted} imports {name}")


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("overlay/enphase_streaming/core", "from enphase_streaming_api.models import LiveStatus"),
        ("overlay/enphase_streaming/core", "from .reading import Reading"),
        ("overlay/enphase_streaming/core", "TEXT = 'import httpx'"),
        ("overlay/enphase_streaming/auth", "from enphase_streaming.core.arguments import secret"),
        ("overlay/enphase_streaming/cli", "import asyncio, threading, time"),
        ("mock/enphase_streaming_mock", "import asyncio, httpx, time"),
    ],
)
def test_an_allowed_import_is_not_reported(copy: Path, module: str, line: str) -> None:
    assert found_after_planting(copy, module, line) == set()
