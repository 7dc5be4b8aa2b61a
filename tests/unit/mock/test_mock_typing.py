"""What a type checker says of the mock's options: mistakes in names and values are errors."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

# The comment is the error that mypy reports in that line.
LINES = """
from enphase_streaming import AsyncStreamingClient, StreamingClient
from enphase_streaming_mock import Fault, Mock, MockServer, Wire

mock = Mock(scenario="night", seed=3, wire=Wire(bom=True), plan="kilowatt")
mock.fault("drop", after_events=3)
mock.fault("error", code=551, form="framed", always=True)
mock.fault(Fault("hang-up", how="reset", on="tokens", requests=2))
StreamingClient(**mock.client_options)
AsyncStreamingClient(**mock.client_options)
reveal: str = mock.client_options["base_url"]
mock.fault("dorp")  # arg-type
mock.fault("drop", aftr_events=3)  # call-arg
mock.fault("drop", after_events="3")  # arg-type
mock.fault("error", form="xml")  # arg-type
mock.fault("gateway", shape="away")  # arg-type
Fault("slow-haed", seconds=1)  # arg-type
Fault("slow-head", second=1)  # call-arg
Mock(scenrio="night")  # call-arg
MockServer(sped=3)  # call-arg
mock.client_options["base"]  # typeddict-item
"""


def test_mistakes_in_options_are_type_errors(tmp_path: Path) -> None:
    file = tmp_path / "use.py"
    file.write_text(LINES, "utf-8")
    # The project's own settings, which are strict, share the cache of `make lint`.
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.findall(r"use\.py:(\d+): error: .*\[([a-z-]+)\]$", run.stdout, re.MULTILINE)
    expected = re.findall(r"^.*?(?:  # ([a-z-]+))?$", LINES, re.MULTILINE)
    lines = [(str(number), code) for number, code in enumerate(expected, 1) if code]
    assert found == lines, run.stdout + run.stderr
