"""`watch` over many streams, `record` and `budget`, as they are started from a shell."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from enphase_streaming_mock import MockServer
from scripted import STREAM_HEAD, Peer, Scripted, scripted
from shell import (
    COMMAND,
    REAL,
    after_the_screen,
    environment,
    inside,
    left_clean,
    run,
    terminal,
    wait_until_asleep,
)
from token_endpoint import send_json

SPEED = 50
FAST = ["--clock-speed", str(SPEED)]
WATCH = ["watch", *FAST, "--duration", "30"]


class Site:
    """A scripted site: each connection goes the next way; the last one goes on for good."""

    def __init__(self, *ways: str) -> None:
        self._ways = list(ways)
        self.opened = 0

    def __call__(self, peer: Peer) -> None:
        way = self._ways[min(self.opened, len(self._ways) - 1)]
        self.opened += 1
        if way.isdigit():
            error = {"code": int(way), "status": "SERVICE_UNREACHABLE", "message": "Try again"}
            send_json(peer, f"{way} Unreachable", {"error": error, "type": "server_error"})
            return
        peer.send(STREAM_HEAD)
        for second in range(30):
            peer.chunk(self._event())
            if way == "drops" and second == 2:
                peer.reset()
                return
            time.sleep(1 / SPEED)
        peer.end()

    def _event(self) -> bytes:
        epoch = int(datetime.now(UTC).timestamp() * 1000)
        reading = {"data": {"pv_power": 4210, "grid_power": -880}, "timestamp_epoch": epoch}
        return b"data:" + json.dumps(reading).encode() + b"\n\n"


@contextmanager
def site(*ways: str) -> Iterator[tuple[Scripted, dict[str, str]]]:
    given = {"ENPHASE_API_KEY": "planted-key", "ENPHASE_ACCESS_TOKEN": "planted-token"}
    with scripted(Site(*ways)) as server:
        yield (
            server,
            environment(None, **given, ENPHASE_SYSTEM_ID="1765", ENPHASE_BASE_URL=server.base_url),
        )


# --- watch ----------------------------------------------------------------------------------------


def test_it_goes_on_until_the_budget_is_spent(enphase_mock: MockServer) -> None:
    done = run(*WATCH, "--calls", "2", env=environment(enphase_mock))
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 60)
    opening, last = done.stderr.splitlines()
    assert re.fullmatch(
        r"This opens up to 2 streams of the mock at [\d.:]+, which costs nothing\.", opening
    )
    assert re.fullmatch(r"The budget is spent\. 60 readings in 6\d s, 2 calls, free\.", last)


def test_dollars_are_a_limit_as_well(enphase_mock: MockServer) -> None:
    done = inside(*WATCH, "--dollars", "0.1", "--json", env=environment(enphase_mock))
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 30)
    assert "1 call, free." in done.stderr


def test_a_failure_is_waited_out_with_its_reason_and_counted_as_a_gap() -> None:
    with site("drops", "550", "whole") as (_, env):
        done = inside(*WATCH, "--calls", "3", env=env)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 33)
    _, first, second, gap, last = done.stderr.splitlines()
    assert re.fullmatch(r"Next try in \d s\. The connection broke .* after 3 readings: .*", first)
    assert re.fullmatch(
        r"Next try in \d s\. The API refused: 550 SERVICE_UNREACHABLE: Try again\. .*", second
    )
    assert re.fullmatch(r"No readings from [\d:]{8} to [\d:]{8}\.", gap)
    assert re.fullmatch(r"The budget is spent\. 33 readings in \d+ s, 1 gap, 3 calls, free\.", last)


def test_a_budget_spent_before_the_failure_was_mended_has_its_own_exit_code() -> None:
    with site("whole", "drops") as (_, env):
        done = inside(*WATCH, "--calls", "2", env=env)
    assert (done.returncode, len(done.stdout.splitlines())) == (5, 33)
    last = done.stderr.splitlines()[-1]
    assert "The budget is spent. The last failure: The connection" in last
    assert re.search(r" 33 readings in \d+ s, 2 calls, free\.$", last)


@pytest.mark.enphase_mock(speed=2)
def test_a_reader_who_has_enough_ends_it_quietly(enphase_mock: MockServer) -> None:
    line = " ".join([*COMMAND[:2], "'" + COMMAND[2] + "'", "watch", "--unlimited", "--json"])
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line} --clock-speed 2 | head -3"],
        env=environment(enphase_mock),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 3)
    assert len(done.stderr.splitlines()) == 1  # what it costs


def test_a_terminal_shows_what_is_spent_and_left(enphase_mock: MockServer) -> None:
    with terminal(*WATCH, "--calls", "2", env=environment(enphase_mock)) as screen:
        screen.read_until("0 calls left")
        code = screen.finish()
    assert code == 0
    assert left_clean(screen.text)
    assert "1 call left" in screen.text
    left = after_the_screen(screen.text)
    assert re.search(r"Window +\d s +left of 30 s", left)
    assert re.search(r"Readings +60", left)
    assert left.rstrip().endswith("2 calls, free.")


def test_a_terminal_shows_why_it_waits() -> None:
    # The wait after a 473 is 300 s, which are 6 s of the real clock here.
    with (
        site("drops", "473") as (_, env),
        terminal(*WATCH, "--calls", "3", env=env) as screen,
    ):
        screen.read_until("The API refused: 473 SERVICE_UNREACHABLE")
        screen.process.send_signal(signal.SIGINT)
        code = screen.finish()
    assert re.search(r"Next try in [23]\d\d s\.", screen.text)
    assert code == 130
    assert left_clean(screen.text)
    last = after_the_screen(screen.text).rstrip().splitlines()[-1]
    assert re.search(r"3 readings in \d+ s, 1 gap, 2 calls, free\.$", last)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.enphase_mock(speed=10)
def test_interrupted_it_sums_up(enphase_mock: MockServer, end: signal.Signals) -> None:
    with terminal(
        "watch", "--unlimited", "--clock-speed", "10", env=environment(enphase_mock)
    ) as screen:
        screen.read_until("export")
        screen.process.send_signal(end)
        code = screen.finish()
    assert code == 130
    last = after_the_screen(screen.text).rstrip().splitlines()[-1]
    assert re.fullmatch(r"Interrupted\. \d+ readings? in \d+ s, 1 call, free\.", last)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["watch"], "Say how much may be spent"),
        (["watch", "--calls", "1", "--unlimited"], "Say how much may be spent"),
        (["watch", "--calls", "0"], "--calls is '0'; give a whole number from 1 to"),
        (["watch", "--calls", "abc"], "--calls is 'abc'; give a whole number from 1 to"),
        (["watch", "--dollars", "0.05"], "--dollars is '0.05'; give a number from 0.1"),
        (["watch", "--dollars", "nan"], "--dollars is 'nan'"),
        (["watch", "--calls", "1", "--plan", "watt"], "plans that can stream are kilowatt"),
        (["watch", "--calls", "1", "--plan", "gigawatt"], "--plan is 'gigawatt'; the plans"),
        (["watch", "--calls", "1", "--duration", "301"], "--duration is '301'"),
        (["watch", "--once", "--calls", "1"], "--once is a limit already"),
        (["record", "1765", "/dev/null/x"], "Say how much may be spent"),
        (["record", "1765", "/", "--calls", "1"], "exists; choose another name"),
        (["record", "1765", "/nonexistent/x", "--calls", "1", "--yes"], "cannot be written"),
        (["budget", "--sites", "0"], "--sites is '0'; give a whole number from 1 to 1,000,000"),
        (["budget", "--plan", "gigawatt"], "--plan is 'gigawatt'; the plans are watt, kilowatt"),
    ],
)
def test_bad_input_is_refused_before_any_call(
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from enphase_streaming.cli import main

    for name, value in REAL.items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in " ".join(err.split())
    assert "This opens" not in err
    assert "planted" not in err


@pytest.mark.parametrize(
    ("arguments", "price"),
    [
        (["watch", "--calls", "12"], "up to 12 streams of the real API: 12 calls, $1.20 at most."),
        (["watch", "--unlimited"], "$0.10 each, and 288 calls, $28.80 a day in windows of 300 s."),
        (["record", "1765", "FILE", "--dollars", "2"], "20 calls, $2.00 at most."),
    ],
)
def test_what_it_costs_at_most_is_asked_about(
    arguments: list[str], price: str, tmp_path: Path
) -> None:
    file = tmp_path / "site.jsonl"
    arguments = [str(file) if each == "FILE" else each for each in arguments]
    env = environment(None, **REAL)
    done = inside(*arguments, env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{price} Nobody is here to agree to that; give --yes" in done.stderr
    with terminal(*arguments, env=env) as screen:
        screen.read_until("[y/N] ")
        os.write(screen.master, b"n\n")
        assert screen.finish() == 2
    assert f"{price} Go on? [y/N] " in " ".join(screen.text.split())
    assert not file.exists()


# --- record ---------------------------------------------------------------------------------------


def test_a_recording_holds_what_was_sent(enphase_mock: MockServer, tmp_path: Path) -> None:
    file = tmp_path / "site.jsonl"
    env = environment(enphase_mock)
    arguments = ["record", "1765", str(file), "--calls", "1", "--duration", "30", *FAST]
    done = run(*arguments, env=env)
    assert (done.returncode, done.stdout) == (0, "")
    _, last, size = done.stderr.splitlines()
    assert re.fullmatch(r"The budget is spent\. 30 readings in 3\d s, 1 call, free\.", last)
    assert re.fullmatch(rf"\d+ kB in {file}\.", size)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    received = b"".join(base64.b64decode(line["bytes"]) for line in lines if "bytes" in line)
    assert received.count(b"pv_power") == 30
    assert lines[-1]["end"] == "planned"

    again = inside(*arguments, env=env)
    assert again.returncode == 2
    assert again.stderr == (
        f"enphase-streaming: {file} exists; choose another name, or give --overwrite.\n"
    )
    assert inside(*arguments, "--overwrite", env=env).returncode == 0


def test_a_recording_says_once_a_minute_how_far_it_is(
    enphase_mock: MockServer, tmp_path: Path
) -> None:
    file = str(tmp_path / "x")
    arguments = ["record", "1765", file, "--calls", "1", "--duration", "130", *FAST]
    done = inside(*arguments, env=environment(enphase_mock))
    progress = done.stderr.splitlines()[1:-2]
    assert len(progress) == 2
    assert all(re.fullmatch(r"\d+ readings, \d+ kB, 1 call, free\.", line) for line in progress)


def test_a_recording_on_a_terminal_is_the_live_view_and_the_size(
    enphase_mock: MockServer, tmp_path: Path
) -> None:
    arguments = ["record", "1765", str(tmp_path / "x.jsonl"), "--calls", "1", "--duration", "30"]
    with terminal(*arguments, *FAST, env=environment(enphase_mock)) as screen:
        code = screen.finish()
    assert code == 0
    assert re.search(r"Readings +30 +\d+ kB in x\.jsonl", after_the_screen(screen.text))


def test_a_recording_that_cannot_be_written_on_ends_it(enphase_mock: MockServer) -> None:
    arguments = ["record", "1765", "/dev/full", "--overwrite", "--unlimited", *FAST]
    done = inside(*arguments, env=environment(enphase_mock))
    assert done.returncode == 4
    assert "the output cannot be written: No space left on device." in done.stderr
    assert len(enphase_mock.requests) == 1


@pytest.mark.enphase_mock(speed=2)
def test_a_recording_that_is_asked_to_end_is_whole(
    enphase_mock: MockServer, tmp_path: Path
) -> None:
    file = tmp_path / "x.jsonl"
    with subprocess.Popen(
        [*COMMAND, "record", "1765", str(file), "--unlimited", "--clock-speed", "2"],
        env=environment(enphase_mock),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not (file.exists() and b'"bytes"' in file.read_bytes()):
            assert process.poll() is None
        wait_until_asleep(process)  # and not in the midst of a line
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert re.search(r"\nInterrupted\. \d+ readings? in \d+ s, 1 call, free\.\n", err)
    assert json.loads(file.read_text().splitlines()[-1])["end"] == "stopped"


# --- budget ---------------------------------------------------------------------------------------


def test_the_plans_are_a_table_or_objects_and_nobody_is_asked() -> None:
    env = environment(None)
    table = inside("budget", "--sites", "10", env=env)
    assert (table.returncode, table.stderr) == (0, "")
    assert re.search(r"Kilowatt +\$249 +50 +50,000 +250 +416\.7 +\$5,249\.00", table.stdout)
    one = inside("budget", "--plan", "Partner", "--json", env=env)
    (offer,) = [json.loads(line) for line in one.stdout.splitlines()]
    assert (offer["plan"], offer["price"]) == ("partner", 864.0)
    with terminal("budget", env=env) as screen:
        assert screen.finish() == 0
    assert "$1,113.00" in screen.text
