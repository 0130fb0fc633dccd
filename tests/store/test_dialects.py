from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import chain

import pytest
from sqlalchemy import insert, select

from monitor.errors import StoreError
from monitor.model.feeds import PollState, Validators
from monitor.store import feeds, tables
from monitor.store.database import Connection, Database, open_database
from monitor.store.dialects import chunks, clean, insert_missing
from tests.make import NOW
from tests.store.rows import put

STATE = PollState(feed_url="https://feed.example.org/rss", next_poll_at=NOW)


async def stored(db: Database, state: PollState) -> PollState:
    def write(tx: Connection) -> PollState:
        put(tx, state)
        (saved,) = feeds.states(tx)
        return saved

    return await db.write(write)


@pytest.mark.parametrize(
    "instant",
    [
        datetime(2026, 11, 24, 0, 0, tzinfo=UTC),
        datetime(2026, 11, 24, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 11, 24, 1, 2, 3, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ],
)
async def test_an_instant_comes_back_as_it_was(db: Database, instant: datetime) -> None:
    saved = await stored(db, replace(STATE, next_poll_at=instant, visited=instant))
    assert (saved.next_poll_at, saved.visited) == (instant, instant)
    assert saved.next_poll_at.tzinfo is UTC


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
async def test_an_instant_is_utc_also_on_a_server_that_prefers_another_zone(
    db: Database, db_url: str
) -> None:
    await stored(db, STATE)
    elsewhere = open_database(f"{db_url}&options=-c%20timezone%3DAsia/Shanghai")
    (saved,) = await elsewhere.read(feeds.states)
    await elsewhere.close()
    assert (saved.next_poll_at, saved.next_poll_at.tzinfo) == (NOW, UTC)


@pytest.mark.parametrize("zone", [None, timezone(timedelta(hours=8))])
async def test_an_instant_that_is_not_utc_is_refused(db: Database, zone: timezone | None) -> None:
    query = select(tables.feeds).where(tables.feeds.c.next_poll_at == datetime(2026, 11, 24, tzinfo=zone))
    with pytest.raises(StoreError, match="expected an aware UTC datetime"):
        await db.read(lambda tx: tx.execute(query).all())


async def test_what_no_database_takes_is_replaced_one_for_one(db: Database) -> None:
    state = replace(
        STATE,
        title="a\0b\udc80c",
        last_error="\0",
        validators=Validators(etag='"\ud83d"', last_modified="昨天 😀"),
    )
    saved = await stored(db, state)
    assert (saved.title, saved.last_error) == ("a\ufffdb\ufffdc", "\ufffd")
    assert saved.validators == Validators(etag='"\ufffd"', last_modified="昨天 😀")
    assert len(clean(state.title)) == len(state.title)


async def test_a_list_of_names_is_cleaned_too(db: Database) -> None:
    def write(tx: Connection) -> object:
        values = {
            **dict.fromkeys(("feed_url", "id", "story", "title", "link", "summary", "text", "original"), ""),
            **{"authors": ("王\0", '"'), "sections": (), "first_seen": NOW, "news": True, "judged_by": ""},
        }
        tx.execute(insert(tables.entries).values(values))
        return tx.execute(select(tables.entries.c.authors, tables.entries.c.sections)).one()

    assert await db.write(write) == (("王\ufffd", '"'), ())


def test_many_values_are_split_in_their_order() -> None:
    values = [str(number) for number in range(1201)]
    pieces = list(chunks(values))
    assert [len(piece) for piece in pieces] == [500, 500, 201]
    assert list(chain(*pieces)) == values
    assert list(chunks([])) == []


async def test_a_row_whose_key_is_there_stays_as_it_is(db: Database) -> None:
    def rows(*pairs: tuple[str, int]) -> list[dict[str, object]]:
        return [{"feed_url": "feed", "key": key, "seq": seq} for key, seq in pairs]

    await db.write(insert_missing, tables.entry_keys, rows(("a", 1), ("b", 2)))
    await db.write(insert_missing, tables.entry_keys, rows(("b", 3), ("c", 4), ("c", 5)))
    await db.write(insert_missing, tables.entry_keys, [])
    kept = await db.read(lambda tx: tx.execute(tables.entry_keys.select()).all())
    assert {row.key: row.seq for row in kept} == {"a": 1, "b": 2, "c": 4}
