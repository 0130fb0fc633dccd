"""Receive answers of HTTP: with mended heads, no longer than they say, and whole unless the connection was broken."""

import asyncio
import re
import ssl
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from monitor.feeds.head import body_length, mended, status_of

if TYPE_CHECKING:
    from aiohttp_socks import ProxyConnector

CHUNK = 32 * 1024  # bytes that are taken at a time
_HTTP = b"HTTP/"  # with which an answer begins
_LONGEST_HEAD = 128 * 1024  # bytes; what is longer is aiohttp's to refuse
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


class Connector(aiohttp.TCPConnector):
    """Connects to a server, or to an HTTP proxy."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = partial(_mending, loop=self._loop)


@cache
def socks_connector() -> "type[ProxyConnector]":
    """Return the class that connects to a server by a SOCKS proxy."""
    from aiohttp_socks import ProxyConnector  # 10 ms for whoever has no SOCKS proxy

    class SocksConnector(ProxyConnector):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._factory = partial(_mending, loop=self._loop)

    return SocksConnector


def _mending(loop: asyncio.AbstractEventLoop) -> ResponseHandler:
    return _MendingHandler(loop)


class _MendingHandler(ResponseHandler):
    """The receiving side of a connection: mends the head of the answer, and reads no more than its length says."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._head: bytes | None = b""  # None: it is complete
        self._left: int | None = None  # bytes of the body that are to come; None: until the end

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take less at a time than 256 kB, as asyncio does: there may be hundreds of connections."""
        if hasattr(transport, "max_size"):
            transport.max_size = CHUNK
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Take a piece of the answer; more of a body than its length says, counted in characters, is left out."""
        if self._parser is None or not data:
            super().data_received(data)
            return
        if self._head is not None:
            data = self._mended(self._head + data)
        elif self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        if not data:
            return
        super().data_received(data)
        error = self.exception()
        if error is not None and self._payload is not None:
            # aiohttp tells this to who waits for the head, and who reads the body waits for ever.
            self._payload.set_exception(aiohttp.ClientPayloadError(str(error)))

    def connection_lost(self, exc: BaseException | None) -> None:
        """Take a head that has no end for what it is; a body is whole only if the connection was not broken."""
        if self._head and self._parser is not None:
            super().data_received(self._head)
        # Where there is no length, aiohttp takes a broken connection for the end of the body. Many servers end TLS
        # without a farewell, and that is no break.
        is_broken = exc is not None and not isinstance(exc, ssl.SSLError)
        if is_broken and self._payload is not None and not self._payload.is_eof():
            self._payload.set_exception(aiohttp.ClientPayloadError(f"the connection broke: {exc}"))
        super().connection_lost(exc)

    def _mended(self, received: bytes) -> bytes:
        """Return the head mended, with what of the body has come; b"" while the head has no end."""
        heads = b""
        while True:
            received = received.lstrip(b"\r\n")
            if not received.startswith(_HTTP[: len(received)]) or len(received) > _LONGEST_HEAD:
                self._head = None
                return heads + received
            end = _END_OF_HEAD.search(received)
            if end is None:
                self._head = received
                return heads
            head, received = mended(received[: end.end()]), received[end.end() :]
            heads += head
            if not 100 <= status_of(head) < 200:  # the head of the answer itself follows an interim one
                break
        self._head, self._left = None, body_length(head)
        if self._left is not None:
            received = received[: self._left]
            self._left -= len(received)
        return heads + received
