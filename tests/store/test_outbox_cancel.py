from datetime import datetime

import pytest

from monitor.model.mail import DeliveryStatus, Phase
from monitor.store import digests, outbox
from monitor.store.database import Connection, Database
from tests import make
from tests.make import NOW
from tests.store.mails import (
    CANCELLED,
    EXPIRES,
    HELD,
    LATER,
    SENDING,
    SENT,
    UNCERTAIN,
    WAITING,
    claim,
    delivery,
    finish,
    mark_dot,
    queue,
    recover,
)

ANN, BO = "ann@example.org", "bo@example.org"
DAILY = "AI 日报"


async def cancel_for(db: Database, address: str, subscription: str | None = DAILY) -> int:
    return await db.write(outbox.cancel_for, address, subscription, NOW)


async def status_of(db: Database, number: int) -> DeliveryStatus:
    return (await delivery(db, number)).status


async def test_what_waits_for_an_address_is_cancelled_and_nobody_elses(db: Database) -> None:
    ann, bo = await queue(db, make.mail(ANN, number=1), make.mail(BO, number=2))
    assert await cancel_for(db, ANN) == 1
    assert await status_of(db, ann) is CANCELLED
    assert await status_of(db, bo) is WAITING
    assert await cancel_for(db, ANN) == 0


async def test_another_subscriptions_mails_go_on_unless_all_are_meant(db: Database) -> None:
    def queue_weekly(tx: Connection) -> int:
        digest = digests.insert(tx, "周报", make.slot(name="at:2"), NOW, 1, "r1")
        assert digest is not None
        return outbox.insert(tx, digest, make.mail(ANN, number=2), now=NOW, expires_at=EXPIRES)

    (daily,) = await queue(db, make.mail(ANN, number=1))
    weekly = await db.write(queue_weekly)
    assert await cancel_for(db, ANN, DAILY) == 1
    assert [await status_of(db, number) for number in (daily, weekly)] == [CANCELLED, WAITING]
    assert await cancel_for(db, ANN, None) == 1
    assert await status_of(db, weekly) is CANCELLED


async def test_a_notice_to_the_same_address_is_not_cancelled(db: Database) -> None:
    def queue_notice(tx: Connection) -> int:
        digest = digests.insert_notice(tx, make.slot(name="notice:1"), NOW)
        assert digest is not None
        return outbox.insert(tx, digest, make.mail(ANN), now=NOW, expires_at=EXPIRES)

    number = await db.write(queue_notice)
    assert await cancel_for(db, ANN, None) == 0
    assert await status_of(db, number) is WAITING


async def test_a_mail_that_is_being_sent_is_taken_away_before_the_dot(db: Database) -> None:
    (number,) = await queue(db, make.mail(ANN))
    await claim(db)
    assert await cancel_for(db, ANN) == 1
    assert not await mark_dot(db, number)
    assert not await finish(db, number, SENT)
    row = await delivery(db, number)
    assert (row.status, row.phase, row.claim) == (CANCELLED, Phase.NONE, "")


async def test_a_mail_past_the_dot_is_left_to_who_sends_it(db: Database) -> None:
    (number,) = await queue(db, make.mail(ANN))
    await claim(db)
    await mark_dot(db, number)
    assert await cancel_for(db, ANN) == 0
    assert await status_of(db, number) is SENDING
    assert await finish(db, number, SENT)


async def test_an_uncertain_mail_is_not_sent_again_but_a_late_success_is_recorded(db: Database) -> None:
    (number,) = await queue(db, make.mail(ANN))
    await claim(db)
    await mark_dot(db, number)
    await recover(db, LATER)
    assert await status_of(db, number) is UNCERTAIN
    assert await cancel_for(db, ANN) == 1
    assert await claim(db, EXPIRES) is None
    assert await finish(db, number, SENT)
    assert await status_of(db, number) is SENT


async def test_an_uncertain_mail_that_rests_stays_uncertain(db: Database) -> None:
    (number,) = await queue(db, make.mail(ANN))
    await claim(db)
    await finish(db, number, UNCERTAIN)
    assert await cancel_for(db, ANN) == 0
    assert await status_of(db, number) is UNCERTAIN


@pytest.mark.parametrize("at", [NOW, LATER])
async def test_a_held_mail_is_cancelled(db: Database, at: datetime) -> None:
    (number,) = await queue(db, make.mail(ANN))
    await db.write(outbox.hold_restored, at)
    assert await status_of(db, number) is HELD
    assert await cancel_for(db, ANN) == 1
    assert await status_of(db, number) is CANCELLED
