"""Render the digests that would have been sent from stored entries; sends and stores nothing."""

import asyncio
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.digests.build import build
from monitor.digests.due import next_slot
from monitor.digests.render import Render
from monitor.digests.replay import Occasion, occasions
from monitor.jobs import Step, no_step
from monitor.jobs.draft import Newsroom
from monitor.jobs.rematch import JUDGED_AT_ONCE, judge
from monitor.model import Digest, FeedHealth, Subscription, Waiting, Watched
from monitor.post import Rendered
from monitor.store import entries
from monitor.store.database import Connection, Database

LEAD = timedelta(days=8)  # played unseen before the period: what those digests told is not told again


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A digest that would have been sent."""

    digest: Digest
    rendered: Rendered
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """The entries of a period under one set of rules: those that matched, and when each of all arrived."""

    matched: tuple[Waiting, ...]
    arrivals: tuple[datetime, ...]  # sorted


async def take_stock(
    newsroom: Newsroom, start: datetime, end: datetime, *, db: Database, step: Step = no_step
) -> Stock:
    """Judge what arrived in [start, end]; for a replay, begin LEAD before it. Raises StoreError."""
    matched: list[Waiting] = []
    arrivals: list[datetime] = []
    after, upto = await db.read(_seqs, start)
    while batch := await db.read(entries.arrived, after=after, upto=upto, limit=JUDGED_AT_ONCE):
        after = batch[-1][0]
        in_time = [(seq, entry) for seq, entry in batch if start <= entry.first_seen <= end]
        arrivals += [entry.first_seen for _, entry in in_time]
        matched += [one for one in await asyncio.to_thread(judge, in_time, newsroom.rules) if one.matches]
        for _ in batch:
            step()
    return Stock(matched=tuple(matched), arrivals=tuple(sorted(arrivals)))


async def replay(
    subscription: Subscription,
    stock: Stock,
    start: datetime,
    end: datetime,
    *,
    newsroom: Newsroom,
    render: Render,
) -> list[Replayed]:
    """The digests of a subscription whose slots lie in [start, end], byte for byte the same each time.

    How the feeds did at that time is not kept: they are all shown as well. Raises DigestError.
    """
    rules = [(one.rule, one.fingerprint) for one in newsroom.rules.rules]
    played = occasions(subscription, stock.matched, rules=rules, start=start - LEAD, end=end)
    return await asyncio.to_thread(
        lambda: [
            Replayed(digest=digest, rendered=render(digest), entries=count)
            for digest, count in _digests(subscription, played, stock.arrivals, start, newsroom)
        ]
    )


def _seqs(tx: Connection, start: datetime) -> tuple[int, int]:
    return entries.newest_seq(tx, before=start), entries.newest_seq(tx)


def _digests(
    subscription: Subscription,
    played: Iterator[Occasion],
    arrivals: Sequence[datetime],
    start: datetime,
    newsroom: Newsroom,
) -> Iterator[tuple[Digest, int]]:
    health = tuple((feed.name, FeedHealth.WELL) for feed in newsroom.feeds)
    for one in played:
        if one.slot.at < start:
            continue
        since = one.since or start - LEAD
        seen = bisect_right(arrivals, one.slot.at) - bisect_right(arrivals, since)
        digest = build(
            subscription,
            one.slot,
            one.waiting,
            rules=[(rule, newsroom.rules.fingerprints[rule.name]) for rule in one.rules],
            feeds={feed.url: feed.name for feed in newsroom.feeds},
            watched=Watched(feeds=health, entries=seen),
            since=one.since,
            now=one.slot.at,
            next_at=next_slot(subscription, one.slot.at),
        )
        yield digest, len(one.waiting)
