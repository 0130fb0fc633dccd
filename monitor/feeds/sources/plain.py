"""A publisher we know nothing about."""

from collections.abc import Sequence
from datetime import datetime

from monitor.feeds.raw import RawChannel, RawEntry, Reading
from monitor.feeds.sanitize import paragraphs

_LONGEST_SUMMARY = 500  # characters; a longer description is the article


def read(_channel: RawChannel, entries: Sequence[RawEntry], _now: datetime) -> list[Reading]:
    """Take each item at its word."""
    return [_reading(entry) for entry in entries]


def _reading(entry: RawEntry) -> Reading:
    summary, text = _text(entry.summary), _text(entry.content)
    if summary == text or not summary or not text:
        # One text alone is an article or a summary by its length, whatever its element is called.
        alone = summary or text
        summary, text = (alone, "") if len(alone) <= _LONGEST_SUMMARY else ("", alone)
    return Reading(
        summary=summary,
        text=text,
        published=entry.published,
        authors=entry.authors,
        sections=tuple(dict.fromkeys(entry.categories)),
    )


def _text(html: str) -> str:
    return "\n".join(paragraphs(html))
