"""`make drift`: how a published document differs from ours. Both are made up, and small."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drift.command import main
from drift.document import DocumentError
from drift.report import load_known

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "spec"
PATH = "/api/v4/systems/{system_id}/live_data"
HOST = "api.example"
FORMS = ("swagger", "3.0.3", "3.1.0", "3.2.0")
GROUPS = {"Operation", "Parameters", "Security", "Statuses", "Events", "Errors"}

Json = dict[str, Any]


class Api:
    """One small document in one form; the attributes are its parts, to be changed by a test."""

    def __init__(self, form: str) -> None:
        self.form, self.is_swagger = form, form == "swagger"
        self.reading: Json = {
            "power": {"type": "integer"},
            "mode": {"type": "string"},
            "serials": {"type": "array", "items": {"type": "string"}},
        }
        self.fields: Json = {"data": self.object(self.reading), "stamp": {"type": "integer"}}
        self.event = self.object(self.fields)
        self.error = self.object({"code": {"type": "integer"}})
        schema: Json = {"type": "integer", "minimum": 30, "maximum": 300}
        self.duration = self.parameter("duration", "header", schema)
        self.bounds = self.duration if self.is_swagger else schema
        self.parameters = [
            self.parameter("system_id", "path", {"type": "integer"}, required=True),
            self.duration,
        ]
        self.responses: Json = {"200": self.response("text/event-stream", self.event)} | {
            status: self.response("application/json", self.error) for status in ("401", "466")
        }
        self.operation: Json = {
            "parameters": self.parameters,
            "responses": self.responses,
            "security": [{"token": [], "app": []}],
            "produces": ["text/event-stream", "application/json"],
        }
        self.path: Json = {"get": self.operation}
        self.app = {"type": "apiKey", "in": "header", "name": "key"}
        self.document: Json = {"paths": {PATH: self.path}}
        if self.is_swagger:
            token: Json = {"type": "apiKey", "in": "header", "name": "Authorization"}
            self.document |= {"swagger": "2.0", "host": HOST, "schemes": ["https"]}
            self.document["securityDefinitions"] = {"token": token, "app": self.app}
        else:
            token = {"type": "http", "scheme": "bearer"}
            self.document |= {"openapi": form, "servers": [{"url": f"https://{HOST}"}]}
            self.document["components"] = {"securitySchemes": {"token": token, "app": self.app}}

    @staticmethod
    def object(properties: Json) -> Json:
        return {"type": "object", "properties": properties}

    def parameter(self, name: str, place: str, schema: Json, *, required: bool = False) -> Json:
        node = {"name": name, "in": place, "required": required}
        return node | (schema if self.is_swagger else {"schema": schema})

    def response(self, media_type: str, schema: Json) -> Json:
        return (
            {"schema": schema} if self.is_swagger else {"content": {media_type: {"schema": schema}}}
        )


class Run(NamedTuple):
    code: int
    lines: list[str]
    error: str


Drift = Callable[..., Run]


@pytest.fixture
def drift(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Drift:
    """Run the command on made-up files; ours is the small document of OpenAPI 3.1."""

    def run(upstream: object, *, known: object = (), ours: object = None) -> Run:
        def file(name: str, content: object) -> str:
            if isinstance(content, Path):
                return str(content)
            text = content if isinstance(content, str) else json.dumps(content)
            written = tmp_path / f"{name}.{'yaml' if text is content else 'json'}"
            written.write_text(text, "utf-8")
            return str(written)

        capsys.readouterr()
        ours = Api("3.1.0").document if ours is None else ours
        options = ["--known", file("known", known), "--ours", file("ours", ours)]
        code = main([*options, file("upstream", upstream)])
        out, error = capsys.readouterr()
        return Run(code, [line.strip() for line in out.splitlines()], error.strip())

    return run


def told(drift: Drift, api: Api) -> list[str]:
    """Return the differences that are reported, but for the media types of Swagger 2.0."""
    run = drift(api.document)
    found = [
        line
        for line in run.lines[:-1]
        if line not in GROUPS and not (api.is_swagger and "changed body: media type" in line)
    ]
    assert run.code == (1 if found or api.is_swagger else 0)
    return found


# What is compared ---------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_the_same_api_has_no_difference_in_any_form(drift: Drift, form: str) -> None:
    assert told(drift, Api(form)) == []


def test_swagger_lists_its_media_types_once_for_all_statuses(drift: Drift) -> None:
    both = "media type application/json, text/event-stream, ours"
    assert drift(Api("swagger").document).lines == [
        "Events",
        f"200: changed body: {both} text/event-stream",
        "Errors",
        f"401, 466: changed body: {both} application/json",
        "New differences: 2. Known deviations found: 0.",
    ]


PLANTS: dict[str, tuple[Callable[[Api], object], str]] = {
    "added status": (
        lambda api: api.responses.update({"474": api.response("application/json", {})}),
        "added status 474",
    ),
    "removed status": (lambda api: api.responses.pop("466"), "removed status 466"),
    "added field": (
        lambda api: api.reading.update(ev_power={"type": "integer", "minimum": 0}),
        "200: added body: data.ev_power (integer, minimum 0)",
    ),
    "added object": (
        lambda api: api.reading.update(ev=api.object({"power": {"type": "integer"}})),
        "200: added body: data.ev (object)",
    ),
    "removed field": (
        lambda api: api.reading.pop("power"),
        "200: removed body: data.power (integer)",
    ),
    "field of every error": (
        lambda api: api.error["properties"].update(retry={"type": "boolean"}),
        "401, 466: added body: retry (boolean)",
    ),
    "other type": (
        lambda api: api.reading["power"].update(type="string"),
        "200: changed body: data.power: type string, ours integer",
    ),
    "other type of an item": (
        lambda api: api.reading["serials"]["items"].update(type="integer"),
        "200: changed body: data.serials[]: type integer, ours string",
    ),
    "other type of an object": (
        lambda api: api.fields.update(data={"type": "string"}),
        "200: changed body: data: type string, ours object",
    ),
    "format": (
        lambda api: api.reading["power"].update(format="int64"),
        '200: changed body: data.power: format "int64", ours not stated',
    ),
    "closed enum": (
        lambda api: api.reading["mode"].update(enum=["Savings", "Backup"]),
        '200: changed body: data.mode: values "Backup", "Savings", ours any',
    ),
    "required field": (
        lambda api: api.fields["data"].update(required=["power"]),
        "200: changed body: data.power: required yes, ours no",
    ),
    "closed object": (
        lambda api: api.event.update(additionalProperties=False),
        "200: changed body: other fields forbidden, ours not stated",
    ),
    "event in one more data": (
        lambda api: api.responses.update(
            {"200": api.response("text/event-stream", api.object({"data": api.event}))}
        ),
        "200: changed body: event inside one more `data`, ours as it is",
    ),
    "moved bound": (
        lambda api: api.bounds.update(maximum=900),
        "changed header parameter duration: maximum 900, ours 300",
    ),
    "removed bound": (
        lambda api: api.bounds.pop("minimum"),
        "changed header parameter duration: minimum not stated, ours 30",
    ),
    "default": (
        lambda api: api.bounds.update(default=30),
        "changed header parameter duration: default 30, ours not stated",
    ),
    "moved parameter": (
        lambda api: api.duration.update({"in": "query"}),
        "changed header parameter duration: in query, ours header",
    ),
    "required parameter": (
        lambda api: api.duration.update(required=True),
        "changed header parameter duration: required yes, ours no",
    ),
    "added parameter": (
        lambda api: api.path.update(
            parameters=[api.parameter("site", "query", {"type": "string"}, required=True)]
        ),
        "added query parameter site (required, string)",
    ),
    "removed parameter": (
        lambda api: api.parameters.remove(api.duration),
        "removed header parameter duration (integer, minimum 30, maximum 300)",
    ),
    "key in the query": (
        lambda api: api.app.update({"in": "query"}),
        "changed security: credentials bearer and key in the query, "
        "ours bearer and key in the header",
    ),
    "deprecated": (
        lambda api: api.operation.update(deprecated=True),
        "changed operation: deprecated yes, ours no",
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", PLANTS)
def test_a_difference_is_told_in_one_line(drift: Drift, name: str, form: str) -> None:
    plant, line = PLANTS[name]
    api = Api(form)
    plant(api)
    assert told(drift, api) == [line]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": ["integer", "null"]}, "null allowed, ours not mentioned"),
        ({"type": "integer", "nullable": True}, "null allowed, ours not mentioned"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "null allowed, ours not mentioned"),
        (
            {"oneOf": [{"type": "string"}, {"type": "integer"}]},
            "type one of 2 forms (integer, string), ours integer",
        ),
        ({"type": "integer", "const": 4}, "values 4, ours any"),
        (
            {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
            "exclusive minimum 0, ours not stated",
        ),
        (True, "type anything, ours integer"),
    ],
)
def test_schemas_are_compared_by_what_they_mean(drift: Drift, schema: object, words: str) -> None:
    api = Api("3.1.0")
    api.reading["power"] = schema
    assert told(drift, api) == [f"200: changed body: data.power: {words}"]


@pytest.mark.parametrize(
    ("security", "words"),
    [
        ([], "nothing"),
        ([{"token": []}, {"app": []}], "bearer, or key in the header"),
        ([{"token": ["read"], "app": []}], "bearer (read) and key in the header"),
        ([{"unheard-of": []}], "undefined"),
    ],
)
def test_other_credentials_are_told(drift: Drift, security: list[Json], words: str) -> None:
    api = Api("3.1.0")
    api.operation["security"] = security
    line = f"changed security: credentials {words}, ours bearer and key in the header"
    assert told(drift, api) == [line]


def test_a_token_of_oauth_2_is_a_bearer_token(drift: Drift) -> None:
    api = Api("3.1.0")
    api.document["components"]["securitySchemes"]["token"] = {"type": "oauth2", "flows": {}}
    assert told(drift, api) == []


def test_swagger_may_ask_for_a_bearer_token_by_a_required_parameter(drift: Drift) -> None:
    api = Api("swagger")
    api.operation["security"] = [{"app": []}]
    header = api.parameter("Authorization", "header", {"type": "string"}, required=True)
    api.parameters.append(header)
    assert told(drift, api) == []


@pytest.mark.parametrize("name", ["Authorization", "Accept", "Content-Type"])
def test_a_parameter_that_openapi_3_ignores_is_ignored(drift: Drift, name: str) -> None:
    api = Api("3.1.0")
    api.parameters.append(api.parameter(name, "header", {"type": "string"}))
    assert told(drift, api) == []


@pytest.mark.parametrize("form", FORMS)
def test_references_and_all_of_change_nothing(drift: Drift, form: str) -> None:
    api = Api(form)
    api.document["x-all"] = {
        "one/two~%": api.fields.pop("data"),
        "watts": api.reading.pop("power"),
        "200": api.responses["200"],
        "parameter": api.parameters[0],
    }
    api.fields["data"] = {"$ref": "#/x-all/one~1two~0%25"}
    api.reading["power"] = {"allOf": [{"$ref": "#/x-all/watts"}], "description": "d"}
    api.responses["200"] = {"$ref": "#/x-all/200"}
    api.parameters[0] = {"$ref": "#/x-all/parameter"}
    assert told(drift, api) == []


def test_a_schema_that_contains_itself_is_described_once(drift: Drift) -> None:
    api = Api("3.1.0")
    api.document["x-error"] = api.error | {
        "properties": {"code": {"type": "integer"}, "cause": {"$ref": "#/x-error"}}
    }
    api.responses["401"] = api.response("application/json", {"$ref": "#/x-error"})
    assert told(drift, api) == ["401: added body: cause (what is around it, once more)"]


@pytest.mark.parametrize(
    ("server", "path"),
    [
        (f"https://{HOST}/api/v4/", "/systems/{id}/live_data/"),
        (f"https://{HOST.upper()}/api/v4/systems", "/{SystemId}/live_data"),
    ],
)
def test_the_base_path_may_be_anywhere(drift: Drift, server: str, path: str) -> None:
    api = Api("3.1.0")
    api.parameters[0]["name"] = path.partition("{")[2].partition("}")[0]
    api.document |= {"servers": [{"url": "/elsewhere"}], "paths": {path: api.path}}
    api.operation["servers"] = [{"url": server}]
    assert told(drift, api) == []


@pytest.mark.parametrize(
    ("change", "address"),
    [
        ({"host": "qa.example"}, f"https://qa.example{PATH}"),
        ({"host": None}, PATH),
        ({"schemes": ["http"]}, f"http://{HOST}{PATH}"),
        ({"basePath": "/v5/"}, f"https://{HOST}/v5{PATH}"),
    ],
)
def test_another_address_is_told(drift: Drift, change: Json, address: str) -> None:
    api = Api("swagger")
    api.document |= change
    line = f"changed operation: address {address}, ours https://{HOST}{PATH}"
    assert told(drift, api) == [line.replace("{system_id}", "{}")]


def test_a_second_version_is_told(drift: Drift) -> None:
    api = Api("3.1.0")
    v5 = PATH.replace("v4", "v5")
    api.document["paths"] = {v5: {"get": {}}, PATH: api.path}
    line = f"added second operation at https://{HOST}{v5}"
    assert told(drift, api) == [line.replace("{system_id}", "{}")]


def test_prose_and_the_case_of_a_header_are_not_compared(drift: Drift) -> None:
    api = Api("3.1.0")
    api.operation |= {"operationId": "x", "summary": "s", "description": "at most 900"}
    api.duration |= {"name": "Duration", "description": "Max=900", "example": 900}
    assert told(drift, api) == []


def test_yaml_has_the_types_of_json_only(drift: Drift) -> None:
    api = Api("3.1.0")
    api.reading["mode"]["enum"] = ["MODES"]
    text = yaml.safe_dump(api.document).replace("'401'", "401")
    run = drift(text.replace("- MODES", "  [On, 1:30, 010, 2023-02-30 08:25:08]"))
    assert run.lines[1] == (
        '200: changed body: data.mode: values "010", "1:30", "2023-02-30 08:25:08", "On", ours any'
    )


# Our document and its list ------------------------------------------------------------------------


def test_our_document_and_its_views_differ_only_where_they_should(
    drift: Drift, tmp_path: Path
) -> None:
    ours = SPEC / "streaming.yaml"
    unchanged = "New differences: 0. Known deviations found: 0."
    assert drift(ours, ours=ours) == (0, [unchanged], "")
    for name, wanted in (
        ("prism", ["200: changed body: type string, ours object"]),
        ("itemschema", []),
    ):
        view = tmp_path / f"{name}.yaml"
        overlay = SPEC / "views" / f"{name}.overlay.yaml"
        subprocess.run([sys.executable, SPEC / "views" / "apply.py", overlay, view], check=True)
        lines = [line for line in drift(view, ours=ours).lines[:-1] if line not in GROUPS]
        assert lines[0].startswith("changed operation: address http://127.0.0.1:")
        assert lines[1:] == wanted


def entry(difference: str, group: str = "Parameters", reason: str = "so it is") -> Json:
    return {"group": group, "difference": difference, "reason": reason}


MOVED = "changed header parameter duration: maximum 900, ours 300"


def test_a_known_deviation_is_ignored_and_no_other(drift: Drift) -> None:
    api = Api("3.1.0")
    api.bounds["maximum"] = 900
    run = drift(api.document, known=[entry(MOVED)])
    assert run == (0, ["New differences: 0. Known deviations found: 1."], "")
    api.bounds["minimum"] = 10
    run = drift(api.document, known=[entry(MOVED)])
    assert (run.code, run.lines) == (
        1,
        [
            "Parameters",
            "changed header parameter duration: minimum 10, ours 30",
            "New differences: 1. Known deviations found: 1.",
        ],
    )


def test_a_known_deviation_that_is_gone_is_told(drift: Drift) -> None:
    run = drift(Api("3.1.0").document, known=[entry(MOVED)])
    assert (run.code, run.lines[1:]) == (
        0,
        [f"Parameters: {MOVED}", "New differences: 0. Known deviations found: 0."],
    )


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ({}, "the list should be a list, but is an object"),
        ([4], "entry 1 should be an object, but is a number"),
        ([entry(MOVED, reason=" ")], "entry 1 needs difference, group, reason"),
        ([entry(MOVED), entry(MOVED)], "entry 2 repeats an earlier one"),
    ],
)
def test_a_broken_list_is_refused(drift: Drift, known: object, why: str) -> None:
    run = drift(Api("3.1.0").document, known=known)
    assert (run.code, run.lines) == (2, [])
    assert f"known.json is broken: {why}" in run.error


def test_the_committed_list_can_be_read() -> None:
    try:
        assert load_known(SPEC / "known-deviations.yaml")
    except DocumentError as error:
        pytest.fail(f"spec/known-deviations.yaml {error}")


# Unusable files -----------------------------------------------------------------------------------


def with_event(schema: object, **more: object) -> Json:
    api = Api("3.1.0")
    api.responses["200"]["content"]["text/event-stream"]["schema"] = schema
    return api.document | more


def bomb() -> str:
    """Aliases that describe more than 2**30 nodes."""
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
        ("just text", "is no OpenAPI document"),
        ('swagger: "1.2"', "is of version 1.2; only Swagger 2.0 and OpenAPI 3 can be compared"),
        ("a: [", "is not YAML"),
        ("a: !!timestamp x", "is not YAML"),
        ("a: !!python/object/apply:os.system [id]", "is not YAML"),
        ("a: &a {b: 1}\nc: {<<: *a}", "has a YAML merge key"),
        (f"a: {'[' * 100_000}", "is nested too deeply"),
        (" " * 20_000_001, "is larger than 20,000,000 bytes"),
        ({"openapi": "3.1.0"}, "lacks the operation GET …/systems/{system_id}/live_data"),
        ({"openapi": "3.1.0", "paths": []}, "`paths` should be an object, but is a list"),
        (with_event({"$ref": "https://example.com/a"}), "Nothing is ever fetched"),
        (with_event({"$ref": "#/x-nowhere"}), "has a $ref that leads nowhere: #/x-nowhere"),
        (with_event({"$ref": "#/x-a"}, **{"x-a": {"$ref": "#/x-a"}}), "nested too deeply"),
        (with_event({"allOf": {}}), "`allOf` should be a list, but is an object"),
        (bomb(), "has more than 20,000 nodes"),
    ],
)
def test_an_unusable_file_is_refused_with_the_reason(
    drift: Drift, upstream: object, why: str
) -> None:
    run = drift(upstream)
    assert (run.code, run.lines) == (2, [])
    assert run.error.startswith("drift: ")
    assert "/upstream." in run.error
    assert why in run.error
    assert "\n" not in run.error


def test_json_may_have_a_bom_and_is_called_json(drift: Drift, tmp_path: Path) -> None:
    file = tmp_path / "upstream.json"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(Api("3.1.0").document).encode())
    assert drift(file).code == 0
    file.write_bytes(b"{'a': 1}")
    assert "is not JSON: " in drift(file).error
    assert "cannot be read: No such file" in drift(tmp_path / "none.json").error


def test_nothing_that_is_printed_controls_the_terminal(drift: Drift) -> None:
    api = Api("3.1.0")
    api.reading["a\x1b[2J\nNew\u202e\ud800"] = {"type": "integer"}
    api.reading["b" * 5000] = {"type": "integer"}
    escaped, long = told(drift, api)
    assert escaped == "200: added body: data.a\\x1b[2J\\nNew\\u202e\\ud800 (integer)"
    assert len(long) < 1100


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `make drift` with this Python, without building anything."""
    venv = Path(sys.executable).parent.parent
    command = ["make", "--silent", "drift", f"VENV={venv}", f"--old-file={venv}/installed"]
    inherited = {k: v for k, v in os.environ.items() if k not in ("UPSTREAM", "MAKEFLAGS")}
    return subprocess.run(
        [*command, *arguments], cwd=ROOT, env=inherited, capture_output=True, text=True
    )


