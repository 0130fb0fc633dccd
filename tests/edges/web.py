"""A web server that sends whatever bytes it is told to, and notes what it was asked."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Answer = bytes | None  # None: the server never answers
Say = Callable[["Request"], Answer]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


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
    """Listens on a loopback address; `say` makes the answer to each request."""

    say: Say
    host: str = "127.0.0.1"
    port: int = 0
    asked: list[Request] = field(default_factory=list)
    contacts: int = 0  # connections, whatever came of them
    most_at_once: int = 0
    at_once: int = 0

    def url(self, path: str = "/", scheme: str = "http") -> str:
        return f"{scheme}://{self.host}:{self.port}{path}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.contacts += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *lines = head.rstrip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (text.partition(": ") for text in lines)}
            self.asked.append(Request(line, headers))
            answer = self.say(self.asked[-1])
            if answer is None:
                await reader.read()  # until the other side gives up
            else:
                writer.write(answer)
                await writer.drain()
        finally:
            self.at_once -= 1


@asynccontextmanager
async def serve(
    say: Say, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Web]:
    """The server, between `with` and its end."""
    web = Web(say, host)
    async with listen(web.talk, host=host, tls=tls) as web.port:
        yield web


@asynccontextmanager
async def listen(
    talk: Talk, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A port where every connection is a `talk`; all of them are ended at the end."""
    open_: list[tuple[asyncio.StreamWriter, asyncio.Task[None]]] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_.append((writer, asyncio.ensure_future(_until_lost(talk, reader, writer))))

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


async def _until_lost(talk: Talk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        await talk(reader, writer)
    writer.close()


def ok(body: bytes = b"<rss/>", status: str = "200 OK", **headers: str) -> bytes:
    """An answer with a body and its length; underscores in names of headers are hyphens."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines])
    return head.encode("latin-1") + b"\r\n\r\n" + body


def redirects(*locations: str, status: int = 302) -> Say:
    """Path /n is sent to the n-th location; anything else is a feed."""

    def say(request: Request) -> bytes:
        number = request.path[1:]
        if number.isdecimal() and int(number) < len(locations):
            return ok(b"", status=f"{status} Elsewhere", Location=locations[int(number)])
        return ok()

    return say
