from dataclasses import dataclass
from datetime import timedelta

import pytest

from monitor.service.clock_watch import ClockWatch, Reading, Step, Trust, trust_in
from tests.make import NOW

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
SLACK = 10 * SECOND


@dataclass
class Machine:
    """A machine whose clocks run as real ones do."""

    elapsed: float = 0  # seconds, those asleep included
    asleep: float = 0  # seconds of them
    shift: timedelta = timedelta(0)  # of the wall clock

    def read(self) -> Reading:
        return Reading(
            wall=NOW + timedelta(seconds=self.elapsed) + self.shift,
            awake=5000 + self.elapsed - self.asleep,
            boot=7000 + self.elapsed,
        )

    def passes(self, watch: ClockWatch, seconds: int) -> list[Step]:
        """Let seconds pass with a look in each; return the steps that were seen."""
        steps = []
        for _ in range(seconds):
            self.elapsed += 1
            if step := watch.observe(self.read()):
                steps.append(step)
        return steps


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def watch(machine: Machine) -> ClockWatch:
    return ClockWatch(machine.read())


@pytest.mark.parametrize("by", [HOUR, -HOUR, 30 * DAY, -20000 * DAY, timedelta(minutes=1), -3 * SECOND])
def test_a_step_is_used_once_it_has_stood_for_15_seconds(
    machine: Machine, watch: ClockWatch, by: timedelta
) -> None:
    machine.passes(watch, 10)
    machine.shift = by
    steps = machine.passes(watch, 15)
    assert [(step.by, step.stands) for step in steps] == [(by, False)] * 15
    assert [step.standing for step in steps] == [place * SECOND for place in range(15)]
    assert watch.settled(machine.read()) == machine.read().wall - by, "as if it had not been set"
    assert machine.passes(watch, 1) == [Step(by=by, standing=15 * SECOND)]
    assert watch.settled(machine.read()) == machine.read().wall
    assert machine.passes(watch, 60) == [], "it is told once"


def test_a_clock_that_is_wrong_for_a_moment_is_never_used(machine: Machine, watch: ClockWatch) -> None:
    for _ in range(5):
        machine.shift = DAY
        assert not any(step.stands for step in machine.passes(watch, 14))
        machine.shift = timedelta(0)
        assert machine.passes(watch, 2) == []
    assert watch.settled(machine.read()) == machine.read().wall


def test_a_clock_that_is_set_again_and_again_has_to_stand_from_the_last_time(
    machine: Machine, watch: ClockWatch
) -> None:
    for hours in range(1, 5):
        machine.shift = hours * HOUR
        assert not any(step.stands for step in machine.passes(watch, 14))
    assert machine.passes(watch, 2)[-1] == Step(by=4 * HOUR, standing=15 * SECOND)


def test_a_step_between_two_looks_is_not_used_either(machine: Machine, watch: ClockWatch) -> None:
    machine.shift = -HOUR
    assert watch.settled(machine.read()) == NOW


def test_what_a_clock_is_slewed_by_is_followed_at_once(machine: Machine, watch: ClockWatch) -> None:
    for _ in range(3600):
        machine.shift += timedelta(milliseconds=0.5)
        assert machine.passes(watch, 1) == []
        assert watch.settled(machine.read()) == machine.read().wall
    machine.shift -= SECOND  # a leap second
    assert watch.settled(machine.read()) == machine.read().wall
    assert machine.passes(watch, 1) == []


def test_sleep_is_no_step(machine: Machine, watch: ClockWatch) -> None:
    machine.elapsed += 3 * 86400
    machine.asleep += 3 * 86400
    assert watch.slept(machine.read()) == 3 * DAY
    assert watch.settled(machine.read()) == machine.read().wall
    assert machine.passes(watch, 5) == []
    assert watch.slept(machine.read()) == timedelta(0)


def test_a_step_does_not_stand_while_the_machine_sleeps(machine: Machine, watch: ClockWatch) -> None:
    machine.shift = DAY
    machine.passes(watch, 5)
    machine.elapsed += 60
    machine.asleep += 60
    assert not any(step.stands for step in machine.passes(watch, 10))
    assert machine.passes(watch, 1)[-1].stands


@pytest.mark.parametrize(
    ("behind", "trust"),
    [
        (-DAY, Trust.BELIEVED),
        (SLACK, Trust.BELIEVED),
        (SLACK + SECOND, Trust.DOUBTED),
        (DAY, Trust.DOUBTED),
        (DAY + SECOND, Trust.BEHIND),
        (20000 * DAY, Trust.BEHIND),
    ],
)
def test_at_a_start_a_clock_is_believed_as_far_as_it_agrees_with_what_is_stored(
    behind: timedelta, trust: Trust
) -> None:
    assert trust_in(NOW, NOW + behind, slack=SLACK) is trust


def test_an_empty_database_says_nothing_about_the_clock() -> None:
    assert trust_in(NOW, None, slack=SLACK) is Trust.BELIEVED
