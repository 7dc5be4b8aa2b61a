"""The contract suite's options, and what a run says about a missing or wrong one."""

import socket

import pytest

from enphase_streaming_mock import Fault, MockServer

pytest_plugins = ["pytester"]

SPEED = 300.0
PLUGIN = ("-p", "enphase_streaming_mock.pytest_plugin", "--assert=plain", "-rN", "-W", "error")
SUITE = ("-p", "no:cacheprovider", "--pyargs", "enphase_streaming_mock.checks")
ONE = ("-k", "test_token_endpoint_refuses_get")
OPTIONS = ("--base-url", "--backend", "--system-id", "--clock-speed", "--calls")
# As pytest-base-url has it.
BASE_URL_PLUGIN = """
def pytest_addoption(parser):
    parser.addini("base_url", help="base url")
    parser.addoption("--base-url", metavar="url", default=None, help="base url")

def pytest_configure(config):
    config.option.base_url = config.getoption("base_url") or config.getini("base_url")
"""


@pytest.fixture(autouse=True)
def _no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess(*PLUGIN, *options)


def passes(result: pytest.RunResult) -> bool:
    outcomes = result.parseoutcomes()
    return outcomes.pop("deselected") > 0 and outcomes == {"passed": 1}


def test_help_lists_the_options_if_the_suite_is_named(pytester: pytest.Pytester) -> None:
    said = run(pytester, *SUITE, "--help").stdout.str()
    for option in OPTIONS:
        assert f"{option}=" in said
    assert "secret" not in said
    assert "token" not in said


@pytest.mark.parametrize("option", OPTIONS)
def test_other_runs_have_no_such_options(pytester: pytest.Pytester, option: str) -> None:
    result = run(pytester, option, "1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unrecognized arguments*"])


def test_base_url_is_shared_with_another_plugin(
    pytester: pytest.Pytester, enphase_mock: MockServer
) -> None:
    pytester.makepyfile(base_url_plugin=BASE_URL_PLUGIN)
    pytester.syspathinsert()
    options = ("-p", "base_url_plugin", "--base-url", enphase_mock.base_url)
    assert passes(run(pytester, *SUITE, *options, *ONE))


def test_base_url_may_come_from_a_conftest(
    pytester: pytest.Pytester, enphase_mock: MockServer
) -> None:
    pytester.makeconftest(BASE_URL_PLUGIN)
    pytester.makeini(f"[pytest]\nbase_url = {enphase_mock.base_url}\n")
    assert passes(run(pytester, *SUITE, *ONE))


def test_option_taken_by_a_conftest_is_reported(
    pytester: pytest.Pytester, enphase_mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeconftest('def pytest_addoption(parser): parser.addoption("--backend")')
    options = ("--base-url", enphase_mock.base_url)
    result = run(pytester, *SUITE, *options, *ONE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --backend belongs to another plugin*another folder*"])
    assert "INTERNALERROR" not in result.stderr.str() + result.stdout.str()
    monkeypatch.chdir(pytester.mkdir("elsewhere"))
    assert passes(run(pytester, *SUITE, *options, *ONE))


def test_pytest_without_the_plugin_names_it(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess(*SUITE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: *run pytest with -p enphase_streaming_mock.pytest_plugin*"]
    )


def test_wrong_option_is_refused_in_one_line(pytester: pytest.Pytester) -> None:
    result = run(pytester, *SUITE, "--system-id", "home")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --system-id must be the number of a system, got 'home'."])
    assert "Traceback" not in result.stderr.str()


def test_missing_server_is_reported_once(pytester: pytest.Pytester) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/api/v4"
        result = run(pytester, *SUITE, "--base-url", address)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: No server at {address}: *refused. Start one: enphase-mock serve"]
    )
    assert result.outlines == []


def test_missing_path_of_the_api_is_reported(
    pytester: pytest.Pytester, enphase_mock: MockServer
) -> None:
    address = enphase_mock.base_url.removesuffix("/api/v4")
    result = run(pytester, *SUITE, "--base-url", address)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: No stream under {address}: --base-url usually ends in /api/v4."]
    )


@pytest.mark.enphase_mock(speed=SPEED)
def test_missing_clock_speed_is_reported(
    pytester: pytest.Pytester, enphase_mock: MockServer
) -> None:
    result = run(
        pytester, *SUITE, "--base-url", enphase_mock.base_url, "-k", "after_its_duration or arrive"
    )
    assert result.parseoutcomes()["failed"] == 2
    result.stdout.fnmatch_lines_random(
        [
            "the stream ended after *.* s, and not after 45 s",
            "all readings arrived within *.* s of a stream of 45 s",
        ]
    )
    hint = "by --clock-speed 1: give the --speed that the mock was started with"
    assert len([line for line in result.outlines if line.endswith(hint)]) == 2
    result.stdout.no_fnmatch_line("*assert *")


# Slowly enough that a busy machine does not make up for the missing seconds.
@pytest.mark.enphase_mock(speed=30)
def test_early_end_is_not_blamed_on_the_clock_speed(
    pytester: pytest.Pytester, enphase_mock: MockServer
) -> None:
    enphase_mock.fault(Fault("close", after_events=30))
    options = ("--base-url", enphase_mock.base_url, "--clock-speed", "30")
    result = run(pytester, *SUITE, *options, "-k", "after_its_duration")
    assert result.parseoutcomes()["failed"] == 1
    assert "clock-speed" not in result.stdout.str()


@pytest.mark.enphase_mock(speed=SPEED)
def test_failure_names_the_request_and_no_code(
    pytester: pytest.Pytester, enphase_mock: MockServer
) -> None:
    enphase_mock.fault(Fault("html", code=503, always=True))
    options = ("--base-url", enphase_mock.base_url, "-k", "at_a_bound or other_methods")
    result = run(pytester, *SUITE, *options)
    assert result.parseoutcomes()["failed"] == 6
    result.stdout.fnmatch_lines_random(
        [
            "POST /api/v4/systems/1765/live_data",
            "the status is 503, documented is 405",
            "GET /api/v4/systems/1765/live_data, duration: *",
            "the status is 503, documented is 200",
            "the media type is 'text/html', documented is text/event-stream",
        ]
    )
    result.stdout.no_fnmatch_line("*assert *")
