"""The contract matrix: what is planted in one of the four readings fails in the right columns."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from copy import deepcopy
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import pytest

import written
from enphase_streaming import answers, duration, errors, options, reading
from enphase_streaming_api import models
from enphase_streaming_api.api.streaming import stream_system_live_data as live_data
from enphase_streaming_mock.account import ACCESS_TOKEN
from enphase_streaming_mock.contract import load_contract
from enphase_streaming_mock.gateway import access
from enphase_streaming_mock.site import Site
from enphase_streaming_mock.wire import Wire
from matrix import command, document, generated, mock, overlay
from matrix.rows import Part, Witness
from matrix.table import failures, rows, table

Json = dict[str, Any]
Failing = dict[str, set[str]]
"""The columns that fail in a row, by the row's name."""

OURS: Json = written.read()
LIVE_DATA = "/systems/{system_id}/live_data"


class Planted:
    """A copy of the document that a test may change."""

    def __init__(self) -> None:
        self.document = deepcopy(OURS)
        self.operation: Json = self.document["paths"][LIVE_DATA]["get"]
        self.statuses: Json = self.operation["responses"]
        self.duration: Json = self.operation["parameters"][1]
        self.tokens: Json = self.document["paths"]["/oauth/token"]["post"]
        self.schemas: Json = self.document["components"]["schemas"]
        self.schemes: Json = self.document["components"]["securitySchemes"]

    def fields(self, schema: str) -> Json:
        properties: Json = self.schemas[schema]["properties"]
        return properties

    def witness(self, folder: Path) -> Witness:
        file = folder / "streaming.json"
        file.write_text(json.dumps(self.document), "utf-8")
        return document.witness(file)

    def renamed(self, schema: str, old: str, new: str) -> None:
        self.fields(schema)[new] = self.fields(schema).pop(old)


@pytest.fixture(scope="module")
def installed() -> list[Witness]:
    """The three that are not the document."""
    return [generated.witness(), overlay.witness(), mock.witness()]


@pytest.fixture(scope="module")
def ours() -> Witness:
    return document.witness(written.DOCUMENT)


def failing(witnesses: list[Witness], unplanted: Sequence[Witness] = ()) -> Failing:
    """What fails, without what fails before anything is planted: that is told by its own test."""
    before = {(each.row, each.column) for each in failures(unplanted)}
    found: Failing = {}
    for each in failures(witnesses):
        if (each.row, each.column) not in before:
            found.setdefault(each.row.name, set()).add(each.column)
    return found


def test_all_four_agree(ours: Witness, installed: list[Witness]) -> None:
    witnesses = [ours, *installed]
    assert failing(witnesses) == {}
    assert len(rows(witnesses)) > 50


def new_status(planted: Planted, status: str = "474") -> None:
    planted.statuses[status] = {"$ref": "#/components/responses/Forbidden"}


def one_error_of_its_own(planted: Planted) -> None:
    content = planted.document["components"]["responses"]["Forbidden"]["content"]
    own = {"allOf": [content["application/json"]["schema"]], "properties": {"hint": {}}}
    content["application/json"]["schema"] = own


