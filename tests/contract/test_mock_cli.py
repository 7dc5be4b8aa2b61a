"""`enphase-mock` as it is started from a shell."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import TextIO
from urllib.error import HTTPError

import pytest

from enphase_streaming_mock import SCENARIOS, MockServer
from enphase_streaming_mock.cli import main
from shell import unwritable
from starting import interrupt_the_import_of

COMMAND = [
    sys.executable,
    "-c",
    "import sys; from enphase_streaming_mock.cli import main; sys.exit(main())",
]


@contextmanager
def serving(
    *arguments: str, command: str = "serve", through: Sequence[str] = ()
) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The running command and what it printed on start."""
    with subprocess.Popen(
        [*through, *COMMAND, command, "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, dict(process.stdout.readline().split() for _ in range(4))
        finally:
            process.kill()


def test_the_printed_values_open_a_stream() -> None:
    with serving("--speed", "1000", "--scenario", "night", "--seed", "7") as (_, printed):
        request = urllib.request.Request(
            f"{printed['base_url']}/systems/{printed['system_id']}/live_data",
            headers={
                "key": printed["api_key"],
                "Authorization": f"Bearer {printed['access_token']}",
            },
        )
        with urllib.request.urlopen(request, timeout=5) as response:
            events = response.read().split(b"\n\n")
    assert len(events) == 31
    assert json.loads(events[0].removeprefix(b"data:"))["data"]["pv_power"] == 0


def test_it_raises_the_limit_of_open_files() -> None:
    shell = ("sh", "-c", 'ulimit -Sn 64 && exec "$@"', "sh")
    with serving(through=shell) as (_, printed), ExitStack() as streams:
        request = urllib.request.Request(
            f"{printed['base_url']}/systems/{printed['system_id']}/live_data",
            headers={
                "key": printed["api_key"],
                "Authorization": f"Bearer {printed['access_token']}",
            },
        )
        for _ in range(80):
            response = streams.enter_context(urllib.request.urlopen(request, timeout=5))
            assert response.readline().startswith(b"data:")


def stream(printed: dict[str, str]) -> bytes:
    request = urllib.request.Request(
        f"{printed['base_url']}/systems/{printed['system_id']}/live_data",
        headers={"key": printed["api_key"], "Authorization": f"Bearer {printed['access_token']}"},
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        body: bytes = response.read()
    return body


def test_wire_plan_and_faults_are_options() -> None:
    with serving("--speed", "1000", "--wire", "windows", "--fault", "close:after_events=3") as (
        _,
        printed,
    ):
        assert stream(printed).startswith(b"\xef\xbb\xbfdata:")
        assert stream(printed).count(b"\r\n\r\n") == 30
    with serving("--plan", "watt") as (_, printed), pytest.raises(HTTPError, match="401"):
        stream(printed)


def test_a_recording_is_played_back_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "site.jsonl"
    lines = [
        {"format": "enphase-streaming-recording", "version": 1},
        {"at": 0.5, "open": {"status": 200, "content_type": "text/event-stream"}},
        {"at": 1.0, "bytes": base64.b64encode(b"da").decode()},
        {"at": 20.0, "bytes": base64.b64encode(b"ta: \xff\r\r").decode()},
        {"at": 30.5, "end": "planned"},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    with serving(str(path), "--speed", "100", command="replay") as (_, printed):
        before = time.monotonic()
        assert stream(printed) == b"data: \xff\r\r"
        assert time.monotonic() - before >= 0.3


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_quietly_on_a_signal(end: signal.Signals) -> None:
    with serving() as (process, printed):
        with pytest.raises(HTTPError), urllib.request.urlopen(printed["base_url"], timeout=5):
            pass
        os.kill(process.pid, end)
        out, err = process.communicate(timeout=5)
        assert (process.returncode, out, err) == (0, "", "")


def test_it_warns_when_other_hosts_can_reach_it() -> None:
    with serving("--host", "0.0.0.0") as (process, _):
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=5)
    assert err == (
        "enphase-mock: listening on 0.0.0.0: every host that reaches this one can use the mock\n"
    )


def test_a_taken_port_is_reported_with_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    with MockServer() as mock:
        port = mock.base_url.removesuffix("/api/v4").rpartition(":")[2]
        assert main(["serve", "--port", port]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"cannot listen on 127.0.0.1, port {port}" in err
    assert "Choose another --port" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve", "--scenario", "nope"], "choose from sunny-day, passing-clouds, "),
        (["serve", "--speed", "0"], "speed must be a number from 0.001 to 1,000, got 0.0"),
        (["serve", "--speed", "nan"], "speed must be a number from 0.001 to 1,000, got nan"),
        (["serve", "--speed", "fast"], "invalid float value: 'fast'"),
        (["serve", "--port", "65536"], "give an int from 0 to 65535"),
        (["serve", "--port", "-1"], "give an int from 0 to 65535"),
        (["serve", "--seed", "1.5"], "invalid int value: '1.5'"),
        (
            ["serve", "--host", "no.such.host.invalid", "--port", "0"],
            "cannot listen on no.such.host.invalid",
        ),
        (["serve", "--wire", "x"], "choose from plain, published"),
        (["serve", "--plan", "x"], "choose from unlimited, watt"),
        (["serve", "--fault", "x"], "fault must be one of reset, drop"),
        (
            ["serve", "--fault", "drop:after_events=x"],
            "after_events must be an int from 0 to 1,000,000, got x",
        ),
        (["serve", "--fault", "drop:x=1"], "Fault drop takes no x; it takes after_events"),
        (["replay", "/no/such/file"], "cannot read /no/such/file: No such file"),
        (["replay", __file__], "is no recording"),
        ([], "required: command"),
    ],
)
def test_bad_arguments_exit_with_2_and_a_reason(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = main(arguments)
    except SystemExit as stop:  # argparse leaves that way
        code = stop.code
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert said in err.replace("'", "") or said in err


def test_scenarios_are_listed_with_their_summaries(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["scenarios"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == list(SCENARIOS)
    assert all(line.partition("  ")[2].strip() for line in lines)


def printing_to(out: TextIO, *arguments: str) -> int | str | None:
    with redirect_stdout(out):
        try:
            return main(arguments)
        except SystemExit as stop:  # argparse leaves that way
            return stop.code


PRINTING = [["scenarios"], ["serve", "--help"], ["serve", "--port", "0"]]


@pytest.mark.parametrize("command", PRINTING, ids=" ".join)
def test_a_closed_pipe_is_no_failure(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with unwritable("gone") as gone:
        assert printing_to(gone, *command) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("command", PRINTING, ids=" ".join)
def test_output_that_cannot_be_written_is_reported(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with unwritable("full") as full:
        assert printing_to(full, *command) == 2
    assert capsys.readouterr().err == (
        "enphase-mock: the output cannot be written: No space left on device\n"
    )


def test_an_ascii_terminal_gets_the_help() -> None:
    with io.TextIOWrapper(io.BytesIO(), "ascii") as out:
        assert printing_to(out, "serve", "--help") == 0
        out.seek(0)
        assert "OPTION=VALUE,?" in out.read()


def test_an_interrupt_during_the_start_prints_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupt_the_import_of("enphase_streaming_mock.server", monkeypatch)
    assert main(["serve"]) == 0
    assert capsys.readouterr() == ("", "")


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code is None or left.value.code == 0
    assert capsys.readouterr().out == f"enphase-mock {version('enphase-streaming')}\n"


def test_missing_packages_are_reported_with_the_extra() -> None:
    done = subprocess.run(
        [
            sys.executable, "-c",
            "import sys; sys.modules['aiohttp'] = None\n"
            "from enphase_streaming_mock.cli import main; sys.exit(main(['serve', '--port', '0']))",
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'enphase-streaming[mock]'" in done.stderr
    assert "Traceback" not in done.stderr
