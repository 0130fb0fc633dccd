from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.config.options import Subscription
from monitor.digests.due import (
    LATE,
    due,
    instant_of_slot,
    is_at_once,
    next_slot,
    outside_quiet_hours,
    slot_at_once,
    slot_now,
    slots_between,
    waking_times,
)
from monitor.model.digests import Slot, SubscriptionState
from tests.make import NOW, rule, subscription

MORNING = time(8, 0)


def at(*times: time, **differ: Any) -> Subscription:
    return subscription(every=None, at=times or (MORNING,), **differ)


def state(created_at: datetime = NOW - timedelta(days=30), **differ: Any) -> SubscriptionState:
    return SubscriptionState(
        **{"key": "AI 日报", "name": "AI 日报", "created_at": created_at, "cursor": 0, **differ}
    )


def with_slot_taken(slot: Slot | None) -> SubscriptionState:
    assert slot is not None
    return state(last_slot=slot)


def name_of(slot: Slot | None) -> str:
    return slot.name if slot else ""


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def ticks(sub: Subscription, start: datetime, end: datetime, step: timedelta) -> list[Slot]:
    """The slots a service takes that looks at the clock every `step`."""
    slots: list[Slot] = []
    current = state(created_at=start)
    now = start
    while now <= end:
        if slot := due(sub, current, now):
            slots.append(slot)
            current = state(created_at=start, last_slot=slot)
        now += step
    return slots


def test_a_slot_is_due_from_its_instant_on() -> None:
    yesterday = state(last_slot=Slot.named("at:2026-11-23T08:00", NOW - timedelta(days=1)))
    assert due(at(), yesterday, NOW - timedelta(microseconds=1)) is None
    assert due(at(), yesterday, NOW) == Slot.named("at:2026-11-24T08:00", NOW)


def test_a_slot_taken_is_not_due_again() -> None:
    assert due(at(), with_slot_taken(due(at(), state(), NOW)), NOW + timedelta(hours=3)) is None


def test_slots_before_the_subscription_was_made_are_not_ours() -> None:
    assert due(at(), state(created_at=NOW), NOW) is None
    assert due(at(), state(created_at=NOW - timedelta(seconds=1)), NOW) is not None


def test_slots_before_the_subscription_was_made_are_not_ours_even_with_an_older_last_slot() -> None:
    assert due(at(), state(created_at=NOW, last_slot=slot_now(NOW - timedelta(days=3))), NOW) is None


def test_ten_minutes_after_its_time_a_digest_is_late() -> None:
    assert due(at(), state(), NOW + LATE) == Slot.named("at:2026-11-24T08:00", NOW)
    late = due(at(), state(), NOW + LATE + timedelta(seconds=1))
    assert late == Slot.named("at:2026-11-24T08:00", NOW, late=True)


def test_slots_missed_while_the_machine_was_off_collapse_into_the_latest() -> None:
    slot = due(at(MORNING, time(18, 0)), state(), NOW + timedelta(days=2, hours=1))
    assert slot == Slot.named("at:2026-11-26T08:00", NOW + timedelta(days=2), late=True)
    assert due(at(MORNING, time(18, 0)), with_slot_taken(slot), NOW + timedelta(days=2, hours=2)) is None


def test_a_weekly_slot_is_still_found_just_before_the_next_one() -> None:
    mondays = at(days=(1,))
    slot = due(mondays, state(), utc(2026, 11, 29, 23, 59))  # Monday 07:59 in Shanghai
    assert name_of(slot) == "at:2026-11-23T08:00"


def test_only_the_days_asked_for_have_slots() -> None:
    weekdays = at(days=(1, 2, 3, 4, 5))
    start = utc(2026, 11, 20, 12)  # a Friday
    names = [slot.name for slot in ticks(weekdays, start, start + timedelta(days=4), timedelta(minutes=30))]
    assert names == ["at:2026-11-23T08:00", "at:2026-11-24T08:00"]


def test_working_days_of_china_leave_holidays_out_and_take_their_make_up_days_along() -> None:
    """Spring Festival of 2026: the 15th to the 23rd of February are free, Saturdays 14 and 28 are worked."""
    workdays = at(days=(8,))
    start = utc(2026, 2, 12, 1)  # a Thursday, after 08:00 in Shanghai
    names = [
        slot.name[8:13] for slot in ticks(workdays, start, start + timedelta(days=18), timedelta(hours=1))
    ]
    assert names == [
        "02-13", "02-14", "02-24", "02-25", "02-26", "02-27", "02-28", "03-02",
    ]  # fmt: skip
    assert next_slot(workdays, utc(2026, 2, 14, 1)) == utc(2026, 2, 24)


def test_working_days_beside_weekdays_are_both() -> None:
    both = at(days=(6, 8))
    start = utc(2026, 10, 1, 1)
    names = [slot.name[8:13] for slot in ticks(both, start, start + timedelta(days=9), timedelta(hours=1))]
    assert names == ["10-03", "10-08", "10-09", "10-10"], "a Saturday of the holidays, and one that is worked"


