"""Leases: what becomes of a mail whose worker was killed or is late."""

from datetime import timedelta
from functools import partial

from monitor.mail.policy import next_uncertain_attempt
from monitor.model.mail import Phase
from monitor.store import outbox
from monitor.store.database import Database
from tests import make
from tests.make import NOW
from tests.store.mails import (
    EXPIRES,
    FAILED,
    LATER,
    LEASE,
    SENDING,
    SENT,
    UNCERTAIN,
    UNCERTAIN_AFTER,
    WAITING,
    claim,
    delivery,
    finish,
    mark_dot,
    queue,
    recover,
)


async def test_a_lease_can_be_renewed_by_its_holder_only(db: Database) -> None:
    (number,) = await queue(db, make.mail())
    await claim(db)
    assert not await db.write(outbox.renew, number, "t2", LATER)
    assert await db.write(outbox.renew, number, "t1", LATER)
    assert await recover(db, LATER) == []
    assert await recover(db, LATER + timedelta(microseconds=1)) == [(number, WAITING)]
    assert not await db.write(outbox.renew, number, "t1", LATER)


async def test_data_is_marked_by_the_holder_only(db: Database) -> None:
    (number,) = await queue(db, make.mail())
    assert not await mark_dot(db, number, "")
    await claim(db)
    assert not await mark_dot(db, number, "t2")
    assert await mark_dot(db, number)
    assert (await delivery(db, number)).phase is Phase.DOT


async def test_a_worker_whose_mail_was_recovered_or_claimed_by_another_must_not_send(db: Database) -> None:
    (number,) = await queue(db, make.mail())
    await claim(db)
    await recover(db, LATER)
    assert not await mark_dot(db, number)
    assert await claim(db, LATER, token="t2")
    assert not await mark_dot(db, number)
    assert await mark_dot(db, number, "t2")


async def test_killed_before_dot_a_mail_is_due_at_once(db: Database) -> None:
    (number,) = await queue(db, make.mail())
    await claim(db)
    assert await recover(db, NOW + LEASE) == []
    assert await recover(db, LATER) == [(number, WAITING)]
    row = await delivery(db, number)
    assert (row.status, row.phase, row.next_attempt_at) == (WAITING, Phase.NONE, LATER)
    assert (row.attempts, row.uncertain, row.claim) == (1, 0, "")


async def test_killed_after_data_a_mail_is_uncertain_and_rests_longer_each_time(db: Database) -> None:
    (number,) = await queue(db, make.mail())
    now = NOW
    for pause in (15, 30, 60):
        await claim(db, now)
        await mark_dot(db, number)
        now += timedelta(minutes=1)
        assert await recover(db, now) == [(number, UNCERTAIN)]
        assert await claim(db, now + timedelta(minutes=pause, seconds=-1)) is None
        now += timedelta(minutes=pause)
        assert (await delivery(db, number)).next_attempt_at == now
    assert ((await delivery(db, number)).uncertain, (await delivery(db, number)).interrupted) == (0, 3)


async def test_the_pause_of_a_very_unlucky_mail_stays_in_the_calendar(db: Database) -> None:
    (number,) = await queue(db, make.mail())
    await db.write(lambda tx: tx.exec_driver_sql("UPDATE outbox SET interrupted = 60").rowcount)
    await claim(db)
    await mark_dot(db, number)
    assert await recover(db, LATER) == [(number, UNCERTAIN)]
    assert (await delivery(db, number)).interrupted == 61


async def test_a_mail_that_is_too_old_rests_when_it_was_interrupted(db: Database) -> None:
    (number,) = await queue(db, make.mail())
    await claim(db, EXPIRES)
    await mark_dot(db, number)
    assert await recover(db, EXPIRES + timedelta(minutes=1)) == [(number, UNCERTAIN)]
    assert (await delivery(db, number)).next_attempt_at is None
    assert [row.id for row in await db.read(outbox.resting, [number, 99])] == [number]


async def test_a_worker_does_not_recover_the_mails_it_is_sending_itself(db: Database) -> None:
    number, other = await queue(db, make.mail(number=1), make.mail("other@example.org", number=2))
    await claim(db)
    await claim(db)
    next_uncertain = partial(next_uncertain_attempt, pause=UNCERTAIN_AFTER, now=LATER)
    recovered = await db.write(outbox.recover, LATER, sending_here=[number], next_uncertain=next_uncertain)
    assert recovered == [(other, WAITING)]


async def test_who_does_not_hold_the_mail_cannot_finish_it(db: Database) -> None:
    (number,) = await queue(db, make.mail())
    await claim(db)
    before = await delivery(db, number)
    assert not await finish(db, number, FAILED, token="t2")
    assert await delivery(db, number) == before


async def test_that_it_was_sent_is_believed_of_a_worker_who_is_late(db: Database) -> None:
    (number,) = await queue(db, make.mail())
    await claim(db)
    await mark_dot(db, number)
    await recover(db, LATER)
    assert not await finish(db, number, WAITING, again=LATER), "nothing else is"
    assert not await finish(db, number, FAILED)
    assert await finish(db, number, SENT)
    assert (await delivery(db, number)).status is SENT


async def test_a_late_worker_is_not_heard_once_another_has_the_mail(db: Database) -> None:
    (number,) = await queue(db, make.mail())
    await claim(db)
    await mark_dot(db, number)
    await recover(db, LATER)
    assert await claim(db, LATER + UNCERTAIN_AFTER, token="t2")
    assert not await finish(db, number, SENT)
    assert (await delivery(db, number)).status is SENDING
    assert await finish(db, number, SENT, token="t2")
