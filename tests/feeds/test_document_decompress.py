import gzip
import zlib

import brotli
import pytest

from monitor.errors import FetchError
from monitor.feeds.document import decompressor

TEXT = "<人工智能>".encode() * 1000


def decompressed(packed: bytes, encoding: str, limit: int = 1_000_000, piece: int = 7) -> bytes:
    function = decompressor(encoding, limit)
    pieces = [packed[at : at + piece] for at in range(0, len(packed), piece)]
    return b"".join([*map(function, pieces), function(b"")])


def raw_deflate(text: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(text) + packer.flush()


@pytest.mark.parametrize("piece", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (TEXT, ""),
        (TEXT, "identity"),
        (gzip.compress(TEXT, mtime=0), "gzip"),
        (gzip.compress(TEXT, mtime=0), " X-GZIP "),
        (zlib.compress(TEXT), "deflate"),
        (zlib.compress(TEXT, wbits=9), "deflate"),
        (raw_deflate(TEXT), "deflate"),
        (b"", ""),
        (gzip.compress(TEXT, mtime=0), ""),
        (gzip.compress(TEXT, mtime=0), "none"),
        (gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0), "gzip"),
        (gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0), "gzip, gzip"),
        (gzip.compress(TEXT[:700], mtime=0) + gzip.compress(TEXT[700:], mtime=0), "gzip"),
        (gzip.compress(TEXT[:700], mtime=0) + gzip.compress(TEXT[700:], mtime=0) + b"\n\0\0\0", ""),
        (gzip.compress(zlib.compress(TEXT), mtime=0), "deflate, gzip"),
        (gzip.compress(TEXT, mtime=0), "gzip, deflate"),
        (gzip.compress(TEXT, mtime=0), "deflate"),
        (brotli.compress(TEXT), "br"),
        (gzip.compress(brotli.compress(TEXT), mtime=0), "br, gzip"),
        *(
            (TEXT, name)
            for name in (
                "None",
                "UTF-8",
                "utf8",
                "gb2312",
                "8bit",
                "text/xml; charset=utf-8",
                "identity, utf-8",
            )
        ),
    ],
)
def test_what_was_packed_comes_out_piece_by_piece(packed: bytes, encoding: str, piece: int) -> None:
    assert decompressed(packed, encoding, piece=piece) == TEXT * bool(packed)


@pytest.mark.parametrize("encoding", ["zstd", "gzip, br, gzip", ", ".join(["gzip"] * 30), "compress"])
def test_a_packing_nobody_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(FetchError, match="was not requested"):
        decompressor(encoding, 100)


@pytest.mark.parametrize(("packed", "encoding"), [(TEXT, ""), (gzip.compress(TEXT, mtime=0), "gzip")])
def test_a_body_may_be_as_large_as_the_limit_and_no_larger(packed: bytes, encoding: str) -> None:
    assert decompressed(packed, encoding, limit=len(TEXT)) == TEXT
    with pytest.raises(FetchError, match="larger than 13 KB"):
        decompressed(packed, encoding, limit=len(TEXT) - 1)


def test_a_bomb_is_stopped_at_the_limit() -> None:
    function = decompressor("gzip", 1_000_000)
    with pytest.raises(FetchError, match="larger than 1000 KB"):
        function(gzip.compress(bytes(200_000_000), compresslevel=1))


@pytest.mark.timeout(10)
def test_what_follows_the_end_of_a_packed_body_costs_nothing() -> None:
    function = decompressor("gzip", 1_000_000)
    assert function(gzip.compress(TEXT) + b"\n") == TEXT
    rest = bytes(64 * 1024)
    for _ in range(1000):
        assert function(rest) == b""
    assert function(b"") == b""


@pytest.mark.parametrize(
    ("packed", "encoding", "what"),
    [
        (b"\x1f\x8b\x08<rss/>", "gzip", "broken"),
        (b"rss", "gzip", "broken"),
        (b"\xff" * 50, "br", "broken"),
        (brotli.compress(TEXT)[:-3], "br", "too early"),
        (gzip.compress(TEXT, mtime=0)[:-40], "gzip", "too early"),
        (gzip.compress(TEXT, mtime=0)[:40] + b"\xff" * 500, "gzip", "broken"),
        (b"", "gzip", "too early"),
        (b"\x1f", "gzip", "too early"),
        (b"", "deflate", "too early"),
        (b"\xff" * 50, "deflate", "broken"),
    ],
)
def test_a_packed_body_that_is_broken_is_an_error(packed: bytes, encoding: str, what: str) -> None:
    with pytest.raises(FetchError, match=what):
        decompressed(packed, encoding)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_what_is_not_compressed_at_all_is_read_as_it_is(encoding: str) -> None:
    assert decompressed(b"<rss/>", encoding) == b"<rss/>"


def test_a_bomb_in_brotli_or_in_two_codings_is_stopped_at_the_limit() -> None:
    for packed, encoding in (
        (brotli.compress(bytes(50_000_000)), "br"),
        (gzip.compress(gzip.compress(bytes(50_000_000))), "gzip, gzip"),
    ):
        function = decompressor(encoding, 1_000_000)
        with pytest.raises(FetchError, match="larger than 1000 KB"):
            function(packed)


@pytest.mark.timeout(10)
def test_of_a_body_in_very_many_parts_the_first_thousand_are_read() -> None:
    assert decompressed(gzip.compress(b"a", mtime=0) * 20_000, "gzip", piece=65536) == b"a" * 1000