G, O, M, D = "generated client", "overlay", "mock", "document"  # noqa: E741  # the columns' initials
PLANTS: dict[str, tuple[Callable[[Planted], object], Failing]] = {
    "a status": (new_status, {"474": {G, O, M}}),
    "a status of a range": (lambda p: new_status(p, "553"), {"553": {G, O, M}}),
    "a success": (lambda p: new_status(p, "204"), {"204": {G, O, M}}),
    "no status": (lambda p: p.statuses.pop("466"), {"466": {D}}),
    "a media type": (
        lambda p: p.statuses["200"]["content"].update({"text/csv": {}}),
        {"text/csv": {G, O, M}},
    ),
    "a field of the reading": (
        lambda p: p.fields("LiveStatus").update(ev_power={"type": "integer"}),
        {"data.ev_power": {G, O, M}},
    ),
    "no field of the reading": (
        lambda p: p.fields("LiveStatus").pop("pv_power"),
        {"data.pv_power": {D}},
    ),
    "a field renamed": (
        lambda p: p.renamed("LiveStatus", "pv_power", "sun_power"),
        {"data.pv_power": {D}, "data.sun_power": {G, O, M}},
    ),
    "a field of the event": (
        lambda p: p.fields("LiveEvent").update(sequence={"type": "integer"}),
        {"sequence": {G, O, M}},
    ),
    # The overlay needs only some fields of an error.
    "a field of the error": (
        lambda p: p.fields("ErrorDetail").update(hint={"type": "string"}),
        {"error.hint": {G, M}},
    ),
    "no field of the error": (
        lambda p: p.fields("ErrorDetail").pop("message"),
        {"error.message": {D}},
    ),
    "a field of one error only": (one_error_of_its_own, {"hint of 403": {G, M}}),
    "another type": (
        lambda p: p.fields("LiveStatus")["pv_power"].update(type="number"),
        {"data.pv_power": {G, O, M}},
    ),
    "another type of items": (
        lambda p: p.fields("LiveStatus")["envoy_serial_number"].update(items={"type": "integer"}),
        {"data.envoy_serial_number[]": {G, O, M}},
    ),
    "another type of an error": (
        lambda p: p.fields("ErrorDetail")["code"].update(type="string"),
        {"error.code": {G, O, M}},
    ),
    "a required field": (
        lambda p: p.schemas["LiveStatus"].update(required=["pv_power"]),
        {"data.pv_power of an event": {G}},
    ),
    # What the generated client is given it sends, so it has no bounds.
    "a bound moved up": (
        lambda p: p.duration["schema"].update(maximum=301),
        {"duration, maximum": {O, M}},
    ),
    "a bound moved down": (
        lambda p: p.duration["schema"].update(minimum=29),
        {"duration, minimum": {O, M}},
    ),
    "no bound": (lambda p: p.duration["schema"].pop("maximum"), {"duration, maximum": {D}}),
    "a bound of a field": (
        lambda p: p.fields("LiveStatus")["pv_power"].update(minimum=0),
        {"data.pv_power of an event, minimum": {O, M}},
    ),
    "a default in the schema": (
        lambda p: p.duration["schema"].update(default=30),
        {"duration, sent when not given": {G, O, M}},
    ),
    "another default in prose": (
        lambda p: p.duration.update(description="Without the header it lasts for 60 seconds."),
        {"duration, without the header": {O, M}},
    ),
    "no default in prose": (
        lambda p: p.duration.pop("description"),
        {"duration, without the header": {D}},
    ),
    "a parameter": (
        lambda p: p.operation["parameters"].append(
            {"name": "fields", "in": "query", "required": True, "schema": {"type": "string"}}
        ),
        {"fields": {G, O, M}},
    ),
    "a parameter elsewhere": (
        lambda p: p.duration.update({"in": "query"}),
        {"duration": {G, O, M}},
    ),
    "a known value": (
        lambda p: p.schemas["KnownBatteryMode"]["enum"].append("Storm Guard"),
        {"battery_mode: Storm Guard": {G, M}},
    ),
    "no known value": (
        lambda p: p.schemas["KnownGridStatus"]["enum"].remove("Unknown"),
        {"grid_status: Unknown": {D}},
    ),
    "a set that is closed": (
        lambda p: p.fields("LiveStatus")["grid_status"].update(enum=["On Grid"]),
        {"grid_status: On Grid": {G, O, M}},
    ),
    "no key": (
        lambda p: p.operation["security"][0].pop("apiKey"),
        {"stream: key in the header": {D}},
    ),
    # The mock takes the key from the query as well.
    "the key in the query": (
        lambda p: p.schemes["apiKey"].update({"in": "query"}),
        {"stream: key in the header": {D}, "stream: key in the query": {O}},
    ),
    "the key by another name": (
        lambda p: p.schemes["apiKey"].update(name="x-api-key"),
        {"stream: key in the header": {D}, "stream: x-api-key in the header": {O, M}},
    ),
    "key or token": (
        lambda p: p.operation.update(security=[{"accessToken": []}, {"apiKey": []}]),
        {"stream: bearer": {G, O, M}, "stream: key in the header": {O, M}},
    ),
    "no credentials": (
        lambda p: p.operation.update(security=[]),
        {"stream: bearer": {D}, "stream: key in the header": {D}},
    ),
    "another scheme for tokens": (
        lambda p: p.tokens.update(security=[{"accessToken": []}]),
        {"token: basic": {D}, "token: bearer": {O, M}},
    ),
    "a status of the token operation": (
        lambda p: p.tokens["responses"].update({"409": p.tokens["responses"]["400"]}),
        {"409": {G, O, M}},
    ),
    "no status of the token operation": (
        lambda p: p.tokens["responses"].pop("400"),
        {"400": {D}},
    ),
    "a field of the token request": (
        lambda p: p.fields("TokenRequest").update(scope={"type": "string"}),
        {"scope": {G, O, M}},
    ),
    "a grant": (
        lambda p: p.fields("TokenRequest")["grant_type"]["enum"].append("device_code"),
        {"grant_type: device_code": {G, O, M}},
    ),
    # The overlay needs only some fields of a pair.
    "a field of the pair": (
        lambda p: p.fields("TokenResponse").update(id_token={"type": "string"}),
        {"id_token": {G, M}},
    ),
    "no need of the refresh token": (
        lambda p: p.schemas["TokenResponse"]["required"].remove("refresh_token"),
        {"refresh_token of a pair of tokens": {D}},
    ),
}


