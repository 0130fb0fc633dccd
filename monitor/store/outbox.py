"""The mails that wait, and how each one goes.

A worker claims a row for the length of a lease, and signs what it writes with its token. A lease that ran out
is put right by `recover`; from then on the slow worker's token opens nothing, except to say that the mail was
sent.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, func, or_, select, update
from sqlalchemy import insert as insert_into

from monitor.model.mail import Delivery, DeliveryStatus, Mail, Phase
from monitor.store.dialects import chunks
from monitor.store.tables import digests, outbox


def insert(tx: Connection, digest_id: int, mail: Mail, *, now: datetime, expires_at: datetime) -> int:
    """Queue a mail, due at once; its number. One per digest and recipient, or the transaction fails."""
    row = insert_into(outbox).values(
        digest_id=digest_id,
        recipient=mail.to,
        message_id=mail.message_id,
        sender=mail.sender,
        date=mail.date,
        raw=mail.raw,
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
    """Is there anything to recover, to expire or to claim?"""
    late = or_(outbox.c.next_attempt_at <= now, outbox.c.expires_at <= now)
    return bool(tx.scalar(select(exists().where(or_(_lapsed(now), and_(_waits, late))))))


def recover(
    tx: Connection, now: datetime, *, next_uncertain: Callable[[int], datetime]
) -> list[tuple[int, DeliveryStatus]]:
    """Release the mails whose worker's lease ran out; return the number and new status of each.

    Before DATA nothing was delivered: the mail is due at once. From DATA on the server may own it (RFC 1047): the
    same bytes go again at `next_uncertain` of the count of such attempts before. The claim of such a row stays, so
    that its worker, should it live after all, can still record that the mail was sent.
    """
    undelivered = update(outbox).where(_lapsed(now), outbox.c.phase != Phase.DATA.value)
    due_again = tx.scalars(
        undelivered.values(
            **_IDLE, status=DeliveryStatus.WAITING.value, next_attempt_at=now, claim=""
        ).returning(outbox.c.id)
    ).all()
    uncertain = tx.execute(select(outbox.c.id, outbox.c.uncertain).where(_lapsed(now))).all()
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
    """Take the mail that has been due the longest; None when there is none. Nobody else gets it meanwhile."""
    due = (_waits, outbox.c.next_attempt_at <= now, outbox.c.expires_at > now)
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
    """Keep a claimed mail for longer; False when it is no longer ours."""
    return bool(
        tx.execute(update(outbox).where(_ours(number, token)).values(lease_until=lease_until)).rowcount
    )


def mark_data(tx: Connection, number: int, token: str) -> bool:
    """From here on the server may own the message; False when the mail is no longer ours: do not send it."""
    marked = update(outbox).where(_ours(number, token)).values(phase=Phase.DATA.value)
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
    """How the attempt went, and what follows; False when the mail is no longer ours, and nothing is changed.

    That a mail was sent is believed even of a worker whose lease ran out, unless another claimed it since.
    """
    values: dict[str, Any] = {**_IDLE, "status": status.value, "claim": "", "last_reply": reply}
    ours = _ours(number, token)
    if next_attempt_at is not None:
        values["next_attempt_at"] = next_attempt_at
    if status is DeliveryStatus.UNCERTAIN:
        values["uncertain"] = outbox.c.uncertain + 1
    if status is DeliveryStatus.SENT:
        values["sent_at"] = now
        ours = or_(ours, _ours(number, token, DeliveryStatus.UNCERTAIN))
    return bool(tx.execute(update(outbox).where(ours).values(values)).rowcount)


def expire(tx: Connection, now: datetime) -> list[Delivery]:
    """Give up the mails that are too old to be news; those."""
    old = update(outbox).where(_waits, outbox.c.expires_at <= now)
    gone = old.values(status=DeliveryStatus.EXPIRED.value).returning(outbox.c.id)
    return _deliveries(tx, tx.scalars(gone).all())


def requeue(tx: Connection, number: int, now: datetime, expires_at: datetime) -> bool:
    """An unsent mail waits again, as if new; False when there is none, or it is being sent, or was sent."""
    anew = {
        "status": DeliveryStatus.WAITING.value,
        "attempts": 0,
        "uncertain": 0,
        "next_attempt_at": now,
        "expires_at": expires_at,
        "claim": "",
    }
    unsent = _is(*_TO_SEND, DeliveryStatus.FAILED, DeliveryStatus.EXPIRED)
    return bool(tx.execute(update(outbox).where(outbox.c.id == number, unsent).values(anew)).rowcount)


def prune(tx: Connection, before: datetime) -> int:
    """Forget the mails that were sent, or given up, before that instant; how many."""
    done = _is(DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.EXPIRED)
    over = func.coalesce(outbox.c.sent_at, outbox.c.expires_at)
    return tx.execute(delete(outbox).where(done, over < before)).rowcount


def counts(tx: Connection) -> dict[DeliveryStatus, int]:
    """How many mails stand where; every status is there."""
    rows = tx.execute(select(outbox.c.status, func.count()).group_by(outbox.c.status))
    return dict.fromkeys(DeliveryStatus, 0) | {DeliveryStatus(status): count for status, count in rows}


def listing(tx: Connection, *, status: DeliveryStatus | None, limit: int) -> list[Delivery]:
    """The newest mails of that status, or of any; the newest first."""
    query = _rows.order_by(outbox.c.id.desc()).limit(limit)
    if status is not None:
        query = query.where(_is(status))
    return [_delivery(row) for row in tx.execute(query)]


_rows = select(outbox, digests.c.subscription, digests.c.slot).join(
    digests, digests.c.id == outbox.c.digest_id
)
_IDLE: dict[str, Any] = {"phase": Phase.NONE.value, "lease_until": None}  # nobody is sending it
_TO_SEND = (DeliveryStatus.WAITING, DeliveryStatus.UNCERTAIN)


def _is(*statuses: DeliveryStatus) -> ColumnElement[bool]:
    return outbox.c.status.in_([status.value for status in statuses])


_waits = _is(*_TO_SEND)


def _lapsed(now: datetime) -> ColumnElement[bool]:
    return and_(_is(DeliveryStatus.SENDING), outbox.c.lease_until < now)


def _ours(number: int, token: str, status: DeliveryStatus = DeliveryStatus.SENDING) -> ColumnElement[bool]:
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
    )
