from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.feeds.identity import (
    Identity,
    by_place,
    identify,
    ids_change,
    is_retitled,
    may_change_ids,
    recognise,
    stories,
)
from monitor.feeds.raw import RawEntry
from monitor.model.feeds import Entry
from tests import make
from tests.cost import cpu_seconds


def raw(**differ: Any) -> RawEntry:
    values = {
        "title": "标题",
        "authors": (),
        "published": None,
        "categories": (),
        "summary": "",
        "content": "",
    }
    return RawEntry(**{"id": "", "link": "", **values, **differ})


def names(identity: Identity) -> set[str]:
    return {identity.id, *identity.aliases}


@pytest.mark.parametrize(
    "own", ["0", "a b", "https://a.test/1?id=7", "tag:a.test,2026:1", "Å", "A\u030a", "é" * 500]
)
def test_the_feeds_own_id_is_kept_as_it_is(own: str) -> None:
    (identity,) = identify([raw(id=own, link="https://a.test/1")])
    assert identity.id == own


@pytest.mark.parametrize(
    "own",
    [
        "https://a.test/1?utm_source=rss&utm_campaign={}",
        "https://a.test/1?PHPSESSID={}",
        "https://a.test/1?sid=0123456789abcdef{}",
        "https://a.test/1;jsessionid=ABC{}.node1",
    ],
)
def test_an_id_is_known_without_what_tracks_its_reader(own: str) -> None:
    (monday,), (tuesday,) = identify([raw(id=own.format("a"))]), identify([raw(id=own.format("b"))])
    assert monday.id == tuesday.id == "https://a.test/1"


def test_a_short_number_is_an_article_and_no_session() -> None:
    one, two = identify([raw(id=f"https://a.test/article.php?sid={number}") for number in (7, 8)])
    assert one.id != two.id


@pytest.mark.parametrize("own", ["x" * 501, "a\nb", "a\0b", "\u202eab", "data:" + "A" * 100_000, "\ud800"])
def test_an_id_unfit_for_a_log_or_a_database_is_known_by_its_hash(own: str) -> None:
    (identity,) = identify([raw(id=own)])
    (other,) = identify([raw(id=f"{own}!")])
    assert identity.id.startswith("sha256:")
    assert identity.id != other.id


def test_ids_of_different_normal_forms_are_different() -> None:
    one, two = identify([raw(id="é"), raw(id="e\u0301")])
    assert names(one).isdisjoint(names(two))


def test_without_an_id_the_link_identifies() -> None:
    first = identify([raw(link="https://a.test/1?utm_source=a&id=1")])
    second = identify([raw(link="https://a.test/1?utm_source=b&id=1", title="新标题")])
    assert first == second
    assert first[0].id == "https://a.test/1?id=1"


def test_without_a_link_title_and_date_identify() -> None:
    monday, tuesday, undated = identify(
        [raw(published=make.NOW), raw(published=make.NOW + timedelta(days=1)), raw()]
    )
    assert len({monday.id, tuesday.id, undated.id}) == 3


def test_without_anything_the_text_identifies() -> None:
    one, two = identify([raw(title="", summary="甲"), raw(title="", summary="乙")])
    assert one.id != two.id
    assert all(identity.id for identity in (one, two))


def test_of_one_title_and_date_the_text_tells_apart() -> None:
    one, two = identify([raw(summary="甲"), raw(summary="乙")])
    assert one.id != two.id


def test_the_same_item_twice_is_one() -> None:
    one, two = identify(
        [raw(id="1", link="https://a.test/1"), raw(id="1", link="https://a.test/1?utm_source=x")]
    )
    assert one == two


def test_an_id_that_several_items_share_is_followed_by_the_link() -> None:
    one, two = identify([raw(id="https://a.test/", link=f"https://a.test/{number}") for number in (1, 2)])
    assert [one.id, two.id] == ["https://a.test/ https://a.test/1", "https://a.test/ https://a.test/2"]
    assert names(one).isdisjoint(names(two))


def test_an_id_and_link_that_several_items_share_are_followed_by_the_title() -> None:
    one, two = identify([raw(id="1", title="甲"), raw(id="1", title="乙")])
    assert [one.id, two.id] == ["1 甲", "1 乙"]


def test_a_link_that_several_items_share_is_followed_by_the_title() -> None:
    one, two = identify([raw(link="https://a.test/", title="甲"), raw(link="https://a.test/", title="乙")])
    assert names(one).isdisjoint(names(two))


