import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from monitor.errors import StoreError
from monitor.store import compaction, entries, pruned
from monitor.store.compaction import FileSpace
from monitor.store.database import Connection, Database, open_database
from tests import make
from tests.make import NOW

SQLITE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
COUNT = 300


async def fill_and_prune(db: Database) -> None:
    """Leave a database most of which is free: its entries had a page of text each."""
    arrived = [(make.entry(number=number, text="正文" * 500), True) for number in range(COUNT)]
    await db.write(entries.insert_new, arrived, "ruleset")
    assert await db.write(pruned.drop_texts, NOW, COUNT) == COUNT


def older(file: Path) -> None:
    """Make a file as it was made before files could give pages back."""
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA auto_vacuum = NONE")
    connection.execute("VACUUM")
    connection.close()


async def space_of(db: Database) -> FileSpace:
    space = await db.read(compaction.space)
    assert space
    return space


def test_a_new_file_gives_free_pages_back(tmp_path: Path) -> None:
    asyncio.run(open_database(f"sqlite:///{tmp_path}/monitor.db").close())
    connection = sqlite3.connect(tmp_path / "monitor.db")
    assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


@SQLITE
@pytest.mark.usefixtures("db_url")
async def test_free_pages_are_given_back_in_steps_but_for_some_to_spare(db: Database) -> None:
    await fill_and_prune(db)
    before = await space_of(db)
    assert before.shrinks
    assert before.free > before.size // 2
    assert await db.write(compaction.give_back, 100) == 100
    assert (await space_of(db)).size == before.size - 100 * 4096
    while await db.write(compaction.give_back, 100):
        pass
    after = await space_of(db)
    assert after.size < before.size // 2
    assert after.free <= after.size // 10
    assert len(await db.read(entries.of, range(COUNT + 1))) == COUNT


@SQLITE
async def test_an_older_file_keeps_its_free_pages_until_it_is_rewritten(
    db: Database, db_url: str, tmp_path: Path
) -> None:
    await db.close()
    older(tmp_path / "monitor.db")
    db = open_database(db_url)
    await fill_and_prune(db)
    before = await space_of(db)
    assert not before.shrinks
    assert await db.write(compaction.give_back, 100) == 0
    await db.close()
    compaction.rewrite(db_url)
    db = open_database(db_url)
    after = await space_of(db)
    assert after.shrinks
    assert after.free == 0
    assert after.size < before.size // 2
    assert (tmp_path / "monitor.db").stat().st_size == after.size
    assert len(await db.read(entries.of, range(COUNT + 1))) == COUNT
    await db.close()


@SQLITE
def test_a_file_that_somebody_writes_is_not_rewritten(db_url: str, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "monitor.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="database is locked"):
        compaction.rewrite(f"{db_url}?timeout=0")
    other.close()


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
@pytest.mark.usefixtures("db_url")
async def test_postgresql_keeps_its_files_itself(db: Database) -> None:
    assert await db.read(compaction.space) is None


def test_rewriting_takes_a_copy_in_the_temporary_folder_and_one_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = FileSpace(size=100, free=40, shrinks=False)
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path / "absent"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (room,) = compaction.rooms(tmp_path / "monitor.db", space)
    assert (room.folder, room.needed) == (tmp_path, 120), "both are on one disk"
    monkeypatch.setenv("SQLITE_TMPDIR", "/dev/shm")
    rooms = compaction.rooms(tmp_path / "monitor.db", space)
    assert [(room.folder, room.needed) for room in rooms] == [(Path("/dev/shm"), 60), (tmp_path, 60)]


@SQLITE
@pytest.mark.usefixtures("db_url")
async def test_a_step_that_gives_pages_back_is_whole_with_what_stands_beside_it(db: Database) -> None:
    await fill_and_prune(db)
    before = await space_of(db)

    def fail(tx: Connection) -> None:
        compaction.give_back(tx, 100)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await db.write(fail)
    assert await space_of(db) == before
    assert await db.read(lambda tx: tx.scalar(text("PRAGMA integrity_check"))) == "ok"
