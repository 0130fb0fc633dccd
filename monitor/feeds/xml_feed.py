"""Read a document in XML, RSS, Atom or RDF, into a RawDocument; the only user of feedparser."""

import html
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from io import BytesIO
from typing import Any

import feedparser

from monitor.errors import ParseError
from monitor.feeds.dates import newest, published
from monitor.feeds.document import mend
from monitor.feeds.hints import read_hints
from monitor.feeds.links import absolute, is_address
from monitor.feeds.raw import (
    LONGEST_NAME,
    LONGEST_TITLE,
    MOST_ENTRIES,
    MOST_NAMES,
    RawChannel,
    RawDocument,
    RawEntry,
)
from monitor.feeds.sanitize import plain, without_captions
from monitor.feeds.text import clean, escaped

_DATES = ("published", "updated", "created", "prism_publicationdate")  # the first counts
# feedparser takes the title and the description of a picture for those of the entry (Media RSS).
_MEDIA_PREFIX = re.compile(r"""\bxmlns:([\w-]{1,30})\s*=\s*["']http://search\.yahoo\.com/mrss/?["']""")
_CAPTION, _HEADLINE = "mediacaption", "mediaheadline"
_ROOT = re.compile("<[a-zA-Z][^>]{0,5000}>")
_BASE = re.compile(r"""\bxml:base\s*=\s*(["'])([^"'<>]*)\1""")
_MAILBOX = re.compile(
    r"(?:mailto:)?[^\s@()<>]++@[^\s@()<>]++(?:\s*+\(([^()]*)\)|\s++([^()<>@]+))|([^<>@]+?)\s*<[^\s@<>]+@[^\s@<>]+>"
)
_TAG = re.compile("<[a-zA-Z/!]")

_Item = Any  # feedparser's FeedParserDict: any key may be missing, or hold another type than usual


def read_xml(text: str, url: str, now: datetime) -> RawDocument | None:
    """Read the document found at `url`; None for what is no feed. Raises ParseError."""
    xml = _with_absolute_base(_with_media_apart(mend(text).decode()), url).encode()
    document = _parse(xml)
    # An HTML page has no version, a feed without a channel no head; both have no entries.
    if not document.entries and not (document.version and document.feed):
        return None
    head, items = document.feed, document.entries
    channel = RawChannel(
        title=_title(head),
        link=absolute(_channel_link(head), url),
        generator=clean(str(head.get("generator", "")))[:LONGEST_NAME],
    )
    dates = published(
        [_dates(item) for item in items],
        titles=[str(item.get("title", "")) for item in (head, *items)],
        language=str(head.get("language", "")),
        now=now,
    )
    kept = newest(dates, MOST_ENTRIES, now)
    # RFC 4287 section 2; RSS does not say, and has addresses of the site.
    base = url if document.version.startswith("atom") else channel.link or url
    return RawDocument(
        channel=channel,
        entries=tuple(_entry(items[place], base, dates[place].written) for place in kept),
        published=tuple(dates[place].meant for place in kept),
        hints=read_hints(head, xml),
    )


def _with_absolute_base(document: str, url: str) -> str:
    """Return the document with the xml:base of its root made absolute: feedparser joins no other bases to it else."""
    root = _ROOT.search(document)
    base = _BASE.search(root[0]) if root else None
    if (
        root is None
        or base is None
        or is_address(base[2])
        or not (joined := absolute(html.unescape(base[2]), url))
    ):
        return document
    start, end = (root.start() + offset for offset in base.span(2))
    return document[:start] + html.escape(joined) + document[end:]


def _with_media_apart(document: str) -> str:
    """Return the document with media:title and media:description under names of ours."""
    if "media:" not in document and "/mrss" not in document:
        return document
    prefixes = {"media", *_MEDIA_PREFIX.findall(document)}
    tag = re.compile(
        rf"<(/?)(?:{'|'.join(map(re.escape, sorted(prefixes)))}):(title|description)\b[^>]*?(/?)>"
    )
    names = {"title": _HEADLINE, "description": _CAPTION}
    return tag.sub(lambda found: f"<{found[1]}{names[found[2]]}{found[3]}>", document)


