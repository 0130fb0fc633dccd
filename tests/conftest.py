"""The fixtures every test may ask for: `db` is a database, once of each kind."""

import gc
import os
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

import tests.offline.sitecustomize  # noqa: F401 # from here on nothing leaves this machine

if TYPE_CHECKING:
    # Imported where they are used: pytest, which hands the tests out to its workers, needs none of them.
    from monitor.store.database import Database
    from tests.jobs.desk import Desk
    from tests.kept import Kept
    from tests.postgres import Postgres

# Objects made since the last look for garbage: with Python's own 700, looking takes half the time of the collection of
# the tests, and a tenth of theirs.
gc.set_threshold(50_000)

# Else a property test fails when an example takes 0.2 s, or the drawing of ten takes 1 s: as on a busy machine.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# Nor does anything that a test starts.
_OFFLINE = str(Path(__file__).with_name("offline"))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (_OFFLINE, os.environ.get("PYTHONPATH"))))

_OUTSIDE = {
    "subprocess.Popen",
    "os.fork",
    "os.posix_spawn",
    "socket.connect",
    "sqlite3.connect",
}  # audit events


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-outside",
        action="store_true",
        help="fail a test that starts a process, connects to a server or opens a database (make quick)",
    )


def pytest_collection_finish() -> None:
    gc.freeze()  # what was collected stays to the end: nobody need look through it


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Take coverage's trace function away while a test of many cases runs: marked "untraced", or a property test.

    It would make these tests four times slower, and what only cases drawn by chance reach shall not count as covered.
    """
    trace = sys.gettrace()
    if trace is None or not any(map(item.get_closest_marker, ("untraced", "hypothesis"))):
        return (yield)
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(trace)


@pytest.fixture(autouse=True, scope="session")
def _without_outside(pytestconfig: pytest.Config) -> None:
    """Refuse what --no-outside forbids from now on; an audit hook cannot be taken out again."""

    def refuse(event: str, _arguments: tuple[object, ...]) -> None:
        if event in _OUTSIDE:
            raise RuntimeError(f"{event} is not for make quick: mark the test with pytest.mark.outside")

    if pytestconfig.getoption("--no-outside"):
        sys.addaudithook(refuse)


@pytest.fixture(scope="session")
def postgres() -> "Iterator[Postgres]":
    """A PostgreSQL server; without one the test is skipped, or fails where CI=true."""
    from tests.postgres import running_postgres

    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database without tables, once of each kind."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path}/monitor.db"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def db_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database with our tables, and nothing in them, once of each kind.

    Leave the tables themselves as they are: the next test gets the same ones on PostgreSQL.
    """
    if kind == "sqlite":
        from tests.kept import make_file

        make_file(tmp_path / "monitor.db")
        yield f"sqlite:///{tmp_path}/monitor.db"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name: str = request.getfixturevalue("postgres_database")
    yield server.url(name)
    server.empty(name)


@pytest.fixture
async def db(kind: str, request: pytest.FixtureRequest) -> "AsyncIterator[Database]":
    """A database with our tables and nothing in them, once of each kind.

    It stays open from test to test. A test that closes it, or does something to its file, asks for `db_url` as well,
    and gets one of its own.
    """
    if "db_url" not in request.fixturenames:
        kept: Kept = request.getfixturevalue(f"kept_{kind}")
        yield kept.database
        await kept.empty()
        return
    from monitor.store.database import open_database

    database = open_database(request.getfixturevalue("db_url"))
    yield database
    await database.close()


@pytest.fixture(scope="session")
def kept_sqlite(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Kept]":
    from tests.kept import Kept, make_file

    file = tmp_path_factory.mktemp("kept") / "monitor.db"
    make_file(file)
    kept = Kept(f"sqlite:///{file}")
    yield kept
    kept.close()


@pytest.fixture(scope="session")
def kept_postgres(postgres: "Postgres", postgres_database: str) -> "Iterator[Kept]":
    from tests.kept import NAME, Kept

    kept = Kept(f"{postgres.url(postgres_database)}&application_name={NAME}")
    yield kept
    kept.close()


@pytest.fixture(scope="session")
def postgres_database(postgres: "Postgres") -> str:
    from monitor.store import engines, schema

    name = postgres.create()
    schema.ensure(engines.parse_url(postgres.url(name)), migrate=True)
    return name


@pytest.fixture
def desk(db: "Database") -> "Desk":
    from tests.fakes import FakeClock
    from tests.jobs.desk import Desk

    return Desk(db=db, clock=FakeClock())
