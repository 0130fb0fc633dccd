from datetime import timedelta

import pytest
from sqlalchemy import select

from monitor.errors import MonitorError
from monitor.jobs.rename import Renamed, rename
from monitor.store import digests, entries, outbox, owed, recipients, subscriptions, tables
from monitor.store.database import Connection, Database
from tests import make
from tests.make import NOW
from tests.store.mails import HELD, WAITING, delivery

ANN, BOB = "ann@example.org", "bob@example.org"
HOUR = timedelta(hours=1)


def old_and_new(tx: Connection) -> int:
    """Let "old" mail one story and hold a mail, go, and "new" come two entries later; return the held mail's number."""
    subscriptions.sync(tx, ["old"], NOW)
    recipients.sync(tx, "old", [ANN, BOB], NOW)
    old = subscriptions.state(tx, "old")
    assert old
    number = add_digest(tx, "old", "old story")
    assert subscriptions.take_slot(tx, old, make.slot(at=NOW), 0)
    held = outbox.insert(tx, number, make.mail(ANN), now=NOW, expires_at=NOW + HOUR)
    owed.add(tx, "old", BOB, {1: 1}, NOW)
    subscriptions.mark_gone(tx, "old", NOW)
    recipients.leave_all(tx, "old", NOW)
    outbox.hold_unwanted(tx, NOW)
    entries.insert_new(tx, [(make.entry(number=number), True) for number in range(2)], "r1")
    subscriptions.sync(tx, ["new"], NOW + HOUR)
    recipients.sync(tx, "new", [ANN], NOW + HOUR)
    add_digest(tx, "new", "new story")
    return held


def add_digest(tx: Connection, key: str, story: str) -> int:
    number = digests.insert(tx, key, make.slot(), NOW, 1, "r1")
    assert number is not None
    digests.mark_mailed(tx, key, number, [(1, story)])
    digests.add_backfill(tx, key, [5])
    return number


async def test_the_new_name_goes_on_from_the_earlier_place_with_both_histories(db: Database) -> None:
    def parts(tx: Connection) -> list[tuple[str, int]]:
        query = select(tables.digests.c.subscription, tables.digests.c.part).order_by(tables.digests.c.part)
        return [(row.subscription, row.part) for row in tx.execute(query)]

    held = await db.write(old_and_new)
    assert (await delivery(db, held)).status is HELD
    renamed = await rename("old", "new", in_file=["new"], db=db, now=NOW + HOUR)
    assert renamed == Renamed(news=2, mails=1)
    state = await db.read(subscriptions.state, "new")
    assert state
    assert (state.cursor, state.created_at, state.last_slot) == (0, NOW, make.slot(at=NOW))
    assert await db.read(subscriptions.state, "old") is None
    assert await db.read(digests.mailed, state.key, ["old story", "new story"]) == {"old story", "new story"}
    assert await db.read(parts) == [("new", 1), ("new", 2)], "both had that slot"
    assert (await delivery(db, held)).status is WAITING
    assert await db.read(owed.of, "new") == {BOB: {1: 1}}
    assert await db.read(recipients.left_lately, "new") == [BOB], "he is not in the file, and may come back"
    assert await db.read(digests.count_backfill) == 1


@pytest.mark.parametrize(
    ("old", "new", "in_file", "said"),
    [
        ("old", "nwe", ["new"], r'there is no subscription "nwe" in the file.*Did you mean "new"'),
        ("old", "new", ["new", "old"], '"old" is in the file, too'),
        ("odl", "new", ["new"], r'the database knows no subscription "odl". Did you mean "old"'),
        ("new", "new", ["new"], '"new" is in the file, too'),
    ],
)
async def test_what_cannot_be_one_that_was_renamed_is_refused(
    db: Database, old: str, new: str, in_file: list[str], said: str
) -> None:
    await db.write(old_and_new)
    with pytest.raises(MonitorError, match=said):
        await rename(old, new, in_file=in_file, db=db, now=NOW)
