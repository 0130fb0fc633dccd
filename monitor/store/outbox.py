"""Table outbox: the mails to send, and how each delivery goes.

A worker claims a row for the length of a lease, and signs what it writes with its token. `recover` releases the
rows whose lease ran out; from then on the slow worker's token is good for nothing but to record that the mail was
sent.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy import insert as insert_into
from sqlalchemy.sql.dml import ReturningUpdate

from monitor.config.addresses import any_spelling
from monitor.errors import SendCause
from monitor.model.digests import DigestKind
from monitor.model.mail import Delivery, DeliveryStatus, LimitReached, Limits, Mail, Phase, Route
from monitor.model.suppressions import SuppressedBy
from monitor.store import attempts, suppressions, tables
from monitor.store.dialects import chunks, clean
from monitor.store.tables import digests, outbox, recipients, subscriptions
from monitor.texts import changed, kept, revived


def insert(
    tx: Connection,
    digest_id: int,
    mail: Mail,
    *,
    now: datetime,
    expires_at: datetime,
    route: Route = Route.SMTP,
    urgent: bool = False,
) -> int:
    """Queue a mail, due at once, an `urgent` one before all others; return its id.

    A second one for a digest and recipient fails the transaction.
    """
    values = {
        "digest_id": digest_id,
        "recipient": mail.to,
        "message_id": mail.message_id,
        "sender": mail.sender,
        "date": mail.date,
        "raw": mail.raw,
        "route": route.value,
        "urgent": urgent,
        "next_attempt_at": now,
        "created_at": now,
        "expires_at": expires_at,
    }
    number: int = tx.execute(_QUEUED, values).scalar_one()
    return number


def anything_due(tx: Connection, now: datetime, routes: Collection[Route]) -> bool:
    """Return whether there is anything to recover, or to claim for one of these routes."""
    return tx.scalar(_LOST, {"now": now}) is not None or anything_to_claim(tx, now, routes)


def anything_to_claim(tx: Connection, now: datetime, routes: Collection[Route]) -> bool:
    """Return whether a mail is due on one of these routes."""
    return tx.scalar(_next_of(frozenset(routes)), {"now": now}) is not None


def anything_sending(tx: Connection, server: str, now: datetime) -> bool:
    """Return whether a mail is being handed to this server by a worker whose lease holds."""
    sending = and_(_is(DeliveryStatus.SENDING), outbox.c.server == server, outbox.c.lease_until >= now)
    return bool(tx.scalar(select(exists().where(sending))))


def recover(
    tx: Connection,
    now: datetime,
    *,
    sending_here: Collection[int],
    next_uncertain: Callable[[int, int], datetime | None],
) -> list[tuple[int, DeliveryStatus]]:
    """Release the mails whose worker's lease ran out; return the number and new status of each.

    `sending_here` are the numbers this process is sending: they are left alone. Before the dot nothing was delivered:
    the mail is due at once. From there on the server may own it (RFC 1047): the same bytes go again at
    `next_uncertain` of the counts of attempts that were uncertain and interrupted, or never by themselves. The claim
    of such a row stays, so that its worker, should it live after all, can still record that the mail was sent.
    """
    lost = and_(_lease_ran_out(now), outbox.c.id.not_in(sending_here))
    undelivered = update(outbox).where(lost, outbox.c.phase != Phase.DOT.value)
    due_again = tx.scalars(
        undelivered.values(
            **_IDLE, status=DeliveryStatus.WAITING.value, next_attempt_at=now, claim=""
        ).returning(outbox.c.id)
    ).all()
    columns = outbox.c.id, outbox.c.uncertain, outbox.c.interrupted, outbox.c.expires_at
    uncertain = tx.execute(select(*columns).where(lost)).all()
    for row in uncertain:
        next_attempt_at = next_uncertain(row.uncertain, row.interrupted + 1) if row.expires_at > now else None
        tx.execute(
            update(outbox)
            .where(outbox.c.id == row.id)
            .values(
                **_IDLE,
                status=DeliveryStatus.UNCERTAIN.value,
                next_attempt_at=next_attempt_at,
                interrupted=row.interrupted + 1,
            )
        )
    return [(number, DeliveryStatus.WAITING) for number in sorted(due_again)] + [
        (row.id, DeliveryStatus.UNCERTAIN) for row in uncertain
    ]


def claim(
    tx: Connection,
    now: datetime,
    *,
    lease_until: datetime,
    token: str,
    routes: Collection[Route] = tuple(Route),
    server: str = "",
) -> Delivery | None:
    """Claim the mail that has been due the longest, so that no other worker does; None when none is due.

    Urgent mails come before all others. A mail to somebody who has left its subscription, or is suppressed, is not
    claimed. `routes` are those that can be taken just now; `server` is the mail server the worker sends to, as
    host:port.
    """
    values = {"now": now, "until": lease_until, "token": token, "to_server": server}
    row = tx.execute(_claim_of(frozenset(routes)), values).one_or_none()
    return None if row is None else _delivery(row)


def room_again_at(
    tx: Connection, server: str, now: datetime, *, most: int, window: timedelta
) -> datetime | None:
    """Return when a server to which `most` mails were handed within the `window` up to now gets more; None: now.

    Counted are the mails by their last attempt, whatever came of it, from all processes.
    """
    # What is later than now was written by a clock that is ahead of ours; of one far ahead nothing is believed.
    span = {"server": server, "since": now - window, "until": now + _CLOCKS_APART, "before": most - 1}
    reached = tx.scalar(_ATTEMPT, span)
    return reached + window if reached else None


def limit_reached(tx: Connection, server: str, limits: Limits, now: datetime) -> LimitReached | None:
    """Return the limit that keeps mails from a server just now, of several the one that lasts longest."""
    reached = [
        LimitReached(most=most, window=window, until=until)
        for most, window in limits.windows()
        if (until := room_again_at(tx, server, now, most=most, window=window))
    ]
    return max(reached, key=attrgetter("until"), default=None)


def first_attempt(tx: Connection, server: str, *, since: datetime, until: datetime) -> datetime | None:
    """Return the first of the attempts that count at a server between two instants; None when there is none."""
    of_server = outbox.c.server == server, outbox.c.attempted_at > since, outbox.c.attempted_at <= until
    first: datetime | None = tx.scalar(select(func.min(outbox.c.attempted_at)).where(*of_server))
    return first


def renew(tx: Connection, number: int, token: str, lease_until: datetime) -> bool:
    """Extend the lease of a claimed mail; return False when the claim no longer holds."""
    return bool(
        tx.execute(update(outbox).where(_claimed(number, token)).values(lease_until=lease_until)).rowcount
    )


def mark_dot(tx: Connection, number: int, token: str) -> bool:
    """Record that from here on the server may own the message, and that its bytes stay what they are.

    Return False when the claim no longer holds: the mail must not be sent.
    """
    return bool(tx.execute(_MARK_DOT, {"number": number, "token": token}).rowcount)


def rewrite(tx: Connection, number: int, mail: Mail) -> None:
    """Replace sender, Message-ID and bytes of a mail that was never handed over to its end."""
    values = {"sender": mail.sender, "message_id": mail.message_id, "raw": mail.raw}
    tx.execute(update(outbox).where(outbox.c.id == number).values(values))


def finish(
    tx: Connection,
    number: int,
    token: str,
    *,
    status: DeliveryStatus,
    next_attempt_at: datetime | None,
    reply: str,
    now: datetime,
    cause: SendCause = SendCause.NONE,
    attempts: int | None = None,
    uncertain: int | None = None,
    interrupted: int | None = None,
) -> bool:
    """Record how an attempt went; return False, and change nothing, when the claim no longer holds.

    The counts replace those of the row where they are given. That a mail was sent is recorded even for a worker whose
    lease ran out, unless another claimed it since.
    """
    values = {
        "number": number,
        "token": token,
        "to_status": status.value,
        "reply": kept(changed(reply, clean)),
        "to_cause": cause.value,
        "now": now,
        "next_at": next_attempt_at,
    }
    if status is DeliveryStatus.SENT:
        return bool(tx.execute(_SENT, values).rowcount)
    counts = {"to_attempts": attempts, "to_uncertain": uncertain, "to_interrupted": interrupted}
    return bool(tx.execute(_FINISHED, values | counts).rowcount)


def failed_when_old(tx: Connection, now: datetime, *, pause: timedelta, only: int | None = None) -> None:
    """Record a failure of the unsent mails that are too old, or of the `only` one.

    Their last tries begin with the first such failure; each adds the `pause` until the next attempt, and no time
    that the machine may have slept.
    """
    old = and_(_is_unsent, outbox.c.expires_at <= now)
    old = (
        and_(old, outbox.c.id == only) if only is not None else and_(old, outbox.c.route == Route.SMTP.value)
    )
    tx.execute(
        update(outbox)
        .where(old)
        .values(
            failing_since=func.coalesce(outbox.c.failing_since, now),
            failing_awake=outbox.c.failing_awake + pause.total_seconds(),
        )
    )


def tried_long_enough(tx: Connection, now: datetime, last_tries: timedelta) -> list[Delivery]:
    """Return the unsent mails that are too old and have failed since for as long as `last_tries`, by number.

    The pause that follows their last failure is not counted: it has yet to pass. Call this before `failed_when_old`.
    """
    tried = (
        _is(DeliveryStatus.WAITING),
        outbox.c.expires_at <= now,
        outbox.c.failing_since <= now - last_tries,
        outbox.c.failing_awake >= last_tries.total_seconds(),
    )
    return _deliveries(tx, tx.scalars(select(outbox.c.id).where(*tried).order_by(outbox.c.id)).all())


def expire(tx: Connection, numbers: Sequence[int]) -> None:
    """Give up these unsent mails: they are too old to be news."""
    for chunk in chunks(numbers):
        old = update(outbox).where(_is_unsent, outbox.c.id.in_(chunk))
        tx.execute(old.values(status=DeliveryStatus.EXPIRED.value, next_attempt_at=None))


def resting(tx: Connection, numbers: Sequence[int]) -> list[Delivery]:
    """Return those of these mails that may have been delivered and are not sent again by themselves; by number."""
    rest = _is(DeliveryStatus.UNCERTAIN), outbox.c.next_attempt_at.is_(None)
    return [
        delivery
        for chunk in chunks(numbers)
        for delivery in _deliveries(
            tx, tx.scalars(select(outbox.c.id).where(outbox.c.id.in_(chunk), *rest)).all()
        )
    ]


def hold_unwanted(tx: Connection, now: datetime) -> dict[str, int]:
    """Hold the unsent mails to those who have left; return their counts by the subscription's key."""
    # Of uncertain mails those that would go again: the others rest as they are.
    held = tx.scalars(
        update(outbox)
        .where(_is_unsent, outbox.c.next_attempt_at.is_not(None), _is_unwanted)
        .values(status=DeliveryStatus.HELD.value, held_since=now)
        .returning(outbox.c.digest_id)
    ).all()
    counts: dict[str, int] = {}
    subscription_of = _subscriptions_of(tx, held)
    for digest_id in held:
        key = subscription_of[digest_id]
        counts[key] = counts.get(key, 0) + 1
    return counts


