"""Read the feeds of an OPML file, and write feeds as one (OPML 2.0)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from monitor.config.options import Feed
from monitor.editing.setup import mistake_in
from monitor.errors import MonitorError
from monitor.feeds.document import decode
from monitor.feeds.text import clean
from monitor.texts import sentence

LARGEST = 20_000_000  # bytes of a file
_MOST_FEEDS = 20_000
_DEEPEST = 200  # elements inside each other
_LONGEST = 2000  # characters of an address
_DECLARATION = re.compile(r"^\s*<\?xml\b[^>]{0,200}?\?>")
_STRAY_AMPERSAND = re.compile(r"&(?!(?:#\d{1,8}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][\w.-]{0,30});)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A feed in an OPML file."""

    line: int  # in that file, from 1
    title: str  # "" without one
    url: str  # as it stands there
    is_good: bool  # whether config.toml takes it


def read_opml(body: bytes) -> tuple[Outline, ...]:
    """Return the feeds of an OPML file in their order, however deep their folders. Raises MonitorError.

    An address with & instead of &amp; is understood. A file that declares entities is refused: nothing is expanded.
    """
    if len(body) > LARGEST:
        raise MonitorError(
            sentence("this is no OPML: it is larger than {limit} MB", limit=LARGEST // 1_000_000)
        )
    reader = _Reader()
    text = _STRAY_AMPERSAND.sub("&amp;", _DECLARATION.sub("", decode(body, "").lstrip("\ufeff")))
    try:
        reader.parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        reason = expat.errors.messages[error.code]
        raise MonitorError(
            sentence("this is no OPML: line {line}: {reason}", line=error.lineno, reason=reason)
        ) from None
    return tuple(reader.outlines)


class _Reader:
    """Collects the outlines of a document while it is parsed."""

    def __init__(self) -> None:
        self.outlines: list[Outline] = []
        self._depth = 0
        self.parser = expat.ParserCreate("utf-8")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.EntityDeclHandler = self._entity

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2].lower()
        if self._depth == 0 and name != "opml":
            raise MonitorError(sentence("this is no OPML: it begins with <{name}>", name=clean(name)[:40]))
        self._depth += 1
        if self._depth > _DEEPEST:
            raise MonitorError(sentence("this is no OPML that can be read: its outlines are too deep"))
        values = {key.lower(): value for key, value in attributes.items()} if name == "outline" else {}
        url = values.get("xmlurl", "").strip()
        if not url:
            return
        if len(self.outlines) >= _MOST_FEEDS:
            raise MonitorError(sentence("this OPML has more than {count} feeds", count=_MOST_FEEDS))
        title = clean(values.get("title", "")) or clean(values.get("text", ""))
        good = (
            url.isprintable() and " " not in url and len(url) <= _LONGEST and not mistake_in(Feed, "url", url)
        )
        self.outlines.append(Outline(line=self.parser.CurrentLineNumber, title=title, url=url, is_good=good))

    def _end(self, _name: str) -> None:
        self._depth -= 1

    def _entity(self, *_: object) -> None:
        raise MonitorError(
            sentence("this OPML declares entities of its own, which no list of feeds needs: refused")
        )


def as_opml(feeds: Iterable[Feed], title: str) -> str:
    """Return feeds as OPML, with the addresses as they are, logins in them included."""
    return "\n".join(_lines(tuple(feeds), title)) + "\n"


def _lines(feeds: Sequence[Feed], title: str) -> Iterable[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield '<opml version="2.0">'
    yield f"  <head><title>{quoteattr(title)[1:-1]}</title></head>"
    yield "  <body>"
    for feed in feeds:
        name, url = quoteattr(feed.name), quoteattr(feed.url)
        yield f'    <outline type="rss" text={name} title={name} xmlUrl={url}/>'
    yield "  </body>"
    yield "</opml>"
