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

from enphase_streaming import Plan
from enphase_streaming.cli.reports import offers
from enphase_streaming.core.arguments import MAXIMUM_DURATION, MINIMUM_DURATION
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

# At the fixture's own speed, a busy machine can take longer for a reading than the time-outs last.
SPEED = 20
pytestmark = pytest.mark.enphase_mock(speed=SPEED)
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
        began = time.monotonic()
        for second in range(30):
            peer.chunk(self._event())
            if way == "drops" and second == 2:
                peer.reset()
                return
            # Until a moment, not for a time: delays of a busy machine must not add up.
            time.sleep(max(0.0, began + (second + 1) / SPEED - time.monotonic()))
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


def rows_of(stdout: str) -> int:
    """How many lines of a table are readings."""
    return len(re.findall(r"^\d\d:\d\d:\d\d ", stdout, re.MULTILINE))


# --- watch ----------------------------------------------------------------------------------------


def test_a_watch_ends_when_the_budget_is_used_up(enphase_mock: MockServer) -> None:
    done = run(*WATCH, "--calls", "2", env=environment(enphase_mock))
    assert (done.returncode, rows_of(done.stdout)) == (0, 60)
    opening, last = done.stderr.splitlines()
    assert re.fullmatch(
        r"This opens up to 2 streams of the mock at [\d.:]+, which costs nothing\.", opening
    )
    ended = re.fullmatch(
        r"Done: the budget is used up\. 60 readings in (\d+) s, 2 calls, free\.", last
    )
    # By the mock's clock, which a busy machine lets run on beyond the windows.
    assert ended is not None, last
    assert int(ended[1]) >= 60


def test_dollars_are_a_limit(enphase_mock: MockServer) -> None:
    done = inside(*WATCH, "--dollars", "0.1", "--json", env=environment(enphase_mock))
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 30)
    assert "1 call, free." in done.stderr


def test_a_recovery_prints_its_waits_and_its_gap() -> None:
    with site("drops", "550", "whole") as (_, env):
        done = inside(*WATCH, "--calls", "3", env=env)
    assert (done.returncode, rows_of(done.stdout)) == (0, 33)
    _, first, second, gap, last = done.stderr.splitlines()
    assert re.fullmatch(r"Next call in \d s\. The connection broke .* after 3 readings: .*", first)
    assert re.fullmatch(
        r"Next call in \d s\. API error: 550 SERVICE_UNREACHABLE: Try again\. .*", second
    )
    assert re.fullmatch(r"No readings from [\d:]{8} to [\d:]{8}\.", gap)
    assert re.fullmatch(
        r"Done: the budget is used up\. 33 readings in \d+ s, 1 gap, 3 calls, free\.", last
    )


def test_a_budget_that_runs_out_in_a_recovery_has_its_exit_code() -> None:
    with site("whole", "drops") as (_, env):
        done = inside(*WATCH, "--calls", "2", env=env)
    assert (done.returncode, rows_of(done.stdout)) == (5, 33)
    last = done.stderr.splitlines()[-1]
    assert "The budget ran out before the stream recovered. Last failure: The connection" in last
    assert re.search(r" 33 readings in \d+ s, 2 calls, free\.$", last)


@pytest.mark.enphase_mock(speed=2)
def test_a_pipe_that_is_closed_ends_the_watch_quietly(enphase_mock: MockServer) -> None:
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


def test_a_terminal_shows_calls_spent_and_left(enphase_mock: MockServer) -> None:
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


def test_a_terminal_shows_the_reason_of_a_wait() -> None:
    # The wait after a 473 is 300 s, which are 6 s of the real clock here.
    with (
        site("drops", "473") as (_, env),
        terminal(*WATCH, "--calls", "3", env=env) as screen,
    ):
        screen.read_until("API error: 473 SERVICE_UNREACHABLE")
        screen.process.send_signal(signal.SIGINT)
        code = screen.finish()
    assert re.search(r"Next call in [23]\d\d s\.", screen.text)
    assert code == 130
    assert left_clean(screen.text)
    last = after_the_screen(screen.text).rstrip().splitlines()[-1]
    assert re.search(r"3 readings in \d+ s, 1 gap, 2 calls, free\.$", last)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.enphase_mock(speed=10)
