"""The fixture `enphase_mock`, as a user's test suite meets it."""

import json
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime

import pytest

from enphase_streaming import StreamingClient
from enphase_streaming_mock import Mock, MockServer
from enphase_streaming_mock.extra import how_to_install

pytest_plugins = ["pytester"]

SETTINGS = ["-p", "no:cacheprovider", "-W", "error", "--strict-markers"]


def readings(mock: MockServer) -> list[dict[str, object]]:
    request = urllib.request.Request(
        f"{mock.base_url}/systems/{mock.system_id}/live_data",
        headers={"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}"},
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        events = response.read().split(b"\n\n")[:-1]
    return [json.loads(event.removeprefix(b"data:"))["data"] for event in events]


def test_the_fixture_serves_a_window_in_under_a_second(enphase_mock: MockServer) -> None:
    before = enphase_mock.monotonic()
    assert len(readings(enphase_mock)) == 30
    assert enphase_mock.clock.speed == 50
    assert 30 <= enphase_mock.monotonic() - before < 45


@pytest.mark.enphase_mock(scenario="night", speed=1000, seed=7)
def test_a_marker_sets_what_is_served(enphase_mock: MockServer) -> None:
    assert {reading["pv_power"] for reading in readings(enphase_mock)} == {0}
    assert enphase_mock.engine.site.scenario.seed == 7


@pytest.mark.enphase_mock(speed=1000)
def test_the_journal_records_requests(enphase_mock: MockServer) -> None:
    readings(enphase_mock)
    (entry,) = enphase_mock.requests
    assert (entry.method, entry.status, entry.events_sent, entry.closed_by) == (
        "GET", 200, 30, "server",
    )  # fmt: skip
    assert entry.header("Key") == ["***"]
    assert entry.received <= enphase_mock.now()


@pytest.mark.enphase_mock(clock="hand", scenario="night")
def test_a_hand_clock_has_a_transport_and_no_socket(enphase_mock: Mock) -> None:
    with StreamingClient(**enphase_mock.client_options) as client:
        assert client.snapshot(enphase_mock.system_id).pv_power == 0
    enphase_mock.advance(30)
    assert enphase_mock.monotonic() == 30
    assert not isinstance(enphase_mock, MockServer)


@pytest.mark.enphase_mock(clock="still", start=datetime(2026, 6, 21, tzinfo=UTC))
def test_a_still_clock_begins_when_the_marker_says(enphase_mock: Mock) -> None:
    enphase_mock.advance(1.5)
    assert enphase_mock.now() == datetime(2026, 6, 21, 0, 0, 1, 500_000, tzinfo=UTC)


def test_a_running_clock_cannot_be_advanced(enphase_mock: Mock) -> None:
    with pytest.raises(ValueError, match=r"advance\(\) needs a clock that is moved by hand"):
        enphase_mock.advance(30)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("scenario='nope'", "scenario must be one of 'sunny-day', *, got 'nope'."),
        (
            "speeed=3",
            "No option 'speeed': use scenario, speed, seed, start, wire, *",
        ),
        ("speed=0", "speed must be a number from 0.001 to 1,000, got 0."),
        ("start='now'", "start must be a datetime with a time zone, got 'now'."),
        ("clock='fast'", "clock must be one of 'hand', 'still', got 'fast'."),
        ("clock='hand', speed=3", "clock and speed contradict each other: pass one of them."),
        ("recording='nope.jsonl'", "recording is 'nope.jsonl': No such file or directory"),
        ("recording='.'", "recording is '.': Is a directory"),
        ("'night'", "'night' has no name: write scenario='night'."),
    ],
)
def test_a_bad_marker_option_fails_the_test(
    pytester: pytest.Pytester, options: str, said: str
) -> None:
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.enphase_mock({options})
        def test_it(enphase_mock):
            pass
        """
    )
    result = pytester.runpytest_inprocess(*SETTINGS)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"pytest.mark.enphase_mock: {said}"])


def test_marks_of_module_class_and_function_merge(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from enphase_streaming_mock import Mock, MockServer

        pytestmark = pytest.mark.enphase_mock(scenario="night", seed=7, speed=200)

        def shown(mock):
            scenario = mock.engine.site.scenario
            return scenario.name, scenario.seed, getattr(mock.clock, "speed", None)

        def test_module(enphase_mock):
            assert shown(enphase_mock) == ("night", 7, 200)

        @pytest.mark.enphase_mock(plan="kilowatt")
        class TestClass:
            @pytest.mark.enphase_mock(scenario="outage")
            def test_function(self, enphase_mock):
                assert shown(enphase_mock) == ("outage", 7, 200)
                assert enphase_mock.account.app.plan.name == "Kilowatt"

            @pytest.mark.enphase_mock(clock="hand")
            def test_clock_replaces_speed(self, enphase_mock):
                assert shown(enphase_mock) == ("night", 7, None)
                assert not isinstance(enphase_mock, MockServer)
        """
    )
    pytester.runpytest_inprocess(*SETTINGS).assert_outcomes(passed=3)


