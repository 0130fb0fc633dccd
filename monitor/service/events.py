"""Log one line for each outcome of due work. Addresses are masked: a log is read by many."""

from collections.abc import Sequence

from monitor import log
from monitor.jobs.archive import Archived
from monitor.jobs.compose import Composed
from monitor.jobs.deliver import Attempted
from monitor.jobs.lapse import Lapsed
from monitor.jobs.notify import Notified
from monitor.jobs.poll import Polled, PollFailed, Unchanged
from monitor.jobs.prune import Pruned
from monitor.masking import mask
from monitor.model.mail import Delivery, DeliveryStatus
from monitor.service.due_work import Outcome, Rematched


def log_outcome(outcome: Outcome) -> None:
    """Log what happened. That nothing is new or due is no event; a failed template is logged as its task's failure."""
    match outcome:
        case PollFailed():
            log.warning(
                "poll-failed",
                feed=outcome.feed.name,
                error=outcome.error,
                failures=outcome.failures,
                next="never" if outcome.stopped else outcome.next_poll_at.isoformat(timespec="seconds"),
            )
        case Polled() | Unchanged():
            _log_poll(outcome)
        case Composed():
            left = {"left": outcome.left} if outcome.left else {}
            log.info(
                "composed",
                subscription=outcome.subscription.name,
                slot=outcome.slot.name,
                entries=outcome.entries,
                **left,
                mails=len(outcome.mails),
                subject=outcome.subject,
            )
            if outcome.template_error:
                log.warning(
                    "template-failed", subscription=outcome.subscription.name, error=outcome.template_error
                )
        case Attempted():
            _log_attempt(outcome)
        case Notified():
            about = ", ".join(kind.value for kind in outcome.kinds)
            log.info("operator-told", mails=len(outcome.mails), about=about)
        case Rematched():
            log.info("rematched", entries=outcome.entries)
        case Lapsed():
            log.warning(
                "lapsed",
                subscriptions=outcome.subscriptions,
                recipients=outcome.recipients,
                mails_cancelled=outcome.mails,
                why="not in config.toml for a day",
            )
        case Archived():
            if outcome.failed:
                log.warning("archive-failed", pages=outcome.written, error=outcome.failed)
            else:
                log.info("archived", pages=outcome.written)
        case Pruned():
            log.info("pruned", mails=outcome.mails, entries=outcome.entries)


def log_registered(changes: Sequence[str]) -> None:
    """Log what an edit changed for the feeds and subscriptions in the database."""
    for change in changes:
        log.info("registered", change=change)


def _log_poll(outcome: Polled | Unchanged) -> None:
    next_poll = outcome.next_poll_at.isoformat(timespec="seconds")
    if outcome.adopted:
        log.warning("feed-moved", feed=outcome.feed.name, asked_at=mask(outcome.adopted))
    if isinstance(outcome, Unchanged):
        log.info("polled", feed=outcome.feed.name, unchanged=True, next=next_poll)
        return
    if outcome.faster:
        log.warning("feed-faster", feed=outcome.feed.name, entries=outcome.entries)
    more: dict[str, object] = {"retitled": outcome.retitled} if outcome.retitled else {}
    if outcome.held_back:
        more["held_back"] = outcome.held_back
    if outcome.new_url:
        more["at_new_url"] = outcome.new_url.value
    log.info(
        "polled",
        feed=outcome.feed.name,
        new=outcome.new,
        matched=outcome.matched,
        **more,
        next=next_poll,
    )


def _log_attempt(outcome: Attempted) -> None:
    about = {**_about(outcome.delivery), "reply": outcome.reply}
    for given_up in outcome.given_up:
        if given_up.delivery.id != outcome.delivery.id:
            counts = {"owed": given_up.owed, "lost": given_up.lost}
            log.warning("expired", **_about(given_up.delivery), **counts, reply=given_up.reply)
        else:
            about |= {"owed": given_up.owed, "lost": given_up.lost}
    if outcome.status is DeliveryStatus.SENT:
        log.info("delivered", **about)
    elif outcome.next_attempt_at:
        event = "deferred" if outcome.status is DeliveryStatus.WAITING else outcome.status.value
        log.warning(event, **about, next=outcome.next_attempt_at.isoformat(timespec="seconds"))
    else:  # a mail that waits without a next attempt was taken by another worker
        event = "overtaken" if outcome.status is DeliveryStatus.WAITING else outcome.status.value
        log.warning(event, **about)


def _about(delivery: Delivery) -> dict[str, object]:
    return {"mail": delivery.id, "to": _masked(delivery.mail.to), "slot": delivery.slot}


def _masked(address: str) -> str:
    """Return `reader@example.org` as `r***@example.org`."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}"
