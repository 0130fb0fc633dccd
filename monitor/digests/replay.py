"""Compute the digests that would have gone out had these rules been in force all the while."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.config.options import Rule, Subscription
from monitor.digests.build import rules_of
from monitor.digests.due import due, outside_quiet_hours, slot_at_once, slots_between, waking_times
from monitor.model.digests import Slot, SubscriptionState
from monitor.model.rules import PendingEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """A mail that would have gone out: the slot, and what would have waited for it."""

    slot: Slot
    since: datetime | None  # the slot before
    rules: tuple[Rule, ...]  # those it asks
    waiting: tuple[PendingEntry, ...]  # by seq


def occasions(
    subscription: Subscription,
    matched: Sequence[PendingEntry],
    *,
    rules: Sequence[tuple[Rule, str]],
    start: datetime,
    end: datetime,
) -> Iterator[Occasion]:
    """The mails of a subscription that began at `start`, up to `end`, by what arrived when (`first_seen`).

    `matched` are entries with their matches, in any order; `rules` come with their fingerprints. The same
    arguments give the same mails. A slot without news brings none, as in life.
    """
    fingerprints = {rule.name: fingerprint for rule, fingerprint in rules}
    ours = rules_of(subscription, [rule for rule, _ in rules])
    arrivals = sorted(
        (one for one in matched if start <= one.entry.first_seen <= end),
        key=lambda one: (one.entry.first_seen, one.seq),
    )
    times = [one.entry.first_seen for one in arrivals]
    state = SubscriptionState(name=subscription.name, created_at=start, cursor=0)
    mailed: set[str] = set()
    done = 0  # arrivals that had their digest

    def waits(at: datetime, wanted: Sequence[Rule]) -> tuple[PendingEntry, ...]:
        names = {fingerprints[rule.name] for rule in wanted}
        here = arrivals[done : bisect_right(times, at)]
        kept = [replace(one, matches=tuple(m for m in one.matches if m.fingerprint in names)) for one in here]
        found = [one for one in kept if one.matches and one.entry.story not in mailed]
        return tuple(sorted(found, key=lambda one: one.seq))

    moments = sorted(
        {
            *times,
            *(slot.at for slot in slots_between(subscription, start, end)),
            *waking_times(ours, subscription.timezone, start, end),
        }
    )
    while moments:
        now = moments.pop(0)
        slot = due(subscription, state, now)
        if slot and ((waiting := waits(now, ours)) or subscription.at):
            if waiting:
                yield Occasion(slot=slot, since=state.last_at, rules=ours, waiting=waiting)
            mailed.update(one.entry.story for one in waiting)
            done = bisect_right(times, now)
            state = replace(state, last_slot=slot.name, last_at=slot.at)
            if subscription.every and now + subscription.every <= end:
                moments = sorted({*moments, now + subscription.every})
        woken = outside_quiet_hours(ours, subscription.timezone, now)
        if woken and (waiting := waits(now, woken)):
            yield Occasion(slot=slot_at_once(now), since=state.last_at, rules=woken, waiting=waiting)
            mailed.update(one.entry.story for one in waiting)
