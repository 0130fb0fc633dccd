"""When something happened or will, in words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.cli.moments import moment
from monitor.texts import in_language

NOW = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)  # a Tuesday, 08:30 in Shanghai, still Monday in New York
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("hours", "english", "chinese"),
    [
        (0, "today 08:30", "今天 08:30"),
        (-8.5, "today 00:00", "今天 00:00"),
        (-9, "yesterday 23:30", "昨天 23:30"),
        (-33, "2026-11-22 23:30", "2026-11-22 23:30"),
        (15.5, "tomorrow 00:00", "明天 00:00"),
        (48, "Thursday 08:30", "周四 08:30"),
        (6 * 24, "Monday 08:30", "周一 08:30"),
        (7 * 24, "2026-12-01 08:30", "2026-12-01 08:30"),
    ],
)
def test_an_instant_is_told_by_its_day(hours: float, english: str, chinese: str) -> None:
    words = moment(NOW + timedelta(hours=hours), NOW, SHANGHAI)
    assert (words, in_language(words, "zh-Hans")) == (english, chinese)


def test_the_day_is_that_of_the_zone() -> None:
    assert moment(NOW, NOW + timedelta(hours=5), ZoneInfo("America/New_York")) == "yesterday 19:30"


def test_no_instant_is_a_dash() -> None:
    assert moment(None, NOW, SHANGHAI) == "-"
    assert moment(NOW, NOW, None).startswith("today "), "this machine's zone"
