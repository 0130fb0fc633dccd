"""Parse a plain document within this process, as `parse` would, but for the texts of its entries."""

from datetime import datetime

from monitor.config.options import Feed
from monitor.feeds.entries import make_entry, with_dates, with_texts
from monitor.feeds.identity import identify, stories
from monitor.feeds.raw import RawEntry
from monitor.feeds.sources import plain, reader_for
from monitor.feeds.strict_feed import read_strict
from monitor.model.feeds import Entry, ParsedFeed


def parse_plain(
    body: bytes, *, feed: Feed, now: datetime, content_type: str = "", url: str = ""
) -> ParsedFeed | None:
    """Parse a document as `parse` does, quickly and within this process; None for one that is not plain enough.

    Its entries have no texts yet: `complete` of the result adds them to one that is wanted.
    """
    document = read_strict(body, content_type, url or feed.url, now)
    if document is None:
        return None
    raw_entries = with_dates(document)
    if reader_for(document.channel, raw_entries) is not plain.read_entries:
        return None
    identities = identify(document.entries)
    by_address = stories(raw_entries, identities, feed_url=feed.url, home=document.channel.link)
    outlines: dict[str, Entry] = {}
    items: dict[str, RawEntry] = {}
    for raw, identity, story in zip(raw_entries, identities, by_address, strict=True):
        if identity.id not in outlines:
            outlines[identity.id] = make_entry(raw, identity, story, plain.outline(raw), feed, now)
            items[identity.id] = raw

    def complete(entry: Entry) -> Entry:
        return with_texts(entry, plain.read_entry(items[entry.id]))

    return ParsedFeed(
        title=document.channel.title,
        site_url=document.channel.link,
        entries=tuple(outlines.values()),
        hints=document.hints,
        complete=complete,
    )
