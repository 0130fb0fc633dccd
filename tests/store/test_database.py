import asyncio
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import text

from monitor.errors import StoreError
from monitor.store import feeds
from monitor.store.database import Connection, Database, open_database
from tests.command import unmeasured_environ
from tests.store.gate import Gate
from tests.store.rows import URL, add, urls


def add_and_fail(tx: Connection, url: str) -> None:
    add(tx, url)
    raise ValueError("a mistake of the function")


def count_up(tx: Connection) -> None:
    (state,) = feeds.states(tx)
    feeds.save(tx, replace(state, failures=state.failures + 1))


async def test_a_write_answers_what_the_function_returned_and_it_stays(db: Database) -> None:
    assert await db.write(add, URL) == URL
    assert await db.read(urls) == [URL]


async def test_what_a_function_raises_is_raised_and_nothing_it_wrote_stays(db: Database) -> None:
    with pytest.raises(ValueError, match="a mistake of the function"):
        await db.write(add_and_fail, URL)
    assert await db.read(urls) == []


async def test_functions_that_wait_share_one_commit(db: Database, gate: Gate) -> None:
    def transaction(tx: Connection) -> object:
        return tx.get_transaction()

    first = asyncio.create_task(db.write(gate.wait))
    await asyncio.to_thread(gate.reached.wait)
    others = [asyncio.create_task(db.write(transaction)) for _ in range(10)]
    await asyncio.sleep(0)
    gate.open()
    assert len(set(await asyncio.gather(*others))) == 1
    await first


