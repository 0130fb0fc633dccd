"""Read a document in XML, RSS, Atom or RDF, into a RawDocument; the only user of feedparser."""

import html
import re
from datetime import datetime
from io import BytesIO
from typing import Any

import feedparser

from monitor.errors import ParseError
from monitor.feeds.document import mend
from monitor.feeds.items import CAPTION, HEADLINE, raw_document
from monitor.feeds.links import absolute, is_address
from monitor.feeds.raw import (
    RawDocument,
)
from monitor.texts import sentence

# feedparser takes the title and the description of a picture for those of the entry (Media RSS).
_MEDIA_PREFIX = re.compile(r"""\bxmlns:([\w-]{1,30})\s*=\s*["']http://search\.yahoo\.com/mrss/?["']""")
_ROOT = re.compile("<[a-zA-Z][^>]{0,5000}>")
_BASE = re.compile(r"""\bxml:base\s*=\s*(["'])([^"'<>]*)\1""")
_Item = Any  # feedparser's FeedParserDict: any key may be missing, or hold another type than usual


def read_xml(text: str, url: str, now: datetime) -> RawDocument | None:
    """Read the document found at `url`; None for what is no feed. Raises ParseError."""
    xml = _with_absolute_base(_with_media_apart(mend(text).decode()), url).encode()
    document = _parse(xml)
    # An HTML page has no version, a feed without a channel no head; both have no entries.
    if not document.entries and not (document.version and document.feed):
        return None
    return raw_document(
        xml, version=document.version, head=document.feed, items=document.entries, url=url, now=now
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
        rf"<(/?)(?:{'|'.join(map(re.escape, sorted(prefixes)))}):(title|description)\b[^<>]*?(/?)>"
    )
    names = {"title": HEADLINE, "description": CAPTION}
    return tag.sub(lambda found: f"<{found[1]}{names[found[2]]}{found[3]}>", document)


def _parse(document: bytes) -> _Item:
    try:
        # Always a stream of bytes: a str may be taken for a file name or a URL, and opened.
        return feedparser.parse(BytesIO(document), sanitize_html=False, resolve_relative_uris=False)
    # feedparser documents no exceptions of its own: these are what odd documents make of its handlers.
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError) as error:
        what = sentence("the document breaks the parser ({error})", error=type(error).__name__)
        raise ParseError(what) from error
