"""Compute the slot a subscription is due for, its next slot, and which of its rules may go out at once.

A time of day belongs to a local day: it happens exactly once on it, whatever the clocks do. Zones come
from the zoneinfo database; the instants compared are UTC.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from monitor.config.options import Rule, Subscription
from monitor.config.values import WORKDAY
from monitor.digests.workdays import is_workday
from monitor.model.digests import Slot, SlotKind, SubscriptionState

COUNTED_FOR_HOUR = (SlotKind.AT_ONCE, SlotKind.EVERY)
HOUR = timedelta(hours=1)  # over which mails sent at once are counted
LATE = timedelta(minutes=10)  # a digest made this long after its slot says so
# Days looked at before and after now: they hold every weekday, and more days than a holiday ever had.
_WINDOW, _WINDOW_OF_WORKDAYS = 8, 20


def due(sub: Subscription, state: SubscriptionState, now: datetime) -> Slot | None:
    """Return the slot to make a digest for at `now`, or None. Slots missed meanwhile collapse into the latest.

    With `every`, a slot says only that the interval has passed: whether any entry is pending, the caller knows.
    """
    if sub.every is not None:
        passed = state.last_at is None or now - state.last_at >= sub.every
        is_due = passed and _has_slots(sub, _local_day(sub, now))
        return _slot_at_instant(SlotKind.EVERY, now) if is_due else None
    after = max(state.last_at or state.created_at, state.created_at)
    missed = [slot for slot in _slots(sub, now, range(-_window(sub), 1)) if after < slot.at <= now]
    # By key too: the operator may have moved the subscription to another zone, where today's 08:00 is yet
    # to come although it has been mailed.
    not_taken = [slot for slot in missed if not _is_taken(state, slot)]
    if not not_taken:
        return None
    latest = max(not_taken, key=lambda slot: (slot.at, slot.key))
    return replace(latest, late=now - latest.at > LATE)


def next_slot(sub: Subscription, now: datetime) -> datetime | None:
    """Return the instant of the next time of day after `now`; None for a subscription without times of day."""
    return min(
        (slot.at for slot in _slots(sub, now, range(-1, _window(sub) + 1)) if slot.at > now), default=None
    )


def slot_now(now: datetime) -> Slot:
    """Return the slot of a digest ordered by hand."""
    return _slot_at_instant(SlotKind.NOW, now)


def slots_between(sub: Subscription, start: datetime, end: datetime) -> list[Slot]:
    """Return the times of day in [start, end] in their order; none for a subscription without times of day."""
    days = range(-1, (end - start).days + 3)
    return sorted(
        (slot for slot in _slots(sub, start, days) if start <= slot.at <= end),
        key=lambda slot: (slot.at, slot.name),
    )


def slot_at_once(now: datetime) -> Slot:
    """Return the slot of a mail that does not wait for the subscription's time."""
    return _slot_at_instant(SlotKind.AT_ONCE, now)


def is_at_once(slot: Slot) -> bool:
    """Return whether the mail of a slot stands beside the digests."""
    return slot.kind is SlotKind.AT_ONCE


def is_quiet(slot: Slot) -> bool:
    """Return whether the mail of a slot tells that nothing has matched for long."""
    return slot.kind is SlotKind.QUIET


def counts_for_hour(slot: Slot) -> bool:
    """Return whether the mail of a slot is one of those of which a subscription gets so many an hour at most."""
    return slot.kind in COUNTED_FOR_HOUR


def hour_full_until(most: int, sent: Sequence[datetime], now: datetime) -> datetime | None:
    """Return when there is room again for a mail at once, None when there is; `sent` are the instants of those so far.

    With `most` 0 they are not counted.
    """
    within = sorted(at for at in sent if now - HOUR < at <= now)
    return within[-most] + HOUR if most and len(within) >= most else None


def outside_quiet_hours(rules: Sequence[Rule], timezone: str, now: datetime) -> tuple[Rule, ...]:
    """Return the rules whose matches go out at once at `now`: those of that pace, outside their quiet hours."""
    local = now.astimezone(ZoneInfo(timezone)).time()
    return tuple(rule for rule in rules if rule.pace == "at once" and not _is_quiet(rule, local))


def waking_times(rules: Sequence[Rule], timezone: str, start: datetime, end: datetime) -> list[datetime]:
    """Return the instants in [start, end] at which the quiet hours of a rule end."""
    ends = tuple(sorted({until for rule in rules if rule.pace == "at once" for _, until in rule.quiet}))
    schedule = Subscription(name="", to=(), at=ends, timezone=timezone)
    return [slot.at for slot in slots_between(schedule, start, end)]


def _is_quiet(rule: Rule, local: time) -> bool:
    # A span that ends before it begins goes over midnight.
    return any(
        start <= local < end if start < end else local >= start or local < end for start, end in rule.quiet
    )


def _slot_at_instant(kind: SlotKind, now: datetime) -> Slot:
    return Slot(kind=kind, key=f"{now.replace(tzinfo=None).isoformat(timespec='microseconds')}Z", at=now)


def _has_slots(sub: Subscription, day: date) -> bool:
    return not sub.days or day.isoweekday() in sub.days or (WORKDAY in sub.days and is_workday(day))


def _window(sub: Subscription) -> int:
    return _WINDOW_OF_WORKDAYS if WORKDAY in sub.days else _WINDOW


def _local_day(sub: Subscription, now: datetime) -> date:
    return now.astimezone(ZoneInfo(sub.timezone)).date()


def _slots(sub: Subscription, now: datetime, days: range) -> Iterator[Slot]:
    """Yield the times of day of the local days at these offsets from today's."""
    today = _local_day(sub, now)
    for day in (today + timedelta(days=offset) for offset in days):
        if _has_slots(sub, day):
            yield from (_slot(sub, day, at) for at in sub.at)


def _slot(sub: Subscription, day: date, at: time) -> Slot:
    # fold=0 is the earlier of two equal wall times, and carries a wall time that does not exist over the
    # gap: 02:30 on the night of the change happens at 03:30 (PEP 495).
    local = datetime.combine(day, at, tzinfo=ZoneInfo(sub.timezone))
    clock = at.isoformat(timespec="seconds" if at.second else "minutes")
    return Slot(kind=SlotKind.AT, key=f"{day.isoformat()}T{clock}", at=local.astimezone(UTC))


def _is_taken(state: SubscriptionState, slot: Slot) -> bool:
    last = state.last_slot
    return last is not None and last.kind is SlotKind.AT and slot.key <= last.key


def instant_of_slot(name: str, timezone: str) -> datetime | None:
    """Return the instant that a slot's name tells, an AT in its subscription's zone; None for no instant."""
    try:
        at = datetime.fromisoformat(name.partition(":")[2])
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(timezone))).astimezone(UTC)
