"""Read stored entries batch by batch, and match those of a period by one set of rules."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from monitor.jobs import Step, no_step
from monitor.jobs.draft import DigestContext
from monitor.jobs.rematch import JUDGED_AT_ONCE, judge
from monitor.model.rules import PendingEntry
from monitor.store import entries
from monitor.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """The entries of a period under one set of rules: those that matched, and when each of all arrived."""

    matched: tuple[PendingEntry, ...]
    arrivals: tuple[datetime, ...]  # sorted


async def take_stock(
    context: DigestContext, start: datetime, end: datetime, *, db: Database, step: Step = no_step
) -> Stock:
    """Judge what arrived in [start, end]; for a replay, begin LEAD before it. Raises StoreError."""
    matched: list[PendingEntry] = []
    arrivals: list[datetime] = []
    after, upto = await db.read(_seqs, start)
    while batch := await db.read(entries.arrived, after=after, upto=upto, limit=JUDGED_AT_ONCE):
        after = batch[-1][0]
        in_time = [(seq, entry) for seq, entry in batch if start <= entry.first_seen <= end]
        arrivals += [entry.first_seen for _, entry in in_time]
        matched += [one for one in await asyncio.to_thread(judge, in_time, context.rules) if one.matches]
        for _ in batch:
            step()
    return Stock(matched=tuple(matched), arrivals=tuple(sorted(arrivals)))


def _seqs(tx: Connection, start: datetime) -> tuple[int, int]:
    return entries.newest_seq(tx, before=start), entries.newest_seq(tx)
