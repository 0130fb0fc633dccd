"""Tell the operator of troubles: one mail for all that are new, changed or over, in the outbox like any other."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.digests.notice import concerns, has_stood, make_notice, swarms_to_tell
from monitor.digests.room import RenderNotice
from monitor.jobs.compose import mails_to
from monitor.model.digests import Slot, SlotKind
from monitor.model.mail import DeliveryStatus, Mail, Route
from monitor.model.notices import KnownTrouble, NoticeKind
from monitor.store import digests, notices, outbox
from monitor.store.database import Connection, Database

# Of a notice, at least: it is told once, and good news or bad after a week too.
_LIFETIME = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified:
    """Troubles were told: the mails are in the outbox, one for each address of [operator] to."""

    troubles: tuple[KnownTrouble, ...]
    mails: tuple[Mail, ...]

    @property
    def kinds(self) -> tuple[NoticeKind, ...]:
        """The kinds of what is told."""
        return tuple(dict.fromkeys(known.trouble.kind for known in self.troubles))


async def notify(
    *,
    to: Sequence[str],
    sender: str,
    server: str,
    route: Route,
    render: RenderNotice,
    db: Database,
    now: datetime,
    expire: timedelta,  # [outbox] expire
    gather: bool = True,
) -> Notified | None:
    """Queue one mail to each operator about what he does not know yet; return None when there is nothing to tell.

    The mails and the record that they tell these troubles are written together: a kill loses and repeats nothing, and
    of two services one tells. While `server` ("host:port") takes no mail and mails wait for it, nothing is queued: one
    summary follows. With `gather` False a swarm of troubles is not waited for. Raises DigestError when a template
    fails, and StoreError.
    """
    if not to:
        return None  # only `monitor status` shows it
    troubles = await db.read(_to_tell, server, now, gather)
    if not troubles:
        return None
    slot = Slot(kind=SlotKind.NOTICE, key=now.isoformat(), at=now)
    mails = await asyncio.to_thread(_mails, troubles, slot, to=to, sender=sender, render=render)
    expires_at = now + max(expire, _LIFETIME)
    if not await db.write(_queue, troubles, slot, mails, server, route, expires_at, gather):
        return None
    return Notified(troubles=tuple(troubles), mails=mails)


def _to_tell(tx: Connection, server: str, now: datetime, gather: bool) -> list[KnownTrouble]:
    swarms = notices.swarms(tx)
    if not swarms or _is_stopped(tx, server):
        return []
    return [
        known
        for swarm in swarms_to_tell(swarms, notices.last_told(tx), now, gather=gather)
        for known in notices.untold(tx, swarm)
        if has_stood(known, now)
    ]


def _is_stopped(tx: Connection, server: str) -> bool:
    """Return whether mails wait for a server that takes none; where none waits, a notice finds out whether it does."""
    return notices.mail_is_stopped(tx, server) and outbox.counts(tx)[DeliveryStatus.WAITING] > 0


def _mails(
    troubles: Sequence[KnownTrouble], slot: Slot, *, to: Sequence[str], sender: str, render: RenderNotice
) -> tuple[Mail, ...]:
    """Return a mail for each operator; operators who are told the same share one rendering."""
    readers: dict[tuple[KnownTrouble, ...], list[str]] = defaultdict(list)
    for recipient in to:
        readers[tuple(concerns(recipient, troubles))].append(recipient)
    mails = {
        mail.to: mail  # an address that stands twice in the list gets one
        for told, recipients in readers.items()
        if told
        for mail in mails_to(
            recipients,
            render(make_notice(told, slot.at)),
            sender=sender,
            date=slot.at,
            unique=slot.name,
        )
    }
    return tuple(mails.values())


def _queue(
    tx: Connection,
    troubles: Sequence[KnownTrouble],
    slot: Slot,
    mails: Sequence[Mail],
    server: str,
    route: Route,
    expires_at: datetime,
    gather: bool,
) -> bool:
    """Queue the mails and record what they tell; return False when that has changed since they were rendered."""
    if _to_tell(tx, server, slot.at, gather) != troubles:
        return False
    number = digests.insert_notice(tx, slot, slot.at)
    if number is None:  # there is a notice of this very instant
        return False
    notices.mark_told(tx, troubles, slot.at)
    for mail in mails:
        outbox.insert(tx, number, mail, now=slot.at, expires_at=expires_at, route=route, urgent=True)
    return True