def test_an_entry_is_known_again_when_its_id_comes_to_be_shared() -> None:
    alone, shared = raw(id="x", link="https://a.test/1"), raw(id="x", link="https://a.test/2")
    (first,) = identify([alone])
    again, new = identify([alone, shared])
    assert names(first) & names(again)
    assert names(first).isdisjoint(names(new))
    (last,) = identify([alone])
    assert names(last) & names(again), "and the other way round"


@pytest.mark.parametrize(
    "values",
    [{"id": "{}://a.test/1"}, {"link": "{}://a.test/1"}, {"id": "https://a.test/", "link": "{}://a.test/1"}],
)
def test_a_move_from_http_to_https_makes_no_new_entries(values: dict[str, str]) -> None:
    (before,) = identify([raw(**{key: value.format("http") for key, value in values.items()})])
    (after,) = identify([raw(**{key: value.format("https") for key, value in values.items()})])
    assert names(before) & names(after)


# --- a feed that has moved ---------------------------------------------------------------------------


def test_an_entry_is_known_again_with_www_and_without() -> None:
    (before,) = identify([raw(id="http://www.a.test/1")])
    (after,) = identify([raw(id="https://a.test/1")])
    assert names(before) & names(after)
    entry = make.entry(id="new", link="https://www.news.example.org/1/")
    (known,) = recognise([entry], set(), [("http://news.example.org/1/", "old")]) or ()
    assert known.aliases == ("old",)


def test_half_of_the_ids_are_enough_to_know_a_feed_again() -> None:
    entries = [make.entry(number=number, id=f"id{number}", link="") for number in range(4)]
    assert recognise(entries, {"id0", "id1"}, []) == tuple(entries)
    assert recognise(entries, {"id0"}, []) is None


def test_an_alias_is_as_good_as_an_id() -> None:
    entry = make.entry(id="new", aliases=("old",), link="")
    assert recognise([entry], {"old"}, []) == (entry,)


def test_an_entry_that_only_its_link_tells_gets_the_id_it_has() -> None:
    entry = make.entry(id="new", link="https://news.example.org/1/")
    (recognised,) = recognise([entry], set(), [("http://news.example.org/1/", "old")]) or ()
    assert recognised == replace(entry, aliases=("old",))


def test_a_link_that_several_entries_share_tells_none_of_them() -> None:
    entries = [make.entry(id=f"id{number}", link="https://news.example.org/") for number in range(2)]
    home = ("https://news.example.org/", "a"), ("http://news.example.org/", "b")
    assert recognise(entries, set(), home[:1]) is None, "in the document"
    assert recognise(entries[:1], set(), home) is None, "in the feed"
    assert recognise(entries[:1], set(), home[:1])


# --- ids that change at each visit -------------------------------------------------------------------


def visit(count: int, ids: str, **differ: Any) -> list[Entry]:
    """Entries of one visit, whose ids begin with a text."""
    return [
        make.entry(f"标题 {number}", number=number, id=f"{ids}{number}", **differ) for number in range(count)
    ]


def test_a_feed_gives_other_ids_when_four_fifths_of_what_it_has_came_under_new_ones() -> None:
    stored = visit(5, "a")
    again = [*stored[:1], *visit(5, "b")[1:]]
    assert may_change_ids(again, {"a0"})
    assert ids_change(again, {"a0"}, stored)
    half = [*stored[:2], *visit(5, "b")[2:]]
    assert not may_change_ids(half, {"a0", "a1"})
    assert not ids_change(half, {"a0", "a1"}, stored)


def test_what_a_feed_never_had_says_nothing_of_its_ids() -> None:
    new = [make.entry(f"新的 {number}", number=100 + number, id=f"n{number}") for number in range(20)]
    stored = visit(5, "a")
    assert ids_change([*new, *visit(4, "b"), stored[4]], {"a4"}, stored)
    assert not ids_change([*new, stored[4]], {"a4"}, stored)
    assert not ids_change(new, set(), stored)


def test_title_and_path_have_to_agree() -> None:
    stored = visit(5, "a")
    assert not ids_change(
        [replace(entry, title=f"又{entry.title}") for entry in visit(5, "b")], set(), stored
    )
    moved = [replace(entry, link=f"{entry.link}x/") for entry in visit(5, "b")]
    assert not ids_change(moved, set(), stored)
    elsewhere = [
        replace(entry, link=entry.link.replace("news", "cdn7") + "?sid=1") for entry in visit(5, "b")
    ]
    assert ids_change(elsewhere, set(), stored), "a mirror's host, a session"


