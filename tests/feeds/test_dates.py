from datetime import UTC, datetime, timedelta, timezone

import pytest

from monitor.feeds.dates import beijing_called_utc, is_chinese_feed, read_date, unnamed_zone
from tests import make

BEIJING = timezone(timedelta(hours=8))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def read(text: str, *, is_chinese: bool = False) -> datetime | None:
    """The instant, where a date without a zone is in Beijing's."""
    date = read_date(text, now=make.NOW, is_chinese=is_chinese)
    return date.instant(BEIJING) if date else None


@pytest.mark.parametrize(
    "text",
    [
        "2024年5月1日 08:00",
        "2024年05月01日08时00分",
        "2024年5月1日 上午8:00",
        "2024年5月1日 上午 08:00:00",
        "2024年5月1日（星期三）8点",
        "2024年5月1日 周三 08:00",
        "２０２４年５月１日　０８：００",
        "二〇二四年五月一日 8时",
        "民國113年5月1日 08:00",
        "2024/5/1 8:00:00",
        "2024/05/01 08:00",
        "2024-5-1 8:00",
        "2024.05.01 08:00:00",
        "2024-05-01 08:00:00.000",
        "2024-05-01T08:00:00",
        "2024-05-0108:00:00",
        "20240501080000",
        "202405010800",
        "20240501T080000",
        "20240501 08:00",
        "北京时间 2024-05-01 08:00",
        "2024-05-01 08:00（北京时间）",
        "2024-05-01 08:00:00 +0800",
        "2024-05-01 08:00:00+08",
        "2024-05-01 08:00:00 +8",
        "2024-05-01 08:00:00 UTC+8",
        "2024-05-01 08:00:00 GMT+8",
        "2024-05-01 08:00:00 GMT+08:00",
        "2024-05-01 08:00:00 (UTC+8)",
        "2024-05-01T08:00:00+0800",
        "2024-05-01T08:00:00.123456+08:00",
        "2024-05-01T08:00+08:00",
        "2024-05-01T08:00:00 Asia/Shanghai",
        "2024-05-01 08:00:00 HKT",
        "2024-05-01 09:00:00 JST",
        "2024-05-01 09:00 KST",
        "2024年5月1日(水) 09:00 JST",
        "2024年5月1日 9時00分（日本時間）",
        "Wed,01 May 2024 08:00:00 +0800",
        "Wed, 01 May 202408:00:00 +0800",
        "Wed, 1 May 2024 08:00:00+0800",
        "Wednesday, 1 May 2024 8:00 AM +0800",
        "Wed, 01 May 2024 08:00:00 GMT+0800 (中国标准时间)",
        "Wed May 01 2024 08:00:00 GMT+0800 (China Standard Time)",
        "Wed May 01 2024 08:00:00",
        "Wed May  1 08:00:00 2024",
        "Wed May 01 08:00:00 HKT 2024",
        "May 1, 2024, 8:00 a.m.",
        "May 1st, 2024 8am",
        "1st of May 2024 08:00",
        "5/1/2024 8:00:00 AM",
        "5/1/24 8:00 AM",
        "24-05-01 08:00",
        "24/5/1 08:00",
        "01.05.24 08:00",
        "2024-05-01T08:00:00 08:00",
        "2024-05-01T08:00:00+08:00[Asia/Shanghai]",
        "2024-05-01T02:00:00+02:00 (CEST)",
        "01.05.2024 08:00",
        "01-May-2024 08:00:00",
        "Tue, 30 Apr 2024 24:00:00 GMT",
        "Wed, 01 May 2024 00:00:00 GMT",
        "Wed, 01 May 2024 00:00:00 -0000",
        "Wed, 01 May 2024 00:00:00 Z",
        "Wed, 01 May 24 00:00:00 UT",
        "2024-05-01T00:00:00Z",
        "2024-05-01T00:00:00Z+00:00",
        "2024-05-01 00:00:00 UTC",
        "Wed, 01 May 2024 02:00:00 CEST",
        "Wed, 01 May 2024 01:00:00 CET",
        "Wed, 01 May 2024 01:00:00 BST",
        "Tue, 30 Apr 2024 20:00:00 EDT",
        "Tue, 30 Apr 2024 20:00:00 ET",
        "2024-04-30T19:00:00EST",
        "Tue, 30 Apr 2024 17:00:00 PDT",
        "Tue, 30 Apr 2024 16:00:00 PST",
        "Tue, 30 Apr 2024 8:00:00 PM Eastern Daylight Time",
        "Wed, 01 May 2024 02:00:00 Central European Summer Time",
        "Mi, 01 Mai 2024 02:00:00 +0200",
        "1 de mayo de 2024 08:00",
        "1714521600",
        "1714521600000",
        "1714521600.5",
        "1714521600000000",
        "/Date(1714521600000+0800)/",
    ],
)
def test_one_instant_is_read_however_it_is_written(text: str) -> None:
    assert read(text) == utc("2024-05-01 00:00")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2024年5月1日 下午3:05", "2024-05-01 07:05"),
        ("2024年5月1日 晚上8点半", "2024-05-01 12:30"),
        ("2024年5月1日 中午12:00", "2024-05-01 04:00"),
        ("2024年5月1日 凌晨12:10", "2024-04-30 16:10"),
        ("2024年5月1日 下午12:10", "2024-05-01 04:10"),
        ("2024年12月31日", "2024-12-30 16:00"),
        ("2024-05-01", "2024-04-30 16:00"),
        ("2024-04-31", "2024-04-29 16:00"),
        ("20240501", "2024-04-30 16:00"),
        ("2024-05", "2024-04-30 16:00"),
        ("1 May 2024", "2024-04-30 16:00"),
        ("二〇二四年十二月二十五日", "2024-12-24 16:00"),
        ("5/1/2024 12:30:00 AM +0800", "2024-04-30 16:30"),
        ("5/1/2024 12:30:00 PM +0800", "2024-05-01 04:30"),
        ("Wed, 18 Sept 2024 12:53:56 GMT", "2024-09-18 12:53:56"),
        ("Wed, 18 September 2024 12:53:56 GMT", "2024-09-18 12:53:56"),
        ("Fri, 22 Sep 17 19:05:03 GMT", "2017-09-22 19:05:03"),
        ("25/12/2024 08:00", "2024-12-25 00:00"),
        ("12/05/2026 08:00", "2026-05-12 00:00"),
        ("11/05/2026 08:00", "2026-11-05 00:00"),
        ("11月23日 08:00", "2026-11-23 00:00"),
        ("12月23日 08:00", "2025-12-23 00:00"),
        ("Sat, 31 Dec 2016 23:59:60 GMT", "2016-12-31 23:59:59"),
        ("Mon, 8 Jul 2013 23:59:00 EST", "2013-07-09 04:59"),
        ("Mon, 15 Jan 2024 19:00:00 ET", "2024-01-16 00:00"),
        ("Mon, 15 Jan 2024 05:30:00 IST", "2024-01-15 00:00"),
        ("30 de abril de 2024 20:00 -0400", "2024-05-01 00:00"),
    ],
)
def test_a_date_is_read_as_it_was_meant(text: str, wanted: str) -> None:
    assert read(text) == utc(wanted)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "3小时前",
        "banana",
        "2024-13-01",
        "2024-02-32 08:00",
        "40/40/2024",
        "Wed, 01 May 2024 25:00:00 GMT",
        "Wed, 01 May 2024 08:00:00 XQT",
        "Wed, 01 May 2024 08:00:00 +9999",
        "2024-05-01 08:00 Asia/Nowhere",
        "08:00",
        "1 May",
        "12345",
        "9" * 200,
        "2024-05-01 08:00" + "x" * 200,
    ],
)
def test_what_is_no_date_or_in_an_unknown_zone_is_none(text: str) -> None:
    assert read(text) is None