def release_wanted(tx: Connection, now: datetime) -> int:
    """Let the held mails to those who are back go on as before; return their count. Time held is not time waited."""
    is_held = (_is(DeliveryStatus.HELD), outbox.c.next_attempt_at.is_not(None), ~_is_unwanted)
    # The mails of a digest are held and expire at the same instants: a few statements release thousands.
    count = 0
    spans = select(outbox.c.held_since, outbox.c.expires_at).where(*is_held).distinct()
    for held_since, expires_at in tx.execute(spans).all():
        of_span = (outbox.c.held_since == held_since, outbox.c.expires_at == expires_at)
        later = expires_at + max(now - held_since, timedelta(0))
        released = update(outbox).where(*is_held, *of_span)
        values = {"status": _STATUS_AFTER_HOLD, "held_since": None, "expires_at": later}
        count += tx.execute(released.values(values)).rowcount
    return count


def hold_restored(tx: Connection, now: datetime) -> list[Delivery]:
    """Hold every unsent mail of a restored copy until somebody releases or cancels it; return them, by number.

    Held without a next attempt, they neither lapse nor go on when their recipients are back. One that was being handed
    over past its final dot may have been delivered.
    """
    interrupted = case(
        (outbox.c.phase == Phase.DOT.value, outbox.c.interrupted + 1), else_=outbox.c.interrupted
    )
    goes_by_itself = or_(
        _is(DeliveryStatus.WAITING, DeliveryStatus.SENDING, DeliveryStatus.HELD),
        and_(_is(DeliveryStatus.UNCERTAIN), outbox.c.next_attempt_at.is_not(None)),
    )
    held = {
        **_IDLE,
        "status": DeliveryStatus.HELD.value,
        "next_attempt_at": None,
        "held_since": now,
        "claim": "",
        "interrupted": interrupted,
    }
    numbers = tx.scalars(update(outbox).where(goes_by_itself).values(held).returning(outbox.c.id)).all()
    return _deliveries(tx, sorted(numbers))


