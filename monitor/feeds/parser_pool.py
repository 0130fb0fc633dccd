"""Parse documents in processes of their own, which are killed and replaced where a document keeps one busy for long."""

import asyncio
import contextlib
import pickle
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from importlib.metadata import version
from typing import Protocol, Self

from monitor import __version__
from monitor.config.options import Feed
from monitor.errors import ParseError
from monitor.feeds.body import Body
from monitor.feeds.parser_messages import LENGTH, Result, Task
from monitor.feeds.quick import parse_plain
from monitor.model.feeds import ParsedFeed
from monitor.reasons import reason_of
from monitor.texts import sentence

READS = f"{__version__} {version('feedparser')}"  # another one may read the same document in another way

_DEADLINE = 10.0  # seconds for one document
_MEMORY = 120_000_000  # bytes for one document
_PARSERS = 2  # at work at one time, besides those that take their time; as many are kept
_SLOW_AFTER = 1.0  # seconds after which a parser takes its time: another one may begin beside it
_MOST_SLOW = 2
_SMALL = 300_000  # bytes: a plain document of this size takes 10 ms
_LARGE = 1_000_000  # bytes: documents of this size are parsed one at a time
_KEPT = (
    50_000_000  # bytes: a parser that holds more after a document is replaced, so that the memory comes back
)
_PATIENCE = 2.0  # seconds beyond the deadline, after which a parser is killed that has not ended by itself


class Parse(Protocol):
    """What parses a document; see ParserPool.parse."""

    async def __call__(
        self, body: Body, *, feed: Feed, now: datetime, content_type: str, url: str, suspect: bool
    ) -> ParsedFeed:
        """Parse a document. Raises ParseError."""


class ParserPool:
    """Processes that parse documents, started when they are first needed. Close it, or use it as a context."""

    def __init__(self, *, deadline: float = _DEADLINE, memory: int = _MEMORY) -> None:
        self._deadline, self._memory = deadline, memory
        self._idle: list[_Parser] = []
        self._places = asyncio.Semaphore(_PARSERS)
        self._large = asyncio.Semaphore(1)
        self._slow = 0
        self.busy = 0  # processes that parse a document

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def idle(self) -> int:
        """The count of processes that wait for a document."""
        return len(self._idle)

    async def close(self) -> None:
        """End the parsers that are idle; one at work ends with its task, or with the task that waits for it."""
        idle, self._idle = self._idle, []
        for parser in idle:
            await parser.end()

    async def parse(
        self,
        body: Body,
        *,
        feed: Feed,
        now: datetime,
        content_type: str,
        url: str = "",
        suspect: bool = False,
    ) -> ParsedFeed:
        """Parse a document as `monitor.feeds.parse.parse` does. Raises ParseError, also where it breaks the parser.

        A small and plain one is read here and now, its entries without their texts (ParsedFeed.complete).
        A document that is large, or of a feed that is `suspect`, waits for others of its kind, and they for it.
        """
        if len(body) <= _SMALL and not suspect:
            parsed = parse_plain(body.read(), feed=feed, now=now, content_type=content_type, url=url)
            if parsed is not None:
                return parsed
        task = Task(feed=feed, now=now, content_type=content_type, url=url)
        async with self._large if suspect or len(body) > _LARGE else contextlib.nullcontext(), self._place():
            self.busy += 1
            try:
                result = await self._do(task, body)
            finally:
                self.busy -= 1
        if result.parsed is None:
            raise ParseError(result.error, broke_parser=result.broke_parser)
        return result.parsed

    @contextlib.asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """Hold a place at the parsers, for others to have after a while: a slow document holds up no quick ones."""
        await self._places.acquire()
        is_slow = False

        def give_up_place() -> None:
            nonlocal is_slow
            if self._slow < _MOST_SLOW:
                is_slow = True
                self._slow += 1
                self._places.release()

        timer = asyncio.get_running_loop().call_later(_SLOW_AFTER, give_up_place)
        try:
            yield
        finally:
            timer.cancel()
            if is_slow:
                self._slow -= 1
            else:
                self._places.release()

    async def _do(self, task: Task, body: Body) -> Result:
        parser = self._idle.pop() if self._idle else await _Parser.start(self._deadline, self._memory)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with asyncio.timeout(self._deadline + _PATIENCE):
                result = await parser.ask(task, body)
        except (TimeoutError, OSError, EOFError):
            await parser.kill()
            is_late = loop.time() - begun >= self._deadline
            what = sentence("the document keeps the parser busy for ever: it has ended")
            if is_late:
                what = sentence(
                    "the document keeps the parser busy for more than {seconds:g} s", seconds=self._deadline
                )
            return Result(error=what, broke_parser=True)
        except BaseException:  # told to stop: nobody waits for the result any more
            await parser.kill()
            raise
        if result.memory > _KEPT or len(self._idle) >= _PARSERS:
            await parser.end()
        else:
            self._idle.append(parser)
        return result


class _Parser:
    """One process, and the connection to it."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", results: asyncio.StreamReader, tasks: asyncio.StreamWriter
    ) -> None:
        self.process, self._results, self._tasks = process, results, tasks

    @classmethod
    async def start(cls, deadline: float, memory: int) -> Self:
        # Not asyncio's own subprocesses: they need a thread each, and warn where SIGCHLD is ignored.
        program = (sys.executable, "-m", "monitor.feeds.parser_process", str(deadline), str(memory))
        ours, its = socket.socketpair()
        with its:
            try:
                process = subprocess.Popen(  # noqa: ASYNC220, S603 - returns at once; a program of ours
                    program, stdin=its.fileno(), stdout=its.fileno(), stderr=subprocess.DEVNULL
                )
            except OSError as error:
                ours.close()
                what = sentence("the parser cannot be started: {why}", why=reason_of(error))
                raise ParseError(what) from error
        try:
            return cls(process, *await asyncio.open_connection(sock=ours))
        except BaseException:  # told to stop
            ours.close()
            process.kill()
            process.wait()
            raise

    async def ask(self, task: Task, body: Body) -> Result:
        """Return what became of a task. Raises OSError and EOFError when the process ends over it."""
        data = pickle.dumps(task, pickle.HIGHEST_PROTOCOL)
        self._tasks.write(LENGTH.pack(len(data)) + data + LENGTH.pack(len(body)))
        for piece in body.pieces():
            self._tasks.write(piece)
            await self._tasks.drain()
        (length,) = LENGTH.unpack(await self._results.readexactly(LENGTH.size))
        result: Result = pickle.loads(await self._results.readexactly(length))  # noqa: S301 - of our own process
        return result

    async def kill(self) -> None:
        """End the process wherever it is."""
        self.process.kill()
        await self.end()

    async def end(self) -> None:
        """Let the process end after its task."""
        with contextlib.suppress(OSError):
            self._tasks.write_eof()
            await self._results.read()
        self._tasks.close()
        with contextlib.suppress(OSError):
            await self._tasks.wait_closed()
        self.process.wait()  # it has closed its side: it is gone
