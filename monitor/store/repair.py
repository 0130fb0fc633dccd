"""Statements over all tables that put right what a wrong clock has written: instants that are still to come.

`ahead` is an instant a few seconds after `now`, for clocks that differ a little. What happened cannot have happened
after it; what is due later than its longest pause after it was put off by a clock that was ahead.
"""

from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Text, and_, case, cast, func, or_, select, update

from monitor.model.digests import DigestKind, Slot, SlotKind
from monitor.model.mail import DeliveryStatus
from monitor.store.tables import (
    attempts,
    choices,
    digests,
    feeds,
    notices,
    outbox,
    owed,
    recipients,
    relays,
    rulesets,
    services,
    subscriptions,
    suppressions,
    token_keys,
)

_WAITING, _UNCERTAIN, _SENDING, _HELD = (
    status.value
    for status in (
        DeliveryStatus.WAITING,
        DeliveryStatus.UNCERTAIN,
        DeliveryStatus.SENDING,
        DeliveryStatus.HELD,
    )
)
_UNSENT = (_WAITING, _UNCERTAIN, _SENDING, _HELD)

# What these say has happened. What an entry says of its arrival is history, and nothing waits for it.
_HAPPENED: tuple["Column[datetime]", ...] = (
    *(subscriptions.c.created_at, subscriptions.c.gone_at),
    *(recipients.c.gone_at, suppressions.c.at, outbox.c.bounced_at),
    *(feeds.c.gone_since, feeds.c.failing_since, feeds.c.others_at, owed.c.since),
    *(relays.c.since, attempts.c.begun_at, attempts.c.ended_at),
    *(services.c.started_at, services.c.beat_at, services.c.ended_at),
    *(notices.c.since, notices.c.changed_at, notices.c.told_at, notices.c.over_at, notices.c.over_told_at),
    *(rulesets.c.at, choices.c.unsubscribed_at, choices.c.changed_at, token_keys.c.created_at),
)


def newest(tx: Connection) -> datetime | None:
    """Return the latest instant at which something happened, as far as the database knows; None for an empty one."""
    columns = (
        *(feeds.c.visited, feeds.c.attempted_at),
        *(subscriptions.c.created_at, subscriptions.c.last_at),
        digests.c.at,
        services.c.beat_at,
    )
    queries = [select(func.max(column)) for column in columns]
    queries.append(select(func.max(outbox.c.attempted_at)).where(outbox.c.status.in_(_UNSENT)))
    return max((instant for query in queries if (instant := tx.scalar(query))), default=None)


def make_feeds_due(tx: Connection, now: datetime, ahead: datetime, *, longest: timedelta) -> int:
    """Make the feeds due that were polled after `ahead`, or wait for longer than any feed may; return their count."""
    polled_ahead = or_(feeds.c.visited > ahead, feeds.c.attempted_at > ahead)
    late = update(feeds).where(
        feeds.c.next_poll_at > now, or_(polled_ahead, feeds.c.next_poll_at > ahead + longest)
    )
    return tx.execute(late.values(next_poll_at=now)).rowcount


def date_polls(tx: Connection, now: datetime, ahead: datetime) -> None:
    """Date polls after `ahead` as of now, and forget until when their servers want to be left alone."""
    for column in (feeds.c.document_at, feeds.c.changed_at):
        tx.execute(update(feeds).where(column > ahead).values({column.name: now}))
    polled_ahead = update(feeds).where(or_(feeds.c.visited > ahead, feeds.c.attempted_at > ahead))
    tx.execute(
        polled_ahead.values(
            visited=case((feeds.c.visited > ahead, now), else_=feeds.c.visited),
            attempted_at=case((feeds.c.attempted_at > ahead, now), else_=feeds.c.attempted_at),
            # Counted from such a time.
            retry_after=None,
            fresh_until=None,
        )
    )


def make_mails_due(tx: Connection, now: datetime, ahead: datetime, *, longest: timedelta) -> int:
    """Make the waiting mails due that were made or tried after `ahead`, or wait too long; return their count."""
    made_ahead = or_(outbox.c.created_at > ahead, outbox.c.attempted_at > ahead)
    late = update(outbox).where(
        outbox.c.status == _WAITING,
        outbox.c.next_attempt_at > now,
        or_(made_ahead, outbox.c.next_attempt_at > ahead + longest),
    )
    return tx.execute(late.values(next_attempt_at=now)).rowcount


def pause_uncertain_mails(
    tx: Connection, now: datetime, ahead: datetime, *, pause: timedelta, longest: timedelta
) -> int:
    """Let uncertain mails that were tried after `ahead`, or wait too long, pause from now on; return their count."""
    late = update(outbox).where(
        outbox.c.status == _UNCERTAIN,
        outbox.c.next_attempt_at > now + pause,
        or_(outbox.c.attempted_at > ahead, outbox.c.next_attempt_at > ahead + longest),
    )
    return tx.execute(late.values(next_attempt_at=now + pause)).rowcount


