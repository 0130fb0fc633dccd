"""The clocks of the commands and the service; everything below them is given the time."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from monitor.service.clock_watch import ClockWatch, Reading, Step

if TYPE_CHECKING:  # a command that asks for the time alone opens no database
    from monitor.store.database import Database

_AT_ONE_MOMENT = 0.05  # seconds within which all clocks are read
_LONGEST_ANSWER = 1.0  # seconds: a database server that takes longer has not told the time
_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux alone counts the time asleep apart


def clock() -> datetime:
    """Return the time now."""
    return datetime.now(UTC)


def read_clocks() -> Reading:
    """Read the clocks of this machine."""
    tries_left = 5
    while True:
        boot = time.clock_gettime(_BOOT)
        reading = Reading(wall=clock(), awake=time.monotonic(), boot=boot)
        tries_left -= 1
        # Where the process was stopped in between, they differ by a step that never was.
        if time.clock_gettime(_BOOT) - boot < _AT_ONE_MOMENT or not tries_left:
            return reading


class Clocks:
    """The time of all that work on one database: this machine's for a file, the server's for PostgreSQL.

    `wall` follows the wall clock at once, `settled` only when a step of it has stood (see `clock_watch`).
    """

    def __init__(self, read: Callable[[], Reading] = read_clocks) -> None:
        self._read = read
        self._server_at_boot: datetime | None = None  # the server's time when this machine's `boot` was 0
        self._watch = ClockWatch(read())

    @classmethod
    async def of(cls, db: "Database", read: Callable[[], Reading] = read_clocks) -> "Clocks":
        """Return the clocks for a database. Raises StoreError."""
        clocks = cls(read)
        await clocks._ask_server(db)
        clocks.trust_wall()
        return clocks

    def trust_wall(self) -> None:
        """Use the wall clock as it is now: another clock has confirmed it."""
        self._watch = ClockWatch(self._now())

    def wall(self) -> datetime:
        """Return the time by the wall clock."""
        return self._now().wall

    def settled(self) -> datetime:
        """Return the time by the wall clock, without a step that does not stand yet."""
        return self._watch.settled(self._now())

    def awake(self) -> float:
        """Return for how many seconds the machine has been awake."""
        return self._read().awake

    async def look(self, db: "Database") -> tuple[Step | None, timedelta]:
        """Return the step of the wall clock that there is, and how long the machine was asleep since the last look.

        To be called about every second. Raises StoreError.
        """
        await self._ask_server(db)
        reading = self._now()
        slept = self._watch.slept(reading)
        return self._watch.observe(reading), slept

    def _now(self) -> Reading:
        reading = self._read()
        if self._server_at_boot is None:
            return reading
        return replace(reading, wall=self._server_at_boot + timedelta(seconds=reading.boot))

    async def _ask_server(self, db: "Database") -> None:
        before = self._read().boot
        server_time = await db.server_time()
        after = self._read().boot
        if server_time is not None and (after - before <= _LONGEST_ANSWER or self._server_at_boot is None):
            self._server_at_boot = server_time - timedelta(seconds=(before + after) / 2)
