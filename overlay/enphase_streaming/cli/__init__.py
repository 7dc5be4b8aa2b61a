"""The command `enphase-streaming`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_EXTRAS = {
    **dict.fromkeys(("click", "rich", "typer"), "cli"),
    **dict.fromkeys(("dateutil", "matplotlib", "numpy"), "plot"),
    "pyarrow": "parquet",
}
"""The packages that are optional, and the extra that installs each."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code, as listed in `exit_codes`."""
    try:
        from enphase_streaming.cli.app import app
        from enphase_streaming.cli.exit_codes import run

        return run(app, arguments)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        extra = _EXTRAS[package]
        print(
            f"enphase-streaming: {package} is not installed; install it with "
            f"pip install 'enphase-streaming[{extra}]', or '.[{extra}]' in a checkout.",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        return 130
