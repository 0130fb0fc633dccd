"""Read the items of a publisher we know nothing about: each as the feed has it."""

from collections.abc import Sequence
from datetime import datetime

from monitor.feeds.raw import RawChannel, RawEntry, SourceReading
from monitor.feeds.sanitize import paragraphs

_LONGEST_SUMMARY = 500  # characters; a longer description is the article


def read_entries(_channel: RawChannel, entries: Sequence[RawEntry], _now: datetime) -> list[SourceReading]:
    """Return each item's texts, date, authors and sections, unchanged but for the markup."""
    return [read_entry(entry) for entry in entries]


def outline(entry: RawEntry) -> SourceReading:
    """Return what an item says but for its texts: they take the most time."""
    return _reading(entry, "", "")


def read_entry(entry: RawEntry) -> SourceReading:
    """Return what an item says."""
    summary, text = _text(entry.summary), _text(entry.content)
    if summary == text or not summary or not text:
        # A single text is an article or a summary by its length, whatever its element is called.
        single = summary or text
        summary, text = (single, "") if len(single) <= _LONGEST_SUMMARY else ("", single)
    return _reading(entry, summary, text)


def _reading(entry: RawEntry, summary: str, text: str) -> SourceReading:
    sections = tuple(dict.fromkeys(entry.categories))
    return SourceReading(
        summary=summary, text=text, published=entry.published, authors=entry.authors, sections=sections
    )


def _text(html: str) -> str:
    return "\n".join(paragraphs(html))
