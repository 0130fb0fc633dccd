"""Declare what a document says as it stands (RawDocument), and what a source reads from it (SourceReading)."""

from dataclasses import dataclass
from datetime import datetime

from monitor.model.feeds import Hints

MOST_ENTRIES = 1000  # of a document
LONGEST_TITLE = 500  # characters
LONGEST_NAME = 100
MOST_NAMES = 20  # authors, sections


@dataclass(frozen=True, slots=True, kw_only=True)
class RawChannel:
    """The head of a document."""

    title: str  # plain, one line
    link: str  # absolute, http(s) or ""
    generator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RawEntry:
    """One item, its HTML not yet sanitized."""

    id: str  # surrounding white space taken off; "" without one
    title: str  # plain, one line
    link: str  # absolute, http(s) or "", as the feed has it
    authors: tuple[str, ...]
    published: datetime | None  # UTC, as the feed has it
    categories: tuple[str, ...]
    summary: str  # HTML
    content: str  # HTML; "" when the feed has only a summary


@dataclass(frozen=True, slots=True, kw_only=True)
class RawDocument:
    """A document, whatever its format."""

    channel: RawChannel
    entries: tuple[RawEntry, ...]
    published: tuple[
        datetime | None, ...
    ]  # of each entry, with the clock of a feed that calls Beijing's GMT put right
    hints: Hints


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReading:
    """One item as the module of its publisher reads it."""

    summary: str  # plain text
    text: str  # plain text, a paragraph a line
    published: datetime | None
    authors: tuple[str, ...]
    sections: tuple[str, ...]
    original: str = ""  # link to the article in its first language
    story: str = ""  # the article itself, whichever feed it came by; "" when that is unknown
