"""Ticks under a wall clock that is set: APScheduler's own `datetime` is replaced, and real milliseconds pass."""

import asyncio
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from apscheduler.schedulers import base

from monitor.service.ticker import start_ticking

_INTERVAL = timedelta(milliseconds=20)


class WallClock:
    """What APScheduler takes for the time: the machine's, shifted."""

    def __init__(self) -> None:
        self.shift = timedelta(0)

    def now(self, tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) + self.shift


@pytest.fixture
def wall_clock(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    clock = WallClock()
    monkeypatch.setattr(base, "datetime", clock)
    return clock


class Ticked:
    """Counts the calls of a tick."""

    def __init__(self) -> None:
        self.calls = 0
        self._called = asyncio.Event()

    async def __call__(self) -> None:
        self.calls += 1
        self._called.set()

    async def more(self, calls: int = 2) -> None:
        """Wait for so many further calls."""
        for _ in range(calls):
            self._called.clear()
            await asyncio.wait_for(self._called.wait(), 2)


@contextmanager
def ticking(tick: Ticked) -> Iterator[None]:
    stop = start_ticking({"tick": (tick, _INTERVAL)})
    try:
        yield
    finally:
        stop()


@pytest.mark.parametrize("back", [timedelta(minutes=1), timedelta(hours=1), timedelta(days=20000)])
async def test_a_clock_set_back_holds_no_tick_back(wall_clock: WallClock, back: timedelta) -> None:
    tick = Ticked()
    with ticking(tick):
        await tick.more()
        wall_clock.shift = -back
        await tick.more()


async def test_a_clock_put_forward_calls_a_tick_once_and_lists_no_missed_runs(wall_clock: WallClock) -> None:
    wall_clock.shift = datetime(1970, 1, 2, tzinfo=UTC) - datetime.now(UTC)
    tick = Ticked()
    with ticking(tick):
        await tick.more()
        calls = tick.calls
        tracemalloc.start()
        wall_clock.shift = timedelta(0)
        await tick.more(1)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert tick.calls <= calls + 2
        assert peak < 1_000_000
        await tick.more()


async def test_a_clock_that_was_a_day_ahead_for_a_moment_stops_no_tick(wall_clock: WallClock) -> None:
    tick = Ticked()
    with ticking(tick):
        for shift in (timedelta(days=1), timedelta(0)):
            wall_clock.shift = shift
            await tick.more()


async def test_a_tick_that_takes_long_is_not_called_again_beside_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    running, most, calls = 0, 0, 0
    ended = asyncio.Event()

    async def slow() -> None:
        nonlocal running, most, calls
        running += 1
        most, calls = max(most, running), calls + 1
        await asyncio.sleep(0.05)
        running -= 1
        if calls == 3:
            ended.set()

    stop = start_ticking({"tick": (slow, timedelta(milliseconds=10))})
    await asyncio.wait_for(ended.wait(), 5)
    stop()
    assert most == 1
    assert caplog.text == ""


async def test_after_the_stop_no_tick_is_called() -> None:
    tick = Ticked()
    with ticking(tick):
        await tick.more()
    await asyncio.sleep(0)
    calls = tick.calls
    await asyncio.sleep(3 * _INTERVAL.total_seconds())
    assert tick.calls == calls


async def test_a_tick_that_fails_is_called_again(caplog: pytest.LogCaptureFixture) -> None:
    calls = 0
    twice = asyncio.Event()

    async def failing() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            twice.set()
        raise ValueError("a mistake")

    stop = start_ticking({"tick": (failing, _INTERVAL)})
    await asyncio.wait_for(twice.wait(), 5)
    stop()
    assert "a mistake" in caplog.text


async def test_a_tick_that_runs_when_the_ticks_are_stopped_ends_by_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        begun.set()
        await go_on.wait()
        ended.set()

    stop = start_ticking({"tick": (slow, timedelta(milliseconds=10))})
    await asyncio.wait_for(begun.wait(), 5)
    stop()
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.wait_for(ended.wait(), 5)
    await asyncio.sleep(0)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
