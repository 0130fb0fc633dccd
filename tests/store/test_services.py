from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from monitor.errors import SchemaError
from monitor.model.services import RunningService
from monitor.store import schema, services
from monitor.store.database import Connection, Database
from tests.make import NOW

ONE = RunningService(
    id="1", host="here", pid=7, version="1.0", started_at=NOW, beat_at=NOW, content_hash="abc"
)
TWO = replace(ONE, id="2", host="there", started_at=NOW + timedelta(seconds=1))
MINUTE = timedelta(minutes=1)


async def test_a_service_that_beats_is_running_until_it_ends(db: Database) -> None:
    await db.write(services.beat, ONE)
    await db.write(services.beat, TWO)
    later = replace(ONE, beat_at=NOW + MINUTE, content_hash="def")
    await db.write(services.beat, later)
    assert await db.read(services.running) == [later, TWO]
    await db.write(services.end, "1", NOW + MINUTE)
    assert await db.read(services.running) == [TWO]


async def test_a_service_that_was_told_to_stop_says_so_until_another_one_runs(db: Database) -> None:
    await db.write(services.beat, ONE)
    assert await db.read(services.newest) == ONE
    await db.write(services.end, "1", NOW + MINUTE)
    assert await db.read(services.newest) == replace(ONE, ended_at=NOW + MINUTE)
    assert await db.read(services.beating, NOW) == []
    await db.write(services.beat, TWO)
    await db.write(services.end, "2", NOW)
    assert await db.read(services.newest) == replace(TWO, ended_at=NOW), "the one before is forgotten"


async def test_a_service_is_forgotten_when_it_has_not_run_for_a_day(db: Database) -> None:
    await db.write(services.beat, ONE)
    await db.write(services.forget, NOW + timedelta(hours=23))
    assert await db.read(services.newest) == ONE
    await db.write(services.forget, NOW + timedelta(hours=25))
    assert await db.read(services.newest) is None


@pytest.mark.parametrize("away", [6 * MINUTE, -6 * MINUTE], ids=["killed", "its clock was far ahead"])
async def test_a_service_that_does_not_beat_any_more_is_forgotten(db: Database, away: timedelta) -> None:
    await db.write(services.beat, ONE)
    now = replace(TWO, beat_at=NOW + away)
    await db.write(services.beat, now)
    assert await db.read(services.running) == [now]


async def test_the_tables_of_a_newer_version_stop_an_older_service(db: Database) -> None:
    def migrate(tx: Connection, revision: str) -> None:
        tx.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '{revision}'"))

    await db.write(services.beat, ONE)
    await db.write(migrate, "9999")
    try:
        with pytest.raises(SchemaError, match=r"its tables are at 9999, not \d+. Install that version here"):
            await db.write(services.beat, replace(ONE, beat_at=NOW + MINUTE))
        assert await db.read(services.running) == [ONE], "nothing was written"
    finally:
        await db.write(migrate, schema.HEAD)  # the next test gets the same tables
