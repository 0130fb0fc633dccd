from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.digests.language import language_of
from monitor.digests.view import CopyView, DigestView, ItemView, digest_view
from monitor.model.digests import Copy, Digest, Item, Section, Slot, Watched
from monitor.model.feeds import FeedHealth
from monitor.model.rules import Reason
from tests.make import NOW, entry, hit, subscription


def item(title: str = "开源大模型的重心正在转移", **differ: Any) -> Item:
    reasons = differ.pop("reasons", (Reason(rule="人工智能", hits=(hit(),)),))
    of_item = {name: differ.pop(name) for name in ("copies", "update_of", "known_since") if name in differ}
    return Item(seq=1, entry=entry(title, **differ), feed="纽约时报中文网", reasons=reasons, **of_item)


def copy(feed: str, title: str = "另一个说法", number: int = 2, **differ: Any) -> Copy:
    return Copy(seq=number, entry=entry(title, number=number, **differ), feed=feed)


def digest(*items: Item, **differ: Any) -> Digest:
    values: dict[str, Any] = {
        "subscription": subscription(locale="zh-Hans"),
        "slot": Slot.named("at:2026-11-24T08:00", NOW),
        "at": NOW,
        "since": NOW - timedelta(days=1),
        "sections": (Section(rule="人工智能", items=items),) if items else (),
        **differ,
    }
    return Digest(**values)


def view_of(shown: Digest) -> DigestView:
    return digest_view(shown, language_of(shown.subscription.locale))


def seen_item(title: str = "开源大模型的重心正在转移", **differ: Any) -> ItemView:
    return view_of(digest(item(title, **differ))).sections[0].items[0]


def test_times_are_those_of_the_reader() -> None:
    shown = view_of(digest(item(published=NOW - timedelta(hours=15)), next_at=NOW + timedelta(days=1)))
    assert shown.day == "2026年11月24日星期二"
    assert shown.since == "昨日 08:00"
    assert shown.next == "11月25日 08:00"
    assert shown.sections[0].items[0].time == "11月23日 17:00"
    assert seen_item(published=NOW - timedelta(hours=8)).time == "00:00"


def test_a_first_issue_has_no_since_and_one_without_schedule_no_next() -> None:
    shown = view_of(digest(since=None))
    assert (shown.since, shown.next) == ("", "")


def test_a_late_digest_says_when_it_was_meant_to_come() -> None:
    slot = Slot.named("at:2026-11-24T08:00", NOW, late=True)
    assert view_of(digest(slot=slot, at=NOW + timedelta(hours=1))).scheduled == "今日 08:00"
    assert view_of(digest(slot=slot, at=NOW + timedelta(days=1))).scheduled == "昨日 08:00"
    assert view_of(digest()).scheduled == ""


def test_feeds_are_told_apart_by_their_health() -> None:
    feeds = (
        *(("甲", FeedHealth.OK), ("乙", FeedHealth.FAILING), ("丙", FeedHealth.UNVISITED)),
        *(("丁", FeedHealth.DEAD), ("戊", FeedHealth.GONE), ("己", FeedHealth.QUIET)),
    )
    shown = view_of(digest(watched=Watched(feeds=feeds, entries=41, silent=("机器人",))))
    assert (shown.feeds, shown.ok, shown.failing, shown.unvisited) == (6, 1, ("乙",), ("丙",))
    assert (shown.dead, shown.dead_count, shown.quiet, shown.quiet_count) == (("丁", "戊"), 2, ("己",), 1)
    assert (shown.entries, shown.silent) == (41, ("机器人",))


def test_the_first_title_is_the_headline() -> None:
    assert view_of(digest(item("甲"), item("乙"))).headline == "甲"
    assert view_of(digest()).headline == ""


def test_a_digest_of_titles_only_has_a_headline_too() -> None:
    assert (
        view_of(digest(sections=(Section(rule="人工智能", items=(), more=(item("甲"),)),))).headline == "甲"
    )


def test_hits_in_the_title_are_marked_in_it() -> None:
    marked = [piece.text for piece in seen_item().title.lead if piece.marked]
    assert marked == ["大模型"]


def test_hits_of_every_reason_are_marked() -> None:
    reasons = (
        Reason(rule="甲", hits=(hit("开源", start=0),)),
        Reason(rule="乙", hits=(hit("重心", start=6),)),
    )
    assert [piece.text for piece in seen_item(reasons=reasons).title.lead if piece.marked] == ["开源", "重心"]


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({"summary": "摘要"}, "摘要"),
        ({"text": "正文"}, "正文"),
        ({}, "https://news.example.org/1/"),
    ],
)
def test_an_entry_without_a_title_is_called_by_what_it_has(fields: dict[str, str], title: str) -> None:
    assert seen_item("\x00 ", **fields).title.text == title


@pytest.mark.parametrize("character", "\u200b\u00ad\u2060\u3164\u2800\u115f\u180e\U000e0041")
def test_a_title_of_what_cannot_be_seen_counts_as_none(character: str) -> None:
    assert seen_item(character * 4, summary=character, text="正文").title.text == "正文"
    assert seen_item(character, link="").title.text == "无标题"
    assert view_of(digest(item(f"甲{character}乙"))).headline in ("甲乙", "甲 乙")


def test_a_word_found_in_what_stands_for_the_title_is_marked_in_it() -> None:
    shown = seen_item("", summary="开源大模型", reasons=(Reason(rule="甲", hits=(hit(field="summary"),)),))
    assert [piece.text for piece in shown.title.lead if piece.marked] == ["大模型"]


def test_a_title_without_end_is_cut() -> None:
    assert seen_item("字" * 5000).title.text == "字" * 200 + "…"