def test_an_interrupt_prints_the_summary(enphase_mock: MockServer, end: signal.Signals) -> None:
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
        (["watch"], "Set one limit: --calls N, --dollars X or --unlimited."),
        (
            ["watch", "--calls", "1", "--unlimited"],
            "Set one limit: --calls N, --dollars X or --unlimited.",
        ),
        (["watch", "--calls", "0"], "--calls must be a whole number from 1 to 1,000,000, got '0'"),
        (
            ["watch", "--calls", "abc"],
            "--calls must be a whole number from 1 to 1,000,000, got 'abc'",
        ),
        (
            ["watch", "--dollars", "0.05"],
            "--dollars must be a number from 0.1 to 100,000, got '0.05'",
        ),
        (
            ["watch", "--dollars", "nan"],
            "--dollars must be a number from 0.1 to 100,000, got 'nan'",
        ),
        (["watch", "--calls", "1", "--plan", "watt"], "a plan that can stream (kilowatt,"),
        (["watch", "--calls", "1", "--plan", "gigawatt"], "partner), got 'gigawatt'"),
        (
            ["watch", "--calls", "1", "--duration", f"{MAXIMUM_DURATION + 1}"],
            f"--duration must be a whole number from {MINIMUM_DURATION} to {MAXIMUM_DURATION:,}, "
            f"got '{MAXIMUM_DURATION + 1}'",
        ),
        (["watch", "--once", "--calls", "1"], "--once cannot be combined with --calls"),
        (
            ["record", "1765", "/dev/null/x"],
            "Set one limit: --calls N, --dollars X or --unlimited.",
        ),
        (["record", "1765", "/", "--calls", "1"], "exists: choose another name"),
        (["record", "1765", "--calls", "1"], "FILE is missing after SYSTEM_ID 1765"),
        (["record", "1765", "x", "y", "--calls", "1"], "at most SYSTEM_ID and FILE, got 3"),
        (["record", "--calls", "1"], "Missing argument '[SYSTEM_ID] FILE'."),
        (["record", "1765", "/nonexistent/x", "--calls", "1", "--yes"], "cannot be written"),
        (["budget", "--sites", "0"], "--sites must be a whole number from 1 to 1,000,000, got '0'"),
        (
            ["budget", "--plan", "gigawatt"],
            "--plan must be a plan (watt, kilowatt, megawatt, partner), got 'gigawatt'",
        ),
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
        (
            ["watch", "--unlimited", "--duration", "120"],
            "$0.10 each, up to 720 calls, $72.00 a day with streams of 120 s.",
        ),
        (["watch", "--unlimited"], f" a day with streams of {MAXIMUM_DURATION} s."),
        (["record", "1765", "FILE", "--dollars", "2"], "20 calls, $2.00 at most."),
    ],
)
def test_the_highest_cost_has_to_be_confirmed(
    arguments: list[str], price: str, tmp_path: Path
) -> None:
    file = tmp_path / "site.jsonl"
    arguments = [str(file) if each == "FILE" else each for each in arguments]
    env = environment(None, **REAL)
    done = inside(*arguments, env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{price} Not a terminal: pass --yes to confirm the cost." in done.stderr
    with terminal(*arguments, env=env) as screen:
        screen.read_until("[y/N] ")
        os.write(screen.master, b"n\n")
        assert screen.finish() == 2
    assert f"{price} Continue? [y/N] " in " ".join(screen.text.split())
    assert not file.exists()


# --- record ---------------------------------------------------------------------------------------


def test_a_recording_holds_the_bytes_of_the_stream(
    enphase_mock: MockServer, tmp_path: Path
) -> None:
    file = tmp_path / "site.jsonl"
    env = environment(enphase_mock)
    arguments = ["record", "1765", str(file), "--calls", "1", "--duration", "30", *FAST]
    done = run(*arguments, env=env)
    assert (done.returncode, done.stdout) == (0, "")
    _, last, size = done.stderr.splitlines()
    assert re.fullmatch(r"Done: the budget is used up\. 30 readings in \d+ s, 1 call, free\.", last)
    assert size == f"{file.stat().st_size / 1000:.1f} kB in {file}."
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    received = b"".join(base64.b64decode(line["bytes"]) for line in lines if "bytes" in line)
    assert received.count(b"pv_power") == 30
    assert lines[-1]["end"] == "planned"

    again = inside(*arguments, env=env)
    assert again.returncode == 2
    assert again.stderr == (
        f"enphase-streaming: {file} exists: choose another name, or pass --overwrite.\n"
    )
    assert inside(*arguments, "--overwrite", env=env).returncode == 0


def test_a_recording_takes_the_site_from_the_environment(
    enphase_mock: MockServer, tmp_path: Path
) -> None:
    file = tmp_path / "site.jsonl"
    arguments = ["record", str(file), "--calls", "1", "--duration", "30", *FAST]
    env = environment(enphase_mock)
    assert inside(*arguments, env=env).returncode == 0
    assert f"/{enphase_mock.system_id}/" in enphase_mock.requests[0].path
    assert json.loads(file.read_text().splitlines()[-1])["end"] == "planned"
    without = {name: value for name, value in env.items() if name != "ENPHASE_SYSTEM_ID"}
    done = inside(*arguments, "--overwrite", env=without)
    assert done.returncode == 2
    assert done.stderr.startswith("enphase-streaming: ENPHASE_SYSTEM_ID is not set: ")


def test_a_recording_prints_progress_once_a_minute(
    enphase_mock: MockServer, tmp_path: Path
) -> None:
    file = str(tmp_path / "x")
    arguments = ["record", "1765", file, "--calls", "1", "--duration", "130", *FAST]
    done = inside(*arguments, env=environment(enphase_mock))
    progress = done.stderr.splitlines()[1:-2]
    assert len(progress) == 2
    assert all(re.fullmatch(r"\d+ readings, \d+\.\d kB, 1 call, free\.", line) for line in progress)


def test_a_recording_on_a_terminal_has_the_live_view_and_its_size(
    enphase_mock: MockServer, tmp_path: Path
) -> None:
    arguments = ["record", "1765", str(tmp_path / "x.jsonl"), "--calls", "1", "--duration", "30"]
    with terminal(*arguments, *FAST, env=environment(enphase_mock)) as screen:
        code = screen.finish()
    assert code == 0
    assert re.search(r"Readings +30 +\d+\.\d kB in x\.jsonl", after_the_screen(screen.text))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_ends_a_recording(enphase_mock: MockServer) -> None:
    arguments = ["record", "1765", "/dev/full", "--overwrite", "--unlimited", *FAST]
    done = inside(*arguments, env=environment(enphase_mock))
    assert done.returncode == 4
    assert "the output cannot be written: No space left on device." in done.stderr
    assert len(enphase_mock.requests) == 1


@pytest.mark.enphase_mock(speed=2)
def test_an_interrupted_recording_is_complete(enphase_mock: MockServer, tmp_path: Path) -> None:
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


def test_the_plans_are_a_table_or_objects() -> None:
    env = environment(None)
    table = inside("budget", "--sites", "10", env=env)
    assert (table.returncode, table.stderr) == (0, "")
    (found,) = offers([Plan.KILOWATT], 10)
    figures = rf"{found.sites_at_once} +{found.hours_per_site:.1f} +\${found.price:,.2f}"
    assert re.search(rf"Kilowatt +\$249 +50 +50,000 +{figures}", table.stdout)
    one = inside("budget", "--plan", "Partner", "--json", env=env)
    (offer,) = [json.loads(line) for line in one.stdout.splitlines()]
    (found,) = offers([Plan.PARTNER], 1)
    assert offer == json.loads(json.dumps(found._asdict()))
    with terminal("budget", env=env) as screen:
        assert screen.finish() == 0
    (found,) = offers([Plan.KILOWATT], 1)
    assert f"${found.price:,.2f}" in screen.text
