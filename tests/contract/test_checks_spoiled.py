"""The contract suite fails where a backend is wrong, and the failing check says by its name how."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import written
from enphase_streaming_mock import Fault, Mock, MockServer, Wire
from enphase_streaming_mock.contract import Contract
from enphase_streaming_mock.replay import FORMAT

pytest_plugins = ["pytester"]

SPEED = 300.0
# When readings arrive is nothing to go by at this speed, on a machine that is busy.
STREAM = ("-k", "(test_stream or test_readings) and not arrive")

Change = Callable[[Any], None]


@pytest.fixture(autouse=True)
def _no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run would load all that is installed anew, which takes longer than the suite."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def outcomes_on(
    pytester: pytest.Pytester, mock: MockServer, *options: str
) -> tuple[set[str], set[str]]:
    """The names of the checks that pass, and of those that fail."""
    with mock:
        run = pytester.inline_run(
            *("-p", "enphase_streaming_mock.pytest_plugin", "--assert=plain"),
            *("--pyargs", "enphase_streaming_mock.checks", "-p", "no:cacheprovider"),
            *("--base-url", mock.base_url, "--clock-speed", str(SPEED), *options),
        )
    passed, skipped, failed = run.listoutcomes()
    assert passed or skipped or failed
    names = [{each.nodeid.rpartition("::")[2] for each in reports} for reports in (passed, failed)]
    return names[0], names[1]


def failed_on(pytester: pytest.Pytester, mock: MockServer, *options: str) -> set[str]:
    return outcomes_on(pytester, mock, *options)[1]


def operation(document: Any) -> Any:
    return document["paths"]["/systems/{system_id}/live_data"]["get"]


def swap_codes(document: Any) -> None:
    responses = operation(document)["responses"]
    responses["461"], responses["463"] = responses["463"], responses["461"]


def change_envelope(document: Any) -> None:
    content = document["components"]["responses"]["SystemNotFound"]["content"]["application/json"]
    content["examples"]["systemNotFound"]["value"]["type"] = "server_error"


def move_least(document: Any) -> None:
    operation(document)["parameters"][1]["schema"]["minimum"] = 31


def move_most(document: Any) -> None:
    operation(document)["parameters"][1]["schema"]["maximum"] = 600


OTHER_DOCUMENTS: dict[Change, set[str]] = {
    swap_codes: {
        "test_a_documented_error_comes_as_documented[461-tooShort]",
        "test_a_documented_error_comes_as_documented[463-notInteger]",
        "test_a_duration_below_the_least_is_refused",
        "test_a_duration_that_is_no_whole_number_is_refused[ten]",
        "test_a_duration_that_is_no_whole_number_is_refused[30.5]",
        "test_an_error_comes_as_json_whatever_is_acceptable",
    },
    change_envelope: {
        "test_a_documented_error_comes_as_documented[468-systemNotFound]",
        "test_a_site_that_nobody_has_is_refused[99999999999]",
        "test_a_site_that_nobody_has_is_refused[abc]",
    },
    move_least: {
        "test_a_duration_at_a_bound_opens_a_stream[30]",
        "test_without_a_duration_a_stream_lasts_as_long_as_the_least",
    },
    move_most: {"test_a_duration_above_the_most_is_refused"},
}


def test_a_mock_that_reads_another_document(pytester: pytest.Pytester) -> None:
    document = written.read()
    for change in OTHER_DOCUMENTS:
        change(document)
    mock = MockServer(speed=SPEED)
    mock.engine.contract = Contract(document)
    failed = failed_on(pytester, mock, "-k", "not arrive")
    assert failed == set[str]().union(*OTHER_DOCUMENTS.values())


def test_a_mock_that_writes_in_another_way(pytester: pytest.Pytester) -> None:
    mock = MockServer(speed=SPEED, wire=Wire(nesting="outer", numbers="strings"))
    assert {
        "test_events_are_nested_as_in_the_document",
        "test_every_event_conforms_to_the_document",
    } <= failed_on(pytester, mock, *STREAM)


@pytest.mark.parametrize(
    ("fault", "checks"),
    [
        (
            Fault("close", after_events=12),
            {
                "test_the_stream_ends_when_its_duration_is_over",
                "test_there_is_a_reading_for_each_second",
            },
        ),
        (
            Fault("drop", after_events=44),
            {"test_the_stream_ends_by_itself", "test_there_is_a_reading_for_each_second"},
        ),
        (
            Fault("truncated-event", after_events=44),
            {"test_no_event_is_cut_off", "test_there_is_a_reading_for_each_second"},
        ),
        (
            Fault("close", after_events=0),
            {
                "test_there_are_events",
                "test_the_stream_ends_when_its_duration_is_over",
                "test_there_is_a_reading_for_each_second",
            },
        ),
        (Fault("error", code=473), {"test_a_stream_opens"}),
        (Fault("hang-up"), {"test_a_stream_opens"}),
    ],
    ids=lambda each: each.name if isinstance(each, Fault) else "",
)
def test_a_mock_whose_stream_goes_wrong(
    pytester: pytest.Pytester, fault: Fault, checks: set[str]
) -> None:
    mock = MockServer(speed=SPEED)
    mock.fault(fault)
    assert failed_on(pytester, mock, *STREAM) == checks


def events() -> list[dict[str, Any]]:
    """The events of a window, as a mock with a clock by hand sends them."""
    mock = Mock()
    access = {"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}"}
    url = f"{mock.base_url}/systems/{mock.system_id}/live_data"
    with httpx.Client(transport=mock.transport(), timeout=None) as client:
        body = client.get(url, headers=access | {"duration": "45"}).text
    return [json.loads(each.removeprefix("data:")) for each in body.split("\n\n")[:-1]]


def played(folder: Path, changed: list[dict[str, Any]], cadence: float = 1.0) -> MockServer:
    """A mock that plays events, one each `cadence` seconds."""
    lines: list[dict[str, Any]] = [
        {"format": FORMAT, "version": 1},
        {"at": 0, "open": {"status": 200, "content_type": "text/event-stream"}},
    ]
    for number, event in enumerate(changed):
        data = base64.b64encode(f"data:{json.dumps(event)}\n\n".encode()).decode()
        lines.append({"at": number * cadence, "bytes": data})
    lines.append({"at": 45, "end": "planned"})
    recording = folder / "spoiled.jsonl"
    recording.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    return MockServer(speed=SPEED, recording=recording)


def without_field(found: list[dict[str, Any]]) -> None:
    del found[3]["data"]["pv_power"]


def with_text_for_number(found: list[dict[str, Any]]) -> None:
    found[4]["data"]["pv_power"] = str(found[4]["data"]["pv_power"])


def without_type(found: list[dict[str, Any]]) -> None:
    del found[5]["type"]


def of_another_site(found: list[dict[str, Any]]) -> None:
    found[6]["data"]["system_id"] = 1


def with_another_time(found: list[dict[str, Any]]) -> None:
    found[7]["timestamp_utc"] = found[2]["timestamp_utc"]


def unbalanced(found: list[dict[str, Any]]) -> None:
    found[8]["data"]["pv_power"] += 1


def discharging_upwards(found: list[dict[str, Any]]) -> None:
    assert found[9]["data"]["battery_power"] < 0
    for event in found[10:]:
        event["data"]["battery_soc"] -= 1


def islanded_with_a_grid(found: list[dict[str, Any]]) -> None:
    found[11]["data"]["grid_status"] = "Off Grid"


def with_a_gap(found: list[dict[str, Any]]) -> None:
    del found[20:22]


def with_a_duplicate(found: list[dict[str, Any]]) -> None:
    found.insert(30, found[30])


OTHER_STREAMS: dict[Change, set[str]] = {
    without_field: {"test_every_reading_has_every_field_of_the_document"},
    with_text_for_number: {"test_every_event_conforms_to_the_document"},
    without_type: {"test_every_event_is_a_reading"},
    of_another_site: {"test_every_reading_is_of_the_site_that_was_asked_for"},
    with_another_time: {"test_both_timestamps_of_an_event_name_the_same_moment"},
    unbalanced: {"test_powers_balance"},
    discharging_upwards: {"test_the_charge_follows_the_battery"},
    islanded_with_a_grid: {"test_no_power_crosses_to_a_grid_that_is_off"},
    with_a_gap: {
        "test_there_is_no_gap_between_readings",
        "test_there_is_a_reading_for_each_second",
    },
    with_a_duplicate: {"test_each_reading_is_measured_after_the_one_before"},
}


@pytest.mark.parametrize("changes", [[], [*OTHER_STREAMS]], ids=["nothing", "everything"])
def test_a_stream_in_which_something_is_wrong(
    pytester: pytest.Pytester, changes: list[Change]
) -> None:
    found = events()
    for change in changes:
        change(found)
    expected = set[str]().union(*(OTHER_STREAMS[change] for change in changes))
    assert failed_on(pytester, played(pytester.path, found), *STREAM) == expected


def test_a_window_that_is_sent_at_once(pytester: pytest.Pytester) -> None:
    mock = played(pytester.path, events(), cadence=0.0)
    assert failed_on(pytester, mock, "-k", "arrive") == {
        "test_readings_arrive_as_they_are_measured"
    }


def test_a_server_that_agrees_to_everything(pytester: pytest.Pytester) -> None:
    mock = MockServer(speed=SPEED)
    for place in ("stream", "tokens"):
        mock.fault("json", code=200, on=place, always=True)
    passed, _ = outcomes_on(pytester, mock, "-k", "not test_stream and not test_readings")
    # Which is asked at an address of its own.
    assert passed == {"test_an_address_that_is_not_in_the_document_is_not_found"}
