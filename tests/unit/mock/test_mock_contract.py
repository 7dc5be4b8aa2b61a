from pathlib import Path
from typing import Any

import pytest
import yaml

from enphase_streaming_mock.contract import load_contract

DOCUMENT = yaml.safe_load(
    (Path(__file__).parents[3] / "spec" / "streaming.yaml").read_text("utf-8")
)
CONTRACT = load_contract()
READING = DOCUMENT["paths"]["/systems/{system_id}/live_data"]["get"]["responses"]["200"]["content"][
    "text/event-stream"
]["examples"]["reading"]["value"]


def test_the_catalogue_holds_every_documented_error_status() -> None:
    responses = DOCUMENT["paths"]["/systems/{system_id}/live_data"]["get"]["responses"]
    assert set(CONTRACT.refusals) == {int(status) for status in responses} - {200}


def test_every_envelope_repeats_its_status_as_its_code() -> None:
    codes = {
        (status, refusal.envelope["error"]["code"])
        for status, examples in CONTRACT.refusals.items()
        for refusal in examples.values()
    }
    assert all(status == code for status, code in codes)


def test_an_error_is_found_by_the_name_of_its_example() -> None:
    refusal = CONTRACT.refusal("systemNotFound")
    assert (refusal.status, refusal.envelope["error"]["status"]) == (468, "INVALID_SYSTEM_ID")


def test_a_value_is_held_to_a_schema_by_its_name() -> None:
    assert CONTRACT.faults("TokenResponse", {"access_token": "a", "refresh_token": "b"}) == []
    assert CONTRACT.faults("TokenResponse", {"access_token": 5}) != []
    assert CONTRACT.faults("KnownGridStatus", "Adrift") != []


def test_the_fields_of_a_schema_are_the_documents() -> None:
    assert CONTRACT.fields("LiveStatus") == set(
        DOCUMENT["components"]["schemas"]["LiveStatus"]["properties"]
    )


def test_the_real_api_is_where_the_document_says() -> None:
    assert CONTRACT.base_url == DOCUMENT["servers"][0]["url"]


def test_the_bounds_of_duration_are_the_documents() -> None:
    (header,) = (
        item
        for item in DOCUMENT["paths"]["/systems/{system_id}/live_data"]["get"]["parameters"]
        if item["name"] == "duration"
    )
    assert CONTRACT.shortest == header["schema"]["minimum"]
    assert CONTRACT.longest == header["schema"]["maximum"]


def test_the_documents_own_example_is_a_valid_event() -> None:
    assert CONTRACT.event_faults(READING) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pv_power", "4210"),
        ("battery_soc", 64.5),
        ("envoy_serial_number", "1219"),
        ("system_id", None),
    ],
)
def test_a_field_of_another_type_is_a_fault_that_names_the_field(field: str, value: Any) -> None:
    event = {**READING, "data": {**READING["data"], field: value}}
    (fault,) = CONTRACT.event_faults(event)
    assert f"$.data.{field}" in fault
