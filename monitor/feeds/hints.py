"""Read what a document says of how seldom to ask for it: ttl, sy:updatePeriod, skipHours, skipDays (RSS 2.0, RSS 1.0).

These are hints: whatever is no number, no day, or out of bounds is ignored.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

from monitor.model.feeds import Hints

_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LONGEST = 2000  # characters: more than the longest list of hours or days
_VALUE = re.compile(rb"<(?:hour|day)>\s{0,20}(\w{1,9})\s{0,20}</")


def read_hints(channel: Mapping[str, object], document: bytes) -> Hints:
    """Return the hints of a document, given as feedparser's channel and as bytes.

    feedparser keeps only the last of several hours or days.
    """
    ttl = timedelta(minutes=_number(channel.get("ttl")))
    intervals = [span for span in (ttl, _update_interval(channel)) if span]
    days = (text.lower() for text in _listed(document, b"skipDays"))
    return Hints(
        interval=max(intervals, default=None),
        skip_hours=frozenset(
            int(text) % 24 for text in _listed(document, b"skipHours") if text.isdecimal() and int(text) <= 24
        ),
        skip_days=frozenset(_DAYS.index(day) + 1 for day in days if day in _DAYS),
    )


def _update_interval(channel: Mapping[str, object]) -> timedelta:
    period = _PERIODS.get(str(channel.get("sy_updateperiod") or "").strip().lower(), timedelta(0))
    return period / (_number(channel.get("sy_updatefrequency")) or 1)


def _number(value: object) -> int:
    """Return a number of up to six digits; 0 for anything else."""
    text = str(value or "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0


def _listed(document: bytes, element: bytes) -> Iterator[str]:
    start = document.find(b"<" + element + b">")
    if start < 0:
        return
    end = document.find(b"</" + element + b">", start, start + _LONGEST)
    for value in _VALUE.finditer(document, start, max(start, end)):
        yield value[1].decode("ascii", "replace")
