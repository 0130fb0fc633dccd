from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.config.options import Rule
from monitor.digests.build import FULL_IN_ALL, FULL_IN_SECTION, build, fair_share, rules_of
from monitor.model.digests import Digest, Item, Section, Slot, Watched
from monitor.model.feeds import FeedHealth
from monitor.model.rules import Match, PendingEntry
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
    owed: Sequence[PendingEntry] = (),
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
        owed=owed,
    )


def titles(section: Section) -> list[str]:
    return [item.entry.title for item in section.items]


def only(digest: Digest) -> Item:
    (section,) = digest.sections
    (item,) = section.items
    return item


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
    assert (item.entry.title, item.feed, item.also) == ("长", "乙报", ("甲报", "丙报"))


def test_of_two_equal_copies_the_first_seen_stands() -> None:
    item = only(built(waits("后", seq=2, story="s", feed_url=OTHER), waits("先", seq=1, story="s")))
    assert (item.entry.title, item.also) == ("先", ("乙报",))


def test_a_copy_that_did_not_match_only_counts_as_another_source() -> None:
    silent = PendingEntry(seq=2, entry=entry("长", story="s", feed_url=OTHER, text="很长很长"), matches=())
    item = only(built(waits("短", seq=1, story="s"), silent))
    assert (item.entry.title, item.also) == ("短", ("乙报",))


def test_a_feed_that_brought_a_story_twice_is_not_another_source() -> None:
    assert only(built(waits("一", seq=1, story="s"), waits("二", seq=2, story="s"))).also == ()


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
