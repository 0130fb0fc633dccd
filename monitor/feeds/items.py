"""Read the items that a parser of XML found, in feedparser's words, into a RawDocument."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from monitor.feeds.dates import newest, published
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

# The names under which a document has the title and the description of a picture (Media RSS).
CAPTION, HEADLINE = "mediacaption", "mediaheadline"

_DATES = ("published", "updated", "created", "prism_publicationdate")  # the first counts
_MAILBOX = re.compile(
    r"(?:mailto:)?[^\s@()<>]++@[^\s@()<>]++(?:\s*+\(([^()]*)\)|\s++([^()<>@]+))|([^<>@]+?)\s*<[^\s@<>]+@[^\s@<>]+>"
)
_TAG = re.compile("<[a-zA-Z/!]")

# A dict, plain or of feedparser: any key may be missing, or hold another type than usual.
Item = Any


def raw_document(
    xml: bytes, *, version: str, head: Item, items: Sequence[Item], url: str, now: datetime
) -> RawDocument:
    """Return the document `xml` found at `url` by its version (rss20, atom10, ...), its head and its items."""
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
    base = url if version.startswith("atom") else channel.link or url
    return RawDocument(
        channel=channel,
        entries=tuple(_entry(items[place], base, dates[place].written) for place in kept),
        published=tuple(dates[place].meant for place in kept),
        hints=read_hints(head, xml),
    )


def _title(item: Item) -> str:
    detail = item.get("title_detail")
    title = str(item.get("title", ""))
    is_plain = isinstance(detail, dict) and detail.get("type") == "text/plain"
    return (clean(title) if is_plain else plain(title))[:LONGEST_TITLE]


def _channel_link(head: Item) -> str:
    return str(head.get("link", "")) or next(_hrefs(head, ("alternate",)), "")


def _dates(item: Item) -> tuple[str, ...]:
    # Not item.get: feedparser warns whoever asks for a date that another one could stand in for.
    return tuple(text for name in _DATES if isinstance(text := dict.get(item, name), str) and text)


def _entry(item: Item, base: str, moment: datetime | None) -> RawEntry:
    # Where there is only a content, feedparser calls it a summary too.
    summary = _html(item["summary_detail"]) if isinstance(item.get("summary_detail"), dict) else ""
    content = max(map(_html, _parts(item, "content")), key=len, default="")
    other = str(item.get("encoded") or item.get(CAPTION) or item.get("subtitle") or "")
    if other and not plain(summary) and not plain(content):
        summary = _as_html(other)
    return RawEntry(
        id=str(item.get("id", "")).strip(),
        title=_title(item)
        or plain(str(item.get("itunes_title") or item.get(HEADLINE) or ""))[:LONGEST_TITLE],
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


def _link(item: Item) -> str:
    """Return the address of an entry: its link, of another type too, or that of what is attached to it."""
    link, guid = str(item.get("link", "")), str(item.get("id", ""))
    alternates = list(_hrefs(item, ("alternate",)))
    is_from_guid = link == guid and link not in alternates
    if link and not (is_from_guid and not is_address(link)):
        return link
    return next(_hrefs(item, ("alternate", "enclosure")), "")


def _hrefs(item: Item, relations: tuple[str, ...]) -> Iterator[str]:
    """Yield the addresses of an item's links that have one of the relations, by its order."""
    for relation in relations:
        for link in _parts(item, "links"):
            if link.get("rel") == relation and (href := str(link.get("href") or "")):
                yield href


def _authors(item: Item) -> Iterator[str]:
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


def _parts(item: Item, key: str) -> list[Mapping[str, Any]]:
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
