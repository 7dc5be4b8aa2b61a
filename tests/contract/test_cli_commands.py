"""`enphase-streaming` as it is started from a shell, against the mock."""

import io
import json
import os
import re
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from enphase_streaming import __version__
from enphase_streaming.cli import main
from enphase_streaming.core.arguments import MAXIMUM_DURATION, MINIMUM_DURATION
from enphase_streaming_mock import MockServer
from shell import (
    COMMAND,
    REAL,
    after_the_screen,
    environment,
    inside,
    left_clean,
    printing_to,
    run,
    terminal,
    unwritable,
)
from starting import interrupt_the_import_of

# At the fixture's own speed, a busy machine can take longer for a reading than the time-outs last.
SPEED = 20
pytestmark = pytest.mark.enphase_mock(speed=SPEED)
WATCH = ["watch", "--once", "--clock-speed", str(SPEED)]


def test_a_pipe_gets_a_table_of_80_columns(enphase_mock: MockServer) -> None:
    done = run(*WATCH, env=environment(enphase_mock))
    state, heading, *rows = done.stdout.splitlines()
    assert (done.returncode, len(rows)) == (0, 30)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d  On Grid  Self-consumption", state)
    assert heading.split() == ["Time", "Solar", "Consumption", "Battery", "Grid", "Charge"]
    row = r"[\d:]{8} +\d+ W +\d+ W +\d+ W charging +\d+ W export +\d+ %"
    assert all(re.fullmatch(row, each) and len(each) <= 80 for each in rows)
    opening, last = done.stderr.splitlines()
    assert opening.startswith("This opens one stream of the mock at 127.0.0.1:")
    said = r"Done: the stream ended as planned\. 30 readings in (\d+) s, 1 call, free\."
    found = re.fullmatch(said, last)
    assert found is not None, last
    # By the mock's clock, which a busy machine lets run on beyond the window.
    assert int(found[1]) >= 30


def test_json_is_an_object_a_line_and_nothing_else(enphase_mock: MockServer) -> None:
    done = inside(*WATCH, "--json", env=environment(enphase_mock))
    readings = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, len(readings)) == (0, 30)
    assert all(each["system_id"] == 1765 and "timestamp" in each for each in readings)


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_pipe_that_is_closed_ends_the_stream_quietly(
    enphase_mock: MockServer, more: list[str]
) -> None:
    with subprocess.Popen(
        [*COMMAND, *WATCH, *more],
        env=environment(enphase_mock),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(3):
            assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 0
        assert len(process.stderr.read().splitlines()) == 1  # what it costs


WRITING = [
    WATCH,
    ["snapshot"],
    ["snapshot", "--json"],
    ["budget"],
    ["budget", "--json"],
    ["--help"],
]


@pytest.mark.parametrize("command", WRITING, ids=" ".join)
def test_output_that_cannot_be_written_is_reported_in_one_line(
    enphase_mock: MockServer, command: list[str]
) -> None:
    with unwritable("full") as full:
        done = printing_to(full, *command, env=environment(enphase_mock))
    assert done.returncode == 4
    said = [line for line in done.stderr.splitlines() if not line.startswith("This opens")]
    assert said == ["enphase-streaming: the output cannot be written: No space left on device."]


@pytest.mark.parametrize("command", WRITING, ids=" ".join)
def test_a_broken_pipe_is_no_failure(enphase_mock: MockServer, command: list[str]) -> None:
    with unwritable("gone") as gone:
        done = printing_to(gone, *command, env=environment(enphase_mock))
    assert done.returncode == 0
    assert [line for line in done.stderr.splitlines() if not line.startswith("This opens")] == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_python_reports_no_lost_output_at_exit() -> None:
    # A shell's pipe; and Python, which flushes once more when it ends, says nothing of it.
    line = " ".join([*COMMAND[:2], "'" + COMMAND[2] + "'", "budget"])
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line} | true; echo $? >&2; {line} >/dev/full"],
        env=environment(None),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stderr.splitlines()) == (
        4,
        ["0", "enphase-streaming: the output cannot be written: No space left on device."],
    )


