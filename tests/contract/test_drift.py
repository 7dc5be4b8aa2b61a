"""`make drift`: what is published, beside the document. All that is published here is made up."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import written as in_spec

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "spec"
LIVE_DATA = "/api/v4/systems/{system_id}/live_data"
HOST = "api.enphaseenergy.com"
ERRORS = (401, 403, 429, 461, 462, 463, 466, 468, 472, 473, 550, 551, 552)

Json = dict[str, Any]

OURS: Json = in_spec.read()


class Run(NamedTuple):
    code: int
    lines: list[str]
    error: str


class Published:
    """One form of what the API publishes, and its parts, to plant a difference in either form."""

    def __init__(self, form: str) -> None:
        self.form = form
        stamp = {"timestamp_epoch": "integer", "timestamp_utc": "string", "type": "string"}
        watts = ("pv", "consumption", "generator", "battery", "grid")
        self.reading = self.properties(
            {f"{name}_power": "integer" for name in watts}
            | {"battery_soc": "integer", "battery_mode": "string", "grid_status": "string"}
            | {"system_id": "integer"}
        )
        serials: Json = {"type": "array", "items": {"type": "string"}}
        self.reading["envoy_serial_number"] = serials
        self.fields: Json = {"data": self.object(self.reading), **self.properties(stamp)}
        self.event = self.object(self.fields)
        self.error_detail = self.properties(
            {"code": "integer", "status": "string", "message": "string"}
        )
        self.error_detail["details"] = {"type": "array", "items": {}}
        error = {"error": self.object(self.error_detail), **self.properties(stamp)}
        self.error = self.object(error)
        self.duration: Json = {"type": "integer", "minimum": 30, "maximum": 300}
        self.duration_parameter = self.parameter("duration", "header", self.duration)
        if form == "swagger":
            self.duration = self.duration_parameter
        site = self.parameter("system_id", "path", {"type": "integer"}, required=True)
        self.parameters = [site, self.duration_parameter]
        self.responses: Json = {"200": self.response("text/event-stream", self.event)}
        self.responses |= {
            str(status): self.response("application/json", {"$ref": self.components("Error")})
            for status in ERRORS
        }
        self.operation: Json = {"parameters": self.parameters, "responses": self.responses}
        self.operation["security"] = [{"token": [], "app": []}]
        self.app = {"type": "apiKey", "in": "header", "name": "key"}
        self.path: Json = {"get": self.operation}
        self.document: Json = {"paths": {LIVE_DATA: self.path}, "info": {"title": "t"}}
        if form == "swagger":
            token: Json = {"type": "apiKey", "in": "header", "name": "Authorization"}
            self.document |= {"swagger": "2.0", "host": HOST, "schemes": ["https"]}
            self.document["securityDefinitions"] = {"token": token, "app": self.app}
            self.document["definitions"] = {"Error": self.error}
        else:
            token = {"type": "http", "scheme": "bearer"}
            self.document |= {"openapi": form, "servers": [{"url": f"https://{HOST}"}]}
            self.document["components"] = {
                "securitySchemes": {"token": token, "app": self.app},
                "schemas": {"Error": self.error},
            }

    @staticmethod
    def properties(types: dict[str, str]) -> Json:
        return {name: {"type": kind} for name, kind in types.items()}

    @staticmethod
    def object(properties: Json) -> Json:
        return {"type": "object", "properties": properties}

    def components(self, name: str) -> str:
        place = "definitions" if self.form == "swagger" else "components/schemas"
        return f"#/{place}/{name}"

    def parameter(self, name: str, place: str, schema: Json, *, required: bool = False) -> Json:
        node = {"name": name, "in": place, "required": required}
        return node | (schema if self.form == "swagger" else {"schema": schema})

    def response(self, media_type: str, schema: Json) -> Json:
        if self.form == "swagger":
            return {"description": "", "schema": schema}
        return {"description": "", "content": {media_type: {"schema": schema}}}


@pytest.fixture(scope="module")
def main() -> Callable[[list[str]], int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SPEC)
        command: Callable[[list[str]], int] = import_module("drift.command").main
        return command


@pytest.fixture
def drift(
    main: Callable[[list[str]], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Run]:
    def run(upstream: object, *, known: str = "[]", ours: object = OURS) -> Run:
        def written(name: str, content: object) -> Path:
            if isinstance(content, Path):
                return content
            file = tmp_path / name
            file.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
            return file

        files = [written("known.yaml", known), written("ours.yaml", ours)]
        capsys.readouterr()
        arguments = ["--known", str(files[0]), "--ours", str(files[1])]
        code = main([*arguments, str(written("upstream.yaml", upstream))])
        out, error = capsys.readouterr()
        return Run(code, [line.strip() for line in out.splitlines()], error.strip())

    return run


Drift = Callable[..., Run]
FORMS = ("swagger", "3.0.3", "3.1.0", "3.2.0")


def plain(form: str) -> Published:
    published = Published(form)
    if form == "swagger":
        published.operation["produces"] = ["text/event-stream", "application/json"]
    return published


def told(drift: Drift, published: Published) -> list[str]:
    """Return the lines that a planted difference adds to the report."""
    if published.form not in USUAL:
        USUAL[published.form] = drift(plain(published.form).document).lines
    run = drift(published.document)
    new = [line for line in run.lines[:-1] if line not in (*USUAL[published.form], *GROUPS)]
    assert run.code == 1 or not new
    return new


USUAL: dict[str, list[str]] = {}
GROUPS = {"Operation", "Parameters", "Security", "Statuses", "Events", "Errors"}


def test_the_document_is_as_itself(drift: Drift) -> None:
    run = drift(SPEC / "streaming.yaml", ours=SPEC / "streaming.yaml")
    assert run == (0, ["New differences: 0. Known deviations found: 0."], "")


@pytest.mark.parametrize("form", FORMS[1:])
def test_a_document_that_says_the_same_has_no_difference(drift: Drift, form: str) -> None:
    assert drift(Published(form).document).lines == [
        "New differences: 0. Known deviations found: 0."
    ]


def test_swagger_says_the_same_but_for_what_it_cannot_say(drift: Drift) -> None:
    every = ", ".join(map(str, ERRORS))
    both = "media type application/json, text/event-stream, ours"
    assert drift(plain("swagger").document).lines == [
        "Events",
        f"200: changed body: {both} text/event-stream",
        "Errors",
        f"{every}: changed body: {both} application/json",
        "New differences: 2. Known deviations found: 0.",
    ]


def test_the_views_differ_only_where_they_are_meant_to(drift: Drift, tmp_path: Path) -> None:
    for name, wanted in (
        ("prism", ["200: changed body: type string, ours object"]),
        ("itemschema", []),
    ):
        view = tmp_path / f"{name}.yaml"
        overlay = SPEC / "views" / f"{name}.overlay.yaml"
        command = [sys.executable, SPEC / "views" / "apply.py", overlay, view]
        subprocess.run([*map(str, command)], check=True)
        address, *others = [each for each in drift(view).lines[:-1] if each not in GROUPS]
        assert address.startswith("changed operation: address http://127.0.0.1:")
        assert others == wanted
        assert drift(view, ours=view).code == 0


# Plants -------------------------------------------------------------------------------------------

Plant = Callable[[Published], object]
PLANTS: dict[str, tuple[Plant, str]] = {
    "added status": (
        lambda it: it.responses.update({"474": it.response("application/json", {})}),
        "added status 474",
    ),
    "default response": (
        lambda it: it.responses.update({"default": {"description": ""}}),
        "added status default",
    ),
    "dropped status": (lambda it: it.responses.pop("466"), "removed status 466"),
    "changed type": (
        lambda it: it.reading["pv_power"].update(type="string"),
        "200: changed body: data.pv_power: type string, ours integer",
    ),
    "format": (
        lambda it: it.reading["pv_power"].update(format="int64"),
        '200: changed body: data.pv_power: format "int64", ours not stated',
    ),
    "type of an item": (
        lambda it: it.reading["envoy_serial_number"]["items"].update(type="integer"),
        "200: changed body: data.envoy_serial_number[]: type integer, ours string",
    ),
    "a type whose parts go": (
        lambda it: it.fields.update(data={"type": "string"}),
        "200: changed body: data: type string, ours object",
    ),
    "closed enum": (
        lambda it: it.reading["battery_mode"].update(enum=["Savings Mode", "Full Backup"]),
        '200: changed body: data.battery_mode: values "Full Backup", "Savings Mode", ours any',
    ),
    "added field": (
        lambda it: it.reading.update(ev_power={"type": "integer", "minimum": 0}),
        "200: added body: data.ev_power (integer, minimum 0)",
    ),
    "added field with fields": (
        lambda it: it.reading.update(ev=it.object({"power": {"type": "integer"}})),
        "200: added body: data.ev (object)",
    ),
    "removed field": (
        lambda it: it.reading.pop("generator_power"),
        "200: removed body: data.generator_power (integer)",
    ),
    "field of an error": (
        lambda it: it.error_detail.update(retry={"type": "boolean"}),
        f"{', '.join(map(str, ERRORS))}: added body: error.retry (boolean)",
    ),
    "required field": (
        lambda it: it.fields["data"].update(required=["pv_power"]),
        "200: changed body: data.pv_power: required yes, ours no",
    ),
    "closed object": (
        lambda it: it.event.update(additionalProperties=False),
        "200: changed body: other fields forbidden, ours not stated",
    ),
    "one more data": (
        lambda it: it.responses.update(
            {"200": it.response("text/event-stream", it.object({"data": it.event}))}
        ),
        "200: changed body: event inside one more `data`, ours as it is",
    ),
    "moved bound": (
        lambda it: it.duration.update(maximum=900),
        "changed header parameter duration: maximum 900, ours 300",
    ),
    "dropped bound": (
        lambda it: it.duration.pop("minimum"),
        "changed header parameter duration: minimum not stated, ours 30",
    ),
    "default": (
        lambda it: it.duration.update(default=30),
        "changed header parameter duration: default 30, ours not stated",
    ),
    "type of a parameter": (
        lambda it: it.duration.update(type="number"),
        "changed header parameter duration: type number, ours integer",
    ),
    "moved parameter": (
        lambda it: it.duration_parameter.update({"in": "query"}),
        "changed header parameter duration: in query, ours header",
    ),
    "required parameter": (
        lambda it: it.duration_parameter.update(required=True),
        "changed header parameter duration: required yes, ours no",
    ),
    "added parameter": (
        lambda it: it.parameters.append(
            it.parameter("site", "query", {"type": "string"}, required=True)
        ),
        "added query parameter site (required, string)",
    ),
    "added parameter of the whole path": (
        lambda it: it.path.update(parameters=[it.parameter("a", "query", {"type": "string"})]),
        "added query parameter a (string)",
    ),
    "removed parameter": (
        lambda it: it.parameters.remove(it.duration_parameter),
        "removed header parameter duration (integer, minimum 30, maximum 300)",
    ),
    "deprecated": (
        lambda it: it.operation.update(deprecated=True),
        "changed operation: deprecated yes, ours no",
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_difference_is_told_in_one_line(drift: Drift, name: str, form: str) -> None:
    plant, line = PLANTS[name]
    published = plain(form)
    plant(published)
    told_of = told(drift, published)
    if form == "swagger" and name == "dropped status":
        # The line of the other statuses' media types is another one then.
        told_of = [each for each in told_of if "media type" not in each]
    assert told_of == [line]


def test_parameters_of_other_kinds_are_told(drift: Drift) -> None:
    published = plain("3.1.0")
    published.operation["requestBody"] = {"required": True}
    content = {"application/json": {"schema": {"type": "array", "items": {"type": "string"}}}}
    published.parameters += [
        {"name": "Duration", "in": "query", "schema": {"type": "integer"}},
        {"name": "fields", "in": "cookie", "content": content},
    ]
    assert told(drift, published) == [
        "added query parameter Duration (integer)",
        "added cookie parameter fields (array)",
        "added body of the request (required)",
    ]


def test_a_parameter_of_the_operation_overrides_that_of_the_path(drift: Drift) -> None:
    published = plain("3.1.0")
    published.path["parameters"] = [{"name": "duration", "in": "header", "required": True}]
    assert told(drift, published) == []


@pytest.mark.parametrize("form", FORMS)
def test_a_body_that_is_gone_is_told(drift: Drift, form: str) -> None:
    published = plain(form)
    published.responses["403"] = {"description": ""}
    line = "403: removed body (media type application/json, object)"
    assert line in told(drift, published)


def test_a_body_that_is_not_described_is_told(drift: Drift) -> None:
    published = plain("3.1.0")
    published.responses["403"]["content"] = {"text/html": {}}
    assert told(drift, published) == [
        "403: changed body: media type text/html, ours application/json",
        "403: changed body: type anything, ours object",
    ]


@pytest.mark.parametrize("form", FORMS)
def test_a_key_that_moved_to_the_query_is_told(drift: Drift, form: str) -> None:
    published = plain(form)
    published.app["in"] = "query"
    assert told(drift, published) == [
        "changed security: credentials bearer and key in the query, "
        "ours bearer and key in the header"
    ]


@pytest.mark.parametrize(
    ("security", "words"),
    [
        ([], "nothing"),
        (None, "nothing"),
        ([{"token": []}], "bearer"),
        ([{"token": []}, {"app": []}], "bearer, or key in the header"),
        ([{"token": [], "app": []}, {}], "bearer and key in the header, or nothing"),
        ([{"token": ["read"], "app": []}], "bearer (read) and key in the header"),
        ([{"unheard-of": []}], "undefined"),
    ],
)
def test_other_credentials_are_told(drift: Drift, security: list[Json] | None, words: str) -> None:
    published = plain("3.1.0")
    published.operation["security"] = security
    line = f"changed security: credentials {words}, ours bearer and key in the header"
    assert told(drift, published) == [line]


@pytest.mark.parametrize("spelling", ["Authorization", "authorization"])
def test_swagger_may_ask_for_a_bearer_token_by_a_parameter(drift: Drift, spelling: str) -> None:
    published = plain("swagger")
    published.operation["security"] = [{"app": []}]
    token = published.parameter(spelling, "header", {"type": "string"}, required=True)
    published.parameters.append(token)
    assert told(drift, published) == []
    published.operation["security"] = []
    line = "changed security: credentials bearer, ours bearer and key in the header"
    assert told(drift, published) == [line]
    token["required"] = False
    assert told(drift, published) == [
        f"added header parameter {spelling} (string)",
        line.replace("credentials bearer,", "credentials nothing,"),
    ]


@pytest.mark.parametrize("name", ["Authorization", "Accept", "Content-Type"])
def test_a_parameter_that_openapi_ignores_is_ignored(drift: Drift, name: str) -> None:
    for form, new in (("3.0.3", 0), ("3.1.0", 0), ("swagger", 1)):
        published = plain(form)
        published.parameters.append(published.parameter(name, "header", {"type": "string"}))
        assert len(told(drift, published)) == new


def test_credentials_of_the_whole_document_count(drift: Drift) -> None:
    published = plain("3.1.0")
    published.document["security"] = published.operation.pop("security")
    assert told(drift, published) == []


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": ["integer", "null"]}, "null allowed, ours not mentioned"),
        ({"type": "integer", "nullable": True}, "null allowed, ours not mentioned"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "null allowed, ours not mentioned"),
        ({"type": ["string", "integer"]}, "type integer or string, ours integer"),
        (
            {"oneOf": [{"type": "string"}, {"type": "integer"}]},
            "type one of 2 forms (integer, string), ours integer",
        ),
        ({"type": "integer", "const": 4}, "values 4, ours any"),
        ({"type": "integer", "exclusiveMinimum": 0}, "exclusive minimum 0, ours not stated"),
        (
            {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
            "exclusive minimum 0, ours not stated",
        ),
        ({"type": "integer", "minimum": 1.0}, "minimum 1, ours not stated"),
        (True, "type anything, ours integer"),
        (False, "type nothing, ours integer"),
    ],
)
def test_other_ways_to_say_it_are_understood(drift: Drift, schema: object, words: str) -> None:
    published = plain("3.1.0")
    published.reading["pv_power"] = schema
    assert told(drift, published) == [f"200: changed body: data.pv_power: {words}"]


@pytest.mark.parametrize("form", FORMS)
def test_references_and_all_of_change_nothing(drift: Drift, form: str) -> None:
    published = plain(form)
    document = published.document
    document["x-all"] = {
        "one/two~%": published.fields.pop("data"),
        "watts": published.reading.pop("pv_power"),
        "200": published.responses["200"],
        "error": published.responses["401"],
        "parameter": published.parameters[0],
    }
    published.fields["data"] = {"$ref": "#/x-all/one~1two~0%25"}
    published.reading["pv_power"] = {"allOf": [{"$ref": "#/x-all/watts"}], "description": "d"}
    published.responses["200"] = {"$ref": "#/x-all/200"}
    published.responses["401"] = {"$ref": "#/x-all/error"}
    published.parameters[0] = {"$ref": "#/x-all/parameter"}
    assert told(drift, published) == []


def test_parts_of_all_of_are_put_together(drift: Drift) -> None:
    published = plain("3.1.0")
    half = {name: published.reading.pop(name) for name in list(published.reading)[:4]}
    part = {"properties": {**half, "battery_soc": {"maximum": 100}}, "required": ["pv_power"]}
    published.fields["data"] = {
        "allOf": [{"type": "object", "properties": published.reading}, part]
    }
    assert told(drift, published) == [
        "200: changed body: data.pv_power: required yes, ours no",
        "200: changed body: data.battery_soc: maximum 100, ours not stated",
    ]


@pytest.mark.parametrize(("form", "counts"), [("3.0.3", False), ("3.1.0", True)])
def test_what_stands_beside_a_reference_counts_since_3_1(
    drift: Drift, form: str, counts: bool
) -> None:
    published = plain(form)
    published.document["x-watts"] = published.reading["pv_power"]
    published.reading["pv_power"] = {"$ref": "#/x-watts", "maximum": 9}
    line = "200: changed body: data.pv_power: maximum 9, ours not stated"
    assert told(drift, published) == ([line] if counts else [])


def test_a_schema_that_holds_itself_is_described_once(drift: Drift) -> None:
    published = plain("3.1.0")
    published.error_detail["cause"] = {"$ref": published.components("Error")}
    (line,) = told(drift, published)
    assert line.endswith("added body: error.cause (what is around it, once more)")


# Where the operation is ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("servers", "path"),
    [
        ([{"url": f"https://{HOST}"}], LIVE_DATA),
        ([{"url": f"https://{HOST}/api/v4"}], "/systems/{system_id}/live_data"),
        ([{"url": f"https://{HOST}/api/v4/"}], "/systems/{id}/live_data/"),
        ([{"url": f"https://{HOST.upper()}/api/v4/systems"}], "/{id}/live_data"),
        (
            [{"url": "https://{host}/api/v4", "variables": {"host": {"default": HOST}}}],
            "/systems/{SystemId}/live_data",
        ),
    ],
)
def test_the_base_path_may_stand_anywhere(drift: Drift, servers: list[Json], path: str) -> None:
    published = plain("3.1.0")
    name = path.partition("{")[2].partition("}")[0]
    published.parameters[0]["name"] = name
    published.document |= {"servers": servers, "paths": {path: published.path}}
    assert told(drift, published) == []
    published.document["servers"] = [{"url": "/elsewhere"}]
    published.operation["servers"] = servers
    assert told(drift, published) == []


def test_swagger_has_a_base_path_of_its_own(drift: Drift) -> None:
    published = plain("swagger")
    published.document["basePath"] = "/api/v4/"
    published.document["paths"] = {LIVE_DATA.removeprefix("/api/v4"): published.path}
    assert told(drift, published) == []


@pytest.mark.parametrize(
    ("change", "address"),
    [
        ({"host": "qa.example.com"}, f"https://qa.example.com{LIVE_DATA}"),
        ({"host": None}, LIVE_DATA),
        ({"schemes": ["http"]}, f"http://{HOST}{LIVE_DATA}"),
        ({"basePath": "/v5"}, f"https://{HOST}/v5{LIVE_DATA}"),
    ],
)
def test_another_address_is_told(drift: Drift, change: Json, address: str) -> None:
    published = plain("swagger")
    published.document |= change
    ours = f"https://{HOST}{LIVE_DATA}"
    line = f"changed operation: address {address}, ours {ours}".replace("{system_id}", "{}")
    assert told(drift, published) == [line]


def test_a_second_version_is_told(drift: Drift) -> None:
    published = plain("3.1.0")
    v5 = LIVE_DATA.replace("v4", "v5")
    published.document["paths"] = {v5: {"get": {}}, LIVE_DATA: published.path}
    line = f"added second operation at https://{HOST}{v5}".replace("{system_id}", "{}")
    assert told(drift, published) == [line]


def test_only_the_case_of_a_header_is_free(drift: Drift) -> None:
    published = plain("3.1.0")
    published.duration_parameter["name"] = "Duration"
    assert told(drift, published) == []
    ours = plain("3.1.0")
    ours.parameters.append(ours.parameter("size", "query", {"type": "integer"}))
    theirs = plain("3.1.0")
    theirs.parameters.append(theirs.parameter("Size", "query", {"type": "integer"}))
    assert drift(theirs.document, ours=ours.document).lines[1] == (
        "changed query parameter size: spelt Size, ours size"
    )


def test_prose_is_not_compared(drift: Drift) -> None:
    published = plain("3.1.0")
    published.operation |= {"operationId": "x", "summary": "s", "description": "at most 900"}
    published.duration |= {"description": "Default=30, Min=10, Max=900", "example": 900}
    assert told(drift, published) == []


# YAML ---------------------------------------------------------------------------------------------


def test_yaml_is_read_as_openapi_means_it(drift: Drift) -> None:
    published = plain("3.1.0")
    published.responses["200"]["content"]["text/event-stream"]["example"] = "STAMP"
    published.reading["grid_status"]["enum"] = ["On", "off", "1:30", "010"]
    published.document["x-shared"] = [published.reading] * 2  # PyYAML writes an alias
    text = yaml.safe_dump(published.document, width=1000)
    for status in (200, *ERRORS):
        text = text.replace(f"'{status}':", f"{status}:")
    text = text.replace("'1:30'", "1:30").replace("'010'", "010").replace("'On'", "On")
    text = text.replace("'off'", "off").replace("STAMP", "2023-02-30 08:25:08.556")
    assert all(part in text for part in ("&id", " 401:", " 1:30", " 010", " On", " off", " 2023-"))
    run = drift(text.replace("openapi: 3.1.0", "openapi: 3.1"))
    assert [line for line in run.lines if line.startswith("200")] == [
        '200: changed body: data.grid_status: values "010", "1:30", "On", "off", ours any'
    ]
    assert run.lines[-1].startswith("New differences: 1.")


# Known deviations ---------------------------------------------------------------------------------


def entry(difference: str, group: str = "Parameters", reason: str = "so it is") -> Json:
    return {"group": group, "difference": difference, "reason": reason}


MOVED = "changed header parameter duration: maximum 900, ours 300"


def test_a_known_deviation_is_passed_over(drift: Drift) -> None:
    published = plain("3.1.0")
    published.duration["maximum"] = 900
    run = drift(published.document, known=json.dumps([entry(MOVED)]))
    assert run == (0, ["New differences: 0. Known deviations found: 1."], "")
    published.duration["minimum"] = 10
    run = drift(published.document, known=json.dumps([entry(MOVED)]))
    assert run.code == 1
    assert run.lines == [
        "Parameters",
        "changed header parameter duration: minimum 10, ours 30",
        "New differences: 1. Known deviations found: 1.",
    ]


@pytest.mark.parametrize("other", [entry(MOVED.replace("900", "600")), entry(MOVED, "Events")])
def test_a_known_deviation_is_that_one_and_no_other(drift: Drift, other: Json) -> None:
    published = plain("3.1.0")
    published.duration["maximum"] = 900
    run = drift(published.document, known=json.dumps([other]))
    assert run.code == 1
    assert MOVED in run.lines
    assert f"{other['group']}: {other['difference']}" in run.lines


def test_a_known_deviation_that_is_gone_is_told(drift: Drift) -> None:
    run = drift(plain("3.1.0").document, known=json.dumps([entry(MOVED)]))
    assert run.code == 0
    assert run.lines == [
        "Known deviations that are gone. If they are gone for good, delete them from known.yaml:",
        f"Parameters: {MOVED}",
        "New differences: 0. Known deviations found: 0.",
    ]


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ("{}", "the list should be a list, but is an object"),
        ("[4]", "entry 1 should be an object, but is a number"),
        (json.dumps([entry(MOVED, reason=" ")]), "entry 1 needs difference, group, reason"),
        (json.dumps([entry(MOVED), {"difference": "d"}]), "entry 2 needs difference, group"),
        (json.dumps([entry(MOVED), entry(MOVED)]), "entry 2 repeats an earlier one"),
        ("[", "is not YAML"),
    ],
)
def test_a_list_that_is_broken_is_refused(drift: Drift, known: str, why: str) -> None:
    run = drift(plain("3.1.0").document, known=known)
    assert (run.code, run.lines) == (2, [])
    assert f"known.yaml is broken: {why}" in run.error or f"known.yaml {why}" in run.error


def test_the_committed_list_is_what_a_document_like_the_published_one_needs(drift: Drift) -> None:
    published = Published("swagger")
    published.document["host"] = "api-qa2.enphaseenergy.com"
    published.operation["produces"] = ["text/event-stream"]
    del published.operation["security"], published.document["securityDefinitions"]
    del published.duration["minimum"], published.duration["maximum"]
    published.responses["200"]["schema"] = published.object({"data": published.event})
    published.error_detail["details"]["items"] = {"type": "object"}
    committed = (SPEC / "known-deviations.yaml").read_text("utf-8")
    run = drift(published.document, known=committed)
    assert run == (0, ["New differences: 0. Known deviations found: 7."], "")


# Files of no use ----------------------------------------------------------------------------------

LOOP = {"x-a": {"$ref": "#/x-b"}, "x-b": {"$ref": "#/x-a"}}


def with_event(schema: object, **more: object) -> Json:
    published = plain("3.1.0")
    published.responses["200"]["content"]["text/event-stream"]["schema"] = schema
    return published.document | more


def bomb() -> str:
    levels = ["a0: &a0 {type: string}"]
    for n in range(1, 30):
        twice = f"[*a{n - 1}, *a{n - 1}]"
        levels.append(f"a{n}: &a{n} {{allOf: {twice}, default: {twice}, enum: {twice}}}")
    text = yaml.safe_dump(with_event("BOMB"))
    return "\n".join(levels) + "\n" + text.replace("BOMB", "*a29")


@pytest.mark.parametrize(
    ("upstream", "why"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("just text", "is no OpenAPI document"),
        ("[1, 2]", "is no OpenAPI document"),
        ('{"info": {}}', "has neither `swagger` nor `openapi` at its top"),
        ('swagger: "1.2"', "is of version 1.2; only Swagger 2.0 and OpenAPI 3 can be compared"),
        ("openapi: 4.0.0", "is of version 4.0.0"),
        ("openapi: [3]", "its version should be text, but is a list"),
        ("a: [", "is not YAML"),
        ('a: {b: "x}', "is not YAML: while scanning a quoted scalar at line 1, column 8"),
        ("a: 1\n---\nb: 2", "is not YAML"),
        ("a: !!python/object/apply:os.system [id]", "is not YAML"),
        ("a: !!timestamp x", "is not YAML"),
        ("a: !!int x", "is not YAML: a value cannot be read"),
        (f"a: {'9' * 5000}", "is not YAML: a value cannot be read"),
        ("a: &a {b: 1}\nc: {<<: *a}", "has a YAML merge key"),
        (f"a: {'[' * 300}", "is nested more than 200 deep"),
        (f"a: {'[' * 100_000}", "nest"),  # some versions of PyYAML are first to refuse it
        ("- a\n" * 300_000, "holds more than 200,000 YAML values"),
        (" " * 20_000_001, "is larger than 20,000,000 bytes"),
        ({"openapi": "3.1.0"}, "lacks the operation GET …/systems/{system_id}/live_data"),
        ({"openapi": "3.1.0", "paths": []}, "`paths` should be an object, but is a list"),
        ({"swagger": "2.0", "paths": {"/a": {}}}, "Paths in it: 1, none of them near"),
        (
            {"swagger": "2.0", "paths": {"/sites/{site_id}/live_data": {"get": {}}}},
            "Paths in it: 1, the nearest /sites/{site_id}/live_data",
        ),
        (
            {"swagger": "2.0", "paths": {LIVE_DATA: {"post": {}}}},
            f"the nearest {LIVE_DATA} (which has no GET)",
        ),
        (with_event({"$ref": "other.yaml#/a"}), "refers to another document, other.yaml#/a."),
        (with_event({"$ref": "https://example.com/a"}), "Nothing is ever fetched"),
        (with_event({"$ref": "#/x-nowhere/0"}), "has a $ref that leads nowhere: #/x-nowhere/0"),
        (with_event({"$ref": ["#/a"]}), "a $ref should be text, but is a list"),
        (with_event({"$ref": "#/x-a"}, **LOOP), "has a $ref loop: #/x-a -> #/x-b -> #/x-a"),
        (
            with_event({"$ref": "#/x-c"}, **{"x-c": {"allOf": [{"$ref": "#/x-c"}]}}),
            "has a $ref loop: #/x-c -> #/x-c",
        ),
        (with_event("text"), "a schema should be an object, but is text"),
        (with_event({"allOf": {}}), "`allOf` should be a list, but is an object"),
        (bomb(), "describes more than 20,000 things"),
    ],
)
def test_a_file_of_no_use_is_refused_with_the_reason(
    drift: Drift, upstream: object, why: str
) -> None:
    run = drift(upstream)
    assert (run.code, run.lines) == (2, [])
    assert run.error.startswith("drift: ")
    assert "upstream.yaml" in run.error
    assert why in run.error
    assert "\n" not in run.error


def test_a_path_without_a_get_is_named_once(drift: Drift) -> None:
    run = drift({"swagger": "2.0", "paths": {LIVE_DATA: {"post": {}}}})
    assert run.error.endswith(f"Paths in it: 1, the nearest {LIVE_DATA} (which has no GET)")


def test_a_chain_of_references_ends_somewhere(drift: Drift) -> None:
    chain: Json = {f"x-{n}": {"$ref": f"#/x-{n + 1}"} for n in range(1000)}
    run = drift(with_event({"$ref": "#/x-0"}, **chain))
    assert run.code == 2
    assert "more than 100 $refs" in run.error


def test_json_is_called_by_its_name(drift: Drift, tmp_path: Path) -> None:
    file = tmp_path / "upstream.json"
    for raw, why in (
        (b"{'a': 1}", "is not JSON: "),
        (b"", "is empty"),
        (b"[" * 100_000, "is nested too deeply to be read"),
        (b'{"a": "\xff"}', "is not UTF-8: byte 7 is wrong"),
    ):
        file.write_bytes(raw)
        run = drift(file)
        assert run.code == 2
        assert why in run.error
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(plain("3.1.0").document).encode())
    assert drift(file).code == 0


def test_a_file_that_cannot_be_read_is_refused(drift: Drift, tmp_path: Path) -> None:
    assert "cannot be read: No such file" in drift(tmp_path / "none.json").error
    assert "cannot be read: Is a directory" in drift(tmp_path).error
    assert drift(tmp_path).code == 2


def test_what_is_printed_does_nothing_to_a_terminal(drift: Drift) -> None:
    published = plain("3.1.0")
    published.reading["a\x1b[2J\nNew\u202e\ud800"] = {"type": "integer"}
    published.reading["b" * 5000] = {"type": "integer"}
    escaped, long = told(drift, published)
    assert escaped == "200: added body: data.a\\x1b[2J\\nNew\\u202e\\ud800 (integer)"
    assert len(long) < 1100


@pytest.mark.parametrize("address", ["https://example.com/x.json", "file:///x.json"])
def test_an_address_is_not_fetched(address: str) -> None:
    said = make(f"UPSTREAM={address}").stderr
    assert f"drift: {address} is an address; nothing is fetched, so save it first" in said


def test_the_help_explains_every_option(
    main: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "--ours OURS the document to compare with (spec/streaming.yaml)" in said
    assert "--known KNOWN the differences to pass over (spec/known-deviations.yaml)" in said


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the recipe of the verb, with this Python and without building anything."""
    venv = Path(sys.executable).parent.parent
    command = ["make", "--silent", "drift", f"VENV={venv}", f"--old-file={venv}/installed"]
    clean = {
        key: value for key, value in os.environ.items() if key not in ("UPSTREAM", "MAKEFLAGS")
    }
    return subprocess.run(
        [*command, *arguments], cwd=ROOT, env=clean, capture_output=True, text=True
    )