def test_a_slot_missed_before_the_longest_holiday_is_still_found_at_its_end() -> None:
    workdays = at(days=(8,))
    slot = due(workdays, state(created_at=utc(2026, 1, 1)), utc(2026, 2, 23, 12))
    assert slot == Slot.named("at:2026-02-14T08:00", utc(2026, 2, 14), late=True)


def test_a_year_without_known_holidays_has_the_plain_week() -> None:
    workdays = at(days=(8,))
    start = utc(2099, 9, 30, 1)  # a Wednesday
    names = [
        slot.name[8:13] for slot in ticks(workdays, start, start + timedelta(days=6), timedelta(hours=1))
    ]
    assert names == ["10-01", "10-02", "10-05", "10-06"]


def test_with_an_interval_working_days_count_as_well() -> None:
    hourly = subscription(every=timedelta(hours=1), days=(8,))
    assert due(hourly, state(), utc(2026, 2, 14, 4)) is not None
    assert due(hourly, state(), utc(2026, 2, 16, 4)) is None, "a Monday of the holidays"


def test_the_day_of_a_slot_is_the_local_day() -> None:
    """08:00 on Monday in Auckland is Sunday in UTC."""
    monday = at(days=(1,), timezone="Pacific/Auckland")
    slot = due(monday, state(), utc(2026, 11, 22, 19))
    assert name_of(slot) == "at:2026-11-23T08:00"


def test_a_clock_set_back_takes_no_slot_twice() -> None:
    current = with_slot_taken(due(at(), state(), NOW))
    for minutes in range(-120, 120, 5):
        assert due(at(), current, NOW + timedelta(minutes=minutes)) is None


@pytest.mark.parametrize(
    ("zone", "start", "days"),
    [
        ("America/New_York", utc(2026, 3, 6), 5),  # 8 March: 02:00 becomes 03:00
        ("America/New_York", utc(2026, 10, 30), 5),  # 1 November: 02:00 becomes 01:00
        ("Europe/Berlin", utc(2026, 3, 27), 5),
        ("Europe/Berlin", utc(2026, 10, 23), 5),
        ("Africa/Cairo", utc(2026, 4, 22), 5),  # the clocks change at midnight
        ("Australia/Lord_Howe", utc(2026, 4, 3), 5),  # by half an hour
        ("Asia/Shanghai", utc(2026, 3, 27), 5),
    ],
)
@pytest.mark.parametrize("moment", [time(0, 30), time(1, 30), time(2, 0), time(2, 30), time(8, 0)])
def test_every_local_day_has_each_of_its_times_exactly_once(
    zone: str, start: datetime, days: int, moment: time
) -> None:
    sub = at(moment, timezone=zone)
    slots = ticks(sub, start, start + timedelta(days=days), timedelta(minutes=10))
    dates = [datetime.fromisoformat(slot.name.removeprefix("at:")).date() for slot in slots]
    assert len(dates) >= days - 1
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(dates))
    assert not any(slot.late for slot in slots)


def test_a_wall_time_that_does_not_exist_happens_at_the_shifted_instant() -> None:
    slot = due(at(time(2, 30), timezone="America/New_York"), state(utc(2026, 3, 8)), utc(2026, 3, 8, 9))
    assert slot is not None
    assert (slot.name, slot.at) == ("at:2026-03-08T02:30", utc(2026, 3, 8, 7, 30))  # 03:30 on the new clock


def test_an_ambiguous_wall_time_happens_the_first_time() -> None:
    slot = due(at(time(1, 30), timezone="America/New_York"), state(utc(2026, 11, 1)), utc(2026, 11, 1, 9))
    assert slot is not None
    assert (slot.name, slot.at) == ("at:2026-11-01T01:30", utc(2026, 11, 1, 5, 30))


def test_a_day_that_a_zone_leaves_out_brings_no_second_digest() -> None:
    """Samoa went from 29 to 31 December 2011."""
    samoa = at(timezone="Pacific/Apia")
    slots = ticks(samoa, utc(2011, 12, 28), utc(2012, 1, 1), timedelta(minutes=30))
    instants = [slot.at for slot in slots]
    assert instants == [
        utc(2011, 12, 28, 18),
        utc(2011, 12, 29, 18),
        utc(2011, 12, 30, 18),
        utc(2011, 12, 31, 18),
    ]
    assert [slot.name[3:13] for slot in slots] == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]


def test_a_subscription_moved_to_another_zone_gets_no_second_digest_for_the_same_local_time() -> None:
    current = with_slot_taken(due(at(), state(), NOW))
    berlin = at(timezone="Europe/Berlin")
    assert due(berlin, current, NOW + timedelta(hours=7)) is None  # 08:00 in Berlin, the same day
    tomorrow = due(berlin, current, NOW + timedelta(hours=31))
    assert name_of(tomorrow) == "at:2026-11-25T08:00"


