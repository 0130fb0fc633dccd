from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.feeds.health import DEAD_AFTER, count_failure, health_of, may_be_quiet, usual_silence
from monitor.model.feeds import FailureKind, FeedHealth, PollState
from tests.make import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FEED = PollState(feed_url="https://feed.example.org/rss", next_poll_at=NOW, visited=NOW, changed_at=NOW)


def failed(
    before: PollState,
    hours: float,
    *,
    others: float | None,
    is_alone: bool = False,
    by: FailureKind = FailureKind.ANSWER,
    retry_after: datetime | None = None,
) -> PollState:
    """The state after a visit so many hours from NOW that failed, when another feed had answered after `others`."""
    now = NOW + hours * HOUR
    after = replace(
        before,
        attempted_at=now,
        next_poll_at=now + 12 * HOUR,
        failures=before.failures + 1,
        failed_by=by,
        retry_after=retry_after,
    )
    answered = None if others is None else NOW + others * HOUR
    return count_failure(before, after, others=answered, is_alone=is_alone)


def failed_at(
    *hours: float, others: float | None = 0.0, is_alone: bool = False, by: FailureKind = FailureKind.ANSWER
) -> PollState:
    """The state after failures at these hours; another feed answered at each of them, so much before."""
    state = FEED
    for hour in hours:
        answered = None if others is None else hour - others
        state = failed(state, hour, others=answered, is_alone=is_alone, by=by)
    return state


def test_a_feed_that_fails_for_a_day_while_others_answer_is_dead() -> None:
    assert health_of(failed_at(0)) is FeedHealth.FAILING
    assert health_of(failed_at(0, 1, 12, 23)) is FeedHealth.FAILING
    state = failed_at(0, 1, 12, 23, 25)
    assert health_of(state) is FeedHealth.DEAD
    assert (state.failing_since, state.failing_for) == (NOW, 25 * HOUR)


def test_a_feed_that_fails_while_no_other_one_answers_is_not_dead() -> None:
    state = FEED
    for hour in range(0, 72, 6):
        state = failed(state, hour, others=-1)
    assert state.failing_for == timedelta(0)
    assert health_of(state) is FeedHealth.FAILING


def test_a_feed_is_not_dead_where_no_feed_has_ever_answered() -> None:
    assert failed_at(0, 12, 24, 36, others=None).failing_for == timedelta(0)


def test_three_days_without_a_network_make_no_day_once_the_others_answer_again() -> None:
    state = failed(FEED, 0, others=-1, by=FailureKind.CONNECTION)
    for half_hour in range(1, 144):
        state = failed(state, half_hour / 2, others=-1, by=FailureKind.CONNECTION)
    state = failed(state, 72, others=71.99, by=FailureKind.CONNECTION)
    assert state.failing_for < HOUR, "it begins when others answer"
    assert health_of(state) is FeedHealth.FAILING


def test_days_on_which_the_machine_was_off_are_no_days_of_failing() -> None:
    state = failed(failed_at(0, 1), 100, others=99.9)
    assert state.failing_for == 17 * HOUR, "one hour, and what slow feeds are away at most"
    assert health_of(state) is FeedHealth.FAILING


def test_a_clock_that_was_set_back_adds_no_time() -> None:
    state = failed(failed_at(0, 1), -50, others=-51)
    assert state.failing_for == timedelta(0)


def test_a_feed_that_is_alone_is_dead_after_three_days() -> None:
    every_twelve_hours = range(0, 61, 12)
    state = failed_at(*every_twelve_hours, others=None, is_alone=True)
    assert health_of(state) is FeedHealth.FAILING
    assert health_of(failed(state, 72, others=None, is_alone=True)) is FeedHealth.DEAD


def test_a_feed_that_is_alone_does_not_count_what_the_machine_was_off() -> None:
    state = failed_at(0, 1, others=None, is_alone=True)
    state = failed(state, 100, others=None, is_alone=True)
    assert state.failing_for == (HOUR + 12 * HOUR) / 3, "the next visit was planned after 12 hours"


def test_the_visit_that_decides_is_not_put_off_for_long() -> None:
    state = failed_at(0, 1, 12, 20)
    assert state.next_poll_at == NOW + DEAD_AFTER
    assert failed(state, 24, others=19).next_poll_at == NOW + 26 * HOUR
    dead = failed(state, 25, others=25)
    assert dead.next_poll_at == NOW + 37 * HOUR, "dead: there is no hurry"


def test_a_server_that_wants_to_be_left_alone_is() -> None:
    state = failed(failed_at(0, 1, 12), 20, others=20, retry_after=NOW + 32 * HOUR)
    assert state.next_poll_at == NOW + 32 * HOUR


def days(*numbers: float) -> list[datetime]:
    return [NOW + number * DAY for number in numbers]


def test_the_usual_silence_is_what_nearly_all_gaps_are_shorter_than() -> None:
    assert usual_silence(days(*range(30))) == DAY
    assert usual_silence(days(*range(30), 60)) == DAY, "one holiday of 30 is not usual"
    assert usual_silence(days(0, 1, 2, 9)) == 7 * DAY


def test_entries_of_one_hour_are_one_occasion() -> None:
    weekly = [at + minute * timedelta(minutes=1) for at in days(0, 7, 14, 21) for minute in range(20)]
    silence = usual_silence(weekly)
    assert silence is not None
    assert 6 * DAY < silence <= 7 * DAY


def test_too_few_entries_tell_no_usual_silence() -> None:
    assert usual_silence(days(0, 1, 2)) is None
    assert usual_silence([NOW] * 50) is None


@pytest.mark.parametrize(
    ("silent", "usual", "health"),
    [
        (8 * DAY, HOUR, FeedHealth.QUIET),
        (7 * DAY, HOUR, FeedHealth.OK),
        (8 * DAY, 3 * DAY, FeedHealth.OK),
        (9 * DAY + HOUR, 3 * DAY, FeedHealth.QUIET),
        (99 * DAY, None, FeedHealth.OK),
    ],
)
def test_a_feed_that_is_silent_for_much_longer_than_usual_is_quiet(
    silent: timedelta, usual: timedelta | None, health: FeedHealth
) -> None:
    state = replace(FEED, changed_at=NOW - silent)
    assert health_of(state, usual) is health
    assert may_be_quiet(state) == (silent > 7 * DAY)


def test_a_feed_that_fails_or_was_never_visited_is_not_quiet() -> None:
    silent = replace(FEED, changed_at=NOW - 30 * DAY, failures=1)
    assert not may_be_quiet(silent)
    assert health_of(silent, HOUR) is FeedHealth.FAILING
    assert not may_be_quiet(PollState(feed_url=FEED.feed_url, next_poll_at=NOW))


def test_a_feed_is_unvisited_until_it_has_answered_and_gone_once_it_is_asked_no_more() -> None:
    assert health_of(None) is FeedHealth.UNVISITED
    assert health_of(PollState(feed_url=FEED.feed_url, next_poll_at=NOW)) is FeedHealth.UNVISITED
    assert health_of(replace(FEED, stopped=True, failures=3)) is FeedHealth.GONE
    assert health_of(FEED) is FeedHealth.OK
