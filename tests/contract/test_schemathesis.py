"""Schemathesis generates requests from the documents, and checks the mock's answers.

`schemathesis.toml` has its settings; docs/outside-opinions.md says what the runs show.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from enphase_streaming_api.api.streaming.stream_system_live_data import BOUNDS
from enphase_streaming_mock import MockServer
from enphase_streaming_mock.account import ACCESS_TOKEN, Grant
from enphase_streaming_mock.contract import load_contract
from enphase_streaming_mock.control import Control
from run_schemathesis import build_view, run_on_api, run_on_controls

STREAM = ["--include-operation-id", "streamSystemLiveData"]
EXAMPLES = ["--phases", "examples"]
COVERAGE = ["--phases", "coverage"]


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_view(tmp_path_factory.mktemp("view"))


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(speed=1000) as server:
        yield server


def statuses(mock: MockServer, path: str) -> set[int]:
    return {call.status for call in mock.requests if call.path.startswith(path)}


def test_stream_and_tokens_conform_to_the_document(mock: MockServer, view: Path) -> None:
    found = run_on_api(mock, view, "--seed", "1", "--max-examples", "5")
    assert found.exit_code == 0, found.output
    # A run without these answers would have checked nothing.
    assert statuses(mock, "/api/v4/systems/") >= {200, 401, 461, 462, 463, 468}
    assert statuses(mock, "/oauth/token") >= {200, 400, 401}
    whole = [call for call in mock.requests if call.events_sent and call.closed_by == "server"]
    bounds = set(BOUNDS["duration"])
    assert bounds <= {call.events_sent for call in whole}
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in found.output


def test_the_controls_conform_to_their_document(mock: MockServer) -> None:
    found = run_on_controls(mock, "--seed", "1", "--max-examples", "2")
    assert found.exit_code == 0, found.output
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in found.output


def test_every_documented_error_conforms_to_the_document(mock: MockServer, view: Path) -> None:
    refusals = load_contract().refusals
    for code, examples in refusals.items():
        for example in examples:
            mock.fault("error", code=code, example=example)
    found = run_on_api(
        mock, view, *STREAM, "--phases", "fuzzing", "--mode", "positive", "--seed", "1",
        "--max-examples", "20", "--checks",
        "not_a_server_error,status_code_conformance,content_type_conformance,"
        "response_schema_conformance",
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    assert statuses(mock, "/api/v4/systems/") == {200, *refusals}


class AnyToken(dict[str, Grant]):
    """Tokens of which every one is accepted as the mock's own."""

    def get(self, key: str, default: object = None) -> Grant:
        return self[ACCESS_TOKEN]


def answer_500(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    mock.fault("gateway", shape="unavailable", always=True)


def answer_404(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    mock.fault("html", code=404, always=True)


def answer_json(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    mock.fault("json", always=True)


def power_as_text(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    mock.use(numbers="strings")


def half_a_json_text(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    mock.fault("malformed-json", after_events=20, always=True)


def no_credentials_checked(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enphase_streaming_mock.engine.admit", lambda *_: 30)


def no_token_checked(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mock.account, "access", AnyToken(mock.account.access))


def moved_bound(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_contract(), "longest", load_contract().longest + 300)


@pytest.mark.parametrize(
    ("break_it", "options", "said"),
    [
        (answer_500, EXAMPLES, "Server error"),
        (answer_404, EXAMPLES, "Undocumented status code"),
        (answer_json, EXAMPLES, "Undocumented Content-Type"),
        (power_as_text, EXAMPLES, "is not of type"),
        (half_a_json_text, EXAMPLES, "cannot deserialize payload"),
        (no_credentials_checked, EXAMPLES, "API accepts requests without authentication"),
        (no_token_checked, EXAMPLES, "200 without Authorization, not 401"),
        (moved_bound, COVERAGE, "Schema-violating request accepted"),
    ],
)
def test_a_mock_that_departs_from_the_document_is_found(
    mock: MockServer,
    view: Path,
    monkeypatch: pytest.MonkeyPatch,
    break_it: Callable[[MockServer, pytest.MonkeyPatch], None],
    options: list[str],
    said: str,
) -> None:
    break_it(mock, monkeypatch)
    found = run_on_api(mock, view, *STREAM, *options)
    assert found.exit_code == 1
    assert said in found.output


def test_controls_that_depart_from_their_document_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Control, "_clock", lambda self, body: {"speed": "fast"})
    with MockServer() as mock:
        found = run_on_controls(mock, "--include-operation-id", "getClock", "--phases", "coverage")
    assert found.exit_code == 1
    assert "is not of type" in found.output
