"""Copy a database: a SQLite file page by page, while others write to it, or every row into another database.

A copy is checked before anybody may take it for one: the file by SQLite's own check and its counts, rows by counts
and hashes within the transaction that wrote them.
"""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    Column,
    Connection,
    MetaData,
    Table,
    Text,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.types import TypeDecorator

from monitor.errors import StoreError
from monitor.store import engines, files, schema, services
from monitor.store.dialects import Instant
from monitor.store.errors import as_store_errors, display_url, store_error
from monitor.store.tables import metadata
from monitor.texts import listed, sentence

Report = Callable[[int, int], object]  # called as it goes on: how much is done, of how much
Counts = Mapping[str, int]  # rows, by table

T = TypeVar("T")

_PAGES = 1000  # of a SQLite file, between two reports
_ROWS = 500  # in one statement


@dataclass(frozen=True, slots=True)
class _Sum:
    """What tells the rows of a table from others, whatever their order."""

    rows: int = 0
    hashes: int = 0  # the sum of their hashes

    def plus(self, rows: Sequence[Sequence[object]]) -> "_Sum":
        hashes = sum(
            int.from_bytes(hashlib.sha256(repr(tuple(row)).encode()).digest(), "big") for row in rows
        )
        return _Sum(self.rows + len(rows), (self.hashes + hashes) % 2**256)


# --- files ------------------------------------------------------------------------------------------


def copy_file(url: URL, target: Path, report: Report) -> Counts:
    """Copy a SQLite database, as it is at this moment, into an empty file; return the counts of its rows.

    Others may read and write it meanwhile. Raises StoreError where the copy cannot be written, or is not sound.
    """
    engine = engines.reading(url)
    try:
        with as_store_errors(url), engine.begin() as tx:
            # The first of these begins the transaction by whose moment all pages are read.
            counts = _counts(tx)
            source = tx.connection.driver_connection
            assert isinstance(source, sqlite3.Connection)
            with files.writing_to(target), closing(sqlite3.connect(target)) as copy:
                source.backup(copy, pages=_PAGES, progress=lambda _, left, total: report(total - left, total))
    finally:
        engine.dispose()
    finish_file(target, counts)
    return counts


def finish_file(file: Path, counts: Counts) -> None:
    """Make a SQLite file one that needs no other beside it, check it, and wait until the disk has it.

    Raises StoreError where it is not sound, or has other counts of rows.
    """
    with files.writing_to(file):
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise StoreError(
                    sentence(
                        "the copy is not sound, and was thrown away: {why}. The database it was made of is damaged, "
                        "or its disk is",
                        why=found,
                    )
                )
            for table, rows in counts.items():
                quoted = table.replace('"', '""')
                (copied,) = connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()  # noqa: S608 - quoted
                _require_same(table, rows, copied)
        with file.open("rb+") as copy:
            os.fsync(copy.fileno())


# --- rows -------------------------------------------------------------------------------------------


def copy_rows(source: URL, target: URL, report: Report, *, replace: bool = False) -> Counts:
    """Copy every row of a database into another one, of whatever kind, in one transaction; return their counts.

    The other one has to be empty, its tables may be missing; with `replace` what it has is deleted. Raises StoreError,
    SchemaError too: then nothing of it has changed.
    """
    schema.ensure(source, migrate=False)
    is_new = target.get_backend_name() == "sqlite" and not Path(str(target.database)).exists()
    if is_new:
        engines.make_file(target)
    reading, writing = engines.reading(source), engines.writing(target)
    try:
        with as_store_errors(target), writing.begin() as to:
            schema.bring_up(to, target)
            if replace:
                for table in metadata.sorted_tables:
                    to.execute(delete(table))
            _require_empty(to, target)
            with as_store_errors(source), reading.begin() as tx:
                copied = _copy_tables(tx, to, source, report)
            for table in metadata.sorted_tables:
                written = _sum_of(to, table)
                _require_same(table.name, copied[table.name].rows, written.rows)
                _require_same(table.name, copied[table.name].hashes, written.hashes)
    except BaseException:
        if is_new:
            writing.dispose()
            for suffix in ("", *engines.COMPANIONS):
                files.companion(Path(str(target.database)), suffix).unlink(missing_ok=True)
        raise
    finally:
        reading.dispose()
        writing.dispose()
    return {name: each.rows for name, each in copied.items()}


def change_alone(url: URL, change: Callable[[Connection], T]) -> T:
    """Return what a function returns that changes a database nobody else has, in one transaction. Raises StoreError."""
    engine = engines.writing(url)
    try:
        with as_store_errors(url), engine.begin() as tx:
            return change(tx)
    finally:
        engine.dispose()


