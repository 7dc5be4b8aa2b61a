"""What mutmut found out about a module: each mutant's verdict, and what a survivor changed."""

from __future__ import annotations

import ast
import difflib
import json
from dataclasses import dataclass
from pathlib import Path

_KILLED, _SURVIVED = {1, 3}, {0}
_TIMED_OUT = {-24, 24, 36, 152, 255}
_UNTESTED = {5, 33}


@dataclass(frozen=True)
class Survivor:
    """A change that no test noticed: in which function, and the lines before and after."""

    module: str
    function: str
    change: str


@dataclass(frozen=True)
class Verdicts:
    """How the mutants of one module fared."""

    module: str
    killed: int
    timed_out: int
    survivors: tuple[Survivor, ...]

    @property
    def mutants(self) -> int:
        """All of them."""
        return self.killed + self.timed_out + len(self.survivors)

    @property
    def score(self) -> str:
        """The share that was noticed, in percent, rounded down."""
        noticed = self.killed + self.timed_out
        return f"{100 * noticed // self.mutants} %" if self.mutants else "nothing to mutate"


def read(module: str, mutated: Path) -> Verdicts:
    """Return what mutmut left in `mutated` about `module`. Raises ValueError if it got stuck."""
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
        elif code in _SURVIVED | _UNTESTED:
            survivors.append(_survivor(module, key.removeprefix(f"{module}."), texts))
        else:
            raise ValueError(f"{key} ended with {code}, which is no verdict; run it again.")
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
