"""Read whether news comes in and mail goes out at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.config.options import Feed
from monitor.store import feeds, notices, outbox
from monitor.store.database import Connection

_MINUTE = timedelta(minutes=1)
_STUCK = timedelta(minutes=5)  # so long a mail that is due may wait for a mail server that takes none


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalSigns:
    """Whether news comes in and mail goes out, by what the database knows."""

    failing_feeds: int
    failures: int  # of all of them, since they answered last
    feeds: int  # that were ever visited
    waiting_since: timedelta  # how long the oldest mail that waits has done so; 0 when none does
    mail_is_stopped: bool  # the mail server takes none, or refuses the login
    needs_a_person: bool  # something is wrong that does not end by itself


def read_vital_signs(tx: Connection, watched: Sequence[Feed], now: datetime) -> VitalSigns:
    """Return how things stand at one moment, with these feeds in config.toml."""
    # Asked every few seconds: a number for each feed, not its whole state.
    failures = feeds.failures(tx)
    visited = [count for feed in watched if feed.enabled and (count := failures.get(feed.url)) is not None]
    oldest, troubles = outbox.oldest_waiting(tx), notices.open_troubles(tx)
    kinds = {known.trouble.kind for known in troubles}
    return VitalSigns(
        failing_feeds=sum(count > 0 for count in visited),
        failures=sum(visited),
        feeds=len(visited),
        waiting_since=max(now - oldest, timedelta(0)) if oldest else timedelta(0),
        mail_is_stopped=any(kind.telling.stops_mail for kind in kinds),
        needs_a_person=any(not kind.telling.is_event for kind in kinds),
    )


def failures_of(signs: VitalSigns) -> list[str]:
    """Return why nothing comes in, or nothing goes out; [] when both do."""
    found = []
    # One failure of a single feed is a hiccup.
    if signs.feeds and signs.failing_feeds == signs.feeds and signs.failures > 1:
        found.append(f"each of the {signs.feeds} feeds failed at its last visit")
    if signs.mail_is_stopped and signs.waiting_since > _STUCK:
        found.append(
            f"the mail server takes no mail; one has waited for {signs.waiting_since // _MINUTE} min"
        )
    return found