def revision_of(url: URL) -> str:
    """Return the revision of the tables of a database; "" where it is empty. Raises SchemaError and StoreError."""
    with as_store_errors(url):
        return schema.revision_of(url)


def is_empty(url: URL) -> bool:
    """Return whether a database has no row in our tables, or no tables. Raises StoreError and SchemaError."""
    engine = engines.reading(url)
    try:
        with as_store_errors(url), engine.begin() as tx:
            return not schema.revision(tx, url) or not any(_counts_of_ours(tx).values())
    finally:
        engine.dispose()


def _copy_tables(tx: Connection, to: Connection, source: URL, report: Report) -> dict[str, _Sum]:
    total, done = sum(_counts_of_ours(tx).values()), 0
    sums: dict[str, _Sum] = {}
    for table in metadata.sorted_tables:
        plain, sums[table.name] = _plain(table), _Sum()
        for rows in _batches(tx, plain):
            to.execute(insert(plain), [row._asdict() for row in rows])
            sums[table.name] = sums[table.name].plus(rows)
            done += len(rows)
            report(done, total)
        if _is_numbered(table):
            _set_last_number(to, table, _last_number(tx, table))
    return sums


def _batches(tx: Connection, plain: Table) -> Iterator[Sequence[Any]]:
    """Yield the rows of a table, some hundreds at a time: never all of them are in memory."""
    rows = tx.execution_options(yield_per=_ROWS).execute(select(plain))
    yield from rows.partitions()


def _sum_of(tx: Connection, table: Table) -> _Sum:
    result = _Sum()
    for rows in _batches(tx, _plain(table)):
        result = result.plus(rows)
    return result


def _plain(table: Table) -> Table:
    """Return a table whose columns are read and written as they are stored, but for instants."""
    columns = (
        Column(
            column.name,
            Text()
            if isinstance(column.type, TypeDecorator) and not isinstance(column.type, Instant)
            else column.type,
        )
        for column in table.columns
    )
    return Table(table.name, MetaData(), *columns)


def _counts(tx: Connection) -> dict[str, int]:
    """Return the count of rows of every table that there is."""
    names = sorted(inspect(tx).get_table_names())
    return {name: tx.scalar(select(func.count()).select_from(text(f'"{name}"'))) or 0 for name in names}


def _counts_of_ours(tx: Connection) -> dict[str, int]:
    return {name: rows for name, rows in _counts(tx).items() if name in metadata.tables}


def _require_empty(tx: Connection, url: URL) -> None:
    """Raise StoreError where one of our tables has a row."""
    filled = {name: rows for name, rows in _counts_of_ours(tx).items() if rows}
    if filled:
        raise StoreError(
            sentence(
                "database {url} is not empty ({tables}). Nothing was copied: name one that is, or that does not exist",
                url=display_url(url),
                tables=listed(f"{name}: {rows}" for name, rows in filled.items()),
            )
        )


def _require_same(table: str, expected: int, found: int) -> None:
    if expected != found:
        raise StoreError(
            sentence("table {table} was not copied as it is, so nothing was. Try again", table=table)
        )


def _is_numbered(table: Table) -> bool:
    """Return whether the database numbers the rows by their arrival, and gives no number twice."""
    return bool(table.dialect_options["sqlite"]["autoincrement"])


def _last_number(tx: Connection, table: Table) -> int:
    """Return the last number given in a table, even if its row was deleted; 0 without any."""
    if tx.dialect.name == "sqlite":
        query = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
        return tx.scalar(query, {"table": table.name}) or 0
    row = tx.execute(text(f"SELECT last_value, is_called FROM {_sequence(tx, table)}")).one()  # noqa: S608 - a name of ours
    return int(row.last_value) if row.is_called else 0


def _set_last_number(tx: Connection, table: Table, number: int) -> None:
    if tx.dialect.name == "sqlite":
        tx.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), {"table": table.name})
        values = {"table": table.name, "number": number}
        tx.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :number)"), values)
        return
    values = {"name": _sequence(tx, table), "number": max(number, 1), "called": number > 0}
    tx.execute(text("SELECT setval(CAST(:name AS regclass), :number, :called)"), values)


def _sequence(tx: Connection, table: Table) -> str:
    (column,) = table.primary_key.columns
    query = text("SELECT pg_get_serial_sequence(:table, :column)")
    return str(tx.scalar(query, {"table": table.name, "column": column.name}))


# --- who works on it --------------------------------------------------------------------------------


def require_no_service(url: URL, now: datetime) -> None:
    """Raise StoreError while a service runs on a database, as far as it can be read; one that is damaged has none."""
    engine = engines.reading(url)
    try:
        with engine.begin() as tx:
            services.require_none(tx, now, database=display_url(url))
    except OperationalError as error:
        raise store_error(error, url) from error
    except DatabaseError:
        return
    finally:
        engine.dispose()
