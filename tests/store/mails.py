"""Short functions for what tests do with the outbox: queue, claim, mark, finish, recover."""

from datetime import datetime, timedelta
from functools import partial

from monitor.mail.policy import next_uncertain_attempt
from monitor.model.mail import Delivery, DeliveryStatus, Mail, Route
from monitor.store import digests, outbox
from monitor.store.database import Connection, Database
from tests import make
from tests.make import NOW

WAITING, SENDING, UNCERTAIN, SENT, FAILED, EXPIRED, HELD, CANCELLED = DeliveryStatus
EXPIRES = NOW + timedelta(hours=48)
LEASE = timedelta(seconds=30)
UNCERTAIN_AFTER = timedelta(minutes=15)
LATER = NOW + timedelta(hours=1)


async def queue(db: Database, *mails: Mail, now: datetime = NOW, slot: str = "at:1") -> list[int]:
    def write(tx: Connection) -> list[int]:
        digest = digests.insert(tx, "AI 日报", make.slot(name=slot), now, 1, "r1")
        assert digest is not None
        expires_at = now + timedelta(hours=48)
        return [outbox.insert(tx, digest, mail, now=now, expires_at=expires_at) for mail in mails]

    return await db.write(write)


async def claim(db: Database, now: datetime = NOW, token: str = "t1") -> Delivery | None:
    return await db.write(outbox.claim, now, lease_until=now + LEASE, token=token)


async def mark_dot(db: Database, number: int, token: str = "t1") -> bool:
    return await db.write(outbox.mark_dot, number, token)


async def finish(
    db: Database,
    number: int,
    status: DeliveryStatus,
    *,
    token: str = "t1",
    again: datetime | None = None,
    reply: str = "",
    uncertain: int | None = None,
) -> bool:
    return await db.write(
        outbox.finish,
        number,
        token,
        status=status,
        next_attempt_at=again,
        reply=reply,
        now=NOW,
        uncertain=uncertain,
    )


async def recover(db: Database, now: datetime) -> list[tuple[int, DeliveryStatus]]:
    next_uncertain = partial(next_uncertain_attempt, pause=UNCERTAIN_AFTER, now=now)
    return await db.write(outbox.recover, now, sending_here=(), next_uncertain=next_uncertain)


async def delivery(db: Database, number: int) -> Delivery:
    rows = await db.read(outbox.listing, status=None, limit=1000)
    [row] = [row for row in rows if row.id == number]
    return row


async def due(db: Database, now: datetime) -> bool:
    return await db.read(outbox.anything_due, now, list(Route))
