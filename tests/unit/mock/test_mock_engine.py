import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from enphase_streaming_mock import SCENARIOS, Engine, Reply, Request, Scenario, Wire
from enphase_streaming_mock.account import ACCESS_TOKEN, API_KEY, SYSTEM_ID
from enphase_streaming_mock.exchange import End
from enphase_streaming_mock.faults import Fault
from enphase_streaming_mock.scenarios import Conditions, find_scenario

START = datetime(2026, 6, 21, 12, tzinfo=UTC)
PATH = f"/api/v4/systems/{SYSTEM_ID}/live_data"
KEY = ("key", API_KEY)
TOKEN = ("Authorization", f"Bearer {ACCESS_TOKEN}")


def engine(name: str = "sunny-day", seed: int = 0, wire: Wire | None = None) -> Engine:
    return Engine(SCENARIOS[name](seed), START, wire)


def ask(
    *headers: tuple[str, str],
    path: str = PATH,
    method: str = "GET",
    query: tuple[tuple[str, str], ...] = (),
    served_by: Engine | None = None,
    now: datetime = START,
) -> Reply:
    return (served_by or engine()).answer(Request(method, path, headers, query), now)


def error(reply: Reply) -> dict[str, Any]:
    assert reply.steps is None
    envelope: dict[str, Any] = json.loads(reply.body)
    return envelope


def stream(reply: Reply) -> list[tuple[float, bytes]]:
    assert reply.steps is not None
    return [(step.due, step.data) for step in reply.steps]


def test_with_key_and_token_a_stream_opens() -> None:
    reply = ask(KEY, TOKEN)
    assert reply.status == 200
    assert ("Content-Type", "text/event-stream") in reply.headers


@pytest.mark.parametrize("wire", [Wire(), Wire(cut_every=50)])
def test_a_fault_strikes_every_open_stream_from_its_next_event_on(wire: Wire) -> None:
    served_by = engine(wire=wire)
    replies = [ask(KEY, TOKEN, served_by=served_by) for _ in range(2)]
    for reply in replies:
        assert reply.steps is not None
        while not next(reply.steps).events:
            pass
    served_by.strike(Fault("drop", after_events=1))
    for reply in replies:
        rest = list(reply.steps or ())
        assert (sum(step.events for step in rest), rest[-1].end) == (1, End.CLOSE)
    later = ask(KEY, TOKEN, served_by=served_by)
    assert sum(step.events for step in later.steps or ()) == 30


def test_a_second_fault_strikes_what_the_first_left() -> None:
    served_by = engine()
    reply = ask(KEY, TOKEN, served_by=served_by)
    served_by.strike(Fault("malformed-json", after_events=1))
    served_by.strike(Fault("close", after_events=3))
    *events, last = list(reply.steps or ())
    assert [b'"type":}' in step.data for step in events] == [False, True, False]
    assert (last.due, last.end) == (3, End.CLEAN)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("drop"), "No stream is open: open one, or set the fault for the next"),
        (Fault("html"), "Fault 'html' cannot strike an open stream: set it for the next"),
        (Fault("overrun"), "Fault 'overrun' cannot strike an open stream"),
        (Fault("drop", always=True), "always and requests are for the streams to come"),
        (Fault("drop", requests=2), "always and requests are for the streams to come"),
    ],
)
def test_a_fault_that_cannot_strike_now_is_refused(fault: Fault, said: str) -> None:
    served_by = engine()
    reply = ask(KEY, TOKEN, served_by=served_by)
    if fault.name == "drop" and not fault.effect.always and not fault.effect.requests:
        reply.record.close("client", START)
    with pytest.raises(ValueError, match=said):
        served_by.strike(fault)
    assert len(stream(reply)) == 31


def test_the_default_stream_has_an_event_a_second() -> None:
    *events, end = stream(ask(KEY, TOKEN))
    assert [due for due, _ in events] == list(range(30))
    assert end == (30.0, b"")


def test_the_duration_header_sets_how_many_events_there_are() -> None:
    *events, end = stream(ask(KEY, TOKEN, ("Duration", "300")))
    assert (len(events), end[0]) == (300, 300.0)


def test_every_event_conforms_to_the_document() -> None:
    mock = engine("outage")
    *events, _ = stream(ask(KEY, TOKEN, ("duration", "60"), served_by=mock))
    for _, event in events:
        body = json.loads(event.removeprefix(b"data:"))
        assert mock.contract.event_faults(body) == []


