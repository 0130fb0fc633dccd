"""A database that stays open from test to test, and is emptied in between: to open one costs more than most tests.

And a file that is made already, for tests whose databases are files of their own.
"""

import asyncio
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from monitor.store import engines, schema
from monitor.store.database import Database, open_database
from monitor.store.tables import metadata

NAME = "kept"  # PostgreSQL's name for its connections: nobody ends them between two tests

_DELETES = [f"DELETE FROM {table}" for table in metadata.tables]
_SQLITE = [*_DELETES, "DELETE FROM sqlite_sequence"]
_NUMBERED = ("entries_seq", "choices_number", "digests_id", "outbox_id")

# Several statements, but one question to the server.
POSTGRES = ";".join([*_DELETES, *(f"SELECT setval('{number}_seq', 1, false)" for number in _NUMBERED)])


class Kept:
    """A database of the tests."""

    def __init__(self, url: str) -> None:
        self._url, self._database = url, open_database(url)

    @property
    def database(self) -> Database:
        return self._database

    async def empty(self) -> None:
        """Delete every row of our tables, after whatever still waits; numbers begin at 1 again.

        Raises StoreError where a test has closed it; the next one gets it opened anew.
        """
        try:
            await self._database.write(_empty)
        except BaseException:
            await self._database.close()
            self._database = open_database(self._url)
            raise

    def close(self) -> None:
        asyncio.run(self._database.close())


def _empty(tx: Connection) -> None:
    if tx.dialect.name == "postgresql":
        tx.connection.cursor().execute(POSTGRES)  # past SQLAlchemy, whose statements are single ones
        return
    for statement in _SQLITE:
        tx.exec_driver_sql(statement)


def make_file(file: Path) -> None:
    """Make a SQLite file with our tables and nothing in them, as a service would; to migrate it costs 0.1 s."""
    url = engines.url_of(file)
    engines.make_file(url)
    file.write_bytes(_migrated())


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "monitor.db"
        schema.ensure(engines.url_of(file), migrate=True)
        return file.read_bytes()
