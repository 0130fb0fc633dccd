"""Visit a feed once and report what it has, and what the rules would find in it; nothing is stored.

An address may be that of a web page: the first feed that it links to is visited then.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from monitor.config.options import Feed
from monitor.errors import FeedError, ParseError
from monitor.feeds.document import decode
from monitor.feeds.fetch import Fetch, Fetched
from monitor.feeds.links import feeds_of_page
from monitor.feeds.parser_pool import Parse
from monitor.feeds.rhythm import read_rhythm
from monitor.model.feeds import Entry, ParsedFeed, Rhythm, Validators
from monitor.rules.match import Ruleset, match_entry
from monitor.texts import listed, sentence

_NO_DATE = datetime.min.replace(tzinfo=UTC)
_MOST_LINKS = 10  # of a page


@dataclass(frozen=True, slots=True, kw_only=True)
class TestedEntry:
    """An entry of a feed, and the names of the rules that it matches."""

    __test__ = False  # for pytest

    entry: Entry
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What one visit to a feed has brought."""

    feed: Feed  # at the address where the feed was found
    page: str = ""  # the web page that links to it; "" when it was asked itself
    links: tuple[str, ...] = ()  # the feeds that page links to, this one first
    ended_at: str  # where redirects ended
    moved: bool  # whether they were all permanent
    title: str  # of the feed
    entries: tuple[TestedEntry, ...]  # the newest first
    rhythm: Rhythm | None  # None: too few dates to tell

    @property
    def lasting_url(self) -> str:
        """The address at which the feed is to be asked from now on."""
        return self.ended_at if self.moved else self.feed.url

    @property
    def matched(self) -> tuple[TestedEntry, ...]:
        """The entries that a rule matches."""
        return tuple(tested for tested in self.entries if tested.rules)

    def too_old(self, now: datetime) -> int:
        """Return how many entries are older than the feed's first_visit: these would not be mailed."""
        since = now - self.feed.first_visit
        return sum(tested.entry.when < since for tested in self.entries)


async def visit(feed: Feed, *, fetch: Fetch, parse: Parse, rules: Ruleset, now: datetime) -> Visit:
    """Visit a feed, or the first one that a page links to. Raises FeedError when there is no feed."""
    answer = await _document(feed, fetch)
    try:
        return await _read(feed, answer, parse=parse, rules=rules, now=now)
    except ParseError:
        links = feeds_of_page(decode(answer.body.read(), answer.content_type), answer.url)[:_MOST_LINKS]
        if not links:
            raise
    finally:
        answer.release()
    # Its login and headers are for the host that the operator has named.
    linked = Feed(name=feed.name, url=links[0], proxy=feed.proxy, user_agent=feed.user_agent)
    try:
        linked_answer = await _document(linked, fetch)
        try:
            found = await _read(linked, linked_answer, parse=parse, rules=rules, now=now)
        finally:
            linked_answer.release()
    except FeedError as error:
        raise FeedError(
            sentence(
                "the answer is a web page. It links to {links}; the first of them is no feed: {error}",
                links=listed(links),
                error=error.text,
            )
        ) from error
    return replace(found, page=feed.url, links=tuple(links))


async def _document(feed: Feed, fetch: Fetch) -> Fetched:
    answer = await fetch(feed, Validators())
    assert isinstance(answer, Fetched)  # nothing was asked that a 304 could answer
    return answer


async def _read(feed: Feed, answer: Fetched, *, parse: Parse, rules: Ruleset, now: datetime) -> Visit:
    parsed = await parse(
        answer.body,
        feed=feed,
        now=now,
        content_type=answer.content_type,
        url=answer.url,
        suspect=False,
    )
    return Visit(
        feed=feed,
        ended_at=answer.url,
        moved=answer.moved_permanently,
        title=parsed.title,
        entries=await asyncio.to_thread(_tested, parsed, rules),
        rhythm=read_rhythm(entry.published for entry in parsed.entries),
    )


def _tested(parsed: ParsedFeed, rules: Ruleset) -> tuple[TestedEntry, ...]:
    names = {fingerprint: name for name, fingerprint in rules.fingerprints.items()}
    entries = sorted(parsed.entries, key=lambda entry: entry.published or _NO_DATE, reverse=True)
    return tuple(
        TestedEntry(entry=entry, rules=tuple(names[match.fingerprint] for match in match_entry(entry, rules)))
        for entry in map(parsed.complete, entries)
    )
