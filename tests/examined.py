"""Schemathesis on a mock: briefly in the tests, at length with `make schemathesis`."""

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


def built_view(folder: Path) -> Path:
    """Build the document as OpenAPI 3.2 into a folder."""
    view = folder / "streaming-3.2.yaml"
    apply = runpy.run_path(str(ROOT / "spec" / "views" / "apply.py"))["main"]
    apply(ROOT / "spec" / "views" / "itemschema.overlay.yaml", view)
    return view


def examine(document: Path, base_url: str, *options: str) -> Result:
    """Run the command `schemathesis`; its `exit_code` is 0 if it found nothing."""
    command = ["--config-file", str(SETTINGS), "run", str(document), "--url", base_url]
    with chdir(ROOT):  # which the settings' path to the hooks begins at
        return CliRunner().invoke(schemathesis, [*command, "--no-color", *options])


def examine_api(mock: MockServer, view: Path, *options: str) -> Result:
    """Examine the stream and the tokens of a running mock."""
    return examine(view, mock.base_url, *options)


def examine_controls(mock: MockServer, *options: str) -> Result:
    """Examine what is under `/_mock/` of a running mock."""
    return examine(CONTROLS, mock.base_url.removesuffix("/api/v4") + "/_mock", *options)


def main(options: Sequence[str]) -> bool:
    """Examine both at length, print what was found, and return whether it was nothing."""
    view, well = built_view(ROOT / "build" / "spec"), True
    with MockServer(speed=1000) as mock:
        for found in (examine_api(mock, view, *options), examine_controls(mock, *options)):
            print(found.output)
            well &= found.exit_code == 0
    return well


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1:]))
