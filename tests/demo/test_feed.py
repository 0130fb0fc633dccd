import re
from datetime import UTC, datetime, timedelta

import pytest

from monitor.assets import DEFAULT_CONFIG
from monitor.demo.feed import documents
from monitor.feeds.parse import parse
from monitor.loaded import load
from monitor.model.feeds import Entry
from monitor.rules.match import match_entry
from tests import make

HOURS = [datetime(2026, 11, 26, hour, 20, tzinfo=UTC) for hour in (0, 3, 8, 16, 23)]


def visits(now: datetime) -> tuple[list[Entry], list[Entry]]:
    first, second = (parse(document, feed=make.feed(), now=now) for document in documents(now))
    return list(first.entries), list(second.entries)


def matching(entries: list[Entry]) -> list[str]:
    ruleset = load(DEFAULT_CONFIG).rules
    return [entry.title for entry in entries if match_entry(entry, ruleset)]


def test_it_has_the_shape_of_the_official_feed() -> None:
    for document in documents(make.NOW):
        assert document.startswith(b"\n<?xml")
        text = document.decode()
        assert "<![CDATA[https://cn.nytimes.com/" in text
        assert text.count("?utm_source=RSS]]></link>") == text.count("<item>")
        hours = {int(hour) for hour in re.findall(r"<pubDate>\w{3}, \d\d \w{3} \d{4} (\d\d):", text)}
        assert hours <= set(range(1, 13)), "a clock of twelve hours"


@pytest.mark.parametrize("now", HOURS)
def test_its_dates_come_out_in_order_and_of_the_last_days(now: datetime) -> None:
    for entries in visits(now):
        *news, old = [entry.published for entry in entries if entry.published]
        assert len(news) == len(entries) - 1
        assert news == sorted(news, reverse=True)
        assert now - timedelta(days=3) < news[-1] <= news[0] < now
        assert old < now - timedelta(days=10)


@pytest.mark.parametrize("now", HOURS)
def test_the_first_visit_has_nothing_to_tell_but_what_is_too_old(now: datetime) -> None:
    first, _ = visits(now)
    assert matching(first) == [first[-1].title]


def test_the_second_visit_brings_news_of_four_sections_and_an_old_guid() -> None:
    first, second = visits(make.NOW)
    known = {entry.id for entry in first}
    news = [entry for entry in second if entry.id not in known]
    matched = matching(news)
    assert [entry.title for entry in news if entry.title not in matched] == [
        "Airbnb上的湖景房，和一座人工湖的前世今生"
    ]
    assert len({entry.section for entry in news if entry.title in matched}) == len(matched) == 4
    back = {entry.id: entry.published for entry in first}
    assert [entry.id for entry in second if entry.id in back and entry.published != back[entry.id]] == [
        "https://cn.nytimes.com/business/20250303/phone-maker-cars/"
    ]


def test_one_of_them_is_a_full_text_with_its_english_original() -> None:
    _, second = visits(make.NOW)
    (whole,) = [entry for entry in second if entry.text]
    assert whole.original.startswith("https://www.nytimes.com/")
    assert not re.search("撰写|起诉|翻译|示例图片社", whole.text)


def test_abstracts_are_as_long_as_the_papers() -> None:
    _, second = visits(make.NOW)
    assert all(62 <= len(entry.summary) <= 81 for entry in second if not entry.text)
