"""A token that is never renewed; a pair of tokens, and the stores that keep it between runs.

An access token lives for a day, a refresh token for a month. Each refresh spends the refresh token
and brings a new one, so a pair that is lost before it is stored needs a new login.
"""

from __future__ import annotations

import errno
import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

import msgspec

from enphase_streaming.core import arguments
from enphase_streaming.errors import InvalidArgument, LoginRequired
from enphase_streaming.secrets import hide_locals

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_LOCK_TIMEOUT = 60.0
_BLOCK = 4096
"""Bytes of free space to look for: more than a pair needs."""
_IRREPLACEABLE = (errno.EBUSY, errno.EACCES, errno.EPERM)
"""Errors of a file that can be written but not replaced: a mount point, or open on Windows."""


class StaticAuth:
    """A single access token that cannot be renewed.

    Args:
        access_token: the token from the OAuth login of the site's owner; it lasts for a day.
    """

    can_refresh = False

    @hide_locals
    def __init__(self, access_token: str | None) -> None:
        self._token = arguments.secret(
            "access_token",
            access_token,
            "It comes from the OAuth login of the site's owner and lives for a day; auth= takes "
            "a RefreshingAuth that renews it.",
        )

    def current(self, now: datetime) -> str | None:
        """Return the token, expired or not."""
        return self._token

    def renew(self, stale: str | None, *, token_url: str, now: datetime) -> str:
        """Raise `LoginRequired`: renewal needs a refresh token."""
        raise LoginRequired("An access token alone cannot be renewed: log in again.")

    def secrets(self) -> tuple[str, ...]:
        """Return the token."""
        return (self._token,)


class TokenPair(msgspec.Struct, frozen=True, kw_only=True):
    """An access token, and the refresh token that brings the next pair.

    Args:
        access_token: printable ASCII without spaces.
        refresh_token: the same, or empty.
        expires_at: when the access token expires, in seconds since 1970.
        renew_at: when to renew it, in seconds since 1970.

    Raises:
        InvalidArgument: a token is malformed, or a time is not finite.
    """

    access_token: str
    refresh_token: str
    expires_at: float
    renew_at: float

    @hide_locals
    def __post_init__(self) -> None:
        arguments.secret("access_token", self.access_token, "")
        if self.refresh_token:
            arguments.secret("refresh_token", self.refresh_token, "")
        if not (math.isfinite(self.expires_at) and math.isfinite(self.renew_at)):
            raise InvalidArgument("expires_at and renew_at must be finite.")

    def __repr__(self) -> str:
        return f"TokenPair(expires_at={self.expires_at})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("expires_at", self.expires_at)]


class TokenStore(Protocol):
    """Keeps one pair. Methods may block: none is called in the thread of an event loop."""

    def load(self) -> TokenPair | None:
        """Return the pair, or None if none was saved. Called with and without the lock."""
        ...

    def save(self, pair: TokenPair) -> None:
        """Store `pair` so that it survives a crash once this returns."""
        ...

    def lock(self) -> AbstractContextManager[object]:
        """Return a context manager that keeps other processes from refreshing.

        Entering it should raise `OSError` if `save` is bound to fail: the refresh token that is
        spent inside would be lost.
        """
        ...


class MemoryTokenStore:
    """Keeps a pair until the process ends, for a single `RefreshingAuth`."""

    def __init__(self, pair: TokenPair | None = None) -> None:
        self._pair = pair

    def load(self) -> TokenPair | None:
        """Return the pair."""
        return self._pair

    def save(self, pair: TokenPair) -> None:
        """Store the pair."""
        self._pair = pair

    def lock(self) -> AbstractContextManager[object]:
        """Lock nothing: no other process sees this memory."""
        return nullcontext()


class FileTokenStore:
    """Keeps a pair in a file that only its owner can read.

    A save replaces the whole file or nothing. A file that cannot be replaced, such as one that is
    mounted into a container, is written in place. The operating system's lock on `PATH.lock` keeps
    other processes out; it is released when its process ends.

    Args:
        path: the file. `~` is expanded and symbolic links are followed, once.

    Raises:
        InvalidArgument: the path cannot be resolved.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            self._path = Path(path).expanduser().resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise InvalidArgument(f"path must lead to a file: {error}.") from error

    def __repr__(self) -> str:
        return f"FileTokenStore({str(self._path)!r})"

    def load(self) -> TokenPair | None:
        """Return the pair, or None if there is no file.

        Raises:
            InvalidArgument: the file is damaged or cannot be read.
        """
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=TokenPair)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InvalidArgument(
                f"The token file {self._path} cannot be read: {error.strerror}."
            ) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # The decoder's message may quote a token: raise outside, without context.
        raise InvalidArgument(
            f"The token file {self._path} is damaged. Remove it and log in again."
        )

    @hide_locals
    def save(self, pair: TokenPair) -> None:
        """Write the file. Raises `OSError`."""
        self._make_folder()
        self._write(msgspec.json.encode(pair))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock, once it is certain that a pair can be saved.

        Raises:
            TimeoutError: the lock was held elsewhere for a minute.
            OSError: the file cannot be written, or its file system has no locks.
        """
        self._make_folder()
        path = self._path.with_name(self._path.name + ".lock")
        deadline = time.monotonic() + _LOCK_TIMEOUT
        # The process owns the file's lock, and a forked child does not inherit it. Threads need one
        # more, by process id: a child must not wait for the threads of its parent.
        own = _thread_locks.setdefault((os.getpid(), self._path), threading.Lock())
        if not own.acquire(timeout=_LOCK_TIMEOUT):
            raise TimeoutError(f"another thread holds {path}")
        try:
            with open(path, "r+b", buffering=0, opener=_create_private) as file:
                while not _try_lock(file):
                    if time.monotonic() > deadline:
                        raise TimeoutError(f"another process holds {path}")
                    time.sleep(0.05)
                self._prove_writable()
                yield
        finally:
            own.release()

    def _make_folder(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    @hide_locals
    def _prove_writable(self) -> None:
        # Only writing proves it: permissions, mounts and free space all have a say.
        if self._path.exists():
            self._write(self._path.read_bytes())
        else:
            self._write(bytes(_BLOCK), replace=False)

    def _write(self, data: bytes, *, replace: bool = True) -> None:
        # A process that is killed meanwhile leaves this file behind, as private as the other.
        handle, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                self._replace(name, data)
        finally:
            Path(name).unlink(missing_ok=True)
        self._sync_folder()

    def _replace(self, name: str, data: bytes) -> None:
        try:
            os.replace(name, self._path)
            return
        except OSError as error:
            if error.errno not in _IRREPLACEABLE:
                raise
        with suppress(PermissionError):  # a mounted file may belong to another user
            self._path.chmod(0o600)
        with open(self._path, "r+b", buffering=0) as file:
            # A single write that covers the old content: a process killed meanwhile leaves one
            # pair or the other. JSON may end with spaces.
            data = data.ljust(os.fstat(file.fileno()).st_size)
            if file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
            os.fsync(file.fileno())

    def _sync_folder(self) -> None:
        # Without it a power failure may undo the rename. Not every folder can be opened and synced,
        # and the pair is stored all the same.
        with suppress(OSError):
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


_thread_locks: dict[tuple[int, Path], threading.Lock] = {}


def _create_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o600)


def _try_lock(file: FileIO) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # EAGAIN, EACCES: another process holds it
        return False
    except OSError as error:
        raise OSError(
            error.errno, f"{error.strerror}, so it cannot be locked", file.name
        ) from error
    return True
