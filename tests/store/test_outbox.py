import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from monitor.errors import StoreError
from monitor.model.mail import Delivery, DeliveryStatus, Phase, Route
from monitor.store import digests, outbox, tables
from monitor.store.database import Connection, Database
from tests import make
from tests.make import NOW
from tests.store.mails import (
    EXPIRED,
    EXPIRES,
    FAILED,
    LATER,
    LEASE,
    SENDING,
    SENT,
    UNCERTAIN,
    WAITING,
    claim,
    delivery,
    due,
    finish,
    mark_dot,
    queue,
)


async def test_a_mail_waits_with_its_very_bytes(db: Database) -> None:
    mail = make.mail(raw=b"\x00\xff\r\n.\r\n" + bytes(range(256)), date=NOW + timedelta(microseconds=1))
    (number,) = await queue(db, mail)
    assert await delivery(db, number) == Delivery(
        id=number,
        mail=mail,
        status=WAITING,
        phase=Phase.NONE,
        attempts=0,
        next_attempt_at=NOW,
        expires_at=EXPIRES,
        last_reply="",
        subscription="AI 日报",
        slot="at:1",
        digest_id=1,
        subscription_key="AI 日报",
    )


async def test_a_digest_goes_to_a_recipient_once(db: Database) -> None:
    with pytest.raises(StoreError, match=r"(?i)unique"):
        await queue(db, make.mail(number=1), make.mail(number=2))
    with pytest.raises(StoreError, match=r"(?i)unique"):
        await queue(db, make.mail("one@example.org"), make.mail("two@example.org"))
    assert await db.read(outbox.listing, status=None, limit=10) == []


async def test_the_mail_that_has_been_due_the_longest_is_claimed_first(db: Database) -> None:
    await queue(db, make.mail(number=1), slot="now:late", now=NOW)
    (early,) = await queue(db, make.mail(number=2), slot="now:early", now=NOW - timedelta(microseconds=1))
    claimed = await claim(db)
    assert claimed == replace(
        await delivery(db, early), status=SENDING, phase=Phase.BEFORE_DOT, attempts=1, claim="t1"
    )


async def test_a_claimed_mail_is_not_claimed_again(db: Database) -> None:
    await queue(db, make.mail())
    assert await claim(db)
    assert await claim(db, token="t2") is None
    assert await claim(db, LATER, token="t2") is None, "not even after its lease: it is recovered first"


async def test_a_mail_whose_time_has_not_come_is_not_claimed(db: Database) -> None:
    await queue(db, make.mail())
    assert await claim(db, NOW - timedelta(microseconds=1)) is None
    assert await claim(db, EXPIRES + timedelta(days=7)), (
        "however old it is, it is tried before it is given up"
    )


async def test_a_mail_goes_by_its_own_route_only(db: Database) -> None:
    def queued(tx: Connection) -> int | None:
        digest = digests.insert(tx, "AI 日报", make.slot(), NOW, 1, "r1")
        assert digest
        return outbox.insert(tx, digest, make.mail(), now=NOW, expires_at=EXPIRES, route=Route.MAILDIR)

    await db.write(queued)
    assert await db.write(outbox.claim, NOW, lease_until=LATER, token="t", routes=[Route.SMTP]) is None
    assert await db.write(outbox.claim, NOW, lease_until=LATER, token="t", routes=[]) is None
    claimed = await db.write(
        outbox.claim, NOW, lease_until=LATER, token="t", routes=[Route.MAILDIR], server="s"
    )
    assert claimed
    assert claimed.route is Route.MAILDIR
    assert not await db.read(outbox.anything_sending, "s", NOW), "to a server, that is"


async def test_a_server_is_busy_while_a_lease_holds(db: Database) -> None:
    await queue(db, make.mail())
    await db.write(outbox.claim, NOW, lease_until=LATER, token="t", server="s")
    assert await db.read(outbox.anything_sending, "s", LATER)
    assert not await db.read(outbox.anything_sending, "t", LATER)
    assert not await db.read(outbox.anything_sending, "s", LATER + timedelta(microseconds=1))


