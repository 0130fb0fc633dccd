from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.config.options import Rule
from monitor.digests.build import (
    COPIES_IN_ITEM,
    FULL_IN_ALL,
    FULL_IN_SECTION,
    Stories,
    build,
    fair_share,
    rules_of,
)
from monitor.digests.stories import Past
from monitor.model.digests import Digest, Item, Mailed, Section, Slot, Watched
from monitor.model.feeds import FeedHealth
from monitor.model.rules import COPY, Match, PendingEntry
from tests.digests.test_stories import READER
from tests.make import NOW, entry, hit, match, rule, subscription

RULES = (("人工智能", "f1"), ("芯片", "f2"), ("机器人", "f3"))
FEED = "https://feed.example.org/rss"
OTHER = "https://other.example.org/rss"
THIRD = "https://third.example.org/rss"
FEEDS = {FEED: "甲报", OTHER: "乙报", THIRD: "丙报"}
SLOT = Slot.named("at:2026-11-24T08:00", NOW)


def waits(title: str, *matches: Match, seq: int = 1, **differ: Any) -> PendingEntry:
    return PendingEntry(seq=seq, entry=entry(title, number=seq, **differ), matches=matches or (match("f1"),))


def built(
    *pending: PendingEntry,
    rules: Sequence[tuple[str, str]] = RULES,
    watched: Watched | None = None,
    limits: Mapping[str, Rule] = MappingProxyType({}),
    **differ: Any,
) -> Digest:
    return build(
        subscription(),
        SLOT,
        pending,
        rules=[(limits.get(name) or rule(name), fingerprint) for name, fingerprint in rules],
        feeds=FEEDS,
        watched=watched or Watched(),
        since=NOW - timedelta(days=1),
        now=NOW,
        next_at=NOW + timedelta(days=1),
        **differ,
    )


def folded(*pending: PendingEntry, mailed: Sequence[Mailed] = (), **differ: Any) -> Digest:
    """The digest as it is with headlines compared, to each other and to what was mailed."""
    retitled = differ.pop("retitled", {})
    return built(
        *pending, stories=Stories(reader=READER, past=Past(READER, mailed), retitled=retitled), **differ
    )


def titles(section: Section) -> list[str]:
    return [item.entry.title for item in section.items]


def only(digest: Digest) -> Item:
    (section,) = digest.sections
    (item,) = section.items
    return item


def sources(item: Item) -> list[str]:
    return [copy.feed for copy in item.copies]


def test_entries_stand_under_their_rule_in_the_operators_order() -> None:
    digest = built(waits("乙", match("f2"), seq=1), waits("甲", match("f1"), seq=2))
    assert [(section.rule, titles(section)) for section in digest.sections] == [
        ("人工智能", ["甲"]),
        ("芯片", ["乙"]),
    ]


def test_what_was_asked_for_is_kept() -> None:
    digest = built()
    assert (digest.subscription, digest.slot, digest.at) == (subscription(), SLOT, NOW)
    assert (digest.since, digest.next_at) == (NOW - timedelta(days=1), NOW + timedelta(days=1))
    assert digest.sections == ()


def test_an_entry_of_two_rules_stands_once_with_both_reasons() -> None:
    chip = match("f2", hits=(hit("芯片"),))
    item = only(built(waits("甲", chip, match("f1"))))
    assert [reason.rule for reason in item.reasons] == ["人工智能", "芯片"]
    assert item.reasons[1].hits == chip.hits


def test_a_match_of_a_rule_no_longer_in_force_is_no_reason() -> None:
    assert [reason.rule for reason in only(built(waits("甲", match("old"), match("f2")))).reasons] == ["芯片"]
    assert built(waits("甲", match("old"))).sections == ()


def test_the_newest_come_first_then_by_title() -> None:
    old = NOW - timedelta(hours=9)
    digest = built(
        waits("旧", seq=1, published=old),
        waits("新", seq=2),
        waits("乙", seq=3, published=old - timedelta(hours=1)),
        waits("丙", seq=4, published=old - timedelta(hours=1)),
    )
    assert titles(digest.sections[0]) == ["新", "旧", "丙", "乙"]
    assert [item.lead for item in digest.sections[0].items] == [False] * 4


def scored(*scores: float) -> Digest:
    """Entries of these scores, the newest first; each is called by its place."""
    return built(
        *(
            waits(str(place), match("f1", score=score), seq=place + 1, published=NOW - timedelta(hours=place))
            for place, score in enumerate(scores)
        )
    )


