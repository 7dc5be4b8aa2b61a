"""Interrupting a program while it loads its modules."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec

import pytest


def interrupt_the_import_of(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise KeyboardInterrupt when a module is imported."""

    class Interrupting(MetaPathFinder):
        def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
            if name == module:
                raise KeyboardInterrupt
            return None

    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
