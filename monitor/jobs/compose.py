"""Compose the digest of a slot: one mail per recipient, queued in the outbox."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.config.options import Subscription
from monitor.digests.due import is_at_once
from monitor.digests.render import RenderDigest
from monitor.jobs.draft import DigestContext, Draft, NothingPending, draft_digest
from monitor.mail.message import make_mail, new_message_id
from monitor.model.digests import Digest, Slot
from monitor.model.mail import Mail, Rendered
from monitor.store import digests, outbox, owed, recipients, subscriptions
from monitor.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A digest is queued."""

    subscription: Subscription
    slot: Slot
    entries: int  # those it brings
    subject: str
    mails: tuple[Mail, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingNew:
    """No entry is pending for this subscription, so there is no mail."""

    subscription: Subscription
    slot: Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTaken:
    """Another worker has made this digest, or a later one, in the meantime."""

    subscription: Subscription
    slot: Slot


ComposeOutcome = Composed | NothingNew | SlotTaken


class _OvertakenError(Exception):
    """Raised within the transaction, so that nothing of it stays."""


async def compose(
    subscription: Subscription,
    slot: Slot,
    *,
    context: DigestContext,
    render: RenderDigest,
    db: Database,
    now: datetime,
) -> ComposeOutcome:
    """Draft the digest of a slot and queue its mails.

    Entries count as mailed in the very transaction that queues their mail: both, or neither. Raises DigestError
    when a template fails (the entries stay pending) and StoreError.
    """
    draft = await draft_digest(subscription, slot, context=context, render=render, db=db, now=now)
    if isinstance(draft, NothingPending):
        # A time of day that passes without news is remembered, so that "since" stays true.
        remembered = subscription.at and not is_at_once(slot)
        if remembered and not await db.write(subscriptions.take_slot, draft.state, slot, draft.upto):
            return SlotTaken(subscription=subscription, slot=slot)
        return NothingNew(subscription=subscription, slot=slot)
    mails = mails_of(draft.digest, draft.rendered, sender=context.sender)
    try:
        queued = await db.write(_queue, draft, mails, context, now + context.expire)
    except _OvertakenError:
        queued = False
    if not queued:
        return SlotTaken(subscription=subscription, slot=slot)
    return Composed(
        subscription=subscription,
        slot=slot,
        entries=len(draft.pending),
        subject=draft.rendered.subject,
        mails=mails,
    )


def mails_of(digest: Digest, rendered: Rendered, *, sender: str) -> tuple[Mail, ...]:
    """Return the mails of a digest, one per recipient; the same digest gives the same bytes.

    The instant is part of their Message-IDs: a slot that was taken while the clock was ahead comes again.
    """
    return mails_to(
        digest.subscription.to,
        rendered,
        sender=sender,
        date=digest.at,
        unique=f"{digest.subscription.name}\n{digest.slot.name}\n{digest.at.isoformat()}",
        list_name=digest.subscription.name,
    )


def mails_to(
    recipients: Sequence[str],
    rendered: Rendered,
    *,
    sender: str,
    date: datetime,
    unique: str,
    list_name: str = "",
) -> tuple[Mail, ...]:
    """Return one mail per recipient; Message-IDs are made of `unique` and the recipient, not drawn by chance."""
    return tuple(
        make_mail(
            rendered,
            sender=sender,
            to=recipient,
            message_id=new_message_id(
                sender, hashlib.sha256(f"{unique}\n{recipient}".encode()).hexdigest()[:32]
            ),
            date=date,
            list_name=list_name,
        )
        for recipient in recipients
    )


def _queue(
    tx: Connection, draft: Draft, mails: Sequence[Mail], context: DigestContext, expires_at: datetime
) -> bool:
    """Store all that a digest leaves behind, in one transaction; return False when another worker was first."""
    digest = draft.digest
    key = draft.state.key
    # A mail that went out at once since the draft was made may have brought the same story.
    if digests.mailed(tx, key, [pending.entry.story for pending in draft.pending]):
        return False
    # A mail at once stands beside the digests: it leaves their cursor, and what "since" means to them, alone.
    takes_slot = not is_at_once(digest.slot)
    number = digests.insert(tx, key, digest.slot, digest.at, len(draft.pending), context.rules.fingerprint)
    if number is None:
        if takes_slot:  # the slot is passed over, and what is pending is left to the next one
            subscriptions.take_slot(tx, draft.state, digest.slot, draft.state.cursor)
        return False
    if takes_slot and not subscriptions.take_slot(tx, draft.state, digest.slot, draft.upto):
        raise _OvertakenError
    digests.mark_mailed(tx, key, number, [(pending.seq, pending.entry.story) for pending in draft.pending])
    digests.add_entries(tx, number, {pending.seq: 0 for pending in draft.pending})
    digests.drop_backfill(tx, key, draft.backfill)
    wanted = recipients.present(tx, key, [mail.to for mail in mails])
    for mail in mails:
        if mail.to in wanted:
            outbox.insert(tx, number, mail, now=digest.at, expires_at=expires_at, route=context.route)
    # The file may be torn: who comes back within a day gets what the others get now.
    for recipient in recipients.left_lately(tx, key):
        owed.add(tx, key, recipient, {pending.seq: 0 for pending in draft.pending}, digest.at)
    return True
