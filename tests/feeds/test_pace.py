from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.config.options import Feed, FetchOptions
from monitor.errors import FeedError, FetchError, ParseError
from monitor.feeds.pace import (
    after_answer,
    after_edit,
    after_failure,
    host_of,
    interval_of,
    longest_pause,
    network_returned,
    polls_after_outage,
    settings_of,
    validators_to_send,
)
from monitor.feeds.rhythm import Demand
from monitor.model.feeds import FailureKind, Hints, ParsedFeed, PollState, Rhythm, Validators
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
        parsed=None,
        is_document=False,
        is_news=False,
        max_age=max_age,
        demand=Demand(),
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
        parsed=ParsedFeed(title="新名", site_url="", entries=()),
        is_document=True,
        is_news=True,
        max_age=None,
        demand=Demand(),
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
        document_at=make.NOW,
        changed_at=make.NOW,
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
    edited = after_edit(
        state,
        settings_of(before, old, "daily"),
        settings_of(after, new, "daily"),
        feed=after,
        demand=Demand(),
        options=new,
        now=make.NOW,
    )
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
    feed = make.feed()
    settings = settings_of(feed, OPTIONS, "daily")
    before = replace(settings, reach="")
    edited = after_edit(FAILING, before, settings, feed=feed, demand=Demand(), options=OPTIONS, now=make.NOW)
    assert edited == FAILING


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
        parsed=None,
        is_document=False,
        is_news=False,
        max_age=None,
        demand=Demand(),
        options=OPTIONS,
        now=make.NOW,
        jitter=0,
    )
    assert after.retry_after is None
    failed = after_failure(state, FeedError("500"), options=OPTIONS, now=make.NOW, jitter=0)
    assert failed.retry_after is None


# --- every = "auto" -----------------------------------------------------------------------------

AUTO = make.feed(every="auto")


def answered(state: PollState, parsed: ParsedFeed | None, **differ: Any) -> PollState:
    values: dict[str, Any] = {
        "feed": AUTO,
        "validators": Validators(),
        "parsed": parsed,
        "is_document": parsed is not None,
        "is_news": parsed is not None,
        "max_age": None,
        "demand": Demand(),
        "options": OPTIONS,
        "now": make.NOW,
        "jitter": 0,
    }
    return after_answer(state, **(values | differ))


def document(*hours_old: float, hints: Hints = Hints()) -> ParsedFeed:  # noqa: B008 - a frozen value
    entries = [
        make.entry(number=number, published=make.NOW - hours * HOUR) for number, hours in enumerate(hours_old)
    ]
    return ParsedFeed(title="示例", site_url="", entries=tuple(entries), hints=hints)


def test_a_document_tells_the_rhythm_and_a_304_keeps_it() -> None:
    hints = Hints(interval=HOUR)
    first = answered(STATE, document(0, 6, 12, hints=hints))
    assert (first.rhythm, first.hints) == (Rhythm(gap=6 * HOUR, entries=3), hints)
    assert first.next_poll_at == make.NOW + 3 * HOUR
    later = make.NOW + 3 * HOUR
    unchanged = answered(first, None, now=later)
    assert (unchanged.rhythm, unchanged.hints, unchanged.title) == (first.rhythm, hints, "示例")
    assert (unchanged.document_at, unchanged.changed_at) == (make.NOW, make.NOW)
    assert unchanged.next_poll_at == later + 3 * HOUR


def test_the_silence_before_the_first_visit_counts_where_there_are_dates_to_tell_it() -> None:
    assert answered(STATE, document(30, 31, 32)).changed_at == make.NOW - 30 * HOUR
    assert answered(STATE, document(-5, -4, -3)).changed_at == make.NOW
    assert answered(STATE, document(30)).changed_at == make.NOW


def test_a_document_without_news_is_no_end_of_the_silence() -> None:
    silent = replace(STATE, changed_at=make.NOW - DAY)
    assert answered(silent, document(30, 31, 32), is_news=False).changed_at == make.NOW - DAY
    assert answered(silent, document(0), is_news=False).changed_at == make.NOW - DAY
    assert answered(silent, document(0, 31, 32)).changed_at == make.NOW


def test_what_the_server_calls_fresh_is_not_asked_for_before_a_digest_either() -> None:
    demand = Demand(digests=[make.NOW + HOUR])
    state = answered(STATE, document(0, 6, 12), demand=demand, max_age=2 * HOUR)
    assert state.next_poll_at == state.fresh_until == make.NOW + 2 * HOUR
    assert answered(STATE, document(0, 6, 12), demand=demand).next_poll_at == make.NOW + 50 * MINUTE


def test_no_wait_is_longer_than_the_longest_pause() -> None:
    least = FetchOptions(max_backoff=HOUR)
    assert longest_pause([AUTO], least) == 1.1 * DAY, "Retry-After"
    assert longest_pause([make.feed(every=3 * DAY)], least) == 1.1 * 3 * DAY
    slow = replace(STATE, rhythm=Rhythm(gap=90 * DAY, entries=9))
    assert answered(slow, None, jitter=0.999).next_poll_at - make.NOW < longest_pause([AUTO], least)