def test_the_verb_takes_any_path_and_says_when_there_is_none(tmp_path: Path) -> None:
    file = tmp_path / "a 'b\" $(c); d.json"
    file.write_text(json.dumps(plain("3.1.0").document))
    said = make(f"UPSTREAM={str(file).replace('$', '$$')}")
    assert said.returncode == 0, said.stderr
    assert "New differences: 0. Known deviations found: 0." in said.stdout
    file.write_text(json.dumps(with_event({"type": "string"})))
    assert "Error 1" in make(f"UPSTREAM={str(file).replace('$', '$$')}").stderr
    said = make()
    assert "name the published document: make drift UPSTREAM=path" in said.stderr
    assert "Error 2" in said.stderr


# Whatever is published ----------------------------------------------------------------------------

# A schema, in words that each form has of its own.
LEAVES = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("integer")},
        optional={"minimum": st.integers(-9, 9), "maximum": st.integers(), "null": st.booleans()},
    ),
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={"enum": st.lists(st.text(max_size=3), min_size=1), "null": st.booleans()},
    ),
)
NAMES = st.sampled_from(["a", "b", "data", "200", "true", "[]", "x.y"])
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda properties, needed: {
                "type": "object",
                "properties": properties,
                "required": sorted(needed & properties.keys()),
            },
            st.dictionaries(NAMES, inner, max_size=3),
            st.sets(NAMES),
        ),
        st.builds(lambda items: {"type": "array", "items": items}, inner),
    ),
    max_leaves=8,
)


