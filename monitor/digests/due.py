"""Compute which slot of a subscription is due, and which of its rules may go out at once.

A time of day belongs to a local day: it happens exactly once on it, whatever the clocks do. Zones come
from the zoneinfo database; the instants compared are UTC.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from monitor.config.options import Rule, Subscription
from monitor.model.digests import Slot, SubscriptionState

LATE = timedelta(minutes=10)  # a digest made this long after its slot says so
WINDOW = 8  # days looked back and ahead: holds every weekday, so a weekly slot is always found


def due(sub: Subscription, state: SubscriptionState, now: datetime) -> Slot | None:
    """The slot to make a digest for at `now`, or None. Slots missed meanwhile collapse into the latest.

    With `every` the answer says only that enough time has passed: whether anything waits, the caller knows.
    """
    if sub.every is not None:
        rested = state.last_at is None or now - state.last_at >= sub.every
        return _named("every", now) if rested and _wanted(sub, _local_day(sub, now)) else None
    after = max(state.last_at or state.created_at, state.created_at)
    missed = [slot for slot in _slots(sub, now, range(-WINDOW, 1)) if after < slot.at <= now]
    # By name too: the operator may have moved the subscription to another zone, where today's 08:00 is yet
    # to come although it has been mailed.
    open_ = [slot for slot in missed if not _taken(state, slot)]
    if not open_:
        return None
    latest = max(open_, key=lambda slot: (slot.at, slot.name))
    return Slot(name=latest.name, at=latest.at, late=now - latest.at > LATE)


def next_slot(sub: Subscription, now: datetime) -> datetime | None:
    """The instant of the next time of day after `now`; None for a subscription without times of day."""
    return min((slot.at for slot in _slots(sub, now, range(-1, WINDOW + 1)) if slot.at > now), default=None)


def slot_now(now: datetime) -> Slot:
    """The slot of a digest asked for by hand."""
    return _named("now", now)


def slots_between(sub: Subscription, start: datetime, end: datetime) -> list[Slot]:
    """The times of day in [start, end], the first one first; none for a subscription without times of day."""
    around = range(-1, (end - start).days + 3)
    return sorted(
        (slot for slot in _slots(sub, start, around) if start <= slot.at <= end),
        key=lambda slot: (slot.at, slot.name),
    )


def slot_at_once(now: datetime) -> Slot:
    """The slot of a mail that does not wait for the subscription's time."""
    return _named("at once", now)


def is_at_once(slot: Slot) -> bool:
    """Is this a mail beside the digests?"""
    return slot.name.startswith("at once:")


def outside_quiet_hours(rules: Sequence[Rule], timezone: str, now: datetime) -> tuple[Rule, ...]:
    """The rules whose matches go out at once, at `now`: those of that pace, outside their quiet hours."""
    local = now.astimezone(ZoneInfo(timezone)).time()
    return tuple(rule for rule in rules if rule.pace == "at once" and not _is_quiet(rule, local))


def waking_times(rules: Sequence[Rule], timezone: str, start: datetime, end: datetime) -> list[datetime]:
    """The instants in [start, end] at which the quiet hours of a rule end."""
    ends = tuple(sorted({until for rule in rules if rule.pace == "at once" for _, until in rule.quiet}))
    wakes = Subscription(name="", to=(), at=ends, timezone=timezone)
    return [slot.at for slot in slots_between(wakes, start, end)]


def _is_quiet(rule: Rule, local: time) -> bool:
    # A span that ends before it begins goes over midnight.
    return any(
        start <= local < end if start < end else local >= start or local < end for start, end in rule.quiet
    )


def _named(kind: str, now: datetime) -> Slot:
    return Slot(name=f"{kind}:{now.replace(tzinfo=None).isoformat(timespec='microseconds')}Z", at=now)


def _wanted(sub: Subscription, day: date) -> bool:
    return not sub.days or day.isoweekday() in sub.days


def _local_day(sub: Subscription, now: datetime) -> date:
    return now.astimezone(ZoneInfo(sub.timezone)).date()


def _slots(sub: Subscription, now: datetime, around: range) -> Iterator[Slot]:
    today = _local_day(sub, now)
    for day in (today + timedelta(days=offset) for offset in around):
        if _wanted(sub, day):
            yield from (_slot(sub, day, at) for at in sub.at)


def _slot(sub: Subscription, day: date, at: time) -> Slot:
    # fold=0 is the earlier of two equal wall times, and carries a wall time that does not exist over the
    # gap: 02:30 on the night of the change happens at 03:30 (PEP 495).
    local = datetime.combine(day, at, tzinfo=ZoneInfo(sub.timezone))
    return Slot(name=f"at:{day.isoformat()}T{_moment(at)}", at=local.astimezone(UTC))


def _moment(at: time) -> str:
    return at.isoformat(timespec="seconds" if at.second else "minutes")


def _taken(state: SubscriptionState, slot: Slot) -> bool:
    return state.last_slot.startswith("at:") and slot.name <= state.last_slot
