"""Serve every fault on a loopback address of its own, and record what is asked."""

import asyncio
import gzip
import hashlib
import ssl
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import trustme

from tests.faults.fault import Fault, Played, Record, item, rss

NETWORK = "127.66.0.0/16"  # where feeds may be fetched
CANARY = "127.99.0.1"  # where nothing may connect to, nor to 127.0.0.1
_START = 10.0  # seconds


class Visit:
    """One request to a fault's server, and the means to answer it."""

    def __init__(
        self, stage: "Stage", place: int, record: Record, number: int, writer: asyncio.StreamWriter
    ) -> None:
        self.stage, self.place, self.record, self.number = stage, place, record, number
        self.writer = writer
        self.path = record.path

    def token(self, number: int) -> str:
        """Return what marks an entry of this fault, wherever it is shown."""
        return f"q{self.place:03}e{number}z"

    def title(self, number: int) -> str:
        # The number makes a story of its own of each, whatever else its title has in common with others.
        return f"AI no. {self.place * 10 + number} {self.token(number)}"

    def link(self, number: int) -> str:
        return f"https://example.org/{self.place}/{number}"

    def item(self, number: int, title: str = "", more: str = "") -> str:
        return item(title or self.title(number), link=self.link(number), guid=self.link(number), more=more)

    def rss(self, *numbers: int) -> str:
        return rss(*map(self.item, numbers))

    @property
    def base(self) -> str:
        return self.stage.base(self.place)

    @property
    def canary(self) -> str:
        """Return "host:port" that nobody may connect to."""
        return f"{CANARY}:{self.stage.canary_port}"

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(
        self,
        body: str | bytes = b"",
        status: str = "200 OK",
        *,
        content_type: str = "application/rss+xml",
        is_good: bool | None = None,
        pause: float = 0.0,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Answer as HTTP has it. One with status 200 or 304 is good: accepted, with its validators."""
        body = body.encode() if isinstance(body, str) else body
        self.record.status = int(status.split(" ")[0])
        self.record.is_good = self.record.status in (200, 304) if is_good is None else is_good
        self.record.pause = pause
        for name, value in headers:
            if name.lower() == "etag":
                self.record.etag = value
            if name.lower() == "last-modified":
                self.record.last_modified = value
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
        if content_type:
            lines.append(f"Content-Type: {content_type}")
        if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers):
            lines.append(f"Content-Length: {len(body)}")
        await self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    async def feed(self, document: str | bytes, *, content_type: str = "application/rss+xml") -> None:
        """Answer with a document, or with 304 where it is known."""
        body = document.encode() if isinstance(document, str) else document
        etag = f'"{hashlib.sha256(body).hexdigest()[:12]}"'
        if self.record.header("If-None-Match") == etag:
            await self.answer(b"", "304 Not Modified", content_type="", headers=[("ETag", etag)])
            return
        headers = [("ETag", etag)]
        if len(body) > 100_000 and "gzip" in (self.record.header("Accept-Encoding") or ""):
            body = gzip.compress(body, 1)
            headers.append(("Content-Encoding", "gzip"))
        await self.answer(body, content_type=content_type, headers=headers)

    async def hang(self) -> None:
        """Say nothing until the other side gives up."""
        await asyncio.Event().wait()


class Stage:
    """All servers, in a thread of their own, from entering the context to leaving it."""

    def __init__(self, faults: Sequence[Fault], folder: Path) -> None:
        self.played = [Played(fault) for fault in faults]
        self.canary_port = 0
        self.contacts: list[str] = []  # connections that should not have been
        self.ca_file = folder / "feeds-ca.pem"
        self._ports: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._contexts = _certificates(self.ca_file, {fault.tls for fault in faults}, self._hosts())
        self._thread = threading.Thread(target=self._run, name="faults", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._listening.wait(_START):
            raise TimeoutError("the servers did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def host(self, place: int) -> str:
        shared = self.played[place].fault.host
        first = next((n for n, p in enumerate(self.played) if shared and p.fault.host == shared), place)
        return f"127.66.{first // 250}.{first % 250 + 1}"

    def base(self, place: int) -> str:
        scheme = "https" if self.played[place].fault.tls else "http"
        return f"{scheme}://{self.host(place)}:{self._ports[self.host(place)]}"

    def url(self, place: int) -> str:
        return self.base(place) + self.played[place].fault.path

    def _hosts(self) -> list[str]:
        return [self.host(place) for place in range(len(self.played)) if self.played[place].fault.tls]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        servers: list[asyncio.Server] = []
        for place, played in enumerate(self.played):
            host = self.host(place)
            if host not in self._ports:
                server = await asyncio.start_server(
                    self._acceptor(host), host, 0, limit=2**20, ssl=self._contexts.get(played.fault.tls)
                )
                servers.append(server)
                self._ports[host] = server.sockets[0].getsockname()[1]
        canary = await asyncio.start_server(self._catch, CANARY, 0)
        self.canary_port = canary.sockets[0].getsockname()[1]
        servers += [canary, await asyncio.start_server(self._catch, "127.0.0.1", self.canary_port)]
        with suppress(OSError):  # a machine without IPv6
            servers.append(await asyncio.start_server(self._catch, "::1", self.canary_port))
        self._listening.set()
        await self._stop.wait()
        for server in servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _catch(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.contacts.append(str(writer.get_extra_info("sockname")))
        writer.close()

    def _acceptor(self, host: str) -> "_Accept":
        places = [place for place in range(len(self.played)) if self.host(place) == host]
        return _Accept(self, places)

    def keep(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Accept:
    """Take the connections of one address."""

    def __init__(self, stage: Stage, places: Sequence[int]) -> None:
        self._stage, self._places = stage, places
        self._counts: Counter[tuple[int, str]] = Counter()
        self._open = 0

    def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._stage.keep(asyncio.ensure_future(self._converse(reader, writer)))

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        for place in self._places:
            played = self._stage.played[place]
            played.most_open = max(played.most_open, self._open)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *lines = head.rstrip("\r\n").split("\r\n")
            pairs = [text.partition(":") for text in lines]
            record = Record(time.monotonic(), line, [(name, value.strip()) for name, _, value in pairs])
            place = self._place_of(record.path)
            self._stage.played[place].records.append(record)
            self._counts[place, record.path] += 1
            visit = Visit(self._stage, place, record, self._counts[place, record.path], writer)
            gone = asyncio.ensure_future(reader.read())  # for as long as somebody listens
            work = asyncio.ensure_future(self._stage.played[place].fault.respond(visit))
            try:
                await asyncio.wait([work, gone], return_when=asyncio.FIRST_COMPLETED)
            finally:
                gone.cancel()
                work.cancel()
                record.ended_at = time.monotonic()
                await asyncio.gather(work, gone, return_exceptions=True)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._open -= 1
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _place_of(self, path: str) -> int:
        paths = {self._stage.played[place].fault.path: place for place in self._places}
        return paths.get(path, self._places[0])


def _certificates(ca_file: Path, kinds: set[str], hosts: Sequence[str]) -> dict[str, ssl.SSLContext]:
    """Return a server context for each kind: "good", "expired", "another name", "unknown authority"."""
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    long_ago = datetime.now(UTC) - timedelta(days=9)
    contexts = {}
    for kind in kinds - {"", "mute"}:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        names = ["elsewhere.example.org"] if kind == "another name" else list(hosts)
        issuer = stranger if kind == "unknown authority" else authority
        certificate = issuer.issue_cert(*names, not_after=long_ago if kind == "expired" else None)
        certificate.configure_cert(context)
        contexts[kind] = context
    return contexts
