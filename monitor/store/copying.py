"""Copy a database: a SQLite file page by page, while others write to it, or every row into another database.

A copy is checked before anybody may take it for one: the file by SQLite's own check and its counts, rows by counts
and hashes within the transaction that wrote them.
"""

import fcntl
import hashlib
import os
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
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
from monitor.store import engines, schema, services
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
            with _writing(target), closing(sqlite3.connect(target)) as copy:
                source.backup(copy, pages=_PAGES, progress=lambda _, left, total: report(total - left, total))
    finally:
        engine.dispose()
    finish_file(target, counts)
    return counts


def finish_file(file: Path, counts: Counts) -> None:
    """Make a SQLite file one that needs no other beside it, check it, and wait until the disk has it.

    Raises StoreError where it is not sound, or has other counts of rows.
    """
    with _writing(file):
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


@contextmanager
def beside(file: Path) -> Iterator[Path]:
    """Give an empty file in the same directory, which only its owner may read; at the end nothing is left of it.

    Nor of those whose process was killed. Raises StoreError where there can be none.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(file)
        handle, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=_HELD, dir=file.parent)
    except OSError as error:
        raise StoreError(
            sentence("{file} cannot be written: {why}", file=file, why=error.strerror or type(error).__name__)
        ) from error
    held = Path(name)
    try:
        _hold(handle)
        part = _part_of(held)
        with _writing(file):
            part.touch(mode=0o600, exist_ok=False)
        yield part
    finally:
        _remove(held)
        os.close(handle)


# A file beside the part is locked as long as its process lives. Not the part: on a network's file system such a lock
# and SQLite's own would keep each other out.
_HELD = ".part-held"


def _part_of(held: Path) -> Path:
    return held.with_name(held.name.removesuffix("-held"))


def _hold(handle: int) -> bool:
    """Lock an open file until it is closed; return False where somebody else does, or there are no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove(held: Path) -> None:
    """Remove a part with all that stands beside it; last what says that somebody holds it."""
    part = _part_of(held)
    for file in (*(companion(part, suffix) for suffix in ("", *engines.COMPANIONS)), held):
        with suppress(OSError):
            file.unlink()


def _remove_abandoned(file: Path) -> None:
    """Remove the parts of a file whose processes were killed, as far as the directory lets."""
    # What mkstemp puts in has no dot: the parts of other files, whose names only begin like this one, have.
    name = re.compile(rf"\.{re.escape(file.name)}\.[^.]+{re.escape(_HELD)}")
    found: list[Path] = []
    with suppress(OSError):  # one that may be written and not listed
        found += [each for each in file.parent.iterdir() if name.fullmatch(each.name)]
    for held in found:
        with suppress(OSError):  # gone by now, or somebody else's
            handle = os.open(held, os.O_RDWR | os.O_NOFOLLOW)
            try:
                if _hold(handle):
                    _remove(held)
            finally:
                os.close(handle)


def give_to_owner_of(like: Path, part: Path) -> None:
    """Give a file to whom another one belongs: root restores, and the service's own user has to write it."""
    owner = like.stat()
    if os.geteuid() == 0:
        os.chown(part, owner.st_uid, owner.st_gid)


def put_in_place(part: Path, file: Path) -> None:
    """Give a finished file its name, in the place of one that had it. Raises StoreError; then nothing has changed."""
    with _writing(file):
        part.replace(file)
        directory = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def set_aside(url: URL, kept: Path) -> None:
    """Give a SQLite file that nobody has open another name besides its own, and write its log back into it.

    Of a damaged one the log is set aside too, and so is a log whose file is gone: SQLite would write it into whichever
    file takes the place. Afterwards a sound one may. Raises StoreError where somebody has it open.
    """
    file = file_of(url)
    try:
        if file.exists():
            _write_log_back(url)
    except DatabaseError as error:
        if isinstance(error, OperationalError):  # it cannot be had just now, but may well be sound
            is_locked = "locked" in str(error)
            raise (StoreError(_is_open(file)) if is_locked else store_error(error, url)) from error
    with _writing(kept):
        for suffix in ("", *engines.COMPANIONS):
            if companion(file, suffix).exists():
                os.link(companion(file, suffix), companion(kept, suffix))
        for suffix in engines.COMPANIONS:
            companion(file, suffix).unlink(missing_ok=True)


def _write_log_back(url: URL) -> None:
    """Leave no log beside a SQLite file. Raises StoreError where somebody has it open, and DatabaseError."""
    file = file_of(url)
    engine = engines.alone(url)
    try:
        with engine.connect() as connection:
            busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    finally:
        engine.dispose()  # the last one to leave deletes the log
    if busy or companion(file, "-wal").exists():
        raise StoreError(_is_open(file))


def file_of(url: URL) -> Path:
    """Return the file of a SQLite database, at the end of symbolic links."""
    return Path(str(url.database)).resolve()


def belongs_to(url: URL, file: Path) -> bool:
    """Return whether a file, there or not, is one that is kept beside a SQLite database, or has the name of one."""
    own = file_of(url)
    names = {own.name + suffix for suffix in (*engines.COMPANIONS, engines.NOTE)}
    return file.parent.resolve() == own.parent and file.name in names


def require_unused(file: Path) -> None:
    """Raise StoreError where a SQLite file has a log beside it: somebody works on it, and may write it back."""
    with _writing(file):  # a name may be too long for them
        is_used = any(companion(file, suffix).exists() for suffix in engines.COMPANIONS)
    if is_used:
        raise StoreError(_is_open(file))


def _is_open(file: Path) -> str:
    return sentence("{file}: another program has it open. Stop that first; nothing was changed", file=file)


def companion(file: Path, suffix: str) -> Path:
    """Return the file that stands beside another one, with this behind its name."""
    return file.with_name(file.name + suffix)


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    """Raise what fails in the block as a StoreError that names the file that was to be written."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise StoreError(
            sentence(
                "{file} cannot be written: {why}. Nothing was changed",
                file=file,
                why=why or type(error).__name__,
            )
        ) from error


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
            with _reading(source), reading.begin() as tx:
                copied = _copy_tables(tx, to, source, report)
            for table in metadata.sorted_tables:
                written = _sum_of(to, table)
                _require_same(table.name, copied[table.name].rows, written.rows)
                _require_same(table.name, copied[table.name].hashes, written.hashes)
    except BaseException:
        if is_new:
            writing.dispose()
            for suffix in ("", *engines.COMPANIONS):
                companion(Path(str(target.database)), suffix).unlink(missing_ok=True)
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


@contextmanager
def _reading(source: URL) -> Iterator[None]:
    with as_store_errors(source):
        yield


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
