"""A body as it came over the wire becomes the document, within a limit."""

import zlib
from collections.abc import Callable

from monitor.errors import FetchError


def unpacker(encoding: str, limit: int) -> Callable[[bytes], bytes]:
    """A function that takes the body piece by piece, and b"" at its end, and gives the decoded pieces.

    `encoding` is the Content-Encoding (RFC 9110 section 8.4). At most `limit` decoded bytes come out in all: it
    inflates no further, so that 1 MB cannot become 1 GB. Raises FetchError.
    """
    left = limit
    name = encoding.strip().lower()
    if name not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise FetchError(f'the server packs its answer as "{encoding[:40]}", which nobody asked for')
    inflate = None if name in ("", "identity") else zlib.decompressobj(wbits=47)

    def unpack(piece: bytes) -> bytes:
        nonlocal left, inflate
        if inflate is None:
            out = piece
        else:
            try:
                out = inflate.decompress(piece, left + 1)
            except zlib.error:
                if name != "deflate" or left != limit:
                    raise FetchError("the server's packed answer is broken") from None
                inflate = zlib.decompressobj(wbits=-15)  # some servers send deflate without its zlib head
                out = inflate.decompress(piece, left + 1)
        left -= len(out)
        if left < 0:
            raise FetchError(f"the feed is larger than {limit // 1000} KB ([fetch] max_bytes)")
        if not piece and inflate is not None and not inflate.eof:
            raise FetchError("the server's packed answer ends too early")
        return out

    return unpack
