"""Compute when a mail that could not be handed over is tried again."""

from collections.abc import Sequence
from datetime import datetime, timedelta

_SPREAD = 0.1  # of the wait, to either side
_MOST_DOUBLINGS = 10  # of the pause after an uncertain attempt; the mail expires long before


def next_attempt(attempts: int, *, schedule: Sequence[timedelta], now: datetime, jitter: float) -> datetime:
    """Return the instant of the next try after `attempts` (1, 2, ...) have failed.

    `schedule` holds the wait after the first failure, the second, and so on; the last one repeats
    (RFC 5321 4.5.4.1 wants it to grow). `jitter` in [0, 1) moves the wait by up to 10 % either way, so that
    mails put off together do not come back together.
    """
    wait = schedule[min(max(attempts, 1), len(schedule)) - 1]
    return now + wait * (1 - _SPREAD + 2 * _SPREAD * jitter)


def next_uncertain_attempt(uncertain: int, *, pause: timedelta, now: datetime) -> datetime:
    """Return the instant of the next try after an attempt that may have delivered the mail (RFC 1047).

    `pause` is the wait after the first such attempt; each of the `uncertain` ones before this doubles it, so that
    a server that loses every reply gets few copies.
    """
    factor: int = 2 ** min(uncertain, _MOST_DOUBLINGS)
    return now + factor * pause
