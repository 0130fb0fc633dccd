from datetime import UTC, datetime, timedelta

import pytest

from monitor.feeds.pace import (
    conditional_headers,
    read_date,
    read_max_age,
    read_retry_after,
    read_validators,
)
from monitor.model.feeds import Validators

BEFORE = Validators(etag='"old"', last_modified="Mon, 23 Nov 2026 00:00:00 GMT", url="https://a.example/rss")


def test_both_validators_are_sent_back_as_they_came() -> None:
    validators = Validators(etag='W/"odd \\ "tag"-gzip', last_modified="yesterday, around noon")
    assert conditional_headers(validators) == {
        "If-None-Match": 'W/"odd \\ "tag"-gzip',
        "If-Modified-Since": "yesterday, around noon",
    }
    assert conditional_headers(Validators()) == {}


def test_newer_validators_replace_older_ones_one_by_one() -> None:
    assert read_validators({}, BEFORE) == BEFORE
    assert read_validators({"ETag": '"new"'}, BEFORE) == Validators(
        etag='"new"', last_modified=BEFORE.last_modified, url=BEFORE.url
    )


@pytest.mark.parametrize("value", ["x" * 1025, "a\x01b", "中"])
def test_a_validator_unfit_to_be_sent_back_is_not_kept(value: str) -> None:
    assert read_validators({"ETag": value}, Validators()).etag == ""


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("max-age=600", timedelta(minutes=10)),
        ('max-age="600"', timedelta(minutes=10)),
        ('no-cache="Set-Cookie, max-age=5", max-age=600', timedelta(minutes=10)),
        ("private,Max-Age=600 , must-revalidate", timedelta(minutes=10)),
        ("max-age=banana, max-age=600", timedelta(minutes=10)),
        ('max-age="', None),
        ("public, Max-Age=0", timedelta(0)),
        ("max-age=504911232", timedelta(seconds=504911232)),
        ("max-age=" + "9" * 5000, timedelta(seconds=10**9)),
        ("s-maxage=600", None),
        ("max-age=-1", None),
        ("max-age=²", None),
        ("max-age", None),
        ("no-cache", None),
        ("", None),
    ],
)
def test_how_long_an_answer_is_fresh_is_seconds_or_nothing(value: str, wanted: timedelta | None) -> None:
    assert read_max_age({"Cache-Control": value}) == wanted


DATE = "Tue, 24 Nov 2026 08:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({"Date": DATE, "Expires": "Tue, 24 Nov 2026 08:30:00 GMT"}, timedelta(minutes=30)),
        ({"Date": DATE, "Expires": "Fri, 31 Dec 2038 08:00:00 GMT"}, timedelta(days=4420)),
        ({"Date": DATE, "Expires": DATE}, None),
        ({"Date": DATE, "Expires": "Tue, 24 Nov 2020 08:30:00 GMT"}, None),
        ({"Date": DATE, "Expires": "0"}, None),
        ({"Date": DATE}, None),
        ({"Expires": "Tue, 24 Nov 2026 08:30:00 GMT"}, None),
        (
            {"Date": DATE, "Expires": "Tue, 24 Nov 2026 08:30:00 GMT", "Cache-Control": "max-age=60"},
            timedelta(minutes=1),
        ),
        *(
            ({"Date": DATE, "Expires": "Tue, 24 Nov 2026 08:30:00 GMT", "Cache-Control": directive}, wanted)
            for directive, wanted in (
                ("No-Cache", None),
                ("private, no-store", None),
                ("max-age=-1", None),
                ("public", timedelta(minutes=30)),
            )
        ),
    ],
)
def test_without_max_age_an_answer_is_fresh_until_it_expires(
    headers: dict[str, str], wanted: timedelta | None
) -> None:
    assert read_max_age(headers) == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("120", timedelta(minutes=2)),
        (" 5 ", timedelta(seconds=5)),
        ("9" * 5000, timedelta(seconds=10**9)),
        ("Tue, 24 Nov 2026 09:00:00 GMT", datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ("Tue, 24 Nov 2026 17:00:00 +0800", datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ("Tue, 24 Nov 2026 09:00:00", datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ("Fri, 31 Dec 9999 23:59:59 -2300", None),
        ("TokenBucket(capacity=5)", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
    ],
)
def test_when_to_come_again_is_seconds_or_a_date_or_nothing(
    value: str, wanted: timedelta | datetime | None
) -> None:
    assert read_retry_after({"Retry-After": value}) == wanted


def test_a_server_that_says_nothing_has_no_wishes() -> None:
    assert read_retry_after({}) is read_max_age({}) is None


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({"Date": "Tue, 24 Nov 2026 08:00:00 GMT"}, datetime(2026, 11, 24, 8, tzinfo=UTC)),
        (
            {"Date": "Tue, 24 Nov 2026 08:00:00 GMT", "Age": "3600"},
            datetime(2026, 11, 24, 9, tzinfo=UTC),
        ),
        (
            {"Date": "Tue, 24 Nov 2026 08:00:00 GMT", "Age": "old"},
            datetime(2026, 11, 24, 8, tzinfo=UTC),
        ),
        ({"Date": "Fri, 31 Dec 9999 23:59:59 GMT", "Age": "3600"}, None),
        ({"Date": "yesterday", "Age": "1"}, None),
        ({}, None),
    ],
)
def test_the_servers_time_is_its_date_and_how_old_the_answer_is(
    headers: dict[str, str], wanted: datetime | None
) -> None:
    assert read_date(headers) == wanted
