"""A subscription's slots, and the content of the digest that one brings."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.config.options import Subscription
from monitor.model import require_utc
from monitor.model.feeds import Entry, FeedHealth
from monitor.model.recipients import Contact
from monitor.model.rules import Reason


class SlotKind(StrEnum):
    """Why a mail is made: what names of slots begin with in the database."""

    AT = "at"  # a time of day of the subscription
    EVERY = "every"  # the subscription's interval has passed
    NOW = "now"  # a digest ordered by hand
    AT_ONCE = "at once"  # matches of rules of that pace, beside the digests
    QUIET = "quiet"  # a slot without news after many of them: its key is that of the slot, AT or EVERY
    NOTICE = "notice"  # troubles to tell the operator of
    AGAIN = "again"  # a digest that is sent once more; its key is the name of that slot


class DigestKind(StrEnum):
    """What a row of the table `digests` stands for."""

    DIGEST = "digest"  # matches, for a subscription
    NOTICE = "notice"  # a mail to the operator, of no subscription
    AGAIN = "again"  # a digest that is sent once more: it brings nothing that counts as mailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One occasion for a digest or notice; its name is unique per subscription."""

    kind: SlotKind
    key: str  # unique in its kind: the local time of an AT, '2026-11-24T08:00'; else the instant
    at: datetime  # the instant meant, not the instant acted on
    late: bool = False  # missed while the service was off

    def __post_init__(self) -> None:
        require_utc(self.at)

    @property
    def name(self) -> str:
        """The slot as the database names it: 'at:2026-11-24T08:00'."""
        return f"{self.kind}:{self.key}"

    @classmethod
    def named(cls, name: str, at: datetime, *, late: bool = False) -> "Slot":
        """Return the slot of a name. Raises ValueError for a name of no known kind."""
        kind, _, key = name.partition(":")
        return cls(kind=SlotKind(kind), key=key, at=at, late=late)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionState:
    """How far one subscription has come."""

    key: str  # its first name; what other tables call it
    name: str
    created_at: datetime  # slots before this are not made up for
    cursor: int  # entries up to this seq have been considered
    last_slot: Slot | None = None  # the last one taken

    def __post_init__(self) -> None:
        require_utc(self.created_at)

    @property
    def last_at(self) -> datetime | None:
        """The instant of the last slot taken."""
        return self.last_slot.at if self.last_slot else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A subscription as config.toml had it when the database saw that last."""

    key: str
    name: str
    schedule: str  # only ever compared
    recipients: frozenset[str] = frozenset()  # their addresses, without those that left
    gone_at: datetime | None = None  # when config.toml was first seen without it
    lapsed: bool = False  # it was gone for a day

    def __post_init__(self) -> None:
        require_utc(self.gone_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailed:
    """A story that was mailed to a subscription, as far as later ones are compared with it."""

    seq: int
    title: str
    feed_url: str
    when: datetime  # it was published, as far as is known
    at: datetime  # its mail was made

    def __post_init__(self) -> None:
        require_utc(self.when, self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailing:
    """A digest that brought a story."""

    subscription: str  # its name
    slot: str  # its name
    at: datetime  # it was made
    lead: int | None = None  # the seq of the entry under which it stood, as a copy; None: under its own title

    def __post_init__(self) -> None:
        require_utc(self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """An entry of the same story as an item: it stands under it, with its link."""

    seq: int
    entry: Entry
    feed: str  # the feed's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An entry as a digest shows it."""

    seq: int
    entry: Entry
    feed: str  # the feed's name
    reasons: tuple[Reason, ...]  # the section's own rule first; none when no rule in force matches any more
    copies: tuple[Copy, ...] = ()  # the same story from other sources, or in other words
    score: float = 1.0
    owed: bool = False  # the recipient was to have it before
    lead: bool = False  # one of the best of its section, shown first
    update_of: datetime | None = None  # when the story was mailed, of which this is a later stage or title
    known_since: datetime | None = None  # when this very story was mailed, of which this is one more source

    def __post_init__(self) -> None:
        require_utc(self.update_of, self.known_since)

    @property
    def entries(self) -> dict[int, Entry]:
        """The entries that count as mailed with it, by seq: its own and its copies."""
        return {self.seq: self.entry, **{copy.seq: copy.entry for copy in self.copies}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The items of one rule, or those owed that no rule in force matches."""

    rule: str | None  # its name
    items: tuple[Item, ...]
    more: tuple[Item, ...] = ()  # beyond the budget: title and link only
    known: tuple[Item, ...] = ()  # more sources of what was mailed before: by title as well, and not counted

    @property
    def all_items(self) -> tuple[Item, ...]:
        """Those shown whole, then those shown by title, then the known ones."""
        return self.items + self.more + self.known


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What was watched for a digest: the footer shows it, so that a short digest can be trusted."""

    feeds: tuple[tuple[str, FeedHealth], ...] = ()
    entries: int = 0  # news entries that arrived since the last slot
    silent: tuple[str, ...] = ()  # rules in force without an item in this digest
    excluded_by: tuple[tuple[str, int], ...] = ()  # (word, entries it excluded), most entries first


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What one slot brings to one subscription, or a part of it; to render, not to store."""

    subscription: Subscription
    slot: Slot
    at: datetime  # the instant it is made
    since: datetime | None  # the last slot's instant; None for the first
    sections: tuple[Section, ...] = ()
    watched: Watched = field(default_factory=Watched)
    next_at: datetime | None = None  # the next slot, where there is a schedule
    part: int = 1  # of `parts`: a digest that does not fit one mail goes in several
    parts: int = 1
    total: int = 0  # items in all parts, without the known ones
    left: int = 0  # items beyond the last part: the next digest brings them
    contact: Contact = field(default_factory=Contact)
    fills_hour: bool = False  # no more is sent at once within this hour
    first: timedelta | None = None  # for who is new: it brings what came so long before, too

    def __post_init__(self) -> None:
        require_utc(self.at, self.since, self.next_at)

    @property
    def items(self) -> tuple[Item, ...]:
        """Its items, section by section, the known ones included."""
        return tuple(item for section in self.sections for item in section.all_items)

    @property
    def news(self) -> tuple[Item, ...]:
        """Its items without the known ones: what is counted, and what a mail is made for."""
        return tuple(item for item in self.items if item.known_since is None)