def test_what_is_no_link_or_leads_elsewhere_is_told() -> None:
    shown = seen_item(link="javascript:alert(1)", original="http://127.0.0.1/")
    assert (shown.link, shown.host, shown.original, shown.original_host) == ("", "", "", "")
    shown = seen_item(link="https://example.net/1", original="https://example.org/1")
    assert (shown.link, shown.host) == ("https://example.net/1", "example.net")
    assert (shown.original, shown.original_host) == ("https://example.org/1", "")


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("", 0),
        ("字" * 600, 0),
        ("字" * 900, 2),
        ("字" * 4050, 9),
        ("word " * 1100, 5),
        ("字" * 450 + "word " * 220, 2),
    ],
)
def test_reading_time_is_told_of_long_texts(text: str, minutes: int) -> None:
    assert seen_item(text=text).minutes == minutes


def test_a_section_and_other_sources_are_shown_tidied() -> None:
    shown = seen_item(sections=("科\n技\u202e", "technology"), copies=(copy("示\x00例"),))
    assert (shown.section, shown.copies) == (
        "科技",
        (CopyView(name="示例", link="https://news.example.org/2/"),),
    )


def test_every_copy_is_shown_by_its_source_or_by_its_title_where_a_source_has_several() -> None:
    shown = seen_item(copies=tuple(copy(name) for name in "甲乙丙丁戊己"))
    assert [copy.name for copy in shown.copies] == list("甲乙丙丁戊己")
    copies = copy("甲", "一种说法"), copy("甲", "另一种"), copy("纽约时报中文网", "第三种"), copy("乙")
    shown = seen_item(copies=copies)
    assert [copy.name for copy in shown.copies] == ["一种说法", "另一种", "第三种", "乙"]
    assert shown.elsewhere == "另见 4 篇报道", "in three feeds, one of which is the item's own"
    assert seen_item(copies=(copy("甲"), copy("乙"))).elsewhere == "另见 2 家"
    assert seen_item().elsewhere == ""
    assert seen_item(copies=(copy("甲", link="javascript:alert(1)"),)).copies == (
        CopyView(name="甲", link=""),
    )


def test_what_was_sent_before_is_told_with_its_time_and_an_update_shown_without_excerpt() -> None:
    before = NOW - timedelta(days=1)
    shown = seen_item(update_of=before, summary="摘要", text="字" * 4000)
    assert (shown.sent_before, shown.excerpt.text, shown.why, shown.minutes) == ("昨日 08:00", "", (), 0)
    assert seen_item(summary="摘要").sent_before == ""


def test_known_items_are_not_counted_and_a_section_of_them_not_named_at_the_head() -> None:
    known = item("此前发过", known_since=NOW - timedelta(days=2))
    news = Section(rule="人工智能", items=(item("新的"),), known=(known,))
    view = view_of(digest(sections=(Section(rule="芯片", items=(), known=(known,)), news)))
    assert (view.count, view.headline, [section.rule for section in view.topics]) == (1, "新的", ["人工智能"])
    assert [section.count for section in view.sections] == [0, 1]
    assert view.sections[0].known[0].sent_before == "11月22日 08:00"


def test_names_without_end_are_cut() -> None:
    long = "名" * 500
    watched = Watched(feeds=((long, FeedHealth.FAILING),), silent=(long,), excluded_by=((long, 1),))
    shown = view_of(
        digest(item(sections=(long,)), subscription=subscription(long, locale="zh-Hans"), watched=watched)
    )
    cut = "名" * 59 + "…"
    assert (shown.name, shown.failing, shown.silent) == (cut, (cut,), (cut,))
    assert shown.excluded_by == shown.sections[0].items[0].section == "名" * 39 + "…"


def test_of_many_sections_twelve_are_counted_at_the_head() -> None:
    sections = tuple(Section(rule=f"规则{n}", items=(item(str(n)),)) for n in range(14))
    shown = view_of(digest(sections=sections))
    assert (len(shown.sections), [topic.rule for topic in shown.topics]) == (
        14,
        [f"规则{n}" for n in range(12)],
    )


def test_the_headline_is_new_where_anything_is() -> None:
    old, new = replace(item("旧"), owed=True), item("新")
    shown = view_of(digest(old, new))
    assert (shown.headline, shown.owed, shown.count) == ("新", 1, 2)
    assert view_of(digest(old)).headline == "旧"


def test_what_no_rule_matches_any_more_stands_under_a_title_of_our_own() -> None:
    shown = view_of(digest(sections=(Section(rule=None, items=(item(reasons=()),)),)))
    assert [(section.rule, section.count) for section in shown.sections] == [("按以前的规则选中", 1)]


def test_the_lead_and_what_is_owed_are_told() -> None:
    shown = view_of(digest(replace(item("旧"), owed=True), replace(item("好"), lead=True), item("新")))
    assert [(each.owed, each.lead) for each in shown.sections[0].items] == [
        *((True, False), (False, True), (False, False)),
    ]


@pytest.mark.parametrize(("entries", "shown"), [(0, 0), (1, 0), (2, 2), (41, 41)])
def test_fewer_entries_than_items_are_not_counted(entries: int, shown: int) -> None:
    owed = replace(item("旧"), owed=True)
    bringing = digest(owed, item("甲"), item("乙"), watched=Watched(entries=entries), total=3)
    assert view_of(bringing).entries == shown


def test_a_copy_whose_link_leaves_its_feeds_site_names_the_host() -> None:
    shown = seen_item(
        copies=(copy("甲", link="https://www.example.net/1"), copy("乙", link="http://10.0.0.1/"))
    )
    assert shown.copies == (
        CopyView(name="甲（example.net）", link="https://www.example.net/1"),
        CopyView(name="乙", link=""),
    )
