"""`RefreshingAuth` behind both clients, many threads and tasks, and several processes."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from callers import Caller
from enphase_streaming import (
    AsyncStreamingClient,
    Budget,
    ConnectionFailed,
    FileTokenStore,
    InvalidArgument,
    LoginRequired,
    MemoryTokenStore,
    RateLimitError,
    RefreshingAuth,
    ServiceUnavailableError,
    StaticAuth,
    StreamingClient,
    TokenPair,
    TokenStore,
)
from killed_while_renewing import (
    AFTER_IT,
    BEFORE_THE_FILE_IS_REPLACED,
    BEFORE_THE_REFRESH,
    DIED,
    STEPS,
)
from scripted import HandClock, Peer, Scripted, scripted
from token_endpoint import TokenCall, TokenEndpoint, send_json

TESTS = Path(__file__).parents[1]
DAY = 86_400.0
MANY = 200


@pytest.fixture
def endpoint(clock: HandClock) -> TokenEndpoint:
    return TokenEndpoint(clock)


@pytest.fixture
def server(endpoint: TokenEndpoint) -> Iterator[Scripted]:
    with scripted(endpoint) as server:
        yield server


def pair(
    clock: HandClock, *, number: int = 0, lasts: float = DAY, client: str = "app"
) -> TokenPair:
    """Return a pair that the endpoint accepts as issued; it expires `lasts` seconds from now."""
    at = clock.now().timestamp() + lasts
    return TokenPair(
        access_token=f"{client}-access-{number}",
        refresh_token=f"{client}-refresh-{number}",
        expires_at=at,
        renew_at=at - 600,
    )


def renewing(store: TokenStore | None = None, **more: Any) -> RefreshingAuth:
    return RefreshingAuth(client_id="app", client_secret="planted-secret", store=store, **more)


def options(clock: HandClock, server: Scripted, auth: object) -> dict[str, Any]:
    return {
        "access_token": None,
        "auth": auth,
        "base_url": server.base_url,
        "token_url": f"{server.url}/oauth/token",
        "monotonic": clock.monotonic,
        "now": clock.now,
    }


def client(clock: HandClock, server: Scripted, auth: object) -> StreamingClient:
    return StreamingClient(api_key="the-key", **options(clock, server, auth))


def first_reading(caller: Caller, given: dict[str, Any], **keywords: Any) -> Any:
    """Open a stream with either client, leave after one reading, and return the outcome."""

    class Enough(Exception):
        pass

    def leave(reading: object) -> None:
        raise Enough

    outcome = caller(given, **keywords, on_reading=leave)
    if isinstance(outcome.error, Enough):
        outcome.error = None
    return outcome


# --- one stream -----------------------------------------------------------------------------------


def test_a_valid_token_is_used_without_a_token_request(
    caller: Caller, clock: HandClock, endpoint: TokenEndpoint, server: Scripted
) -> None:
    auth = renewing(MemoryTokenStore(pair(clock)))
    assert len(first_reading(caller, options(clock, server, auth)).readings) == 1
    assert (endpoint.calls, endpoint.streamed) == ([], ["app-access-0"])


@pytest.mark.parametrize("lasts", [599.0, 0.0, -DAY])
def test_a_token_is_renewed_before_it_expires(
    caller: Caller, clock: HandClock, endpoint: TokenEndpoint, server: Scripted, lasts: float
) -> None:
    store = MemoryTokenStore(pair(clock, lasts=lasts))
    budget = Budget(calls=1)
    outcome = first_reading(caller, options(clock, server, renewing(store)), budget=budget)
    assert len(outcome.readings) == 1
    (call,) = endpoint.calls
    assert (call.client_id, call.client_secret) == ("app", "planted-secret")
    assert call.form == {"grant_type": "refresh_token", "refresh_token": "app-refresh-0"}
    assert endpoint.streamed == ["app-access-1"]
    assert budget.spent == 1
    assert store.load() == pair(clock, number=1)


def test_a_refresh_token_alone_is_enough_to_start(
    caller: Caller, clock: HandClock, endpoint: TokenEndpoint, server: Scripted
) -> None:
    auth = renewing(refresh_token="app-refresh-0")
    assert len(first_reading(caller, options(clock, server, auth)).readings) == 1
    assert endpoint.streamed == ["app-access-1"]


def test_a_refused_token_is_renewed_once_and_both_calls_are_counted(
    caller: Caller, clock: HandClock, endpoint: TokenEndpoint, server: Scripted
) -> None:
    auth = renewing(MemoryTokenStore(pair(clock, number=-1)))
    endpoint.answer = lambda peer, call: send_json(peer, "200 OK", endpoint.pair("app", 0))
    budget = Budget(calls=3)
    outcome = first_reading(caller, options(clock, server, auth), budget=budget)
    assert len(outcome.readings) == 1
    assert endpoint.streamed == ["app-access--1", "app-access-0"]
    assert (len(endpoint.calls), budget.spent) == (1, 2)


def test_in_query_sends_the_parameters_as_a_query(
    caller: Caller, clock: HandClock, endpoint: TokenEndpoint, server: Scripted
) -> None:
    auth = renewing(refresh_token="app-refresh-0", in_query=True)
    first_reading(caller, options(clock, server, auth))
    (call,) = endpoint.calls
    assert call.query == {"grant_type": "refresh_token", "refresh_token": "app-refresh-0"}
    assert call.form == {}


class Recording(MemoryTokenStore):
    """A store that records each saved token, and what had been streamed by then."""

    def __init__(self, first: TokenPair, endpoint: TokenEndpoint) -> None:
        super().__init__(first)
        self.saved: list[tuple[str, list[str]]] = []
        self.locked = False
        self._endpoint = endpoint

    def save(self, pair: TokenPair) -> None:
        assert self.locked
        self.saved.append((pair.access_token, list(self._endpoint.streamed)))
        super().save(pair)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.locked = True
        yield
        self.locked = False

    def lock(self) -> AbstractContextManager[object]:
        return self._lock()


def test_a_new_pair_is_stored_before_it_is_used(
    caller: Caller, clock: HandClock, endpoint: TokenEndpoint, server: Scripted
) -> None:
    store = Recording(pair(clock, lasts=0), endpoint)
    first_reading(caller, options(clock, server, renewing(store)))
    assert store.saved == [("app-access-1", [])]
    assert endpoint.streamed == ["app-access-1"]


def test_a_static_token_is_not_renewed(
    caller: Caller, clock: HandClock, endpoint: TokenEndpoint, server: Scripted
) -> None:
    outcome = first_reading(caller, options(clock, server, StaticAuth("app-access-7")))
    assert "Access token has expired" in str(outcome.error)
    assert (endpoint.calls, endpoint.streamed) == ([], ["app-access-7"])
    with pytest.raises(LoginRequired):
        StaticAuth("x").renew("x", token_url="https://example.com", now=clock.now())


# --- failures -------------------------------------------------------------------------------------


def answering(status: str, body: object = None) -> Any:
    return lambda peer, call: send_json(peer, status, body or {"error": "invalid_grant"})


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (answering("400 Bad Request"), LoginRequired),
        (answering("401 Unauthorized"), LoginRequired),
        (answering("403 Forbidden"), LoginRequired),
        (answering("429 Too Many Requests"), RateLimitError),
        (answering("500 Internal Server Error"), ServiceUnavailableError),
        (answering("200 OK", b"<html>"), LoginRequired),
        (lambda peer, call: peer.reset(), ConnectionFailed),
        (lambda peer, call: peer.send(b"nonsense\r\n\r\n"), ConnectionFailed),
        (lambda peer, call: peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), None),
    ],
)
def test_a_failed_renewal_raises_its_exception_and_spends_no_call(
    caller: Caller,
    clock: HandClock,
    endpoint: TokenEndpoint,
    server: Scripted,
    answer: Any,
    kind: type[Exception] | None,
) -> None:
    endpoint.answer = answer
    budget = Budget(calls=1)
    auth = renewing(MemoryTokenStore(pair(clock, lasts=0)))
    outcome = first_reading(caller, options(clock, server, auth), budget=budget)
    assert type(outcome.error) is (kind or ConnectionFailed)
    assert (budget.spent, endpoint.streamed, len(endpoint.calls)) == (0, [], 1)
    assert outcome.reason == "error"


@pytest.mark.parametrize(
    "answer",
    [
        answering("429 Too Many Requests"),
        answering("500 Internal Server Error"),
        lambda peer, call: peer.reset(),
    ],
)
def test_a_failed_renewal_is_retried_a_minute_later_while_the_token_is_valid(
    caller: Caller, clock: HandClock, endpoint: TokenEndpoint, server: Scripted, answer: Any
) -> None:
    endpoint.answer = answer
    given = options(clock, server, renewing(MemoryTokenStore(pair(clock, lasts=90))))
    asked = []
    for wait in (0, 59, 1, 29, 1):
        clock.time += wait
        outcome = first_reading(caller, given)
        asked.append(len(endpoint.calls))
    # At 0 s and 60 s; the token is over at 90 s.
    assert asked == [1, 1, 2, 2, 3]
    assert endpoint.streamed == ["app-access-0"] * 4
    assert isinstance(outcome.error, ConnectionFailed | RateLimitError | ServiceUnavailableError)


def test_a_refused_token_is_not_used_again_when_renewal_fails(
    caller: Caller, clock: HandClock, endpoint: TokenEndpoint, server: Scripted
) -> None:
    endpoint.answer = answering("500 Internal Server Error")
    auth = renewing(MemoryTokenStore(pair(clock, number=7)))
    outcome = first_reading(caller, options(clock, server, auth), budget=Budget(calls=9))
    assert isinstance(outcome.error, ServiceUnavailableError)
    assert endpoint.streamed == ["app-access-7"]


def test_a_spent_refresh_token_raises_login_required(
    caller: Caller, clock: HandClock, endpoint: TokenEndpoint, server: Scripted
) -> None:
    auth = renewing(refresh_token="app-refresh-spent")
    outcome = first_reading(caller, options(clock, server, auth))
    assert isinstance(outcome.error, LoginRequired)
    assert "log in again" in str(outcome.error)


def test_without_any_token_login_required_is_raised_without_a_request(
    caller: Caller, clock: HandClock, endpoint: TokenEndpoint, server: Scripted
) -> None:
    outcome = first_reading(caller, options(clock, server, renewing()))
    assert isinstance(outcome.error, LoginRequired)
    assert endpoint.calls == []


@pytest.mark.parametrize("content", [b"", b'{"access_token": "planted', b'{"planted": true}'])
def test_a_damaged_token_file_is_reported_before_any_call(
    caller: Caller,
    clock: HandClock,
    endpoint: TokenEndpoint,
    server: Scripted,
    tmp_path: Path,
    content: bytes,
) -> None:
    path = tmp_path / "tokens.json"
    path.write_bytes(content)
    auth = renewing(FileTokenStore(path), refresh_token="app-refresh-0")
    outcome = first_reading(caller, options(clock, server, auth))
    assert isinstance(outcome.error, InvalidArgument)
    assert str(path) in str(outcome.error)
    assert "planted" not in str(outcome.error)
    assert (endpoint.calls, endpoint.streamed) == ([], [])


def test_a_store_that_cannot_be_locked_is_reported_before_any_call(
    caller: Caller, clock: HandClock, endpoint: TokenEndpoint, server: Scripted, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    auth = renewing(FileTokenStore(tmp_path / "file" / "tokens.json"), refresh_token="r")
    outcome = first_reading(caller, options(clock, server, auth))
    assert isinstance(outcome.error, InvalidArgument)
    assert str(tmp_path / "file") in str(outcome.error)
    assert endpoint.calls == []


class Full(MemoryTokenStore):
    """A store on a full disk."""

    def save(self, pair: TokenPair) -> None:
        raise OSError(28, "No space left on device", "planted-path")


def test_a_pair_that_cannot_be_stored_is_kept_in_memory_and_logged(
    caller: Caller,
    clock: HandClock,
    endpoint: TokenEndpoint,
    server: Scripted,
    caplog: pytest.LogCaptureFixture,
) -> None:
    auth = renewing(Full(pair(clock, lasts=0)))
    given = options(clock, server, auth)
    assert len(first_reading(caller, given).readings) == 1
    (said,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert "They are lost when this process ends" in said.getMessage()
    assert "OSError" in said.getMessage()
    # The pair in the store is spent: the next renewal uses the one in memory.
    clock.time += DAY
    assert len(first_reading(caller, given).readings) == 1
    spent = [call.form["refresh_token"] for call in endpoint.calls]
    assert spent == ["app-refresh-0", "app-refresh-1"]
    assert endpoint.refused == 0


class ReadOnly(FileTokenStore):
    """A token file in a folder that cannot be written, even by root."""

    @contextmanager
    def lock(self) -> Iterator[None]:
        raise OSError(errno.EROFS, "Read-only file system", "tokens.json.lock")
        yield


def test_a_read_only_store_serves_its_token_while_it_is_valid(
    caller: Caller,
    clock: HandClock,
    endpoint: TokenEndpoint,
    server: Scripted,
    tmp_path: Path,
) -> None:
    path = tmp_path / "tokens.json"
    FileTokenStore(path).save(pair(clock, lasts=900))
    given = options(clock, server, renewing(ReadOnly(path)))
    # Due for renewal after 300 s, which fails each time; expired after 900 s.
    for wait in (0, 301, 598):
        clock.time += wait
        assert len(first_reading(caller, given).readings) == 1
    clock.time += 1
    outcome = first_reading(caller, given)
    assert isinstance(outcome.error, InvalidArgument)
    assert "Read-only file system" in str(outcome.error)
    assert (endpoint.calls, endpoint.streamed) == ([], ["app-access-0"] * 3)


def test_no_token_is_spent_if_its_successor_cannot_be_stored(
    caller: Caller,
    clock: HandClock,
    endpoint: TokenEndpoint,
    server: Scripted,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = FileTokenStore(tmp_path / "tokens.json")
    store.save(pair(clock, lasts=0))
    given = options(clock, server, renewing(store))

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        outcome = first_reading(caller, given)
    assert isinstance(outcome.error, InvalidArgument)
    assert "No space left" in str(outcome.error)
    assert endpoint.calls == []
    # Nothing was lost.
    assert len(first_reading(caller, given).readings) == 1


def test_a_newer_pair_in_the_store_replaces_one_that_could_not_be_stored(
    clock: HandClock, endpoint: TokenEndpoint, server: Scripted
) -> None:
    store = Full(pair(clock, lasts=0))
    auth = renewing(store)
    token_url = f"{server.url}/oauth/token"
    assert auth.renew(None, token_url=token_url, now=clock.now()) == "app-access-1"
    # Another process logs in and stores its pair.
    newer = pair(clock, number=7)
    MemoryTokenStore.save(store, newer)
    assert auth.renew("app-access-1", token_url=token_url, now=clock.now()) == "app-access-7"
    assert len(endpoint.calls) == 1


def test_a_pair_that_was_stored_although_saving_raised_is_used(
    clock: HandClock, endpoint: TokenEndpoint, server: Scripted
) -> None:
    class Stores(MemoryTokenStore):
        def save(self, pair: TokenPair) -> None:
            super().save(pair)
            raise OSError(errno.EIO, "Input/output error")

    store = Stores(pair(clock, lasts=0))
    auth = renewing(store)
    token_url = f"{server.url}/oauth/token"
    for number in (1, 2, 3):
        found = auth.renew(f"app-access-{number - 1}", token_url=token_url, now=clock.now())
        assert found == f"app-access-{number}"
    assert endpoint.refused == 0


# --- many at once ---------------------------------------------------------------------------------


async def _first_readings(
    clock: HandClock, server: Scripted, auth: object, tasks: int, clients: int
) -> int:
    """Open `tasks` streams at once over `clients` clients; return how many had a reading."""
    many = [
        AsyncStreamingClient(api_key="the-key", **options(clock, server, auth))
        for _ in range(clients)
    ]
    try:
        readings = await asyncio.gather(
            *(many[task % clients].snapshot(1765 + task) for task in range(tasks))
        )
    finally:
        for each in many:
            await each.aclose()
    return len(readings)


def test_two_hundred_tasks_with_an_expired_token_refresh_once(
    clock: HandClock, endpoint: TokenEndpoint, server: Scripted
) -> None:
    auth = renewing(MemoryTokenStore(pair(clock, lasts=0)))
    assert asyncio.run(_first_readings(clock, server, auth, MANY, clients=2)) == MANY
    assert len(endpoint.calls) == 1
    assert endpoint.streamed == ["app-access-1"] * MANY


def test_two_hundred_tasks_with_a_refused_token_refresh_once(
    clock: HandClock, endpoint: TokenEndpoint, server: Scripted
) -> None:
    # Hold every 401 until all requests have arrived.
    endpoint.hold_401 = threading.Barrier(MANY)
    endpoint._issued["app"] = 1
    auth = renewing(MemoryTokenStore(pair(clock)))
    endpoint.answer = lambda peer, call: send_json(peer, "200 OK", endpoint.pair("app", 1))
    assert asyncio.run(_first_readings(clock, server, auth, MANY, clients=1)) == MANY
    assert len(endpoint.calls) == 1
    assert endpoint.streamed == ["app-access-0"] * MANY + ["app-access-1"] * MANY


def test_two_hundred_threads_with_an_expired_token_refresh_once(
    clock: HandClock, endpoint: TokenEndpoint, server: Scripted
) -> None:
    auth = renewing(MemoryTokenStore(pair(clock, lasts=0)))
    many = [client(clock, server, auth) for _ in range(2)]
    together = threading.Barrier(MANY)

    def one(number: int) -> int | None:
        together.wait(10)
        return many[number % 2].snapshot(1765 + number).pv_power

    with ThreadPoolExecutor(MANY) as threads:
        assert list(threads.map(one, range(MANY))) == [30] * MANY
    for each in many:
        each.close()
    assert len(endpoint.calls) == 1
    assert endpoint.streamed == ["app-access-1"] * MANY


# --- closing --------------------------------------------------------------------------------------


class Hanging:
    """A token endpoint that holds its answer until the test releases it."""

    def __init__(self, endpoint: TokenEndpoint) -> None:
        self.asked, self.release = threading.Event(), threading.Event()
        self._issue = endpoint.issue
        endpoint.answer = self

    def __call__(self, peer: Peer, call: TokenCall) -> None:
        self.asked.set()
        self.release.wait(10)
        self._issue(peer, call)


class Telling(MemoryTokenStore):
    """A store that sets an event when a pair is saved."""

    def __init__(self, pair: TokenPair) -> None:
        super().__init__(pair)
        self.saved = threading.Event()

    def save(self, pair: TokenPair) -> None:
        super().save(pair)
        self.saved.set()


def test_close_frees_a_caller_whose_renewal_hangs(
    clock: HandClock, endpoint: TokenEndpoint, server: Scripted
) -> None:
    hanging = Hanging(endpoint)
    store = Telling(pair(clock, lasts=0))
    with client(clock, server, renewing(store)) as enphase:
        stream = enphase.live_data(1765)
        caller = threading.Thread(target=lambda: list(stream))
        caller.start()
        assert hanging.asked.wait(5)
        stream.close()
        caller.join(5)
        assert not caller.is_alive()
        assert stream.end is not None
        assert stream.end.reason == "stopped"
    hanging.release.set()
    # The renewal continues without its caller: an issued pair is not lost.
    assert store.saved.wait(5)
    assert store.load() == pair(clock, number=1)
    assert endpoint.streamed == []


def test_a_renewal_runs_in_a_thread_that_is_no_daemon(
    clock: HandClock, endpoint: TokenEndpoint, server: Scripted
) -> None:
    hanging = Hanging(endpoint)
    before = set(threading.enumerate())
    with client(clock, server, renewing(Telling(pair(clock, lasts=0)))) as enphase:
        stream = enphase.live_data(1765)
        caller = threading.Thread(target=lambda: list(stream), daemon=True)
        caller.start()
        assert hanging.asked.wait(5)
        mine = [each for each in threading.enumerate() if each.name == "enphase-streaming"]
        # The renewal itself; only its transfer runs in a daemon thread.
        assert sorted(each.daemon for each in mine if each not in before) == [False, True]
        stream.close()
        hanging.release.set()
        caller.join(5)


@pytest.mark.parametrize("way", ["aclose", "cancel"])
def test_a_task_whose_renewal_hangs_can_be_closed_and_cancelled(
    clock: HandClock,
    endpoint: TokenEndpoint,
    server: Scripted,
    way: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hanging = Hanging(endpoint)
    store = Telling(pair(clock, lasts=0))

    async def main() -> None:
        given = options(clock, server, renewing(store))
        async with AsyncStreamingClient(api_key="the-key", **given) as enphase:
            stream = enphase.live_data(1765)

            async def read() -> list[object]:
                return [reading async for reading in stream]

            task = asyncio.create_task(read())
            assert await asyncio.to_thread(hanging.asked.wait, 5)
            if way == "aclose":
                await stream.aclose()
                assert await asyncio.wait_for(task, 5) == []
            else:
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asyncio.wait_for(task, 5)
            assert stream.end is not None
            assert stream.end.reason == "stopped"
        hanging.release.set()
        # The renewal continues without its caller: an issued pair is not lost.
        assert await asyncio.to_thread(store.saved.wait, 5)

    asyncio.run(main())
    assert store.load() == pair(clock, number=1)
    assert endpoint.streamed == []
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING] == []


# --- several processes ----------------------------------------------------------------------------


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(TESTS / script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_never_spend_the_same_refresh_token(
    clock: HandClock, endpoint: TokenEndpoint, server: Scripted, tmp_path: Path
) -> None:
    path, times = tmp_path / "tokens.json", 12
    FileTokenStore(path).save(pair(clock, lasts=-DAY))
    arguments = [str(times), str(path), f"{server.url}/oauth/token"]
    both = [start("renewing.py", *arguments) for _ in range(2)]
    for each in both:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in both:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    tokens: list[str] = []
    for each in both:
        out, err = each.communicate(timeout=20)
        assert (each.returncode, err) == (0, "")
        tokens += out.split()
    assert endpoint.refused == 0
    assert len(tokens) == 2 * times
    # Each refresh spent the token of the one before it, in either process.
    spent = [call.form["refresh_token"] for call in endpoint.calls]
    assert spent == [f"app-refresh-{number}" for number in range(len(spent))]
    assert times <= len(spent) <= 2 * times


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_process_killed_at_any_step_leaves_a_usable_pair_or_a_clear_error(
    clock: HandClock, endpoint: TokenEndpoint, server: Scripted, tmp_path: Path
) -> None:
    token_url = f"{server.url}/oauth/token"
    folders = {step: tmp_path / f"{number}" for number, step in enumerate(STEPS)}
    for folder in folders.values():
        FileTokenStore(folder / "tokens.json").save(pair(clock, lasts=-DAY, client=folder.name))

    process = start("killed_while_renewing.py", str(tmp_path), token_url)
    out, err = process.communicate(timeout=60)
    assert err == ""
    assert out.split() == [str(DIED)] * len(STEPS)

    for step, folder in folders.items():
        store = FileTokenStore(folder / "tokens.json")
        found = store.load()  # never half written
        assert found is not None
        number = 1 if step in AFTER_IT else 0
        assert found.access_token == f"{folder.name}-access-{number}", step
        # At most one file is left over, and it is private.
        left = [each for each in folder.iterdir() if each.suffix != ".lock"]
        assert len(left) <= 2, step
        assert {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()} == {0o600}, step

        auth = RefreshingAuth(client_id=folder.name, client_secret="planted-secret", store=store)
        if step in BEFORE_THE_FILE_IS_REPLACED:
            with pytest.raises(LoginRequired, match="log in again"):
                auth.renew(None, token_url=token_url, now=clock.now())
            continue
        token = auth.renew(found.access_token, token_url=token_url, now=clock.now())
        assert token == f"{folder.name}-access-{2 if step in AFTER_IT else 1}", step
        assert store.load() == pair(clock, number=int(token[-1]), client=folder.name)
    assert set(STEPS) == {*BEFORE_THE_REFRESH, *BEFORE_THE_FILE_IS_REPLACED, *AFTER_IT}
