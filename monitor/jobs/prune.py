"""Forget what nobody will ask for again."""

from datetime import datetime

from monitor.config.options import OutboxOptions
from monitor.store import outbox
from monitor.store.database import Database


async def prune(*, db: Database, now: datetime, options: OutboxOptions) -> int:
    """Forget mails that were sent, refused or given up longer ago than [outbox] keep; how many that were.

    What was mailed stays known: entries and their ids are kept, so that an old one is never news again.
    """
    return await db.write(outbox.prune, now - options.keep)