def _parse(document: bytes) -> _Item:
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
    return (clean(title) if is_plain else plain(title))[:LONGEST_TITLE]


def _channel_link(head: _Item) -> str:
    return str(head.get("link", "")) or next(_hrefs(head, ("alternate",)), "")


def _dates(item: _Item) -> tuple[str, ...]:
    # Not item.get: feedparser warns whoever asks for a date that another one could stand in for.
    return tuple(text for name in _DATES if isinstance(text := dict.get(item, name), str) and text)


def _entry(item: _Item, base: str, moment: datetime | None) -> RawEntry:
    # Where there is only a content, feedparser calls it a summary too.
    summary = _html(item["summary_detail"]) if isinstance(item.get("summary_detail"), dict) else ""
    content = max(map(_html, _parts(item, "content")), key=len, default="")
    other = str(item.get("encoded") or item.get(_CAPTION) or item.get("subtitle") or "")
    if other and not plain(summary) and not plain(content):
        summary = _as_html(other)
    return RawEntry(
        id=str(item.get("id", "")).strip(),
        title=_title(item)
        or plain(str(item.get("itunes_title") or item.get(_HEADLINE) or ""))[:LONGEST_TITLE],
        link=absolute(_link(item), base),
        authors=tuple(_authors(item))[:MOST_NAMES],
        published=moment,
        categories=tuple(
            name[:LONGEST_NAME]
            for tag in _parts(item, "tags")[:MOST_NAMES]
            if (name := plain(str(tag.get("term") or tag.get("label") or "")))
        ),
        summary=without_captions(summary),
        content=without_captions(content),
    )


def _link(item: _Item) -> str:
    """Return the address of an entry: its link, of another type too, or that of what is attached to it."""
    link, guid = str(item.get("link", "")), str(item.get("id", ""))
    alternates = list(_hrefs(item, ("alternate",)))
    is_from_guid = link == guid and link not in alternates
    if link and not (is_from_guid and not is_address(link)):
        return link
    return next(_hrefs(item, ("alternate", "enclosure")), "")


def _hrefs(item: _Item, relations: tuple[str, ...]) -> Iterator[str]:
    """Yield the addresses of an item's links that have one of the relations, by its order."""
    for relation in relations:
        for link in _parts(item, "links"):
            if link.get("rel") == relation and (href := str(link.get("href") or "")):
                yield href


def _authors(item: _Item) -> Iterator[str]:
    """Yield the names in the order given: each in an element of its own, or all in one with commas."""
    authors = _parts(item, "authors")[:MOST_NAMES]
    mailbox = _MAILBOX.fullmatch(str(dict.get(item, "author") or "")[:1000].strip())
    # RSS has an address with the name behind it; feedparser cuts an address of a newer domain in two.
    if len(authors) == 1 and mailbox:
        authors = [{"name": mailbox[1] or mailbox[2] or mailbox[3]}]
    for author in authors or [{"name": item.get("author", "")}]:
        for part in str(author.get("name") or "").replace("，", ",").replace("、", ",").split(","):
            if name := plain(part):
                yield name[:LONGEST_NAME]


def _parts(item: _Item, key: str) -> list[Mapping[str, Any]]:
    # A foreign element of that name leaves a str there.
    parts = item.get(key)
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _html(part: Mapping[str, Any]) -> str:
    text, kind = str(part.get("value", "")), part.get("type", "text/html")
    if kind == "text/plain":
        return escaped(text)
    return text if kind in ("text/html", "application/xhtml+xml") else ""  # else a picture, or the like


def _as_html(text: str) -> str:
    return text if _TAG.search(text) else escaped(text)
