"""Tell from the dates in a document how often its feed publishes, and plan the next visit by that (every = "auto").

A visit comes after half the mean gap between two entries, and once shortly before each digest that could use the feed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.model.feeds import Hints, PollState, Rhythm

SPREAD = 0.1  # of a wait: so that feeds begun together drift apart
LONGEST = timedelta(hours=12)  # between two visits, but for the spread
_SHORTEST = timedelta(hours=1)
_PROMPT = timedelta(minutes=15)
_FEWEST = 3  # dates that make a rhythm
_LOOK_FROM, _LOOK_UNTIL = timedelta(minutes=10), timedelta(minutes=1)  # before a digest
_JUST_ASKED = timedelta(minutes=20)  # before a digest: then it needs no look
_PUT_OFF = 0.25  # of an interval: a visit that would come so shortly before the look is that look
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Who waits for the news of a feed."""

    prompt: bool = False  # a rule with pace = "at once", or a subscription with `every`
    digests: Sequence[datetime] = ()  # the coming times of the digests that could use it, in their order


def read_rhythm(dates: Iterable[datetime | None]) -> Rhythm | None:
    """Return the rhythm of a document by the dates of its entries, in any order; None for fewer than three.

    Only their distances count: a clock in another zone does no harm. The older half is left out: a busy hour shows at
    once, and entries of long ago that are pinned, or came back, hide nothing.
    """
    known = sorted((date for date in dates if date), reverse=True)
    if len(known) < _FEWEST:
        return None
    used = max(_FEWEST, (len(known) + 1) // 2)
    return Rhythm(gap=(known[0] - known[used - 1]) / (used - 1), entries=len(known))


def interval(state: PollState, demand: Demand, now: datetime) -> timedelta:
    """Return the time until the next visit by the feed's own rhythm, 1 to 12 hours.

    It grows while the feed is silent. It is shorter where the document spans less than two hours, so that nothing
    leaves it unseen, and where somebody waits for each entry: 15 minutes then.
    """
    if rhythm := state.rhythm:
        gap = max(rhythm.gap, (rhythm.span + _silence(state, now)) / rhythm.entries)
    else:
        gap = _silence(state, now)
    wait = min(max(gap / 2, state.hints.interval or _SHORTEST, _SHORTEST), _longest(state, now))
    return min(wait, _PROMPT) if demand.prompt else wait


def next_visit(
    state: PollState, demand: Demand, *, asked: datetime, now: datetime, least: timedelta, jitter: float
) -> datetime:
    """Return when a feed that was asked last at `asked` is asked again, `least` after that or later.

    `jitter`, in [0, 1), makes the interval longer by up to a tenth, and places a look within its ten minutes.
    """
    wait = max(interval(state, demand, now), least)
    due = asked + wait * (1 + SPREAD * jitter)
    if not demand.prompt:
        due = min(_not_skipped(due, state.hints, jitter), max(due, asked + _longest(state, now)))
    for digest in demand.digests:
        look = digest - _LOOK_FROM + (_LOOK_FROM - _LOOK_UNTIL) * jitter
        look = max(look, asked + least)
        if digest - asked >= _JUST_ASKED and look < digest:
            put_off = max(_JUST_ASKED, _PUT_OFF * wait) if wait >= _SHORTEST else timedelta(0)
            return look if due > look - put_off else due
    return due


def _longest(state: PollState, now: datetime) -> timedelta:
    """Return the longest interval by which no entry leaves the document unseen, 12 hours at most."""
    return min(LONGEST, (state.rhythm.span + _silence(state, now)) / 2) if state.rhythm else LONGEST


def _silence(state: PollState, now: datetime) -> timedelta:
    return max(timedelta(0), now - state.changed_at) if state.changed_at else timedelta(0)


def _not_skipped(due: datetime, hints: Hints, jitter: float) -> datetime:
    """Return the first instant from `due` on in which the feed says that it publishes, half a day later at most."""
    moment, latest = due, due + LONGEST
    while moment < latest and (moment.hour in hints.skip_hours or moment.isoweekday() in hints.skip_days):
        moment = moment.replace(minute=0, second=0, microsecond=0) + _HOUR
    return due if moment == due else moment + _HOUR * jitter / 2
