"""Make the engines of a database URL: one that writes, one that only reads.

On both databases there is one writer at a time, from the first statement of a transaction to its end: SQLite
by BEGIN IMMEDIATE, PostgreSQL by an advisory lock. So what a transaction has read stays true until it commits,
no two of them can wait for each other, and arrivals (`entries.seq`) become visible in the order of their
numbers.
"""

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from monitor.errors import DatabaseGoneError, StoreError
from monitor.reasons import reason_of
from monitor.store.errors import display_url
from monitor.texts import sentence

READERS = 4  # connections that read at the same time

_WRITE_LOCK = 0x6665_6564_6D61_696C  # "feedmail"; any number would do, but all of us must use the same
_POSTGRES = {
    "connect_timeout": "10",
    # A server that vanished is noticed within a minute, not when TCP gives up after two hours.
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
# A service that is stopped in the middle of a transaction must not hold up the others for ever.
_POSTGRES_SESSION = "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s -c timezone=UTC"
_SQLITE = {"timeout": "10"}  # seconds to wait for another writer


def parse_url(text: str) -> URL:
    """Parse the URL of a SQLite file or a PostgreSQL database; add our settings where it has none.

    Raises StoreError for any other URL; no message holds a password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        what = sentence("url in [store] is not a database URL. {expected}", expected=_EXPECTED)
        raise StoreError(what) from None
    match url.drivername:
        case "sqlite" | "sqlite+pysqlite":
            if not url.database or ":memory:" in url.database:
                values = {"url": display_url(url), "expected": _EXPECTED}
                raise StoreError(sentence("database {url} would forget everything. {expected}", **values))
            return url.update_query_dict({**_SQLITE, **url.query})
        case "postgresql" | "postgresql+psycopg":
            with_defaults = url.set(drivername="postgresql+psycopg", query={**_POSTGRES, **url.query})
            options = " ".join([_POSTGRES_SESSION, *url.normalized_query.get("options", ())])
            return with_defaults.update_query_dict({"options": options})
        case driver:
            values = {"driver": driver, "expected": _EXPECTED}
            raise StoreError(sentence('url in [store]: "{driver}" is not supported. {expected}', **values))


_EXPECTED = sentence('Write url = "sqlite:///data/monitor.db" or "postgresql+psycopg://host/database"')


# What stands beside a database, behind its name: SQLite's own files, and what a service writes that lost it.
COMPANIONS = ("-wal", "-shm", "-journal")
NOTE = "-gone.txt"


def url_of(file: Path) -> URL:
    """Return the URL of a SQLite file."""
    return URL.create("sqlite", database=str(file), query=_SQLITE)


def make_file(url: URL) -> None:
    """Make an empty database file that only its owner may read, unless there is one. Raises StoreError."""
    path = Path(str(url.database))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        # SQLite gives its -wal and -shm files the same mode, and the same owner.
        file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        if is_new and os.geteuid() == 0:
            # A command of root's, before the service has started: it runs as the owner of the directory.
            folder = path.parent.stat()
            os.fchown(file, folder.st_uid, folder.st_gid)
        os.close(file)
    except OSError as error:
        raise StoreError(
            sentence(
                "database {url}: {why}: {file}. Check url in [store], and that this user may write there",
                **{"url": display_url(url), "why": reason_of(error), "file": error.filename},
            )
        ) from error


class FileGuard:
    """Notice that a database file was deleted, replaced or emptied while it is open: what is written then is lost.

    By its status alone: to open and close the file would give up SQLite's locks on it, which belong to the process.
    """

    def __init__(self, url: URL) -> None:
        """Remember which file is there at this moment."""
        self._url = url
        self._path = Path(str(url.database)).absolute() if url.get_backend_name() == "sqlite" else None
        self._known: tuple[int, int] | None = None
        self._had_content = False  # a new file is empty until SQLite writes its log back
        self._known = self._identity()

    @property
    def path(self) -> Path | None:
        """The database file; None for PostgreSQL."""
        return self._path

    def check(self) -> None:
        """Raise DatabaseGoneError unless the same file is still in its place; for PostgreSQL do nothing."""
        if self._identity() != self._known:
            raise DatabaseGoneError(
                sentence(
                    "database {url} was deleted or replaced while it was open; what happened since "
                    "then is not stored. Put the file or its last backup back, and start again",
                    url=display_url(self._url),
                )
            )

    def _identity(self) -> tuple[int, int] | None:
        if self._path is None:
            return None
        try:
            status = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return 0, 0
        except OSError:  # a file system that does not answer just now has not lost the file
            return self._known
        if self._had_content and not status.st_size:
            return 0, 0
        self._had_content = bool(status.st_size)
        return status.st_dev, status.st_ino


def writing(url: URL) -> Engine:
    """Return an engine of one connection, whose transactions exclude every other writer.

    Raises StoreError without a driver.
    """
    engine = _engine(url, pool_size=1)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite_writer)
        event.listen(engine, "begin", _begin_sqlite_writer)
    else:
        event.listen(engine, "begin", _begin_postgres_writer)
    return engine


def reading(url: URL) -> Engine:
    """Return an engine of READERS connections, whose transactions see one moment and can change nothing.

    Raises StoreError without a driver.
    """
    if url.get_backend_name() == "sqlite":
        engine = _engine(url, pool_size=READERS)
        event.listen(engine, "connect", _set_up_sqlite_reader)
        event.listen(engine, "begin", _begin_sqlite_reader)
        return engine
    return _engine(
        url,
        pool_size=READERS,
        isolation_level="REPEATABLE READ",
        execution_options={"postgresql_readonly": True},
    )


def alone(url: URL) -> Engine:
    """Return an engine for a SQLite file, of one connection, each of whose statements is a transaction of its own."""
    engine = _engine(url, pool_size=1)
    event.listen(engine, "connect", _set_up_sqlite_writer)
    return engine


def require_driver(text: str) -> None:
    """Raise StoreError for a URL that no database can be opened by: of another kind, or without its driver."""
    reading(parse_url(text)).dispose()


def _engine(url: URL, *, pool_size: int, **settings: Any) -> Engine:
    try:
        return create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            hide_parameters=True,  # addresses and texts stay out of tracebacks
            pool_pre_ping=url.get_backend_name() == "postgresql",  # a restarted server is no error
            **settings,
        )
    except ImportError as error:
        raise StoreError(
            sentence(
                "database {url}: the driver is missing. Run: pip install 'feed-monitor[postgres]'",
                url=display_url(url),
            )
        ) from error


def _set_up_sqlite_writer(connection: Any, _record: object) -> None:
    # Python's sqlite3 begins transactions by itself, and too late: after the first SELECT. Two writers then
    # read the same row, and one of the updates is lost without an error.
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous = FULL")  # the outbox is only worth what the disk keeps
    _switch_to_wal(connection)


def _switch_to_wal(connection: Any) -> None:
    # Services that open a new file at once find it locked here, and SQLite does not wait as it does elsewhere.
    for attempts_left in reversed(range(100)):
        try:
            # A file without a page yet may learn to give its free pages back; WAL mode writes the first one.
            if connection.execute("PRAGMA page_count").fetchone() == (0,):
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or not attempts_left:
                raise
            time.sleep(0.1)
        else:
            return


def _begin_sqlite_writer(tx: Connection) -> None:
    tx.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_postgres_writer(tx: Connection) -> None:
    tx.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})")


def _set_up_sqlite_reader(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA query_only = ON")


def _begin_sqlite_reader(tx: Connection) -> None:
    tx.exec_driver_sql("BEGIN")
