from datetime import datetime, timedelta

import pytest

from monitor.config.options import FetchOptions
from monitor.errors import FeedError, FetchError, ParseError
from monitor.feeds.pace import after_answer, after_failure
from monitor.model.feeds import PollState, Validators
from tests import make

STATE = PollState(
    feed_url="https://feed.example.org/rss",
    validators=Validators(etag='"1"'),
    next_poll_at=make.NOW,
    visited=make.NOW - timedelta(hours=1),
    title="示例",
)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def wait_after_answer(
    *, every: timedelta, max_age: timedelta | None = None, jitter: float = 0.0, floor: timedelta = 15 * MINUTE
) -> timedelta:
    state = after_answer(
        STATE,
        feed=make.feed(every=every),
        validators=Validators(),
        title="",
        max_age=max_age,
        options=FetchOptions(min_interval=floor),
        now=make.NOW,
        jitter=jitter,
    )
    return state.next_poll_at - make.NOW


def wait_after_failure(error: FeedError, *, failures: int = 0, jitter: float = 0.0) -> timedelta:
    state = PollState(feed_url="", next_poll_at=make.NOW, failures=failures)
    after = after_failure(state, error, options=FetchOptions(), now=make.NOW, jitter=jitter)
    return after.next_poll_at - make.NOW


def test_a_feed_is_asked_again_after_its_own_interval() -> None:
    assert wait_after_answer(every=HOUR) == HOUR


def test_no_feed_is_asked_more_often_than_the_operator_allows() -> None:
    assert wait_after_answer(every=MINUTE) == 15 * MINUTE


def test_an_interval_may_go_down_to_a_second() -> None:
    second = timedelta(seconds=1)
    assert wait_after_answer(every=second, floor=second, jitter=0.999) < 1.1 * second


@pytest.mark.parametrize(
    ("max_age", "wanted"),
    [(2 * HOUR, 2 * HOUR), (16 * 365 * DAY, 5 * HOUR), (timedelta(0), HOUR), (MINUTE, HOUR)],
)
def test_what_the_server_calls_fresh_is_not_asked_for_up_to_five_hours(
    max_age: timedelta, wanted: timedelta
) -> None:
    assert wait_after_answer(every=HOUR, max_age=max_age) == wanted


def test_polls_drift_apart_by_a_tenth() -> None:
    assert wait_after_answer(every=HOUR, jitter=0.5) == 63 * MINUTE
    assert wait_after_failure(FeedError("x"), jitter=0.5) == 15.75 * MINUTE


def test_a_good_answer_is_remembered_whole() -> None:
    failing = after_failure(STATE, FeedError("HTTP 503"), options=FetchOptions(), now=make.NOW, jitter=0)
    after = after_answer(
        failing,
        feed=make.feed(every=HOUR),
        validators=Validators(etag='"2"'),
        title="新名",
        max_age=None,
        options=FetchOptions(),
        now=make.NOW,
        jitter=0,
    )
    assert after == PollState(
        feed_url=STATE.feed_url,
        validators=Validators(etag='"2"'),
        next_poll_at=make.NOW + HOUR,
        visited=make.NOW,
        title="新名",
    )


def test_a_failure_keeps_what_was_known() -> None:
    after = after_failure(
        STATE, ParseError("the answer is empty"), options=FetchOptions(), now=make.NOW, jitter=0
    )
    assert (after.validators, after.visited, after.title) == (STATE.validators, STATE.visited, STATE.title)
    assert (after.failures, after.last_error) == (1, "the answer is empty")


def test_waits_after_failures_double_up_to_a_limit() -> None:
    waits = [wait_after_failure(FeedError("x"), failures=failures) / MINUTE for failures in range(12)]
    assert waits == [15, 15, 20, 40, 80, 160, 320, 640, 720, 720, 720, 720]
    assert wait_after_failure(FeedError("x"), failures=10**6) == 12 * HOUR


@pytest.mark.parametrize(
    ("wish", "wanted"),
    [
        (timedelta(seconds=5), 15 * MINUTE),
        (3 * HOUR, 3 * HOUR),
        (30 * DAY, DAY),
        (make.NOW + 2 * HOUR, 2 * HOUR),
        (make.NOW - HOUR, 15 * MINUTE),
        (make.NOW + 30 * DAY, DAY),
    ],
)
def test_the_servers_wish_is_obeyed_up_to_a_day(wish: timedelta | datetime, wanted: timedelta) -> None:
    assert wait_after_failure(FetchError("HTTP 429", status=429, retry_after=wish)) == wanted


def test_a_feed_that_is_gone_waits_longest() -> None:
    assert wait_after_failure(FetchError("HTTP 410", status=410, permanent=True)) == 12 * HOUR
