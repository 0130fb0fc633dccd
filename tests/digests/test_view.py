from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.digests.language import language_of
from monitor.digests.view import DigestView, ItemView, ReasonView, digest_view
from monitor.model.digests import Digest, Item, Section, Slot, Watched
from monitor.model.feeds import FeedHealth
from monitor.model.rules import Hit, Reason
from tests.make import NOW, entry, hit, subscription


def item(title: str = "开源大模型的重心正在转移", **differ: Any) -> Item:
    reasons = differ.pop("reasons", (Reason(rule="人工智能", hits=(hit(),)),))
    also = differ.pop("also", ())
    return Item(seq=1, entry=entry(title, **differ), feed="纽约时报中文网", reasons=reasons, also=also)


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


def seen_reason(*hits: Hit) -> ReasonView:
    return seen_item(reasons=(Reason(rule="人工智能", hits=hits),)).reasons[0]


def test_times_are_those_of_the_reader() -> None:
    shown = view_of(digest(item(published=NOW - timedelta(hours=15)), next_at=NOW + timedelta(days=1)))
    assert shown.day == "2026年11月24日 星期二"
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


def test_a_title_without_end_is_cut() -> None:
    assert seen_item("字" * 5000).title.text == "字" * 200 + "…"


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://example.org/",
        "//evil.example.org/",
        "https://example.org/a b",
        "https://example.org/\nhttps://evil.example.org/",
        'https://example.org/"onclick=x',
        "https://example.org/" + "a" * 3000,
        "",
    ],
)
def test_what_is_no_web_address_is_no_link(link: str) -> None:
    shown = seen_item(link=link, original=link)
    assert (shown.link, shown.original) == ("", "")


def test_web_addresses_are_links() -> None:
    shown = seen_item(link="https://example.org/路径?a=1&b=2#c", original="http://example.org/en")
    assert (shown.link, shown.original) == ("https://example.org/路径?a=1&b=2#c", "http://example.org/en")


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
    shown = seen_item(sections=("科\n技\u202e", "technology"), also=("示\x00例",))
    assert (shown.section, shown.also) == ("科技", ("示例",))


def test_reasons_name_the_words_by_field_in_the_order_found() -> None:
    reason = seen_reason(
        hit("大模型"),
        hit("AI", start=9),
        hit("算力", field="summary"),
        hit("推理", field="text"),
        hit("芯片", field="text"),
    )
    assert reason == ReasonView(
        rule="人工智能",
        words=(("title", ("大模型", "AI")), ("summary", ("算力",)), ("text", ("推理", "芯片"))),
        others=False,
    )


def test_a_word_is_named_once_where_it_is_found_first() -> None:
    reason = seen_reason(
        hit("ai", found="AI"), hit("ai", found="Ai", field="summary"), hit("算力", field="summary")
    )
    assert reason.words == (("title", ("AI",)), ("summary", ("算力",)))


def test_of_many_words_six_are_named() -> None:
    six = [hit(word, field="text") for word in "一二三四五六"]
    assert not seen_reason(*six).others
    reason = seen_reason(*six, hit("七", field="text"))
    assert (reason.words, reason.others) == ((("text", tuple("一二三四五六")),), True)


def test_a_word_that_a_regular_expression_found_is_cut() -> None:
    whole = hit("/AI.*AI/", found="AI  " + "\n很长的一段" * 3000 + "AI")
    again = hit("/AI.*AI/", found=whole.found + "again", start=20_000)
    reason = seen_reason(whole, again, hit("大模型", field="text"))
    ((_, (word,)), (_, (short,))) = reason.words
    assert (word, short) == ("AI " + "很长的一段" * 7 + "很…", "大模型")
    assert len(word) == 40


def test_of_many_rules_four_are_named_and_of_many_feeds_five() -> None:
    reasons = tuple(Reason(rule=f"规则{n}", hits=()) for n in range(6))
    shown = seen_item(reasons=reasons, also=tuple("甲乙丙丁戊己"))
    assert ([reason.rule for reason in shown.reasons], shown.other_rules) == (
        ["规则0", "规则1", "规则2", "规则3"],
        2,
    )
    assert (shown.also, shown.also_count) == (tuple("甲乙丙丁戊"), 6)


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
