import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from monitor.errors import DatabaseGoneError, SchemaError, StoreError
from monitor.store import feeds
from monitor.store.database import Connection, Database, open_database
from tests.make import NOW
from tests.store.rows import URL


def test_a_new_file_and_its_directory_are_made_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "data" / "deeper" / "monitor.db"
    db = open_database(f"sqlite:///{file}")
    asyncio.run(db.write(lambda tx: tx.exec_driver_sql("DELETE FROM feeds").close()))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    asyncio.run(db.close())
    assert modes == {"monitor.db": 0o600, "monitor.db-wal": 0o600, "monitor.db-shm": 0o600}


def test_a_file_keeps_the_mode_its_operator_gave_it(tmp_path: Path) -> None:
    file = tmp_path / "monitor.db"
    file.touch(0o640)
    asyncio.run(open_database(f"sqlite:///{file}").close())
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_what_is_answered_is_on_the_disk(tmp_path: Path) -> None:
    def settings(tx: Connection) -> tuple[object, ...]:
        return tuple(
            tx.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
        )

    db = open_database(f"sqlite:///{tmp_path}/monitor.db")
    assert asyncio.run(db.write(settings)) == ("wal", 2)  # 2 is FULL
    asyncio.run(db.close())


def test_a_new_file_that_another_service_is_filling_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "monitor.db"
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    opened: list[Database] = []
    opening = threading.Thread(target=lambda: opened.append(open_database(f"sqlite:///{file}")))
    opening.start()
    opening.join(0.2)
    assert opening.is_alive()
    other.rollback()
    other.close()
    opening.join(30)
    asyncio.run(opened[0].close())


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite://", "would forget everything"),
        ("sqlite:///:memory:", "would forget everything"),
        ("mysql://root:secret@db.example.org/monitor", '"mysql" is not supported'),
        ("postgresql+asyncpg://db.example.org/monitor", r'"postgresql\+asyncpg" is not supported'),
        ("data/monitor.db", "is not a database URL"),
        ("postgresql://ann:secret@db.example.org:port/monitor", "is not a database URL"),
    ],
)
def test_another_kind_of_url_is_refused_and_told_what_to_write(url: str, says: str) -> None:
    with pytest.raises(StoreError, match=f'{says}.*Write url = "sqlite:///data/monitor.db" or') as caught:
        open_database(url)
    assert "secret" not in str(caught.value)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(StoreError, match=rf"File exists: {tmp_path}/data\. Check url in \[store\]"):
        open_database(f"sqlite:///{tmp_path}/data/monitor.db")


def test_a_directory_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=rf"Is a directory: {tmp_path}\."):
        open_database(f"sqlite:///{tmp_path}")


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "monitor.db"
    file.write_text("a letter to my aunt " * 100)
    with pytest.raises(SchemaError, match="file is not a database"):
        open_database(f"sqlite:///{file}")
    assert file.read_text() == "a letter to my aunt " * 100


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://ann:secret@/monitor?host={folder}",
        "postgresql://ann@/monitor?host={folder}&password=secret&sslpassword=secret",
    ],
)
def test_a_server_that_does_not_answer_is_told_without_the_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(
        StoreError, match=r"No such file.*Check url in \[store\], and that the server runs"
    ) as caught:
        open_database(url.format(folder=tmp_path))
    assert not isinstance(caught.value, SchemaError), "a service may wait for its server"
    assert "secret" not in str(caught.value)
    assert "***@/monitor" in str(caught.value), "the user of a URL is masked with its password"


def test_the_operator_may_set_what_we_set(tmp_path: Path) -> None:
    def patience(tx: Connection) -> object:
        return tx.exec_driver_sql("PRAGMA busy_timeout").scalar()

    patient = open_database(f"sqlite:///{tmp_path}/monitor.db")
    hasty = open_database(f"sqlite:///{tmp_path}/monitor.db?timeout=2")
    assert [asyncio.run(db.write(patience)) for db in (patient, hasty)] == [10_000, 2_000]
    asyncio.run(patient.close())
    asyncio.run(hasty.close())


WITHOUT_DRIVER = """
import sys
sys.modules["psycopg"] = None  # as if it were not installed
from monitor.store.database import open_database
open_database("postgresql://ann:secret@db.example.org/monitor")
"""


def test_a_missing_driver_says_how_to_get_it() -> None:
    run = subprocess.run([sys.executable, "-c", WITHOUT_DRIVER], capture_output=True, text=True, timeout=60)
    assert run.stderr.splitlines()[-1] == (
        "monitor.errors.StoreError: database postgresql+psycopg://***@db.example.org/monitor: "
        "the driver is missing. Run: pip install 'feed-monitor[postgres]'"
    )


@pytest.mark.parametrize("accident", ["deleted", "replaced", "emptied", "folder moved"])
def test_a_file_that_was_deleted_or_replaced_takes_nothing_any_more(tmp_path: Path, accident: str) -> None:
    folder = tmp_path / "data"
    db = open_database(f"sqlite:///{folder}/monitor.db")
    asyncio.run(db.write(feeds.sync, [URL], NOW))
    if accident == "folder moved":
        folder.rename(tmp_path / "elsewhere")
    elif accident == "emptied":
        os.truncate(folder / "monitor.db", 0)
    else:
        for path in folder.iterdir():
            path.unlink()
    if accident == "replaced":
        asyncio.run(open_database(f"sqlite:///{folder}/monitor.db").close())
    for work in (db.write, db.read):
        with pytest.raises(DatabaseGoneError, match=r"monitor\.db was deleted or replaced while it was open"):
            asyncio.run(work(feeds.states))
    asyncio.run(db.close())
    assert (folder / "monitor.db").exists() is (accident in ("replaced", "emptied")), "none is made"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")
def test_a_new_file_that_root_makes_belongs_to_the_owner_of_its_directory(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    os.chown(tmp_path / "data", 4711, 4712)
    db = open_database(f"sqlite:///{tmp_path}/data/monitor.db")
    asyncio.run(db.write(lambda tx: tx.exec_driver_sql("DELETE FROM feeds").close()))
    owners = {path.name: (path.stat().st_uid, path.stat().st_gid) for path in (tmp_path / "data").iterdir()}
    asyncio.run(db.close())
    assert owners == dict.fromkeys(("monitor.db", "monitor.db-wal", "monitor.db-shm"), (4711, 4712))
