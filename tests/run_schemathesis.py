"""Run Schemathesis on a mock: briefly in the tests, at length with `make schemathesis`."""

import runpy
import sys
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path

from click.testing import CliRunner, Result
from schemathesis.cli import schemathesis

from enphase_streaming_mock import MockServer

ROOT = Path(__file__).parents[1]
SETTINGS = ROOT / "tests" / "contract" / "schemathesis.toml"
CONTROLS = ROOT / "mock" / "enphase_streaming_mock" / "control.yaml"


def build_view(folder: Path) -> Path:
    """Build the document as OpenAPI 3.2 into a folder, and return its path."""
    view = folder / "streaming-3.2.yaml"
    apply = runpy.run_path(str(ROOT / "spec" / "views" / "apply.py"))["main"]
    apply(ROOT / "spec" / "views" / "itemschema.overlay.yaml", view)
    return view


def run(document: Path, base_url: str, *options: str) -> Result:
    """Run the command `schemathesis`; its `exit_code` is 0 if it found nothing."""
    command = ["--config-file", str(SETTINGS), "run", str(document), "--url", base_url]
    with chdir(ROOT):  # the settings name the hooks relative to it
        return CliRunner().invoke(schemathesis, [*command, "--no-color", *options])


def run_on_api(mock: MockServer, view: Path, *options: str) -> Result:
    """Test the stream and the tokens of a running mock."""
    return run(view, mock.base_url, *options)


def run_on_controls(mock: MockServer, *options: str) -> Result:
    """Test what is under `/_mock/` of a running mock."""
    return run(CONTROLS, mock.base_url.removesuffix("/api/v4") + "/_mock", *options)


def main(options: Sequence[str]) -> int:
    """Test both at length, print the findings, and return the exit status."""
    view, status = build_view(ROOT / "build" / "spec"), 0
    with MockServer(speed=1000) as mock:
        for found in (run_on_api(mock, view, *options), run_on_controls(mock, *options)):
            print(found.output)
            status |= found.exit_code != 0
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
