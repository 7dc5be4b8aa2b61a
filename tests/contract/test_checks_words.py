"""What a run of the contract suite says to whoever forgot something: in plain words, and once."""

import socket

import pytest

from enphase_streaming_mock import Fault, MockServer

pytest_plugins = ["pytester"]

SPEED = 300.0


@pytest.fixture(autouse=True)
def _no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess(
        *("-p", "enphase_streaming_mock.pytest_plugin", "--assert=plain", "-rN"),
        *("-W", "error"),
        *("-p", "no:cacheprovider", "--pyargs", "enphase_streaming_mock.checks", *options),
    )


def test_a_clock_speed_that_was_forgotten_is_asked_for(pytester: pytest.Pytester) -> None:
    with MockServer(speed=SPEED) as mock:
        result = run(pytester, "--base-url", mock.base_url, "-k", "ends_when or arrive")
    assert result.parseoutcomes()["failed"] == 2
    result.stdout.fnmatch_lines_random(
        [
            "the stream ended after *.* s, and not after 45 s",
            "every reading arrived within *.* s of a stream of 45 s",
        ]
    )
    hint = "by --clock-speed 1; give the --speed that the mock was started with"
    assert len([line for line in result.outlines if line.endswith(hint)]) == 2
    result.stdout.no_fnmatch_line("*assert *")


def test_a_stream_that_ends_early_is_no_matter_of_the_clock(pytester: pytest.Pytester) -> None:
    mock = MockServer(speed=SPEED)
    mock.fault(Fault("close", after_events=30))
    with mock:
        options = ("--base-url", mock.base_url, "--clock-speed", str(SPEED))
        result = run(pytester, *options, "-k", "ends_when")
    assert result.parseoutcomes()["failed"] == 1
    assert "clock-speed" not in result.stdout.str()


@pytest.mark.parametrize(
    ("kind", "command"), [("mock", "enphase-mock serve"), ("prism", "make prism")]
)
def test_a_server_that_is_not_there_is_named_once_and_nothing_more_is_asked(
    pytester: pytest.Pytester, kind: str, command: str
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/api/v4"
        result = run(pytester, "--backend", kind, "--base-url", address)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: nothing answers at {address}: *refused; `{command}` starts one"]
    )
    assert result.outlines == []


def test_a_path_that_was_forgotten_is_asked_for(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--base-url", "http://127.0.0.1:4010")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --base-url is 'http://127.0.0.1:4010'; the API is under /api/v4, so add that"]
    )


def test_an_answer_of_another_kind_is_told_in_plain_words(pytester: pytest.Pytester) -> None:
    mock = MockServer(speed=SPEED)
    mock.fault(Fault("html", code=503, always=True))
    with mock:
        result = run(pytester, "--base-url", mock.base_url, "-k", "bound_opens or no_other_method")
    assert result.parseoutcomes()["failed"] == 6
    result.stdout.fnmatch_lines_random(
        [
            "the status is 503, documented is 405",
            "the status is 503, documented is 200",
            "the media type is 'text/html', documented is text/event-stream",
        ]
    )
    result.stdout.no_fnmatch_line("*assert *")
