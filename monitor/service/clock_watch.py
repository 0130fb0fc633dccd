"""Detect from readings of a machine's clocks that the wall clock was set, and how long it has stood so.

A wall clock that is wrong for a moment (a radio, a hypervisor, an operator's slip) must decide nothing that cannot be
taken back: a step of it is used once it has stood for 15 seconds during which the machine was awake.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from monitor.model import require_utc

STANDS_AFTER = timedelta(seconds=15)
_NO_STEP = timedelta(
    seconds=2
)  # a slew, a leap second, a slow reading: such a difference is followed at once
_NO_SLEEP = timedelta(seconds=2)
_BEHIND = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All clocks of a machine at one moment: the time of day, and the seconds since it was started."""

    wall: datetime
    awake: float  # seconds it was awake: CLOCK_MONOTONIC
    boot: float  # seconds, those asleep included: CLOCK_BOOTTIME

    def __post_init__(self) -> None:
        require_utc(self.wall)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The wall clock was set: by how much (negative: back), and for how long it has stood so, asleep not counted."""

    by: timedelta
    standing: timedelta

    @property
    def stands(self) -> bool:
        """Whether the step is used."""
        return self.standing >= STANDS_AFTER


class Trust(Enum):
    """How far the clock can be believed at a start, when no reading of before is known."""

    BELIEVED = "believed"  # nothing that is stored happened after it
    DOUBTED = "doubted"  # up to a day behind what is stored: believed when it has stood like a step
    BEHIND = "behind"  # more than a day: not believed before it has caught up, or other clocks agree


def trust_in(now: datetime, newest: datetime | None, *, slack: timedelta) -> Trust:
    """Return how far a clock can be believed, by the latest instant that is stored; None: nothing is.

    A difference up to `slack` is none.
    """
    if newest is None or newest - now <= slack:
        return Trust.BELIEVED
    return Trust.DOUBTED if newest - now <= _BEHIND else Trust.BEHIND


class ClockWatch:
    """What time it is by the wall clock as it was before a step that does not stand yet."""

    def __init__(self, first: Reading) -> None:
        self._known = first  # the wall clock is right as far as this reading says
        self._latest = first
        self._step: timedelta | None = None  # that does not stand yet
        self._since = 0.0  # when it was first seen, in seconds awake

    def settled(self, reading: Reading) -> datetime:
        """Return the time by the wall clock, or as it would be without a step that does not stand yet."""
        return reading.wall if abs(self._difference(reading)) <= _NO_STEP else self._reckoned(reading)

    def observe(self, reading: Reading) -> Step | None:
        """Take up a reading; call it about every second. Return the step there is; one that stands is returned once."""
        self._latest = reading
        by = self._difference(reading)
        if abs(by) <= _NO_STEP:
            self._known, self._step = reading, None
            return None
        if self._step is None or abs(by - self._step) > _NO_STEP:
            self._step, self._since = by, reading.awake
        step = Step(by=by, standing=timedelta(seconds=reading.awake - self._since))
        if step.stands:
            self._known, self._step = reading, None
        return step

    def slept(self, reading: Reading) -> timedelta:
        """Return for how long the machine was asleep since the last reading that was taken up; 0 for a moment."""
        asleep = timedelta(seconds=(reading.boot - self._latest.boot) - (reading.awake - self._latest.awake))
        return asleep if asleep > _NO_SLEEP else timedelta(0)

    def _reckoned(self, reading: Reading) -> datetime:
        return self._known.wall + timedelta(seconds=reading.boot - self._known.boot)

    def _difference(self, reading: Reading) -> timedelta:
        return reading.wall - self._reckoned(reading)
