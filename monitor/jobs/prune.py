"""Delete old mails from the outbox."""

from datetime import datetime

from monitor.config.options import OutboxOptions
from monitor.store import outbox
from monitor.store.database import Database


async def prune(*, db: Database, now: datetime, options: OutboxOptions) -> int:
    """Delete mails that were sent, refused or given up longer ago than [outbox] keep; return their count.

    Entries and what was mailed are kept, so that an old entry is never news again. Raises StoreError.
    """
    return await db.write(outbox.prune, now - options.keep)
