"""A pair of tokens, and the stores that keep it between runs.

An access token lives for a day, a refresh token for a month. Each refresh spends the refresh token
and brings a new one, so a pair that is lost before it is stored needs a new login.
"""

from __future__ import annotations

import glob
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec

from enphase_streaming.core import arguments
from enphase_streaming.errors import InvalidArgument
from enphase_streaming.tracebacks import hide_locals

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_LOCK_TIMEOUT = 60.0
_ABANDONED_AFTER = 60.0
"""Seconds after which an unfinished file is taken for one of a killed process."""


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
        """Return the pair, or None if none was saved."""
        ...

    def save(self, pair: TokenPair) -> None:
        """Store `pair` so that it survives a crash once this returns."""
        ...

    def lock(self) -> AbstractContextManager[object]:
        """Return a context manager that keeps other processes from refreshing."""
        ...


class MemoryTokenStore:
    """Keeps a pair until the process ends."""

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

    A save replaces the whole file or nothing. The lock is an advisory lock on a file beside it; the
    operating system releases it when the process ends.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

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
            # Not chained: the decoder's message may quote a token.
            raise InvalidArgument(
                f"The token file {self._path} is damaged. Remove it and log in again."
            ) from None

    def save(self, pair: TokenPair) -> None:
        """Replace the file. Raises `OSError`."""
        self._make_folder()
        self._remove_abandoned()
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(pair))
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        self._sync_folder()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock. Raises `OSError`, and `TimeoutError` after a minute of waiting."""
        self._make_folder()
        beside = self._path.with_name(self._path.name + ".lock")
        handle = os.open(beside, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            give_up = time.monotonic() + _LOCK_TIMEOUT
            while not _try_lock(handle):
                if time.monotonic() > give_up:
                    raise TimeoutError(f"another process holds {beside}")
                time.sleep(0.05)
            yield
        finally:
            os.close(handle)

    def _make_folder(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _remove_abandoned(self) -> None:
        # Left by a process that was killed while it saved. A recent one may be in use.
        for path in self._path.parent.glob(f".{glob.escape(self._path.name)}.*"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED_AFTER:
                    path.unlink()

    def _sync_folder(self) -> None:
        # Without it, a power failure may undo the rename.
        if sys.platform != "win32":
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _try_lock(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
