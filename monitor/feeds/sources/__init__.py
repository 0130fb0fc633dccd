"""Declare what is known about single publishers, and recognise which of them made a document."""

from collections.abc import Callable, Sequence
from datetime import datetime

from monitor.feeds.raw import RawChannel, RawEntry, Reading
from monitor.feeds.sources import nyt_chinese, plain

Read = Callable[[RawChannel, Sequence[RawEntry], datetime], list[Reading]]


def reader_for(channel: RawChannel, entries: Sequence[RawEntry]) -> Read:
    """The reader of the publisher the document shows; it is not asked where the document came from."""
    return nyt_chinese.read if nyt_chinese.made(channel, entries) else plain.read
