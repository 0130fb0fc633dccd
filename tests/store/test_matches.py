from monitor.model.rules import Hit, Match
from monitor.store import entries, matches
from monitor.store.database import Connection, Database
from tests import make


async def _stored(db: Database, *new: Match) -> tuple[Match, ...]:
    """The matches of an entry, after each of these was inserted."""

    def write(tx: Connection) -> tuple[Match, ...]:
        [(seq, _)] = entries.insert_new(tx, [(make.entry(), True)], "r1")
        for match in new:
            matches.insert(tx, [(seq, match)])
        names = sorted({match.fingerprint for match in new})
        return entries.pending(tx, subscription="s", after=0, upto=seq, fingerprints=names)[0].matches

    return await db.write(write)


async def test_a_match_comes_back_with_every_hit(db: Database) -> None:
    hits = (
        make.hit("大模型", start=2),
        Hit(field="text", word='"AI" \\', found="ＡＩ", start=1_000_000, end=1_000_002),
    )
    match = make.match(hits=hits, score=2.25)
    assert await _stored(db, match) == (match,)


async def test_a_match_that_is_known_stays_as_it_is(db: Database) -> None:
    first, second = make.match(score=1.0), make.match(score=2.0)
    assert await _stored(db, first, second) == (first,)


async def test_an_entry_may_satisfy_many_rules(db: Database) -> None:
    found = [make.match(f"f{number}") for number in range(3)]
    assert await _stored(db, *found) == tuple(found)


async def test_no_matches_are_no_work(db: Database) -> None:
    await db.write(matches.insert, [])
