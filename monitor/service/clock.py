"""The wall clock of the commands and the service; everything below them is given the time."""

from datetime import UTC, datetime


def clock() -> datetime:
    """Return the time now."""
    return datetime.now(UTC)
