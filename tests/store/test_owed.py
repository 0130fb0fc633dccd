from datetime import timedelta

from monitor.store import owed
from monitor.store.database import Database
from tests.make import NOW

S, ANN, BOB = "s", "ann@example.org", "bob@example.org"


async def test_what_is_owed_is_owed_once_and_forgotten_by_recipient(db: Database) -> None:
    await db.write(owed.add, S, BOB, {3: 0}, NOW)
    await db.write(owed.add, S, ANN, {2: 1, 1: 0}, NOW)
    await db.write(owed.add, S, ANN, {2: 0}, NOW + timedelta(hours=1))
    await db.write(owed.add, "other", ANN, {2: 0}, NOW)
    assert await db.read(owed.of, S) == {ANN: {1: 0, 2: 1}, BOB: {3: 0}}
    assert await db.read(owed.count) == 4
    assert await db.write(owed.drop, S, ANN, [1, 3]) == 1
    assert await db.write(owed.drop, S, ANN) == 1
    assert await db.read(owed.of, S) == {BOB: {3: 0}}
    assert await db.read(owed.of, "other") == {ANN: {2: 0}}