async def test_two_services_claim_each_mail_once(db: Database, other: Database) -> None:
    numbers = await queue(db, *(make.mail(f"{number}@example.org", number=number) for number in range(30)))
    claimed = await asyncio.gather(
        *(claim(each, token=f"{number}") for number in range(20) for each in (db, other))
    )
    assert sorted(row.id for row in claimed if row) == numbers
    assert sum(row is None for row in claimed) == 10


async def test_a_sent_mail_is_done_with(db: Database) -> None:
    (number,) = await queue(db, make.mail())
    await claim(db)
    await mark_dot(db, number)
    assert await finish(db, number, SENT, reply="250 2.0.0 好\0")
    row = await delivery(db, number)
    assert (row.status, row.phase, row.claim) == (SENT, Phase.NONE, "")
    assert row.last_reply == "250 2.0.0 好\ufffd"
    assert await claim(db, LATER) is None
    assert not await due(db, EXPIRES + timedelta(days=1))


async def test_a_mail_refused_for_now_waits_for_its_next_attempt(db: Database) -> None:
    (number,) = await queue(db, make.mail())
    await claim(db)
    assert await finish(db, number, WAITING, again=LATER, reply="451 later")
    assert await claim(db, LATER - timedelta(seconds=1)) is None
    again = await claim(db, LATER, token="t2")
    assert again
    assert (again.attempts, again.uncertain, again.last_reply) == (2, 0, "451 later")


async def test_a_lost_reply_is_counted(db: Database) -> None:
    (number,) = await queue(db, make.mail())
    await claim(db)
    await mark_dot(db, number)
    await finish(db, number, UNCERTAIN, again=LATER, reply="connection lost", uncertain=1)
    row = await delivery(db, number)
    assert (row.status, row.uncertain, row.next_attempt_at) == (UNCERTAIN, 1, LATER)
    assert await claim(db, LATER, token="t2"), "it goes again"


async def test_a_mail_that_is_too_old_is_given_up_when_it_has_failed_long_enough_since(db: Database) -> None:
    hour, quarter = timedelta(hours=1), timedelta(minutes=15)
    old, tried_later, sending = await queue(
        db, *(make.mail(f"{number}@example.org", number=number) for number in range(3))
    )
    await claim(db)
    await finish(db, old, WAITING, again=NOW)
    await claim(db, EXPIRES, "t2")
    await finish(db, old, WAITING, again=LATER, token="t2")

    async def tried(now: datetime) -> list[int]:
        return [row.id for row in await db.read(outbox.tried_long_enough, now, hour)]

    await db.write(outbox.failed_when_old, EXPIRES - timedelta(microseconds=1), pause=hour)
    for number in range(4):
        assert await tried(EXPIRES + number * quarter) == []
        await db.write(outbox.failed_when_old, EXPIRES + number * quarter, pause=quarter, only=old)
    assert await tried(EXPIRES + hour - timedelta(microseconds=1)) == []
    assert await tried(EXPIRES + hour) == [old]
    assert (await delivery(db, tried_later)).failing_since is None
    await claim(db, EXPIRES, "t3")
    await claim(db, EXPIRES, "t4")
    await db.write(outbox.expire, [old, sending])
    assert (await delivery(db, old)).status is EXPIRED
    assert (await delivery(db, sending)).status is SENDING, "what is being sent is not given up"


async def test_a_failure_of_the_server_counts_for_every_old_mail_that_goes_there(db: Database) -> None:
    (old,) = await queue(db, make.mail())
    (new,) = await queue(db, make.mail(number=2), now=LATER, slot="now:new")
    await db.write(outbox.failed_when_old, EXPIRES, pause=timedelta(minutes=15))
    assert (await delivery(db, old)).failing_awake == timedelta(minutes=15)
    assert (await delivery(db, new)).failing_since is None


async def test_something_is_due_when_there_is_anything_to_do(db: Database) -> None:
    assert not await due(db, NOW)
    (number,) = await queue(db, make.mail())
    assert not await due(db, NOW - timedelta(seconds=1))
    assert await due(db, NOW), "to claim"
    await claim(db)
    assert not await due(db, NOW + LEASE)
    assert await due(db, NOW + LEASE + timedelta(microseconds=1)), "to recover"
    await finish(db, number, UNCERTAIN, again=None)
    assert not await due(db, EXPIRES + LEASE), "a mail that rests is left alone"