def test_the_interval_of_auto_is_what_it_comes_to() -> None:
    state = replace(STATE, rhythm=Rhythm(gap=6 * HOUR, entries=9), changed_at=make.NOW)
    assert interval_of(state, AUTO, Demand(), OPTIONS, make.NOW) == 3 * HOUR
    assert interval_of(state, AUTO, Demand(), FetchOptions(min_interval=4 * HOUR), make.NOW) == 4 * HOUR
    assert interval_of(state, make.feed(every=MINUTE), Demand(), OPTIONS, make.NOW) == 15 * MINUTE


def edited(
    state: PollState,
    before: tuple[Feed, str],
    after: tuple[Feed, str],
    demand: Demand,
    now: datetime = make.NOW,
) -> datetime:
    return after_edit(
        state,
        settings_of(before[0], OPTIONS, before[1]),
        settings_of(after[0], OPTIONS, after[1]),
        feed=after[0],
        demand=demand,
        options=OPTIONS,
        now=now,
    ).next_poll_at


def test_other_times_of_digests_move_the_visit_of_a_feed_that_goes_by_them() -> None:
    eight, nine = (Demand(digests=[make.NOW + hours * HOUR]) for hours in (8, 9))
    state = answered(replace(STATE, rhythm=Rhythm(gap=DAY, entries=9)), None, demand=eight)
    assert 10 * MINUTE >= make.NOW + 8 * HOUR - state.next_poll_at >= MINUTE
    now = make.NOW + HOUR
    moved = edited(state, (AUTO, "8:00"), (AUTO, "9:00"), nine, now)
    assert 10 * MINUTE >= make.NOW + 9 * HOUR - moved >= MINUTE
    assert moved == edited(state, (AUTO, "8:00"), (AUTO, "9:00"), nine, now + HOUR), "each feed has its place"
    other = replace(state, feed_url="https://feed.example.org/other")
    assert moved != edited(other, (AUTO, "8:00"), (AUTO, "9:00"), nine, now)
    assert edited(state, (AUTO, "8:00"), (AUTO, "8:00"), nine, now) == state.next_poll_at
    fixed = make.feed(every=12 * HOUR)
    assert edited(state, (fixed, "8:00"), (fixed, "9:00"), nine, now) == state.next_poll_at


def test_from_auto_to_a_time_and_back_the_visit_is_planned_anew() -> None:
    state = replace(GOOD, visited=make.NOW, rhythm=Rhythm(gap=8 * HOUR, entries=9))
    fixed = make.feed(every=30 * MINUTE)
    assert 30 * MINUTE <= edited(state, (AUTO, ""), (fixed, ""), Demand()) - make.NOW <= 33 * MINUTE
    assert 4 * HOUR <= edited(state, (fixed, ""), (AUTO, ""), Demand()) - make.NOW <= 4.4 * HOUR
    fresh = replace(state, fresh_until=make.NOW + 2 * HOUR)
    assert edited(fresh, (AUTO, ""), (fixed, ""), Demand()) == make.NOW + 2 * HOUR
    misdated = replace(state, fresh_until=make.NOW + 30 * DAY)
    assert edited(misdated, (AUTO, ""), (fixed, ""), Demand()) == make.NOW + 5 * HOUR


# --- manners ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
def test_an_overloaded_server_that_does_not_say_until_when_rests_for_10_minutes_to_2_hours(
    status: int,
) -> None:
    error = FetchError(f"HTTP {status}", status=status)
    options = FetchOptions(min_interval=MINUTE)

    def rest(jitter: float, **differ: Any) -> timedelta:
        limits = replace(options, **differ)
        after = after_failure(STATE, error, options=limits, now=make.NOW, jitter=jitter)
        assert after.retry_after is None
        return after.next_poll_at - make.NOW

    assert rest(0) == 10 * MINUTE
    assert 2 * HOUR < rest(0.999) < 2 * HOUR * 1.1
    assert rest(0.5, max_backoff=5 * MINUTE) == 5.25 * MINUTE, "the operator's own limit"
    other = after_failure(
        STATE, FetchError("HTTP 500", status=500), options=options, now=make.NOW, jitter=0.999
    )
    assert other.next_poll_at - make.NOW < 6 * MINUTE


def test_a_host_is_known_by_its_name_and_port_and_the_operators_own_ones_are_not_spared() -> None:
    options = FetchOptions(allow_private=("127.0.0.1/32", "10.0.0.0/8", "::1/128"))
    assert host_of("https://User:pass@Feed.example.org:8443/rss", options) == "feed.example.org:8443"
    assert host_of("http://93.184.216.34/rss", options) == "93.184.216.34"
    own = ("http://127.0.0.1:8000/rss", "http://localhost/", "http://10.1.2.3/a", "http://[::1]:1/")
    assert [host_of(url, options) for url in own] == [""] * 4
    assert host_of("http://192.168.1.1/rss", options) == "192.168.1.1"


def test_a_server_that_always_says_304_is_asked_without_validators_after_8_days() -> None:
    state = replace(STATE, document_at=make.NOW)
    assert validators_to_send(state, make.NOW + 8 * DAY) == STATE.validators
    assert validators_to_send(state, make.NOW + 8.1 * DAY) == Validators()
    assert validators_to_send(STATE, make.NOW) == Validators()