def restored(tx: Connection) -> list[int]:
    """Return the numbers of the mails that are held until they are released: since a restore, or by hand."""
    return list(tx.scalars(select(outbox.c.id).where(_is_restored).order_by(outbox.c.id)))


def release_restored(tx: Connection, number: int, now: datetime, expires_at: datetime) -> bool:
    """Let a mail go that is held until then, due at once; return False when it is none, or nobody wants it."""
    released = {
        "status": _STATUS_AFTER_HOLD,
        "next_attempt_at": now,
        "held_since": None,
        "expires_at": expires_at,
        "failing_since": None,
        "failing_awake": 0,
    }
    mail = update(outbox).where(outbox.c.id == number, _is_restored, ~_is_unwanted)
    return bool(tx.execute(mail.values(released)).rowcount)


def cancel_lapsed(tx: Connection) -> int:
    """Cancel the unsent mails to those who are gone for good; return their count."""
    unsent = _is(*_UNSENT, DeliveryStatus.HELD)
    lapsed = update(outbox).where(
        unsent, outbox.c.next_attempt_at.is_not(None), _has_left(recipients.c.lapsed)
    )
    return tx.execute(lapsed.values(_CANCELLED)).rowcount


def cancel(tx: Connection, number: int) -> bool:
    """Cancel an unsent mail; return False when it is unknown, being sent, was sent or was given up."""
    unsent = _is(*_UNSENT, DeliveryStatus.HELD)
    return bool(tx.execute(update(outbox).where(outbox.c.id == number, unsent).values(_CANCELLED)).rowcount)


