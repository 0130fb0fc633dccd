"""The database of the service, as another program sees it: locked, restarted, and read after a loss."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from email import message_from_bytes
from pathlib import Path
from typing import Any, Protocol

import psycopg

from tests.postgres import Postgres

Release = Callable[[], None]
_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    "postgres": "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
}
_ROWS = 200  # of a table that does not name the entry: the newest, or any


class Database(Protocol):
    """What disturbances and the report of a loss need."""

    @property
    def url(self) -> str: ...
    @property
    def can_restart(self) -> bool: ...
    def lock(self) -> Release: ...
    def stop(self, mode: str) -> None: ...
    def start(self) -> None: ...
    def dump(self, links: set[str]) -> Iterator[str]: ...


class SqliteDatabase:
    """One file."""

    can_restart = False

    def __init__(self, file: Path) -> None:
        self.file = file
        self.url = f"sqlite:///{file}"

    def lock(self) -> Release:
        """Lock the database against writers until the function returned is called."""
        connection = sqlite3.connect(self.file, timeout=10, isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN IMMEDIATE")

        def release() -> None:
            connection.execute("ROLLBACK")
            connection.close()

        return release

    def stop(self, mode: str) -> None:
        raise NotImplementedError

    def start(self) -> None:
        raise NotImplementedError

    def dump(self, links: set[str]) -> Iterator[str]:
        """Yield the rows that tell what became of the entries with these links, each as a line."""
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as connection:
            yield from _dump(connection, links, "sqlite")


class PostgresDatabase:
    """A database in a server of our own."""

    can_restart = True

    def __init__(self, server: Postgres) -> None:
        self._server, self._name = server, server.create()
        self.url = server.url(self._name)

    def lock(self) -> Release:
        """Lock all tables against writers until the function returned is called."""
        connection = psycopg.connect(self._server.url(self._name, driver=""))
        tables = [name for (name,) in connection.execute(_TABLES["postgres"].encode())]
        connection.execute("SET lock_timeout = '10s'")
        connection.execute(f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE".encode())
        return connection.close

    def stop(self, mode: str) -> None:
        self._server.stop(mode)

    def start(self) -> None:
        self._server.start()

    def dump(self, links: set[str]) -> Iterator[str]:
        """Yield the rows that tell what became of the entries with these links, each as a line."""
        with psycopg.connect(self._server.url(self._name, driver="")) as connection:
            yield from _dump(connection, links, "postgres")


def _dump(connection: Any, links: set[str], kind: str) -> Iterator[str]:
    """Yield rows as "table {column: value}": of entries and mails only those that name one of the links."""
    tables = [name for (name,) in connection.execute(_TABLES[kind])]
    seqs: set[int] = set()
    for table in sorted(tables, key=lambda name: name != "entries"):
        cursor = connection.execute(f"SELECT * FROM {table}")
        columns = [column[0] for column in cursor.description]
        others = 0
        for values in cursor:
            row = dict(zip(columns, values, strict=True))
            if table == "entries":
                if row.get("link") not in links:
                    continue
                seqs.add(row["seq"])
            elif table == "outbox":
                content = _decoded(row.pop("raw"))
                row["named"] = sorted(link for link in links if link.encode() in content)
                if not row["named"] and row["status"] == "sent":
                    continue
            elif seq_column := next((name for name in ("entry_seq", "seq", "entry") if name in row), ""):
                if row[seq_column] not in seqs:
                    continue
            else:
                others += 1
                if others > _ROWS and table != "digests":
                    continue
            yield f"{table} {json.dumps(row, ensure_ascii=False, default=_shown)}"


def _decoded(raw: Any) -> bytes:
    message = message_from_bytes(bytes(raw))
    contents: list[Any] = [
        part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()
    ]
    return b"".join(contents)


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
