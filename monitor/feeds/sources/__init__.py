"""Choose what reads the items of a document: the module of their publisher, or the plain one for all others."""

from collections.abc import Callable, Sequence
from datetime import datetime

from monitor.feeds.raw import RawChannel, RawEntry, SourceReading
from monitor.feeds.sources import nyt_chinese, plain

# From the head of a document, its items, and the time now.
SourceReader = Callable[[RawChannel, Sequence[RawEntry], datetime], list[SourceReading]]


def reader_for(channel: RawChannel, entries: Sequence[RawEntry]) -> SourceReader:
    """Return the reader for the publisher the document shows; where it was fetched from does not count."""
    return nyt_chinese.read_entries if nyt_chinese.is_publisher(channel, entries) else plain.read_entries
