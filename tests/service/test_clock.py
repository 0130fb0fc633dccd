import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.service.clock import Clocks, read_clocks
from monitor.service.clock_watch import Reading
from monitor.store.database import Database

YEARS = timedelta(days=10_000)


def wrong() -> Reading:
    """Read the clocks of a machine whose wall clock is wrong by years."""
    reading = read_clocks()
    return replace(reading, wall=reading.wall - YEARS)


def test_all_clocks_are_read_at_one_moment() -> None:
    first, second = read_clocks(), read_clocks()
    assert first.wall.tzinfo is UTC
    assert 0 <= second.boot - first.boot < 1
    assert abs((second.boot - first.boot) - (second.awake - first.awake)) < 0.1
    assert abs(first.awake - time.monotonic()) < 1


@pytest.mark.parametrize("kind", ["postgres"])
async def test_with_a_database_server_its_clock_is_the_clock(db: Database) -> None:
    clocks = await Clocks.of(db, wrong)
    for moment in (clocks.wall(), clocks.settled()):
        assert abs(moment - datetime.now(UTC)) < timedelta(seconds=2)
    assert await clocks.look(db) == (None, timedelta(0))


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_with_a_file_the_machines_clock_is_the_clock(db: Database) -> None:
    clocks = await Clocks.of(db, wrong)
    for moment in (clocks.wall(), clocks.settled()):
        assert abs(moment + YEARS - datetime.now(UTC)) < timedelta(seconds=2)
