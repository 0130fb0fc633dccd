import json
from datetime import UTC, datetime
from typing import Any

import pytest

from monitor.errors import ParseError
from monitor.feeds.parse import parse
from monitor.model.feeds import Entry, ParsedFeed
from tests import make


def read(*items: Any, **head: Any) -> ParsedFeed:
    document = {"version": "https://jsonfeed.org/version/1.1", "title": "示例", "items": list(items), **head}
    body = json.dumps(document, ensure_ascii=False).encode()
    return parse(body, feed=make.feed(), now=make.NOW, url="https://feed.example.org/blog/feed.json")


def only(item: Any, **head: Any) -> Entry:
    (entry,) = read(item, **head).entries
    return entry


def test_an_item_of_version_1_1_is_an_entry() -> None:
    entry = only(
        {
            "id": "1",
            "url": "/1?utm_source=json",
            "title": "大模型 <b>降价</b>",
            "content_html": "<figure><img><figcaption>图</figcaption></figure><p>甲</p><p>乙</p>",
            "summary": "摘要 < 正文",
            "date_published": "2026-11-23T08:00:00+08:00",
            "authors": [{"name": "张三"}, {"name": "李四"}, {}, "王五"],
            "tags": ["科技", 7, " "],
        },
        home_page_url="https://news.example.org/",
    )
    assert (entry.id, entry.link) == ("1", "https://feed.example.org/1")
    assert (entry.title, entry.summary, entry.text) == ("大模型 降价", "摘要 < 正文", "甲\n乙")
    assert entry.published == datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
    assert (entry.authors, entry.sections) == (("张三", "李四", "王五"), ("科技",))


def test_an_item_of_version_1_0_is_an_entry() -> None:
    entry = only(
        {"id": 7, "content_text": "一行\n二行 <b>", "date_modified": "2026-11-23 08:00"},
        version="https://jsonfeed.org/version/1",
        author={"name": "编辑部"},
    )
    assert (entry.id, entry.link, entry.title) == ("7", "", "一行")
    assert (entry.summary, entry.authors) == ("一行\n二行 <b>", ("编辑部",))
    assert entry.published == datetime(2026, 11, 23, 0, 0, tzinfo=UTC), (
        "in Beijing's time: its titles are Chinese"
    )


def test_an_item_without_an_address_links_to_what_is_attached() -> None:
    assert only({"id": "1", "external_url": "https://a.test/"}).link == "https://a.test/"
    assert (
        only({"id": "1", "attachments": [1, {"url": "a.mp3"}]}).link == "https://feed.example.org/blog/a.mp3"
    )
    assert only({"id": "1", "url": "javascript:alert(1)"}).link == ""


def test_what_is_of_another_type_than_it_should_be_costs_nothing_else() -> None:
    feed = read(
        "x",
        None,
        {"id": True, "title": ["a"], "tags": "b", "authors": {}, "url": {}, "date_published": 1714521600},
    )
    (entry,) = feed.entries
    assert (feed.title, entry.title, entry.link) == ("示例", "", "")
    assert entry.published == datetime(2024, 5, 1, tzinfo=UTC)


def test_of_very_many_items_the_newest_are_kept() -> None:
    items = [
        {"id": str(number), "date_published": f"2026-11-{1 + number // 100:02}"} for number in range(1100)
    ]
    assert [entry.id for entry in read(*items).entries] == [str(number) for number in range(100, 1100)]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b'{"items": [', "broken JSON"),
        (b"{" * 100_000, "broken JSON"),
        (b'{"items": "none"}', "not a feed"),
        (b'{"error": "login"}', "not a feed"),
        (b"[]", "not a feed"),
    ],
)
def test_json_that_is_no_feed_is_an_error(body: bytes, what: str) -> None:
    with pytest.raises(ParseError, match=what):
        parse(body, feed=make.feed(), now=make.NOW)


def test_a_feed_without_items_is_a_good_answer() -> None:
    assert read().entries == ()
