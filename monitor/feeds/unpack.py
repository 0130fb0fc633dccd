"""A body as it came over the wire becomes the document, within a limit."""

import zlib
from collections.abc import Callable

from monitor.errors import FetchError
from monitor.feeds.sanitize import clean

_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


def unpacker(encoding: str, limit: int) -> Callable[[bytes], bytes]:
    """A function that takes the body piece by piece, and b"" at its end, and gives the decoded pieces.

    `encoding` is the Content-Encoding (RFC 9110 section 8.4). At most `limit` decoded bytes come out in all: it
    inflates no further, so that 1 MB cannot become 1 GB. Raises FetchError.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return _within(limit, lambda piece, _: piece)
    if name not in _WINDOW_BITS:
        raise FetchError(f'the server packs its answer as "{clean(encoding)[:40]}", which nobody asked for')
    return _within(limit, _inflate(_WINDOW_BITS[name]))


def _within(limit: int, decode: Callable[[bytes, int], bytes]) -> Callable[[bytes], bytes]:
    left = limit

    def unpack(piece: bytes) -> bytes:
        nonlocal left
        out = decode(piece, left + 1)
        left -= len(out)
        if left < 0:
            raise FetchError(f"the feed is larger than {limit // 1000} KB ([fetch] max_bytes)")
        return out

    return unpack


def _inflate(window_bits: int) -> Callable[[bytes, int], bytes]:
    head, inflate = b"", None

    def decode(piece: bytes, most: int) -> bytes:
        nonlocal head, inflate
        is_end = not piece
        if inflate is None:
            head += piece
            if len(head) < 2 and not is_end:
                return b""
            inflate, piece = zlib.decompressobj(wbits=_bits(window_bits, head[:2])), head
        if inflate.eof:
            return b""  # browsers ignore what follows the end; zlib would keep it all, copied for each piece
        try:
            out = inflate.decompress(piece, most)
        except zlib.error:
            raise FetchError("the server's packed answer is broken") from None
        if is_end and not inflate.eof:
            raise FetchError("the server's packed answer ends too early")
        return out

    return decode


def _bits(window_bits: int, head: bytes) -> int:
    # Some servers send deflate without the head of its own that RFC 9110 section 8.4.1.2 asks for (RFC 1950: its
    # method is 8, and its two bytes are a multiple of 31).
    has_head = head[0:1] and head[0] & 15 == 8 and int.from_bytes(head, "big") % 31 == 0
    return -15 if window_bits == 15 and not has_head else window_bits
