from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.feeds.rhythm import Demand, interval, next_visit, read_rhythm
from monitor.model.feeds import Hints, PollState, Rhythm
from tests import make

NOW = make.NOW  # a Tuesday, 00:00 UTC
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STATE = PollState(feed_url="https://feed.example.org/rss", next_poll_at=NOW, visited=NOW, changed_at=NOW)
LEAST = 15 * MINUTE
NOBODY = Demand()


def publishing(gap: timedelta, entries: int = 20, **differ: object) -> PollState:
    return replace(STATE, rhythm=Rhythm(gap=gap, entries=entries), **differ)  # type: ignore[arg-type]  # by name


def wait(
    state: PollState, demand: Demand = NOBODY, *, least: timedelta = LEAST, jitter: float = 0.0
) -> timedelta:
    return next_visit(state, demand, asked=NOW, now=NOW, least=least, jitter=jitter) - NOW


# --- reading ------------------------------------------------------------------------------------


def ago(*hours: float) -> list[datetime]:
    return [NOW - hour * HOUR for hour in hours]


def test_the_rhythm_is_the_mean_gap_between_the_dates_in_whatever_order_they_stand() -> None:
    assert read_rhythm(ago(5, 1, 9, 3, 7)) == Rhythm(gap=2 * HOUR, entries=5)
    assert read_rhythm([*ago(5, 1), None, *ago(9, 3, 7), None]) == Rhythm(gap=2 * HOUR, entries=5)
    assert Rhythm(gap=2 * HOUR, entries=5).span == 8 * HOUR


def test_fewer_than_three_dates_make_no_rhythm() -> None:
    assert read_rhythm([]) is None
    assert read_rhythm([*ago(5, 1), None, None]) is None
    assert read_rhythm(ago(5, 3, 1)) == Rhythm(gap=2 * HOUR, entries=3)


def test_a_clock_in_another_zone_changes_no_rhythm() -> None:
    assert read_rhythm(ago(-8, -7, -6, -5)) == read_rhythm(ago(8, 7, 6, 5))


def test_a_few_entries_of_long_ago_hide_no_rhythm() -> None:
    assert read_rhythm(ago(*range(1, 7), 500, 5000)) == Rhythm(gap=HOUR, entries=8)


# --- the interval -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gap", "wanted"),
    [
        (8 * HOUR, 4 * HOUR),
        (HOUR, HOUR),
        (30 * DAY, 12 * HOUR),
        (12 * MINUTE, HOUR),  # 19 gaps: the document spans almost four hours
        (4 * MINUTE, 38 * MINUTE),  # half of what the document spans
        (MINUTE, LEAST),  # the operator's own limit stands above
        (timedelta(0), LEAST),
    ],
)
def test_a_feed_is_asked_at_half_its_mean_gap_an_hour_at_least_12_at_most_and_before_entries_leave(
    gap: timedelta, wanted: timedelta
) -> None:
    assert wait(publishing(gap)) == wanted


def test_a_feed_that_falls_silent_is_asked_more_seldom() -> None:
    def after(silence: timedelta) -> timedelta:
        return interval(publishing(4 * HOUR), NOBODY, NOW + silence)

    assert after(timedelta(0)) == 2 * HOUR
    assert after(4 * DAY) == (76 + 96) / 40 * HOUR
    assert after(90 * DAY) == 12 * HOUR


def test_a_batch_of_entries_with_one_date_is_asked_for_often_only_at_first() -> None:
    batch = publishing(timedelta(0))
    waits = [interval(batch, NOBODY, NOW + hours * HOUR) for hours in (0, 1, 3, 24)]
    assert waits == [timedelta(0), HOUR / 2, HOUR, HOUR]


def test_a_feed_without_dates_is_asked_after_an_hour_then_more_seldom_while_nothing_new_comes() -> None:
    waits = [interval(STATE, NOBODY, NOW + hours * HOUR) / HOUR for hours in (0, 2, 6, 24, 1000)]
    assert waits == [1, 1, 3, 12, 12]
    assert interval(replace(STATE, changed_at=None), NOBODY, NOW) == HOUR
    assert interval(STATE, NOBODY, NOW - DAY) == HOUR, "the clock was set back"


def test_where_each_entry_is_waited_for_a_feed_is_asked_every_quarter_of_an_hour() -> None:
    prompt = Demand(prompt=True)
    assert wait(publishing(8 * HOUR), prompt) == 15 * MINUTE
    assert wait(publishing(MINUTE), prompt, least=MINUTE) == 9.5 * MINUTE
    assert wait(publishing(8 * HOUR), prompt, least=HOUR) == HOUR
    assert (
        wait(publishing(8 * HOUR, hints=Hints(interval=DAY, skip_days=frozenset({2}))), prompt) == 15 * MINUTE
    )


def test_visits_drift_apart_by_a_tenth() -> None:
    assert wait(publishing(8 * HOUR), jitter=0.5) == 4.2 * HOUR


