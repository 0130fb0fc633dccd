"""Send a digest once more: the bytes that were mailed, with another Message-ID and date, to a recipient or an operator.

Nothing of it counts as mailed anew, and nothing of it is owed should the mail be given up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from monitor.config.addresses import parse_mailbox
from monitor.config.options import Subscription
from monitor.digests.due import instant_of_slot
from monitor.errors import DigestError
from monitor.jobs.choose import UNSUBSCRIBED, why_declined
from monitor.jobs.draft import DigestContext
from monitor.mail.rewrite import once_more
from monitor.model.digests import Slot, SlotKind
from monitor.model.mail import Delivery, DeliveryStatus
from monitor.store import digests, outbox, recipients, subscriptions, suppressions
from monitor.store.database import Connection, Database
from monitor.texts import listed, sentence

LAST = "last"  # stands for a subscription's newest slot
_SHOWN = 5  # slots that are named where the one wanted is not known
NONE_YET = sentence("no digest has been composed yet, so none can be sent again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentAgain:
    """The mails that are queued, and who gets none for what reason."""

    subscription: str  # its name
    slot: str  # its name
    to: tuple[str, ...]  # addresses
    mails: tuple[int, ...]  # their numbers
    refused: tuple[str, ...]  # reasons


@dataclass(frozen=True, slots=True)
class _Found:
    """A slot, and the subscription that had a digest then."""

    subscription: Subscription
    key: str
    slot: str


async def send_again(
    slot: str,
    among: Sequence[Subscription],
    *,
    to: str | None,
    operators: Sequence[str],
    context: DigestContext,
    db: Database,
    now: datetime,
) -> SentAgain:
    """Queue the mails of a slot of one of these subscriptions again, in one transaction.

    `slot` is its local time, as 2026-11-24 08:00, its name, or "last"; `to` is one recipient of it, or one of the
    operators; without it all its recipients get theirs. Raises DigestError where there is nothing to send: the slot is
    not known, is one of several subscriptions, its mails were deleted, or `to` may not get it; and StoreError.
    """
    return await db.write(_send_again, slot, among, to, operators, context, now)


def _send_again(
    tx: Connection,
    slot: str,
    among: Sequence[Subscription],
    to: str | None,
    operators: Sequence[str],
    context: DigestContext,
    now: datetime,
) -> SentAgain:
    found = _find(tx, slot, among)
    stored = outbox.of_slot(tx, found.key, found.slot)
    if not stored:
        raise DigestError(
            sentence(
                "The digest of {slot} ({subscription}) cannot be sent again: its mails were deleted after "
                "[outbox] keep. "
                '"monitor replay" makes a digest of that day anew, as files.',
                slot=_minute(found.slot, found.subscription),
                subscription=found.subscription.name,
            )
        )
    by_key: dict[str, list[Delivery]] = {}
    for delivery in stored:
        by_key.setdefault(parse_mailbox(delivery.mail.to).key, []).append(delivery)
    if to is None:
        return _to_recipients(tx, found, by_key, context, now)
    wanted = _key_of(to)
    if wanted in by_key:
        sent = _to_recipients(tx, found, {wanted: by_key[wanted]}, context, now)
        if not sent.mails:
            raise DigestError(sent.refused[0])
        return sent
    for operator in operators:
        if parse_mailbox(operator).key == wanted:
            mails = _queue(tx, found, _newest_copy(by_key.values()), context, now, operator=operator)
            address = parse_mailbox(operator).address
            return _answer(found, to=(address,), mails=mails, refused=())
    raise DigestError(
        sentence(
            "{address} may not get the digest of {slot} ({subscription}): it goes again to those who got it "
            "({recipients}), and to [operator] to.",
            address=to,
            slot=_minute(found.slot, found.subscription),
            subscription=found.subscription.name,
            recipients=listed(dict.fromkeys(delivery.mail.to for delivery in stored)),
        )
    )


def _find(tx: Connection, slot: str, among: Sequence[Subscription]) -> _Found:
    """Return the slot of this name. Raises DigestError where none has it, or several."""
    found: list[_Found] = []
    known: list[str] = []
    for subscription in among:
        state = subscriptions.state(tx, subscription.name)
        names = digests.slots(tx, state.key) if state else []
        minutes = {name: _minute(name, subscription) for name in names}
        known += [f"{subscription.name} {minutes[name]}" for name in names[:_SHOWN]]
        wanted = slot.strip().removeprefix(f"{subscription.name} ").removeprefix(f"{SlotKind.AGAIN}:")
        if wanted == LAST:
            matching = names[:1]
        else:
            # As a person writes the local time, too: 2026-11-24 08:00.
            spellings = {name: (name, name.partition(":")[2], minutes[name]) for name in names}
            local = wanted.replace("T", " ")
            matching = [name for name in names if wanted in spellings[name] or local == minutes[name]]
        found += [_Found(subscription, state.key, name) for name in matching if state]
    if len(found) == 1:
        return found[0]
    if found:
        raise DigestError(
            sentence(
                '"{slot}" is a slot of several digests: {names}. Name one by --subscription, or by its whole name.',
                slot=slot,
                names=listed(f"{each.subscription.name} {each.slot}" for each in found),
            )
        )
    if known:
        raise DigestError(
            sentence(
                'there was no digest "{slot}". The newest are: {names}.',
                slot=slot,
                names=listed(known),
            )
        )
    raise DigestError(NONE_YET)


def _minute(slot: str, subscription: Subscription) -> str:
    """Return the local time that the name of a slot tells, as a person writes it; the name where it tells none."""
    instant = instant_of_slot(slot, subscription.timezone)
    return f"{instant.astimezone(ZoneInfo(subscription.timezone)):%Y-%m-%d %H:%M}" if instant else slot


def _to_recipients(
    tx: Connection,
    found: _Found,
    by_key: dict[str, list[Delivery]],
    context: DigestContext,
    now: datetime,
) -> SentAgain:
    in_file = {parse_mailbox(mailbox).key for mailbox in found.subscription.to}
    addresses: list[str] = []
    mails: list[int] = []
    refused: list[str] = []
    for key, deliveries in by_key.items():
        if reason := _reason_against(tx, found, deliveries, now, has_left=key not in in_file):
            refused.append(reason)
            continue
        addresses.append(deliveries[0].mail.to)
        mails += _queue(tx, found, deliveries, context, now)
    return _answer(found, to=tuple(addresses), mails=tuple(mails), refused=tuple(refused))


def _reason_against(
    tx: Connection, found: _Found, deliveries: Sequence[Delivery], now: datetime, *, has_left: bool
) -> str:
    """Return why a recipient does not get these mails again; "" where he does."""
    address, name = deliveries[0].mail.to, found.subscription.name
    if suppressions.barred(tx, found.key, [address]):
        return sentence(
            '{address} is suppressed: nothing goes there. "monitor suppressions list" says why, and '
            '"monitor suppressions remove {address}" lets it be mailed again.',
            address=address,
        )
    if has_left or not recipients.present(tx, found.key, [address]):
        return sentence(
            "{address} does not receive {subscription} any more.", address=address, subscription=name
        )
    if declined := why_declined(tx, found.key, address, now):
        values = {"address": address, "subscription": name}
        if declined is UNSUBSCRIBED:
            return sentence(
                "{address} has unsubscribed from {subscription}. Only if they ask for it: "
                '"monitor recipients resubscribe {address}".',
                **values,
            )
        return sentence(
            '{address} has paused {subscription}: "monitor recipients resume {address}" ends that.', **values
        )
    unsent = [delivery for delivery in deliveries if delivery.status is not DeliveryStatus.SENT]
    if unsent:
        return sentence(
            'mail {number} to {address} has not been sent ({status}): "monitor outbox --retry {number}" sends it.',
            number=unsent[0].id,
            address=address,
            status=unsent[0].status.value,
        )
    return ""


def _newest_copy(copies: Iterable[Sequence[Delivery]]) -> Sequence[Delivery]:
    """Return the mails that one recipient got, of all the one with the most parts."""
    return max(copies, key=len)


def _queue(
    tx: Connection,
    found: _Found,
    deliveries: Sequence[Delivery],
    context: DigestContext,
    now: datetime,
    *,
    operator: str = "",
) -> tuple[int, ...]:
    """Queue these mails, one for each part; return their numbers."""
    slot = Slot(kind=SlotKind.AGAIN, key=found.slot, at=now)
    numbers = []
    for delivery in deliveries:
        # A mail to an operator is of no subscription: nobody is suspended, nor owed anything, for it.
        digest = digests.insert_again(tx, "" if operator else found.key, slot, now)
        mail = once_more(delivery.mail, date=now, unique=f"{digest} {now.isoformat()}", to=operator)
        numbers.append(
            outbox.insert(tx, digest, mail, now=now, expires_at=now + context.expire, route=context.route)
        )
    return tuple(numbers)


def _answer(
    found: _Found, *, to: tuple[str, ...], mails: tuple[int, ...], refused: tuple[str, ...]
) -> SentAgain:
    return SentAgain(
        subscription=found.subscription.name, slot=found.slot, to=to, mails=mails, refused=refused
    )


def _key_of(address: str) -> str:
    try:
        return parse_mailbox(address).key
    except ValueError as error:
        raise DigestError(sentence("--to {address}: {why}", address=address, why=error.args[0])) from None
