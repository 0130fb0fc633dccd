import asyncio

import pytest

from monitor.errors import SchemaError, StoreError
from monitor.store.database import Connection, Database, open_database
from tests.postgres import Postgres
from tests.store.gate import Gate
from tests.store.rows import URL, add, urls

IMPATIENT = {"sqlite": "?timeout=0.1", "postgres": "&options=-c%20lock_timeout%3D100"}


async def test_a_database_that_stays_locked_is_a_store_error_and_then_works_again(
    db: Database, db_url: str, kind: str, gate: Gate
) -> None:
    impatient = open_database(db_url + IMPATIENT[kind])
    holding = asyncio.create_task(db.write(gate.wait))
    await asyncio.to_thread(gate.reached.wait)
    with pytest.raises(StoreError, match="Another program holds it; this is tried again") as caught:
        await impatient.write(add, URL)
    assert not isinstance(caught.value, SchemaError), "the service goes on"
    gate.open()
    await holding
    assert await impatient.write(add, URL) == URL
    await impatient.close()


SQLITE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
POSTGRES = pytest.mark.parametrize("kind", ["postgres"], indirect=True)


@SQLITE
@pytest.mark.usefixtures("db_url")
async def test_a_full_disk_says_what_to_do(db: Database) -> None:
    def fill(tx: Connection) -> None:
        tx.exec_driver_sql("PRAGMA max_page_count = 1")  # no more than there are
        tx.exec_driver_sql("CREATE TABLE filler AS SELECT randomblob(1000000) AS bytes")

    with pytest.raises(
        StoreError, match=r"disk is full\. Make room on the disk; nothing that was stored is lost"
    ):
        await db.write(fill)


@SQLITE
@pytest.mark.usefixtures("db_url")
async def test_a_database_that_rolls_everything_back_by_itself_is_told_to_everybody(
    db: Database, gate: Gate
) -> None:
    """As SQLite does when the disk fails; from there on it would commit each statement by itself."""

    def roll_back(tx: Connection) -> None:
        tx.exec_driver_sql(f"INSERT OR ROLLBACK INTO feeds SELECT * FROM feeds WHERE url = '{URL}'")

    first = asyncio.create_task(db.write(gate.wait))
    await asyncio.to_thread(gate.reached.wait)
    together = [
        asyncio.create_task(db.write(add, URL)),
        asyncio.create_task(db.write(roll_back)),
        asyncio.create_task(db.write(add, f"{URL}/2")),
    ]
    await asyncio.sleep(0)
    gate.open()
    await first
    outcomes = await asyncio.gather(*together, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreError] * 3
    assert await db.read(urls) == []
    assert await db.write(add, URL) == URL


@POSTGRES  # which looks at some constraints as late as that
@pytest.mark.usefixtures("db_url")
async def test_a_commit_that_fails_is_told_to_everybody_in_it(db: Database, gate: Gate) -> None:
    await db.write(
        lambda tx: tx.exec_driver_sql("CREATE TEMP TABLE late (one int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    )
    first = asyncio.create_task(db.write(gate.wait))
    await asyncio.to_thread(gate.reached.wait)
    late = "INSERT INTO late VALUES (1), (1)"
    together = [
        asyncio.create_task(db.write(add, URL)),
        asyncio.create_task(db.write(lambda tx: tx.exec_driver_sql(late).rowcount)),
    ]
    await asyncio.sleep(0)
    gate.open()
    await first
    outcomes = await asyncio.gather(*together, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreError, StoreError]
    assert await db.read(urls) == []


@POSTGRES
@pytest.mark.usefixtures("db_url")
async def test_a_server_that_was_restarted_meanwhile_is_not_noticed(db: Database, postgres: Postgres) -> None:
    await db.write(add, URL)
    await db.read(urls)
    postgres.disconnect_everybody()
    assert await db.read(urls) == [URL]
    assert await db.write(add, f"{URL}/2") == f"{URL}/2"


@POSTGRES
@pytest.mark.usefixtures("db_url")
async def test_a_server_that_stops_during_a_transaction_is_told_to_everybody_in_it(
    db: Database, postgres: Postgres, gate: Gate
) -> None:
    def interrupted(tx: Connection) -> None:
        postgres.disconnect_everybody()
        add(tx, f"{URL}/2")

    first = asyncio.create_task(db.write(gate.wait))
    await asyncio.to_thread(gate.reached.wait)
    together = [asyncio.create_task(db.write(add, URL)), asyncio.create_task(db.write(interrupted))]
    await asyncio.sleep(0)
    gate.open()
    await first
    outcomes = await asyncio.gather(*together, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreError, StoreError]
    assert all("terminating connection" in str(outcome) for outcome in outcomes)
    assert await db.read(urls) == []
    assert await db.write(add, URL) == URL
