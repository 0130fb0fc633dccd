"""Queue a notice to the operator: one mail each, in the outbox like any other."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from monitor.digests.render import RenderNotice
from monitor.jobs.compose import mails_to
from monitor.model.digests import Slot, SlotKind
from monitor.model.mail import Mail, Notice
from monitor.store import digests, outbox
from monitor.store.database import Connection, Database


async def notify(
    notice: Notice,
    *,
    to: Sequence[str],
    sender: str,
    render: RenderNotice,
    db: Database,
    expire: timedelta,
) -> tuple[Mail, ...]:
    """Queue the notice to each address; return the mails, none when another service has queued it already.

    Raises DigestError when a template fails, and StoreError.
    """
    # By the hour: what is broken in the same way another day makes another notice.
    key = f"{notice.at:%Y-%m-%dT%H}:{notice.content[:16]}"
    slot = Slot(kind=SlotKind.REFUSED, key=key, at=notice.at)
    rendered = await asyncio.to_thread(render, notice)
    mails = mails_to(to, rendered, sender=sender, date=notice.at, unique=slot.name)
    return mails if await db.write(_queue, slot, mails, notice.at + expire) else ()


def _queue(tx: Connection, slot: Slot, mails: Sequence[Mail], expires_at: datetime) -> bool:
    number = digests.insert_notice(tx, slot, slot.at)
    if number is None:
        return False
    for mail in mails:
        outbox.insert(tx, number, mail, now=slot.at, expires_at=expires_at)
    return True
