"""`make mutation`: which modules and tests it takes, and what it makes of mutmut's results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from mutation.modules import FURTHER_TESTS, ROOT, mutated, suite_of
from mutation.mutants import Survivor, Verdicts, read
from mutation.report import KNOWN, complaints, write

SOURCE = """
def x_half__mutmut_orig(whole):
    return whole / 2
def x_half__mutmut_1(whole):
    return whole * 2
def x_half__mutmut_2(whole):
    return whole / 3
"""
DOUBLED = Survivor("p.m", "half", "- return whole / 2\n+ return whole * 2")


def left(folder: Path, *codes: int | None) -> Path:
    (folder / "p").mkdir()
    (folder / "p/m.py").write_text(SOURCE)
    keys = {f"p.m.x_half__mutmut_{place}": code for place, code in enumerate(codes, 1)}
    (folder / "p/m.py.meta").write_text(json.dumps({"exit_code_by_key": keys}))
    return folder


def known(folder: Path, text: str) -> Path:
    page = folder / "survivors.yaml"
    page.write_text(text)
    return page


def test_every_mutated_module_has_tests() -> None:
    for module in mutated():
        assert suite_of(module), f"add tests of {module} to FURTHER_TESTS in mutation/modules.py"


def test_every_further_test_exists_and_is_of_a_mutated_module() -> None:
    assert set(FURTHER_TESTS) <= set(mutated()), "edit FURTHER_TESTS in mutation/modules.py"
    for tests in FURTHER_TESTS.values():
        for test in tests:
            assert (ROOT / "tests" / test).is_file(), "edit FURTHER_TESTS in mutation/modules.py"


def test_every_explained_survivor_is_of_a_mutated_module() -> None:
    explained = {entry["module"] for entry in yaml.safe_load(KNOWN.read_text("utf-8"))}
    assert explained <= set(mutated()), "edit mutation/survivors.yaml"
    assert complaints([], KNOWN) == []


def test_a_survivor_is_described_by_its_change(tmp_path: Path) -> None:
    assert read("p.m", left(tmp_path, 0, 1)) == Verdicts("p.m", 1, 0, (DOUBLED,))


def test_a_mutant_that_no_test_reaches_survived(tmp_path: Path) -> None:
    assert read("p.m", left(tmp_path, 33, -24)) == Verdicts("p.m", 0, 1, (DOUBLED,))


def test_a_mutant_without_a_verdict_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="x_half__mutmut_2 has no verdict"):
        read("p.m", left(tmp_path, 1, None))


def test_a_survivor_needs_an_explanation(tmp_path: Path) -> None:
    (complaint,) = complaints([Verdicts("p.m", 0, 0, (DOUBLED,))], known(tmp_path, "[]"))
    assert "whole * 2" in complaint


def test_an_explanation_needs_a_survivor_if_its_module_ran(tmp_path: Path) -> None:
    page = known(
        tmp_path,
        "- {module: p.m, function: half, change: '- a', why: the same}\n"
        "- {module: p.n, function: half, change: '- a', why: the same}\n",
    )
    (complaint,) = complaints([Verdicts("p.m", 1, 0, ())], page)
    assert "no longer survives in p.m" in complaint


def test_the_page_keeps_rows_of_modules_that_did_not_run_and_still_exist(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- make mutation -->\n<!-- end -->\nb\n")
    all_three = [Verdicts(name, 0, 0, ()) for name in ("p.gone", "p.n", "p.m")]
    write(page, all_three, ["p.gone", "p.m", "p.n"])
    write(page, [Verdicts("p.m", 2, 0, ())], ["p.m", "p.n"])
    text = page.read_text()
    assert "| `p.m` | 2 | 2 | 0 | 0 | 100 % |\n| `p.n` | 0 | 0 | 0 | 0 | nothing to mutate" in text
    assert "p.gone" not in text
