from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.feeds.identity import Identity, identify, recognise
from monitor.feeds.raw import RawEntry
from tests import make


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
    "own", ["0", "a b", "https://a.test/1?utm_source=RSS", "tag:a.test,2026:1", "Å", "A\u030a", "é" * 500]
)
def test_the_feeds_own_id_is_kept_as_it_is(own: str) -> None:
    (identity,) = identify([raw(id=own, link="https://a.test/1")])
    assert identity.id == own


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