@pytest.mark.parametrize("plant", PLANTS)
def test_what_is_planted_in_the_document_fails_in_the_columns_that_lack_it(
    plant: str, ours: Witness, installed: list[Witness], tmp_path: Path
) -> None:
    planted = Planted()
    change, expected = PLANTS[plant]
    change(planted)
    assert failing([planted.witness(tmp_path), *installed], [ours, *installed]) == expected


def test_a_document_without_the_token_operation_fails_in_its_own_column_only(
    installed: list[Witness], tmp_path: Path
) -> None:
    planted = Planted()
    del planted.document["paths"]["/oauth/token"]
    found = failing([planted.witness(tmp_path), *installed])
    assert {"POST /oauth/token", "token: basic", "grant_type: password"} <= found.keys()
    assert set().union(*found.values()) == {D}


# Planted in a witness -----------------------------------------------------------------------------

Patch = pytest.MonkeyPatch


def event_without_the_utc_time(patch: Patch) -> None:
    types = {"data": models.LiveStatus, "timestamp_epoch": int, "stamp": str, "type": str}
    fields = [(name, kind | None, None) for name, kind in types.items()]
    patch.setattr(live_data, "EVENT", msgspec.defstruct("LiveEvent", fields))


def default_of_the_client(patch: Patch) -> None:
    sent = live_data.get_kwargs

    def get_kwargs(system_id: int, *, duration: int = 30) -> Json:
        return sent(system_id, duration=duration)

    patch.setattr(live_data, "get_kwargs", get_kwargs)


def key_in_the_url(patch: Patch, *, header: bool) -> None:
    sent = options.Options.request

    def request(self: options.Options, *arguments: Any) -> Json:
        kwargs = sent(self, *arguments)
        if not header:
            del kwargs["headers"]["key"]
        return {**kwargs, "params": {"key": self.api_key}}

    patch.setattr(options.Options, "request", request)


def field_renamed_by_the_mock(patch: Patch) -> None:
    report = Site.report

    def renamed(self: Site, second: int) -> Json:
        reading = report(self, second)
        return {"sun_power": reading.pop("pv_power"), **reading}

    patch.setattr(Site, "report", renamed)


def event_without_its_blank_line(patch: Patch) -> None:
    whole = Wire.event

    def without(*arguments: Any) -> bytes:
        return whole(*arguments).removesuffix(b"\n")

    patch.setattr(Wire, "event", without)


def known_value_less(patch: Patch) -> None:
    left = {each.name: each.value for each in models.KnownGridStatus if each != "Unknown"}
    patch.setattr(models, "KnownGridStatus", StrEnum("KnownGridStatus", left))


