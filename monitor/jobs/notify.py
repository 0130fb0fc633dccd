"""Tell the operator by one mail, which waits in the outbox like any other."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from monitor.digests.render import RenderNotice
from monitor.mail.message import make_mail, new_message_id
from monitor.model.digests import Slot
from monitor.model.mail import Mail, Notice
from monitor.store import digests, outbox
from monitor.store.database import Connection, Database

NOBODY = ""  # no subscription has this name: a notice is a digest to none of them


async def notify(
    notice: Notice,
    *,
    to: Sequence[str],
    sender: str,
    render: RenderNotice,
    db: Database,
    expire: timedelta,
) -> tuple[Mail, ...]:
    """Queue the notice for each operator; no mails when another service has told it already.

    Raises DigestError when a template fails, and StoreError.
    """
    # By the hour: what is broken in the same way another day is told again.
    slot = Slot(name=f"refused:{notice.at:%Y-%m-%dT%H}:{notice.content[:16]}", at=notice.at)
    rendered = await asyncio.to_thread(render, notice)
    mails = tuple(
        make_mail(
            rendered,
            sender=sender,
            to=one,
            message_id=new_message_id(
                sender, hashlib.sha256(f"{slot.name}\n{one}".encode()).hexdigest()[:32]
            ),
            date=notice.at,
        )
        for one in to
    )
    return mails if await db.write(_queue, slot, mails, notice.at + expire) else ()


def _queue(tx: Connection, slot: Slot, mails: Sequence[Mail], expires_at: datetime) -> bool:
    number = digests.insert(tx, NOBODY, slot, slot.at, 0, "")
    if number is None:
        return False
    for mail in mails:
        outbox.insert(tx, number, mail, now=slot.at, expires_at=expires_at)
    return True
