"""Parse the body of an answer into a ParsedFeed: RSS, Atom or RDF, well-formed or not; the only user of feedparser."""

import html
from calendar import timegm
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import feedparser

from monitor.config.options import Feed
from monitor.errors import ParseError
from monitor.feeds.document import decode, mend
from monitor.feeds.identity import Identity, identify, stories
from monitor.feeds.links import absolute, without_tracking
from monitor.feeds.markup import cut_absurd
from monitor.feeds.raw import RawChannel, RawEntry, SourceReading
from monitor.feeds.sanitize import plain
from monitor.feeds.sources import reader_for
from monitor.feeds.text import clean
from monitor.model.feeds import Entry, ParsedFeed

_MOST_ENTRIES = 1000
_LONGEST_TITLE = 500  # characters
_LONGEST_TEXT = 200_000
_LONGEST_NAME = 100
_MOST_NAMES = 20  # authors, sections
_AHEAD = timedelta(days=1)
_OLDEST = datetime(1990, 1, 1, tzinfo=UTC)

_Item = Any  # feedparser's FeedParserDict: any key may be missing, or hold another type than usual


def parse(body: bytes, *, feed: Feed, now: datetime, content_type: str = "") -> ParsedFeed:
    """Parse a document; entries come in its order, each once, at most 1000 of them, with `first_seen` = now.

    `content_type` is the header's value. Arguments and result can be pickled, so that it can run in another
    process. Raises ParseError for what is no feed.
    """
    if not body.strip():
        raise ParseError("the answer is empty")
    document = _parse_xml(mend(cut_absurd(decode(body, content_type))))
    # An HTML page has no version, a feed without a channel no head; both have no entries.
    if not document.entries and not (document.version and document.feed):
        is_page = b"<html" in body[:5000].lower() or "html" in content_type
        raise ParseError("the answer is a web page, not a feed" if is_page else "the answer is not a feed")
    channel = RawChannel(
        title=_title(document.feed),
        link=absolute(str(document.feed.get("link", "")), feed.url),
        generator=clean(str(document.feed.get("generator", "")))[:_LONGEST_NAME],
    )
    raw_entries = [_raw_entry(item, channel.link or feed.url, now) for item in _newest(document.entries, now)]
    readings = reader_for(channel, raw_entries)(channel, raw_entries, now)
    identities = identify(raw_entries)
    by_address = stories(raw_entries, identities, feed_url=feed.url, home=channel.link)
    entries: dict[str, Entry] = {}
    for raw, identity, reading, story in zip(raw_entries, identities, readings, by_address, strict=True):
        entries.setdefault(identity.id, _entry(raw, identity, reading, story, feed, now))
    return ParsedFeed(
        title=channel.title,
        site_url=channel.link,
        entries=tuple(entries.values()),
        ttl=_minutes(document.feed.get("ttl")),
    )


def _parse_xml(document: bytes) -> _Item:
    try:
        # Always a stream of bytes: a str may be taken for a file name or a URL, and opened.
        return feedparser.parse(BytesIO(document), sanitize_html=False, resolve_relative_uris=False)
    # feedparser documents no exceptions of its own: these are what odd documents make of its handlers.
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError) as error:
        raise ParseError(f"the document breaks the parser ({type(error).__name__})") from error


def _title(item: _Item) -> str:
    detail = item.get("title_detail")
    title = str(item.get("title", ""))
    is_plain = isinstance(detail, dict) and detail.get("type") == "text/plain"
    return (clean(title) if is_plain else plain(title))[:_LONGEST_TITLE]


def _newest(items: list[_Item], now: datetime) -> list[_Item]:
    """Return the newest 1000 items, in their order. A few publishers list the oldest first."""
    if len(items) <= _MOST_ENTRIES:
        return items
    by_date = sorted(range(len(items)), key=lambda place: _published(items[place], now) or now, reverse=True)
    return [items[place] for place in sorted(by_date[:_MOST_ENTRIES])]


def _published(item: _Item, now: datetime) -> datetime | None:
    # Not item.get: feedparser warns whoever asks for a date that another one could stand in for.
    parsed = dict.get(item, "published_parsed") or dict.get(item, "updated_parsed")
    try:
        published = datetime.fromtimestamp(timegm(parsed), UTC) if parsed else None
    except (ValueError, OverflowError, OSError, TypeError):
        return None
    # Dates beyond these are mistakes, as 1970 or the year 1 for "none": an entry must neither stand on top for ever
    # nor be taken for too old to be news.
    return published if published and _OLDEST <= published <= now + _AHEAD else None


def _raw_entry(item: _Item, base: str, now: datetime) -> RawEntry:
    return RawEntry(
        id=str(item.get("id", "")).strip(),
        title=_title(item),
        link=absolute(str(item.get("link", "")), base),
        authors=tuple(_authors(item))[:_MOST_NAMES],
        published=_published(item, now),
        categories=tuple(
            name[:_LONGEST_NAME]
            for tag in _parts(item, "tags")[:_MOST_NAMES]
            if (name := plain(str(tag.get("term") or tag.get("label") or "")))
        ),
        # Where there is only a content, feedparser calls it a summary too.
        summary=_html(item["summary_detail"]) if isinstance(item.get("summary_detail"), dict) else "",
        content=max(map(_html, _parts(item, "content")), key=len, default=""),
    )


def _authors(item: _Item) -> Iterator[str]:
    """Yield the names in the order given: each in an element of its own, or all in one with commas."""
    for author in _parts(item, "authors")[:_MOST_NAMES] or [{"name": item.get("author", "")}]:
        for part in str(author.get("name") or "").replace("，", ",").replace("、", ",").split(","):
            if name := plain(part):
                yield name[:_LONGEST_NAME]


def _parts(item: _Item, key: str) -> list[Mapping[str, Any]]:
    # A foreign element of that name leaves a str there.
    parts = item.get(key)
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _html(part: Mapping[str, Any]) -> str:
    text, kind = str(part.get("value", "")), part.get("type", "text/html")
    if kind == "text/plain":
        return html.escape(text).replace("\n", "<br>")
    return text if kind in ("text/html", "application/xhtml+xml") else ""  # else a picture, or the like


def _entry(
    raw: RawEntry, identity: Identity, reading: SourceReading, story: str, feed: Feed, now: datetime
) -> Entry:
    aliases = dict.fromkeys((*identity.aliases, reading.story))
    return Entry(
        feed_url=feed.url,
        id=identity.id,
        aliases=tuple(alias for alias in aliases if alias and alias != identity.id),
        story=reading.story or story,
        title=raw.title or _first_line(reading.summary or reading.text),
        has_title=bool(raw.title),
        link=without_tracking(raw.link),
        authors=reading.authors,
        published=reading.published,
        sections=reading.sections,
        summary=reading.summary[:_LONGEST_TEXT],
        text=reading.text[:_LONGEST_TEXT],
        original=reading.original,
        first_seen=now,
    )


def _first_line(text: str) -> str:
    """Return a title for an entry that has none, as a short message on a social network."""
    line = text.partition("\n")[0]
    return line if len(line) <= _LONGEST_NAME else f"{line[: _LONGEST_NAME - 1]}…"


def _minutes(ttl: object) -> timedelta | None:
    text = str(ttl or "").strip()
    return timedelta(minutes=int(text)) if text.isdecimal() and len(text) < 7 and int(text) else None
