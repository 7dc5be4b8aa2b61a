"""The contract suite on broken servers: the checks that fail are those named after the fault."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import written
from enphase_streaming_mock import Fault, Mock, MockServer, Wire
from enphase_streaming_mock.contract import Contract, load_contract
from enphase_streaming_mock.replay import FORMAT

pytest_plugins = ["pytester"]

SPEED = 300.0
# At this speed a busy machine delays arrivals too much to judge them.
STREAM = ("-k", "(test_stream.py or test_readings.py) and not arrive")

CONTRACT = load_contract()
SHORT, NOT_INTEGER, NOT_FOUND = map(CONTRACT.refusal, ("tooShort", "notInteger", "systemNotFound"))
Change = Callable[[Any], None]


@pytest.fixture(autouse=True)
def _no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run would load every installed plugin, which takes longer than the suite."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def outcomes_on(
    pytester: pytest.Pytester, mock: MockServer, *options: str
) -> tuple[set[str], set[str]]:
    """Run the suite, and return the names of the checks that pass and of those that fail."""
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
    short, text = str(SHORT.status), str(NOT_INTEGER.status)
    responses[short], responses[text] = responses[text], responses[short]


def change_envelope(document: Any) -> None:
    content = document["components"]["responses"]["SystemNotFound"]["content"]["application/json"]
    content["examples"]["systemNotFound"]["value"]["type"] = "server_error"


def move_minimum(document: Any) -> None:
    operation(document)["parameters"][1]["schema"]["minimum"] += 1


def move_maximum(document: Any) -> None:
    operation(document)["parameters"][1]["schema"]["maximum"] += 300


OTHER_DOCUMENTS: dict[Change, set[str]] = {
    swap_codes: {
        f"test_documented_error[{SHORT.status}-tooShort]",
        f"test_documented_error[{NOT_INTEGER.status}-notInteger]",
        "test_invalid_duration_is_refused[too-short]",
        "test_invalid_duration_is_refused[word]",
        "test_invalid_duration_is_refused[fraction]",
    },
    change_envelope: {
        f"test_documented_error[{NOT_FOUND.status}-systemNotFound]",
        "test_unknown_system_is_refused[99999999999]",
        "test_unknown_system_is_refused[abc]",
    },
    move_minimum: {
        f"test_duration_at_a_bound_opens_a_stream[{CONTRACT.shortest}]",
        "test_duration_defaults_to_the_minimum",
    },
    move_maximum: {"test_invalid_duration_is_refused[too-long]"},
}


def test_mock_of_another_document(pytester: pytest.Pytester) -> None:
    document = written.read()
    for change in OTHER_DOCUMENTS:
        change(document)
    mock = MockServer(speed=SPEED)
    mock.engine.contract = Contract(document)
    failed = failed_on(pytester, mock, "-k", "not arrive")
    assert failed == set[str]().union(*OTHER_DOCUMENTS.values())


def test_mock_with_another_wire(pytester: pytest.Pytester) -> None:
    mock = MockServer(speed=SPEED, wire=Wire(nesting="outer", numbers="strings"))
    assert {"test_events_are_nested_as_documented", "test_events_match_the_schema"} <= failed_on(
        pytester, mock, *STREAM
    )


@pytest.mark.parametrize(
    ("fault", "checks"),
    [
        (
            Fault("close", after_events=12),
            {
                "test_stream_ends_after_its_duration",
                "test_one_reading_comes_every_second",
            },
        ),
        (
            Fault("drop", after_events=44),
            {"test_stream_is_closed_by_the_server", "test_one_reading_comes_every_second"},
        ),
        (
            Fault("truncated-event", after_events=44),
            {"test_no_event_is_truncated", "test_one_reading_comes_every_second"},
        ),
        (
            Fault("close", after_events=0),
            {
                "test_stream_has_events",
                "test_stream_ends_after_its_duration",
                "test_one_reading_comes_every_second",
            },
        ),
        (Fault("error", code=473), {"test_stream_opens"}),
        (Fault("hang-up"), {"test_stream_opens"}),
    ],
    ids=lambda each: each.name if isinstance(each, Fault) else "",
)
def test_mock_with_a_fault(pytester: pytest.Pytester, fault: Fault, checks: set[str]) -> None:
    mock = MockServer(speed=SPEED)
    mock.fault(fault)
    assert failed_on(pytester, mock, *STREAM) == checks


def events() -> list[dict[str, Any]]:
    """Return the events of a window, read from a mock without waiting."""
    mock = Mock()
    access = {"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}"}
    url = f"{mock.base_url}/systems/{mock.system_id}/live_data"
    with httpx.Client(transport=mock.transport(), timeout=None) as client:
        body = client.get(url, headers=access | {"duration": "45"}).text
    return [json.loads(each.removeprefix("data:")) for each in body.split("\n\n")[:-1]]


def played(folder: Path, changed: list[dict[str, Any]], cadence: float = 1.0) -> MockServer:
    """Return a mock that sends these events, one every `cadence` seconds."""
    lines: list[dict[str, Any]] = [
        {"format": FORMAT, "version": 1},
        {"at": 0, "open": {"status": 200, "content_type": "text/event-stream"}},
    ]
    for number, event in enumerate(changed):
        data = base64.b64encode(f"data:{json.dumps(event)}\n\n".encode()).decode()
        lines.append({"at": number * cadence, "bytes": data})
    lines.append({"at": 45, "end": "planned"})
    recording = folder / "changed.jsonl"
    recording.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    return MockServer(speed=SPEED, recording=recording)


def drop_field(found: list[dict[str, Any]]) -> None:
    del found[3]["data"]["pv_power"]


def write_number_as_text(found: list[dict[str, Any]]) -> None:
    found[4]["data"]["pv_power"] = str(found[4]["data"]["pv_power"])


def drop_type(found: list[dict[str, Any]]) -> None:
    del found[5]["type"]


def change_system(found: list[dict[str, Any]]) -> None:
    found[6]["data"]["system_id"] = 1


def change_time(found: list[dict[str, Any]]) -> None:
    found[7]["timestamp_utc"] = found[2]["timestamp_utc"]


def unbalance(found: list[dict[str, Any]]) -> None:
    found[8]["data"]["pv_power"] += 1


def discharge_while_charging(found: list[dict[str, Any]]) -> None:
    assert found[9]["data"]["battery_power"] < 0
    for event in found[10:]:
        event["data"]["battery_soc"] -= 1


def go_off_grid(found: list[dict[str, Any]]) -> None:
    found[11]["data"]["grid_status"] = "Off Grid"


def leave_gap(found: list[dict[str, Any]]) -> None:
    del found[20:22]


def repeat_event(found: list[dict[str, Any]]) -> None:
    found.insert(30, found[30])


OTHER_EVENTS: dict[Change, set[str]] = {
    drop_field: {"test_readings_have_the_documented_fields"},
    write_number_as_text: {"test_events_match_the_schema"},
    drop_type: {"test_events_are_readings"},
    change_system: {"test_readings_are_of_the_requested_system"},
    change_time: {"test_timestamps_of_an_event_agree"},
    unbalance: {"test_powers_balance"},
    discharge_while_charging: {"test_charge_follows_the_battery"},
    go_off_grid: {"test_no_grid_power_while_off_the_grid"},
    leave_gap: {
        "test_there_is_no_gap_between_readings",
        "test_one_reading_comes_every_second",
    },
    repeat_event: {"test_readings_are_in_order"},
}


@pytest.mark.parametrize("changes", [[], [*OTHER_EVENTS]], ids=["nothing", "everything"])
def test_mock_with_changed_events(pytester: pytest.Pytester, changes: list[Change]) -> None:
    found = events()
    for change in changes:
        change(found)
    expected = set[str]().union(*(OTHER_EVENTS[change] for change in changes))
    assert failed_on(pytester, played(pytester.path, found), *STREAM) == expected


def test_mock_that_sends_a_stream_at_once(pytester: pytest.Pytester) -> None:
    mock = played(pytester.path, events(), cadence=0.0)
    assert failed_on(pytester, mock, "-k", "arrive") == {
        "test_readings_arrive_as_they_are_measured"
    }


def test_mock_that_accepts_everything(pytester: pytest.Pytester) -> None:
    mock = MockServer(speed=SPEED)
    for place in ("stream", "tokens"):
        mock.fault("json", code=200, on=place, always=True)
    passed, _ = outcomes_on(pytester, mock, "-k", "not test_stream.py and not test_readings.py")
    # The fault does not strike other addresses.
    assert passed == {"test_undocumented_path_is_not_found"}
