"""The mock's controls, as a test in another language uses them: by HTTP and JSON alone."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from typing import Any, get_args

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from enphase_streaming_mock import SCENARIOS, MockServer
from enphase_streaming_mock.contract import load_contract
from enphase_streaming_mock.faults import KINDS, FaultName, FaultOptions
from enphase_streaming_mock.wire import WIRES, Wire


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(speed=500) as server:
        yield server


def ask(mock: MockServer, method: str, name: str, body: object = None) -> tuple[int, Any]:
    origin = mock.base_url.removesuffix("/api/v4")
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{origin}/_mock/{name}", data=data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            status, answer = response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            status, answer = error.code, json.load(error)
    return status, answer


def stream(mock: MockServer, **headers: str) -> bytes:
    request = urllib.request.Request(
        f"{mock.base_url}/systems/{mock.system_id}/live_data",
        headers={"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}", **headers},
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        body: bytes = response.read()
    return body


@pytest.fixture
def document(mock: MockServer) -> dict[str, Any]:
    _, document = ask(mock, "GET", "openapi.json")
    return dict(document)


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)


def test_every_answer_matches_the_document(mock: MockServer, document: dict[str, Any]) -> None:
    stream(mock)
    sent = {"scenario": {"name": "night"}, "wire": {"bom": True}, "account": {"plan": "watt"}}
    sent |= {"clock": {"speed": 1000}, "faults": {"name": "drop"}}
    for path, methods in document["paths"].items():
        name = path.removeprefix("/")
        if name in ("streaming.yaml", "events"):
            continue  # not JSON: tests of their own
        for method, operation in methods.items():
            body = sent.get(name) if method in ("put", "post") else None
            status, answer = ask(mock, method.upper(), name, body)
            assert status == 200, (path, method, answer)
            reference = operation["responses"]["200"]["$ref"].rpartition("/")[2]
            content = document["components"]["responses"][reference]["content"]
            schema = {**content["application/json"]["schema"], "components": document["components"]}
            Draft202012Validator(schema).validate(answer)


@pytest.mark.parametrize(
    ("path", "method", "names", "options"),
    [
        ("/scenario", "put", SCENARIOS, ["name", "seed"]),
        ("/wire", "put", WIRES, ["name", *Wire.__dataclass_fields__]),
        ("/faults", "post", get_args(FaultName), ["name", *FaultOptions.__annotations__]),
    ],
)
def test_the_document_names_every_choice_and_every_option(
    document: dict[str, Any],
    path: str,
    method: str,
    names: Iterable[str],
    options: Iterable[str],
) -> None:
    body = document["paths"][path][method]["requestBody"]["content"]["application/json"]
    assert body["schema"]["properties"].keys() - {"running"} == set(options)
    assert body["schema"]["properties"]["name"]["enum"] == list(names)


def test_scenario_seed_and_wire_apply_to_the_next_stream(mock: MockServer) -> None:
    status, now = ask(mock, "PUT", "scenario", {"name": "night", "seed": 7})
    assert (status, now["name"], now["seed"]) == (200, "night", 7)
    ask(mock, "PUT", "wire", {"newline": "\r\n", "cut_at": [5, 9]})
    body = stream(mock)
    assert body.count(b'"pv_power":0') == body.count(b"\r\n\r\n") == 30


def test_a_fault_strikes_the_next_stream(mock: MockServer) -> None:
    assert ask(mock, "POST", "faults", {"name": "close", "after_events": 3})[0] == 200
    assert stream(mock).count(b"data:") == 3
    ask(mock, "POST", "faults", {"name": "close", "after_events": 3})
    ask(mock, "DELETE", "faults")
    assert stream(mock).count(b"data:") == 30


def test_a_fault_strikes_the_streams_that_are_open(mock: MockServer) -> None:
    ask(mock, "PUT", "clock", {"speed": 20})
    request = urllib.request.Request(
        f"{mock.base_url}/systems/{mock.system_id}/live_data",
        headers={"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}"},
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        response.readline()
        status, _ = ask(mock, "POST", "faults", {"name": "close", "running": True})
        rest = response.read()
    assert status == 200
    assert rest.count(b"data:") < 29
    assert stream(mock).count(b"data:") == 30


def test_every_fault_and_its_options_are_listed(mock: MockServer) -> None:
    _, listed = ask(mock, "GET", "faults")
    assert listed.keys() == KINDS.keys()
    options = {option for fault in listed.values() for option in fault["options"]}
    assert options == set(FaultOptions.__annotations__)


def test_journal_and_bill_show_requests_without_secrets(mock: MockServer) -> None:
    ask(mock, "PUT", "account", {"plan": "kilowatt"})
    stream(mock, duration="31")
    _, (entry,) = ask(mock, "GET", "journal")
    assert (entry["status"], entry["events_sent"], entry["closed_by"]) == (200, 31, "server")
    assert ["Duration", "31"] in entry["headers"]
    assert mock.api_key not in json.dumps(entry)
    _, account = ask(mock, "GET", "account")
    assert (account["plan"], account["bill"]["calls"]) == ("kilowatt", 1)
    assert account["bill"]["dollars"] == "0.10"
    assert account["limits"]["month"] == {"used": 1, "limit": 50_000}


def test_the_verdict_names_its_evidence(mock: MockServer) -> None:
    assert ask(mock, "GET", "verdict") == (200, [])
    for _ in range(2):
        with pytest.raises(urllib.error.HTTPError, match="461") as refused:
            stream(mock, duration="1")
        refused.value.close()
    _, (finding,) = ask(mock, "GET", "verdict")
    assert (finding["rule"], finding["requests"]) == ("retried-final", [1, 2])


def test_reset_restores_everything(mock: MockServer) -> None:
    _, before = ask(mock, "GET", "wire")
    ask(mock, "PUT", "scenario", {"name": "night", "seed": 3})
    ask(mock, "PUT", "wire", {"name": "chatty"})
    ask(mock, "PUT", "account", {"plan": "watt"})
    ask(mock, "PUT", "clock", {"speed": 1000})
    ask(mock, "POST", "faults", {"name": "reset", "always": True})
    assert ask(mock, "POST", "reset") == (200, {})
    assert ask(mock, "GET", "wire") == (200, before)
    assert ask(mock, "GET", "scenario")[1]["name"] == "sunny-day"
    assert ask(mock, "GET", "clock")[1]["speed"] == 500
    assert ask(mock, "GET", "account")[1]["plan"] == "unlimited"
    assert ask(mock, "GET", "journal") == (200, [])
    assert stream(mock).count(b"data:") == 30


@pytest.mark.parametrize(
    ("method", "name", "body", "status", "said"),
    [
        ("GET", "nothing", None, 404, "use openapi.json, streaming.json, streaming.yaml, scenario"),
        ("POST", "scenario", {}, 405, "POST is not allowed: use GET, PUT"),
        (
            "PUT",
            "scenario",
            {"name": "nope"},
            400,
            "name must be one of 'sunny-day'",
        ),
        ("PUT", "scenario", {"name": 3}, 400, "name must be one of 'sunny-day'"),
        ("PUT", "scenario", {"seed": "x"}, 400, "seed must be an int, got 'x'"),
        ("PUT", "scenario", {"seed": None}, 400, "seed must be an int, got None"),
        ("PUT", "scenario", {"sead": 1}, 400, "No option 'sead': use name, seed"),
        ("PUT", "scenario", b"{", 400, "The body is no JSON"),
        ("PUT", "scenario", b"[" * 100_000, 400, "The body is no JSON"),
        ("PUT", "scenario", b"\xff", 400, "The body is no JSON"),
        ("PUT", "scenario", [], 400, "The body must be a JSON object"),
        ("PUT", "wire", {"newline": "x"}, 400, "newline must be one of "),
        ("PUT", "wire", {"wire": "x"}, 400, "No option 'wire': use nesting"),
        ("PUT", "wire", {"name": "x"}, 400, "name must be one of 'plain'"),
        ("PUT", "wire", {"name": None}, 400, "name must be one of 'plain'"),
        ("PUT", "wire", {"name": "plain", "bom": True}, 400, "contradict each other"),
        ("PUT", "wire", {"cut_at": 3}, 400, "cut_at"),
        ("POST", "faults", {}, 400, "name must be one of 'reset'"),
        ("POST", "faults", {"name": "x"}, 400, "name must be one of 'reset'"),
        (
            "POST",
            "faults",
            {"name": "drop", "x": 1},
            400,
            "Fault 'drop' takes no x; it takes after_events",
        ),
        ("POST", "faults", {"name": "drop", "fault": 1}, 400, "Fault 'drop' takes no fault"),
        ("POST", "faults", {"name": "drop", "size": 9}, 400, "Fault 'drop' takes no size"),
        ("POST", "faults", {"name": "drop", "running": True}, 400, "No stream is open"),
        (
            "POST",
            "faults",
            {"name": "drop", "running": 1},
            400,
            "running must be one of False, True",
        ),
        ("POST", "faults", {"name": "html", "running": True}, 400, "cannot strike an open stream"),
        (
            "POST",
            "faults",
            {"name": "drop", "running": True, "always": True},
            400,
            "always and requests are for the streams to come",
        ),
        ("PUT", "clock", {"speed": 0}, 400, "speed must be a number from 0.001 to 1,000, got 0"),
        (
            "PUT",
            "clock",
            {"speed": "x"},
            400,
            "speed must be a number from 0.001 to 1,000, got 'x'",
        ),
        ("PUT", "account", {"plan": "free"}, 400, "plan must be one of 'unlimited'"),
        ("PUT", "account", {"limit_answer": 1}, 400, "limit_answer must be one of "),
        ("PUT", "account", {"used_up": "minute"}, 400, "no limit a minute: set another plan"),
        (
            "PUT",
            "account",
            {"expired": "x"},
            400,
            "access_token must be one that this mock has issued",
        ),
        (
            "PUT",
            "account",
            {"expired": [None, None]},
            400,
            "access_token must be one that this mock has issued",
        ),
        ("PUT", "account", b"", 400, "The body must be a JSON object, and is empty"),
        ("PUT", "clock", None, 400, "The body must be a JSON object, and is empty"),
        ("POST", "reset", {"all": True}, 400, "No option 'all': use none"),
    ],
)
def test_bad_input_is_refused_and_the_server_goes_on(
    mock: MockServer, method: str, name: str, body: object, status: int, said: str
) -> None:
    found, answer = ask(mock, method, name, body)
    assert (found, answer.keys()) == (status, {"error"})
    assert said in answer["error"]
    assert stream(mock).count(b"data:") == 30


@pytest.mark.parametrize(
    "bad",
    [{"used_up": "week"}, {"expired": "x"}, {"plan": "unlimited", "used_up": "minute"}],
)
def test_a_refused_request_changes_nothing_of_the_account(
    mock: MockServer, bad: dict[str, str]
) -> None:
    _, before = ask(mock, "PUT", "account", {"plan": "kilowatt"})
    order = {"plan": "partner", "limit_answer": "plain", "used_up": "month", "expired": None}
    status, _ = ask(mock, "PUT", "account", {**order, **bad})
    assert status == 400
    assert ask(mock, "GET", "account") == (200, before)
    assert stream(mock).count(b"data:") == 30


def test_the_speed_cannot_change_while_a_stream_is_open(mock: MockServer) -> None:
    ask(mock, "PUT", "clock", {"speed": 1})
    request = urllib.request.Request(
        f"{mock.base_url}/systems/{mock.system_id}/live_data",
        headers={"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}"},
    )
    with urllib.request.urlopen(request, timeout=5):
        status, answer = ask(mock, "PUT", "clock", {"speed": 2})
    assert (status, answer["error"]) == (400, "speed cannot be set while a stream is open.")


def test_requests_to_the_controls_are_not_recorded(mock: MockServer) -> None:
    ask(mock, "GET", "verdict")
    assert mock.requests == []


@pytest.mark.parametrize("name", ["streaming.json", "streaming.yaml"])
def test_the_apis_document_is_served_with_addresses_of_the_mock(
    mock: MockServer, name: str
) -> None:
    origin = mock.base_url.removesuffix("/api/v4")
    with urllib.request.urlopen(f"{origin}/_mock/{name}", timeout=5) as response:
        text = response.read().decode()
        kind = response.headers["Content-Type"]
    served = json.loads(text) if name.endswith("json") else yaml.safe_load(text)
    assert kind == f"application/{name.partition('.')[2]}"
    validate(served)
    real = load_contract().base_url.removesuffix("/api/v4")
    assert real not in text
    assert json.loads(json.dumps(served).replace(origin, real)) == load_contract().document
    assert served["servers"] == [{"url": mock.base_url}]
    assert served["paths"]["/oauth/token"]["servers"] == [{"url": origin}]


def test_the_controls_document_names_the_address_it_was_read_from(
    mock: MockServer, document: dict[str, Any]
) -> None:
    assert document["servers"] == [{"url": mock.base_url.replace("/api/v4", "/_mock")}]
