"""The contract matrix: the four columns agree, and a difference fails in the right ones."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest

import written
from drift.document import DocumentError
from enphase_streaming import StreamingClient
from enphase_streaming_api.api.streaming import stream_system_live_data as live_data
from enphase_streaming_mock import Wire
from matrix import command, document, generated, mock, overlay, pages
from matrix.table import Column, Section, failures

Json = dict[str, Any]
Failing = dict[str, set[str]]
"""The columns that fail, by the name of the row."""

D, G, O, M = "document", "generated client", "overlay", "mock"  # noqa: E741  # initials


class Planted:
    """A copy of the document, to be changed by a test."""

    def __init__(self) -> None:
        self.document: Json = deepcopy(written.read())
        self.operation: Json = self.document["paths"]["/systems/{system_id}/live_data"]["get"]
        self.statuses: Json = self.operation["responses"]
        self.duration = next(p for p in self.operation["parameters"] if p["name"] == "duration")
        self.tokens: Json = self.document["paths"]["/oauth/token"]["post"]
        self.schemas: Json = self.document["components"]["schemas"]

    def save(self, folder: Path) -> Path:
        file = folder / "streaming.json"
        file.write_text(json.dumps(self.document), "utf-8")
        return file

    def fields(self, schema: str) -> Json:
        properties: Json = self.schemas[schema]["properties"]
        return properties


@pytest.fixture(scope="module")
def columns() -> dict[str, Column]:
    return {
        D: document.column(written.DOCUMENT),
        G: generated.column(),
        O: overlay.column(),
        M: mock.column(),
    }


def failing(columns: dict[str, Column], changed: dict[str, Column]) -> Failing:
    """Return what fails because of the changed columns."""
    before = failures(list(columns.values()))
    found: Failing = {}
    for row, column in failures(list((columns | changed).values())):
        if (row, column) not in before:
            found.setdefault(row.name, set()).add(column)
    return found


def test_the_columns_agree(columns: dict[str, Column]) -> None:
    wrong = failures(list(columns.values()))
    assert not wrong, "\n".join(["", *wrong.values()])
    assert len(columns[D].cells) > 50


def test_the_pages_are_up_to_date(columns: dict[str, Column]) -> None:
    old = [page.name for page in command.old_pages(list(columns.values()))]
    assert not old, f"run make client, which writes {', '.join(old)}"


@pytest.mark.parametrize(
    ("name", "pattern", "wrong"),
    [
        ("errors.md", r"\| `SystemNotFoundError` \| 468 \|", "| `SystemNotFoundError` | 1 |"),
        ("readings.md", r"\| `pv_power` .*\n", ""),
        ("streams.md", r"\d+ to \d+ whole seconds", "1 to 2 whole seconds"),
        ("watching.md", r"\| `\w+` \(473\) \| waits 5 min", "| `Other` | waits 5 min"),
    ],
)
def test_a_page_follows_the_document(name: str, pattern: str, wrong: str) -> None:
    page = (command.DOCS / name).read_text("utf-8")
    spoilt, count = re.subn(pattern, wrong, page)
    assert count == 1
    assert pages.updated(name, spoilt, written.DOCUMENT) == page


@pytest.mark.parametrize("name", pages.PAGES)
def test_a_page_without_its_parts_is_refused(name: str) -> None:
    with pytest.raises(DocumentError, match=rf"docs/{name} has nothing that matches"):
        pages.updated(name, "", written.DOCUMENT)


# Names and numbers that streaming.yaml does not have, nor is likely to get.
PLANTS: dict[str, tuple[Callable[[Planted], object], Failing]] = {
    "status": (
        lambda p: p.statuses.update({"498": {"$ref": "#/components/responses/Forbidden"}}),
        {"498": {G, O, M}},
    ),
    "status of a range": (
        lambda p: p.statuses.update({"598": {"$ref": "#/components/responses/Forbidden"}}),
        {"598": {G, O, M}},
    ),
    "no status": (lambda p: p.statuses.pop("466"), {"466": {D}}),
    "media type": (
        lambda p: p.statuses["200"]["content"].update({"text/csv": {}}),
        {"text/csv": {G, O, M}},
    ),
    # The mock may leave out what its site does not measure.
    "field of a reading": (
        lambda p: p.fields("LiveStatus").update(new_power={"type": "integer"}),
        {"data.new_power": {G, O}},
    ),
    "no field of a reading": (
        lambda p: p.fields("LiveStatus").pop("pv_power"),
        {"data.pv_power": {D}},
    ),
    "type of a field": (
        lambda p: p.fields("LiveStatus")["pv_power"].update(type="number"),
        {"data.pv_power": {G, O, M}},
    ),
    "field of an error": (
        lambda p: p.fields("ErrorDetail").update(hint={"type": "string"}),
        {"error.hint": {G, M}},
    ),
    "moved bound": (
        lambda p: p.duration["schema"].update(maximum=901),
        {"duration, maximum": {G, O, M}},
    ),
    "removed bound": (
        lambda p: p.duration["schema"].pop("minimum"),
        {"duration, minimum": {D}},
    ),
    "default in the schema": (
        lambda p: p.duration["schema"].update(default=30),
        {"duration, sent when not given": {G, O, M}},
    ),
    "default in prose": (
        lambda p: p.duration.update(description="Without the header it lasts for 90 seconds."),
        {"duration, without the header": {O, M}},
    ),
    "parameter": (
        lambda p: p.operation["parameters"].append(
            {"name": "fields", "in": "query", "required": True, "schema": {"type": "string"}}
        ),
        {"fields": {G, O, M}},
    ),
    "known value": (
        lambda p: p.schemas["KnownBatteryMode"]["enum"].append("New Mode"),
        {"battery_mode: New Mode": {G, M}},
    ),
    "no credentials": (
        lambda p: p.operation.update(security=[]),
        {"stream: bearer": {D}, "stream: key in the header": {D}},
    ),
    "status of the token operation": (
        lambda p: p.tokens["responses"].update({"498": p.tokens["responses"]["400"]}),
        {"498": {G, O, M}},
    ),
    "field of a token request": (
        lambda p: p.fields("TokenRequest").update(hint={"type": "string"}),
        {"hint": {G, O, M}},
    ),
    "grant": (
        lambda p: p.fields("TokenRequest")["grant_type"]["enum"].append("device_code"),
        {"grant_type: device_code": {G, O, M}},
    ),
    "field of a pair": (
        lambda p: p.fields("TokenResponse").update(id_token={"type": "string"}),
        {"id_token": {G, M}},
    ),
}


@pytest.mark.parametrize("plant", PLANTS)
def test_a_difference_in_the_document_fails_where_it_is_unknown(
    plant: str, columns: dict[str, Column], tmp_path: Path
) -> None:
    planted = Planted()
    change, expected = PLANTS[plant]
    change(planted)
    assert failing(columns, {D: document.column(planted.save(tmp_path))}) == expected


def test_a_difference_in_the_generated_client_fails(
    columns: dict[str, Column], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(live_data.ERRORS, 473)
    monkeypatch.setitem(live_data.BOUNDS, "duration", (29, None))
    assert failing(columns, {G: generated.column()}) == {
        "473": {G},
        "duration, minimum": {G},
    }


def test_a_difference_in_the_overlay_fails(
    columns: dict[str, Column], monkeypatch: pytest.MonkeyPatch
) -> None:
    always_60 = partialmethod(StreamingClient.live_data, duration=60)
    monkeypatch.setattr(StreamingClient, "live_data", always_60)
    assert failing(columns, {O: overlay.column()}) == {
        "duration, sent when not given": {O},
        "duration, without the header": {O},
    }


def test_a_difference_in_the_mock_fails(columns: dict[str, Column]) -> None:
    found = failing(columns, {M: mock.column(wire=Wire(numbers="strings"))})
    assert "data.pv_power" in found
    assert set().union(*found.values()) == {M}


def test_each_cell_that_fails_is_one_line_that_says_where_to_edit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planted, page = Planted(), command.PAGE.read_bytes()
    PLANTS["status"][0](planted)
    PLANTS["no field of a reading"][0](planted)
    options = ["--quiet", "--document", str(planted.save(tmp_path))]
    assert command.main(options) == 1
    lines = capsys.readouterr().out.splitlines()
    unknown = "Statuses of the stream, 498: the"
    assert f"{unknown} generated client does not have it (run make client)" in lines
    assert f"{unknown} mock does not have it (mock/enphase_streaming_mock/)" in lines
    (hint,) = (line for line in lines if line.startswith(f"{unknown} overlay"))
    assert "does not have it (add a row near overlay/" in hint
    assert (
        "Fields of an event, data.pv_power: the document does not have it (spec/streaming.yaml)"
    ) in lines
    assert command.PAGE.read_bytes() == page


def test_the_hint_for_a_status_is_a_row_of_the_overlay(columns: dict[str, Column]) -> None:
    file, _, line = columns[O].place(Section.STATUSES).partition(" near ")[2].partition(":")
    assert "473" in (command.ROOT / file).read_text("utf-8").splitlines()[int(line) - 1]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "cannot be read: No such file"),
        ("[", "is not YAML"),
        ("openapi: 3.1.0", "lacks the operation GET"),
    ],
)
def test_an_unusable_document_is_refused_in_one_line(
    text: str | None, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "other.yaml"
    if text is not None:
        file.write_text(text, "utf-8")
    assert command.main(["--document", str(file)]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith(f"matrix: {file} ")
    assert why in said.err
