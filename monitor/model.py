"""The nouns: what every other file talks about.

Frozen, slotted, given by keyword. Every datetime is aware and UTC; `utc` checks it where a value is made.
config.toml says what is wanted (Feed, Rule, Subscription); the database says what happened (the rest).
"""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import Enum
from typing import NamedTuple


def utc(*instants: datetime | None) -> None:
    """Raise ValueError for an instant that is not aware and UTC."""
    for instant in instants:
        if instant is not None and instant.utcoffset() != timedelta(0):
            raise ValueError(f"an aware UTC datetime is wanted, not {instant!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What we were asked to watch."""

    name: str
    url: str
    every: timedelta = timedelta(minutes=30)
    sections: tuple[str, ...] = ()  # empty: all of them
    proxy: str = ""
    first_visit: timedelta = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What we were asked to look for, as the operator wrote it."""

    name: str
    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()  # weak words: they count together, or in the title
    ignore: tuple[str, ...] = ()  # phrases that are cut before anything is looked for
    when: str = ""  # a boolean expression over words
    weights: tuple[tuple[str, float], ...] = ()  # of words whose weight is not 1
    threshold: float = 1.0  # rules/score.py says what reaches it
    fields: tuple[str, ...] = ("title", "summary", "text")
    feeds: tuple[str, ...] = ()  # names of feeds; empty: all of them
    sections: tuple[str, ...] = ()  # empty: all of them
    languages: tuple[str, ...] = ()  # as rules/language.py names them; empty: all of them
    max: int = 0  # items in a digest; 0: as many as there are
    pace: str = "digest"  # or "at once"
    quiet: tuple[tuple[time, time], ...] = ()  # local times between which nothing goes out at once
    enabled: bool = True
    priority: int = 0  # the higher, the earlier in the digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Who wants which matches, when. Either `at` has times, or `every` is given."""

    name: str
    to: tuple[str, ...]
    rules: tuple[str, ...] = ()  # names of rules; empty: all of them
    at: tuple[time, ...] = ()  # local times of `timezone`, sorted
    every: timedelta | None = None
    days: tuple[int, ...] = ()  # ISO weekdays 1..7 (Monday is 1); empty: every day
    timezone: str = "Asia/Shanghai"
    locale: str = "zh-Hans"  # zh-Hans, zh-Hant or en


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a feed said, when we first saw it; never changes."""

    feed_url: str
    id: str  # the feed's own id where it has one, else made by feeds/identity.py
    aliases: tuple[str, ...] = ()  # other names this entry goes by in the same feed
    story: str  # the article itself, whichever feed it came by
    title: str = ""
    link: str = ""  # http(s) or "", without tracking parameters
    authors: tuple[str, ...] = ()
    published: datetime | None = None
    sections: tuple[str, ...] = ()  # every name the section goes by, the one to show first
    summary: str = ""  # plain text
    text: str = ""  # plain text of the body, without boilerplate; "" when the feed has none
    original: str = ""  # link to the article in its first language, or ""
    first_seen: datetime

    def __post_init__(self) -> None:
        utc(self.published, self.first_seen)

    @property
    def section(self) -> str:
        """The section to show, or ""."""
        return self.sections[0] if self.sections else ""

    @property
    def when(self) -> datetime:
        """When it was published, as far as is known."""
        return self.published or self.first_seen


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFeed:
    """One visit's answer. Entries stand in the feed's order."""

    title: str
    site_url: str
    entries: tuple[Entry, ...]
    ttl: timedelta | None = None  # the feed's own wish, a hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """How to ask "anything new since?": the server's own strings, opaque, byte for byte."""

    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollState:
    """Where we stand with one feed. `visited` is None until the first good answer."""

    feed_url: str
    validators: Validators = Validators()
    next_poll_at: datetime
    visited: datetime | None = None  # the last good answer, 304 included
    failures: int = 0  # in a row
    last_error: str = ""
    title: str = ""

    def __post_init__(self) -> None:
        utc(self.next_poll_at, self.visited)


class Hit(NamedTuple):
    """Why a rule matched: `found == getattr(entry, field)[start:end]`, in code points of the original.

    `field` is title, summary, text or link; or author, section (the names joined with ", ") or feed (its name).
    A named tuple, since there are thousands of them: it is made three times as fast.
    """

    field: str
    word: str  # as the operator wrote it
    found: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An entry satisfies exactly the rule with this fingerprint; says nothing about people."""

    fingerprint: str
    hits: tuple[Hit, ...]  # by field in the order of rules/words.py; then by position
    score: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An entry that has arrived since a subscription's last slot, and the matches it has."""

    seq: int
    entry: Entry
    matches: tuple[Match, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionState:
    """Where we stand with one subscription."""

    name: str
    created_at: datetime  # slots before this are not ours to send
    cursor: int  # entries up to this seq have been considered
    last_slot: str = ""
    last_at: datetime | None = None  # the instant of the last slot taken

    def __post_init__(self) -> None:
        utc(self.created_at, self.last_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One occasion on which a subscription may get a digest."""

    name: str  # 'at:2026-11-24T08:00', 'every:...', 'now:...', 'at once:...'; unique per subscription
    at: datetime  # the instant meant, not the instant acted on
    late: bool = False  # missed while the service was off

    def __post_init__(self) -> None:
        utc(self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why an item stands in the digest: a rule by its name, and its hits."""

    rule: str
    hits: tuple[Hit, ...]


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


class FeedHealth(Enum):
    """How a feed does, in the word the footer uses."""

    WELL = "well"
    FAILING = "failing"
    UNVISITED = "unvisited"


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
        utc(self.at, self.since, self.next_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesetVersion:
    """A set of rules that was in force from `at` on."""

    version: int  # 1, 2, 3 …
    at: datetime
    fingerprint: str  # of the whole ruleset; digests name it
    text: str  # the part of config.toml about rules, as written

    def __post_init__(self) -> None:
        utc(self.at)
