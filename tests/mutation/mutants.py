"""Run mutmut on a copy of the project, and read what it left."""

from __future__ import annotations

import ast
import difflib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mutation.modules import ROOT, suite_of

_FOLDERS = (
    *("generated/enphase_streaming_api", "overlay/enphase_streaming"),
    *("mock/enphase_streaming_mock", "tests", "spec", "bench", "docs"),
)
# Tests of time fail on a busy machine as well. Those of recursion limits fail in the copy, where
# every call needs more of the stack, and that of a class's names, where mutants are among them.
_LEFT_OUT = (
    *("no_more_than_its_bytes", "no_more_than_their_bytes", "near_the_interpreter_s_limit"),
    "spent_only_through_the_core",
)
_SETTINGS = """
[tool.mutmut]
source_paths = ["enphase_streaming", "enphase_streaming_mock"]
only_mutate = ["{path}"]
also_copy = ["enphase_streaming_api", "spec", "bench", "docs"]
# Log lines decide nothing. That they contain no secret is tested for every run as a whole.
do_not_mutate_patterns = ['^\\s*_log\\.']
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = ["-p", "no:xdist", "-p", "no:cacheprovider", "-k", "{names}"]
track_dependencies = false
use_git_change_detection = false
timeout_multiplier = 10.0
timeout_constant = 2.0
"""
# The same few examples for each mutant, without shrinking a failure.
_PROFILE = """
from hypothesis import HealthCheck, Phase

settings.register_profile(
    "mutation",
    max_examples={examples},
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutation")
"""
_EXAMPLES = 30

# Exit codes of the tests, as mutmut records them.
_KILLED = {1, 3}
_SURVIVED = {0, 5, 33}  # 5 and 33: no test reached the mutant
_TIMED_OUT = {-24, 24, 36, 152, 255}


@dataclass(frozen=True)
class Survivor:
    """A change that no test noticed: its function, and the lines before and after."""

    module: str
    function: str
    change: str


@dataclass(frozen=True)
class Verdicts:
    """What became of the mutants of one module."""

    module: str
    killed: int
    timed_out: int
    survivors: tuple[Survivor, ...]

    @property
    def mutants(self) -> int:
        """The number of all mutants."""
        return self.killed + self.timed_out + len(self.survivors)

    @property
    def score(self) -> str:
        """The share that a test noticed, in percent, rounded down."""
        noticed = self.killed + self.timed_out
        return f"{100 * noticed // self.mutants} %" if self.mutants else "nothing to mutate"


def mutate(module: str) -> Verdicts:
    """Mutate a module in a copy of the project, and return what became of its mutants."""
    where = ROOT / "build" / "mutants" / module
    _copy(module, where)
    log = where / "mutmut.log"
    with log.open("w") as output:
        done = subprocess.run(
            [sys.executable, "-m", "mutmut", "run", "--max-children", "2"],
            cwd=where,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"mutmut failed on {module}: see {log.relative_to(ROOT)}.")
    return read(module, where / "mutants")


def _copy(module: str, where: Path) -> None:
    """Write a fresh copy of the project as mutmut needs it, its packages side by side."""
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    without = shutil.ignore_patterns("__pycache__", "node_modules")
    for folder in _FOLDERS:
        shutil.copytree(ROOT / folder, where / Path(folder).name, ignore=without)
    for test in (where / "tests").rglob("*.py"):
        text = test.read_text("utf-8")
        test.write_text(re.sub(r"max_examples=\d+", f"max_examples={_EXAMPLES}", text), "utf-8")
    with (where / "tests/conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(_PROFILE.format(examples=_EXAMPLES))
    settings = _SETTINGS.format(
        path=module.replace(".", "/") + ".py",
        tests=suite_of(module),
        names=" and ".join(f"not {name}" for name in _LEFT_OUT),
    )
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    (where / "pyproject.toml").write_text(project + settings, "utf-8")


def read(module: str, mutated: Path) -> Verdicts:
    """Return what mutmut left in `mutated` about a module.

    Raises:
        ValueError: a mutant has no verdict.
    """
    source = mutated / (module.replace(".", "/") + ".py")
    meta = source.with_name(source.name + ".meta")
    codes: dict[str, int | None] = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
    texts = _functions(source.read_text("utf-8"))
    killed = timed_out = 0
    survivors: list[Survivor] = []
    for key, code in codes.items():
        if code in _KILLED:
            killed += 1
        elif code in _TIMED_OUT:
            timed_out += 1
        elif code in _SURVIVED:
            survivors.append(_survivor(module, key.removeprefix(f"{module}."), texts))
        else:
            raise ValueError(f"{key} has no verdict (exit code {code}): run it again.")
    return Verdicts(module, killed, timed_out, tuple(survivors))


def _functions(source: str) -> dict[str, str]:
    return {
        node.name: ast.get_source_segment(source, node, padded=True) or ""
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _survivor(module: str, name: str, texts: dict[str, str]) -> Survivor:
    stem = name.rpartition("__mutmut_")[0]
    before = texts[f"{stem}__mutmut_orig"].replace("__mutmut_orig", "")
    after = texts[name].replace(name.removeprefix(stem), "", 1)
    changed = [
        line[0] + " " + line[1:].strip()
        for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
        if line[0] in "+-" and not line.startswith(("---", "+++"))
    ]
    function = stem.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    return Survivor(module, function, "\n".join(changed))
