"""Read the figures that the service tells monitoring: what happened since its start, and how things stand."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.config.options import Feed
from monitor.jobs.watch import watched_feeds
from monitor.model.feeds import FeedHealth
from monitor.model.mail import DeliveryStatus
from monitor.store import outbox
from monitor.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFigures:
    """How things stand in the database."""

    outbox: Mapping[str, int]  # mails by status
    oldest_waiting: timedelta  # the age of the oldest mail that waits; 0 when none does
    feeds: Mapping[str, int]  # by how they do


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures(StoredFigures):
    """All figures. Those of what happened count from the start of the service."""

    polls: Mapping[str, int]  # by outcome
    mails: Mapping[str, int]  # attempts by outcome
    reloads: Mapping[str, int]  # by outcome
    entries: int
    matches: int
    digests: int
    parsers: Mapping[str, int]  # processes, by whether they are busy


def read_figures(tx: Connection, watched: Sequence[Feed], now: datetime) -> StoredFigures:
    """Return how things stand at one moment, with these feeds in config.toml."""
    mails = outbox.counts(tx)
    feeds = Counter(each.health for each in watched_feeds(tx, watched))
    oldest = outbox.oldest_waiting(tx)
    return StoredFigures(
        outbox={status.value: mails.get(status, 0) for status in DeliveryStatus},
        oldest_waiting=max(now - oldest, timedelta(0)) if oldest else timedelta(0),
        feeds={health.value: feeds[health] for health in FeedHealth},
    )