CLOCK = "*did not read the mock's clock*monotonic=enphase_mock.monotonic*"
TRANSPORT = "No request arrived*has no socket: pass transport=enphase_mock.transport()."


@pytest.mark.parametrize(
    ("mark", "left_out", "hint"),
    [
        ("speed=50", ["monotonic", "now"], CLOCK),
        ("speed=50", [], None),
        ("speed=1", ["monotonic", "now"], None),
        ("clock='hand'", ["transport"], TRANSPORT),
        ("clock='still'", ["transport"], TRANSPORT),
        ("clock='hand'", [], None),
    ],
)
def test_a_failing_test_is_told_what_it_forgot(
    pytester: pytest.Pytester, mark: str, left_out: list[str], hint: str | None
) -> None:
    pytester.makepyfile(
        f"""
        import pytest
        from enphase_streaming import EnphaseStreamingError, StreamingClient

        @pytest.mark.enphase_mock({mark})
        def test_it(enphase_mock):
            options = enphase_mock.client_options
            for name in {left_out}:
                del options[name]
            with StreamingClient(**options) as client:
                try:
                    client.snapshot(enphase_mock.system_id)
                except EnphaseStreamingError:
                    pass
            pytest.fail("a failure")
        """
    )
    result = pytester.runpytest_inprocess(*SETTINGS)
    result.assert_outcomes(failed=1)
    if hint is None:
        result.stdout.no_fnmatch_line(CLOCK)
        result.stdout.no_fnmatch_line(TRANSPORT)
    else:
        result.stdout.fnmatch_lines(["*- enphase_mock -*", hint])


def test_a_passing_test_gets_no_hint(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.enphase_mock(clock="hand")
        def test_it(enphase_mock):
            pass
        """
    )
    result = pytester.runpytest_inprocess(*SETTINGS, "-rA")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line(TRANSPORT)


def test_the_fixture_reports_missing_packages(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys; sys.modules['aiohttp'] = None")
    pytester.makepyfile("def test_it(enphase_mock): pass\ndef test_other(): pass")
    result = pytester.runpytest_subprocess(*SETTINGS)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*pip install 'enphase-streaming[[]mock]'*pip install '.[[]mock]'"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_loading_the_plugin_loads_no_dependencies() -> None:
    seen = subprocess.check_output(
        [
            sys.executable, "-c",
            "import sys, enphase_streaming_mock.pytest_plugin; print(*sys.modules)",
        ],
        text=True,
    )  # fmt: skip
    loaded = {name.partition(".")[0] for name in seen.split()}
    assert not loaded & {"aiohttp", "jsonschema", "yaml", "httpx", "msgspec", "asyncio"}


def test_another_missing_module_is_a_defect() -> None:
    with pytest.raises(ModuleNotFoundError, match="typo"):
        how_to_install(ModuleNotFoundError("No module named 'typo'", name="typo"))
