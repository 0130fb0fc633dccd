"""The clock ticks; duties look for what is due."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler

Duty = Callable[[], Awaitable[None]]


def start_ticking(duties: Mapping[str, tuple[Duty, timedelta]]) -> Callable[[], None]:
    """Call each duty at its interval in the running loop, the first time at once; returns what stops it.

    A duty that takes longer than its interval is called again when it has ended, once. After a sleep of
    the machine it is called once, not for each interval slept through.
    """
    # APScheduler's own defaults drop a run that comes a second late and start a second one beside the first.
    scheduler = AsyncIOScheduler(
        timezone="UTC",
        executors={"default": AsyncIOExecutor()},
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
    )
    for name, (duty, every) in duties.items():
        scheduler.add_job(duty, "interval", seconds=every.total_seconds(), id=name, name=name)
    scheduler.start()
    # wait=True would cancel running coroutines; who stops the clock has to let duties end first.
    return lambda: scheduler.shutdown(wait=False)
