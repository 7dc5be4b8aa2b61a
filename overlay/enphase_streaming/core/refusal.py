"""When no event stream comes: no response, an error status, or a 200 of another kind."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import NoReturn

from enphase_streaming.core.answers import error_from_answer
from enphase_streaming.errors import ConnectionFailed, NotAnEventStream
from enphase_streaming.core.exchange import Exchange, Head
from enphase_streaming.secrets import causes, mask_causes

_EVENT_STREAM = "text/event-stream"
_BODY_BYTES = 65_536
_BODY_SECONDS = 5.0


def is_event_stream(head: Head) -> bool:
    """Return whether a 200 can be read as an event stream; one without a type can."""
    kind = (head.content_type or _EVENT_STREAM).split(";")[0].strip().lower()
    return kind == _EVENT_STREAM and head.content_encoding in (None, "", "identity")


async def refused(
    head: Head, at: float, exchange: Exchange, mask: Callable[[str], str]
) -> NoReturn:
    """Read the body of an answer that is no event stream, and raise what it means.

    64 KiB and 5 s at most; a body that breaks off or never ends explains what it can.
    """
    body = bytearray()
    deadline = at + _BODY_SECONDS
    while True:
        what = await exchange.receive(deadline)
        if not isinstance(what, bytes):
            break
        body += what
        if len(body) >= _BODY_BYTES or exchange.monotonic() >= deadline:
            break
    del body[_BODY_BYTES:]
    if head.status_code != 200:
        raise error_from_answer(
            head.status_code,
            bytes(body),
            now=exchange.now(),
            retry_after=head.retry_after,
            mask=mask,
        )
    start = mask(body.decode(errors="replace"))[:200]
    kind = head.content_type or "no content type"
    if head.content_encoding:
        kind += f" encoded as {head.content_encoding}"
    raise NotAnEventStream(
        f"The API answered 200 with {mask(kind)}, which is no event stream. "
        f"It starts {start!r}",
        body=start,
    )


def connection_failed(
    error: Exception, host: str, mask: Callable[[str], str] = str
) -> ConnectionFailed:
    """Return what to raise when no response came; `error` is masked as well."""
    mask_causes(error, mask)
    untrusted = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes(error))
    return ConnectionFailed(f"No response from {host}: {named(error)}", untrusted=untrusted)


def named(error: Exception) -> str:
    """Return an exception's type and text on one line."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
