"""Compose the digest of a slot: one mail per recipient, queued in the outbox."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.config.options import Subscription
from monitor.digests.due import is_at_once
from monitor.digests.parts import Part
from monitor.digests.room import RenderDigest
from monitor.jobs.draft import DigestContext, Draft, Issue, NothingPending, draft_digest
from monitor.mail.message import make_mail, new_message_id
from monitor.model.digests import Item, Slot
from monitor.model.mail import Mail, Rendered
from monitor.store import digests, outbox, owed, recipients, subscriptions
from monitor.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A digest is queued."""

    subscription: Subscription
    slot: Slot
    entries: int  # those its mails bring
    left: int  # those that did not fit: owed
    subject: str  # of the first mail
    mails: tuple[Mail, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingNew:
    """No entry is pending for this subscription or owed to its recipients, so there is no mail."""

    subscription: Subscription
    slot: Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTaken:
    """Another worker has made this digest, or a later one, in the meantime."""

    subscription: Subscription
    slot: Slot


ComposeOutcome = Composed | NothingNew | SlotTaken


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A row of the table digests, and its mails."""

    number: int  # its part, counted over all issues of the slot
    items: tuple[Item, ...]
    returns: Mapping[str, int]  # by story
    mails: tuple[Mail, ...]


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

    Entries count as mailed in the very transaction that queues their mail, or writes down that they are owed: both,
    or neither. Raises DigestError when a template fails (the entries stay pending) and StoreError.
    """
    draft = await draft_digest(subscription, slot, context=context, render=render, db=db, now=now)
    if isinstance(draft, NothingPending):
        if not await db.write(_remember, subscription, slot, draft):
            return SlotTaken(subscription=subscription, slot=slot)
        return NothingNew(subscription=subscription, slot=slot)
    rows = _rows(draft, sender=context.sender)
    try:
        wanted = await db.write(_queue, slot, draft, rows, context, now, now + context.expire)
    except _OvertakenError:
        wanted = None
    if wanted is None:
        return SlotTaken(subscription=subscription, slot=slot)
    return Composed(
        subscription=subscription,
        slot=slot,
        entries=len({item.seq for row in rows for item in row.items}),
        left=len({item.seq for issue in draft.issues for item in issue.left}),
        subject=draft.issues[0].parts[0].rendered.subject,
        mails=tuple(mail for row in rows for mail in row.mails if mail.to in wanted),
    )


def mails_of(part: Part, recipients: Sequence[str], *, sender: str, row: int) -> tuple[Mail, ...]:
    """Return the mails of a part, one per recipient; `row` counts the parts of a slot, over all issues.

    The same arguments give the same bytes. Instant and text are part of the Message-IDs: a slot that was taken while
    the clock was ahead comes again.
    """
    digest = part.digest
    return mails_to(
        recipients,
        part.rendered,
        sender=sender,
        date=digest.at,
        unique=f"{digest.subscription.name}\n{digest.slot.name}\n{digest.at.isoformat()}\n{row}\n{part.rendered.text}",
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


def _rows(draft: Draft, *, sender: str) -> list[_Row]:
    parts = [(issue, part) for issue in draft.issues for part in issue.parts]
    return [
        _Row(
            number=number,
            items=part.digest.items,
            returns=_returns(issue),
            mails=mails_of(part, issue.mailboxes, sender=sender, row=number),
        )
        for number, (issue, part) in enumerate(parts, 1)
    ]


def _returns(issue: Issue) -> dict[str, int]:
    """Return by story how often what is owed has come back."""
    returns: dict[str, int] = {}
    for candidate in issue.owed:
        story, count = candidate.entry.story, issue.returns[candidate.seq]
        returns[story] = max(count, returns.get(story, 0))
    return returns


def _remember(tx: Connection, subscription: Subscription, slot: Slot, nothing: NothingPending) -> bool:
    """Remember that there was nothing new; return False when another worker was first."""
    state, cursor = nothing.state, nothing.span.cursor
    if is_at_once(slot):
        return True
    if subscription.at:  # a time of day that passes without news is remembered, so that "since" stays true
        return subscriptions.take_slot(tx, state, slot, cursor)
    return cursor == state.cursor or subscriptions.advance(tx, state, cursor)


def _queue(
    tx: Connection,
    slot: Slot,
    draft: Draft,
    rows: Sequence[_Row],
    context: DigestContext,
    now: datetime,
    expires_at: datetime,
) -> Collection[str] | None:
    """Store all that a digest leaves behind, in one transaction, and return the addresses whose mails are queued.

    Return None, or raise _OvertakenError so that nothing of it stays, when another worker was first.
    """
    key = draft.state.key
    # A mail that went out at once since the draft was made may have brought the same story.
    if digests.mailed(tx, key, [pending.entry.story for pending in draft.pending]):
        return None
    # A mail at once stands beside the digests: it leaves their cursor, and what "since" means to them, alone.
    takes_slot = not is_at_once(slot)
    stories = {pending.seq: pending.entry.story for pending in draft.pending}
    wanted = recipients.present(tx, key, {mail.to for row in rows for mail in row.mails})
    last = 0
    for row in rows:
        number = digests.insert(
            tx, key, slot, now, len(row.items), context.rules.fingerprint, part=row.number
        )
        if number is None:
            if last:
                raise _OvertakenError
            if takes_slot:  # the slot is passed over, and what is pending is left to the next one
                subscriptions.take_slot(tx, draft.state, slot, draft.state.cursor)
            return None
        last = number
        digests.add_entries(
            tx, number, {item.seq: row.returns.get(item.entry.story, 0) for item in row.items}
        )
        for mail in row.mails:
            if mail.to in wanted:
                outbox.insert(tx, number, mail, now=now, expires_at=expires_at, route=context.route)
        brought = {item.entry.story for item in row.items}
        digests.mark_mailed(tx, key, number, [pair for pair in stories.items() if pair[1] in brought])
    if takes_slot and not subscriptions.take_slot(tx, draft.state, slot, draft.span.cursor):
        raise _OvertakenError
    # What is left counts as mailed too: from here on it is owed.
    digests.mark_mailed(tx, key, last, list(stories.items()))
    digests.drop_backfill(tx, key, draft.backfill)
    for issue in draft.issues:
        _settle(tx, key, issue, wanted, now)
    # The file may be torn: who comes back within a day gets what the others get now.
    news = {item.seq: 0 for item in draft.issues[0].digest.items if not item.owed}
    for address in recipients.left_lately(tx, key):
        owed.add(tx, key, address, news, now)
    return wanted


def _settle(tx: Connection, key: str, issue: Issue, wanted: Collection[str], now: datetime) -> None:
    """Delete the debts that the mails of an issue to those who want them pay, and write down what is left."""
    brought = {item.entry.story for part in issue.parts for item in part.digest.items}
    paid = [candidate.seq for candidate in issue.owed if candidate.entry.story in brought]
    left = {item.seq: 0 for item in issue.left if not item.owed}
    for recipient in issue.recipients:
        if recipient.address not in wanted:
            continue
        if sum(owed.drop(tx, key, address, paid) for address in recipient.debtor) < len(paid):
            raise _OvertakenError
        owed.add(tx, key, recipient.address, left, now)