def cancel_for(tx: Connection, address: str, subscription: str | None, now: datetime) -> int:
    """Cancel what is queued for an address, of the subscription of this key or with None of all; return the count.

    Of a mail that is being sent the claim is taken away, as long as its final dot is to come: `mark_dot` refuses it.
    What may have been delivered and is not sent again by itself stays what it is; so do notices.
    """
    mails = select(digests.c.id).where(
        digests.c.subscription != "" if subscription is None else digests.c.subscription == subscription
    )
    return len(_cancel(tx, and_(outbox.c.recipient == address, outbox.c.digest_id.in_(mails)), now))


def cancel_suppressed(tx: Connection, why: str, now: datetime) -> int:
    """Cancel, as `cancel_for` does, what is queued for addresses to which nothing goes; return the count."""
    return len(_cancel(tx, _is_suppressed, now, {"last_reply": kept(why)}))


def by_message_id(tx: Connection, message_id: str) -> Delivery | None:
    """Return the mail of a Message-ID, with its angle brackets; None where there is none."""
    row = tx.execute(_rows.where(outbox.c.message_id == message_id)).one_or_none()
    return None if row is None else _delivery(row)


def mark_bounced(tx: Connection, number: int, now: datetime) -> None:
    """Record that a mail was taken, and returned later: one that was uncertain does not go again."""
    uncertain = _is(DeliveryStatus.UNCERTAIN)
    values = {
        "bounced_at": now,
        "status": case((uncertain, DeliveryStatus.SENT.value), else_=outbox.c.status),
        "sent_at": case((uncertain, now), else_=outbox.c.sent_at),
        "next_attempt_at": case((uncertain, None), else_=outbox.c.next_attempt_at),
    }
    tx.execute(update(outbox).where(outbox.c.id == number).values(values))


def refused_part(tx: Connection, delivery: Delivery) -> bool:
    """Return whether another part of the same digest to the same recipient was refused for its address, or bounced."""
    refused = and_(_is(DeliveryStatus.FAILED), outbox.c.cause == SendCause.ADDRESS.value)
    return _other_part(tx, delivery, or_(refused, outbox.c.bounced_at.is_not(None)))


def taken_part(tx: Connection, delivery: Delivery) -> bool:
    """Return whether a server took another part of the same digest to the same recipient."""
    return _other_part(tx, delivery, _is(DeliveryStatus.SENT))


def _other_part(tx: Connection, delivery: Delivery, which: ColumnElement[bool]) -> bool:
    others = (
        select(outbox.c.id)
        .join(digests, digests.c.id == outbox.c.digest_id)
        .where(
            digests.c.subscription == delivery.subscription_key,
            digests.c.slot == delivery.slot,
            outbox.c.recipient == delivery.mail.to,
            outbox.c.id != delivery.id,
            which,
        )
    )
    return bool(tx.scalar(select(others.exists())))


def cancel_declined(tx: Connection, subscription: str, mailbox: str, why: str, now: datetime) -> list[int]:
    """Cancel, as `cancel_for` does, what is queued for the mailbox of this key; return the numbers of the mails."""
    of_it = (
        select(outbox.c.id, outbox.c.recipient)
        .join(digests, digests.c.id == outbox.c.digest_id)
        .where(_goes_on, digests.c.subscription == subscription)
    )
    if mailbox.isascii():  # lower() of SQLite knows no other letters
        of_it = of_it.where(func.lower(outbox.c.recipient) == mailbox)
    numbers = [row.id for row in tx.execute(of_it) if any_spelling(row.recipient) == mailbox]
    return [
        number
        for chunk in chunks(sorted(numbers))
        for number in _cancel(tx, outbox.c.id.in_(chunk), now, {"last_reply": kept(why)})
    ]


