"""Read a JSON Feed, version 1.0 or 1.1, into a RawDocument."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from monitor.errors import ParseError
from monitor.feeds.dates import newest, published
from monitor.feeds.links import absolute
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
from monitor.model.feeds import Hints
from monitor.texts import sentence

_Object = Mapping[str, Any]  # any key may be missing, or hold another type than the specification says


def is_json(text: str) -> bool:
    """Return whether a document is an object in JSON, in place of XML."""
    return text.lstrip("\ufeff \t\r\n").startswith("{")


def read_json(text: str, url: str, now: datetime) -> RawDocument | None:
    """Read the document found at `url`; None for an object that is no feed. Raises ParseError for broken JSON."""
    try:
        document = json.loads(text.lstrip("\ufeff"), strict=False)
    except (ValueError, RecursionError) as error:
        why = clean(str(error))[:100]
        raise ParseError(sentence("the answer is broken JSON ({why})", why=why)) from None
    if not isinstance(document.get("items"), list):
        return None
    items = [item for item in document["items"] if isinstance(item, dict)]
    channel = RawChannel(
        title=_text(document, "title")[:LONGEST_TITLE],
        link=absolute(_text(document, "home_page_url"), url),
        generator="",
    )
    dates = published(
        [(_text(item, "date_published"), _text(item, "date_modified")) for item in items],
        titles=[_text(item, "title") for item in (document, *items)],
        language=_text(document, "language"),
        now=now,
    )
    kept = newest(dates, MOST_ENTRIES, now)
    return RawDocument(
        channel=channel,
        entries=tuple(_entry(items[place], document, url, dates[place].written) for place in kept),
        published=tuple(dates[place].meant for place in kept),
        hints=Hints(),  # JSON Feed has none
    )


def _entry(item: _Object, document: _Object, url: str, moment: datetime | None) -> RawEntry:
    authors = list(_authors(item)) or list(_authors(document))
    attachments = [part for part in _list(item, "attachments") if isinstance(part, dict)]
    link = _text(item, "url") or _text(item, "external_url")
    return RawEntry(
        id=_text(item, "id"),
        title=plain(_text(item, "title"))[:LONGEST_TITLE],
        link=absolute(link or next((_text(part, "url") for part in attachments), ""), url),
        authors=tuple(authors[:MOST_NAMES]),
        published=moment,
        categories=tuple(
            clean(tag)[:LONGEST_NAME]
            for tag in _list(item, "tags")[:MOST_NAMES]
            if isinstance(tag, str) and clean(tag)
        ),
        summary=escaped(_text(item, "summary")),
        content=without_captions(_text(item, "content_html")) or escaped(_text(item, "content_text")),
    )


def _authors(part: _Object) -> Iterator[str]:
    """Yield the names of the authors: of 1.1, and the one of 1.0."""
    for author in [*_list(part, "authors"), part.get("author")]:
        name = author.get("name") if isinstance(author, dict) else author
        if isinstance(name, str) and clean(name):
            yield clean(name)[:LONGEST_NAME]


def _list(part: _Object, key: str) -> list[Any]:
    value = part.get(key)
    return value if isinstance(value, list) else []


def _text(part: _Object, key: str) -> str:
    """Return a value as text; a number, which some write for an id or a date, too."""
    value = part.get(key)
    is_text = isinstance(value, str | int | float) and not isinstance(value, bool)
    return str(value).strip() if is_text else ""
