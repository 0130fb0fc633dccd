"""Decide how a feed does: ok, failing, dead, gone, quiet; by how its visits went, and how it has published so far."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil

from monitor.model.feeds import FailureKind, FeedHealth, PollState

DEAD_AFTER = timedelta(hours=24)
QUIET_AFTER = timedelta(days=7)  # at least
DATES = 400  # of the newest entries: so many tell how a feed publishes
FAILS = (FeedHealth.FAILING, FeedHealth.DEAD, FeedHealth.GONE)  # its last visit has failed
_TIMES_USUAL = 3  # its longest usual silence
_USUAL = 0.95  # of its silences are no longer than that
_FEWEST = 3  # silences that tell anything
_ISSUE = timedelta(
    hours=1
)  # entries that come so close together are one occasion: a weekly brings many at once
# Counted of the time between two answers of other feeds, at most: the machine or the network may have been away
# meanwhile. Slow feeds are asked before digests alone, at 8:00 and 18:00, say. One such time makes no day.
_LONGEST_STEP = timedelta(hours=16)
_SOONEST = timedelta(hours=2)  # between visits to a feed that is about to be called dead
_ALONE = 3  # so many times longer a feed may fail where no other one can show that the network is there


def count_failure(
    before: PollState, after: PollState, *, others: datetime | None, is_alone: bool
) -> PollState:
    """Return the state `after` a failed visit with the time for which the feed has failed.

    Counted is the time in which other feeds were seen to answer: `others` is when one did last. While none does it is
    the network that fails, or the machine is off. A feed that `is_alone`, since no other one is polled, has only its
    own visits to go by: of the time between two of them, as far as it was planned, a third counts. The visit that
    decides whether the feed is dead is not put off for long.
    """
    now = after.attempted_at or after.next_poll_at
    others = min(others, now) if others else None
    since, failing_for = before.failing_since, before.failing_for
    unproved = after.failed_by is FailureKind.CONNECTION and others == before.others_at and not is_alone
    if since is None or (not failing_for and unproved):  # the network may have been away until now
        return replace(after, failing_since=now, failing_for=timedelta(0), others_at=others)
    step = timedelta(0)
    if is_alone:
        asked = before.attempted_at or now
        step = min(now - asked, before.next_poll_at - asked, _LONGEST_STEP) / _ALONE
    elif others:
        step = min(others - max(before.others_at or others, since), _LONGEST_STEP)
    failing_for = min(failing_for + max(step, timedelta(0)), max(now - since, timedelta(0)))
    due = after.next_poll_at
    if failing_for < DEAD_AFTER and after.retry_after is None and not is_alone:
        due = min(due, max(since + DEAD_AFTER, now + _SOONEST))
    return replace(after, failing_since=since, failing_for=failing_for, others_at=others, next_poll_at=due)


def usual_silence(dates: Iterable[datetime]) -> timedelta | None:
    """Return the 95th percentile of the times between the entries of a feed, by their dates in any order.

    None where there are too few of them to tell.
    """
    occasions: list[datetime] = []
    for date in sorted(dates):
        if not occasions or date - occasions[-1] >= _ISSUE:
            occasions.append(date)
    silences = sorted(later - earlier for earlier, later in pairwise(occasions))
    return silences[ceil(_USUAL * len(silences)) - 1] if len(silences) >= _FEWEST else None


def silence(state: PollState) -> timedelta:
    """Return for how long a feed had brought nothing new when it answered last."""
    return state.visited - state.changed_at if state.visited and state.changed_at else timedelta(0)


def may_be_quiet(state: PollState) -> bool:
    """Return whether a feed answers and has been silent for so long that its usual silence decides about it."""
    return not state.failures and not state.stopped and silence(state) > QUIET_AFTER


def health_of(state: PollState | None, usual: timedelta | None = None) -> FeedHealth:
    """Return how a feed does. `usual` is its usual silence; None is one that is not known, or not asked for.

    A state of None is a feed that the database does not know yet.
    """
    if state is None:
        return FeedHealth.UNVISITED
    if state.stopped:
        return FeedHealth.GONE
    if state.failures:
        return FeedHealth.DEAD if state.failing_for >= DEAD_AFTER else FeedHealth.FAILING
    if state.visited is None:
        return FeedHealth.UNVISITED
    if usual is not None and silence(state) > max(_TIMES_USUAL * usual, QUIET_AFTER):
        return FeedHealth.QUIET
    return FeedHealth.OK
