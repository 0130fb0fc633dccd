from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.config.options import Feed, FetchOptions
from monitor.errors import FeedError, FetchError, ParseError
from monitor.feeds.pace import (
    after_answer,
    after_edit,
    after_failure,
    network_returned,
    polls_after_outage,
    settings_of,
)
from monitor.model.feeds import FailureKind, PollState, Validators
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
        attempted_at=make.NOW,
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


UNREACHABLE = FetchError("no answer within 30 s", connection=True)


def test_a_network_that_is_away_never_makes_a_feed_wait_longer_than_half_an_hour() -> None:
    waits = [wait_after_failure(UNREACHABLE, failures=failures, jitter=0.999) for failures in range(50)]
    assert waits[0] < waits[2] < 29 * MINUTE < max(waits) <= 30 * MINUTE


def test_the_operators_own_limits_hold_without_a_connection_too() -> None:
    def wait(options: FetchOptions) -> timedelta:
        state = PollState(feed_url="", next_poll_at=make.NOW, failures=20)
        return (
            after_failure(state, UNREACHABLE, options=options, now=make.NOW, jitter=0).next_poll_at - make.NOW
        )

    assert wait(FetchOptions(min_interval=HOUR)) == HOUR
    assert wait(FetchOptions(max_backoff=20 * MINUTE)) == 20 * MINUTE


def test_after_an_outage_the_servers_own_failures_are_counted_from_the_first() -> None:
    state = STATE
    for _ in range(10):
        state = after_failure(state, UNREACHABLE, options=FetchOptions(), now=make.NOW, jitter=0)
    assert (state.failures, state.failed_by) == (10, FailureKind.CONNECTION)
    busy = FetchError("HTTP 503", status=503)
    state = after_failure(state, busy, options=FetchOptions(), now=make.NOW, jitter=0)
    assert (state.failures, state.failed_by) == (1, FailureKind.ANSWER)
    assert state.next_poll_at == make.NOW + 15 * MINUTE
    state = after_failure(state, busy, options=FetchOptions(), now=make.NOW, jitter=0)
    assert state.failures == 2


@pytest.mark.parametrize(
    ("before", "after", "returned"),
    [
        (FailureKind.CONNECTION, FailureKind.NONE, True),
        (FailureKind.CONNECTION, FailureKind.ANSWER, True),
        (FailureKind.CONNECTION, FailureKind.CONNECTION, False),
        (FailureKind.NONE, FailureKind.NONE, False),
        (FailureKind.ANSWER, FailureKind.NONE, False),
    ],
)
def test_the_network_is_back_when_one_that_could_not_be_reached_answers(
    before: FailureKind, after: FailureKind, returned: bool
) -> None:
    assert network_returned(replace(STATE, failed_by=before), replace(STATE, failed_by=after)) is returned


def test_when_the_network_is_back_the_others_are_polled_within_a_minute_each_at_its_own_time() -> None:
    urls = [f"https://{name}.example.org/rss" for name in "abcd"]
    polls = polls_after_outage("https://feed.example.org/rss", urls, make.NOW)
    assert list(polls) == urls
    assert list(polls.values()) == [make.NOW + 15 * timedelta(seconds=place) for place in range(4)]


def test_where_one_host_alone_was_away_its_other_feeds_wait_their_time() -> None:
    feed, other = "https://feed.example.org/rss", "https://feed.example.org/other"
    assert polls_after_outage(feed, [other], make.NOW) == {}
    assert polls_after_outage(feed, [], make.NOW) == {}


# --- edits --------------------------------------------------------------------------------------

OPTIONS = FetchOptions()
FAILING = replace(STATE, failures=3, next_poll_at=make.NOW + 6 * HOUR)
GOOD = replace(STATE, next_poll_at=make.NOW + HOUR)


def next_poll(
    state: PollState, before: Feed, after: Feed, old: FetchOptions = OPTIONS, new: FetchOptions = OPTIONS
) -> timedelta:
    edited = after_edit(state, settings_of(before, old), settings_of(after, new), now=make.NOW)
    return edited.next_poll_at - make.NOW


@pytest.mark.parametrize("state", [FAILING, GOOD])
def test_a_feed_that_is_reached_in_another_way_is_due(state: PollState) -> None:
    feed, proxy = make.feed(), "http://127.0.0.1:8118"
    assert next_poll(state, feed, make.feed(proxy=proxy)) == timedelta(0)
    assert next_poll(state, feed, make.feed(url="https://feed.example.org/new")) == timedelta(0)
    assert next_poll(state, feed, feed, new=FetchOptions(proxy=proxy)) == timedelta(0)
    assert next_poll(state, feed, make.feed(user_agent="Reader/1")) == timedelta(0)
    assert next_poll(state, feed, make.feed(headers=(("Accept-Language", "zh"),))) == timedelta(0)
    assert next_poll(state, feed, make.feed(username="me", password_file="x")) == timedelta(0)
    # What the feed says for itself stands above what is said for all.
    own = make.feed(proxy=proxy)
    assert next_poll(state, own, own, new=FetchOptions(proxy="socks5://127.0.0.1:1")) != timedelta(0)


