"""Content codings: which bodies are read, and what they decode to however they are cut."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from enphase_streaming.core.encoding import Body, is_readable

PIECE = 65_536
EVENT = b'data:{"data":{"pv_power":30}}\n\n'


def raw_deflate(data: bytes) -> bytes:
    """Compress as some servers do for `deflate`, without the header and checksum of zlib."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def plain(data: bytes) -> bytes:
    return data


Compress = Callable[[bytes], bytes]
CODINGS: dict[str, tuple[str, Compress]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "upper case": (" GZip ", gzip.compress),
    "beside identity": ("identity, gzip", gzip.compress),
    "identity": ("identity", plain),
    "twice identity": ("identity, identity", plain),
    "none": ("none", plain),
    "utf-8": ("utf-8", plain),
    "empty": ("", plain),
}
codings = pytest.mark.parametrize(("coding", "compress"), CODINGS.values(), ids=CODINGS)


def pieces(coding: str | None, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what each chunk decodes to, piece by piece, as a window asks for it."""
    body = Body(coding)
    for chunk in chunks:
        yield body.feed(chunk)
        while rest := body.feed(b""):
            yield rest


def decode(coding: str | None, *chunks: bytes) -> bytes:
    return b"".join(pieces(coding, chunks))


@st.composite
def cuts(draw: st.DrawFn) -> list[float]:
    """Draw where a body is cut, as shares of its length."""
    return sorted(draw(st.lists(st.floats(0, 1), max_size=6)))


def cut(body: bytes, at: list[float]) -> list[bytes]:
    """Cut a body into chunks, of which some may be empty."""
    places = [round(len(body) * share) for share in at]
    return [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)]


data = st.binary(max_size=200) | st.integers(0, 5_000).map(lambda count: EVENT * count)


# Which bodies are read


@pytest.mark.parametrize(
    "coding", [None, *(coding for coding, _ in CODINGS.values()), "none, deflate", "sdch", ",,"]
)
def test_reads_plain_bodies_gzip_deflate_and_unknown_codings(coding: str | None) -> None:
    assert is_readable(coding)


@pytest.mark.parametrize(
    "coding",
    ["br", "BR", "zstd", "compress", "x-compress", "identity, br", "gzip, gzip", "deflate,gzip"],
)
def test_does_not_read_codings_in_use_that_it_cannot_decode(coding: str) -> None:
    assert not is_readable(coding)
    assert decode(coding, b"as it came") == b"as it came"


# What they decode to


@codings
@given(data=data, at=cuts())
@example(data=EVENT, at=[0.0])
@example(data=EVENT, at=[0.02])
@example(
    data=b"U", at=[]
)  # its raw form begins with two bytes that pass the check of zlib's header
def test_decodes_any_body_cut_anywhere(
    coding: str, compress: Compress, data: bytes, at: list[float]
) -> None:
    assert decode(coding, *cut(compress(data), at)) == data


@codings
def test_decodes_what_was_flushed_before_the_body_ends(coding: str, compress: Compress) -> None:
    if compress is plain:
        return
    wbits = {gzip.compress: 31, zlib.compress: 15, raw_deflate: -15}[compress]
    compressor, body = zlib.compressobj(wbits=wbits), Body(coding)
    for _ in range(3):
        chunk = compressor.compress(EVENT) + compressor.flush(zlib.Z_SYNC_FLUSH)
        assert body.feed(chunk) == EVENT


def test_names_gzip_and_zlib_either_way() -> None:
    assert decode("deflate", gzip.compress(EVENT)) == EVENT
    assert decode("gzip", zlib.compress(EVENT)) == EVENT


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@given(padding=st.sampled_from([b"garbage", bytes(8)]), at=cuts())
@example(padding=bytes(8), at=[])
@example(padding=bytes(100), at=[0.5])
def test_ignores_what_follows_the_end_of_the_body(
    coding: str, padding: bytes, at: list[float]
) -> None:
    body = CODINGS[coding][1](EVENT)
    assert decode(coding, *cut(body + padding, at)) == EVENT
    assert decode(coding, body, *cut(padding, at)) == EVENT


# Bombs


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw deflate"])
@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, 300 * PIECE])
def test_a_small_chunk_decodes_in_pieces_of_64_kib(coding: str, size: int) -> None:
    name, compress = CODINGS[coding]
    bomb = compress(bytes(size))
    sizes = [len(piece) for piece in pieces(name, [bomb])]
    assert max(sizes) <= PIECE
    assert sum(sizes) == size
    assert decode(name, *cut(bomb, [0.25, 0.5])) == bytes(size)


@given(data=st.integers(0, 3 * PIECE).map(bytes), at=cuts())
def test_no_piece_is_larger_than_64_kib(data: bytes, at: list[float]) -> None:
    chunks = cut(gzip.compress(data), at)
    assert all(len(piece) <= PIECE for piece in pieces("gzip", chunks))


def test_keeps_nothing_of_what_follows_the_end_of_the_body() -> None:
    body = Body("gzip")
    assert body.feed(gzip.compress(EVENT)) == EVENT
    assert body.feed(b"") == b""
    tracemalloc.start()
    try:
        for _ in range(100):
            assert body.feed(bytes(PIECE)) == b""
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * PIECE


# Damage


@codings
@given(data=data, share=st.floats(0, 1))
def test_a_truncated_body_decodes_to_the_start_of_it(
    coding: str, compress: Compress, data: bytes, share: float
) -> None:
    body = compress(data)
    assert data.startswith(decode(coding, body[: int(len(body) * share)]))


@given(st.sampled_from(["gzip", "deflate"]), st.lists(st.binary(max_size=60), max_size=4))
def test_any_bytes_decode_or_raise_zlib_error(coding: str, chunks: list[bytes]) -> None:
    try:
        decode(coding, *chunks)
    except zlib.error:
        return


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_two_bytes_that_begin_no_body_raise_zlib_error(coding: str) -> None:
    with pytest.raises(zlib.error):
        decode(coding, b"\x07\x00")


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_wrong_checksum_raises_zlib_error(coding: str) -> None:
    checked = 4 if coding == "deflate" else 8
    body = CODINGS[coding][1](EVENT)
    with pytest.raises(zlib.error):
        decode(coding, body[:-checked], bytes(checked))
