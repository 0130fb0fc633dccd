"""The arithmetic: weak words count together or in the title; what nearly matched says why."""

from functools import partial
from typing import Any

import pytest

from monitor.config.options import Rule
from monitor.model.rules import Hit
from monitor.rules.match import Cause, compile_rules, judge_entry, match_entry
from monitor.rules.score import independent
from tests import make
from tests.cost import cpu_seconds
from tests.rules.judging import judged

HINTS = {"hints": ("芯片", "算力", "模型", "大模型", "机器人")}


@pytest.mark.parametrize(
    ("where", "score", "match"),
    [
        ({"text": "餐厅引进机器人"}, 0.5, False),
        ({"summary": "餐厅引进机器人"}, 0.75, False),
        ({"title": "机器人进厂"}, 1.0, True),
        ({"text": "芯片，又是芯片"}, 0.5, False),
        ({"text": "芯片与算力"}, 1.0, True),
        ({"summary": "芯片", "text": "算力"}, 1.25, True),
        ({"text": "大模型"}, 0.5, False),
        ({"text": "大模型，新模型"}, 1.0, True),
        ({"title": "机器人进厂", "summary": "机器人和芯片", "text": "芯片和机器人"}, 1.75, True),
    ],
)
def test_hints_count_together_or_in_the_title(where: dict[str, str], score: float, match: bool) -> None:
    title, others = where.get("title", "城市周报"), {key: where[key] for key in where if key != "title"}
    judgement = judged(title, HINTS, None, (), **others)
    assert (judgement.score, judgement.match) == (score, match)


@pytest.mark.parametrize(
    ("rule", "title", "text", "match"),
    [
        ({"any": ("AI",), "hints": ("芯片", "算力")}, "", "AI", True),
        ({"any": ("AI",), "hints": ("芯片", "算力")}, "", "芯片与算力", True),
        ({"any": ("AI",), "hints": ("芯片", "算力")}, "", "芯片", False),
        ({"all": ("英伟达",), "hints": ("芯片", "算力")}, "英伟达", "", False),
        ({"all": ("英伟达",), "hints": ("芯片", "算力")}, "英伟达", "芯片和算力", True),
        ({"any": ("AI",), "threshold": 2.0}, "", "AI", False),
        ({"any": ("AI",), "threshold": 2.0}, "AI", "", True),
        ({"any": ("AI", "芯片"), "threshold": 2.0}, "", "AI芯片", True),
        ({"any": ("AI",), "weights": (("AI", 2.0),), "threshold": 2.0}, "", "AI", True),
        ({"any": ("AI",), "weights": (("AI", 0.4),)}, "AI", "", False),
        ({"any": ("AI",), "weights": (("AI", 0.4),), "threshold": 0.4}, "", "AI", True),
        ({"hints": ("芯片",), "weights": (("芯片", 2.0),)}, "", "芯片", True),
        ({"when": "芯片 OR AI", "threshold": 2.0}, "", "芯片", False),
        ({"when": "芯片 OR AI", "weights": (("AI", 2.0),), "threshold": 2.0}, "", "AI", True),
    ],
)
def test_weights_and_thresholds(rule: dict[str, Any], title: str, text: str, match: bool) -> None:
    assert judged(title, rule, text=text).match == match


@pytest.mark.untraced
def test_a_text_that_says_nothing_but_hints_is_read_to_its_end() -> None:
    judgement = judged("", HINTS, text="大模型" * 4_000)
    assert [(word.word, word.points) for word in judgement.points] == [("大模型", 0.5)]
    short, long = (partial(judged, "", HINTS, text="大模型" * times) for times in (500, 4_000))
    assert cpu_seconds(long, long) < 3 * 8 * cpu_seconds(short, short)


def test_hints_upon_each_other_count_once_and_beside_each_other_both() -> None:
    rule = {"hints": ("AI", "AI*", "生成式AI")}
    assert [points.word for points in judged("", rule, text="生成式AI").points] == ["生成式AI"]
    assert {points.word for points in judged("", rule, text="生成式AI和AIGC").points} == {"生成式AI", "AI*"}
    assert len(judged("", rule, text="AI").points) == 1


def test_where_two_hints_begin_the_longer_place_counts_whichever_hint_is_longer_elsewhere() -> None:
    def place(start: int, end: int) -> Hit:
        return Hit(field="text", word="", found="", start=start, end=end)

    hints = {"short here": [place(0, 2), place(20, 30)], "long here": [place(0, 5)]}
    assert independent(hints) == {"short here": [place(20, 30)], "long here": [place(0, 5)]}


