"""A publisher we know nothing about."""

from collections.abc import Sequence
from datetime import datetime

from monitor.feeds.raw import RawChannel, RawEntry, Reading
from monitor.feeds.sanitize import Page

_LONGEST_SUMMARY = 500  # characters; a longer description is the article


def read(_channel: RawChannel, entries: Sequence[RawEntry], _now: datetime) -> list[Reading]:
    """Take each item at its word."""
    return [_reading(entry) for entry in entries]


def _reading(entry: RawEntry) -> Reading:
    summary = "\n".join(Page(entry.summary).paragraphs())
    text = "\n".join(Page(entry.content).paragraphs()) if entry.content else ""
    if summary == text or len(summary) > _LONGEST_SUMMARY:
        summary, text = "", text or summary
    if not summary and len(text) <= _LONGEST_SUMMARY:
        summary, text = text, ""
    return Reading(
        summary=summary, text=text, published=entry.published, sections=tuple(dict.fromkeys(entry.categories))
    )