def test_make_drift_takes_any_path_and_no_address(tmp_path: Path) -> None:
    file = tmp_path / "a 'b\" $(c); d.json"
    file.write_text(json.dumps({"openapi": "3.1.0"}))
    error = make(f"UPSTREAM={str(file).replace('$', '$$')}").stderr
    assert f"drift: {file} lacks the operation" in error
    assert "Error 2" in error
    assert "No document: run make drift UPSTREAM=path" in make().stderr
    assert "must be a file, got file:///x.json" in make("UPSTREAM=file:///x.json").stderr


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["$ref", "type", "items", "allOf", "oneOf", "properties", "in"])
            | st.text(max_size=3),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_document_ends_in_a_report_or_a_reason(drift: Drift, data: st.DataObject) -> None:
    document = Api(data.draw(st.sampled_from(FORMS))).document
    for _ in range(data.draw(st.integers(1, 3))):
        node: Any = document
        key: Any = data.draw(st.sampled_from(sorted(node)))
        while isinstance(node[key], dict | list) and node[key] and data.draw(st.integers(0, 5)):
            node = node[key]
            keys = sorted(node) if isinstance(node, dict) else list(range(len(node)))
            key = data.draw(st.sampled_from(keys))
        node[key] = data.draw(ANYTHING)
    run = drift(document)
    if run.code == 2:
        assert run.error.startswith("drift: ")
        assert not run.lines
    else:
        assert run.error == ""
        assert (run.code == 1) == (not run.lines[-1].startswith("New differences: 0."))