def status_of(tx: Connection, number: int) -> DeliveryStatus | None:
    """Return the status of a mail; None for one that is not there."""
    status = tx.scalar(select(outbox.c.status).where(outbox.c.id == number))
    return None if status is None else DeliveryStatus(status)


def is_claimed(tx: Connection, number: int, token: str) -> bool:
    """Return whether a worker's claim of a mail holds."""
    return tx.scalar(_CLAIMED, {"number": number, "token": token}) is not None


def recipients_unsent(tx: Connection) -> list[tuple[str, str]]:
    """Return the recipients of unsent mails as (key of the subscription, address), each once; notices left out."""
    query = (
        select(digests.c.subscription, outbox.c.recipient)
        .join(digests, digests.c.id == outbox.c.digest_id)
        .where(
            _is(*_UNSENT, DeliveryStatus.SENDING, DeliveryStatus.HELD),
            digests.c.kind == DigestKind.DIGEST.value,
        )
        .distinct()
    )
    return [(row.subscription, row.recipient) for row in tx.execute(query)]


def make_due(tx: Connection, now: datetime, *, other_than: str | None = None) -> None:
    """Make the mails due that wait for a mail server; with `other_than`, those last tried by another server than that.

    Those that may have been delivered keep their pause.
    """
    waiting = [
        _is(DeliveryStatus.WAITING),
        outbox.c.route == Route.SMTP.value,
        outbox.c.next_attempt_at > now,
    ]
    if other_than is not None:
        waiting.append(outbox.c.server.not_in(("", other_than)))
    tx.execute(update(outbox).where(*waiting).values(next_attempt_at=now))


def requeue(tx: Connection, number: int, now: datetime, expires_at: datetime) -> bool:
    """Queue an unsent mail again, as if new.

    Return False when it is unknown, being sent, or was sent, when its recipient has left the subscription, when
    somebody else than the mail server decided that nothing goes there, or when its bytes are kept no longer.
    """
    as_new = {
        **_IDLE,
        "status": DeliveryStatus.WAITING.value,
        "cause": SendCause.NONE.value,
        "attempts": 0,
        "uncertain": 0,
        "interrupted": 0,
        "next_attempt_at": now,
        "failing_since": None,
        "failing_awake": 0,
        "held_since": None,
        "expires_at": expires_at,
        "claim": "",
        "seen": False,
    }
    unsent = or_(_is(*_UNSENT, *_GIVEN_UP, DeliveryStatus.HELD), _lease_ran_out(now))
    wanted = ~_is_unwanted, ~_is_kept_suppressed, outbox.c.raw != _DROPPED
    may_requeue = update(outbox).where(outbox.c.id == number, unsent, *wanted)
    return bool(tx.execute(may_requeue.values(as_new)).rowcount)


def hold(tx: Connection, number: int, now: datetime) -> bool:
    """Hold an unsent mail until somebody releases or cancels it, as a restore does.

    Return False when it is unknown, being sent, was sent or given up, or goes by itself no more.
    """
    unsent = _is(*_UNSENT, DeliveryStatus.HELD), outbox.c.next_attempt_at.is_not(None)
    held = {"status": DeliveryStatus.HELD.value, "next_attempt_at": None, "held_since": now}
    return bool(tx.execute(update(outbox).where(outbox.c.id == number, *unsent).values(held)).rowcount)


def is_unwanted(tx: Connection, number: int) -> bool:
    """Return whether the recipient of a mail has left its subscription."""
    return tx.scalar(select(outbox.c.id).where(outbox.c.id == number, _is_unwanted)) is not None


def is_suppressed(tx: Connection, number: int) -> bool:
    """Return whether somebody else than the mail server decided that nothing goes to the recipient of a mail."""
    which = outbox.c.id == number, _is_kept_suppressed
    return tx.scalar(select(outbox.c.id).where(*which)) is not None


def drop_bytes(tx: Connection, before: datetime) -> int:
    """Drop the bytes of the mails that were sent, or given up, before an instant; return their count.

    What became of them stays: number, Message-ID, recipient, status and attempts.
    """
    old = update(outbox).where(_is_done_before(before), outbox.c.raw != _DROPPED)
    return tx.execute(old.values(raw=_DROPPED)).rowcount