def test_a_lead_of_up_to_three_by_score_stands_before_those_by_time() -> None:
    (section,) = scored(1, 2, 1, 5, 3, 4, 1).sections
    assert [(item.entry.title, item.lead) for item in section.items] == [
        *(("3", True), ("5", True), ("4", True)),
        *(("0", False), ("1", False), ("2", False), ("6", False)),
    ]


def test_what_scores_as_little_as_any_is_no_lead() -> None:
    (section,) = scored(1, 1, 2).sections
    assert [(item.entry.title, item.lead) for item in section.items] == [
        ("2", True),
        ("0", False),
        ("1", False),
    ]
    assert not any(
        item.lead for section in (scored(7).sections + scored(2, 2).sections) for item in section.items
    )


def test_at_most_half_of_a_section_is_its_lead() -> None:
    (section,) = scored(1, 2, 3).sections
    assert [(item.entry.title, item.lead) for item in section.items] == [
        ("2", True),
        ("0", False),
        ("1", False),
    ]
    (section,) = scored(1, 2, 3, 4, 5, 6).sections
    assert titles(section) == ["5", "4", "3", "0", "1", "2"]


def test_of_a_lead_with_equal_scores_the_newer_comes_first() -> None:
    (section,) = scored(1, 2, 2, 2, 2, 1).sections
    assert titles(section) == ["1", "2", "3", "0", "4", "5"]


def test_what_is_owed_comes_first_and_is_no_lead() -> None:
    owed = waits("欠", match("f1", score=9.0), seq=50, published=NOW - timedelta(days=3))
    (section,) = built(waits("新", seq=2), waits("好", match("f1", score=2.0), seq=3), owed=[owed]).sections
    assert [(item.entry.title, item.owed, item.lead) for item in section.items] == [
        *(("欠", True, False), ("好", False, True), ("新", False, False)),
    ]


def test_the_best_of_its_rules_in_force_is_an_entrys_score() -> None:
    item = only(built(waits("甲", match("f1"), match("f2", score=3.0), match("old", score=9.0))))
    assert item.score == 3.0


def test_a_story_of_several_feeds_stands_once_by_the_one_with_most_text() -> None:
    item = only(
        built(
            waits("短", seq=1, story="s", feed_url=FEED, summary="摘要"),
            waits("长", seq=2, story="s", feed_url=OTHER, text="全文很长很长"),
            waits("中", seq=3, story="s", feed_url=THIRD, summary="摘要一句"),
        )
    )
    assert (item.entry.title, item.feed, sources(item)) == ("长", "乙报", ["甲报", "丙报"])


def test_of_two_equal_copies_the_first_seen_stands() -> None:
    item = only(built(waits("后", seq=2, story="s", feed_url=OTHER), waits("先", seq=1, story="s")))
    assert (item.entry.title, sources(item)) == ("先", ["乙报"])


def test_a_copy_that_did_not_match_only_counts_as_another_source() -> None:
    silent = PendingEntry(seq=2, entry=entry("长", story="s", feed_url=OTHER, text="很长很长"), matches=())
    item = only(built(waits("短", seq=1, story="s"), silent))
    assert (item.entry.title, sources(item)) == ("短", ["乙报"])


def test_a_feed_that_brought_a_story_twice_is_not_another_source() -> None:
    assert only(built(waits("一", seq=1, story="s"), waits("二", seq=2, story="s"))).copies == ()


def test_a_feed_no_longer_watched_is_called_by_its_host() -> None:
    assert only(built(waits("甲", feed_url="https://gone.example.org/rss"))).feed == "gone.example.org"
    assert only(built(waits("甲", feed_url="demo"))).feed == "demo"


def test_rules_without_a_match_are_silent() -> None:
    watched = Watched(feeds=(("甲报", FeedHealth.OK),), entries=41)
    digest = built(waits("甲", match("f1"), match("f3")), watched=watched)
    assert digest.watched == Watched(feeds=watched.feeds, entries=41, silent=("芯片",))


def test_the_order_in_which_entries_wait_does_not_matter() -> None:
    pending = [waits(f"{n % 7}", match(f"f{n % 2 + 1}"), seq=n, story=f"s{n % 20}") for n in range(40)]
    assert built(*pending) == built(*reversed(pending))


def test_beyond_thirty_a_section_shows_titles_only() -> None:
    (section,) = built(*(waits(f"{n:03}", seq=n) for n in range(40))).sections
    assert (len(section.items), len(section.more)) == (FULL_IN_SECTION, 10)
    assert titles(section)[0] == "000"
    assert section.more[-1].entry.title == "039"