def test_cst_is_chinas_time_in_a_chinese_feed_and_americas_in_another() -> None:
    assert read("Wed, 01 May 2024 08:00:00 CST", is_chinese=True) == utc("2024-05-01 00:00")
    assert read("Wed, 01 May 2024 08:00:00 CST") == utc("2024-05-01 14:00")


def test_dates_without_a_zone_are_in_that_of_the_others() -> None:
    dates = [
        read_date(f"2024-05-01 08:00 {zone}", now=make.NOW) for zone in ("+0900", "+0900", "Z", "", "x?")
    ]
    assert unnamed_zone(dates, is_chinese=True) == timezone(timedelta(hours=9))


@pytest.mark.parametrize(
    ("is_chinese", "language", "hours"),
    [(True, "", 8), (False, "ja", 9), (False, "ko-KR", 9), (False, "en", 0)],
)
def test_without_others_the_language_tells_the_zone(is_chinese: bool, language: str, hours: int) -> None:
    zone = unnamed_zone([None], is_chinese=is_chinese, language=language)
    assert zone.utcoffset(None) == timedelta(hours=hours)


def test_a_feed_is_chinese_by_its_language_or_by_most_of_its_titles() -> None:
    assert is_chinese_feed("zh-CN", ["OpenAI"])
    assert is_chinese_feed("", ["AI 新闻一则", "大模型", "OpenAI"])
    assert not is_chinese_feed("en", ["OpenAI", "大模型", "xAI"])
    assert not is_chinese_feed("", ["人工知能のニュース"])
    assert not is_chinese_feed("", [])


def test_a_chinese_feed_with_dates_of_the_next_hours_calls_its_clock_gmt() -> None:
    dates = [read_date(f"Tue, 24 Nov 2026 {hour}:00:00 GMT", now=make.NOW) for hour in ("07", "02")]
    assert beijing_called_utc(dates, is_chinese=True, now=make.NOW)
    assert not beijing_called_utc(dates, is_chinese=False, now=make.NOW)
    assert not beijing_called_utc(dates, is_chinese=True, now=make.NOW - timedelta(hours=9))
    assert not beijing_called_utc(dates, is_chinese=True, now=make.NOW + timedelta(hours=9))
    assert not beijing_called_utc([None], is_chinese=True, now=make.NOW)
