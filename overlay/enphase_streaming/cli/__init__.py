"""The command `enphase-streaming`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_EXTRA = frozenset({"click", "rich", "typer"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code, as listed in `exit_codes`."""
    try:
        from enphase_streaming.cli.app import run

        return run(arguments)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRA:
            raise
        print(
            f"enphase-streaming: {package} is not installed; install the command with "
            "pip install 'enphase-streaming[cli]', or '.[cli]' in a checkout.",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        return 130