def test_a_title_that_several_entries_of_a_document_have_says_nothing() -> None:
    column = [make.entry("早报", id=f"day{day}") for day in range(4)]
    assert not ids_change(column[1:], set(), column[:1])
    assert not ids_change([make.entry("", id="b")], set(), [make.entry("", id="a")])


def test_an_entry_of_another_date_may_be_the_next_issue_of_a_column() -> None:
    monday = make.entry("早报", id="monday")
    for published, same in ((make.NOW, True), (None, True), (make.NOW + timedelta(days=1), False)):
        tuesday = replace(monday, id="tuesday", published=published)
        assert ids_change([tuesday], set(), [monday]) is same
    signs = visit(12, "monday")
    assert not ids_change(visit(12, "tuesday", published=make.NOW + timedelta(days=1)), set(), signs)


def test_by_its_path_and_title_an_entry_keeps_the_id_it_has() -> None:
    stored, again = visit(2, "a"), visit(3, "b")
    one, two, three = by_place(again, set(), stored)
    assert (one.aliases, two.aliases, three.aliases) == (("a0",), ("a1",), ())
    assert [entry.id for entry in by_place(visit(3, "c"), set(), ())] == [one.id, two.id, three.id]
    (known,) = by_place(again[:1], {"b0"}, ())
    assert known.aliases == ("b0",), "one that was known by its own id"
    (last,) = by_place([replace(again[0], id=one.id)], {one.id}, ())
    assert last.aliases == ()


def test_entries_of_one_path_and_title_are_told_apart_by_the_parameters_of_their_links() -> None:
    link = "https://news.example.org/article.php?id="
    one, two, twice = by_place(
        [make.entry("早报", id=f"x{number}", link=f"{link}{number}") for number in (1, 2)]
        + [make.entry("晚报", id=number) for number in ("3", "4")],
        set(),
        [],
    )
    assert len({one.id, two.id, twice.id}) == 3


# --- stories -----------------------------------------------------------------------------------------


def stories_of(*links: str, home: str = "https://a.test/blog/") -> list[str]:
    entries = [raw(id=str(number), link=link) for number, link in enumerate(links)]
    return stories(entries, identify(entries), feed_url="https://a.test/rss", home=home)


def test_a_story_is_the_address_that_one_entry_of_the_document_has() -> None:
    assert stories_of("https://www.a.test/1/?utm_source=x", "http://m.a.test/2#top") == [
        "//a.test/1",
        "//a.test/2",
    ]


@pytest.mark.parametrize("links", [["https://a.test/1", "http://a.test/1/"], ["https://a.test/blog"], [""]])
def test_an_address_that_tells_no_article_is_no_story(links: list[str]) -> None:
    assert stories_of(*links) == [f"https://a.test/rss {number}" for number, _ in enumerate(links)]


def test_the_same_item_twice_is_one_story() -> None:
    entries = [raw(id="1", link="https://a.test/1"), raw(id="1", link="https://a.test/1?utm_source=x")]
    told = stories(entries, identify(entries), feed_url="https://a.test/rss", home="")
    assert told == ["//a.test/1", "//a.test/1"]


def test_a_long_address_is_a_story_by_its_hash() -> None:
    (story,) = stories_of("https://a.test/" + "x" * 600)
    assert story.startswith("sha256:")


@pytest.mark.parametrize(
    ("before", "after", "retitled"),
    [
        ("大模型降价", "大模型涨价", True),
        ("大模型降价", "大模型 降价!", False),
        ("AI News", "ＡＩ NEWS", False),
        ("GPT-4", "GPT-5", True),
        ("C", "C++", True),
        ("……", "!", False),
    ],
)
def test_another_title_says_something_else(before: str, after: str, retitled: bool) -> None:
    assert is_retitled(before, after) is retitled


def test_many_items_of_one_id_cost_what_few_cost_each() -> None:
    def identify_many(count: int) -> Callable[[], object]:
        query = "&".join(f"a{number}=1" for number in range(20))
        entries = [raw(id="x", link=f"https://a.test/{number}?{query}") for number in range(count)]
        return lambda: identify(entries)

    few, many = cpu_seconds(*[identify_many(50)] * 3), cpu_seconds(*[identify_many(1000)] * 2)
    assert many < few * 20 * 4