IN_WITNESSES: dict[str, tuple[str, Callable[[Patch], object], Failing]] = {
    "a status gone from the generated table": (
        G,
        lambda patch: patch.delitem(live_data.ERRORS, 473),
        {"473": {G}},
    ),
    "a field renamed in a generated model": (
        G,
        event_without_the_utc_time,
        {"timestamp_utc": {G}, "stamp": {D, O, M}},
    ),
    "a default in the generated client": (
        G,
        default_of_the_client,
        {"duration, sent when not given": {G}},
    ),
    "a known value gone from the generated enum": (
        G,
        known_value_less,
        {"grid_status: Unknown": {G}},
    ),
    "a class gone from the tree": (
        O,
        lambda patch: patch.delitem(errors.STATUS_ERRORS, 466),
        {"466": {O}},
    ),
    "a status of a range gone from the tree": (
        O,
        lambda patch: patch.delitem(errors.STATUS_ERRORS, 552),
        {"552": {O}},
    ),
    "a class for a status that nobody documented": (
        O,
        lambda patch: patch.setitem(errors.STATUS_ERRORS, 474, errors.SystemNotFoundError),
        {"474": {D, G, M}},
    ),
    "the overlay's longest duration": (
        O,
        lambda patch: patch.setattr(duration, "MAXIMUM", 301),
        {"duration, maximum": {O}},
    ),
    "the overlay's shortest duration": (
        O,
        lambda patch: patch.setattr(duration, "MINIMUM", 29),
        {"duration, minimum": {O}},
    ),
    "the duration that the overlay plans for": (
        O,
        lambda patch: patch.setattr(options, "DEFAULT", 60),
        {"duration, without the header": {O}},
    ),
    "a field that the overlay has forgotten": (
        O,
        lambda patch: patch.delitem(reading._STATUS, "pv_power"),
        {"data.pv_power": {O}},
    ),
    "the key in the URL": (
        O,
        lambda patch: key_in_the_url(patch, header=False),
        {"stream: key in the header": {O}, "stream: key in the query": {D}},
    ),
    "the key in the URL as well": (
        O,
        lambda patch: key_in_the_url(patch, header=True),
        {"stream: key in the query": {D}},
    ),
    "a status that the mock cannot answer": (
        M,
        lambda patch: patch.delitem(load_contract().refusals, 466),
        {"466": {M}},
    ),
    "a status that the mock's own rules need": (
        M,
        lambda patch: patch.delitem(load_contract().refusals, 468),
        {"468": {M}, "system_id": {M}},
    ),
    "the mock's longest duration": (
        M,
        lambda patch: patch.setattr(load_contract(), "longest", 299),
        {"duration, maximum": {M}},
    ),
    "the mock's shortest duration": (
        M,
        lambda patch: patch.setattr(load_contract(), "shortest", 31),
        {"duration, minimum": {M}, "duration, without the header": {M}},
    ),
    "a field renamed in the mock": (
        M,
        field_renamed_by_the_mock,
        {"data.pv_power": {M}, "data.sun_power": {D, G, O}},
    ),
    "a mock that asks for no token": (
        M,
        lambda patch: patch.setattr(access, "bearer", lambda *_: ACCESS_TOKEN),
        {"stream: bearer": {M}},
    ),
}


@pytest.mark.parametrize("plant", IN_WITNESSES)
def test_what_is_planted_in_a_witness_fails_in_its_column_or_in_those_that_lack_it(
    plant: str, ours: Witness, installed: list[Witness], monkeypatch: Patch
) -> None:
    column, change, expected = IN_WITNESSES[plant]
    change(monkeypatch)
    anew = {G: generated.witness, O: overlay.witness, M: mock.witness}[column]()
    witnesses = [anew if each.name == column else each for each in installed]
    assert failing([ours, *witnesses], [ours, *installed]) == expected


def test_an_event_of_the_mock_counts_only_with_its_blank_line(
    ours: Witness, installed: list[Witness], monkeypatch: Patch
) -> None:
    event_without_its_blank_line(monkeypatch)
    found = failures([ours, *installed[:2], mock.witness()])
    assert {each.row.part for each in found} == {Part.EVENT, Part.KNOWN}
    assert {each.column for each in found} == {M}


# The command --------------------------------------------------------------------------------------


