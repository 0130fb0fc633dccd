"""Suppress addresses, by what servers and bounces say or as the operator decides, and let them be mailed again.

What is queued for such an address is cancelled, and its debts are dropped, in the same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.model.mail import Delivery
from monitor.model.notices import NoticeKind, Trouble
from monitor.model.suppressions import SuppressedBy, Suppression
from monitor.store import notices, outbox, owed, recipients, suppressions
from monitor.store.database import Connection
from monitor.texts import sentence

SUPPRESSED = sentence("the recipient is suppressed")
MOST_REFUSALS = 3  # digests in a row that an address may refuse for good


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of a list of suppressions."""

    new: int
    known: int  # before, or by an earlier line
    cancelled: int  # mails that were queued


def suppress(tx: Connection, suppression: Suppression, now: datetime) -> int:
    """Send nothing to an address from here on; return the count of mails that were cancelled."""
    suppressions.put(tx, suppression)
    return _stop(tx, now)


def import_all(tx: Connection, listed: Sequence[Suppression], now: datetime) -> Imported:
    """Suppress what is listed; what is known already stays as it is."""
    new = suppressions.add_missing(tx, listed)
    return Imported(new=new, known=len(listed) - new, cancelled=_stop(tx, now))


def lift(tx: Connection, address: str, subscription: str | None, now: datetime) -> list[Suppression]:
    """Let an address be mailed again, of one subscription or with None of all; return what stood against it."""
    lifted = suppressions.lift(tx, address, subscription)
    _begin_anew(tx, lifted)
    clear_addresses(tx, now)
    return lifted


def lift_after_edit(tx: Connection, content_hash: str, now: datetime) -> int:
    """Let the addresses be mailed again that a server refused under another config.toml; return their count."""
    lifted = suppressions.lift_after_edit(tx, content_hash)
    _begin_anew(tx, lifted)
    clear_addresses(tx, now)
    return len(lifted)


def clear_addresses(tx: Connection, now: datetime) -> None:
    """Record that it is over where a refused address has left config.toml, or is mailed again."""
    refused = {_subject(name, address) for name, address in recipients.refused_anywhere(tx)}
    for known in notices.open_troubles(tx, (NoticeKind.ADDRESS_REFUSED, NoticeKind.ADDRESS_SUSPENDED)):
        if known.trouble.subject not in refused:
            notices.clear(tx, known.trouble.kind, known.trouble.subject, now)


def refuse_address(
    tx: Connection, delivery: Delivery, reply: str, now: datetime, *, by: SuppressedBy, content_hash: str = ""
) -> int:
    """Count a refusal of a mail for its address, and suppress that after the third digest in a row; return the count.

    The parts of a digest count as one. What a server refused is mailed again once config.toml has another content hash
    than this one. A notice, which is of no subscription, counts 0.
    """
    key, address = delivery.subscription_key, delivery.mail.to
    if not key:
        return 0
    if outbox.refused_part(tx, delivery):
        return recipients.refusals(tx, key, address)
    refusals = recipients.refused(tx, key, address, reply, came_back=by is SuppressedBy.BOUNCE)
    if refusals < MOST_REFUSALS:
        _tell(tx, NoticeKind.ADDRESS_REFUSED, delivery, reply, now)
    else:
        suppression = Suppression(
            address=address, subscription=key, at=now, by=by, reason=reply, content_hash=content_hash
        )
        suppress_and_tell(tx, delivery, suppression, now)
    return refusals


def suppress_and_tell(tx: Connection, delivery: Delivery, suppression: Suppression, now: datetime) -> None:
    """Suppress the recipient of a mail, and tell the operator."""
    suppress(tx, suppression, now)
    subject = _subject(delivery.subscription, delivery.mail.to)
    notices.clear(tx, NoticeKind.ADDRESS_REFUSED, subject, now)
    _tell(tx, NoticeKind.ADDRESS_SUSPENDED, delivery, suppression.reason, now)


def accept_address(tx: Connection, delivery: Delivery, now: datetime) -> None:
    """Record that a server took a mail for an address that had refused some; it may come back all the same."""
    key, address = delivery.subscription_key, delivery.mail.to
    if key and recipients.refusals(tx, key, address) and not outbox.taken_part(tx, delivery):
        recipients.accepted(tx, key, address)
        notices.clear(tx, NoticeKind.ADDRESS_REFUSED, _subject(delivery.subscription, address), now)


def _stop(tx: Connection, now: datetime) -> int:
    owed.drop_suppressed(tx)
    return outbox.cancel_suppressed(tx, SUPPRESSED, now)


def _begin_anew(tx: Connection, lifted: Sequence[Suppression]) -> None:
    for suppression in lifted:
        recipients.forget_refusals(tx, suppression.address, suppression.subscription)


def _tell(tx: Connection, kind: NoticeKind, delivery: Delivery, reply: str, now: datetime) -> None:
    address = delivery.mail.to
    subject = _subject(delivery.subscription, address)
    notices.report(tx, Trouble(kind=kind, subject=subject, details=reply, address=address, since=now), now)


def _subject(subscription: str, address: str) -> str:
    return f"{subscription}: {address}"
