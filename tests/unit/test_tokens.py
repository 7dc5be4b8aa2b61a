"""Token stores: privacy, atomic saves and locking."""

from __future__ import annotations

import errno
import io
import math
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from enphase_streaming import FileTokenStore, InvalidArgument, MemoryTokenStore, TokenPair
from enphase_streaming.auth import tokens as tokens_module

if sys.platform != "win32":
    import fcntl

PAIR = TokenPair(
    access_token="planted-access",
    refresh_token="planted-refresh",
    expires_at=1_790_086_400.0,
    renew_at=1_790_085_800.0,
)
OTHER = TokenPair(access_token="a2", refresh_token="r2", expires_at=2.0, renew_at=1.0)


def mode(path: Path) -> int:
    if sys.platform == "win32":
        pytest.skip("Windows keeps no such modes")
    return stat.S_IMODE(path.stat().st_mode)


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Run code in a process of its own, which may fork."""
    before = """
import os, sys, threading
from enphase_streaming import FileTokenStore, TokenPair
from enphase_streaming.auth import tokens
PAIR = TokenPair(access_token="a", refresh_token="r", expires_at=2.0, renew_at=1.0)
"""
    # From 3.12 on, Python warns of forks beside threads.
    quiet = "-Wignore:This process:DeprecationWarning"
    return subprocess.Popen(
        [sys.executable, quiet, "-c", before + code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


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
    # The decoder's exception would quote the file.
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


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


# --- paths ----------------------------------------------------------------------------------------


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    link, target = tmp_path / "link.json", tmp_path / "data" / "tokens.json"
    link.symlink_to(target)
    store = FileTokenStore(link)
    with store.lock():
        store.save(PAIR)
    assert link.is_symlink()
    assert FileTokenStore(target).load() == PAIR
    FileTokenStore(link).save(OTHER)
    assert FileTokenStore(target).load() == OTHER


def test_a_symbolic_link_and_its_target_share_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "_LOCK_TIMEOUT", 0.1)
    target, link = tmp_path / "tokens.json", tmp_path / "link.json"
    link.symlink_to(target)
    with (
        FileTokenStore(target).lock(),
        pytest.raises(TimeoutError, match=r"tokens\.json\.lock"),
        FileTokenStore(link).lock(),
    ):
        pass


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    FileTokenStore("~/tokens.json").save(PAIR)
    assert [each.name for each in tmp_path.iterdir()] == ["tokens.json"]


def test_a_relative_path_is_resolved_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = FileTokenStore("tokens.json")
    monkeypatch.chdir("/")
    store.save(PAIR)
    assert FileTokenStore(tmp_path / "tokens.json").load() == PAIR


@pytest.mark.parametrize("path", ["a\0b", "~no-such-user/tokens.json"])
def test_a_path_that_cannot_be_resolved_is_refused(path: str) -> None:
    with pytest.raises(InvalidArgument, match="path must lead to a file"):
        FileTokenStore(path)


# --- files that cannot be replaced ----------------------------------------------------------------


@pytest.fixture
def mounted(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that can be written but not replaced, as one that is mounted into a container."""
    path.parent.mkdir(parents=True)
    path.write_bytes(msgspec.json.encode(PAIR))

    def busy(source: object, target: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "replace", busy)
    return path


def test_a_mounted_file_is_written_in_place(mounted: Path) -> None:
    inode = mounted.stat().st_ino
    store = FileTokenStore(mounted)
    for pair in (OTHER, PAIR, OTHER):
        with store.lock():
            store.save(pair)
        assert FileTokenStore(mounted).load() == pair
    assert mounted.stat().st_ino == inode
    assert mode(mounted) == 0o600
    assert {each.name for each in mounted.parent.iterdir()} == {"tokens.json", "tokens.json.lock"}


def test_a_write_in_place_is_a_single_synced_write(
    mounted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []

    def fsync(handle: int) -> None:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            synced.append(mounted.read_bytes())

    before = mounted.read_bytes()
    monkeypatch.setattr(os, "fsync", fsync)
    FileTokenStore(mounted).save(OTHER)
    after = msgspec.json.encode(OTHER)
    assert len(after) < len(before)
    # First the unfinished file. Then, after one write, nothing is left of the longer old pair.
    assert synced == [before, after.ljust(len(before))]


def test_a_path_that_can_be_neither_replaced_nor_written_raises(tmp_path: Path) -> None:
    # A folder: root may write any file.
    path = tmp_path / "tokens.json"
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        FileTokenStore(path).save(PAIR)
    assert [each.name for each in tmp_path.iterdir()] == ["tokens.json"]


# --- what the lock proves before a token is spent -------------------------------------------------


@pytest.mark.parametrize(
    ("function", "stored"), [("replace", True), ("fsync", True), ("fsync", False)]
)
def test_the_lock_is_refused_if_no_pair_can_be_saved(
    path: Path, monkeypatch: pytest.MonkeyPatch, function: str, stored: bool
) -> None:
    store = FileTokenStore(path)
    if stored:
        store.save(PAIR)

    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, function, fail)
        with pytest.raises(OSError, match="No space left"), store.lock():
            pytest.fail("the lock was given")
    with store.lock():
        assert store.load() == (PAIR if stored else None)
    assert {each.name for each in path.parent.iterdir()} <= {"tokens.json", "tokens.json.lock"}