@pytest.fixture
def page(tmp_path: Path, monkeypatch: Patch) -> Path:
    """A copy of the committed page, in its place."""
    copy = tmp_path / "matrix.md"
    shutil.copy(command.PAGE, copy)
    monkeypatch.setattr(command, "PAGE", copy)
    return copy


def test_the_committed_page_is_what_would_be_written() -> None:
    run = subprocess.run(
        [sys.executable, Path(__file__).parents[1] / "matrix", "--check"],
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (0, ""), run.stdout


def test_the_table_is_printed_and_written(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    committed = page.read_text("utf-8")
    page.unlink()
    assert command.main(["--check"]) == 1
    assert "docs/matrix.md is not what would be written: run make contract" in (
        capsys.readouterr().out
    )
    assert command.main([]) == 0
    assert page.read_text("utf-8") == committed
    *printed, _, summary = capsys.readouterr().out.rstrip().splitlines()
    assert "\n".join(printed).strip() in committed
    assert summary.endswith("Failures: 0.")


def test_a_cell_that_says_something_else_makes_the_page_old(
    page: Path, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(answers, "_message", lambda _: "")
    assert command.main(["--check"]) == 1
    assert capsys.readouterr().out.count("docs/matrix.md is not what would be written") == 1


def test_each_cell_that_fails_is_named_in_a_line(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planted, committed = Planted(), page.read_bytes()
    new_status(planted)
    planted.duration["schema"]["maximum"] = 301
    del planted.fields("LiveStatus")["pv_power"]
    planted.witness(tmp_path)
    assert command.main(["--document", str(tmp_path / "streaming.json")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-7:-1] == [
        "Bounds, duration, maximum: the overlay says 300, the document 301",
        "Bounds, duration, maximum: the mock says 300, the document 301",
        "Statuses of the stream, 474: the generated client does not have it",
        "Statuses of the stream, 474: the overlay does not have it",
        "Statuses of the stream, 474: the mock does not have it",
        "Fields of an event, data.pv_power: the document does not have it",
    ]
    assert lines[-1].endswith("Failures: 6.")
    assert page.read_bytes() == committed


def cells(lines: list[str], name: str) -> list[str]:
    (line,) = (each for each in lines if each.startswith(f"| {name} "))
    return [cell.strip() for cell in line.split("|")[2:-1]]


def test_a_cell_shows_what_is_wrong_with_it(installed: list[Witness], tmp_path: Path) -> None:
    planted = Planted()
    new_status(planted)
    planted.duration["schema"]["maximum"] = 301
    del planted.fields("LiveStatus")["pv_power"]
    lines = list(table([planted.witness(tmp_path), *installed]))
    assert cells(lines, "474") == ["✓", "✗", "✗", "✗"]
    assert cells(lines, "duration, maximum") == ["301", "-", "✗ 300", "✗ 300"]
    assert cells(lines, "data.pv_power") == ["✗", "✓", "✓", "✓"]
    assert cells(lines, "468") == ["✓", "✓", "✓ SystemNotFoundError", "✓ unasked"]


def test_the_columns_of_a_table_are_aligned(ours: Witness, installed: list[Witness]) -> None:
    text = "\n".join(table([ours, *installed]))
    for each in text.split("## ")[1:]:
        bars = {
            tuple(n for n, letter in enumerate(line) if letter == "|")
            for line in each.splitlines()
            if line.startswith("|")
        }
        assert len(bars) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "cannot be read: No such file"),
        ("[", "is not YAML"),
        ("info: {}", "is no OpenAPI document"),
        ("openapi: 3.1.0", "lacks the operation GET"),
        (f"openapi: 3.1.0\npaths: {{{LIVE_DATA!r}: {{get: {{responses: 4}}}}}}", "is broken"),
    ],
)
def test_a_document_of_no_use_is_refused_in_one_line(
    text: str | None, why: str, page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, committed = tmp_path / "other.yaml", page.read_bytes()
    if text is not None:
        file.write_text(text, "utf-8")
    assert command.main(["--document", str(file)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"matrix: {file} ")
    assert why in said.err
    assert said.err.count("\n") == 1
    assert page.read_bytes() == committed
