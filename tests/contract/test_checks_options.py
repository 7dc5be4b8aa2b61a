"""The suite's options are there for whoever names the suite, and in nobody else's way."""

import pytest

from enphase_streaming_mock import MockServer

pytest_plugins = ["pytester"]

SUITE = ("-p", "no:cacheprovider", "--pyargs", "enphase_streaming_mock.checks")
ONE = ("-k", "test_tokens_take_no_other_method")
OPTIONS = ("--base-url", "--backend", "--system-id", "--clock-speed", "--calls", "--record")
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
    plugin = ("-p", "enphase_streaming_mock.pytest_plugin", "--assert=plain", "-W", "error")
    return pytester.runpytest_inprocess(*plugin, *options)


def passes(result: pytest.RunResult) -> bool:
    outcomes = result.parseoutcomes()
    return outcomes.pop("deselected") > 0 and outcomes == {"passed": 1}


def test_they_are_told_to_whoever_names_the_suite(pytester: pytest.Pytester) -> None:
    said = run(pytester, *SUITE, "--help").stdout.str()
    for option in OPTIONS:
        assert f"{option}=" in said
    assert "secret" not in said
    assert "token" not in said


@pytest.mark.parametrize("option", OPTIONS)
def test_nobody_else_has_them(pytester: pytest.Pytester, option: str) -> None:
    result = run(pytester, option, "1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unrecognized arguments*"])


def test_the_address_is_shared_with_the_plugin_that_has_it_too(
    pytester: pytest.Pytester, enphase_mock: MockServer
) -> None:
    pytester.makepyfile(base_url_plugin=BASE_URL_PLUGIN)
    pytester.syspathinsert()
    given = ("-p", "base_url_plugin", "--base-url", enphase_mock.base_url)
    assert passes(run(pytester, *SUITE, *given, *ONE))


def test_the_address_may_come_from_a_conftest_of_the_users(
    pytester: pytest.Pytester, enphase_mock: MockServer
) -> None:
    pytester.makeconftest(BASE_URL_PLUGIN)
    pytester.makeini(f"[pytest]\nbase_url = {enphase_mock.base_url}\n")
    assert passes(run(pytester, *SUITE, *ONE))


def test_an_option_that_a_conftest_has_taken_is_named_with_the_way_out(
    pytester: pytest.Pytester, enphase_mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeconftest('def pytest_addoption(parser): parser.addoption("--backend")')
    given = ("--base-url", enphase_mock.base_url)
    result = run(pytester, *SUITE, *given, *ONE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --backend belongs to another plugin*in another folder*"])
    assert "INTERNALERROR" not in result.stderr.str() + result.stdout.str()
    monkeypatch.chdir(pytester.mkdir("elsewhere"))
    assert passes(run(pytester, *SUITE, *given, *ONE))


def test_a_pytest_that_loads_no_plugins_is_told_which_to_load(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess(*SUITE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *name it with -p enphase_streaming_mock.pytest_plugin*"])


def test_what_cannot_be_is_refused_in_one_line(pytester: pytest.Pytester) -> None:
    result = run(pytester, *SUITE, "--system-id", "home")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --system-id is 'home'; give the number of the site"])
    assert "Traceback" not in result.stderr.str()