async def test_one_that_fails_does_no_harm_to_those_beside_it(db: Database, gate: Gate) -> None:
    first = asyncio.create_task(db.write(gate.wait))
    await asyncio.to_thread(gate.reached.wait)
    beside: list[asyncio.Task[object]] = [
        asyncio.create_task(db.write(add, f"{URL}/0")),
        asyncio.create_task(db.write(add_and_fail, f"{URL}/failed")),
        asyncio.create_task(db.write(add, f"{URL}/1")),
        asyncio.create_task(db.write(insert_twice, f"{URL}/twice")),
        asyncio.create_task(db.write(add, f"{URL}/2")),
    ]
    await asyncio.sleep(0)
    gate.open()
    outcomes = await asyncio.gather(first, *beside, return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == [
        *("NoneType", "str", "ValueError", "str", "StoreError", "str")
    ]
    assert await db.read(urls) == [f"{URL}/0", f"{URL}/1", f"{URL}/2"]


def insert_twice(tx: Connection, url: str) -> None:
    row = text(
        "INSERT INTO feeds (url, title, etag, last_modified, next_poll_at, failures, last_error)"
        " SELECT :url, '', '', '', '2026-11-24 00:00:00', 0, ''"
    )
    tx.execute(row, {"url": url})
    tx.execute(row, {"url": url})


async def test_items_that_wait_for_one_function_are_given_to_it_together(db: Database, gate: Gate) -> None:
    given: list[list[str]] = []

    def add_all(tx: Connection, items: Sequence[str]) -> None:
        given.append(list(items))
        for url in items:
            add(tx, url)

    first = asyncio.create_task(db.write(gate.wait))
    await asyncio.to_thread(gate.reached.wait)
    others = [asyncio.create_task(db.write_together(add_all, f"{URL}/{number}")) for number in range(3)]
    await asyncio.sleep(0)
    gate.open()
    await asyncio.gather(first, *others)
    assert given == [[f"{URL}/0", f"{URL}/1", f"{URL}/2"]]
    assert await db.read(urls) == given[0]


async def test_an_item_that_fails_does_no_harm_to_those_beside_it(db: Database, gate: Gate) -> None:
    def add_good(tx: Connection, items: Sequence[str]) -> None:
        for url in items:
            (add_and_fail if "bad" in url else add)(tx, url)

    first = asyncio.create_task(db.write(gate.wait))
    await asyncio.to_thread(gate.reached.wait)
    names = ("0", "bad", "1")
    beside = [asyncio.create_task(db.write_together(add_good, f"{URL}/{name}")) for name in names]
    await asyncio.sleep(0)
    gate.open()
    outcomes = await asyncio.gather(first, *beside, return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == [
        "NoneType",
        "NoneType",
        "ValueError",
        "NoneType",
    ]
    assert await db.read(urls) == [f"{URL}/0", f"{URL}/1"]


async def test_two_services_that_count_lose_no_update(db: Database, other: Database) -> None:
    await db.write(add, URL)
    await asyncio.gather(*(each.write(count_up) for _ in range(100) for each in (db, other)))
    (state,) = await db.read(feeds.states)
    assert state.failures == 200


async def test_a_read_cannot_write(db: Database) -> None:
    with pytest.raises(StoreError, match=r"readonly database|read-only transaction"):
        await db.read(add, URL)
    assert await db.read(urls) == []


async def test_a_read_sees_one_moment(db: Database, gate: Gate) -> None:
    def look_twice(tx: Connection) -> tuple[list[str], list[str]]:
        before = urls(tx)
        gate.wait(tx)
        return before, urls(tx)

    looking = asyncio.create_task(db.read(look_twice))
    await asyncio.to_thread(gate.reached.wait)
    await db.write(add, URL)
    gate.open()
    assert await looking == ([], [])


async def test_a_write_that_is_cancelled_while_it_waits_is_absent(db: Database, gate: Gate) -> None:
    first = asyncio.create_task(db.write(gate.wait))
    await asyncio.to_thread(gate.reached.wait)
    second = asyncio.create_task(db.write(add, URL))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    gate.open()
    await first
    assert await db.read(urls) == []


async def test_a_write_that_is_cancelled_while_it_runs_hurts_nobody(db: Database, gate: Gate) -> None:
    first = asyncio.create_task(db.write(gate.wait))
    await asyncio.to_thread(gate.reached.wait)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    gate.open()
    assert await db.write(add, URL) == URL


async def test_closing_finishes_what_waits(db_url: str, gate: Gate) -> None:
    db = open_database(db_url)
    first = asyncio.create_task(db.write(gate.wait))
    await asyncio.to_thread(gate.reached.wait)
    second = asyncio.create_task(db.write(add, URL))
    await asyncio.sleep(0)
    closing = asyncio.create_task(db.close())
    gate.open()
    await asyncio.gather(first, second, closing)
    again = open_database(db_url)
    assert await again.read(urls) == [URL]
    await again.close()


@pytest.mark.usefixtures("db_url")  # one that it may close
async def test_closed_it_says_so_and_closing_again_does_nothing(db: Database) -> None:
    await db.close()
    await db.close()
    with pytest.raises(StoreError, match="is closed"):
        await db.write(add, URL)
    with pytest.raises(StoreError, match="is closed"):
        await db.read(urls)


def test_one_database_serves_one_event_loop_after_another(db_url: str) -> None:
    db = open_database(db_url)
    asyncio.run(db.write(add, URL))
    assert asyncio.run(db.read(urls)) == [URL]
    asyncio.run(db.close())


KILLED = f"""
import asyncio, os, signal, sys
from monitor.store.database import open_database
from tests.store.rows import add

def add_and_die(tx):
    add(tx, "{URL}/2")
    os.kill(os.getpid(), signal.SIGKILL)

async def work():
    db = open_database(sys.argv[1])
    await db.write(add, "{URL}")
    await asyncio.gather(db.write(add, "{URL}/1"), db.write(add_and_die))

asyncio.run(work())
"""


def test_killed_before_the_commit_nothing_of_it_stays(db_url: str) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, db_url], timeout=60, env=unmeasured_environ())
    assert killed.returncode == -signal.SIGKILL
    db = open_database(db_url)
    known = asyncio.run(db.read(urls))
    asyncio.run(db.write(add, URL))
    asyncio.run(db.close())
    assert URL in known
    assert f"{URL}/2" not in known
