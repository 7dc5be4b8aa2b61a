"""The client that openapi-python-client generates from our document with its own templates."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

_SPEC = Path(__file__).resolve().parent.parent / "spec" / "streaming.yaml"
_NAME = "stock_enphase"


@contextmanager
def generated() -> Iterator[str]:
    """Generate it into a temporary folder, and yield the folder."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.yaml")
        config.write_text(f"package_name_override: {_NAME}\npost_hooks: []\n")
        subprocess.run(
            [
                *(sys.executable, "-m", "openapi_python_client", "generate", "--path", _SPEC),
                *("--config", config, "--meta", "none"),
                *("--output-path", Path(folder, _NAME)),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        yield folder


def module(name: str, folder: str = "") -> Any:
    """Import a module of it, from `folder` if it is not on the path."""
    sys.path.insert(0, folder)
    try:
        return import_module(f"{_NAME}.{name}")
    finally:
        sys.path.remove(folder)