def test_beyond_sixty_in_all_the_longest_sections_give_way() -> None:
    sizes = {"f1": 40, "f2": 3, "f3": 40}
    pending = [
        waits(f"{fingerprint}{n}", match(fingerprint), seq=n + 100 * int(fingerprint[1]))
        for fingerprint, size in sizes.items()
        for n in range(size)
    ]
    sections = built(*pending).sections
    assert [len(section.items) for section in sections] == [28, 3, 28]
    assert [len(section.more) for section in sections] == [12, 0, 12]


@given(st.lists(st.integers(0, 100), max_size=90))
def test_a_fair_share_fills_the_room_and_no_more(sizes: list[int]) -> None:
    level = fair_share(sizes, FULL_IN_ALL, at_most=FULL_IN_SECTION)
    shown = [min(size, level) for size in sizes]
    assert sum(shown) <= FULL_IN_ALL
    if level < FULL_IN_SECTION:
        assert sum(min(size, level + 1) for size in sizes) > FULL_IN_ALL


def test_where_not_even_one_item_of_each_section_fits_none_is_shown() -> None:
    assert fair_share([1] * (FULL_IN_ALL + 1), FULL_IN_ALL, at_most=FULL_IN_SECTION) == 0
    assert fair_share([5], 0, at_most=FULL_IN_SECTION) == 0


def test_a_rule_may_limit_its_items_and_the_rest_are_titles() -> None:
    pending = [waits(f"题{number}", seq=number) for number in range(1, 6)]
    (section,) = built(*pending, limits={"人工智能": rule(max=2)}).sections
    assert (len(section.items), len(section.more)) == (2, 3)


def test_a_rule_whose_matches_go_out_at_once_is_not_called_silent() -> None:
    digest = built(waits("甲"), limits={"芯片": rule("芯片", pace="at once")})
    assert digest.watched.silent == ("机器人",)


def test_rules_stand_by_priority_then_as_named_and_disabled_ones_not_at_all() -> None:
    rules = [
        rule("甲"),
        rule("乙", priority=2),
        rule("丙", enabled=False),
        rule("丁", priority=-1),
        rule("戊"),
    ]
    assert [rule.name for rule in rules_of(subscription(), rules)] == ["乙", "甲", "戊", "丁"]
    named = subscription(rules=("戊", "丙", "甲", "乙"))
    assert [rule.name for rule in rules_of(named, rules)] == ["乙", "戊", "甲"]


# --- one story once ---------------------------------------------------------------------------

SAID = "澄湖科技发布「星槎」大模型，训练只用三百块芯片"
SAID_OTHERWISE = "只用三百块芯片：澄湖科技推出星槎大模型"


def test_a_story_in_other_words_stands_once_by_the_fullest_copy_with_the_links_of_the_others() -> None:
    short = waits(SAID, seq=1, feed_url=FEED, summary="摘要")
    full = waits(SAID_OTHERWISE, seq=2, feed_url=OTHER, text="全文很长很长")
    item = only(folded(short, full))
    assert (item.entry.title, item.feed, sources(item)) == (SAID_OTHERWISE, "乙报", ["甲报"])
    assert item.copies[0].entry.link == short.entry.link
    assert set(item.entries) == {1, 2}
    assert folded(short, full) == folded(full, short)


def test_without_comparing_headlines_only_equal_addresses_are_one_story() -> None:
    (section,) = built(waits(SAID, seq=1), waits(SAID_OTHERWISE, seq=2, feed_url=OTHER)).sections
    assert len(section.items) == 2


def test_a_story_stands_under_the_first_rule_of_any_copy_with_the_reasons_of_all() -> None:
    full = waits(SAID_OTHERWISE, match("f3", score=1), seq=1, feed_url=OTHER, text="全文很长很长")
    short = waits(SAID, match("f1", score=2), match("f3"), seq=2)
    digest = folded(full, short)
    item = only(digest)
    assert digest.sections[0].rule == "人工智能"
    assert [(reason.rule, [hit.field for hit in reason.hits]) for reason in item.reasons] == [
        ("人工智能", [COPY]),
        ("机器人", ["title"]),
    ], "where a word stands in a copy says nothing of the title that is shown"
    assert (item.score, digest.total, digest.watched.silent) == (2, 1, ("芯片",))