@pytest.mark.parametrize("status", [FAILED, EXPIRED, UNCERTAIN, WAITING])
async def test_an_unsent_mail_can_be_made_to_wait_again(db: Database, status: DeliveryStatus) -> None:
    (number,) = await queue(db, make.mail())
    await claim(db)
    await finish(db, number, status, again=LATER + timedelta(hours=3), reply="550 no")
    assert await db.write(outbox.requeue, number, LATER, LATER + timedelta(hours=48))
    row = await delivery(db, number)
    assert (row.status, row.attempts, row.uncertain) == (WAITING, 0, 0)
    assert (row.next_attempt_at, row.expires_at) == (LATER, LATER + timedelta(hours=48))
    assert row.last_reply == "550 no"
    assert await claim(db, LATER)


async def test_a_mail_that_was_sent_or_is_being_sent_is_not_made_to_wait_again(db: Database) -> None:
    (number,) = await queue(db, make.mail())
    await claim(db)
    assert not await db.write(outbox.requeue, number, NOW + LEASE, EXPIRES)
    assert await db.write(outbox.requeue, number, LATER, EXPIRES), "when its worker is gone"
    await claim(db, LATER)
    await finish(db, number, SENT)
    assert not await db.write(outbox.requeue, number, LATER, EXPIRES)
    assert not await db.write(outbox.requeue, 999, LATER, EXPIRES)


async def test_mails_are_counted_and_listed_by_status(db: Database) -> None:
    numbers = await queue(db, *(make.mail(f"{number}@example.org", number=number) for number in range(3)))
    await claim(db)
    assert await db.read(outbox.counts) == dict.fromkeys(DeliveryStatus, 0) | {WAITING: 2, SENDING: 1}
    newest_first = await db.read(outbox.listing, status=None, limit=2)
    assert [row.id for row in newest_first] == [numbers[2], numbers[1]]
    assert [row.id for row in await db.read(outbox.listing, status=SENDING, limit=9)] == [numbers[0]]


async def test_what_was_done_long_ago_is_forgotten(db: Database) -> None:
    sent, failed, waits = await queue(
        db, *(make.mail(f"{number}@example.org", number=number) for number in range(3))
    )
    for number, status in ((sent, SENT), (failed, FAILED)):
        await claim(db)
        await finish(db, number, status)
    assert await db.write(outbox.prune, NOW) == 0
    assert await db.write(outbox.prune, NOW + timedelta(seconds=1)) == 1, "what was sent"
    assert await db.write(outbox.prune, EXPIRES + timedelta(seconds=1)) == 1, "what was refused"
    left = await db.read(outbox.listing, status=None, limit=9)
    assert [row.id for row in left] == [waits]


async def test_the_bytes_of_a_mail_go_before_what_became_of_it(db: Database) -> None:
    sent, failed, waits = await queue(
        db, *(make.mail(f"{number}@example.org", number=number) for number in range(3))
    )
    for number, status in ((sent, SENT), (failed, FAILED)):
        await claim(db)
        await finish(db, number, status)
    before = await delivery(db, sent)
    assert await db.write(outbox.drop_bytes, NOW) == 0
    assert await db.write(outbox.drop_bytes, EXPIRES + timedelta(seconds=1)) == 2
    assert await db.write(outbox.drop_bytes, EXPIRES + timedelta(seconds=1)) == 0, "they are gone already"
    assert await delivery(db, sent) == replace(before, mail=replace(before.mail, raw=b""))
    assert (await delivery(db, waits)).mail.raw == make.mail("2@example.org", number=2).raw
    assert [row.id for row in await db.read(outbox.of_slot, "AI 日报", "at:1")] == [waits]
    assert not await db.write(outbox.requeue, failed, LATER, EXPIRES), "there is nothing to send"


