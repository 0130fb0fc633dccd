from datetime import timedelta

import pytest

from monitor.feeds.parse import parse
from monitor.model.feeds import Hints
from tests import make

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def hints(head: str) -> Hints:
    body = make.rss("一").replace(b"<item>", f"{head}<item>".encode(), 1)
    body = body.replace(b"<rss ", b'<rss xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" ', 1)
    return parse(body, feed=make.feed(), now=make.NOW).hints


@pytest.mark.parametrize(
    ("ttl", "wanted"),
    [
        ("30", 30 * MINUTE),
        ("0", None),
        ("-1", None),
        ("banana", None),
        ("9" * 20, None),
        ("", None),
        ("²", None),
    ],
)
def test_the_feeds_wish_for_a_pause_is_minutes_or_nothing(ttl: str, wanted: timedelta | None) -> None:
    assert hints(f"<ttl>{ttl}</ttl>") == Hints(interval=wanted)


@pytest.mark.parametrize(
    ("period", "frequency", "wanted"),
    [
        ("daily", "2", DAY / 2),
        ("Hourly", "1", HOUR),
        ("weekly", "", 7 * DAY),
        ("daily", "0", DAY),
        ("daily", "-3", DAY),
        ("banana", "2", None),
        ("", "2", None),
    ],
)
def test_a_period_of_updates_is_divided_by_how_often_in_it(
    period: str, frequency: str, wanted: timedelta | None
) -> None:
    head = f"<sy:updatePeriod> {period}\n</sy:updatePeriod>"
    head += f"<sy:updateFrequency>{frequency}</sy:updateFrequency>" if frequency else ""
    assert hints(head).interval == wanted


def test_of_two_wishes_the_longer_one_counts() -> None:
    daily = "<sy:updatePeriod>daily</sy:updatePeriod>"
    assert hints(f"<ttl>60</ttl>{daily}").interval == DAY
    assert hints(f"<ttl>2880</ttl>{daily}").interval == 2 * DAY


def test_every_hour_and_day_to_skip_is_read_and_what_is_none_is_ignored() -> None:
    hours = "".join(f"<hour>{hour}</hour>" for hour in ("0", " 7 ", "24", "25", "-1", "noon"))
    days = "".join(f"<day>{day}</day>" for day in ("Saturday", "SUNDAY", "Someday", "", "日"))
    read = hints(f"<skipHours>{hours}</skipHours>\n<skipDays>{days}</skipDays>")
    assert read == Hints(skip_hours=frozenset({0, 7}), skip_days=frozenset({6, 7}))


@pytest.mark.parametrize("head", ["<skipHours/>", "<skipHours><hour>3</hour>", "<skipDays></skipDays>"])
def test_a_list_that_is_empty_or_never_ends_skips_nothing(head: str) -> None:
    assert hints(head) == Hints()
