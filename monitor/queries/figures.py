"""Read the figures that the service tells monitoring: what happened since its start, and how things stand."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.model.feeds import feed_health
from monitor.model.mail import DeliveryStatus
from monitor.store import feeds, outbox
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


def read_figures(tx: Connection, now: datetime) -> StoredFigures:
    """Return how things stand at one moment."""
    mails, states = outbox.counts(tx), feeds.states(tx)
    oldest = outbox.oldest_waiting(tx)
    return StoredFigures(
        outbox={status.value: mails.get(status, 0) for status in DeliveryStatus},
        oldest_waiting=max(now - oldest, timedelta(0)) if oldest else timedelta(0),
        feeds=Counter(feed_health(state).value for state in states),
    )
