"""Let lapse who has been out of config.toml for a day: mails to them are cancelled, and nothing is owed to them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.store import outbox, owed, recipients, subscriptions
from monitor.store.database import Connection, Database

ABSENCE = timedelta(days=1)  # a file may be torn, or saved half done: until then nothing is lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapsed:
    """Counts of what has lapsed."""

    subscriptions: int
    recipients: int
    mails: int  # cancelled
    entries: int  # owed to them until now


async def lapse(*, db: Database, now: datetime) -> Lapsed | None:
    """Let lapse who left a day ago or before; return None when nothing has. Raises StoreError."""
    return await db.write(lapse_absent, now)


async def put_off_lapse(by: timedelta, *, db: Database) -> None:
    """Do not count a time for which the machine was asleep: nobody could mend the file. Raises StoreError."""
    await db.write(_put_off, by)


def _put_off(tx: Connection, by: timedelta) -> None:
    subscriptions.put_off_lapse(tx, by)
    recipients.put_off_lapse(tx, by)


def lapse_absent(tx: Connection, now: datetime) -> Lapsed | None:
    """Do so in a transaction."""
    before = now - ABSENCE
    gone, left = subscriptions.lapse(tx, before), recipients.lapse(tx, before)
    mails, entries = outbox.cancel_lapsed(tx), owed.drop_lapsed(tx)
    if not (gone or left or mails or entries):
        return None
    return Lapsed(subscriptions=gone, recipients=left, mails=mails, entries=entries)
