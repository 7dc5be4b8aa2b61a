"""The contract suite on each backend in turn, as `make contract` runs it."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from enphase_streaming_mock import MockServer
from prism import ROOT, PrismIsMissing, running_prism

RECORDINGS = ROOT / "build" / "contract"
CREDENTIALS = ("ENPHASE_API_KEY", "ENPHASE_ACCESS_TOKEN", "ENPHASE_SYSTEM_ID")
SPEED = 40
"""Of the mock's clock; a faster one leaves little time for a busy machine."""


# What else is installed beside pytest takes longer to load than the suite to run.
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def suite(*options: str) -> list[str]:
    """The command that runs the suite, for an environment with `ALONE`."""
    return [
        *(sys.executable, "-m", "pytest", "-p", "enphase_streaming_mock.pytest_plugin"),
        *("-p", "no:cacheprovider", "-W", "error"),
        *("--pyargs", "enphase_streaming_mock.checks", *options),
    ]


def on_the_mock(mock: MockServer) -> list[str]:
    return suite("--base-url", mock.base_url, "--clock-speed", str(SPEED))


def on_prism(base_url: str) -> list[str]:
    return suite("--backend", "prism", "--base-url", base_url)


def on_the_real_api() -> list[str]:
    return suite("--backend", "real", "--record", str(RECORDINGS))


def main() -> int:
    """Run it on the mock, on Prism, and once on the real API where the environment has a way in."""
    run = partial(subprocess.call, env=os.environ | ALONE)
    with TemporaryDirectory() as folder:
        with MockServer(speed=SPEED) as mock:
            failed = run(on_the_mock(mock), cwd=folder)
        try:
            with running_prism(Path(folder)) as base_url:
                failed |= run(on_prism(base_url), cwd=folder)
        except PrismIsMissing as missing:
            print(missing, file=sys.stderr)
            failed = 1
        missing_ones = [name for name in CREDENTIALS if not os.environ.get(name)]
        if missing_ones:
            print(f"The real API is left out: {', '.join(missing_ones)} not set.", file=sys.stderr)
        else:
            RECORDINGS.mkdir(parents=True, exist_ok=True)
            failed |= run(on_the_real_api(), cwd=folder)
    return int(failed != 0)


if __name__ == "__main__":
    sys.exit(main())