@pytest.mark.parametrize(
    ("title", "rule", "causes"),
    [
        ("芯片", {"any": ("芯片",)}, []),
        ("芯片", {"any": ("芯片",), "threshold": 3.0}, [Cause.SCORE]),
        ("芯片招聘", {"any": ("芯片",), "none": ("招聘",)}, [Cause.NONE]),
        ("芯片招聘", {"any": ("芯片",), "ignore": ("芯片招聘",)}, [Cause.IGNORE]),
        ("芯片招聘", {"when": "芯片 AND NOT 招聘"}, [Cause.NONE, Cause.MISSING]),
        ("芯片招聘", {"all": ("芯片", "when"), "none": ("招聘",)}, [Cause.NONE, Cause.MISSING]),
        ("芯片", {"any": ("芯片",), "sections": ("科技",)}, [Cause.SECTIONS]),
        ("芯片", {"all": ("出口",), "languages": ("en",)}, [Cause.LANGUAGES, Cause.MISSING]),
        ("出口", {"any": ("芯片",), "all": ("出口",), "feeds": ("x",)}, [Cause.FEEDS, Cause.MISSING]),
    ],
)
def test_every_cause_that_keeps_an_entry_out_is_named(
    title: str, rule: dict[str, Any], causes: list[Cause]
) -> None:
    judgement = judged(title, rule)
    assert list(judgement.reasons) == causes
    assert judgement.why_not == "; ".join(judgement.reasons.values())


def test_what_is_missing_is_named_and_no_word_is_taken_for_a_cause() -> None:
    judgement = judged("芯片", {"all": ("when", "any or hints"), "hints": ("算力", "模型"), "when": "出口"})
    assert judgement.missing == ("when", "any or hints", "any or hints", "when")
    assert judgement.missing_words == ("when", "any or hints")
    assert (judgement.lacks_evidence, judgement.when_fails) == (True, True)


def test_near_misses_say_what_kept_them_out() -> None:
    assert judged("芯片招聘", {"any": ("芯片",), "none": ("招聘",)}).why_not == "none: 招聘"
    assert judged("芯片", {"all": ("芯片", "出口", "出口")}).why_not == "missing: 出口"
    short = judged("x", {"any": ("芯片",), "threshold": 2.0}, text="芯片")
    assert (short.near, short.why_not) == (True, "score 1 of 2")
    far = judged("x", {"any": ("芯片",), "threshold": 3.0}, text="芯片")
    assert (far.near, far.why_not) == (False, "score 1 of 3")
    assert judged("AI", {"any": ("AI",)}).why_not == ""
    assert not judged("天气", {"any": ("AI",)}).near


@pytest.mark.parametrize(
    ("scope", "kept"),
    [
        ({"sections": ("科技",)}, True),
        ({"sections": ("商業", "旅游")}, True),
        ({"sections": ("商业",)}, False),
        ({"languages": ("en", "zh-Hant")}, True),
        ({"languages": ("zh",)}, False),
        ({"languages": ("zh-Hans",)}, False),
    ],
)
def test_what_is_out_of_scope_does_not_match(scope: dict[str, Any], kept: bool) -> None:
    judgement = judged(
        "AI对话说明", {"any": ("AI",), **scope}, sections=("商業",) if "旅游" not in str(scope) else ()
    )
    assert judgement.match is not kept
    assert judgement.near is kept
    assert bool(judgement.scope) is kept


def test_a_feeds_own_sections_are_told_as_scope_too() -> None:
    feed = make.feed(sections=("科技",))
    ruleset = compile_rules([make.rule()], [feed])
    (judgement,) = judge_entry(make.entry("AI", sections=("旅游",)), ruleset)
    assert (judgement.match, judgement.why_not) == (False, "sections of the rule")
    (judgement,) = judge_entry(
        make.entry("AI"),
        compile_rules([make.rule(feeds=("另一家",))], [make.feed("另一家", url="https://x.example.org")]),
    )
    assert judgement.why_not == "feeds of the rule"


def test_a_rule_that_is_not_enabled_is_as_if_it_were_not_there() -> None:
    off = compile_rules([make.rule(enabled=False)], [])
    assert off.fingerprint == compile_rules([], []).fingerprint
    assert match_entry(make.entry("AI"), off) == ()


def test_other_fields_are_asked_where_they_are_named() -> None:
    ruleset = compile_rules(
        [Rule(name="r", any=("author:王", "section:科技", "feed:纽约", "link:deals"))], [make.feed()]
    )
    entry = make.entry("x", authors=("李", "王"), sections=("科技",), link="https://x.example.org/deals/1")
    (match,) = match_entry(entry, ruleset)
    assert [(hit.field, hit.found, hit.start) for hit in match.hits] == [
        ("author", "王", 3), ("section", "科技", 0), ("link", "deals", 22), ("feed", "纽约", 0),
    ]  # fmt: skip


@pytest.mark.parametrize("key", ["any", "all", "hints"])
def test_a_word_written_in_three_ways_counts_once(key: str) -> None:
    judgement = judged("AI 进了课堂", {key: ("AI", "ai", "ＡＩ", "ａi")})
    once = judged("AI 进了课堂", {key: ("AI",)})
    assert judgement.score == once.score
    assert judgement.match
    assert [hit.word for hit in judgement.hits] == ["AI"]


def test_a_word_that_wants_its_case_is_another_word() -> None:
    assert judged("AI 进了课堂", {"any": ("AI", "=AI", "AI*")}).score == 6.0


def test_of_a_word_written_twice_the_first_one_has_the_weight() -> None:
    rule = {"any": ("AI", "ai"), "weights": (("AI", 3.0),), "threshold": 6.0}
    assert judged("ai 进了课堂", rule).score == 6.0
