"""Declare the answers about feeds: feeds list, test, add, remove, pause, resume, import."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from monitor.masking import mask
from monitor.queries.answers.config import EditAnswer
from monitor.queries.answers.status import FeedStatus

if TYPE_CHECKING:
    from monitor.config.options import Feed
    from monitor.queries.visit import TestedEntry, Visit

_NEWEST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFeed:
    """A feed of config.toml."""

    feed: str  # its name
    url: str  # its address, secrets in it masked
    state: str  # as in status; "" where the database cannot be read
    every: str  # how often it is polled, as in status
    visited: datetime | None  # its last good answer; null for none, and where the database cannot be read
    next: datetime | None  # its next visit; null where there is none, and where the database cannot be read

    @classmethod
    def of(cls, feed: Feed, every: str, status: FeedStatus | None) -> ListedFeed:
        """Return a feed with what the database knows; None where that cannot be read."""
        return cls(
            feed=feed.name,
            url=mask(feed.url),
            state=status.state.value if status else "" if feed.enabled else "paused",
            every=status.every if status else every,
            visited=status.visited if status else None,
            next=status.next if status else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEntry:
    """An entry of a feed that was tested."""

    title: str  # its title, else its id
    link: str  # its address; "" for none
    published: datetime | None  # null without a date
    rules: tuple[str, ...]  # the names of the rules that it matches

    @classmethod
    def of(cls, tested: TestedEntry) -> FoundEntry:
        """Return an entry of a visit."""
        entry = tested.entry
        return cls(
            title=entry.title or entry.id, link=entry.link, published=entry.published, rules=tested.rules
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedTestAnswer:
    """What one visit to a feed has brought; nothing of it is stored."""

    ok: bool  # false: there is no feed
    url: str  # where the feed was asked, secrets masked
    error: str = ""  # why there is no feed
    page: str = ""  # the web page that links to it; "" when the feed was asked itself
    links: tuple[str, ...] = ()  # the feeds that the page links to; the first was tested
    moved_to: str = ""  # where permanent redirects lead; "" without
    title: str = ""  # of the feed
    entries: int = 0  # in its document
    too_old: int = 0  # of these older than first_visit: remembered, and not mailed
    matched: int = 0  # that a rule matches
    by_rule: dict[str, int] | None = None  # how many match which rule; null without a feed
    newest: tuple[FoundEntry, ...] = ()  # the newest five

    @classmethod
    def of(cls, visit: Visit, now: datetime) -> FeedTestAnswer:
        """Return what a visit has brought."""
        counts: dict[str, int] = {}
        for tested in visit.matched:
            for rule in tested.rules:
                counts[rule] = counts.get(rule, 0) + 1
        return cls(
            ok=True,
            url=mask(visit.feed.url),
            page=mask(visit.page),
            links=tuple(map(mask, visit.links)),
            moved_to=mask(visit.ended_at) if visit.moved else "",
            title=visit.title,
            entries=len(visit.entries),
            too_old=visit.too_old(now),
            matched=len(visit.matched),
            by_rule=counts,
            newest=tuple(map(FoundEntry.of, visit.entries[:_NEWEST])),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEditAnswer(EditAnswer):
    """A change of a feed in config.toml."""

    feed: str  # its name


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedAddAnswer(FeedEditAnswer):
    """A feed more in config.toml."""

    url: str  # where it will be asked, secrets masked
    tested: FeedTestAnswer  # what the visit before has brought


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedOutline:
    """A feed of an OPML file that was not taken."""

    line: int  # in that file, from 1
    url: str  # its address there, secrets masked
    reason: str  # why it was not taken


@dataclass(frozen=True, slots=True, kw_only=True)
class OpmlAnswer(EditAnswer):
    """The feeds of an OPML file in config.toml."""

    feeds: tuple[str, ...]  # the names of those that were added
    skipped: tuple[SkippedOutline, ...]  # those that were not
