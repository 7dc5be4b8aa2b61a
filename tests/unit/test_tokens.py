"""Token stores: privacy, atomic saves and locking."""

from __future__ import annotations

import io
import os
import stat
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from enphase_streaming import FileTokenStore, InvalidArgument, MemoryTokenStore, TokenPair
from enphase_streaming.auth import tokens as tokens_module

PAIR = TokenPair(
    access_token="planted-access",
    refresh_token="planted-refresh",
    expires_at=1_790_086_400.0,
    renew_at=1_790_085_800.0,
)
OTHER = TokenPair(access_token="a2", refresh_token="r2", expires_at=2.0, renew_at=1.0)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "folder" / "tokens.json"


def test_the_repr_of_a_pair_hides_its_tokens() -> None:
    screen = io.StringIO()
    Console(file=screen).print(PAIR, [PAIR])
    shown = f"{PAIR!r} {PAIR} {[PAIR]} {screen.getvalue()}"
    assert "TokenPair(expires_at=1790086400.0)" in shown
    assert "planted" not in shown


@pytest.mark.parametrize(
    "changed",
    [
        {"access_token": ""},
        {"access_token": "planted\nX-Header: 1"},
        {"access_token": "plantéd"},
        {"refresh_token": "planted token"},
        {"expires_at": float("nan")},
        {"renew_at": float("inf")},
    ],
)
def test_a_malformed_pair_is_refused_without_showing_it(changed: dict[str, Any]) -> None:
    given = {name: getattr(PAIR, name) for name in PAIR.__struct_fields__}
    with pytest.raises(InvalidArgument) as caught:
        TokenPair(**given | changed)
    assert "plant" not in str(caught.value)


def test_a_pair_may_lack_a_refresh_token() -> None:
    pair = TokenPair(access_token="a", refresh_token="", expires_at=2.0, renew_at=1.0)
    assert pair.refresh_token == ""


def test_memory_store_returns_what_was_saved() -> None:
    store = MemoryTokenStore()
    assert store.load() is None
    with store.lock():
        store.save(PAIR)
    assert store.load() == PAIR
    assert "planted" not in repr(store)


def test_file_store_returns_what_was_saved(path: Path) -> None:
    FileTokenStore(path).save(PAIR)
    FileTokenStore(path).save(OTHER)
    assert FileTokenStore(str(path)).load() == OTHER


def test_load_without_a_file_returns_none_and_creates_nothing(path: Path) -> None:
    assert FileTokenStore(path).load() is None
    assert not path.parent.exists()


def test_files_are_private_under_any_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        store = FileTokenStore(path)
        with store.lock():
            store.save(PAIR)
    finally:
        os.umask(before)
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o700
    assert {mode(each) for each in path.parent.iterdir()} == {0o600}


def test_save_makes_a_readable_file_private(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(msgspec.json.encode(PAIR))
    path.chmod(0o644)
    FileTokenStore(path).save(OTHER)
    assert mode(path) == 0o600


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        msgspec.json.encode(PAIR)[:-20],
        b"\xff\xfe planted",
        b'"planted"',
        b'["planted"]',
        b'{"planted": 1}',
        b'{"access_token": "planted"}',
        msgspec.json.encode(PAIR).replace(b"planted-access", b"planted access"),
        msgspec.json.encode(PAIR).replace(b"planted-access", b""),
        msgspec.json.encode(PAIR).replace(b"1790086400.0", b"null"),
        msgspec.json.encode(PAIR).replace(b"1790086400.0", b'"planted"'),
        b"[" * 100_000,
        b'{"x": ' + b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_reported_without_quoting_it(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(InvalidArgument) as caught:
        FileTokenStore(path).load()
    assert str(caught.value) == f"The token file {path} is damaged. Remove it and log in again."
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    # A folder, since a test that runs as root can read every file.
    with pytest.raises(InvalidArgument, match=f"token file {tmp_path} cannot be read: Is a direct"):
        FileTokenStore(tmp_path).load()


def test_a_failed_save_keeps_the_old_pair_and_leaves_no_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileTokenStore(path)
    store.save(PAIR)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.save(OTHER)
    assert store.load() == PAIR
    assert [each.name for each in path.parent.iterdir()] == ["tokens.json"]


def test_save_removes_abandoned_files_only(path: Path) -> None:
    store = FileTokenStore(path)
    store.save(PAIR)
    old, young = path.with_name(".tokens.json.old"), path.with_name(".tokens.json.young")
    another = path.with_name(".other.json.old")
    for each in (old, young, another):
        each.write_text("x")
    for each in (old, another):
        os.utime(each, (time.time() - 120, time.time() - 120))
    store.save(OTHER)
    assert not old.exists()
    assert young.exists()
    assert another.exists()


def test_the_lock_is_exclusive(path: Path) -> None:
    events: list[str] = []
    waiting = threading.Event()

    def second() -> None:
        waiting.set()
        with FileTokenStore(path).lock():
            events.append("second in")

    with FileTokenStore(path).lock():
        thread = threading.Thread(target=second)
        thread.start()
        waiting.wait(5)
        thread.join(0.15)
        assert thread.is_alive()
        events.append("first out")
    thread.join(5)
    assert events == ["first out", "second in"]


def test_waiting_for_the_lock_times_out(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "_LOCK_TIMEOUT", 0.1)
    with FileTokenStore(path).lock(), pytest.raises(TimeoutError, match=r"tokens\.json\.lock"):
        FileTokenStore(path).lock().__enter__()


def test_the_lock_is_released_after_an_exception(path: Path) -> None:
    store = FileTokenStore(path)
    with pytest.raises(ZeroDivisionError), store.lock():
        raise ZeroDivisionError
    with store.lock():
        pass


def test_the_repr_of_a_store_shows_only_its_path(path: Path) -> None:
    FileTokenStore(path).save(PAIR)
    assert repr(FileTokenStore(path)) == f"FileTokenStore({str(path)!r})"
