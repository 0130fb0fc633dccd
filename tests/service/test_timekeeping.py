"""The clock of a service: how it starts, and what its steps do to what is stored."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from monitor import log
from monitor.config.options import Config, Feed
from monitor.errors import ClockError
from monitor.jobs.lapse import lapse
from monitor.model.feeds import PollState
from monitor.model.notices import NoticeKind
from monitor.service.clock import Clocks
from monitor.service.clock_watch import Reading
from monitor.service.timekeeping import Timekeeping, believe_clock
from monitor.store import feeds, notices, recipients, subscriptions
from monitor.store.database import Database
from tests import make
from tests.make import NOW
from tests.store.rows import put

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CONFIG = Config(feeds=(make.feed(),))


@dataclass
class Machine:
    """A machine whose clocks are set by the test; a database server of its own is not asked."""

    elapsed: float = 0
    asleep: float = 0
    shift: timedelta = timedelta(0)

    def read(self) -> Reading:
        return Reading(
            wall=NOW + self.shift + timedelta(seconds=self.elapsed),
            awake=self.elapsed - self.asleep,
            boot=self.elapsed,
        )


@pytest.fixture
def kind() -> str:
    return "sqlite"  # the machine's own clock counts


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
async def time(machine: Machine, db: Database) -> Timekeeping:
    return Timekeeping(await Clocks.of(db, machine.read), db)


async def look(time: Timekeeping, machine: Machine, seconds: int) -> None:
    for _ in range(seconds):
        machine.elapsed += 1
        await time.look(CONFIG)


async def poll_at(db: Database, moment: datetime) -> None:
    """Let the feed have been polled at a moment, and wait for an hour."""
    state = PollState(
        feed_url=CONFIG.feeds[0].url, next_poll_at=moment + HOUR, visited=moment, attempted_at=moment
    )
    await db.write(put, state)


async def next_poll(db: Database) -> datetime:
    (state,) = await db.read(feeds.states)
    return state.next_poll_at


def doubted(time: Timekeeping) -> bool:
    return time.is_doubted


async def ask_nobody(_feed: Feed) -> datetime | None:
    raise AssertionError("nobody is to be asked")


@contextmanager
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    log.start()
    yield lambda: capsys.readouterr().err
    log.stop()


async def test_a_clock_set_back_repairs_what_lies_ahead_once_it_has_stood(
    time: Timekeeping, machine: Machine, db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    await db.write(subscriptions.sync, ["AI 日报"], NOW)
    with logged(capsys) as lines:
        machine.shift = -2 * DAY
        await look(time, machine, 15)
        (state,) = await db.read(subscriptions.states)
        assert state.created_at == NOW
        assert time.clocks.settled() == NOW + timedelta(seconds=15)
        await look(time, machine, 1)
        (state,) = await db.read(subscriptions.states)
        assert state.created_at == time.clocks.settled() == NOW - 2 * DAY + timedelta(seconds=16)
        await look(time, machine, 5)
        said = lines()
    assert said.count("clock-set by=-172800s used_after=15s") == 1
    assert said.count("clock-stepped by=-172800s") == 1


async def test_a_feed_polled_while_the_clock_was_ahead_for_a_moment_is_due_at_once(
    time: Timekeeping, machine: Machine, db: Database
) -> None:
    machine.shift = DAY
    await look(time, machine, 3)
    await poll_at(db, time.clocks.wall())
    machine.shift = timedelta(0)
    await look(time, machine, 5)
    assert await next_poll(db) <= time.clocks.wall()


async def test_what_another_process_has_written_ahead_is_repaired_within_seconds(
    time: Timekeeping, machine: Machine, db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    await poll_at(db, NOW + 3 * DAY)
    with logged(capsys) as lines:
        await look(time, machine, 5)
        assert "clock-repaired feeds=1 mails=0 servers=0 slots=0" in lines()
    assert await next_poll(db) <= time.clocks.wall()


async def test_while_a_step_does_not_stand_only_feeds_are_repaired(
    time: Timekeeping, machine: Machine, db: Database
) -> None:
    machine.shift = -HOUR
    await db.write(subscriptions.sync, ["AI 日报"], NOW)
    await poll_at(db, NOW)
    await look(time, machine, 10)
    assert await next_poll(db) <= time.clocks.wall()
    (state,) = await db.read(subscriptions.states)
    assert state.created_at == NOW


async def test_a_sleep_of_the_machine_is_named(
    time: Timekeeping, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    with logged(capsys) as lines:
        machine.elapsed += 30_000
        machine.asleep += 30_000
        await look(time, machine, 3)
        said = lines()
    assert said.count("woke slept=30000s") == 1
    assert "clock-set" not in said


async def test_a_sleep_of_the_machine_is_no_part_of_the_day_within_which_a_torn_file_can_be_mended(
    time: Timekeeping, machine: Machine, db: Database
) -> None:
    await db.write(recipients.add_left, "s", ["ann@example.org"], NOW)
    machine.elapsed += 2 * 86_400
    machine.asleep += 2 * 86_400
    await look(time, machine, 1)
    assert await lapse(db=db, now=time.clocks.settled()) is None
    machine.elapsed += 86_400
    assert await lapse(db=db, now=time.clocks.settled())


# --- at a start -----------------------------------------------------------------------------------


async def test_a_clock_that_agrees_with_what_is_stored_is_believed(
    time: Timekeeping, machine: Machine, db: Database
) -> None:
    assert await time.is_believed(CONFIG, ask=ask_nobody), "nothing is stored"
    await poll_at(db, NOW + timedelta(seconds=9))
    assert await time.is_believed(CONFIG, ask=ask_nobody)
    assert not doubted(time)


async def test_a_clock_up_to_a_day_behind_composes_nothing_before_it_has_stood(
    time: Timekeeping, machine: Machine, db: Database
) -> None:
    await poll_at(db, NOW + HOUR)
    await db.write(subscriptions.sync, ["AI 日报"], NOW + HOUR)
    assert await time.is_believed(CONFIG, ask=ask_nobody)
    await look(time, machine, 14)
    assert doubted(time)
    assert await next_poll(db) <= time.clocks.wall(), "feeds are polled meanwhile"
    await look(time, machine, 1)
    assert not doubted(time)
    (state,) = await db.read(subscriptions.states)
    assert state.created_at == time.clocks.settled()


async def test_a_clock_up_to_a_day_behind_that_is_put_right_repairs_nothing(
    time: Timekeeping, machine: Machine, db: Database
) -> None:
    await db.write(subscriptions.sync, ["AI 日报"], NOW + timedelta(seconds=14))
    await poll_at(db, NOW + timedelta(seconds=14))
    assert await time.is_believed(CONFIG, ask=ask_nobody)
    await look(time, machine, 1)
    assert doubted(time), "also when the feed's own instant is put right"
    await look(time, machine, 3)
    assert not doubted(time)
    (state,) = await db.read(subscriptions.states)
    assert state.created_at == NOW + timedelta(seconds=14)


async def test_a_clock_days_behind_waits_until_it_has_caught_up_and_the_operator_is_told(
    time: Timekeeping, machine: Machine, db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    await poll_at(db, NOW + 9000 * DAY)
    asked = []

    async def ask(feed: Feed) -> datetime | None:
        asked.append(feed)
        return NOW + 9000 * DAY

    with logged(capsys) as lines:
        for _ in range(10):
            assert not await time.is_believed(CONFIG, ask=ask)
            machine.elapsed += 1
        (trouble,) = await db.read(notices.open_troubles)
        assert trouble.trouble.kind is NoticeKind.CLOCK_BEHIND
        assert (
            lines().count("clock-behind now=2026-11-24T00:00:00+00:00 stored=2051-07-16T00:00:00+00:00") == 1
        )
        assert len(asked) == 1, "servers are asked again after a while only"
        machine.shift = 9000 * DAY + HOUR

        async def ask_again(_feed: Feed) -> datetime | None:
            return None

        for _ in range(15):
            assert not await time.is_believed(CONFIG, ask=ask_again)
            machine.elapsed += 1
        assert await time.is_believed(CONFIG, ask=ask_again)
        assert "clock-believed" in lines()
    assert not doubted(time)
    assert await db.read(notices.open_troubles) == []
    assert await next_poll(db) == NOW + 9000 * DAY + HOUR, "what is stored is right"


async def test_a_clock_days_behind_that_servers_confirm_is_right_and_what_is_stored_is_repaired(
    time: Timekeeping, machine: Machine, db: Database
) -> None:
    await poll_at(db, NOW + 30 * DAY)

    async def ask(_feed: Feed) -> datetime | None:
        return time.clocks.wall()

    assert await time.is_believed(CONFIG, ask=ask)
    assert not doubted(time)
    assert await next_poll(db) == NOW


async def test_a_clock_that_is_put_right_at_the_start_is_believed_at_once_where_servers_confirm_it(
    time: Timekeeping, machine: Machine, db: Database
) -> None:
    await poll_at(db, NOW + 9000 * DAY)

    async def ask(_feed: Feed) -> datetime | None:
        return NOW + 9000 * DAY

    assert not await time.is_believed(CONFIG, ask=ask)
    machine.shift = 9000 * DAY
    assert await time.is_believed(CONFIG, ask=ask)
    assert time.clocks.settled() == NOW + 9000 * DAY


async def test_servers_that_take_long_to_answer_hold_up_nothing(
    time: Timekeeping, machine: Machine, db: Database
) -> None:
    await poll_at(db, NOW + 30 * DAY)
    answer: asyncio.Future[datetime] = asyncio.get_running_loop().create_future()

    async def ask(_feed: Feed) -> datetime | None:
        return await answer

    started = asyncio.get_running_loop().time()
    assert not await time.is_believed(CONFIG, ask=ask)
    assert not await time.is_believed(CONFIG, ask=ask)
    assert asyncio.get_running_loop().time() - started < 5
    answer.set_result(NOW)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await time.is_believed(CONFIG, ask=ask)


async def test_a_command_believes_a_clock_by_what_is_stored_alone(machine: Machine, db: Database) -> None:
    clocks = await Clocks.of(db, machine.read)
    await poll_at(db, NOW + DAY)
    await believe_clock(CONFIG, db=db, clocks=clocks, ask=ask_nobody)
    assert await next_poll(db) == NOW

    async def ask(_feed: Feed) -> datetime | None:
        return None if machine.shift else NOW

    await poll_at(db, NOW + 30 * DAY)
    machine.shift = timedelta(seconds=1)
    with pytest.raises(ClockError, match=r"the clock says 2026-11-24T00:00:01.* happened 2026-12-24T"):
        await believe_clock(CONFIG, db=db, clocks=clocks, ask=ask)
    assert await next_poll(db) == NOW + 30 * DAY + HOUR
    machine.shift = timedelta(0)
    await believe_clock(CONFIG, db=db, clocks=clocks, ask=ask)
    assert await next_poll(db) == NOW


async def test_what_waits_for_longer_than_it_may_is_due_within_five_minutes(
    time: Timekeeping, machine: Machine, db: Database
) -> None:
    state = PollState(feed_url=CONFIG.feeds[0].url, next_poll_at=NOW + 30 * DAY, visited=NOW - DAY)
    await db.write(put, state)
    await look(time, machine, 299)
    assert await next_poll(db) == NOW + 30 * DAY
    await look(time, machine, 1)
    assert await next_poll(db) <= time.clocks.wall()