async def test_a_mail_is_held_by_hand_until_it_is_released(db: Database) -> None:
    number, sent = await queue(db, make.mail(number=1), make.mail("two@example.org", number=2))
    assert await db.write(outbox.hold, number, NOW)
    held = await delivery(db, number)
    assert (held.status, held.next_attempt_at) == (DeliveryStatus.HELD, None)
    assert await db.read(outbox.restored) == [number]
    assert not await db.write(outbox.hold, number, NOW), "it is held already"
    assert not await db.write(outbox.hold, 999, NOW)
    await claim(db)
    assert not await db.write(outbox.hold, sent, NOW), "it is being sent"
    await finish(db, sent, SENT)
    assert not await db.write(outbox.hold, sent, NOW)
    assert await db.write(outbox.release_restored, number, LATER, EXPIRES)
    assert (await delivery(db, number)).next_attempt_at == LATER


async def test_an_uncertain_mail_that_was_held_is_uncertain_when_it_is_released(db: Database) -> None:
    (number,) = await queue(db, make.mail())
    await claim(db)
    await mark_dot(db, number)
    await finish(db, number, UNCERTAIN, again=LATER, uncertain=1)
    assert await db.write(outbox.hold, number, NOW)
    assert await db.write(outbox.release_restored, number, LATER, EXPIRES)
    assert (await delivery(db, number)).status is UNCERTAIN


async def test_of_a_notice_nothing_is_left_once_its_last_mail_is_forgotten(db: Database) -> None:
    def notice(tx: Connection) -> None:
        digest = digests.insert_notice(tx, make.slot("notice:1"), NOW)
        assert digest is not None
        for number in (2, 3):
            mail = make.mail(f"{number}@example.org", number=number)
            outbox.insert(tx, digest, mail, now=NOW, expires_at=EXPIRES)

    def slots(tx: Connection) -> list[str]:
        return list(tx.scalars(select(tables.digests.c.slot).order_by(tables.digests.c.id)))

    (number,) = await queue(db, make.mail())
    await db.write(notice)
    for seconds in range(3):
        await claim(db)
        await db.write(
            outbox.finish,
            number + seconds,
            "t1",
            status=SENT,
            next_attempt_at=None,
            reply="",
            now=NOW + timedelta(seconds=seconds),
        )
    assert await db.write(outbox.prune, NOW + timedelta(seconds=2)) == 2
    assert await db.read(slots) == ["at:1", "notice:1"], "one of its mails is still there"
    assert await db.write(outbox.prune, NOW + timedelta(seconds=3)) == 1
    assert await db.read(slots) == ["at:1"], "what a digest brought is known for ever"


async def test_a_backlog_of_thousands_expires_at_once(db: Database) -> None:
    numbers = await queue(db, *(make.mail(f"{number}@example.org", number=number) for number in range(601)))
    await db.write(outbox.failed_when_old, EXPIRES, pause=timedelta(hours=1))
    later = EXPIRES + timedelta(hours=1)
    assert [row.id for row in await db.read(outbox.tried_long_enough, later, timedelta(hours=1))] == numbers
    await db.write(outbox.expire, numbers)
    assert (await db.read(outbox.counts))[EXPIRED] == 601


async def test_waiting_mails_are_made_due_and_no_others(db: Database) -> None:
    numbers = await queue(db, *(make.mail(f"{name}@example.org", number=n) for n, name in enumerate("abc")))
    for number, status in zip(numbers, (WAITING, UNCERTAIN, SENT), strict=True):
        await claim(db)
        await mark_dot(db, number)
        await finish(db, number, status, again=LATER if status is not SENT else None)
    await db.write(outbox.make_due, NOW)
    after = [await delivery(db, number) for number in numbers]
    assert [each.next_attempt_at for each in after] == [NOW, LATER, None]


async def test_mails_tried_by_another_server_are_made_due(db: Database) -> None:
    first, second, third = await queue(
        db, *(make.mail(f"{name}@example.org", number=n) for n, name in enumerate("abc"))
    )
    for number, server in ((first, "old:25"), (second, "new:25"), (third, "old:25")):
        taken = await db.write(
            outbox.claim, NOW, lease_until=NOW + LEASE, token="t1", routes=tuple(Route), server=server
        )
        assert taken
        assert taken.id == number
        await finish(db, number, WAITING, again=LATER)
    await db.write(outbox.make_due, NOW, other_than="new:25")
    assert [(await delivery(db, number)).next_attempt_at for number in (first, second, third)] == [
        NOW,
        LATER,
        NOW,
    ]
