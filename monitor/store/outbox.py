"""Table outbox: the mails to send, and how each delivery goes.

A worker claims a row for the length of a lease, and signs what it writes with its token. `recover` releases the
rows whose lease ran out; from then on the slow worker's token is good for nothing but to record that the mail was
sent.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, func, or_, select, update
from sqlalchemy import insert as insert_into

from monitor.model.mail import Delivery, DeliveryStatus, FailReason, Mail, Phase, Route
from monitor.store.dialects import chunks
from monitor.store.tables import digests, outbox, subscriptions


def insert(
    tx: Connection,
    digest_id: int,
    mail: Mail,
    *,
    now: datetime,
    expires_at: datetime,
    route: Route = Route.SMTP,
) -> int:
    """Queue a mail, due at once; return its id. A second one for a digest and recipient fails the transaction."""
    row = insert_into(outbox).values(
        digest_id=digest_id,
        recipient=mail.to,
        message_id=mail.message_id,
        sender=mail.sender,
        date=mail.date,
        raw=mail.raw,
        route=route.value,
        status=DeliveryStatus.WAITING.value,
        phase=Phase.NONE.value,
        attempts=0,
        uncertain=0,
        next_attempt_at=now,
        lease_until=None,
        claim="",
        created_at=now,
        expires_at=expires_at,
        sent_at=None,
        last_reply="",
    )
    number: int = tx.execute(row.returning(outbox.c.id)).scalar_one()
    return number


def anything_due(tx: Connection, now: datetime) -> bool:
    """Return whether there is anything to recover, to expire or to claim."""
    late = or_(outbox.c.next_attempt_at <= now, outbox.c.expires_at <= now)
    return bool(tx.scalar(select(exists().where(or_(_lease_ran_out(now), and_(_is_unsent, late))))))


def recover(
    tx: Connection, now: datetime, *, next_uncertain: Callable[[int], datetime]
) -> list[tuple[int, DeliveryStatus]]:
    """Release the mails whose worker's lease ran out; return the number and new status of each.

    Before DATA nothing was delivered: the mail is due at once. From DATA on the server may own it (RFC 1047): the
    same bytes go again at `next_uncertain` of the count of such attempts before. The claim of such a row stays, so
    that its worker, should it live after all, can still record that the mail was sent.
    """
    undelivered = update(outbox).where(_lease_ran_out(now), outbox.c.phase != Phase.DATA.value)
    due_again = tx.scalars(
        undelivered.values(
            **_IDLE, status=DeliveryStatus.WAITING.value, next_attempt_at=now, claim=""
        ).returning(outbox.c.id)
    ).all()
    uncertain = tx.execute(select(outbox.c.id, outbox.c.uncertain).where(_lease_ran_out(now))).all()
    for row in uncertain:
        tx.execute(
            update(outbox)
            .where(outbox.c.id == row.id)
            .values(
                **_IDLE,
                status=DeliveryStatus.UNCERTAIN.value,
                next_attempt_at=next_uncertain(row.uncertain),
                uncertain=row.uncertain + 1,
            )
        )
    return [(number, DeliveryStatus.WAITING) for number in due_again] + [
        (row.id, DeliveryStatus.UNCERTAIN) for row in uncertain
    ]


def claim(tx: Connection, now: datetime, *, lease_until: datetime, token: str) -> Delivery | None:
    """Claim the mail that has been due the longest, so that no other worker does; None when none is due."""
    due = (_is_unsent, outbox.c.next_attempt_at <= now, outbox.c.expires_at > now)
    first = select(outbox.c.id).where(*due).order_by(outbox.c.next_attempt_at, outbox.c.id).limit(1)
    number = tx.scalar(
        update(outbox)
        .where(outbox.c.id == first.scalar_subquery(), *due)
        .values(
            status=DeliveryStatus.SENDING.value,
            phase=Phase.BEFORE_DATA.value,
            attempts=outbox.c.attempts + 1,
            lease_until=lease_until,
            claim=token,
        )
        .returning(outbox.c.id)
    )
    return None if number is None else _deliveries(tx, [number])[0]


def renew(tx: Connection, number: int, token: str, lease_until: datetime) -> bool:
    """Extend the lease of a claimed mail; return False when the claim no longer holds."""
    return bool(
        tx.execute(update(outbox).where(_claimed(number, token)).values(lease_until=lease_until)).rowcount
    )


def mark_data(tx: Connection, number: int, token: str) -> bool:
    """Record that from here on the server may own the message.

    Return False when the claim no longer holds: the mail must not be sent.
    """
    marked = update(outbox).where(_claimed(number, token)).values(phase=Phase.DATA.value)
    return bool(tx.execute(marked).rowcount)


def finish(
    tx: Connection,
    number: int,
    token: str,
    *,
    status: DeliveryStatus,
    next_attempt_at: datetime | None,
    reply: str,
    now: datetime,
) -> bool:
    """Record how an attempt went; return False, and change nothing, when the claim no longer holds.

    That a mail was sent is recorded even for a worker whose lease ran out, unless another claimed it since.
    """
    values: dict[str, Any] = {**_IDLE, "status": status.value, "claim": "", "last_reply": reply}
    claimed = _claimed(number, token)
    if next_attempt_at is not None:
        values["next_attempt_at"] = next_attempt_at
    if status is DeliveryStatus.UNCERTAIN:
        values["uncertain"] = outbox.c.uncertain + 1
    if status is DeliveryStatus.SENT:
        values["sent_at"] = now
        claimed = or_(claimed, _claimed(number, token, DeliveryStatus.UNCERTAIN))
    return bool(tx.execute(update(outbox).where(claimed).values(values)).rowcount)


def expire(tx: Connection, now: datetime) -> list[Delivery]:
    """Give up the unsent mails that are too old to be news; return them in the order of their numbers."""
    old = update(outbox).where(_is_unsent, outbox.c.expires_at <= now)
    expired = old.values(status=DeliveryStatus.EXPIRED.value).returning(outbox.c.id)
    return _deliveries(tx, sorted(tx.scalars(expired).all()))


def requeue(tx: Connection, number: int, now: datetime, expires_at: datetime) -> bool:
    """Queue an unsent mail again, as if new; return False when it is unknown, being sent, or was sent."""
    as_new = {
        "status": DeliveryStatus.WAITING.value,
        "attempts": 0,
        "uncertain": 0,
        "next_attempt_at": now,
        "expires_at": expires_at,
        "claim": "",
    }
    may_requeue = _is(*_UNSENT, DeliveryStatus.FAILED, DeliveryStatus.EXPIRED)
    return bool(tx.execute(update(outbox).where(outbox.c.id == number, may_requeue).values(as_new)).rowcount)


def prune(tx: Connection, before: datetime) -> int:
    """Delete the mails that were sent, or given up, before an instant; return their count."""
    done = _is(DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.EXPIRED)
    done_at = func.coalesce(outbox.c.sent_at, outbox.c.expires_at)
    return tx.execute(delete(outbox).where(done, done_at < before)).rowcount


def counts(tx: Connection) -> dict[DeliveryStatus, int]:
    """Return the count of mails of each status, 0 included."""
    rows = tx.execute(select(outbox.c.status, func.count()).group_by(outbox.c.status))
    return dict.fromkeys(DeliveryStatus, 0) | {DeliveryStatus(status): count for status, count in rows}


def listing(tx: Connection, *, status: DeliveryStatus | None, limit: int) -> list[Delivery]:
    """Return the newest `limit` mails of a status, or of any; the newest first."""
    query = _rows.order_by(outbox.c.id.desc()).limit(limit)
    if status is not None:
        query = query.where(_is(status))
    return [_delivery(row) for row in tx.execute(query)]


_rows = (
    select(
        outbox,
        func.coalesce(subscriptions.c.name, digests.c.subscription).label("subscription"),
        digests.c.slot,
    )
    .join(digests, digests.c.id == outbox.c.digest_id)
    .outerjoin(subscriptions, subscriptions.c.key == digests.c.subscription)
)
_IDLE: dict[str, Any] = {"phase": Phase.NONE.value, "lease_until": None}  # nobody is sending it
_UNSENT = (DeliveryStatus.WAITING, DeliveryStatus.UNCERTAIN)


def _is(*statuses: DeliveryStatus) -> ColumnElement[bool]:
    return outbox.c.status.in_([status.value for status in statuses])


_is_unsent = _is(*_UNSENT)


def _lease_ran_out(now: datetime) -> ColumnElement[bool]:
    return and_(_is(DeliveryStatus.SENDING), outbox.c.lease_until < now)


def _claimed(number: int, token: str, status: DeliveryStatus = DeliveryStatus.SENDING) -> ColumnElement[bool]:
    return and_(outbox.c.id == number, outbox.c.claim == token, _is(status))


def _deliveries(tx: Connection, numbers: Sequence[int]) -> list[Delivery]:
    return [
        _delivery(row)
        for chunk in chunks(numbers)
        for row in tx.execute(_rows.where(outbox.c.id.in_(chunk)).order_by(outbox.c.id))
    ]


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        mail=Mail(message_id=row.message_id, date=row.date, sender=row.sender, to=row.recipient, raw=row.raw),
        status=DeliveryStatus(row.status),
        phase=Phase(row.phase),
        attempts=row.attempts,
        uncertain=row.uncertain,
        next_attempt_at=row.next_attempt_at,
        expires_at=row.expires_at,
        last_reply=row.last_reply,
        subscription=row.subscription,
        slot=row.slot,
        claim=row.claim,
        route=Route(row.route),
        reason=FailReason(row.reason),
    )
