"""Prism mocks the same document, as a second opinion. Where it differs from the API, and how.

Each test is one difference, with Prism's exact answer beside the mock's: if one fails after a new
version of Prism, the list has changed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from enphase_streaming_mock import Mock
from prism import PrismIsMissing, check_installed

CREDENTIALS = {"key": "any-key", "Authorization": "Bearer any-token"}
PATH = "/systems/1765/live_data"
EVENT_STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
def ask_prism(prism: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=prism, headers=CREDENTIALS, trust_env=False) as client:
        yield client


@pytest.fixture
def ask_mock() -> Iterator[httpx.Client]:
    mock = Mock()
    access = {"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}"}
    with httpx.Client(transport=mock.transport(), base_url=mock.base_url, headers=access) as client:
        yield client


def problem(response: httpx.Response) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    return body


def test_a_window_is_one_body_sent_whole_and_not_a_stream(
    ask_prism: httpx.Client, ask_mock: httpx.Client
) -> None:
    answer = ask_prism.get(PATH)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
    assert answer.headers["content-length"] == str(len(answer.content)) == "682"
    assert answer.text.count("data:{") == 2
    assert answer.text.endswith("}\n\n")
    with ask_mock.stream("GET", PATH) as stream:
        assert "content-length" not in stream.headers
        assert sum(1 for _ in stream.iter_raw()) == 30


@pytest.mark.parametrize(
    ("duration", "code", "message", "ours"),
    [
        ("29", "minimum", "Request header parameter duration must be >= 30", 461),
        ("301", "maximum", "Request header parameter duration must be <= 300", 462),
        ("ten", "type", "Request header parameter duration must be integer", 463),
    ],
)
def test_a_bad_duration_gets_an_answer_of_its_own(
    ask_prism: httpx.Client,
    ask_mock: httpx.Client,
    duration: str,
    code: str,
    message: str,
    ours: int,
) -> None:
    answer = ask_prism.get(PATH, headers={"duration": duration})
    assert answer.status_code == 422
    assert problem(answer) == {
        "type": "https://stoplight.io/prism/errors#UNPROCESSABLE_ENTITY",
        "title": "Invalid request",
        "status": 422,
        "detail": "Your request is not valid and no HTTP validation response was found in the "
        "spec, so Prism is generating this error for you.",
        "validation": [
            {
                "location": ["header", "duration"],
                "severity": "Error",
                "code": code,
                "message": message,
            }
        ],
    }
    assert ask_mock.get(PATH, headers={"duration": duration}).status_code == ours


def test_a_preferred_code_counts_only_where_json_is_acceptable(
    ask_prism: httpx.Client, ask_mock: httpx.Client
) -> None:
    prefer = {"Prefer": "code=461"}
    passed_over = ask_prism.get(PATH, headers={**prefer, **EVENT_STREAM})
    assert (passed_over.status_code, passed_over.headers["content-type"]) == (
        200,
        "text/event-stream",
    )
    followed = ask_prism.get(PATH, headers={**prefer, "Accept": "text/event-stream, */*;q=0.1"})
    assert followed.status_code == 461
    assert followed.json()["error"]["status"] == "INVALID_DURATION"
    assert ask_mock.get(PATH, headers={**prefer, **EVENT_STREAM}).status_code == 461


def test_the_base_path_of_the_server_is_not_there(
    ask_prism: httpx.Client, ask_mock: httpx.Client
) -> None:
    answer = ask_prism.get("/api/v4" + PATH)
    assert answer.status_code == 404
    assert problem(answer) == {
        "type": "https://stoplight.io/prism/errors#NO_PATH_MATCHED_ERROR",
        "title": "Route not resolved, no path matched",
        "status": 404,
        "detail": f"The route /api/v4{PATH} hasn't been found in the specification file",
    }
    assert ask_mock.base_url.path == "/api/v4/"


def test_any_key_and_any_token_are_accepted(
    ask_prism: httpx.Client, ask_mock: httpx.Client
) -> None:
    assert ask_prism.get(PATH).status_code == 200
    assert ask_mock.get(PATH, headers=CREDENTIALS).status_code == 401


def test_what_to_install_is_said_where_prism_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PrismIsMissing, match="`make prism` or `make test` does that"):
        check_installed(tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PrismIsMissing, match=r"needs Node\.js 18 or newer"):
        check_installed()
