"""A subscription's slot, and the digest it brings."""

from dataclasses import dataclass, field
from datetime import datetime

from monitor.config.options import Subscription
from monitor.model import require_utc
from monitor.model.feeds import Entry, FeedHealth
from monitor.model.rules import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionState:
    """Where we stand with one subscription."""

    name: str
    created_at: datetime  # slots before this are not ours to send
    cursor: int  # entries up to this seq have been considered
    last_slot: str = ""
    last_at: datetime | None = None  # the instant of the last slot taken

    def __post_init__(self) -> None:
        require_utc(self.created_at, self.last_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One occasion on which a subscription may get a digest."""

    name: str  # 'at:2026-11-24T08:00', 'every:...', 'now:...', 'at once:...'; unique per subscription
    at: datetime  # the instant meant, not the instant acted on
    late: bool = False  # missed while the service was off

    def __post_init__(self) -> None:
        require_utc(self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An entry as a digest shows it."""

    entry: Entry
    feed: str  # the feed's name
    reasons: tuple[Reason, ...]  # the section's own rule first
    also: tuple[str, ...] = ()  # names of other feeds that brought the same story
    score: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The items of one rule."""

    rule: str
    items: tuple[Item, ...]
    more: tuple[Item, ...] = ()  # beyond the budget: title and link only


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What stood behind a digest, so that silence can be believed."""

    feeds: tuple[tuple[str, FeedHealth], ...] = ()
    entries: int = 0  # news entries that arrived since the last slot
    silent: tuple[str, ...] = ()  # rules in force without an item in this digest
    kept_out: tuple[
        tuple[str, int], ...
    ] = ()  # words that kept entries out, and how many each; the most first


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What one slot brings to one subscription; to render, not to store."""

    subscription: Subscription
    slot: Slot
    at: datetime  # the instant it is made
    since: datetime | None  # the last slot's instant; None for the first
    sections: tuple[Section, ...] = ()
    watched: Watched = field(default_factory=Watched)
    next_at: datetime | None = None  # the next slot, where there is a schedule

    def __post_init__(self) -> None:
        require_utc(self.at, self.since, self.next_at)
