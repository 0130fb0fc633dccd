"""Give up a mail, within the transaction that records it: what of it is owed, and what the operator is told."""

from dataclasses import dataclass
from datetime import datetime

from monitor.errors import SendCause, SendError
from monitor.jobs.choose import why_declined, why_mail_declined
from monitor.jobs.suppress import lift
from monitor.model.mail import Delivery, RelayState
from monitor.model.notices import NoticeKind, Trouble
from monitor.store import attempts, digests, notices, outbox, owed
from monitor.store.database import Connection
from monitor.texts import sentence

_MOST_RETURNS = 2  # times an entry comes back in another digest because its mail was given up
_MAIL_EVENTS = (
    NoticeKind.MAIL_GIVEN_UP,
    NoticeKind.MAIL_REFUSED,
    NoticeKind.MAIL_EXPIRED,
    NoticeKind.MAIL_UNCERTAIN,
)
_TOLD_AFTER = 2  # failures of the mail server in a row
# Where the mail server takes no mail: what the operator is told.
_STOPPED = {
    SendCause.RELAY: NoticeKind.RELAY_DOWN,
    SendCause.LOGIN: NoticeKind.LOGIN_REFUSED,
    SendCause.SENDER: NoticeKind.SENDER_REFUSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """A mail that was given up: the entries its recipient gets in the next digest, and those he does not."""

    delivery: Delivery
    cause: SendCause
    reply: str
    owed: int
    lost: int  # they came back twice, or the server refuses what stands in the mail


def give_up(tx: Connection, delivery: Delivery, cause: SendCause, reply: str, now: datetime) -> GivenUp:
    """Record that the entries of a mail which was given up are owed to its recipient, and tell the operator.

    An entry comes back twice at most. A return does not count while the mail server took no mail at all; what the
    server refuses for its content does not come back, and neither does what the recipient has declined meanwhile.
    """
    entries = digests.entries_of(tx, delivery.digest_id)
    if cause is SendCause.CONTENT or why_declined(tx, delivery.subscription_key, delivery.mail.to, now):
        returns: dict[int, int] = {}
    else:
        counted = not cause.stops_all
        returns = {seq: times + counted for seq, times in entries.items() if times + counted <= _MOST_RETURNS}
    owed.add(tx, delivery.subscription_key, delivery.mail.to, returns, now)
    lost = len(entries) - len(returns)
    given_up = GivenUp(delivery=delivery, cause=cause, reply=reply, owed=len(returns), lost=lost)
    if delivery.subscription_key:  # a notice that cannot be delivered is no reason for another
        _tell(tx, given_up, now)
    return given_up


def retry(tx: Connection, number: int, now: datetime, expires_at: datetime) -> bool:
    """Queue a mail again by hand, as if new; return False when it is unknown, being sent, was sent, or is not wanted.

    What it brings is no longer owed: the next digest does not bring it a second time. An address that the mail server
    has refused too often is mailed again; nobody else's decision is overruled.
    """
    if why_mail_declined(tx, number, now) or not outbox.requeue(tx, number, now, expires_at):
        return False
    attempts.interrupt(tx, [number], now)
    delivery = outbox.by_number(tx, number)
    owed.drop(tx, delivery.subscription_key, delivery.mail.to, digests.entries_of(tx, delivery.digest_id))
    lift(tx, delivery.mail.to, delivery.subscription_key, now)
    for kind in _MAIL_EVENTS:
        notices.clear(tx, kind, str(number), now)
    return True


def acknowledge(tx: Connection, number: int | None, now: datetime) -> bool:
    """Record that the operator knows what became of a mail, or with None of all; return whether there was anything."""
    known = [
        each.trouble
        for each in notices.open_troubles(tx, _MAIL_EVENTS)
        if number is None or each.trouble.subject == str(number)
    ]
    for trouble in known:
        notices.clear(tx, trouble.kind, trouble.subject, now)
    return bool(outbox.mark_seen(tx, number) or known)


def tell_refused_content(tx: Connection, delivery: Delivery, reply: str, now: datetime) -> None:
    """Tell the operator that the server refuses what stands in a mail, which goes out as text alone."""
    if delivery.subscription_key:
        notices.report(tx, _about(NoticeKind.MAIL_REFUSED, delivery, reply, now, content="sent as text"), now)


def rest(tx: Connection, delivery: Delivery, reply: str, now: datetime) -> None:
    """Tell the operator that nobody knows whether a mail arrived, and that it is not sent again by itself."""
    if delivery.subscription_key:
        notices.report(tx, _about(NoticeKind.MAIL_UNCERTAIN, delivery, reply, now), now)


def tell_relay_down(tx: Connection, state: RelayState, error: SendError, now: datetime) -> None:
    """Tell the operator that the mail server takes no mail, once that is more than a moment's trouble.

    A login or sender that is refused for good does not mend itself: that is told at once.
    """
    login = error.cause is SendCause.LOGIN
    if error.lasting or (state.login_refusals if login else state.failures) >= _TOLD_AFTER:
        kind = _STOPPED[error.cause]
        since = state.since or now
        notices.report(tx, Trouble(kind=kind, subject=state.server, details=state.reason, since=since), now)


def tell_limit_reached(tx: Connection, state: RelayState, now: datetime) -> None:
    """Tell the operator that the mail server takes no more mails for now, because it has had too many."""
    since, kind = state.since or now, NoticeKind.MAIL_LIMIT
    notices.report(tx, Trouble(kind=kind, subject=state.server, details=state.reason, since=since), now)


def tell_relay_up(tx: Connection, state: RelayState, now: datetime) -> None:
    """Record that the mail server takes mail again."""
    for kind in (*_STOPPED.values(), NoticeKind.MAIL_LIMIT):
        notices.clear(tx, kind, state.server, now)


def _tell(tx: Connection, given_up: GivenUp, now: datetime) -> None:
    kind = NoticeKind.MAIL_EXPIRED
    if given_up.cause is SendCause.CONTENT:
        kind = NoticeKind.MAIL_REFUSED
    elif given_up.cause is SendCause.ADDRESS:
        kind = NoticeKind.MAIL_GIVEN_UP
    values = {"owed": given_up.owed, "lost": given_up.lost, "reply": given_up.reply}
    if not given_up.owed:
        about = sentence("no entry comes back. {reply}", **values)
    elif given_up.lost:
        about = sentence(
            "{owed} entries come in the next digest, {lost} do not come again. {reply}", **values
        )
    else:
        about = sentence("{owed} entries come in the next digest. {reply}", **values)
    notices.report(tx, _about(kind, given_up.delivery, about, now), now)


def _about(
    kind: NoticeKind, delivery: Delivery, what: str, now: datetime, *, content: str = "given up"
) -> Trouble:
    address = delivery.mail.to if kind is NoticeKind.MAIL_GIVEN_UP else ""
    return Trouble(
        kind=kind,
        subject=str(delivery.id),
        content=content,
        details=sentence(
            "mail {number} of {subscription} to {to}: {what}",
            number=delivery.id,
            subscription=delivery.subscription,
            to=delivery.mail.to,
            what=what,
        ),
        address=address,
        since=now,
    )
