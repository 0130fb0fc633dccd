"""Open by URL; a transaction, or nothing.

A transaction is a plain function over an open connection. One thread writes: it takes all functions that
are waiting, runs each in a savepoint of one transaction, commits once, and only then answers them. Each is
whole or absent, and they share the wait for the disk.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import URL, Connection
from sqlalchemy.exc import SQLAlchemyError

from monitor.errors import StoreError
from monitor.store import engines, schema
from monitor.store.errors import place, store_error, told_as_store_errors

__all__ = ["Connection", "Database", "open_database"]

P = ParamSpec("P")
T = TypeVar("T")

_TOGETHER = 200  # functions that share a commit, at most: the first has to wait for the last


def open_database(url: str, *, migrate: bool = True) -> "Database":
    """The database at this URL, in the shape this version wants.

    A SQLite file is made where there is none, readable by its owner only, and its directory. Raises
    SchemaError when the database is newer than this version or not ours, or when it is older (or absent) and
    `migrate` is False; StoreError when it cannot be reached.
    """
    parsed = engines.parse_url(url)
    schema.ensure(parsed, migrate=migrate)
    return Database(parsed)


class Database:
    """What happened, remembered. Close it: what is being written is finished first."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._writing = engines.writing(url)
        self._reading = engines.reading(url)
        self._waiting: deque[_Write] = deque()
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(max_workers=engines.READERS, thread_name_prefix="store-reader")

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What `fn(tx, *args)` returns, once everything it wrote is on the disk.

        What `fn` raises is raised here, and nothing it wrote stays; the functions beside it do not notice.
        Raises StoreError where the database failed: nothing was written, and it may be tried again. Cancelled
        while it waits, it is absent; cancelled while it runs, it is whole or absent, and nobody learns which.
        """
        write = _Write(lambda tx: fn(tx, *args, **kwargs))
        self._waiting.append(write)
        try:
            self._writer.submit(self._commit_what_waits)
        except RuntimeError:  # the executor is shut down
            raise self._closed() from None
        answer: T = await asyncio.wrap_future(write.answer)
        return answer

    async def read(self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `fn(tx, *args)` returns, in a transaction that sees one moment and can write nothing.

        Raises what `fn` raises, and StoreError where the database failed.
        """
        try:
            reading = self._readers.submit(self._read, lambda tx: fn(tx, *args, **kwargs))
        except RuntimeError:  # the executor is shut down
            raise self._closed() from None
        return await asyncio.wrap_future(reading)

    async def close(self) -> None:
        """Finish what waits, then let go of the database. A second time does nothing."""
        await asyncio.to_thread(self._close)

    def _commit_what_waits(self) -> None:
        writes = self._take()
        if not writes:
            return  # a call before this one has taken them along
        try:
            with self._writing.begin() as tx:
                answers = [_attempt(tx, write, self._url) for write in writes]
        except BaseException as error:  # whatever it was, nobody may be left waiting
            for write in writes:
                write.answer.set_exception(_told(error, self._url))
        else:
            for answer in answers:
                answer()

    def _take(self) -> "list[_Write]":
        taken: list[_Write] = []
        while self._waiting and len(taken) < _TOGETHER:
            write = self._waiting.popleft()
            if write.answer.set_running_or_notify_cancel():
                taken.append(write)
        return taken

    def _read(self, fn: Callable[[Connection], T]) -> T:
        with told_as_store_errors(self._url), self._reading.begin() as tx:
            return fn(tx)

    def _close(self) -> None:
        self._writer.shutdown()
        self._readers.shutdown()
        self._reading.dispose()
        self._writing.dispose()

    def _closed(self) -> StoreError:
        return StoreError(f"database {place(self._url)} is closed")


@dataclass(frozen=True, slots=True, eq=False)
class _Write:
    fn: Callable[[Connection], Any]
    answer: Future[Any] = field(default_factory=Future)


def _attempt(tx: Connection, write: _Write, url: URL) -> Callable[[], None]:
    """What to tell the caller once the transaction is committed."""
    savepoint = tx.begin_nested()
    try:
        result = write.fn(tx)
        savepoint.commit()
    except BaseException as error:  # the caller's own: it is raised there
        if tx.invalidated:  # the server is gone, and with it what the others wrote
            raise
        # Where the database has rolled everything back by itself (a full disk), this raises, as it must.
        savepoint.rollback()
        return partial(write.answer.set_exception, _told(error, url))
    return partial(write.answer.set_result, result)


def _told(error: BaseException, url: URL) -> BaseException:
    if not isinstance(error, SQLAlchemyError):
        return error
    told = store_error(error, url)
    told.__cause__ = error
    return told
