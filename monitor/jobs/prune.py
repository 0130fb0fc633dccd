"""Delete old mails from the outbox."""

from datetime import datetime

from monitor.config.options import OutboxOptions
from monitor.store import outbox, recipients
from monitor.store.database import Connection, Database


async def prune(*, db: Database, now: datetime, options: OutboxOptions) -> int:
    """Delete mails that were sent, refused or given up longer ago than [outbox] keep; return their count.

    With its last mail the address of a recipient who is gone for good goes too. Entries and what was mailed are kept,
    so that an old entry is never news again. Raises StoreError.
    """
    return await db.write(_prune, now - options.keep)


def _prune(tx: Connection, before: datetime) -> int:
    mails = outbox.prune(tx, before)
    recipients.prune(tx)
    return mails
