from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

import written
from enphase_streaming_mock import contract as module
from enphase_streaming_mock.contract import Contract, load_contract
from enphase_streaming_mock.gateway import responses
from enphase_streaming_mock.gateway.responses import AGAIN

DOCUMENT = written.read()
READING = DOCUMENT["paths"]["/systems/{system_id}/live_data"]["get"]["responses"]["200"]["content"][
    "text/event-stream"
]["examples"]["reading"]["value"]


@pytest.fixture
def contract() -> Iterator[Contract]:
    """Read anew, and forgotten again."""
    load_contract.cache_clear()
    yield load_contract()
    load_contract.cache_clear()


def test_every_documented_error_status_is_known(contract: Contract) -> None:
    responses = DOCUMENT["paths"]["/systems/{system_id}/live_data"]["get"]["responses"]
    assert set(contract.refusals) == {int(status) for status in responses} - {200}


def test_the_path_of_an_authorization_is_that_of_its_url(contract: Contract) -> None:
    assert contract.authorize_path == "/oauth/authorize"


def test_every_status_from_400_on_is_an_error() -> None:
    document = deepcopy(DOCUMENT)
    responses = document["paths"]["/systems/{system_id}/live_data"]["get"]["responses"]
    responses["400"] = responses.pop("401")
    assert Contract(document).refusal("apiKeyMissing").status == 400


def test_every_envelope_repeats_its_status_as_its_code(contract: Contract) -> None:
    codes = {
        (status, refusal.envelope["error"]["code"])
        for status, examples in contract.refusals.items()
        for refusal in examples.values()
    }
    assert all(status == code for status, code in codes)


def test_an_error_is_found_by_the_name_of_its_example(contract: Contract) -> None:
    refusal = contract.refusal("systemNotFound")
    assert (refusal.status, refusal.name) == (468, "systemNotFound")
    assert refusal.envelope["error"]["status"] == "INVALID_SYSTEM_ID"


def test_a_value_is_validated_against_a_schema_by_name(contract: Contract) -> None:
    assert contract.faults("TokenResponse", {"access_token": "a", "refresh_token": "b"}) == []
    assert contract.faults("TokenResponse", {"access_token": 5}) != []
    assert contract.faults("KnownGridStatus", "Adrift") != []


def test_addresses_are_those_of_the_document(contract: Contract) -> None:
    assert contract.base_url == DOCUMENT["servers"][0]["url"]
    assert (contract.base_path, contract.token_path) == ("/api/v4", "/oauth/token")
    assert contract.system_id("/api/v4/systems/1765/live_data") == "1765"
    assert contract.system_id("/api/v4/systems/1765") == ""


def test_credentials_are_named_as_in_the_document(contract: Contract) -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert contract.key_name == schemes["ApiKey"]["name"]
    assert (contract.token_scheme, schemes["OAuth2"]["type"]) == ("bearer", "oauth2")


def test_a_packaged_document_takes_precedence_over_a_checkouts(
    contract: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "streaming.yaml").write_text(
        written.DOCUMENT.read_text("utf-8").replace(
            contract.base_url, "https://packaged.example/api/v4"
        ),
        "utf-8",
    )
    monkeypatch.setattr(module, "files", {"enphase_streaming_mock": tmp_path}.__getitem__)
    load_contract.cache_clear()
    assert load_contract().base_url == "https://packaged.example/api/v4"


def test_the_bounds_of_duration_are_the_documents(contract: Contract) -> None:
    (header,) = (
        item
        for item in DOCUMENT["paths"]["/systems/{system_id}/live_data"]["get"]["parameters"]
        if item["name"] == "duration"
    )
    assert contract.duration_name == "duration"
    assert contract.shortest == header["schema"]["minimum"]
    assert contract.longest == header["schema"]["maximum"]


def test_the_documents_own_example_is_a_valid_event(contract: Contract) -> None:
    assert contract.event_faults(READING) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pv_power", "4210"),
        ("battery_soc", 64.5),
        ("envoy_serial_number", "1219"),
        ("system_id", None),
    ],
)
def test_a_field_of_another_type_is_named(contract: Contract, field: str, value: Any) -> None:
    event = {**READING, "data": {**READING["data"], field: value}}
    (fault,) = contract.event_faults(event)
    assert f"$.data.{field}" in fault


def test_every_documented_error_says_whether_to_ask_again(contract: Contract) -> None:
    missing = sorted(contract.refusals.keys() - AGAIN.keys())
    lines = Path(responses.__file__).read_text("utf-8").splitlines()
    number = next(n for n, line in enumerate(lines, 1) if line.startswith("AGAIN"))
    assert not missing, (
        f"add a row of AGAIN for each of {missing}, near "
        f"mock/enphase_streaming_mock/gateway/responses.py:{number}"
    )
