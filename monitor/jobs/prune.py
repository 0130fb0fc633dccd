"""Delete old mails from the outbox, and troubles that were over long ago."""

from datetime import datetime, timedelta

from monitor.config.options import OutboxOptions
from monitor.store import notices, outbox, recipients
from monitor.store.database import Connection, Database

_TROUBLES = timedelta(days=7)  # so long `monitor status` shows what happened, where nobody is mailed


async def prune(*, db: Database, now: datetime, options: OutboxOptions) -> int:
    """Delete mails that were sent, refused or given up longer ago than [outbox] keep; return their count.

    With its last mail the address of a recipient who is gone for good goes too. Troubles that are over, or happened
    once, go after a week. Entries and what was mailed are kept,
    so that an old entry is never news again. Raises StoreError.
    """
    return await db.write(_prune, now - options.keep, now - _TROUBLES)


def _prune(tx: Connection, before: datetime, troubles_before: datetime) -> int:
    notices.prune(tx, troubles_before)
    mails = outbox.prune(tx, before)
    recipients.prune(tx)
    return mails
