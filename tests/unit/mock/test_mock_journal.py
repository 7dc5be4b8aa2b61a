from datetime import UTC, datetime

import pytest

from enphase_streaming_mock.journal import Journal, RecordedRequest

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)


def journal() -> Journal:
    return Journal(["key"], ["right-key", "right-token"])


def recorded(
    path: str = "/",
    query: tuple[tuple[str, str], ...] = (),
    headers: tuple[tuple[str, str], ...] = (),
) -> RecordedRequest:
    return journal().record("GET", path, query, headers, NOON, 200)


@pytest.mark.parametrize("name", ["key", "KEY", "Authorization", "Cookie"])
def test_a_header_that_carries_a_secret_is_masked_right_or_wrong(name: str) -> None:
    entry = recorded(headers=((name, "wrong-secret"), ("Accept", "*/*")))
    assert entry.headers == ((name, "***"), ("Accept", "*/*"))


def test_a_parameter_that_carries_a_secret_is_masked_but_still_to_be_seen() -> None:
    assert recorded(query=(("key", "wrong-secret"), ("a", "b"))).query == (
        ("key", "***"),
        ("a", "b"),
    )


def test_a_secret_is_masked_wherever_else_it_turns_up() -> None:
    entry = recorded("/right-token", (("q", "right-key"),), (("X-Copy", "Bearer right-token"),))
    assert "right" not in repr(entry)


def test_a_header_is_found_whatever_the_case_of_its_name() -> None:
    entry = recorded(headers=(("Duration", "30"), ("duration", "60")))
    assert entry.header("DURATION") == ["30", "60"]


def test_whoever_closed_first_stays_noted() -> None:
    entry = recorded()
    entry.close("client", NOON)
    entry.close("server", NOON.replace(hour=13))
    assert (entry.closed_by, entry.ended) == ("client", NOON)


def test_requests_stand_in_order_and_the_list_is_the_readers_own() -> None:
    log = journal()
    for path in ("/a", "/b"):
        log.record("GET", path, (), (), NOON, 404)
    log.requests.clear()
    assert [entry.path for entry in log.requests] == ["/a", "/b"]


def test_only_the_last_ten_thousand_requests_are_kept() -> None:
    log = journal()
    for number in range(10_001):
        log.record("GET", f"/{number}", (), (), NOON, 404)
    assert len(log.requests) == 10_000
    assert log.requests[0].path == "/1"


def test_requests_are_numbered_from_1_and_from_1_again_after_a_clearing() -> None:
    log = journal()
    numbers = [log.record("GET", "/", (), (), NOON, 404).number for _ in range(2)]
    log.clear()
    assert log.requests == []
    assert [*numbers, log.record("GET", "/", (), (), NOON, 404).number] == [1, 2, 1]


def test_secrets_are_told_apart_without_being_kept() -> None:
    log = journal()

    def marks(*headers: tuple[str, str]) -> tuple[str, str]:
        entry = log.record("GET", "/", (), headers, NOON, 200)
        assert "right-" not in repr(entry)
        return entry.key_mark, entry.token_mark

    one, again = marks(("key", "right-key")), marks(("KEY", "right-key"))
    other, token = marks(("key", "other")), marks(("Authorization", "Bearer right-token"))
    assert one == again != other
    assert (one[1], token[0]) == ("", "")
    assert token[1] != ""
    assert marks() == ("", "")
    in_query = log.record("GET", "/", (("key", "right-key"),), (), NOON, 200)
    assert in_query.key_mark == one[0]
    elsewhere = Journal(["key"], []).record("GET", "/", (), (("key", "right-key"),), NOON, 200)
    assert elsewhere.key_mark != one[0]


def test_the_body_of_an_error_is_kept_and_that_of_a_pair_of_tokens_is_not() -> None:
    log = journal()
    for status, kept in ((200, b""), (429, b"{}")):
        entry = log.record("GET", "/", (), (), NOON, status)
        entry.answer((("Retry-After", "3"),), b"{}")
        assert (entry.reply_headers, entry.reply_body) == ((("Retry-After", "3"),), kept)


def test_an_answer_that_the_server_broke_off_is_marked() -> None:
    entry = recorded()
    entry.close("server", NOON, broken=True)
    assert (entry.closed_by, entry.broken) == ("server", True)
