"""What `make mutation` makes of what mutmut left behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mutation.explained import compare
from mutation.report import write
from mutation.results import Survivor, Verdicts, read

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


def test_a_survivor_is_told_by_what_it_changed(tmp_path: Path) -> None:
    assert read("p.m", left(tmp_path, 0, 1)) == Verdicts("p.m", 1, 0, (DOUBLED,))


def test_a_mutant_that_no_test_reaches_survived(tmp_path: Path) -> None:
    assert read("p.m", left(tmp_path, 33, -24)) == Verdicts("p.m", 0, 1, (DOUBLED,))


def test_a_mutant_without_a_verdict_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="x_half__mutmut_2 ended with None"):
        read("p.m", left(tmp_path, 1, None))


def test_a_survivor_without_a_reason_is_a_complaint(tmp_path: Path) -> None:
    (complaint,) = compare([Verdicts("p.m", 0, 0, (DOUBLED,))], known(tmp_path, "[]"))
    assert "whole * 2" in complaint


def test_a_reason_without_a_survivor_is_a_complaint_if_its_module_ran(tmp_path: Path) -> None:
    page = known(
        tmp_path,
        "- {module: p.m, function: half, change: '- a', why: the same}\n"
        "- {module: p.n, function: half, change: '- a', why: the same}\n",
    )
    (complaint,) = compare([Verdicts("p.m", 1, 0, ())], page)
    assert "no longer survives in p.m" in complaint


def test_rows_of_modules_that_did_not_run_stay(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- make mutation -->\n<!-- end -->\nb\n")
    write(page, [Verdicts("p.m", 1, 0, (DOUBLED,)), Verdicts("p.n", 0, 0, ())])
    write(page, [Verdicts("p.m", 2, 0, ())])
    assert "| `p.m` | 2 | 2 | 0 | 0 | 100 % |\n| `p.n` | 0 |" in page.read_text()
    assert "nothing to mutate" in page.read_text()
