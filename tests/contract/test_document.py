"""The document and its views: valid, consistent, and in agreement with what is published."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

import written

SPEC = Path(__file__).parents[2] / "spec"
LIVE_DATA = "/systems/{system_id}/live_data"
TOKEN = "/oauth/token"
EVENT = "StreamSystemLiveDataResponse"

# From the published text, not from the document; only the bounds of `duration` may have moved.
PUBLISHED = [
    (401, "NOT_AUTHENTICATED", "API key is missing", "authentication_error"),
    (401, "NOT_AUTHENTICATED", "API Key is invalid", "authentication_error"),
    (401, "UNAUTHORIZED", "Access token is invalid", "authentication_error"),
    (401, "UNAUTHORIZED", "Access token has expired", "authentication_error"),
    (
        401,
        "UNAUTHORIZED",
        "Application is not authorized to access the requested resource",
        "authentication_error",
    ),
    (403, "FORBIDDEN", "User is not authorized", "authorization_error"),
    (429, "TOO_MANY_REQUESTS", "Too Many Requests", "request_exceeded_error"),
    (461, "INVALID_DURATION", "Duration cannot be less than {minimum}", "validation_error"),
    (462, "INVALID_DURATION", "Duration cannot be greater than {maximum}", "validation_error"),
    (463, "INVALID_DURATION", "Duration must be an integer", "validation_error"),
    (
        466,
        "UNSUPPORTED_ENVOY",
        "Envoy must be active and envoy version must be at least 6.0.0",
        "validation_error",
    ),
    (468, "INVALID_SYSTEM_ID", "System ID doesn't exist", "validation_error"),
    (
        472,
        "LIVE_STREAM_NOT_SUPPORTED",
        "The system doesn\N{RIGHT SINGLE QUOTATION MARK}t support live stream",
        "validation_error",
    ),
    (473, "IQ_GATEWAY_NOT_REPORTING", "IQ gateway is not reporting", "site_connectivity_error"),
    (550, "SERVICE_UNREACHABLE", "Service unreachable, please try again", "server_error"),
    (551, "SERVICE_UNREACHABLE", "Service unreachable, please try again", "server_error"),
    (552, "CONNECTION_NOT_ESTABLISHED", "Unable to connect, please try again", "server_error"),
]
PUBLISHED_FIELDS = {
    *("pv_power", "consumption_power", "generator_power", "battery_power", "grid_power"),
    *("battery_soc", "battery_mode", "grid_status", "envoy_serial_number", "system_id"),
}


def apply(overlay: Path, output: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SPEC / "views" / "apply.py", overlay, output],
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return written.read()


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return view("prism", tmp_path_factory)


@pytest.fixture(scope="module")
def itemschema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return view("itemschema", tmp_path_factory)


def view(name: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    output = tmp_path_factory.mktemp("views") / "new folder" / f"{name}.yaml"
    run = apply(SPEC / "views" / f"{name}.overlay.yaml", output)
    assert run.returncode == 0, run.stderr
    return written.read(output)


def walk(node: object) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value, at any depth."""
    if isinstance(node, dict):
        yield from node.items()
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from walk(child)


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Return what a $ref points to, or the node itself."""
    while "$ref" in node:
        target = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def responses(document: dict[str, Any], path: str, method: str) -> dict[int, dict[str, Any]]:
    found = document["paths"][path][method]["responses"]
    return {int(status): resolved(document, response) for status, response in found.items()}


def stream_media_type(document: dict[str, Any]) -> dict[str, Any]:
    content = responses(document, LIVE_DATA, "get")[200]["content"]
    assert list(content) == ["text/event-stream"]
    media_type: dict[str, Any] = content["text/event-stream"]
    return media_type


def parameter(document: dict[str, Any], name: str) -> dict[str, Any]:
    parameters = document["paths"][LIVE_DATA]["get"]["parameters"]
    (found,) = [each for each in parameters if each["name"] == name]
    assert isinstance(found, dict)
    return found


def line_of(text: str) -> str:
    """Return file and line of a text in the document, for the message of a failure."""
    lines = written.DOCUMENT.read_text("utf-8").splitlines()
    number = next((number for number, line in enumerate(lines, 1) if text in line), 1)
    return f"spec/streaming.yaml:{number}"


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]})


@pytest.mark.parametrize(
    ("name", "version"), [("document", "3.1.0"), ("prism", "3.1.0"), ("itemschema", "3.2.0")]
)
def test_it_is_valid_openapi(name: str, version: str, request: pytest.FixtureRequest) -> None:
    loaded = request.getfixturevalue(name)
    assert loaded["openapi"] == version
    validate(loaded)


@pytest.mark.parametrize("name", ["prism", "itemschema"])
def test_a_view_has_no_host_but_loopback(name: str, request: pytest.FixtureRequest) -> None:
    loaded = request.getfixturevalue(name)
    servers = [value for key, value in walk(loaded) if key == "servers"]
    assert len(servers) == 2
    for (server,) in servers:
        assert server["url"].startswith("http://127.0.0.1:")
    assert loaded["servers"][0]["url"].endswith("/api/v4")
    assert "enphaseenergy.com" not in json.dumps(loaded)


@pytest.mark.parametrize("action", ["remove: true", "update: {type: string}"])
def test_an_overlay_action_that_matches_nothing_fails(tmp_path: Path, action: str) -> None:
    overlay, output = tmp_path / "bad.overlay.yaml", tmp_path / "out.yaml"
    overlay.write_text(
        "overlay: 1.0.0\ninfo: {title: t, version: '1'}\n"
        f"extends: {SPEC / 'streaming.yaml'}\n"
        "actions:\n- {target: $.info, update: {x-new: 1}}\n"
        f"- {{target: $.paths.nowhere, {action}}}\n"
    )
    run = apply(overlay, output)
    assert run.returncode != 0
    assert "bad.overlay.yaml: action 2 matches nothing: $.paths.nowhere" in run.stderr
    assert not output.exists()


def test_an_overlay_action_with_a_misspelled_key_fails(tmp_path: Path) -> None:
    overlay, output = tmp_path / "bad.overlay.yaml", tmp_path / "out.yaml"
    overlay.write_text(
        "overlay: 1.0.0\ninfo: {title: t, version: '1'}\n"
        f"extends: {SPEC / 'streaming.yaml'}\n"
        "actions:\n- {target: $.info, updates: {x-new: 1}}\n"
    )
    run = apply(overlay, output)
    assert run.returncode != 0
    assert "updates" in run.stderr
    assert not output.exists()


def test_the_prism_view_answers_with_framed_events(prism: dict[str, Any]) -> None:
    media_type = stream_media_type(prism)
    assert media_type["schema"] == {"type": "string"}
    *frames, rest = media_type["example"].split("\n\n")
    assert len(frames) == 2
    assert rest == ""
    event = validator(prism, {"$ref": f"#/components/schemas/{EVENT}"})
    for frame in frames:
        event.validate(json.loads(frame.removeprefix("data:")))


def test_the_3_2_view_describes_one_event_of_the_stream(itemschema: dict[str, Any]) -> None:
    media_type = stream_media_type(itemschema)
    assert "schema" not in media_type
    assert media_type["itemSchema"]["required"] == ["data"]
    data = media_type["itemSchema"]["properties"]["data"]
    assert data == {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": {"$ref": f"#/components/schemas/{EVENT}"},
    }


@pytest.mark.parametrize(("code", "status", "message", "kind"), PUBLISHED)
def test_a_published_error_is_an_example_of_its_status(
    document: dict[str, Any], code: int, status: str, message: str, kind: str
) -> None:
    content = responses(document, LIVE_DATA, "get")[code]["content"]
    assert list(content) == ["application/json"]
    values = [example["value"] for example in content["application/json"]["examples"].values()]
    found = [(each["error"]["status"], each["error"]["message"], each["type"]) for each in values]
    wanted = (status, message.format(**parameter(document, "duration")["schema"]), kind)
    assert wanted in found, f"edit the example of {code} at {line_of(f'code: {code},')}"


def test_every_example_of_an_error_has_the_code_of_its_status(document: dict[str, Any]) -> None:
    for status, response in responses(document, LIVE_DATA, "get").items():
        if status != 200:
            for name, example in response["content"]["application/json"]["examples"].items():
                code = example["value"]["error"]["code"]
                assert code == status, f"edit the code of {name} at {line_of(f'{name}:')}"


def test_every_error_shares_one_envelope(document: dict[str, Any]) -> None:
    for status, response in responses(document, LIVE_DATA, "get").items():
        if status != 200:
            schema = response["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ErrorResponse"}
    details = document["components"]["schemas"]["ErrorDetail"]["properties"]["details"]
    assert (details["type"], details["items"]) == ("array", {})


def test_every_example_matches_its_schema(document: dict[str, Any]) -> None:
    media_types = [
        media_type
        for path, method in ((LIVE_DATA, "get"), (TOKEN, "post"))
        for response in responses(document, path, method).values()
        for media_type in response["content"].values()
    ]
    for media_type in media_types:
        for example in media_type["examples"].values():
            validator(document, media_type["schema"]).validate(example["value"])


def test_the_example_of_a_reading_has_every_published_field(document: dict[str, Any]) -> None:
    # A server that lacks a field of the example fails the contract suite, so the example may lack
    # an optional field that the mock does not measure.
    schemas = document["components"]["schemas"]
    event = stream_media_type(document)["examples"]["reading"]["value"]
    assert event.keys() == schemas[EVENT]["properties"].keys()
    missing = PUBLISHED_FIELDS - event["data"].keys()
    assert not missing, f"add {missing} to the example at {line_of('reading:')}"
    unknown = event["data"].keys() - schemas["LiveStatus"]["properties"].keys()
    assert not unknown, f"describe {unknown} at {line_of('LiveStatus:')}"


def test_duration_is_a_header_with_bounds_and_no_default(document: dict[str, Any]) -> None:
    duration = parameter(document, "duration")
    assert (duration["in"], duration["required"]) == ("header", False)
    assert duration["schema"].keys() == {"type", "minimum", "maximum"}
    assert duration["schema"]["type"] == "integer"


def test_the_bounds_of_duration_are_in_its_description(document: dict[str, Any]) -> None:
    duration = parameter(document, "duration")
    words = "from {minimum} to {maximum}".format(**duration["schema"])
    assert words in duration["description"], f"say {words!r} at {line_of('- name: duration')}"


def test_every_parameter_has_a_valid_example(document: dict[str, Any]) -> None:
    for each in document["paths"][LIVE_DATA]["get"]["parameters"]:
        assert "example" in each, f"add an example at {line_of('- name: ' + each['name'])}"
        validator(document, each["schema"]).validate(each["example"])


def test_the_names_are_those_of_the_published_operation(document: dict[str, Any]) -> None:
    operation = document["paths"][LIVE_DATA]["get"]
    assert operation["operationId"] == "streamSystemLiveData"
    assert operation["summary"] == "Site Level Live Status"
    assert stream_media_type(document)["schema"] == {"$ref": f"#/components/schemas/{EVENT}"}
    assert operation["security"] == [{"OAuth2": [], "ApiKey": []}]


def test_integers_beyond_32_bits_have_their_format(document: dict[str, Any]) -> None:
    # Without it, generated clients in Go, Java, Kotlin, C# and Rust use 32 bits.
    schemas = document["components"]["schemas"]
    long = [
        parameter(document, "system_id")["schema"],
        schemas[EVENT]["properties"]["timestamp_epoch"],
        schemas["LiveStatus"]["properties"]["system_id"],
        schemas["ErrorResponse"]["properties"]["timestamp_epoch"],
    ]
    assert {schema.get("format") for schema in long} == {"int64"}
    too_long = [
        name
        for name, value in walk(document)
        if isinstance(value, int) and abs(value) >= 2**31 and name != "timestamp_epoch"
    ]
    assert not too_long, f"give {too_long} the format int64, and add them to this test"


def test_a_stream_needs_an_oauth_token_and_a_key_together(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    key = schemes["ApiKey"]
    assert (key["type"], key["in"], key["name"]) == ("apiKey", "header", "key")
    assert schemes["OAuth2"]["type"] == "oauth2"
    flows = schemes["OAuth2"]["flows"]
    assert flows.keys() == {"authorizationCode", "password"}
    (server,) = document["paths"][TOKEN]["servers"]
    for flow in flows.values():
        assert flow["tokenUrl"] == flow["refreshUrl"] == server["url"] + TOKEN


def test_tokens_have_their_own_server_and_a_form_body(document: dict[str, Any]) -> None:
    assert document["servers"] == [{"url": "https://api.enphaseenergy.com/api/v4"}]
    assert document["paths"][TOKEN]["servers"] == [{"url": "https://api.enphaseenergy.com"}]
    body = document["paths"][TOKEN]["post"]["requestBody"]
    assert list(body["content"]) == ["application/x-www-form-urlencoded"]


@pytest.mark.parametrize(
    ("grant", "needed"),
    [
        ("authorization_code", ["code", "redirect_uri"]),
        ("password", ["username", "password"]),
        ("refresh_token", ["refresh_token"]),
    ],
)
def test_each_grant_needs_its_own_fields(
    document: dict[str, Any], grant: str, needed: list[str]
) -> None:
    request = validator(document, {"$ref": "#/components/schemas/TokenRequest"})
    whole = {"grant_type": grant, **dict.fromkeys(needed, "x")}
    request.validate(whole)
    for field in needed:
        assert not request.is_valid({**whole, field: ""})
        del whole[field]
        assert not request.is_valid(whole)


def test_timestamp_utc_is_a_string_in_every_example(document: dict[str, Any]) -> None:
    stamps = [v for key, v in walk(document) if key == "timestamp_utc" and not isinstance(v, dict)]
    assert len(stamps) > len(PUBLISHED)
    assert {type(stamp) for stamp in stamps} == {str}


def test_known_values_are_named_after_a_field_and_restrict_none(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    known = {name for name in schemas if name.startswith("Known")}
    assert known >= {"KnownBatteryMode", "KnownGridStatus"}
    fields = schemas["LiveStatus"]["properties"].keys()
    assert {re.sub(r"\B[A-Z]", r"_\g<0>", name[5:]).lower() for name in known} <= fields
    references = {value for key, value in walk(document) if key == "$ref"}
    assert references
    assert not references & {f"#/components/schemas/{name}" for name in known}


@pytest.mark.parametrize("field", ["battery_mode", "grid_status"])
def test_mode_and_grid_status_take_any_string(document: dict[str, Any], field: str) -> None:
    schema = document["components"]["schemas"]["LiveStatus"]["properties"][field]
    assert schema.keys() == {"type", "description"}
    assert schema["type"] == "string"


def test_the_reading_has_the_published_fields_and_requires_none(document: dict[str, Any]) -> None:
    status = document["components"]["schemas"]["LiveStatus"]
    assert status["properties"].keys() >= PUBLISHED_FIELDS
    assert "required" not in status
