from itertools import chain

from monitor.store import bulk, tables
from monitor.store.database import Database


def test_many_values_are_split_in_their_order() -> None:
    values = [str(number) for number in range(1201)]
    pieces = list(bulk.chunks(values))
    assert [len(piece) for piece in pieces] == [500, 500, 201]
    assert list(chain(*pieces)) == values
    assert list(bulk.chunks([])) == []


async def test_a_row_whose_key_is_there_stays_as_it_is(db: Database) -> None:
    def rows(*pairs: tuple[str, int]) -> list[dict[str, object]]:
        return [{"feed_url": "feed", "key": key, "seq": seq} for key, seq in pairs]

    await db.write(bulk.insert_missing, tables.entry_keys, rows(("a", 1), ("b", 2)))
    await db.write(bulk.insert_missing, tables.entry_keys, rows(("b", 3), ("c", 4), ("c", 5)))
    await db.write(bulk.insert_missing, tables.entry_keys, [])
    found = await db.read(lambda tx: tx.execute(tables.entry_keys.select()).all())
    assert {row.key: row.seq for row in found} == {"a": 1, "b": 2, "c": 4}
