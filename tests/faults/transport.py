"""Faults of transport and size: answers that are no HTTP, never end, or are larger than they seem; TLS."""

import asyncio
import gzip
import socket
import struct
import zlib
from collections.abc import Callable
from functools import cache

from tests.faults.fault import MAX_BYTES, Respond, add, document, fault
from tests.faults.server import Visit

_KIND = "transport"


def _raw(data: bytes, *, then_closes: bool = True) -> Respond:
    async def respond(visit: Visit) -> None:
        await visit.send(data)
        if not then_closes:
            await visit.hang()

    return respond


def _http(head: str) -> Respond:
    """Answer with this head as it stands, {length} filled in, and a feed of one entry."""

    async def respond(visit: Visit) -> None:
        body = visit.rss(1).encode()
        await visit.send(head.replace("{length}", str(len(body))).encode("latin-1") + b"\r\n\r\n" + body)

    return respond


def _reset(visit: Visit) -> None:
    """Have the connection end by a reset, whenever it is closed."""
    sock = visit.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@fault(
    "control", "HTTP keep-alive is offered, then the connection is dropped after each answer", is_quick=True
)
async def _(visit: Visit) -> None:
    await visit.answer(visit.rss(1), headers=[("Connection", "keep-alive"), ("Keep-Alive", "timeout=60")])


@document("control", "a plain RSS 1.0 feed", is_quick=True)
def _(visit: Visit) -> str:
    link = visit.link(1)
    return (
        '<?xml version="1.0"?><rdf:RDF xmlns="http://purl.org/rss/1.0/"'
        ' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<channel rdf:about="https://example.org/"><title>x</title><link>https://example.org/</link></channel>'
        f'<item rdf:about="{link}"><title>{visit.title(1)}</title><link>{link}</link></item></rdf:RDF>'
    )


@document("control", "a plain Atom feed", content_type="application/atom+xml")
def _(visit: Visit) -> str:
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title><id>x</id><updated>2026-11-24T08:00:00Z</updated>'
        f'<entry><title>{visit.title(1)}</title><id>{visit.link(1)}</id><link href="{visit.link(1)}"/>'
        "<updated>2026-11-24T08:00:00Z</updated></entry></feed>"
    )


@document("control", "https with a certificate that is trusted", tls="good")
def _(visit: Visit) -> str:
    return visit.rss(1)


# --- no whole answer ------------------------------------------------------------------------------

add(_KIND, "an SSH banner", _raw(b"SSH-2.0-OpenSSH_9.9\r\n"), always_fails=True, is_quick=True)
add(_KIND, "an SSH banner, then silence", _raw(b"SSH-2.0-x\r\n", then_closes=False), always_fails=True)
add(_KIND, "hangs up without a word", _raw(b""), always_fails=True)
add(_KIND, "accepts and says nothing", _raw(b"", then_closes=False), always_fails=True)
add(_KIND, "a status line, then silence", _raw(b"HTTP/1.1 200 OK\r\n", then_closes=False), always_fails=True)
add(_KIND, "a megabyte of zeros", _raw(b"\0" * 1_000_000), always_fails=True)


@fault(_KIND, "HTTP/0.9: a feed without any head", always_fails=True)
async def _(visit: Visit) -> None:
    await visit.send(visit.rss(1).encode())


@fault(_KIND, "resets the connection", always_fails=True)
async def _(visit: Visit) -> None:
    _reset(visit)
    await visit.send(b"HTTP/1.1 200 OK\r\n")


@fault(_KIND, "hangs up in the middle of the body", always_fails=True)
async def _(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + visit.rss(1).encode())


