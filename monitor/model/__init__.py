"""The nouns of what happened, by domain: feeds, rules, digests, mail.

What is wanted (Feed, Rule, Subscription) is declared in config/options.py.
Frozen, slotted, keyword-only; every datetime is aware and UTC, checked where a value is made.
"""

from datetime import UTC, datetime, timedelta


def require_utc(*instants: datetime | None) -> None:
    """Raise ValueError for an instant that is not aware and UTC. None is passed over."""
    for instant in instants:
        # Nearly all of them have this very zone, which is quicker to see than that it is as good.
        if instant is not None and instant.tzinfo is not UTC and instant.utcoffset() != timedelta(0):
            raise ValueError(f"expected an aware UTC datetime, not {instant!r}")