def prune(tx: Connection, before: datetime) -> int:
    """Delete the mails that were sent, or given up, before an instant, with their attempts; return their count.

    Of a notice, or a digest that was sent once more, nothing is left; what a digest brought is known for ever.
    """
    deleted = tx.execute(
        delete(outbox).where(_is_done_before(before)).returning(outbox.c.id, outbox.c.digest_id)
    ).all()
    attempts.prune(tx, [row.id for row in deleted])
    is_mailed = exists().where(outbox.c.digest_id == digests.c.id)
    for chunk in chunks(sorted({row.digest_id for row in deleted})):
        notices = digests.c.id.in_(chunk), digests.c.kind != DigestKind.DIGEST.value
        tx.execute(delete(digests).where(*notices, ~is_mailed))
    return len(deleted)


def counts(tx: Connection) -> dict[DeliveryStatus, int]:
    """Return the count of mails of each status, 0 included."""
    rows = tx.execute(select(outbox.c.status, func.count()).group_by(outbox.c.status))
    return dict.fromkeys(DeliveryStatus, 0) | {DeliveryStatus(status): count for status, count in rows}


def oldest_waiting(tx: Connection) -> datetime | None:
    """Return when the oldest mail that waits to be sent was composed; None when none waits."""
    oldest: datetime | None = tx.scalar(
        select(func.min(outbox.c.created_at)).where(_is(DeliveryStatus.WAITING))
    )
    return oldest


def count_unseen(tx: Connection) -> int:
    """Return the count of mails that were given up, and not seen by the operator since."""
    return tx.scalar(select(func.count()).where(_is_lost, ~outbox.c.seen)) or 0


def mark_seen(tx: Connection, number: int | None) -> list[int]:
    """Record that the operator has seen that a mail was given up, or with None all such; return their numbers."""
    marked = update(outbox).where(_is_lost, ~outbox.c.seen if number is None else outbox.c.id == number)
    return sorted(tx.scalars(marked.values(seen=True).returning(outbox.c.id)))


def unsent(tx: Connection) -> list[Delivery]:
    """Return the mails that wait, are being sent or are held, by number; those of a very long backlog in part."""
    is_unsent = or_(
        _is(DeliveryStatus.WAITING, DeliveryStatus.SENDING, DeliveryStatus.HELD),
        and_(_is(DeliveryStatus.UNCERTAIN), outbox.c.next_attempt_at.is_not(None)),
    )
    return [
        _delivery(row) for row in tx.execute(_rows.where(is_unsent).order_by(outbox.c.id).limit(_MOST_LISTED))
    ]


def by_number(tx: Connection, number: int) -> Delivery:
    """Return the mail of a number that is known."""
    return _deliveries(tx, [number])[0]


def find(tx: Connection, number: int) -> Delivery | None:
    """Return the mail of a number; None where there is none."""
    return next(iter(_deliveries(tx, [number])), None)


def of_slot(tx: Connection, subscription: str, slot: str) -> list[Delivery]:
    """Return the mails of a slot's digest whose bytes are still kept, part by part."""
    query = _rows.where(
        digests.c.subscription == subscription,
        digests.c.slot == slot,
        digests.c.kind == DigestKind.DIGEST.value,
        outbox.c.raw != _DROPPED,
    )
    return [_delivery(row) for row in tx.execute(query.order_by(digests.c.part, outbox.c.id))]


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
        digests.c.subscription.label("subscription_key"),
        digests.c.slot,
    )
    .join(digests, digests.c.id == outbox.c.digest_id)
    .outerjoin(subscriptions, subscriptions.c.key == digests.c.subscription)
)
_DROPPED = b""  # stands for bytes that are kept no longer
_MOST_LISTED = 1000  # their bytes are read too
_IDLE: dict[str, Any] = {"phase": Phase.NONE.value, "lease_until": None}  # nobody is sending it
_UNSENT = (DeliveryStatus.WAITING, DeliveryStatus.UNCERTAIN)
_GIVEN_UP = (DeliveryStatus.FAILED, DeliveryStatus.EXPIRED, DeliveryStatus.CANCELLED)
_CANCELLED: dict[str, Any] = {"status": DeliveryStatus.CANCELLED.value, "next_attempt_at": None}


def _is(*statuses: DeliveryStatus) -> ColumnElement[bool]:
    return outbox.c.status.in_([status.value for status in statuses])


_is_unsent = _is(*_UNSENT)
_is_restored = and_(_is(DeliveryStatus.HELD), outbox.c.next_attempt_at.is_(None))
_STATUS_AFTER_HOLD = case(
    (or_(outbox.c.uncertain > 0, outbox.c.interrupted > 0), DeliveryStatus.UNCERTAIN.value),
    else_=DeliveryStatus.WAITING.value,
)
_is_lost = _is(DeliveryStatus.FAILED, DeliveryStatus.EXPIRED)