@pytest.mark.parametrize(
    "options",
    [
        FetchOptions(allow_private=("10.0.0.0/8",)),
        FetchOptions(timeout=MINUTE),
        FetchOptions(max_bytes=1),
        FetchOptions(max_backoff=HOUR),
    ],
)
def test_a_failing_feed_is_due_when_what_it_may_fail_by_is_edited(options: FetchOptions) -> None:
    feed = make.feed()
    assert next_poll(FAILING, feed, feed, new=options) == timedelta(0)
    assert next_poll(GOOD, feed, feed, new=options) == HOUR, "one that does well is not concerned"


def test_a_feed_that_no_edit_concerns_is_left_alone() -> None:
    assert next_poll(FAILING, make.feed(), make.feed("another name", first_visit=DAY)) == 6 * HOUR
    assert next_poll(FAILING, make.feed(every=HOUR), make.feed(every=MINUTE)) == 6 * HOUR, (
        "its pause is its own"
    )
    overdue = replace(GOOD, next_poll_at=make.NOW - HOUR)
    proxy = "http://127.0.0.1:8118"
    assert next_poll(overdue, make.feed(), make.feed(proxy=proxy)) == -HOUR


def test_a_feed_whose_settings_were_never_registered_is_left_alone() -> None:
    settings = settings_of(make.feed(), OPTIONS)
    assert after_edit(FAILING, replace(settings, reach=""), settings, now=make.NOW) == FAILING


def test_another_interval_moves_the_next_visit_and_keeps_feeds_apart() -> None:
    state = replace(STATE, visited=make.NOW - HOUR, next_poll_at=make.NOW + 11 * HOUR)
    slow, fast = make.feed(every=12 * HOUR), make.feed(every=30 * MINUTE)
    assert next_poll(state, slow, fast) == -HOUR / 2
    apart = replace(state, next_poll_at=make.NOW - HOUR + 12 * HOUR * 1.05)
    assert next_poll(apart, slow, make.feed(every=4 * HOUR)) == -HOUR + 4 * HOUR * 1.05
    shorter = replace(STATE, visited=make.NOW, next_poll_at=make.NOW + HOUR / 2)
    assert next_poll(shorter, fast, slow) == 12 * HOUR
    assert next_poll(shorter, fast, fast, new=FetchOptions(min_interval=HOUR)) == HOUR


def test_a_next_visit_that_the_server_put_off_comes_no_sooner() -> None:
    fresh = replace(STATE, visited=make.NOW, next_poll_at=make.NOW + 5 * HOUR)  # max-age
    assert next_poll(fresh, make.feed(every=HOUR), make.feed(every=30 * MINUTE)) == 5 * HOUR
    assert next_poll(fresh, make.feed(every=HOUR), make.feed(every=12 * HOUR)) == 12 * HOUR
    unvisited = replace(fresh, visited=None)
    assert next_poll(unvisited, make.feed(every=HOUR), make.feed(every=30 * MINUTE)) == 5 * HOUR


def test_retry_after_stands_above_an_edit_but_not_for_another_host() -> None:
    error = FetchError("429", status=429, retry_after=2 * HOUR)
    state = after_failure(STATE, error, options=OPTIONS, now=make.NOW, jitter=0.5)
    assert state.retry_after == make.NOW + 2 * HOUR
    feed = make.feed()
    assert next_poll(state, feed, feed, new=FetchOptions(timeout=MINUTE)) == 2 * HOUR
    assert next_poll(state, feed, make.feed(url="https://FEED.example.org/new")) == 2 * HOUR
    assert next_poll(state, feed, make.feed(url="https://other.example.org/rss")) == timedelta(0)
    misdated = replace(state, retry_after=make.NOW + 30 * DAY)
    assert next_poll(misdated, feed, feed, new=FetchOptions(timeout=MINUTE)) == DAY


def test_an_answer_forgets_retry_after() -> None:
    state = replace(STATE, retry_after=make.NOW + HOUR)
    after = after_answer(
        state,
        feed=make.feed(),
        validators=Validators(),
        title="",
        max_age=None,
        options=OPTIONS,
        now=make.NOW,
        jitter=0,
    )
    assert after.retry_after is None
    failed = after_failure(state, FeedError("500"), options=OPTIONS, now=make.NOW, jitter=0)
    assert failed.retry_after is None
