"""Call the due work at its intervals (APScheduler), whatever is done to the wall clock."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

Tick = Callable[[], Awaitable[None]]

_WATCH = 0.5  # seconds between two looks of the watchdog
_OVERDUE = 0.5  # seconds beyond its interval after which a tick has been missed
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def start_ticking(ticks: Mapping[str, tuple[Tick, timedelta]]) -> Callable[[], None]:
    """Call each tick at its interval in the running loop, first after one interval; return the function that stops it.

    A tick that takes longer than its interval is called again when it has ended, once. After a sleep of the machine it
    is called once, not for each interval slept through. A clock that is set back delays no tick by more than a second.
    """
    # APScheduler's own defaults drop a run that comes a second late and start a second one beside the first.
    scheduler = AsyncIOScheduler(
        timezone="UTC",
        executors={"default": AsyncIOExecutor()},
        # Of two instances the second returns at once: APScheduler's own limit warns at each time that it holds.
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 2},
    )
    watched = {name: _WatchedTick(tick, interval) for name, (tick, interval) in ticks.items()}
    for name, tick in watched.items():
        scheduler.add_job(tick.call, _Interval(tick.interval), id=name, name=name)
    scheduler.start()
    watchdog = asyncio.create_task(_watch(scheduler, watched))

    def stop() -> None:
        watchdog.cancel()
        scheduler.shutdown(wait=False)  # cancels what it has called: see _WatchedTick.call

    return stop


async def _watch(scheduler: AsyncIOScheduler, watched: Mapping[str, "_WatchedTick"]) -> None:
    """Call each tick that has been missed: its time has gone out of reach, because the wall clock was set back."""
    while True:
        await asyncio.sleep(_WATCH)
        for name, tick in watched.items():
            if tick.is_overdue():
                scheduler.modify_job(name, next_run_time=_LONG_AGO)


class _Interval(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Fire an interval after now. APScheduler's own counts from the last time, and lists each one missed since."""

    def __init__(self, interval: timedelta) -> None:
        self._interval = interval

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        return now + self._interval


class _WatchedTick:
    """A tick that knows, by the loop's monotonic clock, whether APScheduler's wall clock has held it back."""

    def __init__(self, tick: Tick, interval: timedelta) -> None:
        self.interval = interval
        self._tick = tick
        self._loop = asyncio.get_running_loop()
        self._ended_at: float | None = self._loop.time()  # None while it runs

    def is_overdue(self) -> bool:
        limit = self.interval.total_seconds() + _OVERDUE
        return self._ended_at is not None and self._loop.time() - self._ended_at > limit

    async def call(self) -> None:
        if self._ended_at is None:
            return  # it is still running
        self._ended_at = None
        running = asyncio.ensure_future(self._tick())
        try:
            # APScheduler cancels what it has called when it is shut down. The tick itself ends in its own time.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(running)
        finally:
            self._ended_at = self._loop.time()