# Statements of the way of every mail are made once: to make one takes as long as to run it.
_QUEUED = (
    insert_into(outbox)
    .values(
        **{
            name: bindparam(name)
            for name in ("digest_id", "recipient", "message_id", "sender", "date", "raw")
        },
        **{
            name: bindparam(name)
            for name in ("route", "urgent", "next_attempt_at", "created_at", "expires_at")
        },
        status=DeliveryStatus.WAITING.value,
        phase=Phase.NONE.value,
        attempts=0,
        uncertain=0,
        lease_until=None,
        claim="",
        sent_at=None,
        last_reply="",
    )
    .returning(outbox.c.id)
)


_before_dot = and_(_is(DeliveryStatus.SENDING), outbox.c.phase == Phase.BEFORE_DOT.value)
_goes_on = or_(
    _is(DeliveryStatus.WAITING, DeliveryStatus.HELD),
    and_(_is(DeliveryStatus.UNCERTAIN), outbox.c.next_attempt_at.is_not(None)),
    _before_dot,
)


def _cancel(
    tx: Connection,
    which: ColumnElement[bool],
    now: datetime,
    values: Mapping[str, Any] = MappingProxyType({}),
) -> Sequence[int]:
    # An uncertain mail keeps its claim: its worker may live, and come to know that it was sent.
    taken_away = {
        **_CANCELLED,
        **_IDLE,
        "held_since": None,
        "claim": case((_before_dot, ""), else_=outbox.c.claim),
        "attempted_at": case((_before_dot, now), else_=outbox.c.attempted_at),
        **values,
    }
    cancelled = update(outbox).where(which, _goes_on).values(taken_away)
    return tx.scalars(cancelled.returning(outbox.c.id)).all()