# --- hints --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hint", "wanted"),
    [(MINUTE, 2 * HOUR), (3 * HOUR, 3 * HOUR), (30 * DAY, 12 * HOUR)],
)
def test_the_feeds_own_wish_only_slows_it_down_to_12_hours(hint: timedelta, wanted: timedelta) -> None:
    assert wait(publishing(4 * HOUR, hints=Hints(interval=hint))) == wanted


def test_a_wish_lets_no_entry_leave_the_document_unseen() -> None:
    assert wait(publishing(20 * MINUTE, 10, hints=Hints(interval=DAY))) == 1.5 * HOUR


def test_hours_and_days_in_which_nothing_is_published_are_left_out() -> None:
    night = Hints(skip_hours=frozenset(range(6)))
    assert wait(publishing(8 * HOUR, hints=night)) == 6 * HOUR
    assert timedelta(hours=6) < wait(publishing(8 * HOUR, hints=night), jitter=0.9) < timedelta(hours=6.5)
    assert wait(publishing(14 * HOUR, hints=night)) == 7 * HOUR
    assert wait(publishing(8 * HOUR, hints=Hints(skip_hours=frozenset(range(24))))) == 12 * HOUR
    assert wait(publishing(8 * HOUR, hints=Hints(skip_days=frozenset({2})))) == 12 * HOUR, "all of Tuesday"
    assert wait(publishing(8 * HOUR, hints=Hints(skip_days=frozenset({3})))) == 4 * HOUR


# --- the look before a digest -------------------------------------------------------------------


def before(*digests: timedelta) -> Demand:
    return Demand(digests=[NOW + digest for digest in digests])


@pytest.mark.parametrize(("jitter", "wanted"), [(0, 10), (0.5, 5.5), (0.999, 1)])
def test_a_feed_is_asked_in_the_ten_minutes_before_a_digest_each_at_its_own_time(
    jitter: float, wanted: float
) -> None:
    look = wait(publishing(8 * HOUR), before(3 * HOUR), jitter=jitter)
    assert round((3 * HOUR - look) / MINUTE, 1) == wanted


def test_a_visit_that_would_come_shortly_before_the_look_is_the_look() -> None:
    hourly = publishing(2 * HOUR)
    assert wait(hourly, before(timedelta(minutes=89))) == 79 * MINUTE
    assert wait(hourly, before(timedelta(minutes=95))) == HOUR
    fast = publishing(4 * MINUTE)
    assert wait(fast, before(timedelta(minutes=50))) == 38 * MINUTE, "entries might leave the document"


def test_a_visit_between_the_look_and_the_digest_is_the_look() -> None:
    assert wait(publishing(2 * HOUR), before(timedelta(minutes=65))) == 55 * MINUTE


def test_a_feed_that_was_asked_within_twenty_minutes_needs_no_look() -> None:
    slow = publishing(8 * HOUR)
    assert wait(slow, before(19 * MINUTE)) == 4 * HOUR
    assert wait(slow, before(20 * MINUTE), least=MINUTE) == 10 * MINUTE
    assert wait(slow, before(19 * MINUTE, 3 * HOUR)) == 170 * MINUTE, "but one before the next digest"


def test_the_operators_own_limit_stands_above_the_look() -> None:
    slow = publishing(12 * HOUR)
    assert wait(slow, before(30 * MINUTE), least=25 * MINUTE) == 25 * MINUTE
    assert wait(slow, before(30 * MINUTE, 3 * HOUR), least=HOUR) == 170 * MINUTE


@pytest.mark.parametrize(
    "hints", [Hints(interval=DAY), Hints(skip_hours=frozenset(range(24))), Hints(skip_days=frozenset({2}))]
)
def test_no_wish_of_the_feed_stands_above_the_look(hints: Hints) -> None:
    assert wait(publishing(8 * HOUR, hints=hints), before(3 * HOUR)) == 170 * MINUTE


@given(
    gap=st.timedeltas(timedelta(0), 40 * DAY),
    entries=st.integers(3, 1000),
    silence=st.timedeltas(-DAY, 400 * DAY),
    hint=st.none() | st.timedeltas(timedelta(0), 400 * DAY),
    hours=st.frozensets(st.integers(0, 23)),
    days=st.frozensets(st.integers(1, 7)),
    digests=st.lists(st.timedeltas(timedelta(0), 2 * DAY), max_size=4),
    prompt=st.booleans(),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_no_feed_is_ever_asked_too_often_or_forgotten(
    gap: timedelta,
    entries: int,
    silence: timedelta,
    hint: timedelta | None,
    hours: frozenset[int],
    days: frozenset[int],
    digests: Sequence[timedelta],
    prompt: bool,
    jitter: float,
) -> None:
    hints = Hints(interval=hint, skip_hours=hours, skip_days=days)
    state = publishing(gap, entries, changed_at=NOW - silence, hints=hints)
    demand = Demand(prompt=prompt, digests=[NOW + digest for digest in sorted(digests)])
    assert LEAST <= wait(state, demand, jitter=jitter) <= 1.1 * 12 * HOUR
