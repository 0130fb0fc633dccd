"""Run a web server that answers with any bytes, well-formed or not, and records the requests."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Responder = Callable[["Request"], bytes | None]  # None: the server never answers
Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    line: str
    headers: dict[str, str]  # names in lower case

    @property
    def path(self) -> str:
        return self.line.split(" ")[1]


@dataclass
class Web:
    """A server on a loopback address; `respond` makes the answer to each request."""

    respond: Responder
    host: str = "127.0.0.1"
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0  # with or without a request
    open: int = 0  # connections at this moment
    most_open: int = 0

    def url(self, path: str = "/", scheme: str = "http") -> str:
        return f"{scheme}://{self.host}:{self.port}{path}"

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *lines = head.rstrip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (text.partition(": ") for text in lines)}
            self.requests.append(Request(line, headers))
            answer = self.respond(self.requests[-1])
            if answer is None:
                await reader.read()  # until the other side gives up
            else:
                writer.write(answer)
                await writer.drain()
        finally:
            self.open -= 1


@asynccontextmanager
async def serve(
    respond: Responder, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Web]:
    """Run a server until the context is left."""
    web = Web(respond, host)
    async with listen(web.converse, host=host, tls=tls) as web.port:
        yield web


@asynccontextmanager
async def listen(
    converse: Conversation, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Listen on a port, which is yielded, with a conversation for each connection, until the context is left."""
    open_: list[tuple[asyncio.StreamWriter, asyncio.Task[None]]] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_.append((writer, asyncio.ensure_future(_until_lost(converse, reader, writer))))

    server = await asyncio.start_server(accept, host, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer, task in open_:
            task.cancel()
            writer.close()
        await asyncio.gather(*(task for _, task in open_), return_exceptions=True)
        await asyncio.gather(*(writer.wait_closed() for writer, _ in open_), return_exceptions=True)


async def _until_lost(
    converse: Conversation, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        await converse(reader, writer)
    writer.close()


def close_by_reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with a TCP reset in place of its end, once what was written is sent."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


def ok(body: bytes = b"<rss/>", status: str = "200 OK", **headers: str) -> bytes:
    """Return an answer with a body and its length; underscores in the names of headers stand for hyphens."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines])
    encoding = "latin-1" if head.isascii() or max(head) < "\u0100" else "utf-8"
    return head.encode(encoding) + b"\r\n\r\n" + body


def redirect(location: str, **headers: str) -> bytes:
    """Return an answer that redirects, with other headers."""
    return ok(b"", status="302 Elsewhere", Location=location, **headers)


def redirects(*locations: str, status: int = 302) -> Responder:
    """Return a responder that redirects path /n to the n-th location, and has a feed anywhere else."""

    def respond(request: Request) -> bytes:
        number = request.path[1:]
        if number.isdecimal() and int(number) < len(locations):
            return ok(b"", status=f"{status} Elsewhere", Location=locations[int(number)])
        return ok()

    return respond
