"""Which modules are mutated, and which tests should notice: most of it follows from names."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MUTATED = (
    r"overlay/enphase_streaming/core/(?!exchange)\w+",  # a protocol has no code to change
    r"overlay/enphase_streaming/(errors|secrets)",
    r"overlay/enphase_streaming/recording/redaction",
    r"mock/enphase_streaming_mock/(contract|wire)",
    r"mock/enphase_streaming_mock/faults(/\w+)?",
)
"""Patterns of files without their suffix: the rules, which do no I/O."""

FURTHER_TESTS = {
    "enphase_streaming.core.answers": ("contract/test_statuses.py",),
    "enphase_streaming.core.arguments": ("contract/test_requests.py",),
    "enphase_streaming.core.arrivals": (
        *("unit/test_elapsed_time.py", "unit/test_window.py", "unit/test_watch.py"),
    ),
    "enphase_streaming.core.budget": (
        *("unit/test_watch.py", "unit/ledger/test_sqlite.py", "unit/ledger/test_watch.py"),
        "contract/test_ledger.py",
    ),
    "enphase_streaming.core.encoding": ("contract/test_readable_answers.py",),
    "enphase_streaming.core.ledger": (
        *("unit/test_budget.py", "unit/test_watch.py", "unit/ledger/test_sqlite.py"),
    ),
    "enphase_streaming.core.options": ("contract/test_requests.py",),
    "enphase_streaming.core.plans": ("property/test_budget.py",),
    "enphase_streaming.core.spending": (
        *("unit/test_watch.py", "unit/test_shared_budget.py", "unit/ledger/test_watch.py"),
        "contract/test_ledger.py",
    ),
    "enphase_streaming.core.window": ("unit/test_watch.py", "unit/test_elapsed_time.py"),
    "enphase_streaming.errors": ("unit/test_arguments.py", "contract/test_statuses.py"),
}
"""Tests in tests/ that neither are named after a module nor import it."""


def mutated() -> list[str]:
    """Return the names of all modules that are mutated.

    Raises:
        ValueError: a pattern of `MUTATED` matches no file.
    """
    files = [
        file.relative_to(ROOT).with_suffix("")
        for package in ("overlay", "mock")
        for file in sorted((ROOT / package).rglob("[!_]*.py"))
    ]
    found = []
    for pattern in MUTATED:
        fits = [file for file in files if re.fullmatch(pattern, file.as_posix())]
        if not fits:
            raise ValueError(f"tests/mutation/modules.py: {pattern} matches no file.")
        found += [".".join(file.parts[1:]) for file in fits]
    return found


def suite_of(module: str) -> list[str]:
    """Return the unit and property tests that are named after a module or import it.

    Tests named after its package count as well, such as those of `faults` for `faults.options`.
    """
    package, _, leaf = module.rpartition(".")
    names = {leaf, package.rpartition(".")[2]}
    imported = re.compile(
        rf"\b{re.escape(module)}\b|from {re.escape(package)} import (\(\n)?[^()\n]*\b{leaf}\b"
    )
    found = [f"tests/{each}" for each in FURTHER_TESTS.get(module, ())]
    for folder in ("unit", "property"):
        for file in sorted((ROOT / "tests" / folder).rglob("test_*.py")):
            # Tests of cost measure time or memory, which mutants change for other reasons.
            if "cost" not in file.stem and (
                names & set(file.stem.split("_")) or imported.search(file.read_text("utf-8"))
            ):
                found.append(file.relative_to(ROOT).as_posix())
    return found


def chosen(names: list[str]) -> list[str]:
    """Return the modules called `names`, with or without their package; all of them for none."""
    modules = mutated()
    if not names:
        return modules
    found = []
    for name in names:
        fits = [module for module in modules if name in (module, module.rpartition(".")[2])]
        if not fits:
            known = ", ".join(module.rpartition(".")[2] for module in modules)
            raise SystemExit(f"ONLY must be a mutated module, got {name}: choose from {known}.")
        found += fits
    return found
