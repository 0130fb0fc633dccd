"""Hand one waiting mail to the mail server; remember how it went."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from monitor.config.options import OutboxOptions
from monitor.errors import MonitorError, SendError, SendKind, StoreError
from monitor.jobs import Clock, Jitter
from monitor.mail import BeforeData, Send
from monitor.mail.policy import next_attempt
from monitor.model.mail import Delivery, DeliveryStatus
from monitor.store import outbox
from monitor.store.database import Database

_RECORDINGS = 4  # tries to write an outcome down; each waits as long as the database does
_MOST_DOUBLINGS = 10  # of the pause after an uncertain attempt; the mail expires long before

_STATUS = {
    SendKind.LATER: DeliveryStatus.WAITING,
    SendKind.RELAY: DeliveryStatus.WAITING,
    SendKind.REFUSED: DeliveryStatus.FAILED,
    SendKind.UNCERTAIN: DeliveryStatus.UNCERTAIN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """One attempt, and where it left the mail."""

    delivery: Delivery  # as it was claimed
    status: DeliveryStatus
    reply: str  # the server's last words, or what went wrong
    next_attempt_at: datetime | None = None
    relay: bool = False  # no mail would get through just now


class _OvertakenError(MonitorError):
    """Our lease ran out before DATA and somebody else took the mail: it is theirs."""


async def deliver(
    *, send: Send, db: Database, clock: Clock, options: OutboxOptions, jitter: Jitter
) -> Attempted | None:
    """Claim one row, send the stored bytes, record the outcome; None when nothing is due.

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


async def _record(outcome: Attempted, token: str, *, db: Database, clock: Clock) -> None:
    """Write down how it went; again when the database is busy, or a mail that was sent would be sent twice."""
    tries = _RECORDINGS
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
            tries -= 1
            if not tries:
                raise


def _marks_data(delivery: Delivery, token: str, *, db: Database) -> BeforeData:
    async def before_data() -> None:
        if not await db.write(outbox.mark_data, delivery.id, token):
            raise _OvertakenError

    return before_data


def _outcome(
    delivery: Delivery, error: SendError, *, now: datetime, options: OutboxOptions, jitter: float
) -> Attempted:
    status = _STATUS[error.kind]
    again = None
    if status is DeliveryStatus.WAITING:
        again = next_attempt(delivery.attempts, schedule=options.retry, now=now, jitter=jitter)
    elif status is DeliveryStatus.UNCERTAIN:
        again = now + options.uncertain_after * 2 ** min(delivery.uncertain, _MOST_DOUBLINGS)
    return Attempted(
        delivery=delivery,
        status=status,
        reply=str(error),
        next_attempt_at=again,
        relay=error.kind is SendKind.RELAY,
    )


@contextlib.asynccontextmanager
async def _heartbeat(
    delivery: Delivery, token: str, *, db: Database, clock: Clock, options: OutboxOptions
) -> AsyncIterator[None]:
    """Keep the lease while a slow server thinks, so that nobody else sends the same mail meanwhile."""

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
