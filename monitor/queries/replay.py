"""Render the digests that would have been sent from stored entries; sends and stores nothing."""

import asyncio
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.config.options import Subscription
from monitor.digests.build import build
from monitor.digests.due import next_slot
from monitor.digests.render import Render
from monitor.digests.replay import Occasion, occasions
from monitor.jobs.draft import DigestContext
from monitor.jobs.stored import Stock
from monitor.model.digests import Digest, Watched
from monitor.model.feeds import FeedHealth
from monitor.model.mail import Rendered

LEAD = timedelta(days=8)  # played unseen before the period: what those digests told is not told again


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A digest that would have been sent."""

    digest: Digest
    rendered: Rendered
    entries: int


async def replay(
    subscription: Subscription,
    stock: Stock,
    start: datetime,
    end: datetime,
    *,
    context: DigestContext,
    render: Render,
) -> list[Replayed]:
    """The digests of a subscription whose slots lie in [start, end], byte for byte the same each time.

    How the feeds did at that time is not kept: they are all shown as well. Raises DigestError.
    """
    rules = [(one.rule, one.fingerprint) for one in context.rules.rules]
    played = occasions(subscription, stock.matched, rules=rules, start=start - LEAD, end=end)
    return await asyncio.to_thread(
        lambda: [
            Replayed(digest=digest, rendered=render(digest), entries=count)
            for digest, count in _digests(subscription, played, stock.arrivals, start, context)
        ]
    )


def _digests(
    subscription: Subscription,
    played: Iterator[Occasion],
    arrivals: Sequence[datetime],
    start: datetime,
    context: DigestContext,
) -> Iterator[tuple[Digest, int]]:
    health = tuple((feed.name, FeedHealth.OK) for feed in context.feeds)
    for one in played:
        if one.slot.at < start:
            continue
        since = one.since or start - LEAD
        seen = bisect_right(arrivals, one.slot.at) - bisect_right(arrivals, since)
        digest = build(
            subscription,
            one.slot,
            one.waiting,
            rules=[(rule, context.rules.fingerprints[rule.name]) for rule in one.rules],
            feeds={feed.url: feed.name for feed in context.feeds},
            watched=Watched(feeds=health, entries=seen),
            since=one.since,
            now=one.slot.at,
            next_at=next_slot(subscription, one.slot.at),
        )
        yield digest, len(one.waiting)
