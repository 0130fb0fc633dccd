"""Replay the digests of a period from stored entries, as if these rules had been in force; sends and stores nothing."""

import asyncio
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.config.options import Rule, Subscription
from monitor.digests.build import Stories, build, rules_of
from monitor.digests.due import (
    counts_for_hour,
    due,
    hour_full_until,
    is_at_once,
    next_slot,
    outside_quiet_hours,
    slot_at_once,
    slots_between,
    waking_times,
)
from monitor.digests.parts import Part, split
from monitor.digests.room import RenderDigest
from monitor.digests.stories import Past
from monitor.jobs.draft import DigestContext, compared_since, story_reader
from monitor.jobs.stored import MatchedPeriod
from monitor.model.digests import Digest, Mailed, Slot, SubscriptionState, Watched
from monitor.model.feeds import FeedHealth
from monitor.model.rules import PendingEntry

LEAD = timedelta(days=8)  # replayed unseen before the period: what those digests brought is not brought again


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A digest that would have been sent, in one mail or several."""

    parts: tuple[Part, ...]
    entries: int

    @property
    def digest(self) -> Digest:
        """The first of its parts."""
        return self.parts[0].digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """A mail that would have gone out: its slot, and the entries that would have been pending."""

    slot: Slot
    since: datetime | None  # the slot before
    rules: tuple[Rule, ...]  # those whose matches it brings
    pending: tuple[PendingEntry, ...]  # by seq


async def replay(
    subscription: Subscription,
    period: MatchedPeriod,
    start: datetime,
    end: datetime,
    *,
    context: DigestContext,
    render: RenderDigest,
) -> list[Replayed]:
    """Return the digests of a subscription whose slots lie in [start, end], byte for byte the same each time.

    `period` begins LEAD before `start`. The health of the feeds at that time is not stored: all are shown as well.
    Raises DigestError when a template fails.
    """
    rules = [(compiled.rule, compiled.fingerprint) for compiled in context.rules.rules]
    played = occasions(subscription, period.matched, rules=rules, start=start - LEAD, end=end)
    return await asyncio.to_thread(
        lambda: [
            Replayed(parts=split(digest, render).parts, entries=count)
            for digest, count in _digests(subscription, played, period.arrivals, start, context)
        ]
    )


def occasions(
    subscription: Subscription,
    matched: Sequence[PendingEntry],
    *,
    rules: Sequence[tuple[Rule, str]],
    start: datetime,
    end: datetime,
) -> Iterator[Occasion]:
    """Yield the mails of a subscription that began at `start`, up to `end`, by what arrived when (`first_seen`).

    `matched` are entries with their matches, in any order; `rules` come with their fingerprints. The same
    arguments give the same mails. As in life, a slot without news brings none.
    """
    fingerprints = {rule.name: fingerprint for rule, fingerprint in rules}
    own_rules = rules_of(subscription, [rule for rule, _ in rules])
    arrivals = sorted(
        (candidate for candidate in matched if start <= candidate.entry.first_seen <= end),
        key=lambda candidate: (candidate.entry.first_seen, candidate.seq),
    )
    times = [candidate.entry.first_seen for candidate in arrivals]
    state = SubscriptionState(key=subscription.name, name=subscription.name, created_at=start, cursor=0)
    mailed: set[str] = set()  # stories
    sent: list[datetime] = []  # when mails went out at once
    done = 0  # arrivals that had their digest

    def full_until(instant: datetime) -> datetime | None:
        return hour_full_until(subscription.at_once_most, sent, instant)

    def pending_at(instant: datetime, rules: Sequence[Rule]) -> tuple[PendingEntry, ...]:
        names = {fingerprints[rule.name] for rule in rules}
        arrived = arrivals[done : bisect_right(times, instant)]
        candidates = [
            replace(candidate, matches=tuple(m for m in candidate.matches if m.fingerprint in names))
            for candidate in arrived
        ]
        pending = [
            candidate for candidate in candidates if candidate.matches and candidate.entry.story not in mailed
        ]
        return tuple(sorted(pending, key=lambda candidate: candidate.seq))

    instants = sorted(
        {
            *times,
            *(slot.at for slot in slots_between(subscription, start, end)),
            *waking_times(own_rules, subscription.timezone, start, end),
        }
    )
    while instants:
        now = instants.pop(0)
        slot = due(subscription, state, now)
        if slot and counts_for_hour(slot) and (until := full_until(now)):
            slot = None
            if pending_at(now, own_rules) and until <= end:
                instants = sorted({*instants, until})
        if slot and ((pending := pending_at(now, own_rules)) or subscription.at):
            if pending:
                yield Occasion(slot=slot, since=state.last_at, rules=own_rules, pending=pending)
                sent += [now] if counts_for_hour(slot) else []
            mailed.update(candidate.entry.story for candidate in pending)
            done = bisect_right(times, now)
            state = replace(state, last_slot=slot)
            if subscription.every and now + subscription.every <= end:
                instants = sorted({*instants, now + subscription.every})
        urgent = outside_quiet_hours(own_rules, subscription.timezone, now)
        if not urgent or not subscription.at_once_most or full_until(now):
            continue
        pending = pending_at(now, urgent)
        if subscription.at:  # what came while the hour was full is left to the digest
            pending = tuple(each for each in pending if not full_until(each.entry.first_seen))
        if pending:
            sent.append(now)
            yield Occasion(slot=slot_at_once(now), since=state.last_at, rules=urgent, pending=pending)
            mailed.update(candidate.entry.story for candidate in pending)


def _digests(
    subscription: Subscription,
    played: Iterator[Occasion],
    arrivals: Sequence[datetime],
    start: datetime,
    context: DigestContext,
) -> Iterator[tuple[Digest, int]]:
    """Yield the digest of each occasion from `start` on, and the count of its entries."""
    health = tuple((feed.name, FeedHealth.OK) for feed in context.feeds if feed.enabled)
    mailed: list[Mailed] = []
    waiting: tuple[PendingEntry, ...] = ()  # stories that were known already, and alone made no mail
    for occasion in played:
        now = occasion.slot.at
        at_once = is_at_once(occasion.slot)
        every = (*waiting, *occasion.pending)
        pending = occasion.pending if at_once else every
        compared = compared_since(every, now)
        mailed = [each for each in mailed if each.at >= compared]
        since = occasion.since or start - LEAD
        arrived = bisect_right(arrivals, occasion.slot.at) - bisect_right(arrivals, since)
        digest = build(
            subscription,
            occasion.slot,
            pending,
            rules=[(rule, context.rules.fingerprints[rule.name]) for rule in occasion.rules],
            feeds={feed.url: feed.name for feed in context.feeds},
            watched=Watched(feeds=health, entries=arrived),
            since=occasion.since,
            now=now,
            next_at=next_slot(subscription, now),
            stories=Stories(reader=story_reader(), past=Past(story_reader(), mailed), retitled={}),
        )
        if not digest.news:
            waiting = (*waiting, *occasion.pending)
            continue
        mailed += (
            Mailed(
                seq=seq,
                title=entry.title or entry.summary,
                feed_url=entry.feed_url,
                when=entry.when,
                at=now,
            )
            for item in digest.items
            for seq, entry in item.entries.items()
        )
        if not at_once:
            waiting = ()
        if now >= start:
            yield replace(digest, contact=context.contact), len(pending)
