from datetime import timedelta
from typing import Any

import pytest

from monitor.feeds.raw import RawChannel, RawEntry
from monitor.feeds.sources import nyt_chinese, plain, reader_for
from tests import make

ARTICLE = "https://cn.nytimes.com/culture/20261123/old-piano/"


def channel(**differ: str) -> RawChannel:
    return RawChannel(**{"title": "示例", "link": "https://news.example.org/", "generator": "", **differ})


def raw(**differ: Any) -> RawEntry:
    values = {
        "title": "标题",
        "authors": (),
        "published": make.NOW,
        "categories": (),
        "summary": "",
        "content": "",
    }
    return RawEntry(**{"id": ARTICLE, "link": ARTICLE, **values, **differ})


def read(entry: RawEntry) -> Any:
    (reading,) = nyt_chinese.read_entries(channel(), [entry], make.NOW)
    return reading


@pytest.mark.parametrize(
    ("head", "links"),
    [
        ({"generator": "nytimes_cn_rss_generator"}, ["https://d1.mirror.example.org/china/20261123/a/"]),
        ({"link": "https://cn.nytimes.com/"}, []),
        ({}, [ARTICLE, "https://m.cn.nytimes.com/china/20261123/a/", "https://other.example.org/1"]),
    ],
)
def test_the_publisher_is_known_by_the_document(head: dict[str, str], links: list[str]) -> None:
    entries = [raw(id="", link=link) for link in links]
    assert reader_for(channel(**head), entries) is nyt_chinese.read_entries


@pytest.mark.parametrize(
    "links",
    [
        [],
        ["https://www.nytimes.com/2026/11/22/arts/old-piano.html"],
        ["https://evil-nytimes.com/china/20261123/a/"],
        ["https://news.example.org/china/20261123/a/"],
        [ARTICLE, "https://other.example.org/1"],
    ],
)
def test_other_publishers_are_taken_at_their_word(links: list[str]) -> None:
    assert reader_for(channel(), [raw(id="", link=link) for link in links]) is plain.read_entries


@pytest.mark.parametrize(
    "link",
    [
        "http://cn.nytimes.com/culture/20261123/old-piano",
        "https://cn.nytimes.com/culture/20261123/old-piano/zh-hant/",
        "https://cn.nytimes.com/culture/20261123/old-piano/dual/?utm_source=RSS",
        "https://d1.mirror.example.org/culture/20261123/old-piano/",
    ],
)
def test_an_article_is_one_story_by_every_way_it_comes(link: str) -> None:
    assert read(raw(id=link, link=link)).story == "nyt:/culture/20261123/old-piano"


def test_a_link_through_a_mirrors_door_is_known_by_its_guid() -> None:
    assert (
        read(raw(link="https://d1.mirror.example.org/runtime/r.html?url=x")).story
        == "nyt:/culture/20261123/old-piano"
    )


def test_what_is_no_article_is_nobodys_story() -> None:
    reading = read(raw(id="https://cn.nytimes.com/live/", link="https://cn.nytimes.com/live/"))
    assert (reading.story, reading.sections) == ("", ())


@pytest.mark.parametrize("broken", ["http://[::1", "https://a\u2100b.test/1"])
def test_a_guid_that_is_a_broken_address_is_nobodys_story(broken: str) -> None:
    assert reader_for(channel(), [raw(id=broken, link="")]) is plain.read_entries
    assert read(raw(id=broken, link="")).story == ""


@pytest.mark.parametrize(
    ("categories", "path", "wanted"),
    [
        (("科技",), "technology", ("科技", "technology")),
        ((), "technology", ("科技", "technology")),
        ((), "real-estate", ("房地产", "real-estate")),
        ((), "new-section", ("new-section",)),
        (("商業與經濟",), "business", ("商業與經濟", "business")),
    ],
)
def test_a_section_has_its_chinese_name_and_that_of_the_path(
    categories: tuple[str, ...], path: str, wanted: tuple[str, ...]
) -> None:
    link = f"https://cn.nytimes.com/{path}/20261123/a/"
    assert read(raw(id=link, link=link, categories=categories)).sections == wanted


def test_the_twelve_hour_clock_is_the_official_feeds_alone() -> None:
    at_four = raw(published=make.NOW.replace(hour=20) - timedelta(days=2))  # 04:00 in Beijing
    official, other = (
        nyt_chinese.read_entries(channel(generator=generator), [at_four], make.NOW)[0].published
        for generator in ("nytimes_cn_rss_generator", "another")
    )
    assert other == at_four.published
    assert official == at_four.published + timedelta(hours=12) if at_four.published else False


def test_an_abstract_beside_a_full_text_is_the_summary() -> None:
    reading = read(raw(summary="<p>摘要。</p>", content="<p>第一段。</p><p>第二段。</p><p>翻译：某甲</p>"))
    assert (reading.summary, reading.text) == ("摘要。", "第一段。\n第二段。")


@pytest.mark.parametrize(
    ("summary", "wanted"),
    [
        ("<p>摘要自成一段。</p>", ("摘要自成一段。", "")),
        ("<p>一段。</p><p>" + "字" * 600 + "</p>", ("", "一段。\n" + "字" * 600)),
        ("<time pudate='2026-11-23 09:43:49'></time><p>短文。</p>", ("", "短文。")),
        ("", ("", "")),
    ],
)
def test_a_text_without_an_abstract_is_one_or_the_other_by_its_length(
    summary: str, wanted: tuple[str, str]
) -> None:
    reading = read(raw(summary=summary))
    assert (reading.summary, reading.text) == wanted


@pytest.mark.parametrize("pudate", ["", "yesterday", "2026-13-45 99:99"])
def test_a_time_on_the_page_that_is_none_leaves_the_feeds(pudate: str) -> None:
    assert read(raw(summary=f"<time pudate='{pudate}'></time>")).published == make.NOW


@pytest.mark.parametrize(
    ("link", "words", "wanted"),
    [
        ("https://www.nytimes.com/2026/11/22/arts/old-piano.html", "点击查看本文英文版。", True),
        ("https://www.nytimes.com/2026/11/22/arts/old-piano.html", "點擊查看本文英文版。", True),
        ("https://www.nytimes.com/2026/11/22/arts/old-piano.html", "另一篇文章", False),
        ("https://nytimes.example.org/x.html", "点击查看本文英文版。", False),
    ],
)
def test_the_english_original_is_the_papers_own_page(link: str, words: str, wanted: bool) -> None:
    reading = read(raw(summary=f"<p>文。</p><footer><a href='{link}'>{words}</a></footer>"))
    assert reading.original == (link if wanted else "")
