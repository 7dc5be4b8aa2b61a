"""Content codings of a response: which bodies can be read, and how they are decoded."""

from __future__ import annotations

import zlib

_GZIP = b"\x1f\x8b"
_CODINGS = {"gzip", "x-gzip", "deflate"}
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
        self._coding = known[0] if known else None
        self._inflater: zlib._Decompress | None = None
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Return what `chunk` decodes to, 64 KiB at most; feed nothing to get more of it.

        Raises:
            zlib.error: if the bytes are not what the header says.
        """
        if self._coding is None:
            return chunk
        self._held += chunk
        if self._inflater is None:
            if len(self._held) < 2:  # the bytes that show the header
                return b""
            self._inflater = zlib.decompressobj(self._window_bits(self._held))
        piece = b"" if self._inflater.eof else self._inflater.decompress(self._held, _PIECE)
        self._held = self._inflater.unconsumed_tail
        return piece

    def _window_bits(self, start: bytes) -> int:
        is_zlib = start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0
        if self._coding == "deflate" and not is_zlib and start[:2] != _GZIP:
            return -zlib.MAX_WBITS  # some servers send deflate without zlib's header
        return 32 + zlib.MAX_WBITS  # zlib tells gzip from its own header


def _codings(content_encoding: str | None) -> list[str]:
    named = [each.strip().lower() for each in (content_encoding or "").split(",")]
    return [each for each in named if each in _CODINGS or each in _UNREADABLE]
