"""What feeds said (Entry, ParsedFeed) and how each feed's last visit went (PollState)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from monitor.model import require_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a feed said, when we first saw it; never changes. Another title makes another edition."""

    feed_url: str
    id: str  # the feed's own id where it has one, else made by feeds/identity.py; unique in its feed
    aliases: tuple[str, ...] = ()  # other names this entry goes by in the same feed
    story: str  # the article itself, whichever feed it came by
    title: str = ""
    has_title: bool = True  # False: the title is the first line of the text, and changes with it; not stored
    link: str = ""  # http(s) or "", without tracking parameters
    authors: tuple[str, ...] = ()
    published: datetime | None = None
    sections: tuple[str, ...] = ()  # every name the section goes by, the one to show first
    summary: str = ""  # plain text
    text: str = ""  # plain text of the body, without boilerplate; "" when the feed has none
    original: str = ""  # link to the article in its first language, or ""
    first_seen: datetime

    def __post_init__(self) -> None:
        require_utc(self.published, self.first_seen)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name it goes by in its feed: its id, and its aliases."""
        return self.id, *self.aliases

    @property
    def section(self) -> str:
        """The section to show, or ""."""
        return self.sections[0] if self.sections else ""

    @property
    def when(self) -> datetime:
        """When it was published, as far as is known."""
        return self.published or self.first_seen


def _as_it_is(entry: Entry) -> Entry:
    return entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """How seldom a feed's document wants to be asked for, in the publisher's opinion."""

    interval: timedelta | None = None  # between two visits: of ttl and sy:updatePeriod the longer one
    skip_hours: frozenset[int] = frozenset()  # 0 to 23, UTC: nothing is published in these
    skip_days: frozenset[int] = frozenset()  # 1 to 7, Monday first, UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFeed:
    """One visit's answer. Entries stand in the feed's order, perhaps without their texts, which `complete` adds."""

    title: str
    site_url: str
    entries: tuple[Entry, ...]
    hints: Hints = Hints()
    complete: Callable[[Entry], Entry] = field(default=_as_it_is, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """How to ask "anything new since?": the server's own strings, opaque, byte for byte.

    Two urls may have the same ones for different documents (RFC 9110 section 8.8.3).
    """

    etag: str = ""
    last_modified: str = ""
    url: str = ""  # whose they are: where the redirects ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often a feed publishes, by the dates of the entries in its document."""

    gap: timedelta  # the mean, between two entries
    entries: int  # with a date, three at least

    @property
    def span(self) -> timedelta:
        """How long an entry stays in the document, at this pace."""
        return self.gap * (self.entries - 1)


class FailureKind(Enum):
    """Why the last poll of a feed failed."""

    NONE = ""
    CONNECTION = "connection"  # no answer: the network, the name or the server was away
    ANSWER = "answer"  # an answer that is no feed
    PARSER = "parser"  # an answer that took a parser more time or memory than a feed may


@dataclass(frozen=True, slots=True, kw_only=True)
class PollState:
    """When one feed is polled next, and how its last polls went. `visited` is None until the first good answer."""

    feed_url: str
    validators: Validators = Validators()
    next_poll_at: datetime
    visited: datetime | None = None  # the last good answer, 304 included
    attempted_at: datetime | None = None  # the last poll, well or not
    failures: int = 0  # in a row
    last_error: str = ""
    failed_by: FailureKind = FailureKind.NONE
    retry_after: datetime | None = None  # before this instant the server does not want to be asked
    title: str = ""
    content_hash: str = ""  # of the last document, and of how it was read
    asks: str = ""  # the adopted address, where it is asked instead of at its url; "" for none
    redirected_to: str = ""  # where permanent redirects ended at the last visits; "" where there were none
    redirects: int = 0  # so many visits in a row
    gone: int = 0  # answers that it is gone (410)
    gone_since: datetime | None = None  # the first of these
    stopped: bool = False  # it is gone, and asked no more
    document_at: datetime | None = None  # the last good answer that was no 304
    changed_at: datetime | None = None  # the last one that brought a new entry
    fresh_until: datetime | None = None  # as long the server calls its last good answer fresh, within bounds
    rhythm: Rhythm | None = None  # None: too few dates to tell
    hints: Hints = Hints()
    failing_since: datetime | None = None  # the first failure after the last good answer
    failing_for: timedelta = timedelta(
        0
    )  # since then, as far as that was no trouble of the network or this machine
    others_at: datetime | None = None  # when another feed had answered last, as of the last failure
    ahead: timedelta | None = (
        None  # the server's clock, of this machine's, at the last answer; None: it did not say
    )

    def __post_init__(self) -> None:
        require_utc(self.next_poll_at, self.visited, self.attempted_at, self.retry_after)
        require_utc(self.document_at, self.changed_at, self.fresh_until, self.gone_since)
        require_utc(self.failing_since, self.others_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """What config.toml says of how a feed is polled; where that is edited, the feed is polled anew."""

    reach: str  # a hash of how it is reached, behind the host and a space; "" before it was registered
    limits: str  # a hash of the options a poll may fail by
    interval: timedelta  # at least, between two visits
    demand: str = ""  # a hash of what moves the visits of a feed with every = "auto"; "" for another


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredFeed:
    """A feed as config.toml had it when the database saw that last."""

    key: str
    url: str
    name: str
    moved_from: str = ""  # the url it had until an edit, while no visit to the new one has succeeded
    visited: datetime | None = None
    ids_change: bool = False  # at each visit: its entries are identified by link and title

    def __post_init__(self) -> None:
        require_utc(self.visited)


class FeedHealth(Enum):
    """How a feed does, in the words of `monitor status`; feeds/health.py decides."""

    OK = "ok"
    FAILING = "failing"
    DEAD = "dead"  # it has failed for a day, and others did not
    GONE = "gone"  # for good, as its server says: it is asked no more
    QUIET = "quiet"  # it answers, and is silent for much longer than usual
    UNVISITED = "not visited yet"
    PAUSED = "paused"  # enabled = false: it is not polled