def _suppressed(*how: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether a mail goes to an address to which nothing goes, of its subscription or of all."""
    bars = suppressions.bars(outbox.c.recipient, digests.c.subscription, *how)
    query = select(tables.suppressions.c.address).where(digests.c.id == outbox.c.digest_id, *bars)
    return exists(query.correlate(outbox))


def _is_done_before(instant: datetime) -> ColumnElement[bool]:
    done = or_(
        _is(DeliveryStatus.SENT, *_GIVEN_UP),
        and_(_is(DeliveryStatus.UNCERTAIN), outbox.c.next_attempt_at.is_(None)),
    )
    return and_(done, func.coalesce(outbox.c.sent_at, outbox.c.expires_at) < instant)


def _has_left(how: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether a mail is one to a recipient of whom config.toml said so; of an unknown one it said nothing."""
    digest_and_recipient = (
        digests.c.id == outbox.c.digest_id,
        recipients.c.subscription == digests.c.subscription,
        recipients.c.address == outbox.c.recipient,
    )
    return exists(select(recipients.c.address).where(*digest_and_recipient, how).correlate(outbox))


_is_unwanted = _has_left(recipients.c.gone_at.is_not(None))
_is_suppressed = _suppressed()
_is_kept_suppressed = _suppressed(tables.suppressions.c.decided_by != SuppressedBy.SERVER.value)
_NOW = bindparam("now", type_=outbox.c.next_attempt_at.type)
_CLOCKS_APART = timedelta(minutes=1)


@cache
def _next_of(routes: frozenset[Route]) -> Select[tuple[int]]:
    """Return the query for the mail to claim next: of each kind the one due the longest, and the first of these.

    Each is the first of its kind in the index: however many wait, they are not sorted.
    """
    firsts = [
        select(outbox.c.id, outbox.c.urgent, outbox.c.next_attempt_at)
        .where(
            outbox.c.status == status.value,
            outbox.c.route == route.value,
            outbox.c.urgent == urgent,
            outbox.c.next_attempt_at <= _NOW,
            ~_is_unwanted,
            ~_is_suppressed,
        )
        .order_by(outbox.c.next_attempt_at, outbox.c.id)
        .limit(1)
        .subquery()
        for status in _UNSENT
        for route in sorted(routes, key=attrgetter("value"))
        for urgent in (true(), false())
    ]
    if not firsts:
        return select(outbox.c.id).where(false())
    first = union_all(*(select(each) for each in firsts)).subquery()
    return select(first.c.id).order_by(first.c.urgent.desc(), first.c.next_attempt_at, first.c.id).limit(1)


@cache
def _claim_of(routes: frozenset[Route]) -> ReturningUpdate[Any]:
    # Looked at once more in the row itself: on PostgreSQL another worker may have changed it since the query began.
    is_due = _status_is(*_UNSENT), outbox.c.next_attempt_at <= _NOW
    claimed = {
        "status": DeliveryStatus.SENDING.value,
        "phase": Phase.BEFORE_DOT.value,
        "attempted_at": _NOW,
        "attempts": outbox.c.attempts + 1,
        "lease_until": bindparam("until", type_=outbox.c.lease_until.type),
        "claim": bindparam("token"),
        "server": case((outbox.c.route == Route.SMTP.value, bindparam("to_server")), else_=""),
    }
    mail = update(outbox).where(outbox.c.id == _next_of(routes).scalar_subquery(), *is_due)
    of_digest = digests.c.id == outbox.c.digest_id
    key = select(digests.c.subscription).where(of_digest).correlate(outbox).scalar_subquery()
    name = (
        select(subscriptions.c.name)
        .join(digests, subscriptions.c.key == digests.c.subscription)
        .where(of_digest)
        .correlate(outbox)
        .scalar_subquery()
    )
    slot = select(digests.c.slot).where(of_digest).correlate(outbox).scalar_subquery()
    return mail.values(claimed).returning(
        outbox,
        func.coalesce(name, key).label("subscription"),
        key.label("subscription_key"),
        slot.label("slot"),
    )


def _claimed_as(*statuses: DeliveryStatus) -> tuple[ColumnElement[bool], ...]:
    return outbox.c.id == bindparam("number"), outbox.c.claim == bindparam("token"), _status_is(*statuses)


def _status_is(*statuses: DeliveryStatus) -> ColumnElement[bool]:
    # An IN is written anew at each run.
    return or_(*(outbox.c.status == status.value for status in statuses))


_LOST = select(outbox.c.id).where(_status_is(DeliveryStatus.SENDING), outbox.c.lease_until < _NOW).limit(1)
_ATTEMPT = (
    select(outbox.c.attempted_at)
    .where(
        outbox.c.server == bindparam("server"),
        outbox.c.attempted_at > bindparam("since", type_=outbox.c.attempted_at.type),
        outbox.c.attempted_at <= bindparam("until", type_=outbox.c.attempted_at.type),
    )
    .order_by(outbox.c.attempted_at.desc())
    .offset(bindparam("before"))
    .limit(1)
)
_CLAIMED = select(outbox.c.id).where(*_claimed_as(DeliveryStatus.SENDING))
_MARK_DOT = (
    update(outbox).where(*_claimed_as(DeliveryStatus.SENDING)).values(phase=Phase.DOT.value, reached_dot=True)
)
_OUTCOME: dict[str, Any] = {
    **_IDLE,
    "claim": "",
    "status": bindparam("to_status"),
    "last_reply": bindparam("reply"),
    "cause": bindparam("to_cause"),
    "attempted_at": _NOW,
    "next_attempt_at": bindparam("next_at", type_=outbox.c.next_attempt_at.type),
}
_FINISHED = (
    update(outbox)
    .where(*_claimed_as(DeliveryStatus.SENDING))
    .values(
        **_OUTCOME,
        **{
            column.name: func.coalesce(bindparam(f"to_{column.name}", type_=column.type), column)
            for column in (outbox.c.attempts, outbox.c.uncertain, outbox.c.interrupted)
        },
    )
)
# Of a worker whose lease ran out too, unless another has claimed the mail since.
_SENT = (
    update(outbox)
    .where(*_claimed_as(DeliveryStatus.SENDING, DeliveryStatus.UNCERTAIN, DeliveryStatus.CANCELLED))
    .values(**_OUTCOME, sent_at=_NOW)
)


def _subscriptions_of(tx: Connection, digest_ids: Sequence[int]) -> dict[int, str]:
    return {
        row.id: row.subscription
        for chunk in chunks(sorted(set(digest_ids)))
        for row in tx.execute(select(digests.c.id, digests.c.subscription).where(digests.c.id.in_(chunk)))
    }


def _lease_ran_out(now: datetime) -> ColumnElement[bool]:
    return and_(_is(DeliveryStatus.SENDING), outbox.c.lease_until < now)


def _claimed(number: int, token: str) -> ColumnElement[bool]:
    return and_(outbox.c.id == number, outbox.c.claim == token, _is(DeliveryStatus.SENDING))


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
        last_reply=revived(row.last_reply),
        subscription=row.subscription,
        slot=row.slot,
        digest_id=row.digest_id,
        subscription_key=row.subscription_key,
        claim=row.claim,
        route=Route(row.route),
        cause=SendCause(row.cause),
        interrupted=row.interrupted,
        reached_dot=row.reached_dot,
        failing_since=row.failing_since,
        failing_awake=timedelta(seconds=row.failing_awake),
        seen=row.seen,
        bounced_at=row.bounced_at,
    )
