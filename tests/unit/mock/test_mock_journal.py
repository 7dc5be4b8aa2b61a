from datetime import UTC, datetime

import pytest

from enphase_streaming_mock import Request
from enphase_streaming_mock.contract import load_contract
from enphase_streaming_mock.journal import Journal, RecordedRequest

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
Pairs = tuple[tuple[str, str], ...]


def journal(*secrets: str) -> Journal:
    return Journal(load_contract(), secrets or ["right-key", "right-token"], NOON)


def recorded(
    path: str = "/", query: Pairs = (), headers: Pairs = (), log: Journal | None = None
) -> RecordedRequest:
    return (log or journal()).record(Request("GET", path, headers, query), NOON, 200)


@pytest.mark.parametrize("name", ["key", "KEY", "Authorization", "Cookie", "X-Api-Key"])
def test_secret_headers_are_masked_even_if_wrong(name: str) -> None:
    entry = recorded(headers=((name, "wrong-secret"), ("Accept", "*/*")))
    assert entry.headers == ((name, "***"), ("Accept", "*/*"))


@pytest.mark.parametrize("name", ["key", "api_key", "apikey", "token"])
def test_secret_parameters_are_masked_but_shown(name: str) -> None:
    query = ((name, "wrong-secret"), ("a", "b"))
    assert recorded(query=query).query == ((name, "***"), ("a", "b"))


def test_known_secrets_are_masked_everywhere() -> None:
    entry = recorded("/right-token", (("q", "right-key"),), (("X-Copy", "Bearer right-token"),))
    assert "right" not in repr(entry)


def test_header_names_are_case_insensitive() -> None:
    entry = recorded(headers=(("Duration", "30"), ("duration", "60")))
    assert entry.header("DURATION") == ["30", "60"]


def test_only_the_first_close_counts() -> None:
    entry = recorded()
    entry.close("client", NOON)
    entry.close("server", NOON.replace(hour=13))
    assert (entry.closed_by, entry.ended) == ("client", NOON)


def test_requests_are_ordered_and_returned_as_a_copy() -> None:
    log = journal()
    for path in ("/a", "/b"):
        recorded(path, log=log)
    log.requests.clear()
    assert [entry.path for entry in log.requests] == ["/a", "/b"]


def test_only_the_last_ten_thousand_requests_are_kept() -> None:
    log = journal()
    for number in range(10_001):
        recorded(f"/{number}", log=log)
    assert len(log.requests) == 10_000
    assert log.requests[0].path == "/1"


def test_requests_are_numbered_from_1() -> None:
    log = journal()
    assert [recorded(log=log).number for _ in range(2)] == [1, 2]


def test_secrets_are_distinguished_without_being_kept() -> None:
    log = journal()

    def marks(*headers: tuple[str, str]) -> tuple[str, str]:
        entry = recorded(headers=headers, log=log)
        assert "right-" not in repr(entry)
        return entry.key_mark, entry.token_mark

    one, again = marks(("key", "right-key")), marks(("KEY", "right-key"))
    other, token = marks(("key", "other")), marks(("Authorization", "Bearer right-token"))
    assert one == again != other
    assert (one[1], token[0]) == ("", "")
    assert token[1] != ""
    assert marks() == ("", "")
    in_query = recorded(query=(("key", "right-key"),), log=log)
    assert in_query.key_mark == one[0]
    elsewhere = recorded(headers=(("key", "right-key"),))
    assert elsewhere.key_mark != one[0]


def test_only_error_bodies_are_kept() -> None:
    log = journal()
    for status, kept in ((200, b""), (429, b"{}")):
        headers = (("Retry-After", "3"),)
        entry = log.record(Request("GET", "/"), NOON, status, "", headers, b"{}")
        assert (entry.reply_headers, entry.reply_body) == ((("Retry-After", "3"),), kept)


def test_a_broken_answer_is_marked() -> None:
    entry = recorded()
    entry.close("server", NOON, broken=True)
    assert (entry.closed_by, entry.broken) == ("server", True)
