"""Make entries of what a document says of its items."""

from dataclasses import replace
from datetime import datetime

from monitor.config.options import Feed
from monitor.feeds.identity import Identity
from monitor.feeds.links import without_tracking
from monitor.feeds.raw import RawDocument, RawEntry, SourceReading
from monitor.model.feeds import Entry

_LONGEST_TEXT = 200_000  # characters
_LONGEST_FIRST_LINE = 100


def with_dates(document: RawDocument) -> list[RawEntry]:
    """Return the entries with the dates that are meant."""
    return [
        raw if raw.published == moment else replace(raw, published=moment)
        for raw, moment in zip(document.entries, document.published, strict=True)
    ]


def make_entry(
    raw: RawEntry, identity: Identity, story: str, reading: SourceReading, feed: Feed, now: datetime
) -> Entry:
    """Return the entry of an item, as its publisher's module has read it; `first_seen` is `now`.

    `story` is that of its address; a publisher may know better.
    """
    aliases = dict.fromkeys((*identity.aliases, reading.story))
    return Entry(
        feed_url=feed.url,
        id=identity.id,
        aliases=tuple(alias for alias in aliases if alias and alias != identity.id),
        story=reading.story or story,
        title=raw.title or _first_line(reading.summary or reading.text),
        has_title=bool(raw.title),
        link=without_tracking(raw.link),
        authors=reading.authors,
        # A date ahead of us, by a wrong clock or zone, would stand above all others.
        published=min(reading.published, now) if reading.published else None,
        sections=reading.sections,
        summary=reading.summary[:_LONGEST_TEXT],
        text=reading.text[:_LONGEST_TEXT],
        original=reading.original,
        first_seen=now,
    )


def with_texts(entry: Entry, reading: SourceReading) -> Entry:
    """Return an entry that was made of an outline with the texts of its item."""
    return replace(
        entry,
        title=entry.title or _first_line(reading.summary or reading.text),
        summary=reading.summary[:_LONGEST_TEXT],
        text=reading.text[:_LONGEST_TEXT],
    )


def _first_line(text: str) -> str:
    """Return a title for an entry that has none, as a short message on a social network."""
    line = text.partition("\n")[0]
    return line if len(line) <= _LONGEST_FIRST_LINE else f"{line[: _LONGEST_FIRST_LINE - 1]}…"