@pytest.mark.parametrize("command", [WATCH, ["snapshot"]], ids=" ".join)
def test_a_closed_stdout_spends_nothing(enphase_mock: MockServer, command: list[str]) -> None:
    done = printing_to(None, *command, env=environment(enphase_mock))
    assert done.returncode == 4
    assert done.stderr == (
        "enphase-streaming: stdout is closed; redirect it to a file or /dev/null.\n"
    )
    assert enphase_mock.requests == []


def test_a_closed_stdin_cannot_confirm_the_cost() -> None:
    done = printing_to(io.StringIO(), "snapshot", env=environment(None, **REAL), answers=None)
    assert done.returncode == 2
    assert "Not a terminal: pass --yes to confirm the cost." in done.stderr


def test_a_closed_stderr_leaves_stdout_to_the_readings(
    enphase_mock: MockServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(enphase_mock).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["snapshot", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["grid_status"] == "On Grid"


def test_the_version_is_printed() -> None:
    assert inside("--version", env=environment(None)) == (
        0,
        f"enphase-streaming {__version__}\n",
        "",
    )


def test_it_runs_as_a_module(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["enphase_streaming", "--version"])
    with pytest.raises(SystemExit) as left:
        runpy.run_module("enphase_streaming", run_name="__main__")
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("enphase-streaming ")


def test_an_interrupt_at_the_start_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupt_the_import_of("enphase_streaming.cli.app", monkeypatch)
    assert main(["budget"]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("module", ["enphase_streaming.cli.app", "typer", "httpx", "rich.table"])
@pytest.mark.parametrize(
    "start",
    [
        "from enphase_streaming.cli import main; sys.exit(main())",
        "runpy.run_module('enphase_streaming', run_name='__main__')",
    ],
    ids=["script", "module"],
)
def test_an_interrupt_while_modules_load_has_no_traceback(module: str, start: str) -> None:
    code = f"""
import runpy, sys

class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
sys.argv = ["enphase-streaming", "budget"]
{start}
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 130
    assert done.stderr in ("", "Interrupted.\n")


def test_help_loads_no_client() -> None:
    code = (
        "import sys; from enphase_streaming.cli import main; main(['--help']); "
        "sys.exit('httpx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL).returncode == 0


def test_a_terminal_gets_the_live_view(enphase_mock: MockServer) -> None:
    with terminal(*WATCH, env=environment(enphase_mock)) as screen:
        code = screen.finish()
    assert code == 0
    assert left_clean(screen.text)
    left = after_the_screen(screen.text)
    assert "Site 1765 at " in left
    assert "← export" in left
    assert "0 s  left of 30 s" in left
    last = left.rstrip().splitlines()[-1]
    said = r"Done: the stream ended as planned\. 30 readings in (\d+) s, 1 call, free\."
    found = re.fullmatch(said, last)
    assert found is not None, last
    # By the mock's clock, which a busy machine lets run on beyond the window.
    assert int(found[1]) >= 30
    # Drawn over and never erased: an erased line is what flickers.
    drawn = screen.text.partition("\x1b[?1049h")[2].partition("\x1b[?1049l")[0]
    assert drawn.count("Site") > 5
    assert "\x1b[2K" not in drawn


@pytest.mark.enphase_mock(speed=2)
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_prints_the_summary_and_restores_the_terminal(
    enphase_mock: MockServer, end: signal.Signals
) -> None:
    arguments = ["watch", "--once", "--clock-speed", "2"]
    with terminal(*arguments, env=environment(enphase_mock)) as screen:
        screen.read_until("export")
        screen.process.send_signal(end)
        code = screen.finish()
    assert code == 130
    assert left_clean(screen.text)
    last = after_the_screen(screen.text).rstrip().splitlines()[-1]
    assert re.fullmatch(r"Interrupted. \d+ readings? in \d+ s, 1 call, free.", last)
    assert "Traceback" not in screen.text


@pytest.mark.enphase_mock(speed=2)
def test_an_interrupt_in_a_pipe_prints_the_summary_on_stderr(enphase_mock: MockServer) -> None:
    with subprocess.Popen(
        [*COMMAND, "watch", "--once", "--clock-speed", "2"],
        env=environment(enphase_mock),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert re.fullmatch(r"Interrupted. \d+ readings? in \d+ s, 1 call, free.", err.splitlines()[-1])


def test_a_snapshot_is_a_table_or_an_object(enphase_mock: MockServer) -> None:
    table = run("snapshot", env=environment(enphase_mock))
    assert table.returncode == 0
    assert "Time       Solar Consumption " in table.stdout
    assert " W charging " in table.stdout
    done = inside("snapshot", "--json", env=environment(enphase_mock))
    assert json.loads(done.stdout)["grid_status"] == "On Grid"


def test_missing_credentials_are_reported_in_one_line() -> None:
    done = inside("snapshot", env=environment(None))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "enphase-streaming: ENPHASE_API_KEY, ENPHASE_ACCESS_TOKEN and ENPHASE_SYSTEM_ID are not set"
    )
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", [["watch", "--once"], ["snapshot"]])
def test_a_cost_that_cannot_be_confirmed_names_yes(command: list[str]) -> None:
    done = inside(*command, env=environment(None, **REAL))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "enphase-streaming: This opens one stream of the real API: 1 call, $0.10. "
        "Not a terminal: pass --yes to confirm the cost.\n"
    )


@pytest.mark.parametrize("answer", ["n\n", "\n", "\x04"])
def test_a_cost_that_is_not_confirmed_opens_nothing(answer: str) -> None:
    with terminal("watch", "--once", env=environment(None, **REAL)) as screen:
        screen.read_until("[y/N] ")
        os.write(screen.master, answer.encode())
        code = screen.finish()
    assert code == 2
    assert "This opens one stream of the real API: 1 call, $0.10. Continue? [y/N] " in screen.text
    assert screen.text.rstrip().endswith("Cancelled: no stream was opened, and nothing was spent.")


def test_an_interrupt_at_the_question_opens_nothing() -> None:
    with terminal("snapshot", env=environment(None, **REAL)) as screen:
        screen.read_until("[y/N] ")
        # Python misses a signal of the instant before its read begins until that read is over.
        screen.wait_until_it_reads()
        screen.process.send_signal(signal.SIGINT)
        code = screen.finish()
    assert code == 130
    assert screen.text.rstrip().endswith("Interrupted.")


@pytest.mark.parametrize(
    ("arguments", "more", "code", "said"),
    [
        (["watch"], {}, 2, "--calls N, --dollars X or --unlimited"),
        (
            ["watch", "--once", "--duration", f"{MINIMUM_DURATION - 1}"],
            {},
            2,
            f"--duration must be a whole number from {MINIMUM_DURATION} to {MAXIMUM_DURATION:,}, "
            f"got '{MINIMUM_DURATION - 1}'",
        ),
        (
            ["watch", "--once", "--duration", "x"],
            {},
            2,
            f"--duration must be a whole number from {MINIMUM_DURATION} to {MAXIMUM_DURATION:,}, "
            "got 'x'",
        ),
        (
            ["watch", "--once", "--plan", "foo"],
            {},
            2,
            "--plan must be a plan that can stream (kilowatt, megawatt, partner), got 'foo'",
        ),
        (["watch", "--once", "--plan", "watt"], {}, 2, "a plan that can stream (kilowatt,"),
        (
            ["watch", "--once", "nine"],
            {},
            2,
            "SYSTEM_ID must be the number of a site, such as 1765, got 'nine'",
        ),
        (
            ["snapshot"],
            {"ENPHASE_SYSTEM_ID": "nine"},
            2,
            "ENPHASE_SYSTEM_ID must be the number of a site, such as 1765, got 'nine'",
        ),
        (["snapshot", ""], {}, 2, "SYSTEM_ID must be the number of a site, such as 1765, got ''"),
        # Missing credentials hide no other mistake.
        (
            ["snapshot", "nine"],
            {"ENPHASE_API_KEY": ""},
            2,
            "SYSTEM_ID must be the number of a site, such as 1765, got 'nine'",
        ),
        (["watch"], {"ENPHASE_API_KEY": ""}, 2, "--calls N, --dollars X or --unlimited"),
        (["snapshot", "9999"], {}, 3, "API error: 468 INVALID_SYSTEM_ID"),
        (["watch", "--once", "9999"], {}, 3, "API error: 468 INVALID_SYSTEM_ID"),
        (["snapshot"], {"ENPHASE_ACCESS_TOKEN": "planted-token"}, 3, "401 UNAUTHORIZED"),
        (
            ["snapshot"],
            {"ENPHASE_API_KEY": "planted key"},
            2,
            "ENPHASE_API_KEY must be a str of printable ASCII",
        ),
        (
            ["snapshot"],
            {"ENPHASE_BASE_URL": "http://127.0.0.1:1"},
            4,
            "No response from 127.0.0.1:1: ",
        ),
        (["watch", "--once"], {"ENPHASE_BASE_URL": "http://127.0.0.1:1"}, 4, "No response"),
        (
            ["watch", "--once", "--clock-speed", "0.5"],
            {},
            2,
            "--clock-speed must be a number from 1 to 1,000, got '0.5'",
        ),
    ],
)
def test_a_failure_has_one_line_and_its_exit_code(
    enphase_mock: MockServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    more: dict[str, str],
    code: int,
    said: str,
) -> None:
    for name, value in environment(enphase_mock, **more).items():
        if name.startswith("ENPHASE_"):
            monkeypatch.setenv(name, value)
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert said in " ".join(err.replace("│", " ").split())
    assert "Traceback" not in err
    assert "planted" not in err


def test_a_stream_that_ends_early_is_a_failure(
    enphase_mock: MockServer,
) -> None:
    # The mock's 30 s last 0.6 s, and this command measures by the real clock.
    done = inside("watch", "--once", env=environment(enphase_mock))
    assert done.returncode == 4
    assert "The server closed the stream" in done.stderr


def test_the_help_documents_the_exit_codes_and_the_variables() -> None:
    done = inside("watch", "--help", env=environment(None))
    assert done.returncode == 0
    assert "Exit codes: 0 success" in " ".join(done.stdout.split())
    assert "ENPHASE_SYSTEM_ID" in done.stdout
    assert not re.search("<bool>|--yes +[A-Z<]{2}", done.stdout)
    assert "ENPHASE_API_KEY" in inside("--help", env=environment(None)).stdout


def test_no_output_holds_a_secret(enphase_mock: MockServer) -> None:
    for command in (WATCH, [*WATCH, "--json"], ["snapshot"]):
        done = run(*command, env=environment(enphase_mock))
        assert done.returncode == 0
        for secret in (enphase_mock.api_key, enphase_mock.access_token):
            assert secret not in done.stdout + done.stderr


def test_an_ascii_terminal_gets_ascii_bars(enphase_mock: MockServer) -> None:
    with terminal(*WATCH, env=environment(enphase_mock, PYTHONIOENCODING="ascii")) as screen:
        assert screen.finish() == 0
    assert screen.text.isascii()
    left = after_the_screen(screen.text)
    assert re.search(r"Solar +\d+ W +> producing +[*#]{10}", left)
    assert re.search(r"Grid +\d+ W +< export +[*#]{10}", left)
    assert re.search(r"Charge +\d+ % +-----", left)
    assert "?" not in left


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_a_missing_extra_names_what_to_install(package: str) -> None:
    done = subprocess.run(
        [
            sys.executable, "-c",
            f"import sys; sys.modules['{package}'] = None\n"
            "from enphase_streaming.cli import main; sys.exit(main(['watch']))",
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'enphase-streaming[cli]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_limit_that_renews_is_kept_over_runs_and_reported(
    enphase_mock: MockServer, tmp_path: Path
) -> None:
    env = environment(enphase_mock, ENPHASE_LEDGER=str(tmp_path / "ledger"))
    limit = ["--per", "month", "--calls", "2"]
    codes = [inside("snapshot", *limit, env=env).returncode for _ in range(3)]
    refused = inside("watch", *limit, env=env)
    assert (codes, refused.returncode, len(enphase_mock.requests)) == ([0, 0, 5], 5, 2)
    assert re.fullmatch(
        r"The budget is used up until [\d-]{10} [\d:]{5}\. 2 calls this month, free\.\n",
        refused.stderr,
    )
    (row,) = map(json.loads, inside("spent", "--json", env=env).stdout.splitlines())
    assert (row["site"], row["end"], row["calls_this_month"]) == (1765, "stopped", 2)
    assert row["readings_this_month"] == 2
    table = inside("spent", "--ledger", env["ENPHASE_LEDGER"], env=environment(enphase_mock))
    assert (table.returncode, "$0.20" in table.stdout) == (0, True)
