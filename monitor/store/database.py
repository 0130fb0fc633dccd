"""Open a database by its URL, and run plain functions in its transactions.

One thread writes: it takes all functions that are queued, runs each in a savepoint of one transaction, commits
once, and only then answers their callers. Each is whole or absent, and they share the wait for the disk.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import URL, Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from monitor.errors import StoreError
from monitor.store import engines, schema
from monitor.store.dialects import Instant
from monitor.store.errors import as_store_errors, display_url, store_error
from monitor.texts import sentence

__all__ = ["URL", "Connection", "Database", "open_database"]

P = ParamSpec("P")
T = TypeVar("T")

_MOST_IN_A_COMMIT = 200  # functions: the first has to wait for the last


def open_database(url: str, *, migrate: bool = True) -> "Database":
    """Open the database at this URL, migrated to the tables of this version.

    A SQLite file is made where there is none, readable by its owner only, and its directory. With `migrate` False
    it is opened for reading: nothing is ever written. Raises SchemaError when the database is newer than this
    version or not ours, or when it is older (or absent) and `migrate` is False; StoreError when it cannot be
    reached.
    """
    parsed = engines.parse_url(url)
    schema.ensure(parsed, migrate=migrate)
    return Database(parsed, read_only=not migrate)


class Database:
    """An open database. Close it: queued writes are finished first."""

    def __init__(self, url: URL, *, read_only: bool = False) -> None:
        self._url = url
        self._read_only = read_only
        self._file = engines.FileGuard(url)
        self._writing = engines.writing(url)
        self._reading = engines.reading(url)
        self._queue: deque[_Write] = deque()
        self._writer_is_called = False
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(max_workers=engines.READERS, thread_name_prefix="store-reader")

    @property
    def file(self) -> Path | None:
        """The database file; None for PostgreSQL."""
        return self._file.path

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what `fn(tx, *args)` returns, once everything it wrote is on the disk.

        What `fn` raises is raised here, and nothing it wrote stays; the functions beside it do not notice.
        Raises StoreError where the database failed: nothing was written, and it may be tried again; DatabaseGoneError
        where its file was deleted or replaced; RuntimeError in a database opened for reading. Cancelled while it is
        queued, it is absent; cancelled while it runs, it is whole or absent, and nobody learns which.
        """
        answer: T = await self._queued(lambda tx, _: [fn(tx, *args, **kwargs)], None)
        return answer

    async def write_together(self, fn: Callable[[Connection, Sequence[T]], object], item: T) -> None:
        """Call `fn(tx, items)` with this item and those of the other writes of `fn` that are queued; as `write` does.

        Each item is whole or absent: where `fn` raises, it is called again for each of them alone.
        """
        await self._queued(lambda tx, items: [fn(tx, items)] * len(items), item, fn)

    def _queued(
        self,
        fn: Callable[[Connection, Sequence[Any]], Sequence[Any]],
        item: object,
        shared: object = None,
    ) -> "asyncio.Future[Any]":
        if self._read_only:
            raise RuntimeError(f"database {display_url(self._url)} was opened for reading")
        loop = asyncio.get_running_loop()
        write = _Write(fn, item, shared or fn, loop, loop.create_future())
        self._queue.append(write)
        if not self._writer_is_called:
            self._writer_is_called = True
            try:
                self._writer.submit(self._commit_queued)
            except RuntimeError:  # the executor is shut down
                self._writer_is_called = False
                raise self._closed() from None
        return write.answer

    async def read(self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `fn(tx, *args)` returns, in a transaction that sees one moment and can write nothing.

        Raises what `fn` raises, StoreError where the database failed, and DatabaseGoneError as `write` does.
        """
        try:
            reading = self._readers.submit(self._read, lambda tx: fn(tx, *args, **kwargs))
        except RuntimeError:  # the executor is shut down
            raise self._closed() from None
        return await asyncio.wrap_future(reading)

    async def server_time(self) -> datetime | None:
        """Return the time by the database server's clock; None for a file, which has none. Raises StoreError."""
        if self._url.get_backend_name() == "sqlite":
            return None
        return await self.read(_server_time)

    async def close(self) -> None:
        """Finish queued writes, then let go of the database. A second time does nothing."""
        await asyncio.to_thread(self._close)

    def _commit_queued(self) -> None:
        self._writer_is_called = False  # what is queued from here on calls again
        while writes := self._take():
            try:
                self._file.check()
                with self._writing.begin() as tx:
                    outcomes = [
                        outcome for group in _groups(writes) for outcome in _attempt(tx, group, self._url)
                    ]
            except BaseException as error:  # whatever it was, no caller may be left waiting
                translated = _translated(error, self._url)
                outcomes = [(write, None, translated) for write in writes]
            _answer(outcomes)

    def _take(self) -> "list[_Write]":
        taken: list[_Write] = []
        while self._queue and len(taken) < _MOST_IN_A_COMMIT:
            write = self._queue.popleft()
            if not write.answer.cancelled():
                taken.append(write)
        return taken

    def _read(self, fn: Callable[[Connection], T]) -> T:
        self._file.check()
        with as_store_errors(self._url), self._reading.begin() as tx:
            return fn(tx)

    def _close(self) -> None:
        self._writer.shutdown()
        self._readers.shutdown()
        self._reading.dispose()
        self._writing.dispose()

    def _closed(self) -> StoreError:
        return StoreError(sentence("database {url} is closed", url=display_url(self._url)))


def _server_time(tx: Connection) -> datetime:
    moment: datetime = tx.execute(select(func.clock_timestamp(type_=Instant))).scalar_one()
    return moment


@dataclass(frozen=True, slots=True, eq=False)
class _Write:
    fn: Callable[[Connection, Sequence[Any]], Sequence[Any]]  # returns an answer for each of the items
    item: Any
    shared: object  # writes for which this is equal are given to the `fn` of the first of them
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Any]


