"""Hand a mail from the outbox to the mail server, and record how it went."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import uuid4

from monitor.config.options import OutboxOptions
from monitor.errors import MonitorError, SendError, SendKind, StoreError
from monitor.jobs import Clock, Jitter
from monitor.mail import BeforeData, Send
from monitor.mail.policy import next_attempt, next_uncertain_attempt
from monitor.model.mail import Delivery, DeliveryStatus
from monitor.store import outbox
from monitor.store.database import Connection, Database

_RECORDINGS = 4  # tries to record an outcome; each waits as long as the database does

_STATUS = {
    SendKind.LATER: DeliveryStatus.WAITING,
    SendKind.RELAY: DeliveryStatus.WAITING,
    SendKind.REFUSED: DeliveryStatus.FAILED,
    SendKind.UNCERTAIN: DeliveryStatus.UNCERTAIN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """One attempt, and the status it left the mail in."""

    delivery: Delivery  # as it was claimed
    status: DeliveryStatus
    reply: str  # the server's last words, or what went wrong
    next_attempt_at: datetime | None = None
    relay: bool = False  # the server takes no mail at all just now


class _OvertakenError(MonitorError):
    """The lease ran out before DATA and another worker has claimed the mail."""


async def deliver(
    *, send: Send, db: Database, clock: Clock, options: OutboxOptions, jitter: Jitter
) -> Attempted | None:
    """Claim the mail that has been due the longest, send its bytes, record the outcome; None when none is due.

    The claim and the mark before DATA are committed before the server hears of the mail: whatever kills
    this, the row tells what may have happened (RFC 1047). Raises StoreError.
    """
    token, now = uuid4().hex, clock()
    delivery = await db.write(outbox.claim, now, lease_until=now + options.lease, token=token)
    if delivery is None:
        return None
    async with _heartbeat(delivery, token, db=db, clock=clock, options=options):
        try:
            reply = await send(delivery.mail, _marks_data(delivery, token, db=db))
        except _OvertakenError:
            reply = "another worker has taken this mail"
            return Attempted(delivery=delivery, status=DeliveryStatus.WAITING, reply=reply)
        except SendError as error:
            outcome = _outcome(delivery, error, now=clock(), options=options, jitter=jitter())
        else:
            outcome = Attempted(delivery=delivery, status=DeliveryStatus.SENT, reply=reply)
        await _record(outcome, token, db=db, clock=clock)
    return outcome


async def recover_and_expire(*, db: Database, now: datetime, options: OutboxOptions) -> list[Delivery]:
    """Release the mails whose worker's lease ran out, and give up those too old to be news; return the latter.

    Raises StoreError.
    """
    return await db.write(_recover_and_expire, now, options)


@contextlib.asynccontextmanager
async def _heartbeat(
    delivery: Delivery, token: str, *, db: Database, clock: Clock, options: OutboxOptions
) -> AsyncIterator[None]:
    """Renew the lease while a slow server takes its time, so that nobody else sends the same mail meanwhile."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(options.lease.total_seconds() / 3)
            # A beat that is lost costs nothing: the mark before DATA asks again whose mail it is.
            with contextlib.suppress(StoreError):
                await db.write(outbox.renew, delivery.id, token, lease_until=clock() + options.lease)

    heart = asyncio.create_task(beat())
    try:
        yield
    finally:
        heart.cancel()
        await asyncio.wait([heart])


def _marks_data(delivery: Delivery, token: str, *, db: Database) -> BeforeData:
    async def before_data() -> None:
        if not await db.write(outbox.mark_data, delivery.id, token):
            raise _OvertakenError

    return before_data


def _outcome(
    delivery: Delivery, error: SendError, *, now: datetime, options: OutboxOptions, jitter: float
) -> Attempted:
    status = _STATUS[error.kind]
    retry_at = None
    if status is DeliveryStatus.WAITING:
        retry_at = next_attempt(delivery.attempts, schedule=options.retry, now=now, jitter=jitter)
    elif status is DeliveryStatus.UNCERTAIN:
        retry_at = next_uncertain_attempt(delivery.uncertain, pause=options.uncertain_after, now=now)
    return Attempted(
        delivery=delivery,
        status=status,
        reply=str(error),
        next_attempt_at=retry_at,
        relay=error.kind is SendKind.RELAY,
    )


async def _record(outcome: Attempted, token: str, *, db: Database, clock: Clock) -> None:
    """Record the outcome; try again while the database is busy, or a mail that was sent would be sent twice."""
    tries_left = _RECORDINGS
    while True:
        try:
            await db.write(
                outbox.finish,
                outcome.delivery.id,
                token,
                status=outcome.status,
                next_attempt_at=outcome.next_attempt_at,
                reply=outcome.reply,
                now=clock(),
            )
            return
        except StoreError:
            tries_left -= 1
            if not tries_left:
                raise


def _recover_and_expire(tx: Connection, now: datetime, options: OutboxOptions) -> list[Delivery]:
    next_uncertain = partial(next_uncertain_attempt, pause=options.uncertain_after, now=now)
    outbox.recover(tx, now, next_uncertain=next_uncertain)
    return outbox.expire(tx, now)
