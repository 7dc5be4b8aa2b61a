"""The contract suite on each backend in turn, as `make contract` runs it."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import prism_differences
from enphase_streaming_mock import MockServer
from prism import PrismIsMissing, running_prism

CREDENTIALS = ("ENPHASE_API_KEY", "ENPHASE_ACCESS_TOKEN", "ENPHASE_SYSTEM_ID")
SPEED = 40
"""Of the mock's clock; a faster one leaves a busy machine little time."""

# What else is installed beside pytest takes longer to load than the suite to run.
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def suite(*options: str) -> list[str]:
    """Return the command that runs the suite, for an environment with `ALONE`."""
    return [
        *(sys.executable, "-m", "pytest", "-p", "enphase_streaming_mock.pytest_plugin"),
        *("-p", "no:cacheprovider", "-W", "error"),
        *("--pyargs", "enphase_streaming_mock.checks", *options),
    ]


def on_the_mock(mock: MockServer) -> list[str]:
    """Return the command for a running mock."""
    return suite("--base-url", mock.base_url, "--clock-speed", str(SPEED))


def on_prism(base_url: str, report: Path) -> list[str]:
    """Return the command for a running Prism; the results go to a JUnit report."""
    return suite("--base-url", base_url, f"--junitxml={report}", "-q")


def main() -> int:
    """Run the suite on the mock and on Prism, and on the real API if credentials are set."""
    environment = os.environ | ALONE
    with TemporaryDirectory() as folder:
        with MockServer(speed=SPEED) as mock:
            failed = subprocess.call(on_the_mock(mock), cwd=folder, env=environment) != 0
        try:
            with running_prism(Path(folder)) as base_url:
                wrong = check_prism(base_url, Path(folder))
        except PrismIsMissing as missing:
            wrong = [str(missing)]
        print("\n".join(wrong or prism_differences.summary()), flush=True)
        failed |= bool(wrong)
        absent = [name for name in CREDENTIALS if not os.environ.get(name)]
        if absent:
            print(f"The real API is left out: {', '.join(absent)} not set.", file=sys.stderr)
        else:
            command = suite("--backend", "real")
            failed |= subprocess.call(command, cwd=folder, env=environment) != 0
    return int(failed)


def check_prism(base_url: str, folder: Path) -> list[str]:
    """Run the suite on Prism, and return what departs from the known differences."""
    report = folder / "prism.xml"
    run = subprocess.run(
        on_prism(base_url, report),
        cwd=folder,
        env=os.environ | ALONE,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if run.returncode > 1:  # pytest could not run the checks
        return [run.stdout]
    return prism_differences.unexpected(report)


if __name__ == "__main__":
    sys.exit(main())
