"""Call the due work at its intervals (APScheduler)."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler

Tick = Callable[[], Awaitable[None]]


def start_ticking(ticks: Mapping[str, tuple[Tick, timedelta]]) -> Callable[[], None]:
    """Call each tick at its interval in the running loop, the first time at once; return the function that stops it.

    A tick that takes longer than its interval is called again when it has ended, once. After a sleep of the machine it
    is called once, not for each interval slept through.
    """
    # APScheduler's own defaults drop a run that comes a second late and start a second one beside the first.
    scheduler = AsyncIOScheduler(
        timezone="UTC",
        executors={"default": AsyncIOExecutor()},
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
    )
    for name, (tick, interval) in ticks.items():
        scheduler.add_job(tick, "interval", seconds=interval.total_seconds(), id=name, name=name)
    scheduler.start()
    # wait=True would cancel running coroutines; whoever stops the ticks lets the running ones end first.
    return lambda: scheduler.shutdown(wait=False)
