"""Compose the digest of a slot: one mail per recipient, queued in the outbox."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex

from monitor.config.options import Subscription
from monitor.digests.due import COUNTED_FOR_HOUR, HOUR, counts_for_hour, hour_full_until, is_at_once
from monitor.digests.parts import Part
from monitor.digests.room import RenderDigest
from monitor.jobs.draft import DigestContext, Draft, Issue, NothingPending, draft_digest, render_by_ours
from monitor.jobs.quiet import QuietUntil, draft_quiet
from monitor.mail import tokens
from monitor.mail.message import MailingList, make_mail, new_message_id
from monitor.model.digests import Item, Slot, SlotKind
from monitor.model.feeds import Entry
from monitor.model.mail import Mail, Rendered
from monitor.model.notices import NoticeKind, Trouble
from monitor.model.recipients import Choice, Contact, TokenKey
from monitor.store import choices, digests, notices, outbox, owed, recipients, subscriptions
from monitor.store.database import Connection, Database
from monitor.texts import sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A digest is queued."""

    subscription: Subscription
    slot: Slot
    entries: int  # those its mails bring
    left: int  # those that did not fit: owed
    subject: str  # of the first mail
    mails: tuple[Mail, ...]
    template_error: str = ""  # why the operator's templates failed, and ours were taken


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingNew:
    """No entry is pending for this subscription or owed to its recipients, so there is no mail."""

    subscription: Subscription
    slot: Slot
    until: datetime | None = None  # when the silence is worth a mail


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTaken:
    """Another worker has made this digest, or a later one, in the meantime."""

    subscription: Subscription
    slot: Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class HourFull:
    """So many mails were sent at once in the last hour that the next one waits."""

    subscription: Subscription
    slot: Slot
    until: datetime


_NO_DIGEST = 0  # stands for the digest of what counts as mailed without one

ComposeOutcome = Composed | NothingNew | SlotTaken | HourFull


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A row of the table digests, and its mails."""

    number: int  # its part, counted over all issues of the slot
    items: tuple[Item, ...]
    returns: Mapping[str, int]  # by story
    mails: tuple[Mail, ...]

    @property
    def entries(self) -> dict[int, Entry]:
        """The entries that count as mailed by it, copies included."""
        return _entries(self.items)


class _OvertakenError(Exception):
    """Raised within the transaction, so that nothing of it stays."""


async def compose(
    subscription: Subscription,
    slot: Slot,
    *,
    context: DigestContext,
    render: RenderDigest,
    fallback: RenderDigest = render_by_ours,
    db: Database,
    now: datetime,
) -> ComposeOutcome:
    """Draft the digest of a slot and queue its mails.

    Entries count as mailed in the very transaction that queues their mail, or writes down that they are owed: both,
    or neither. Where `render` fails, `fallback` makes the digest, and the operator is told. Raises DigestError when
    that fails too (the entries stay pending) and StoreError.
    """
    if counts_for_hour(slot):
        until = await db.read(_hour_full_until, subscription, now)
        if until:
            return HourFull(subscription=subscription, slot=slot, until=until)
    draft = await draft_digest(
        subscription, slot, context=context, render=render, fallback=fallback, db=db, now=now
    )
    quiet: Draft | QuietUntil | None = None
    if isinstance(draft, NothingPending):
        quiet = await draft_quiet(
            subscription,
            slot,
            draft,
            context=context,
            render=render,
            fallback=fallback,
            db=db,
            now=now,
        )
    if isinstance(quiet, Draft):
        draft = quiet
    if isinstance(draft, NothingPending):
        if not await db.write(_remember, subscription, slot, draft):
            return SlotTaken(subscription=subscription, slot=slot)
        return NothingNew(
            subscription=subscription, slot=slot, until=quiet.at if isinstance(quiet, QuietUntil) else None
        )
    links = await _links(draft, context.contact, db, now)
    rows = _rows(draft, sender=context.sender, links=links)
    try:
        wanted = await db.write(_queue, slot, draft, rows, context, now, now + context.expire)
    except _OvertakenError:
        wanted = None
    if wanted is None:
        return SlotTaken(subscription=subscription, slot=slot)
    return Composed(
        subscription=subscription,
        slot=slot,
        entries=len({seq for row in rows for item in row.items for seq in item.entries}),
        left=len({seq for issue in draft.issues for item in issue.left for seq in item.entries}),
        subject=draft.issues[0].parts[0].rendered.subject,
        mails=tuple(mail for row in rows for mail in row.mails if mail.to in wanted),
        template_error=draft.template_error,
    )


def _hour_full_until(tx: Connection, subscription: Subscription, now: datetime) -> datetime | None:
    state = subscriptions.state(tx, subscription.name)
    if not state:
        return None
    sent = digests.sent_at_once(tx, state.key, COUNTED_FOR_HOUR, now - HOUR, now)
    return hour_full_until(subscription.at_once_most, sent, now)


def mails_of(
    part: Part,
    recipients: Sequence[str],
    *,
    sender: str,
    row: int,
    key: str,
    links: Mapping[str, str],
    secret: str = "",
) -> tuple[Mail, ...]:
    """Return the mails of a part, one per recipient; `row` counts the parts of a slot, over all issues.

    `key` is the subscription's, `links` has each recipient's own link, where there are pages.
    The same arguments give the same bytes. Instant and text are part of the Message-IDs: a slot that was taken while
    the clock was ahead comes again. So is `secret`: whoever reads a digest knows all the rest, and a bounce that names
    the Message-ID of another reader's is believed.
    """
    digest = part.digest
    text = part.rendered.text
    return mails_to(
        recipients,
        part.rendered,
        sender=sender,
        date=digest.at,
        unique=f"{digest.subscription.name}\n{digest.slot.name}\n{digest.at.isoformat()}\n{row}\n{secret}\n{text}",
        mailing_list=MailingList(key=key, name=digest.subscription.name, contact=digest.contact),
        links=links,
    )


def mails_to(
    recipients: Sequence[str],
    rendered: Rendered,
    *,
    sender: str,
    date: datetime,
    unique: str,
    mailing_list: MailingList | None = None,
    links: Mapping[str, str] | None = None,
) -> tuple[Mail, ...]:
    """Return one mail per recipient; Message-IDs are made of `unique` and the recipient, not drawn by chance."""
    shared = hashlib.sha256(f"{unique}\n".encode())

    def id_for(recipient: str) -> str:
        own = shared.copy()
        own.update(recipient.encode())
        return new_message_id(sender, own.hexdigest()[:32])

    return tuple(
        make_mail(
            rendered,
            sender=sender,
            to=recipient,
            message_id=id_for(recipient),
            date=date,
            mailing_list=mailing_list,
            link=links.get(recipient, "") if links else "",
        )
        for recipient in recipients
    )


async def _links(draft: Draft, contact: Contact, db: Database, now: datetime) -> dict[str, str]:
    """Return the link of each recipient's own, by mailbox; none where there are no pages."""
    if not contact.public_url:
        return {}
    addresses = {
        recipient.mailbox: recipient.address for issue in draft.issues for recipient in issue.recipients
    }
    made, key = await db.write(_with_numbers, draft.state.key, tuple(addresses.values()), now)
    return {
        mailbox: contact.page(tokens.sign(choice.number, choice.signed_for, choice.address, key))
        for mailbox, choice in ((mailbox, made[address]) for mailbox, address in addresses.items())
    }


