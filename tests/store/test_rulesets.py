from datetime import timedelta

from monitor.model.rules import RulesetVersion
from monitor.store import digests, rulesets
from monitor.store.database import Connection, Database
from tests import make
from tests.make import NOW


async def _record(db: Database, text: str, *, days: int = 0, fingerprint: str = "") -> RulesetVersion:
    return await db.write(
        rulesets.record, fingerprint=fingerprint or text, text=text, now=NOW + timedelta(days=days)
    )


async def test_rules_that_were_in_force_are_numbered_in_their_order(db: Database) -> None:
    assert await db.read(rulesets.newest) is None
    first, second = await _record(db, "one"), await _record(db, "two", days=1)
    assert (first.version, second.version) == (1, 2)
    assert await db.read(rulesets.history) == [first, second]
    assert await db.read(rulesets.newest) == second
    assert await db.read(rulesets.by_version, 1) == first
    assert await db.read(rulesets.by_version, 3) is None


async def test_rules_that_stay_as_they_are_are_recorded_once(db: Database) -> None:
    first = await _record(db, "one")
    assert await _record(db, "one", days=3) == first
    assert await db.read(rulesets.history) == [first]


async def test_rules_that_come_back_are_a_version_of_their_own(db: Database) -> None:
    await _record(db, "one")
    await _record(db, "two", days=1)
    assert (await _record(db, "one", days=2)).version == 3


async def test_the_same_words_that_mean_something_else_are_another_version(db: Database) -> None:
    await _record(db, "one", fingerprint="f1")
    assert (await _record(db, "one", fingerprint="f2")).version == 2


async def test_a_comment_that_no_database_can_hold_does_not_make_versions_for_ever(db: Database) -> None:
    first = await _record(db, "# \0", fingerprint="f1")
    assert first.text == "# \ufffd"
    assert await _record(db, "# \0", fingerprint="f1") == first


async def test_two_services_record_one_edit_once(db: Database, other: Database) -> None:
    assert await _record(db, "one") == await _record(other, "one", days=1)


async def test_digests_are_counted_under_the_version_that_made_them(db: Database) -> None:
    for day, text in enumerate(["one", "two", "one"]):
        await _record(db, text, days=day)

    def send(tx: Connection) -> None:
        for number, (ruleset, hours) in enumerate([("one", 1), ("two", 25), ("one", 49), ("one", 50)]):
            slot = make.slot(f"at:{number}")
            digests.insert(tx, "AI 日报", slot, NOW + timedelta(hours=hours), 3, ruleset)
        digests.insert(tx, "AI 日报", make.slot("at:old"), NOW, 3, "before versions were kept")
        digests.insert_notice(tx, make.slot("notice:1"), NOW + timedelta(hours=1))

    await db.write(send)
    assert await db.read(rulesets.digests_sent) == {1: 1, 2: 1, 3: 2}
