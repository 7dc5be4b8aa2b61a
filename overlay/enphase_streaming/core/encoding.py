"""Content codings of a response: which bodies can be read, and how they are decoded."""

from __future__ import annotations

import zlib

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_WINDOW_BITS = {"gzip": _GZIP_OR_ZLIB, "x-gzip": _GZIP_OR_ZLIB, "deflate": _GZIP_OR_ZLIB}
_UNREADABLE = {"br", "zstd", "compress", "x-compress"}
_PIECE = 65_536


def is_readable(content_encoding: str | None) -> bool:
    """Return whether a body can be read: codings that are in use and not decoded here cannot."""
    known = _codings(content_encoding)
    return len(known) <= 1 and _UNREADABLE.isdisjoint(known)


class Body:
    """Decodes a body piece by piece, so that a small chunk cannot fill the memory.

    Every request asks for `identity`. A server may still compress: gzip and deflate are decoded. An
    unknown coding (`none`, `utf-8`) is ignored, since such bodies are plain in practice.
    """

    def __init__(self, content_encoding: str | None) -> None:
        known = _codings(content_encoding) if is_readable(content_encoding) else []
        self._inflater = zlib.decompressobj(_WINDOW_BITS[known[0]]) if known else None
        self._may_be_raw = known == ["deflate"]
        self._held = b""
        self._has_more = False

    def feed(self, chunk: bytes) -> bytes:
        """Return what `chunk` decodes to, 64 KiB at most; `rest` returns more of it.

        Raises:
            zlib.error: if the bytes are not what the header says.
        """
        return chunk if self._inflater is None else self._inflate(self._held + chunk)

    def rest(self) -> bytes:
        """Return the next piece of the bytes fed so far, empty if there is none."""
        return self._inflate(self._held) if self._has_more else b""

    def _inflate(self, data: bytes) -> bytes:
        assert self._inflater is not None
        try:
            piece = self._inflater.decompress(data, _PIECE)
        except zlib.error:
            if not self._may_be_raw:
                raise
            # Some servers send deflate without zlib's header.
            self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
            piece = self._inflater.decompress(data, _PIECE)
        self._may_be_raw = False
        self._held = self._inflater.unconsumed_tail
        self._has_more = len(piece) == _PIECE
        return piece


def _codings(content_encoding: str | None) -> list[str]:
    named = [each.strip().lower() for each in (content_encoding or "").split(",")]
    return [each for each in named if each in _WINDOW_BITS or each in _UNREADABLE]