def test_a_digest_by_hand_or_by_interval_does_not_hide_the_next_slot() -> None:
    for name in ("now:2026-11-23T20:00:00.000000Z", "every:2026-11-23T20:00:00.000000Z"):
        slot = due(at(), state(last_slot=Slot.named(name, NOW - timedelta(hours=4))), NOW)
        assert name_of(slot) == "at:2026-11-24T08:00"


def test_a_time_with_seconds_is_named_with_them() -> None:
    slot = due(at(time(8, 0, 30)), state(), NOW + timedelta(seconds=30))
    assert name_of(slot) == "at:2026-11-24T08:00:30"


def test_an_interval_is_due_at_once_and_then_when_it_has_passed() -> None:
    quarter = subscription(every=timedelta(minutes=15))
    slot = due(quarter, state(), NOW)
    assert slot == Slot.named("every:2026-11-24T00:00:00.000000Z", NOW)
    assert due(quarter, with_slot_taken(slot), NOW + timedelta(minutes=14, seconds=59)) is None
    assert due(quarter, with_slot_taken(slot), NOW + timedelta(minutes=15)) is not None


def test_an_interval_of_zero_is_always_due() -> None:
    assert due(subscription(), state(last_slot=slot_now(NOW)), NOW) is not None


def test_an_interval_keeps_to_the_days_asked_for() -> None:
    mondays = subscription(days=(1,))
    assert due(mondays, state(), utc(2026, 11, 22, 15, 59)) is None  # still Sunday in Shanghai
    assert due(mondays, state(), utc(2026, 11, 22, 16, 0)) is not None


def test_the_next_slot_is_the_first_one_after_now() -> None:
    assert next_slot(at(MORNING, time(18, 0)), NOW) == NOW + timedelta(hours=10)
    assert next_slot(at(), NOW) == NOW + timedelta(days=1)
    assert next_slot(at(days=(2,)), NOW) == NOW + timedelta(days=7)


def test_an_interval_has_no_next_slot() -> None:
    assert next_slot(subscription(), NOW) is None


def test_a_slot_by_hand_is_named_by_its_instant() -> None:
    assert slot_now(NOW + timedelta(microseconds=7)) == Slot.named(
        "now:2026-11-24T00:00:00.000007Z", NOW + timedelta(microseconds=7)
    )


def test_rules_of_that_pace_go_out_at_once_outside_their_quiet_hours() -> None:
    night = rule("夜", pace="at once", quiet=((time(23), time(7)),))
    noon = rule("午", pace="at once", quiet=((time(12), time(13)),))
    rules = (rule(), night, noon)

    def names(hour: int) -> list[str]:
        now = datetime(2026, 11, 24, hour, tzinfo=ZoneInfo("Asia/Shanghai")).astimezone(UTC)
        return [rule.name for rule in outside_quiet_hours(rules, "Asia/Shanghai", now)]

    assert [names(hour) for hour in (6, 7, 12, 13, 22, 23)] == [
        ["午"],
        ["夜", "午"],
        ["夜"],
        ["夜", "午"],
        ["夜", "午"],
        ["午"],
    ]


def test_slots_between_two_instants_are_in_order_and_both_ends_count() -> None:
    slots = slots_between(at(time(8), time(20)), NOW, NOW + timedelta(days=1))
    assert [slot.name for slot in slots] == [
        "at:2026-11-24T08:00",
        "at:2026-11-24T20:00",
        "at:2026-11-25T08:00",
    ]


def test_the_ends_of_quiet_hours_are_instants() -> None:
    rules = (
        rule("夜", pace="at once", quiet=((time(23), time(8)),)),
        rule("别", quiet=((time(1), time(2)),)),
    )
    assert waking_times(rules, "Asia/Shanghai", NOW, NOW + timedelta(hours=30)) == [
        NOW,
        NOW + timedelta(days=1),
    ]


def test_a_slot_is_its_name_and_instant() -> None:
    for slot in (
        slot_now(NOW),
        slot_at_once(NOW),
        due(at(), state(), NOW),
        due(subscription(), state(), NOW),
    ):
        assert slot is not None
        assert Slot.named(slot.name, slot.at) == slot
    with pytest.raises(ValueError, match="weekly"):
        Slot.named("weekly:2026-11-24", NOW)


def test_a_mail_at_once_is_known_by_its_slot() -> None:
    assert is_at_once(slot_at_once(NOW))
    assert not is_at_once(slot_now(NOW))


def test_the_name_of_a_slot_tells_its_instant() -> None:
    eight = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
    assert instant_of_slot("at:2026-11-24T08:00", "Asia/Shanghai") == eight
    assert instant_of_slot("now:2026-11-24T00:00:00+00:00", "Asia/Shanghai") == eight
    assert instant_of_slot("notice:3", "Asia/Shanghai") is None
