"""Bytes become a ParsedFeed."""

import codecs
import re
from calendar import timegm
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import feedparser

from monitor.errors import ParseError
from monitor.feeds.identity import Identity, identify
from monitor.feeds.links import absolute, without_tracking
from monitor.feeds.raw import RawChannel, RawEntry, Reading
from monitor.feeds.sanitize import clean, plain
from monitor.feeds.sources import reader_for
from monitor.model import Entry, Feed, ParsedFeed

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_DECLARED = re.compile(rb"<\?xml[^>]*\sencoding\s*=", re.IGNORECASE)
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

_MOST_ENTRIES = 1000
_LONGEST_TITLE = 500  # characters
_LONGEST_TEXT = 200_000  # characters
_MOST_NAMES = 20  # authors, sections
_AHEAD = timedelta(days=1)  # a date further in the future is a mistake, and would stand on top for ever


def parse(body: bytes, *, feed: Feed, now: datetime, content_type: str = "") -> ParsedFeed:
    """Read a document: RSS, Atom or RDF, also one that is not well-formed.

    `content_type` is the header's value. Entries come in the document's order, each once, with `first_seen` = now.
    Raises ParseError when it is no feed.
    """
    if not body.strip():
        raise ParseError("the answer is empty")
    document = _read(body, feed.url, content_type)
    if not document.version and not document.entries:
        page = b"<html" in body[:5000].lower() or "html" in content_type
        raise ParseError("the answer is a web page, not a feed" if page else "the answer is not a feed")
    channel = RawChannel(
        title=plain(str(document.feed.get("title", "")))[:_LONGEST_TITLE],
        link=absolute(str(document.feed.get("link", "")), feed.url),
        generator=clean(str(document.feed.get("generator", ""))),
    )
    raw = [_raw(item, feed.url, now) for item in document.entries[:_MOST_ENTRIES]]
    readings = reader_for(channel, raw)(channel, raw, now)
    entries: dict[str, Entry] = {}
    for entry in _entries(feed, now, zip(raw, identify(raw), readings, strict=True)):
        entries.setdefault(entry.id, entry)
    return ParsedFeed(
        title=channel.title,
        site_url=channel.link,
        entries=tuple(entries.values()),
        ttl=_minutes(document.feed.get("ttl")),
    )


def _read(body: bytes, url: str, content_type: str) -> Any:
    headers = {"content-location": url, "content-type": _trusted(content_type, body)}
    try:
        # Always a stream of bytes: a str may be taken for a file name or a URL, and opened.
        return feedparser.parse(
            BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )
    # What feedparser lets through of its own and of the codecs: &#xD800; in a title, broken declarations.
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError) as error:
        raise ParseError(f"the document breaks the parser ({type(error).__name__})") from error


def _trusted(content_type: str, body: bytes) -> str:
    """The Content-Type to read by. Servers are wrong about the charset more often than documents are about theirs.

    Without one at all feedparser would take ISO-8859-1 (RFC 2616), so the media type is always that of XML.
    """
    charset = _CHARSET.search(content_type)
    if charset is None or _DECLARED.match(body[:200].lstrip()) or body.startswith(_MARKS):
        return "application/xml"
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return f"application/xml; charset={charset[1]}"
    return "application/xml"


def _raw(item: Any, base: str, now: datetime) -> RawEntry:
    title = str(item.get("title", ""))
    detail = item.get("title_detail") or {}
    literal = detail.get("type") == "text/plain" and "<" not in title and "&" not in title
    contents = [str(part.get("value", "")) for part in item.get("content", ()) if "value" in part]
    return RawEntry(
        id=clean(str(item.get("id", ""))) and str(item.get("id", "")).strip(),
        title=(clean(title) if literal else plain(title))[:_LONGEST_TITLE],
        link=absolute(str(item.get("link", "")), base),
        authors=tuple(_authors(item))[:_MOST_NAMES],
        published=_instant(item, now),
        categories=tuple(
            name
            for tag in item.get("tags", ())[:_MOST_NAMES]
            if (name := plain(str(tag.get("term") or ""))[:100])
        ),
        summary=str(item.get("summary", "")),
        content=max(contents, key=len, default=""),
    )


def _authors(item: Any) -> Iterator[str]:
    for author in item.get("authors", ())[:_MOST_NAMES] or [{"name": item.get("author", "")}]:
        for name in str(author.get("name") or "").replace("，", ",").split(","):
            if name := plain(name)[:100]:
                yield name


def _instant(item: Any, now: datetime) -> datetime | None:
    parsed = item.get("published_parsed") or item.get("updated_parsed")
    try:
        found = datetime.fromtimestamp(timegm(parsed), UTC) if parsed else None
    except (ValueError, OverflowError, OSError, TypeError):
        return None
    return found if found is None or found <= now + _AHEAD else None


def _entries(
    feed: Feed, now: datetime, found: Iterable[tuple[RawEntry, Identity, Reading]]
) -> Iterator[Entry]:
    for raw, identity, reading in found:
        aliases = (*identity.aliases, *([reading.story] if reading.story else []))
        yield Entry(
            feed_url=feed.url,
            id=identity.id,
            aliases=tuple(alias for alias in dict.fromkeys(aliases) if alias != identity.id),
            story=reading.story or f"{feed.url} {identity.id}",
            title=raw.title,
            link=without_tracking(raw.link),
            authors=raw.authors,
            published=reading.published,
            sections=reading.sections,
            summary=reading.summary[:_LONGEST_TEXT],
            text=reading.text[:_LONGEST_TEXT],
            original=reading.original,
            first_seen=now,
        )


def _minutes(ttl: object) -> timedelta | None:
    text = str(ttl or "").strip()
    return timedelta(minutes=int(text)) if text.isdecimal() and 0 < int(text[:9]) < 10**6 else None