def _with_numbers(
    tx: Connection, key: str, addresses: Sequence[str], now: datetime
) -> tuple[dict[str, Choice], TokenKey]:
    return choices.ensure(tx, key, addresses), choices.signing_key(tx, now)


def _rows(draft: Draft, *, sender: str, links: Mapping[str, str]) -> list[_Row]:
    key, secret = draft.state.key, token_hex(16)
    parts = [(issue, part) for issue in draft.issues for part in issue.parts]
    return [
        _Row(
            number=number,
            items=part.digest.items,
            returns=_returns(issue),
            mails=mails_of(
                part, issue.mailboxes, sender=sender, row=number, key=key, links=links, secret=secret
            ),
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
    """Remember that there was nothing new, or nobody who wants it; return False when another worker was first."""
    if not _pass_over(tx, subscription, slot, nothing):
        return False
    if nothing.unwanted:  # what all have declined, or miss in a pause, does not come back
        missed = [(pending.seq, pending.entry.story) for pending in nothing.unwanted]
        digests.mark_mailed(tx, nothing.state.key, _NO_DIGEST, missed)
        digests.drop_backfill(tx, nothing.state.key, nothing.backfill)
    recipients.end_new(tx, nothing.state.key, nothing.new)
    return True


def _pass_over(tx: Connection, subscription: Subscription, slot: Slot, nothing: NothingPending) -> bool:
    state, cursor = nothing.state, nothing.span.cursor
    if is_at_once(slot):
        return True
    digests.add_backfill(tx, state.key, nothing.waiting)
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
    mailed = digests.mailed_before(tx, key, [pending.entry.story for pending in draft.pending])
    if {story: seq for story, (seq, _) in mailed.items()} != draft.mailed_before:
        return None
    if _sent_since(tx, slot, draft, now):
        return None
    # A mail at once stands beside the digests: it leaves their cursor, and what "since" means to them, alone.
    takes_slot = not is_at_once(slot)
    stories = {pending.seq: pending.entry.story for pending in draft.pending}
    news_stories = set(stories.values())
    if draft.all_are_new:  # else it is for some of them only, and not mailed to the subscription
        stories |= {seq: entry.story for row in rows for seq, entry in row.entries.items()}
    if not recipients.end_new(tx, key, draft.new):
        return None
    wanted = _wanted(tx, key, {mail.to for row in rows for mail in row.mails}, now)
    last = 0
    issued_slot = draft.issues[0].digest.slot
    for row in rows:
        number = digests.insert(
            tx, key, issued_slot, now, len(row.entries), context.rules.fingerprint, part=row.number
        )
        if number is None:
            if last:
                raise _OvertakenError
            if takes_slot:  # the slot is passed over, and what is pending is left to the next one
                subscriptions.take_slot(tx, draft.state, slot, draft.state.cursor)
            return None
        last = number
        returns = {seq: row.returns.get(entry.story, 0) for seq, entry in row.entries.items()}
        leads = {copy.seq: item.seq for item in row.items for copy in item.copies}
        digests.add_entries(tx, number, returns, leads)
        for mail in row.mails:
            if mail.to in wanted:
                outbox.insert(
                    tx,
                    number,
                    mail,
                    now=now,
                    expires_at=expires_at,
                    route=context.route,
                    urgent=not takes_slot,
                )
        brought = {entry.story for entry in row.entries.values()}
        _mark_mailed(tx, draft, number, [pair for pair in stories.items() if pair[1] in brought])
    if takes_slot and not subscriptions.take_slot(tx, draft.state, slot, draft.span.cursor):
        raise _OvertakenError
    # What is left counts as mailed too: from here on it is owed.
    _mark_mailed(tx, draft, last, list(stories.items()))
    digests.drop_backfill(tx, key, draft.backfill)
    if takes_slot:
        digests.add_backfill(tx, key, draft.waiting)
    _tell_of_templates(tx, key, draft, now)
    for issue in draft.issues:
        _settle(tx, key, issue, wanted, now)
    # The file may be torn: who comes back within a day gets what the others get now.
    news = max(
        (
            {seq for seq, entry in _entries(issue.digest.items).items() if entry.story in news_stories}
            - issue.returns.keys()
            for issue in draft.issues
        ),
        key=len,
    )  # of those who declined no rule
    left = recipients.left_lately(tx, key)
    for address in set(left) - choices.declining(tx, key, left, now):
        owed.add(tx, key, address, dict.fromkeys(news, 0), now)
    return wanted


def _sent_since(tx: Connection, slot: Slot, draft: Draft, now: datetime) -> bool:
    """Return whether another worker has sent a mail since the draft was made, for which this one may not go:
    as one of so many an hour, or because none has gone for long.
    """
    key, issued = draft.state.key, draft.issues[0].digest
    if issued.slot.kind is SlotKind.QUIET:
        return digests.last_at(tx, key) not in (None, issued.since)
    if not counts_for_hour(slot):
        return False
    sent = digests.sent_at_once(tx, key, COUNTED_FOR_HOUR, now - HOUR, now)
    return not set(sent) <= set(draft.sent)


def _wanted(tx: Connection, key: str, addresses: Collection[str], now: datetime) -> set[str]:
    """Return those of these addresses to which mails may be queued: who is expected, and has not declined."""
    return recipients.present(tx, key, addresses) - choices.declining(tx, key, addresses, now)


def _tell_of_templates(tx: Connection, key: str, draft: Draft, now: datetime) -> None:
    kind, error = NoticeKind.TEMPLATE_FAILED, draft.template_error
    if error:
        details = sentence("{name}: {why}", name=draft.state.name, why=error)
        trouble = Trouble(kind=kind, subject=key, content=error, details=details, since=now)
        notices.report(tx, trouble, now)
    else:
        notices.clear(tx, kind, key, now)


def _entries(items: Iterable[Item]) -> dict[int, Entry]:
    return {seq: entry for item in items for seq, entry in item.entries.items()}


def _mark_mailed(tx: Connection, draft: Draft, digest_id: int, stories: Sequence[tuple[int, str]]) -> None:
    digests.mark_mailed(tx, draft.state.key, digest_id, stories)
    again = [(seq, story) for seq, story in stories if story in draft.mailed_before]
    digests.mark_mailed_again(tx, draft.state.key, digest_id, again)


def _settle(tx: Connection, key: str, issue: Issue, wanted: Collection[str], now: datetime) -> None:
    """Delete the debts that the mails of an issue to those who want them pay, and write down what is left."""
    brought = {entry.story for part in issue.parts for entry in _entries(part.digest.items).values()}
    paid = [candidate.seq for candidate in issue.owed if candidate.entry.story in brought]
    paid += issue.declined
    left = dict.fromkeys(_entries(issue.left).keys() - issue.returns.keys(), 0)
    for recipient in issue.recipients:
        if recipient.address not in wanted:
            continue
        if sum(owed.drop(tx, key, address, paid) for address in recipient.debtor) < len(paid):
            raise _OvertakenError
        owed.add(tx, key, recipient.address, left, now)