def test_timestamps_advance_by_the_second_from_the_request_on() -> None:
    opened = START + timedelta(seconds=4.25)
    *events, _ = stream(ask(KEY, TOKEN, now=opened))
    bodies = [json.loads(event.removeprefix(b"data:")) for _, event in events]
    epoch = int(opened.timestamp() * 1000)
    assert [body["timestamp_epoch"] for body in bodies] == [epoch + 1000 * n for n in range(30)]
    assert bodies[1]["timestamp_utc"] == "2026-06-21 12:00:05.250"


def test_concurrent_streams_show_the_same_site() -> None:
    mock = engine("outage")
    first = stream(ask(KEY, TOKEN, served_by=mock))
    second = stream(ask(KEY, TOKEN, served_by=mock, now=START + timedelta(seconds=10)))
    assert first[10][1] == second[0][1]


def test_a_byte_order_mark_comes_before_the_first_event_only() -> None:
    first, second, *_ = stream(ask(KEY, TOKEN, served_by=engine(wire=Wire(bom=True))))
    assert first[1].startswith(b"\xef\xbb\xbfdata:")
    assert second[1].startswith(b"data:")


def test_the_key_may_be_a_query_parameter() -> None:
    assert ask(TOKEN, query=(KEY,)).status == 200


def test_the_token_scheme_is_case_insensitive() -> None:
    assert ask(KEY, ("authorization", f"bearer {ACCESS_TOKEN}")).status == 200


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ((), "NOT_AUTHENTICATED", "API key is missing"),
        ((TOKEN,), "NOT_AUTHENTICATED", "API key is missing"),
        ((TOKEN, ("key", "")), "NOT_AUTHENTICATED", "API key is missing"),
        ((TOKEN, ("key", "wrong")), "NOT_AUTHENTICATED", "API Key is invalid"),
        ((TOKEN, KEY, KEY), "NOT_AUTHENTICATED", "API Key is invalid"),
        ((KEY,), "UNAUTHORIZED", "Access token is invalid"),
        ((KEY, ("Authorization", "Bearer wrong")), "UNAUTHORIZED", "Access token is invalid"),
        ((KEY, ("Authorization", ACCESS_TOKEN)), "UNAUTHORIZED", "Access token is invalid"),
        ((KEY, TOKEN, TOKEN), "UNAUTHORIZED", "Access token is invalid"),
        ((("key", "wrong"), ("Authorization", "x")), "NOT_AUTHENTICATED", "API Key is invalid"),
    ],
)
def test_missing_and_wrong_credentials_are_refused_key_first(
    headers: tuple[tuple[str, str], ...], status: str, message: str
) -> None:
    reply = ask(*headers)
    detail = error(reply)["error"]
    assert (reply.status, detail["status"], detail["message"]) == (401, status, message)


@pytest.mark.parametrize(("text", "status"), [("1", 461), ("99999", 462), ("030", 463)])
def test_a_bad_duration_gets_the_documents_error(text: str, status: int) -> None:
    mock = engine()
    reply = ask(KEY, TOKEN, ("duration", text), served_by=mock)
    (documented,) = mock.contract.refusals[status].values()
    assert reply.status == status
    assert error(reply)["error"] == documented.envelope["error"]


def test_a_duration_of_five_thousand_digits_gets_a_short_message() -> None:
    reply = ask(KEY, TOKEN, ("duration", "9" * 5000))
    assert (reply.status, len(reply.body) < 300) == (462, True)


@pytest.mark.parametrize(
    "system_id", ["1", "01765", "1765.0", "abc", "-1765", "%00", "\uff11", "9" * 5000]
)
def test_a_system_that_does_not_exist_is_refused_with_468(system_id: str) -> None:
    assert ask(KEY, TOKEN, path=f"/api/v4/systems/{system_id}/live_data").status == 468


def test_errors_carry_the_time_of_the_request() -> None:
    reply = ask(now=START + timedelta(milliseconds=1250))
    assert reply.headers == (("Content-Type", "application/json"),)
    assert error(reply)["timestamp_utc"] == "2026-06-21 12:00:01.250"


CODES = [
    (status, name) for status, examples in engine().contract.refusals.items() for name in examples
]