def shorten_leases(tx: Connection, now: datetime, ahead: datetime, *, lease: timedelta) -> int:
    """Let leases of mails that end too late end one lease from now; return their count.

    A worker that lives renews its own before that.
    """
    late = update(outbox).where(outbox.c.status == _SENDING, outbox.c.lease_until > ahead + lease)
    return tx.execute(late.values(lease_until=now + lease)).rowcount


def date_mails(tx: Connection, now: datetime, ahead: datetime, *, expire: timedelta) -> int:
    """Date the unsent mails that were made after `ahead` as made now; return their count."""
    made_ahead = update(outbox).where(outbox.c.status.in_(_UNSENT), outbox.c.created_at > ahead)
    return tx.execute(made_ahead.values(created_at=now, expires_at=now + expire)).rowcount


def forget_failures_ahead(tx: Connection, now: datetime, ahead: datetime) -> None:
    """Date what is told of unsent mails after `ahead` as of now: the last attempt, the hold; count last tries anew."""
    mails = and_(
        outbox.c.status.in_(_UNSENT),
        or_(outbox.c.attempted_at > ahead, outbox.c.failing_since > ahead, outbox.c.held_since > ahead),
    )
    failing_ahead = outbox.c.failing_since > ahead
    tx.execute(
        update(outbox)
        .where(mails)
        .values(
            attempted_at=case((outbox.c.attempted_at > ahead, now), else_=outbox.c.attempted_at),
            failing_since=case((failing_ahead, None), else_=outbox.c.failing_since),
            failing_awake=case((failing_ahead, 0.0), else_=outbox.c.failing_awake),
            held_since=case((outbox.c.held_since > ahead, now), else_=outbox.c.held_since),
        )
    )


def probe_relays(
    tx: Connection, now: datetime, ahead: datetime, *, longest: timedelta, longest_after_login: timedelta
) -> int:
    """Let mail servers be tried that failed first after `ahead`, or are spared for too long; return their count."""
    login_holds = and_(relays.c.login_refusals > 0, relays.c.next_probe_at <= ahead + longest_after_login)
    late = or_(relays.c.since > ahead, and_(relays.c.next_probe_at > ahead + longest, ~login_holds))
    return tx.execute(
        update(relays).where(relays.c.next_probe_at > now, late).values(next_probe_at=now)
    ).rowcount


def give_slots_back(tx: Connection, ahead: datetime) -> list[str]:
    """Return subscriptions whose last slot is after `ahead` to the last digest before it; return their keys."""
    keys = list(tx.scalars(select(subscriptions.c.key).where(subscriptions.c.last_at > ahead)))
    for key in keys:
        at = tx.scalar(
            select(func.max(digests.c.at)).where(
                digests.c.subscription == key,
                digests.c.at <= ahead,
                ~digests.c.slot.startswith(f"{SlotKind.AT_ONCE}:"),
                digests.c.kind == DigestKind.DIGEST.value,
            )
        )
        # A slot by hand stands for no time of day: only its instant counts.
        name = Slot(kind=SlotKind.NOW, key=at.isoformat(), at=at).name if at else ""
        tx.execute(update(subscriptions).where(subscriptions.c.key == key).values(last_slot=name, last_at=at))
    return keys


def set_digests_back(tx: Connection, now: datetime, ahead: datetime) -> int:
    """Date digests made after `ahead` as of now, and free their times of day for another; return their count."""
    freed = digests.c.slot + "#" + cast(digests.c.id, Text)
    times_of_day = or_(*(digests.c.slot.startswith(f"{kind}:") for kind in (SlotKind.AT, SlotKind.QUIET)))
    is_time_of_day = and_(times_of_day, ~digests.c.slot.contains("#"))
    made_ahead = update(digests).where(digests.c.at > ahead)
    return tx.execute(
        made_ahead.values(at=now, slot=case((is_time_of_day, freed), else_=digests.c.slot))
    ).rowcount


def shorten_pauses(tx: Connection, now: datetime, ahead: datetime) -> None:
    """Let the pauses that recipients chose after `ahead` last as long as they chose, from now on."""
    chosen_ahead = select(choices.c.number, choices.c.paused_until, choices.c.changed_at).where(
        choices.c.changed_at > ahead, choices.c.paused_until.is_not(None)
    )
    for row in tx.execute(chosen_ahead).all():
        until = now + (row.paused_until - row.changed_at)
        tx.execute(update(choices).where(choices.c.number == row.number).values(paused_until=until))


def date_as_of_now(tx: Connection, now: datetime, ahead: datetime) -> None:
    """Date whatever else happened after `ahead` as of now."""
    for column in _HAPPENED:
        tx.execute(update(column.table).where(column > ahead).values({column.name: now}))