@fault(_KIND, "headers that never end", always_fails=True)
async def _(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await visit.send(b"X-More: " + b"x" * 1000 + b"\r\n")
        await asyncio.sleep(0.005)


@fault(_KIND, "one header line that never ends", always_fails=True)
async def _(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        await visit.send(b"x" * 4000)
        await asyncio.sleep(0.005)


@fault(_KIND, "answers of 100 Continue without end", always_fails=True)
async def _(visit: Visit) -> None:
    while True:
        await visit.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await asyncio.sleep(0.01)


@fault(_KIND, "slow loris: one byte each 0.5 s", always_fails=True)
async def _(visit: Visit) -> None:
    for byte in b"HTTP/1.1 200 OK\r\n\r\n" + visit.rss(1).encode():
        await visit.send(bytes([byte]))
        await asyncio.sleep(0.5)


@fault(_KIND, "a body at one byte each 0.5 s", always_fails=True)
async def _(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        await visit.send(b" ")
        await asyncio.sleep(0.5)


@fault(_KIND, "an endless body", always_fails=True)
async def _(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\n\r\n<rss><channel>")
    while True:
        await visit.send(b"<item/>" * 10_000)
        await asyncio.sleep(0.001)


@fault(_KIND, "an endless chunked body", always_fails=True)
async def _(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await visit.send(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        await asyncio.sleep(0.001)


@fault(_KIND, "a body larger than the limit", always_fails=True)
async def _(visit: Visit) -> None:
    await visit.answer(visit.rss(1).encode() + b" " * MAX_BYTES)


# --- heads ----------------------------------------------------------------------------------------

_LETTERS = _http("HTTP/1.1 2OO OK\r\nContent-Length: {length}")
add(_KIND, "status line 'HTTP/1.1 2OO OK' (letters)", _LETTERS, always_fails=True, is_quick=True)
add(_KIND, "status 99", _http("HTTP/1.1 99 Odd\r\nContent-Length: {length}"), always_fails=True)
add(_KIND, "status 999", _http("HTTP/1.1 999 Denied\r\nContent-Length: {length}"), always_fails=True)
add(
    _KIND, "status 2000000000", _http("HTTP/1.1 2000000000 OK\r\nContent-Length: {length}"), always_fails=True
)
add(
    _KIND,
    "101 Switching Protocols",
    _http("HTTP/1.1 101 Up\r\nUpgrade: x\r\nConnection: upgrade"),
    always_fails=True,
)
add(_KIND, "no reason phrase", _http("HTTP/1.1 200\r\nContent-Length: {length}"))
add(_KIND, "HTTP/1.0 without a length", _http("HTTP/1.0 200 OK"))
add(_KIND, "an ICY status line", _http("ICY 200 OK\r\nContent-Length: {length}"), always_fails=True)
add(
    _KIND,
    "HTTP/2.0 in the status line",
    _http("HTTP/2.0 200 OK\r\nContent-Length: {length}"),
    delivers=frozenset(),
    may_deliver=frozenset({1}),
    fails=None,
)
add(
    _KIND,
    "100 Continue before",
    _http("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: {length}"),
)
add(
    _KIND,
    "103 Early Hints before",
    _http("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: {length}"),
)
_EITHER = {"delivers": frozenset(), "may_deliver": frozenset({1}), "fails": None}
add(
    _KIND,
    "a header line without a colon",
    _http("HTTP/1.1 200 OK\r\nodd\r\nContent-Length: {length}"),
    **_EITHER,
)
add(_KIND, "a folded header", _http("HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: {length}"), **_EITHER)
add(_KIND, "NUL in a header", _http("HTTP/1.1 200 OK\r\nX-A: \0\r\nContent-Length: {length}"), **_EITHER)
add(
    _KIND,
    "CR alone in a header",
    _http("HTTP/1.1 200 OK\r\nX-A: 1\rX-B: 2\r\nContent-Length: {length}"),
    **_EITHER,
)
add(
    _KIND,
    "bytes beyond ASCII in a header",
    _http("HTTP/1.1 200 OK\r\nX-A: \xff\xfe\r\nContent-Length: {length}"),
)
add(_KIND, "127 headers", _http("HTTP/1.1 200 OK\r\n" + "X-A: 1\r\n" * 120 + "Content-Length: {length}"))
add(
    _KIND,
    "5,000 headers",
    _http("HTTP/1.1 200 OK\r\n" + "X-A: 1\r\n" * 5000 + "Content-Length: {length}"),
    always_fails=True,
)
add(
    _KIND,
    "Content-Length and Transfer-Encoding",
    _http("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked"),
    always_fails=True,
    is_quick=True,
)
add(
    _KIND,
    "two lengths that differ",
    _http("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: {length}"),
    always_fails=True,
)
# As in browsers: the document goes to the end of the connection, and is refused where that breaks. To refuse it
# always would lose the entries of a feed that everybody else can read.
add(_KIND, "a length of -1", _http("HTTP/1.1 200 OK\r\nContent-Length: -1"))


@fault(_KIND, "a length of -1, and a reset in the body", always_fails=True)
async def _(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" + visit.rss(1).encode())
    await asyncio.sleep(0.1)  # until it was read: a reset discards what is under way
    _reset(visit)


add(_KIND, "a length of 10^30", _http("HTTP/1.1 200 OK\r\nContent-Length: 1" + "0" * 30), always_fails=True)
add(
    _KIND,
    "a length that cuts the document",
    _http("HTTP/1.1 200 OK\r\nContent-Length: 60"),
    delivers=frozenset(),
    fails=None,
)
add(
    _KIND,
    "a chunk size that is no number",
    _http("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz"),
    always_fails=True,
)
add(
    _KIND,
    "a chunk of 2^64 bytes",
    _http("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000"),
    always_fails=True,
)
add(
    _KIND,
    "chunks without a last one",
    _http("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff"),
    always_fails=True,
)
add(
    _KIND, "an unknown Transfer-Encoding", _http("HTTP/1.1 200 OK\r\nTransfer-Encoding: x-klingon"), **_EITHER
)


@fault(_KIND, "a chunk extension that never ends", always_fails=True)
async def _(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;")
    while True:
        await visit.send(b"x" * 10_000)
        await asyncio.sleep(0.001)


@fault(_KIND, "a cookie in the trailer of a chunked body")
async def _(visit: Visit) -> None:
    body = visit.rss(1).encode()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Set-Cookie\r\n\r\n"
    await visit.send(head + b"%x\r\n%b\r\n0\r\nSet-Cookie: a=1\r\n\r\n" % (len(body), body))


@fault(_KIND, "a second answer behind the first")
async def _(visit: Visit) -> None:
    await visit.answer(visit.rss(1))
    await visit.answer(visit.rss(2), is_good=True)


@fault(_KIND, "an ETag of 60 KB")
async def _(visit: Visit) -> None:
    await visit.answer(visit.rss(1), headers=[("ETag", f'"{"e" * 60_000}"')])


@fault(_KIND, "a reason phrase of 60 KB", always_fails=True)
async def _(visit: Visit) -> None:
    await visit.answer(b"", "500 " + "no " * 20_000)


@fault(_KIND, "https without a length that ends without a farewell", tls="good")
async def _(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\n\r\n" + visit.rss(1).encode())
    await asyncio.sleep(0.1)  # until it was read
    visit.writer.transport.abort()


# --- packed ---------------------------------------------------------------------------------------


def _packed(coding: str, pack: Callable[[bytes], bytes]) -> Respond:
    async def respond(visit: Visit) -> None:
        await visit.answer(pack(visit.rss(1).encode()), headers=[("Content-Encoding", coding)])

    return respond


@cache
def make_bomb() -> bytes:
    """Return about 1 MB that inflates to 1 GB; that takes seconds, the first time."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = b" " * 1_000_000
    return packer.compress(b"<rss>") + b"".join(packer.compress(zeros) for _ in range(1000)) + packer.flush()


add(_KIND, "gzip", _packed("gzip", gzip.compress), is_quick=True)
add(_KIND, "x-gzip", _packed("x-gzip", gzip.compress))
add(_KIND, "deflate with its head", _packed("deflate", zlib.compress))
add(_KIND, "deflate without its head", _packed("deflate", lambda body: zlib.compress(body)[2:-4]))
add(
    _KIND,
    "1 MB of gzip that inflates to 1 GB",
    _packed("gzip", lambda _body: make_bomb()),
    always_fails=True,
    is_quick=True,
)
add(
    _KIND,
    "the bomb packed once more",
    _packed("gzip, gzip", lambda _body: gzip.compress(make_bomb())),
    always_fails=True,
)
add(_KIND, "gzip thirty times", _packed(", ".join(["gzip"] * 30), gzip.compress), always_fails=True)
add(_KIND, "gzip that is cut off", _packed("gzip", lambda body: gzip.compress(body)[:-20]), **_EITHER)
add(
    _KIND,
    "gzip with a wrong checksum",
    _packed("gzip", lambda body: gzip.compress(body)[:-8] + b"\0" * 8),
    **_EITHER,
)
add(
    _KIND,
    "gzip in two members",
    _packed("gzip", lambda body: gzip.compress(body[:50]) + gzip.compress(body[50:])),
)
add(_KIND, "gzip with rubbish behind it", _packed("gzip", lambda body: gzip.compress(body) + b"\0rubbish"))
add(_KIND, "said to be gzip, and is not", _packed("gzip", lambda body: body), **_EITHER)
add(_KIND, "gzip that nobody mentions", _packed("identity", gzip.compress), **_EITHER)
add(
    _KIND,
    "brotli, which was not asked for",
    _packed("br", lambda body: b"\x0b\x02\x80" + body),
    always_fails=True,
)
add(_KIND, "an unknown coding", _packed("x-klingon", lambda body: body), **_EITHER)

# --- TLS ------------------------------------------------------------------------------------------

for _tls in ("unknown authority", "expired", "another name"):

    @document(_KIND, f"https with a certificate: {_tls}", always_fails=True, tls=_tls)
    def _(visit: Visit) -> str:
        return visit.rss(1)


add(
    _KIND,
    "https that never answers the handshake",
    _raw(b"", then_closes=False),
    always_fails=True,
    tls="mute",
)
