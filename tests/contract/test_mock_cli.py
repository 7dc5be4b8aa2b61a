"""`enphase-mock` as it is started from a shell."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError

import pytest

from enphase_streaming_mock import MockServer
from enphase_streaming_mock.cli import main

COMMAND = [
    sys.executable,
    "-c",
    "import sys; from enphase_streaming_mock.cli import main; sys.exit(main())",
]


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The running command and what it printed on start."""
    with subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, dict(process.stdout.readline().split() for _ in range(4))
        finally:
            process.kill()


def test_what_it_prints_on_start_opens_a_stream() -> None:
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


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_quietly_when_asked_to(end: signal.Signals) -> None:
    with serving() as (process, printed):
        with pytest.raises(HTTPError), urllib.request.urlopen(printed["base_url"], timeout=5):
            pass
        os.kill(process.pid, end)
        out, err = process.communicate(timeout=5)
        assert (process.returncode, out, err) == (0, "", "")


def test_it_says_so_when_others_can_reach_it() -> None:
    with serving("--host", "0.0.0.0") as (process, _):
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=5)
    assert err == (
        "enphase-mock: listening on 0.0.0.0: whoever reaches this machine reaches the mock\n"
    )


def test_a_taken_port_is_named_with_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
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
        (["serve", "--scenario", "nope"], "choose from sunny-day, night, outage"),
        (["serve", "--speed", "0"], "between 0.001 and 1000"),
        (["serve", "--speed", "nan"], "between 0.001 and 1000"),
        (["serve", "--speed", "fast"], "invalid float value: 'fast'"),
        (["serve", "--port", "65536"], "give a number from 0 to 65535"),
        (["serve", "--port", "-1"], "give a number from 0 to 65535"),
        (["serve", "--seed", "1.5"], "invalid int value: '1.5'"),
        (
            ["serve", "--host", "no.such.host.invalid", "--port", "0"],
            "cannot listen on no.such.host.invalid",
        ),
        ([], "required: command"),
    ],
)
def test_what_it_cannot_do_ends_with_2_and_says_why(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = main(arguments)
    except SystemExit as stop:  # argparse leaves that way
        code = stop.code
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert said in err.replace("'", "") or said in err


def test_the_scenarios_are_listed_with_what_happens_in_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["scenarios"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == ["sunny-day", "night", "outage"]


def test_without_its_packages_it_says_what_to_install() -> None:
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
