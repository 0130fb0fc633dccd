"""One line for each thing that happened to somebody."""

from monitor import log
from monitor.jobs.compose import Composed, ComposeOutcome
from monitor.jobs.deliver import Attempted
from monitor.jobs.poll import Polled, PollFailed, PollOutcome
from monitor.model.mail import DeliveryStatus


def log_poll(outcome: PollOutcome) -> None:
    """What a visit to a feed brought."""
    feed, again = outcome.feed.name, outcome.next_poll_at.isoformat(timespec="seconds")
    if isinstance(outcome, PollFailed):
        log.warning("poll-failed", feed=feed, error=outcome.error, failures=outcome.failures, next=again)
    elif isinstance(outcome, Polled):
        held_back = {"held_back": outcome.held_back} if outcome.held_back else {}
        log.info("polled", feed=feed, new=outcome.new, matched=outcome.matched, **held_back, next=again)
    else:
        log.info("polled", feed=feed, unchanged=True, next=again)


def log_compose(outcome: ComposeOutcome) -> None:
    """A digest that was queued. Nothing new is no event."""
    if isinstance(outcome, Composed):
        log.info(
            "composed",
            subscription=outcome.subscription.name,
            slot=outcome.slot.name,
            entries=outcome.entries,
            mails=len(outcome.mails),
            subject=outcome.subject,
        )


def log_attempt(outcome: Attempted) -> None:
    """How an attempt to hand over a mail went. Addresses are masked: a log is read by many."""
    delivery = outcome.delivery
    about = {
        "mail": delivery.id,
        "to": masked(delivery.mail.to),
        "slot": delivery.slot,
        "reply": outcome.reply,
    }
    if outcome.status is DeliveryStatus.SENT:
        log.info("delivered", **about)
    elif outcome.next_attempt_at:
        event = "deferred" if outcome.status is DeliveryStatus.WAITING else outcome.status.value
        log.warning(event, **about, next=outcome.next_attempt_at.isoformat(timespec="seconds"))
    else:
        log.warning(
            "overtaken" if outcome.status is DeliveryStatus.WAITING else outcome.status.value, **about
        )


def masked(address: str) -> str:
    """`reader@example.org` as `r***@example.org`."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}"
