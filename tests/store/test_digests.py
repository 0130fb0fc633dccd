from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from monitor.model.digests import SubscriptionState
from monitor.store import digests, entries, subscriptions, tables
from monitor.store.database import Connection, Database
from tests import make
from tests.make import NOW

NAME = "AI 日报"


async def state(db: Database, name: str = NAME) -> SubscriptionState:
    known = await db.read(subscriptions.state, name)
    assert known
    return known


async def test_a_new_subscription_begins_with_what_arrives_from_here_on(db: Database) -> None:
    await db.write(subscriptions.sync, ["early"], NOW)
    await db.write(entries.insert_new, [(make.entry(number=number), True) for number in range(3)], "r1")
    await db.write(subscriptions.sync, ["early", NAME], NOW + timedelta(hours=1))
    newest = await db.read(entries.newest_seq)
    assert await state(db, "early") == SubscriptionState(key="early", name="early", created_at=NOW, cursor=0)
    assert await state(db) == SubscriptionState(
        key=NAME, name=NAME, created_at=NOW + timedelta(hours=1), cursor=newest
    )


async def test_an_unknown_subscription_has_no_state(db: Database) -> None:
    assert await db.read(subscriptions.state, NAME) is None


async def test_a_slot_is_taken_once(db: Database) -> None:
    await db.write(subscriptions.sync, [NAME, "other"], NOW)
    before, slot = await state(db), make.slot(at=NOW)
    assert await db.write(subscriptions.take_slot, before, slot, 7)
    assert not await db.write(subscriptions.take_slot, before, slot, 7)
    assert await state(db) == replace(before, cursor=7, last_slot=slot)
    assert (await state(db, "other")).cursor == 0


async def test_somebody_who_read_an_older_state_does_not_move_on(db: Database) -> None:
    await db.write(subscriptions.sync, [NAME], NOW)
    await db.write(subscriptions.take_slot, await state(db), make.slot("now:one"), 7)
    now = await state(db)
    for old in (
        replace(now, cursor=6),
        replace(now, last_slot=make.slot("now:none")),
        replace(now, last_slot=make.slot("now:one", NOW - timedelta(microseconds=1))),
        replace(now, last_slot=None),
    ):
        assert not await db.write(subscriptions.take_slot, old, make.slot("now:two"), 8)
    assert await db.write(subscriptions.take_slot, now, make.slot("now:two"), 8)


async def test_a_slot_has_one_digest(db: Database) -> None:
    slot = make.slot()
    first = await db.write(digests.insert, NAME, slot, NOW, 3, "r1")
    assert first is not None
    assert await db.write(digests.insert, NAME, slot, NOW, 4, "r2") is None
    other = await db.write(digests.insert, "other", slot, NOW, 3, "r1")
    assert other not in (None, first)


async def test_a_notice_counts_no_entries(db: Database) -> None:
    def row(tx: Connection, digest_id: int | None) -> tuple[str, str, int, str]:
        table = tables.digests
        columns = select(table.c.kind, table.c.subscription, table.c.entries, table.c.ruleset)
        kind, subscription, count, ruleset = tx.execute(columns.where(table.c.id == digest_id)).one()
        return kind, subscription, count, ruleset

    notice = await db.write(digests.insert_notice, make.slot(), NOW)
    assert await db.read(row, notice) == ("notice", "", 0, "")
    digest = await db.write(digests.insert, NAME, make.slot(), NOW, 3, "r1")
    assert await db.read(row, digest) == ("digest", NAME, 3, "r1")


async def test_a_story_is_marked_once_for_each_subscription(db: Database) -> None:
    await db.write(digests.mark_mailed, NAME, 1, [(1, "one"), (2, "two")])
    await db.write(digests.mark_mailed, NAME, 2, [(3, "two"), (4, "three")])
    await db.write(digests.mark_mailed, NAME, 3, [])
    assert await db.read(digests.mailed, NAME, ["two", "three", "four"]) == {"two", "three"}
    assert await db.read(digests.mailed, "other", ["two"]) == set()
    assert await db.read(digests.mailed, NAME, []) == set()


async def test_thousands_of_stories_fit_into_one_question(db: Database) -> None:
    stories = [f"story {number}" for number in range(1201)]
    await db.write(digests.mark_mailed, NAME, 1, list(enumerate(stories)))
    assert await db.read(digests.mailed, NAME, stories) == set(stories)


async def test_a_story_is_found_in_each_slot_that_brought_it(db: Database) -> None:
    def store(tx: Connection) -> None:
        subscriptions.sync(tx, [NAME], NOW)
        copies = [make.entry(number=number, story="one") for number in (1, 2)]
        (first, _), (copy, _) = entries.insert_new(tx, [(entry, True) for entry in copies], "r1")
        slots = [make.slot(f"at:2026-11-2{day}T08:00", NOW + timedelta(days=day)) for day in (4, 5, 6)]
        for slot, seq, part in ((slots[1], first, 1), (slots[1], first, 2), (slots[0], copy, 1)):
            number = digests.insert(tx, NAME, slot, slot.at, 1, "r1", part=part)
            assert number is not None
            digests.add_entries(tx, number, {seq: 0})
        assert digests.insert(tx, NAME, slots[2], slots[2].at, 1, "r1")

    await db.write(store)
    assert [mailing.slot for mailing in await db.read(digests.mailings, "one")] == [
        "at:2026-11-25T08:00",
        "at:2026-11-24T08:00",
    ]
    assert await db.read(digests.mailings, "two") == []


async def test_news_count_from_the_last_slot_or_from_a_cursor_beyond_it(db: Database) -> None:
    await db.write(subscriptions.sync, [NAME], NOW)
    for hour in range(3):
        at = NOW + timedelta(hours=hour)
        await db.write(entries.insert_new, [(make.entry(number=hour, first_seen=at), True)], "r1")
    fresh = await state(db)
    assert await db.read(subscriptions.news_after, fresh) == 0
    for hour, cursor, expected in ((1, 0, 2), (0, 3, 3), (9, 0, 3)):
        moved = replace(fresh, cursor=cursor, last_slot=make.slot(at=NOW + timedelta(hours=hour)))
        assert await db.read(subscriptions.news_after, moved) == expected
