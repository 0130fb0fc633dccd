from datetime import UTC, datetime, timedelta, timezone

import pytest

from monitor.feeds.sources.nyt_chinese import decode_half_day_clock

BEIJING = timezone(timedelta(hours=8))
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=BEIJING)


def at(stamp: str) -> datetime:
    """'24 16:59' is an instant of November 2026, in Beijing."""
    return datetime.strptime(f"2026-11-{stamp}", "%Y-%m-%d %H:%M").replace(tzinfo=BEIJING).astimezone(UTC)


def told(*stamps: str, now: datetime = NOW) -> list[str]:
    times = decode_half_day_clock([at(stamp) for stamp in stamps], now=now)
    return [time.astimezone(BEIJING).strftime("%d %H:%M") for time in times if time]


def test_the_order_of_the_feed_tells_morning_from_afternoon() -> None:
    assert told("24 04:59", "24 03:31", "24 01:21", "24 12:29", "24 09:37") == [
        *("24 16:59", "24 15:31", "24 13:21", "24 12:29", "24 09:37"),
    ]


def test_an_evening_is_seen_by_what_came_before_it() -> None:
    assert told("24 08:10", "24 03:31", "24 09:37") == ["24 20:10", "24 15:31", "24 09:37"]


def test_each_day_begins_anew() -> None:
    assert told("25 12:06", "25 09:40", "24 05:15", "24 12:50", "24 08:41") == [
        *("25 12:06", "25 09:40", "24 17:15", "24 12:50", "24 08:41"),
    ]


@pytest.mark.parametrize("hour", ["00:30", "13:05", "23:59"])
def test_a_24_hour_clock_is_left_alone(hour: str) -> None:
    assert told("24 11:00", f"23 {hour}", "23 04:59") == ["24 11:00", f"23 {hour}", "23 04:59"]


def test_nothing_is_published_in_the_future() -> None:
    noon = NOW.replace(hour=12)
    assert told("27 05:10", "27 04:30", now=noon) == ["27 05:10", "27 04:30"]
    evening = NOW.replace(hour=18)
    assert told("27 05:10", "27 04:30", now=evening) == ["27 17:10", "27 16:30"]


def test_a_clock_that_is_a_little_ahead_of_ours_is_believed() -> None:
    assert told("27 01:21", now=NOW.replace(hour=13, minute=20)) == ["27 13:21"]


@pytest.mark.parametrize(
    ("stamp", "meant"),
    [("24 01:21", "24 13:21"), ("24 12:29", "24 12:29"), ("24 08:41", "24 08:41"), ("24 06:30", "24 18:30")],
)
def test_where_both_are_possible_editors_hours_are_meant(stamp: str, meant: str) -> None:
    assert told(stamp) == [meant]


def test_an_old_entry_among_new_ones_does_not_move_them() -> None:
    assert told("24 04:59", "04 01:21", "24 12:29", "24 09:37") == [
        *("24 16:59", "04 13:21", "24 12:29", "24 09:37"),
    ]


def test_entries_without_a_date_keep_their_place() -> None:
    times = decode_half_day_clock([None, at("24 04:59"), None, at("24 09:37")], now=NOW)
    assert times == [None, at("24 16:59"), None, at("24 09:37")]
    assert decode_half_day_clock([], now=NOW) == []
    assert decode_half_day_clock([None], now=NOW) == [None]