def in_form(schema: Json, form: str) -> Json:
    said = dict(schema)
    if said.pop("null", False):
        if form == "swagger":
            said["x-nullable"] = True
        elif form.startswith("3.0"):
            said["nullable"] = True
        else:
            said["type"] = [said["type"], "null"]
    if "items" in said:
        said["items"] = in_form(said["items"], form)
    if "properties" in said:
        said["properties"] = {k: in_form(v, form) for k, v in said["properties"].items()}
    return said


def of_body(lines: list[str]) -> list[str]:
    return sorted(line for line in lines if line.startswith("401: ") and "media" not in line)


QUICK = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@QUICK
@given(schema=SCHEMAS, other=SCHEMAS)
def test_every_form_leads_to_the_same_words(drift: Drift, schema: Json, other: Json) -> None:
    def body(form: str, schema: Json) -> Json:
        published = plain(form)
        published.responses.clear()
        published.responses["401"] = published.response("application/json", in_form(schema, form))
        return published.document

    ours = body("3.1.0", schema)
    for form in FORMS:
        assert of_body(drift(body(form, schema), ours=ours).lines) == []
    there = of_body(drift(body("3.1.0", other), ours=ours).lines)
    assert of_body(drift(body("swagger", other), ours=ours).lines) == there
    back = of_body(drift(ours, ours=body("3.0.3", other)).lines)
    assert len(back) == len(there)
    added, removed = ([line for line in there if word in line] for word in (": added", ": removed"))
    assert sum(": removed" in line for line in back) == len(added)
    assert sum(": added" in line for line in back) == len(removed)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["$ref", "type", "items", "allOf", "oneOf", "properties", "#/paths", "in"]
            )
            | st.text(max_size=3),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@QUICK
@given(data=st.data())
def test_whatever_stands_anywhere_ends_in_a_report_or_a_reason(
    drift: Drift, data: st.DataObject
) -> None:
    document = plain(data.draw(st.sampled_from(FORMS))).document
    for _ in range(data.draw(st.integers(1, 3))):
        node: Any = document
        key: Any = data.draw(st.sampled_from(sorted(node)))
        while isinstance(node[key], dict | list) and node[key] and data.draw(st.integers(0, 5)):
            node = node[key]
            keys = sorted(node) if isinstance(node, dict) else list(range(len(node)))
            key = data.draw(st.sampled_from(keys))
        node[key] = data.draw(ANYTHING)
    run = drift(document)
    assert run.code in (0, 1, 2)
    if run.code == 2:
        assert run.error.startswith("drift: ")
        assert not run.lines
    else:
        assert run.error == ""
        assert (run.code == 1) == (not run.lines[-1].startswith("New differences: 0."))
