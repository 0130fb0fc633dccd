"""Count a bounce as what a server's refusal of the same digest would be, or suppress an address that does not exist."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from monitor.config.addresses import any_spelling
from monitor.jobs.suppress import MOST_REFUSALS, refuse_address, suppress_and_tell
from monitor.mail.bounces import Bounce, Fault, Report
from monitor.model.mail import Delivery
from monitor.model.suppressions import SuppressedBy, Suppression
from monitor.store import outbox, suppressions
from monitor.store.database import Connection


class Outcome(StrEnum):
    """What a bounce led to."""

    UNKNOWN = "unknown"  # it returns no mail that was sent to such an address: nothing was done
    NOTHING = "nothing"  # it is not about the address, or not final
    BEFORE = "before"  # it, or another one about the same digest, was counted before
    COUNTED = "counted"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A bounce, and what it led to."""

    outcome: Outcome
    report: Report
    delivery: Delivery | None = None  # the mail that came back; None: unknown
    refusals: int = 0  # of its address, in a row


def take_bounce(tx: Connection, bounce: Bounce, now: datetime) -> Taken:
    """Record what a bounce says of a mail of ours; taken twice, it counts once.

    Believed is only what returns a Message-ID that was sent to the very address it reports on: for all else anybody
    could have a recipient suppressed.
    """
    found = _mail_of(tx, bounce)
    if found is None:
        return Taken(outcome=Outcome.UNKNOWN, report=bounce.reports[0])
    delivery, report = found
    is_notice = not delivery.subscription_key
    if is_notice or report.fault not in (Fault.NO_SUCH_ADDRESS, Fault.REFUSED):
        return Taken(outcome=Outcome.NOTHING, report=report, delivery=delivery)
    known = delivery.bounced_at is not None or outbox.refused_part(tx, delivery)
    outbox.mark_bounced(tx, delivery.id, now)
    # Which addresses exist is no matter of a subscription.
    of = "" if report.fault is Fault.NO_SUCH_ADDRESS else delivery.subscription_key
    if suppressions.barred(tx, of, [delivery.mail.to]):
        return Taken(outcome=Outcome.BEFORE, report=report, delivery=delivery)
    if report.fault is Fault.NO_SUCH_ADDRESS:
        everywhere = Suppression(
            address=delivery.mail.to, at=now, by=SuppressedBy.BOUNCE, reason=report.reply
        )
        suppress_and_tell(tx, delivery, everywhere, now)
        return Taken(outcome=Outcome.SUPPRESSED, report=report, delivery=delivery)
    if known:
        return Taken(outcome=Outcome.BEFORE, report=report, delivery=delivery)
    refusals = refuse_address(tx, delivery, report.reply, now, by=SuppressedBy.BOUNCE)
    outcome = Outcome.COUNTED if refusals < MOST_REFUSALS else Outcome.SUPPRESSED
    return Taken(outcome=outcome, report=report, delivery=delivery, refusals=refusals)


def _mail_of(tx: Connection, bounce: Bounce) -> tuple[Delivery, Report] | None:
    """Return the first of the returned mails that a server took from us for an address that is reported on."""
    for message_id in bounce.message_ids:
        delivery = outbox.by_message_id(tx, message_id)
        if delivery is None or not delivery.reached_dot:
            continue
        address = any_spelling(delivery.mail.to)
        if report := next((each for each in bounce.reports if address in each.addresses), None):
            return delivery, report
    return None
