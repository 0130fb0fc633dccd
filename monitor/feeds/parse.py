"""Parse the body of an answer into a ParsedFeed: RSS, Atom, RDF or JSON Feed, well-formed or not."""

from datetime import datetime

from monitor.config.options import Feed
from monitor.errors import ParseError
from monitor.feeds.document import decode
from monitor.feeds.entries import make_entry, with_dates
from monitor.feeds.identity import identify, stories
from monitor.feeds.json_feed import is_json, read_json
from monitor.feeds.links import feeds_of_page
from monitor.feeds.markup import cut_absurd
from monitor.feeds.raw import RawDocument
from monitor.feeds.sources import reader_for
from monitor.feeds.xml_feed import read_xml
from monitor.model.feeds import Entry, ParsedFeed
from monitor.texts import sentence

_MOST_LINKS = 3


def parse(body: bytes, *, feed: Feed, now: datetime, content_type: str = "", url: str = "") -> ParsedFeed:
    """Parse a document; entries come in its order, each once, at most 1000 of them, with `first_seen` = now.

    `content_type` is the header's value, `url` where the document was in the end, "" for the feed's own address.
    Arguments and result can be pickled, so that it can run in another process. Raises ParseError for what is no feed.
    """
    if not body.strip():
        raise ParseError(sentence("the answer is empty"))
    url, text = url or feed.url, decode(body, content_type)
    document = read_json(text, url, now) if is_json(text) else read_xml(cut_absurd(text), url, now)
    if document is None:
        raise ParseError(_no_feed(text, url, content_type))
    return _parsed(document, feed, now)


def _parsed(document: RawDocument, feed: Feed, now: datetime) -> ParsedFeed:
    # By the date as it is written: a clock that is put right at one visit and not at another makes no new entry.
    identities = identify(document.entries)
    raw_entries = with_dates(document)
    readings = reader_for(document.channel, raw_entries)(document.channel, raw_entries, now)
    by_address = stories(raw_entries, identities, feed_url=feed.url, home=document.channel.link)
    entries: dict[str, Entry] = {}
    for raw, identity, story, reading in zip(raw_entries, identities, by_address, readings, strict=True):
        entries.setdefault(identity.id, make_entry(raw, identity, story, reading, feed, now))
    return ParsedFeed(
        title=document.channel.title,
        site_url=document.channel.link,
        entries=tuple(entries.values()),
        hints=document.hints,
    )


def _no_feed(text: str, url: str, content_type: str) -> str:
    """Return what the answer is in place of a feed; a web page may name the feeds of its site."""
    if "<html" not in text[:5000].lower() and "html" not in content_type:
        return sentence("the answer is not a feed")
    links = feeds_of_page(text, url)[:_MOST_LINKS]
    if not links:
        return sentence("the answer is a web page, not a feed")
    return sentence("the answer is a web page, not a feed. It links to {links}", links=", ".join(links))
