"""Feeds are put into the text of a config.toml and taken out, and every other byte stays."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.assets import DEFAULT_CONFIG
from monitor.config.options import Feed
from monitor.config.reading import parse_config
from monitor.editing.feeds import (
    NewFeed,
    address_key,
    feed_at,
    name_for,
    with_enabled,
    with_feeds,
    without_feed,
)
from monitor.errors import MonitorError

SHIPPED = DEFAULT_CONFIG.read_text("utf-8")
NEW = NewFeed(name='甲 "A"', url="https://a.example.org/rss?a=1&b=2", every="30m")


def feeds_of(text: str) -> tuple[Feed, ...]:
    return parse_config(text, "config.toml").feeds


def test_a_feed_stands_behind_the_others_and_before_the_next_section() -> None:
    changed = with_feeds(SHIPPED, [NEW])
    table = '\n[[feeds]]\nname = "甲 \\"A\\""\nurl = "https://a.example.org/rss?a=1&b=2"\nevery = "30m"\n'
    assert changed == SHIPPED.replace("\n# ---- what to look for", f"{table}\n# ---- what to look for")
    assert feeds_of(changed)[1].name == NEW.name


def test_what_is_added_can_be_taken_out_again() -> None:
    changed = with_feeds(SHIPPED, [NEW])
    assert without_feed(changed, feeds_of(changed)[1]) == SHIPPED


def test_the_heading_of_the_section_stays_when_the_first_feed_goes() -> None:
    changed = with_feeds(SHIPPED, [NEW])
    left = without_feed(changed, feeds_of(changed)[0])
    assert [feed.name for feed in feeds_of(left)] == [NEW.name]
    assert "# ---- which feeds to watch ----\n\n[[feeds]]\n" in left


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends_are_those_of_the_file(newline: str) -> None:
    text = SHIPPED.replace("\n", newline)
    changed = with_feeds(text, [NEW])
    paused = with_enabled(changed, feeds_of(changed)[1], enabled=False)
    for each in (changed, paused, without_feed(changed, feeds_of(changed)[1])):
        assert each.count("\n") == each.count(newline)
    assert not feeds_of(paused)[1].enabled


def test_an_option_that_is_written_keeps_its_place_and_comment() -> None:
    paused = with_enabled(SHIPPED, feeds_of(SHIPPED)[0], enabled=False)
    assert "\nenabled = false        # false: the feed is paused" in paused
    assert with_enabled(paused, feeds_of(paused)[0], enabled=True) == SHIPPED


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('[[feeds]]\nname = "a"\nurl = "https://a.test/"', ""),
        ('[[feeds]]\nname = "a"\nurl = "https://a.test/"\n# of a\n\n# the end\n', "\n# the end\n"),
        ('# top\n\n# of a\n[[feeds]]\nname = "a"\nurl = "https://a.test/"\n', "# top\n"),
        ('x = 1\n[[feeds]]\nname = "a"\nurl = "https://a.test/"\n[y]\n', "x = 1\n[y]\n"),
        ('[[feeds]]\nurl = "https://a.test/"\nname = "a"\n[feeds.headers]\nA = "b"\n\n[y]\n', "\n[y]\n"),
    ],
)
def test_comments_of_others_stay_when_a_feed_goes(text: str, left: str) -> None:
    assert without_feed(text, Feed(name="a", url="https://a.test/")) == left


def test_of_several_feeds_the_right_one_goes_whatever_tables_it_has() -> None:
    tables = [
        f'[[feeds]]\nname = "{name}"\nurl = "https://{name}.test/"\n[feeds.headers]\nX-A = "{name}"\n'
        for name in "abc"
    ]
    text = "\n".join(tables)
    left = without_feed(text, Feed(name="b", url="https://b.test/"))
    assert [table["name"] for table in tomllib.loads(left)["feeds"]] == ["a", "c"]
    assert left == tables[0] + "\n" + tables[2]


def test_a_feed_written_in_another_way_is_left_to_the_editor() -> None:
    text = 'feeds = [{name = "a", url = "https://a.test/"}]\n'
    with pytest.raises(MonitorError, match="edit the file yourself"):
        without_feed(text, Feed(name="a", url="https://a.test/"))


@pytest.mark.parametrize(
    "spelling",
    [
        "http://news.test/feed",
        "https://www.news.test/feed/",
        "https://news.test/feed?utm_source=x",
        "HTTPS://NEWS.test/feed",
    ],
)
def test_spellings_of_one_address_are_one_feed(spelling: str) -> None:
    known = Feed(name="a", url="https://news.test/feed")
    assert feed_at(spelling, [known]) is known
    assert feed_at("https://news.test/other", [known]) is None


def test_home_pages_are_told_apart_by_their_host() -> None:
    assert address_key("https://a.test/") == address_key("http://www.a.test")
    assert address_key("https://a.test/") != address_key("https://b.test/")


def test_a_feed_gets_its_title_or_its_host_as_a_name_of_its_own() -> None:
    assert name_for("  科技\n新闻 ", "https://a.test/", []) == "科技 新闻"
    assert name_for("", "https://www.a.test/rss", ["a.test"]) == "a.test 2"
    assert len(name_for("长" * 300, "https://a.test/", [])) == 60


@given(st.lists(st.text(min_size=1, max_size=20).filter(str.strip), min_size=2, max_size=5, unique=True))
def test_any_name_can_be_added_paused_and_taken_out(names: list[str]) -> None:
    new = [NewFeed(name=name, url=f"https://{number}.test/") for number, name in enumerate(names)]
    text = with_feeds(SHIPPED, new)
    for feed in feeds_of(text)[1:]:
        paused = with_enabled(text, feed, enabled=False)
        assert [each.name for each in feeds_of(paused) if not each.enabled] == [feed.name]
        text = without_feed(text, feed)
    assert text == SHIPPED
