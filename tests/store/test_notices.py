"""What the operator is still to be told, after troubles were reported, changed and over."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.model.notices import KnownTrouble, LastTold, NoticeKind, Swarm, Trouble
from monitor.store import notices
from monitor.store.database import Connection, Database
from tests.make import NOW

LATER = NOW + timedelta(hours=1)
LAST = NOW + timedelta(hours=2)


def a_trouble(**differ: Any) -> Trouble:
    return Trouble(**{"kind": NoticeKind.CONFIG_REFUSED, "content": "line 3", "since": NOW, **differ})


async def report(db: Database, now: datetime = NOW, **differ: Any) -> None:
    await db.write(notices.report, a_trouble(**{"since": now, **differ}), now)


async def clear(db: Database, now: datetime, **differ: Any) -> bool:
    return await db.write(notices.clear, NoticeKind.CONFIG_REFUSED, "", now, **differ)


def _untold(tx: Connection) -> list[KnownTrouble]:
    return [known for swarm in notices.swarms(tx) for known in notices.untold(tx, swarm)]


async def tell(db: Database, now: datetime = NOW) -> list[KnownTrouble]:
    troubles = await db.read(_untold)
    await db.write(notices.mark_told, troubles, now)
    return troubles


async def test_a_trouble_that_is_found_again_and_again_is_told_once(db: Database) -> None:
    await report(db)
    await report(db, LATER)
    (known,) = await tell(db)
    assert known == KnownTrouble(trouble=a_trouble(), changed_at=NOW)
    await report(db, LAST)
    assert await tell(db) == []
    assert [known.trouble for known in await db.read(notices.open_troubles)] == [a_trouble()]


async def test_another_content_is_told_again_and_other_details_are_not(db: Database) -> None:
    await report(db)
    await tell(db)
    await report(db, LATER, details="for an hour")
    assert await tell(db) == []
    await report(db, LATER, content="line 5")
    (known,) = await tell(db)
    assert (known.trouble.content, known.told) == ("line 5", "line 3")
    assert (known.trouble.since, known.changed_at) == (NOW, LATER)


async def test_a_content_that_changes_back_before_it_is_told_is_not_told(db: Database) -> None:
    await report(db)
    await tell(db)
    await report(db, LATER, content="line 5")
    await report(db, LAST)
    assert await tell(db) == []


async def test_the_end_of_a_trouble_is_told_once(db: Database) -> None:
    await report(db)
    await tell(db)
    assert await clear(db, LATER, details="put back")
    assert not await clear(db, LAST), "it is over already"
    (known,) = await tell(db)
    assert (known.is_over, known.over_at, known.trouble.details) == (True, LATER, "put back")
    assert await tell(db) == []
    assert await db.read(notices.open_troubles) == []


async def test_troubles_are_known_by_kind_with_when_the_first_and_the_last_came(db: Database) -> None:
    for subject, now in (("1", NOW), ("2", LATER), ("3", LAST)):
        await report(db, now, subject=subject)
    await tell(db)
    for subject in ("2", "3"):
        await report(db, LAST, subject=subject, content="line 5")
    await db.write(notices.clear, NoticeKind.CONFIG_REFUSED, "1", LATER)
    await report(db, kind=NoticeKind.CLOCK_BEHIND)
    kind = NoticeKind.CONFIG_REFUSED
    assert await db.read(notices.swarms) == [
        Swarm(kind=NoticeKind.CLOCK_BEHIND, is_over=False, oldest=NOW, newest=NOW),
        Swarm(kind=kind, is_over=False, oldest=LAST, newest=LAST),
        Swarm(kind=kind, is_over=True, oldest=LATER, newest=LATER),
    ]


async def test_a_server_takes_no_mail_until_that_is_over(db: Database) -> None:
    await report(db, subject="mail.example.org:25")
    assert not await db.read(notices.mail_is_stopped, "mail.example.org:25")
    await report(db, kind=NoticeKind.LOGIN_REFUSED, subject="mail.example.org:25")
    assert await db.read(notices.mail_is_stopped, "mail.example.org:25")
    assert not await db.read(notices.mail_is_stopped, "mail.example.org:465")
    await db.write(notices.clear, NoticeKind.LOGIN_REFUSED, "mail.example.org:25", LATER)
    assert not await db.read(notices.mail_is_stopped, "mail.example.org:25")


async def test_what_is_over_before_it_was_told_is_not_told(db: Database) -> None:
    await report(db)
    await clear(db, LATER)
    assert await tell(db) == []


async def test_what_comes_back_before_its_end_was_told_was_never_over_for_the_operator(db: Database) -> None:
    await report(db)
    await tell(db)
    await clear(db, LATER)
    await report(db, LAST)
    assert await tell(db) == []
    (known,) = await db.read(notices.open_troubles)
    assert known.trouble.since == NOW


async def test_what_comes_back_after_its_end_was_told_is_told_anew(db: Database) -> None:
    await report(db)
    await tell(db)
    await clear(db, LATER)
    await tell(db)
    await report(db, LAST)
    (known,) = await tell(db)
    assert (known.trouble.since, known.told, known.is_over) == (LAST, None, False)


async def test_of_a_trouble_that_stops_mail_only_the_end_is_told(db: Database) -> None:
    for now in (NOW, LATER):
        await report(db, now, kind=NoticeKind.RELAY_DOWN, subject="mail.example.org:25")
        assert await tell(db) == []
    assert await db.write(notices.clear, NoticeKind.RELAY_DOWN, "mail.example.org:25", LAST)
    (known,) = await tell(db)
    assert (known.trouble.since, known.over_at) == (NOW, LAST)
    assert await tell(db) == []


async def test_of_what_happened_once_no_end_is_told(db: Database) -> None:
    await report(db, kind=NoticeKind.MAIL_GIVEN_UP, subject="7")
    await tell(db)
    assert await db.write(notices.clear, NoticeKind.MAIL_GIVEN_UP, "7", LATER)
    assert await tell(db) == []
    assert await db.read(notices.open_troubles) == []


async def test_troubles_of_some_kinds_are_listed(db: Database) -> None:
    await report(db)
    await report(db, kind=NoticeKind.CLOCK_BEHIND)
    (known,) = await db.read(notices.open_troubles, [NoticeKind.CLOCK_BEHIND])
    assert known.trouble.kind is NoticeKind.CLOCK_BEHIND


async def test_troubles_of_a_kind_are_over_but_the_one_that_still_concerns_us(db: Database) -> None:
    for server in ("old:25", "new:25"):
        await report(db, kind=NoticeKind.RELAY_DOWN, subject=server)
    await report(db)
    await db.write(notices.clear_others, NoticeKind.RELAY_DOWN, "new:25", LATER)
    troubles = await db.read(notices.open_troubles)
    assert [known.trouble.subject for known in troubles] == ["", "new:25"]


async def test_when_a_kind_was_told_last_is_known(db: Database) -> None:
    assert await db.read(notices.last_told) == {}
    await report(db)
    await report(db, subject="another")
    await tell(db, LATER)
    await clear(db, LATER)
    await tell(db, LAST)
    assert await db.read(notices.last_told) == {NoticeKind.CONFIG_REFUSED: LastTold(at=LATER, over_at=LAST)}


async def test_what_is_over_and_what_happened_is_forgotten_after_a_while(db: Database) -> None:
    await report(db, subject="over")
    await db.write(notices.clear, NoticeKind.CONFIG_REFUSED, "over", NOW)
    await report(db, subject="still")
    await report(db, kind=NoticeKind.MAIL_EXPIRED, subject="1")
    await report(db, LATER, kind=NoticeKind.MAIL_EXPIRED, subject="2")
    assert await db.write(notices.prune, LATER) == 2
    assert [known.trouble.subject for known in await db.read(notices.open_troubles)] == ["still", "2"]


async def test_text_that_no_database_keeps_is_not_told_for_ever(db: Database) -> None:
    await report(db, subject="a\0b", content="c\0d")
    await tell(db)
    await report(db, LATER, subject="a\0b", content="c\0d")
    assert await tell(db) == []


@pytest.mark.parametrize("kind", NoticeKind)
def test_every_kind_says_in_whole_sentences_what_happened_and_what_to_do(kind: NoticeKind) -> None:
    telling = kind.telling
    assert telling.happened.endswith(".")
    assert telling.to_do.endswith(".")
    assert len(telling.happened) <= 80, "it is a subject too"