@pytest.mark.parametrize(("status", "name"), CODES)
@pytest.mark.parametrize("accept", ["text/event-stream", "application/json", "image/png", ""])
def test_prefer_returns_any_documented_error_for_any_accept(
    status: int, name: str, accept: str
) -> None:
    mock = engine()
    wish = ("Prefer", f"code={status}, example={name}")
    reply = ask(wish, ("Accept", accept), served_by=mock)
    assert reply.status == status
    assert error(reply)["error"] == mock.contract.refusals[status][name].envelope["error"]


@pytest.mark.parametrize("status", sorted({status for status, _ in CODES}))
def test_prefer_needs_no_example(status: int) -> None:
    assert ask(KEY, TOKEN, ("prefer", f"code={status}")).status == status


@pytest.mark.parametrize(
    "wish",
    [
        'code="473"',
        "respond-async, code=473",
        "code=473; foo=bar",
        "CODE = 473",
        "code=473, code=461",
    ],
)
def test_prefer_is_parsed_as_its_rfc_allows(wish: str) -> None:
    assert ask(KEY, TOKEN, ("Prefer", wish)).status == 473


@pytest.mark.parametrize("wish", ["code=200", "respond-async", ""])
def test_prefer_200_is_answered_as_usual(wish: str) -> None:
    assert ask(KEY, TOKEN, ("Prefer", wish)).status == 200
    assert ask(("Prefer", wish)).status == 401


@pytest.mark.parametrize(
    ("wish", "choices"),
    [
        ("code=418", "200, 401"),
        ("code=abc", "200, 401"),
        ("code=401, example=nope", "apiKeyMissing"),
    ],
)
def test_an_unknown_preference_is_answered_with_the_choices(wish: str, choices: str) -> None:
    reply = ask(KEY, TOKEN, ("Prefer", wish))
    assert reply.status == 400
    assert choices in error(reply)["message"][0]


@pytest.mark.parametrize(
    "path",
    [
        "/", "", "*", "/api/v4", "/systems/1765/live_data", "/api/v4/systems/live_data",
        "/api/v4/systems//live_data", "/api/v4/systems/1765/live_data/",
        "/api/v4/systems/1/2/live_data",
    ],
)  # fmt: skip
def test_an_unknown_path_is_answered_with_404_and_the_known_ones(path: str) -> None:
    reply = ask(KEY, TOKEN, path=path)
    assert reply.status == 404
    assert PATH in error(reply)["message"][0]


@pytest.mark.parametrize("method", ["POST", "HEAD", "DELETE", "OPTIONS"])
def test_a_method_other_than_get_is_answered_as_the_gateway_does(method: str) -> None:
    reply = ask(KEY, TOKEN, method=method)
    assert reply.status == 405
    assert error(reply) == {"reason": "405", "message": ["Method not allowed"]}
    assert ("Allow", "GET") in reply.headers


def test_a_refusal_is_recorded_as_closed_by_the_server() -> None:
    mock = engine()
    ask(("key", "secret"), served_by=mock)
    (entry,) = mock.journal.requests
    assert (entry.status, entry.closed_by, entry.ended) == (401, "server", START)
    assert entry.headers == (("key", "***"),)


def test_a_stream_is_recorded_as_open_until_it_is_closed() -> None:
    mock = engine()
    reply = ask(KEY, TOKEN, served_by=mock)
    (entry,) = mock.journal.requests
    assert entry is reply.record
    assert (entry.status, entry.events_sent, entry.closed_by) == (200, 0, None)


@pytest.mark.parametrize("show", [repr, str])
def test_no_secret_is_in_the_repr_of_a_request_or_a_reply(show: Callable[[object], str]) -> None:
    request = Request("GET", PATH, (KEY, TOKEN), (KEY,))
    reply = engine().answer(request, START)
    assert API_KEY not in show(request) + show(reply)
    assert ACCESS_TOKEN not in show(request) + show(reply)


def test_a_scenario_that_breaks_a_rule_is_refused() -> None:
    class Broken(Scenario):
        name = "broken"

        def conditions(self, second: int) -> Conditions:
            return Conditions(sun=0.5, load=400, grid_status=7)  # type: ignore[arg-type]

    with pytest.raises(
        ValueError, match=r"'broken' at second 0: .*grid_status must be a string, got 7"
    ):
        find_scenario(Broken)
