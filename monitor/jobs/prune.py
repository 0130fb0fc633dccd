"""Delete old mails from the outbox, the texts of old entries, and troubles that were over long ago."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.config.options import OutboxOptions, StoreOptions
from monitor.store import compaction, notices, outbox, pruned, recipients
from monitor.store.database import Connection, Database

_OUTCOMES = timedelta(days=90)  # at least, so long it is known what became of a mail
_TROUBLES = timedelta(days=7)  # so long `monitor status` shows what happened, where nobody is mailed
# In one transaction: other writers get their turn after it, those of other processes in the pause.
_ENTRIES, _PAGES = 200, 500
_PAUSE = 0.02  # seconds
_STEPS = 100  # at most, of each kind: the rest is left to the next hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """Old mails lost their bytes, and old entries their texts."""

    mails: int
    entries: int


async def prune(*, db: Database, now: datetime, mails: OutboxOptions, store: StoreOptions) -> Pruned:
    """Delete mails that were sent, refused or given up longer ago than [outbox] keep, and texts beyond [store] keep.

    Of a mail the bytes go first; what became of it is kept for 90 days at least. With its last mail the address of a
    recipient who is gone for good goes too. Troubles that are over, or happened once, go after a week. What tells an
    entry from others, and what was mailed, is kept for ever, so that an old entry is never news again. Where texts were
    dropped, a SQLite file gets smaller. Raises StoreError.
    """
    outcomes = now - max(mails.keep, _OUTCOMES)
    deleted = await db.write(_prune, now - mails.keep, outcomes, now - _TROUBLES)
    before = now - store.keep
    entries = await _in_steps(lambda tx: pruned.drop_texts(tx, before, _ENTRIES), _ENTRIES, db)
    if db.file:
        await _in_steps(lambda tx: compaction.give_back(tx, _PAGES), _PAGES, db)
    return Pruned(mails=deleted, entries=entries)


def _prune(tx: Connection, before: datetime, outcomes_before: datetime, troubles_before: datetime) -> int:
    notices.prune(tx, troubles_before)
    mails = outbox.drop_bytes(tx, before)
    outbox.prune(tx, outcomes_before)
    recipients.prune(tx)
    return mails


async def _in_steps(step: Callable[[Connection], int], size: int, db: Database) -> int:
    """Take a step in a transaction, until one does less than its size; return how much all did."""
    total, done = 0, size
    while done == size and total < _STEPS * size:
        if total:
            await asyncio.sleep(_PAUSE)
        done = await db.write(step)
        total += done
    return total