@pytest.mark.parametrize("stored", [True, False])
def test_the_lock_keeps_what_is_stored(path: Path, stored: bool) -> None:
    store = FileTokenStore(path)
    if stored:
        store.save(PAIR)
    with store.lock():
        assert store.load() == (PAIR if stored else None)


def test_a_folder_that_cannot_be_synced_or_listed_still_keeps_the_pair(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileTokenStore(path)
    real_open = os.open

    def no_folders(name: Any, flags: int, *more: Any, **named: Any) -> int:
        if os.path.isdir(name):
            raise PermissionError(errno.EACCES, "Permission denied", str(name))
        return real_open(name, flags, *more, **named)

    def not_listed(*arguments: Any) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", no_folders)
    monkeypatch.setattr(os, "scandir", not_listed)
    monkeypatch.setattr(os, "listdir", not_listed)
    with store.lock():
        store.save(PAIR)
    assert store.load() == PAIR


# --- locking --------------------------------------------------------------------------------------


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


def test_another_process_is_locked_out(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "_LOCK_TIMEOUT", 0.1)
    holding = python(
        """
with FileTokenStore(sys.argv[1]).lock():
    print("held", flush=True)
    sys.stdin.readline()
""",
        path,
    )
    assert holding.stdout is not None
    assert holding.stdout.readline() == "held\n"
    with pytest.raises(TimeoutError, match="another process holds"), FileTokenStore(path).lock():
        pass
    assert holding.communicate("go\n", timeout=20) == ("", "")
    with FileTokenStore(path).lock():
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
@pytest.mark.parametrize("forked_by", ["holder", "other thread"])
def test_a_forked_child_does_not_keep_the_lock(path: Path, forked_by: str) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows cannot fork")
    done = python(
        """
held, forked = threading.Event(), threading.Event()
reading, writing = os.pipe()

def fork():
    if os.fork() == 0:
        os.close(writing)
        os.read(reading, 1)  # until the parent ends
        os._exit(0)

def hold():
    with FileTokenStore(sys.argv[1]).lock():
        held.set()
        if sys.argv[2] == "holder":
            fork()
        else:
            forked.wait(10)

thread = threading.Thread(target=hold)
thread.start()
held.wait(10)
if sys.argv[2] != "holder":
    fork()
    forked.set()
thread.join()
tokens._LOCK_TIMEOUT = 1.0
with FileTokenStore(sys.argv[1]).lock():
    print("free", flush=True)
os._exit(0)
""",
        path,
        forked_by,
    )
    assert done.communicate(timeout=20) == ("free\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_forked_child_takes_the_lock_after_its_parent(path: Path) -> None:
    done = python(
        """
store = FileTokenStore(sys.argv[1])
held, forked = threading.Event(), threading.Event()

def hold():
    with store.lock():
        held.set()
        forked.wait(10)
        store.save(PAIR)

thread = threading.Thread(target=hold)
thread.start()
held.wait(10)
child = os.fork()
if child == 0:
    with store.lock():
        os._exit(0 if store.load() == PAIR else 1)
forked.set()
thread.join()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
        path,
    )
    assert done.communicate(timeout=20) == ("0\n", "")


def failing_locks(monkeypatch: pytest.MonkeyPatch, number: int, times: float) -> list[int]:
    """Have the system's locks fail so many times; return a list that grows with each try."""
    tries: list[int] = []

    if sys.platform == "win32":
        pytest.skip("Windows has other locks")

    def lock(file: object, operation: int) -> None:
        tries.append(operation)
        if len(tries) <= times:
            raise OSError(number, os.strerror(number))

    for function in ("flock", "lockf"):
        monkeypatch.setattr(fcntl, function, lock)
    return tries


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other errors")
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EIO])
def test_a_file_system_without_locks_is_an_error_at_once(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    tries = failing_locks(monkeypatch, number, times=math.inf)
    store = FileTokenStore(path)
    with pytest.raises(OSError, match="so it cannot be locked") as caught, store.lock():
        pass
    assert (caught.value.errno, caught.value.filename) == (number, f"{path}.lock")
    assert len(tries) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other errors")
@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES])
def test_a_lock_that_is_held_is_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    tries = failing_locks(monkeypatch, number, times=2)
    with FileTokenStore(path).lock():
        assert len(tries) == 3


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
