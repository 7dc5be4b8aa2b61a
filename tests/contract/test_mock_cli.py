"""`enphase-mock` as it is started from a shell."""

import base64
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO
from urllib.error import HTTPError

import pytest

from enphase_streaming_mock import SCENARIOS, MockServer
from enphase_streaming_mock.cli import main
from shell import COMMAND as CLIENT
from shell import environment, unwritable
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
    """The running command and the variables that it printed on start."""
    with subprocess.Popen(
        [*through, *COMMAND, command, "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline() for _ in range(7)]
            assert lines[6].startswith("# console: http://")
            yield process, dict(shlex.split(line)[1].split("=", 1) for line in lines[:6])
        finally:
            process.kill()


def test_the_printed_values_open_a_stream() -> None:
    with serving("--speed", "1000", "--scenario", "night", "--seed", "7") as (_, printed):
        request = urllib.request.Request(
            f"{printed['ENPHASE_BASE_URL']}/systems/{printed['ENPHASE_SYSTEM_ID']}/live_data",
            headers={
                "key": printed["ENPHASE_API_KEY"],
                "Authorization": f"Bearer {printed['ENPHASE_ACCESS_TOKEN']}",
            },
        )
        with urllib.request.urlopen(request, timeout=5) as response:
            events = response.read().split(b"\n\n")
    assert len(events) == 31
    assert json.loads(events[0].removeprefix(b"data:"))["data"]["pv_power"] == 0


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_shell_can_evaluate_what_is_printed(unbuffered: str) -> None:
    # Written line by line, its output would end the mock with the reader of six lines.
    script = """
        mkfifo printed
        "$@" --port 0 >printed &
        eval "$(head -n 6 printed)"
        env | grep ^ENPHASE_ | sort
        curl --silent --output /dev/null --write-out '%{http_code}\\n' "$ENPHASE_BASE_URL"
        kill $!
    """
    with TemporaryDirectory() as folder:
        run = subprocess.run(
            ["sh", "-c", script, "sh", *COMMAND, "serve"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=20,
            env={name: value for name, value in os.environ.items() if "ENPHASE" not in name}
            | {"PYTHONUNBUFFERED": unbuffered},
        )
    *variables, answered = re.sub(r":\d+/", ":PORT/", run.stdout).splitlines()
    assert answered == "404"
    assert variables == [
        "ENPHASE_ACCESS_TOKEN=mock-access-token",
        "ENPHASE_API_KEY=mock-api-key",
        "ENPHASE_BASE_URL=http://127.0.0.1:PORT/api/v4",
        "ENPHASE_CLIENT_ID=mock-client-id",
        "ENPHASE_CLIENT_SECRET=mock-client-secret",
        "ENPHASE_SYSTEM_ID=1765",
    ]


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves the browser at the address that it would go to."""

    def redirect_request(self, *_: object) -> None:
        return None


def test_the_owner_logs_in_from_start_to_end(tmp_path: Path) -> None:
    store = tmp_path / "tokens.json"
    with serving("--speed", "100") as (_, printed):
        variables = environment(None, **printed, ENPHASE_TOKEN_FILE=str(store))
        del variables["ENPHASE_ACCESS_TOKEN"]
        redirect_uri = "https://app.example/in"
        with subprocess.Popen(
            [*CLIENT, "login", "--redirect-uri", redirect_uri],
            env=variables,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as login:
            assert login.stdin is not None
            assert login.stderr is not None
            url = next(line.strip() for line in login.stderr if "/oauth/authorize?" in line)
            opener = urllib.request.build_opener(NoRedirect)
            with pytest.raises(HTTPError, match="302") as moved:
                opener.open(url, timeout=5)
            address = moved.value.headers["Location"]
            moved.value.close()
            assert address.startswith(f"{redirect_uri}?state=")
            login.stdin.write(f"{address}\n")
            login.stdin.flush()
            said = login.stderr.read()
            assert (login.wait(20), "Logged in." in said) == (0, True), said
        shown = subprocess.run(
            [*CLIENT, "watch", "--once", "--json", "--clock-speed", "100"],
            env=variables,
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert '"pv_power"' in shown.stdout, shown.stderr


@pytest.mark.parametrize("ending", ["a reader that has gone", "a signal"])
def test_the_demo_leaves_no_mock_behind(ending: str, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name, command in (("enphase-mock", COMMAND), ("enphase-streaming", CLIENT)):
        script = bin_folder / name
        noted = f"echo $$ >{pid}\n" if name == "enphase-mock" else ""
        script.write_text(f'#!/bin/sh\n{noted}exec {shlex.join(command)} "$@"\n')
        script.chmod(0o755)
    demo = Path(__file__).parents[2] / "mock" / "demo.sh"
    shown, output = os.pipe()
    with subprocess.Popen(
        ["sh", demo, bin_folder],
        env=environment(None),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    ) as process:
        os.close(output)
        if ending == "a signal":
            os.read(shown, 1)
            process.terminate()
            while os.read(shown, 65536):
                pass
        os.close(shown)
        assert process.wait(40) != 0
    assert not is_running(int(pid.read_text()))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_raises_the_limit_of_open_files() -> None:
    shell = ("sh", "-c", 'ulimit -Sn 64 && exec "$@"', "sh")
    with serving(through=shell) as (_, printed), ExitStack() as streams:
        request = urllib.request.Request(
            f"{printed['ENPHASE_BASE_URL']}/systems/{printed['ENPHASE_SYSTEM_ID']}/live_data",
            headers={
                "key": printed["ENPHASE_API_KEY"],
                "Authorization": f"Bearer {printed['ENPHASE_ACCESS_TOKEN']}",
            },
        )
        for _ in range(80):
            response = streams.enter_context(urllib.request.urlopen(request, timeout=5))
            assert response.readline().startswith(b"data:")


def stream(printed: dict[str, str]) -> bytes:
    request = urllib.request.Request(
        f"{printed['ENPHASE_BASE_URL']}/systems/{printed['ENPHASE_SYSTEM_ID']}/live_data",
        headers={
            "key": printed["ENPHASE_API_KEY"],
            "Authorization": f"Bearer {printed['ENPHASE_ACCESS_TOKEN']}",
        },
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
    with serving("--plan", "watt") as (_, printed), pytest.raises(HTTPError) as refused:
        stream(printed)
    with refused.value as error:
        assert error.code == 401


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
        with (
            pytest.raises(HTTPError) as refused,
            urllib.request.urlopen(printed["ENPHASE_BASE_URL"], timeout=5),
        ):
            pass
        refused.value.close()
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