# What came of a write: what its function returned, or the error that it raised.
_Outcome = tuple[_Write, Any, BaseException | None]


def _groups(writes: Sequence[_Write]) -> list[list[_Write]]:
    groups: dict[object, list[_Write]] = {}
    for write in writes:
        groups.setdefault(write.shared, []).append(write)
    return list(groups.values())


def _attempt(tx: Connection, writes: Sequence[_Write], url: URL) -> list[_Outcome]:
    """Run the function of one or more writes in a savepoint; return what its callers are answered after the commit."""
    tx.exec_driver_sql("SAVEPOINT attempt")  # begin_nested() costs three times as much
    try:
        results = writes[0].fn(tx, [write.item for write in writes])
        tx.exec_driver_sql("RELEASE SAVEPOINT attempt")
    except BaseException as error:  # the caller's own: it is raised there
        if tx.invalidated:  # the server is gone, and with it what the others wrote
            raise
        # Where the database has rolled everything back by itself (a full disk), this raises, as it must.
        tx.exec_driver_sql("ROLLBACK TO SAVEPOINT attempt")
        if len(writes) > 1:
            return [outcome for write in writes for outcome in _attempt(tx, [write], url)]
        return [(writes[0], None, _translated(error, url))]
    return [(write, result, None) for write, result in zip(writes, results, strict=True)]


def _answer(outcomes: Sequence[_Outcome]) -> None:
    """Answer the callers, all those of an event loop at once: each call into a loop wakes it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome[0].loop, []).append(outcome)
    for loop, of_loop in by_loop.items():
        with contextlib.suppress(RuntimeError):  # it is closed: nobody waits any more
            loop.call_soon_threadsafe(_answer_here, of_loop)


def _answer_here(outcomes: Sequence[_Outcome]) -> None:
    for write, result, error in outcomes:
        if write.answer.done():  # it was cancelled
            continue
        if error is None:
            write.answer.set_result(result)
        else:
            write.answer.set_exception(error)


def _translated(error: BaseException, url: URL) -> BaseException:
    if not isinstance(error, SQLAlchemyError):
        return error
    translated = store_error(error, url)
    translated.__cause__ = error
    return translated