def test_copies_of_equal_address_join_those_in_other_words() -> None:
    item = only(
        folded(
            waits(SAID, seq=1, story="s", text="全文很长"),
            waits(SAID, seq=2, story="s", feed_url=OTHER),
            waits(SAID_OTHERWISE, seq=3, feed_url=THIRD),
        )
    )
    assert sources(item) == ["乙报", "丙报"]


def test_very_many_copies_stand_under_several_items_so_that_each_fits_a_mail() -> None:
    feeds = {f"https://{number}.example.org/": f"报{number}" for number in range(80)}
    pending = [waits(SAID, seq=number, feed_url=url) for number, url in enumerate(feeds, 1)]
    (section,) = folded(*pending).sections
    assert [len(item.copies) for item in section.items] == [COPIES_IN_ITEM - 1, COPIES_IN_ITEM - 1, 19]
    assert sorted(seq for item in section.items for seq in item.entries) == list(range(1, 81))
    long = [
        waits(SAID, seq=number, feed_url=url, link="https://l.example.org/" + "x" * 1900)
        for number, url in enumerate(feeds, 1)
    ]
    (section,) = folded(*long[:8]).sections
    assert [len(item.copies) for item in section.items] == [2, 2, 1]
    same_address = [waits(SAID, seq=number, feed_url=url, story="s") for number, url in enumerate(feeds, 1)]
    assert len(only(built(*same_address)).copies) == COPIES_IN_ITEM


def mailed(title: str, seq: int = 90) -> Mailed:
    when = NOW - timedelta(days=1)
    return Mailed(seq=seq, title=title, feed_url=THIRD, when=when, at=when)


def test_one_more_source_of_what_was_mailed_is_known_and_not_counted() -> None:
    known = waits(SAID_OTHERWISE, seq=1, published=NOW - timedelta(hours=23))
    digest = folded(known, waits("天气转凉", seq=2), mailed=[mailed(SAID)])
    (section,) = digest.sections
    assert (titles(section), [item.entry.title for item in section.known]) == (["天气转凉"], [SAID_OTHERWISE])
    assert section.known[0].known_since == NOW - timedelta(days=1)
    assert (digest.total, len(digest.items), len(digest.news)) == (1, 2, 1)
    assert folded(known, mailed=[mailed(SAID)]).news == ()


def test_a_later_stage_of_what_was_mailed_is_an_update() -> None:
    item = only(
        folded(
            waits("澄湖科技宣布收购芯片企业芦笛微", seq=1),
            mailed=[mailed("澄湖科技正洽谈收购芯片企业芦笛微")],
        )
    )
    assert (item.update_of, item.known_since) == (NOW - timedelta(days=1), None)


def test_another_title_of_what_was_mailed_is_an_update_whichever_copy_has_it() -> None:
    before = NOW - timedelta(days=3)
    retitled = waits(SAID, seq=1, story="s")
    fuller = waits(SAID_OTHERWISE, seq=2, feed_url=OTHER, text="全文很长")
    item = only(folded(retitled, fuller, retitled={"s": before}, mailed=[mailed(SAID)]))
    assert (item.entry.title, item.update_of, item.known_since) == (SAID_OTHERWISE, before, None)


def test_what_is_owed_is_shown_whole_though_others_had_the_story() -> None:
    owed = waits(SAID, seq=1, published=NOW - timedelta(hours=23))
    item = only(folded(owed=[owed], mailed=[mailed(SAID_OTHERWISE, seq=2)]))
    assert (item.owed, item.known_since) == (True, None)


def test_what_stood_in_a_mail_that_is_owed_makes_nothing_known() -> None:
    owed = waits("天气转凉", seq=1)
    news = waits(SAID_OTHERWISE, seq=3, published=NOW - timedelta(hours=23), feed_url=OTHER)
    (section,) = folded(news, owed=[owed], mailed=[mailed(SAID, seq=1)]).sections
    assert [item.known_since for item in section.items] == [None, None]


def test_an_entry_without_a_title_is_compared_by_its_text() -> None:
    item = only(folded(waits("", seq=1, text=SAID), waits(SAID_OTHERWISE, seq=2, feed_url=OTHER)))
    assert sources(item) == ["乙报"]


def test_where_a_debt_is_a_copy_of_news_both_are_one_item() -> None:
    owed = waits(SAID, seq=1)
    item = only(folded(waits(SAID_OTHERWISE, seq=2, feed_url=OTHER, text="全文很长"), owed=[owed]))
    assert (item.owed, set(item.entries)) == (True, {1, 2})
