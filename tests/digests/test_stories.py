"""Headlines of our own, in the shapes that real ones have: one story in other words, later stages, and traps."""

from datetime import timedelta
from time import process_time
from typing import Any

import pytest

from monitor.digests.stories import Kinship, Past, Reader, Told, Window, group
from monitor.model.digests import Mailed
from monitor.rules.fold import fold
from tests.make import NOW

READER = Reader(lambda text: fold(text).text)
HOUR = timedelta(hours=1)


def told(title: str, hours: float = 0, feed: str = "甲") -> Told:
    return READER.read(title, NOW + hours * HOUR, feed)


def kinship(earlier: str, later: str, *, hours: float = 1, feeds: str = "甲乙") -> Kinship:
    window = Window(READER)
    pair = told(earlier, 0, feeds[0]), told(later, hours, feeds[1])
    for each in pair:
        window.add(each)
    found = window.kinship(*pair)
    assert window.kinship(*reversed(pair)) == found, "their order does not matter"
    return found[0]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("澄湖科技发布「星槎」大模型，训练只用三百块芯片", "只用三百块芯片：澄湖科技推出星槎大模型"),
        ("快讯／雲門縣長蘇慕白宣布退選", "蘇慕白突宣布退選 雲門縣長之爭生變"),
        ("云门县长苏慕白宣布退选", "快訊／雲門縣長蘇慕白突然宣布退選"),
        ("鹭岛大学研制出会发光的水稻，可在夜间授粉", "可夜间授粉 鹭岛大学研制出发光水稻"),
        ("Harborlight raises $27M to build tidal batteries", "Tidal battery maker Harborlight raises $27M"),
        ("Quillon 推出 Reedpipe 2 语音模型，延迟减半", "延迟减半：Quillon 语音模型 Reedpipe 2 发布"),
        ("霜桥镇图书馆失火，无人伤亡", "霜桥镇图书馆失火，无人伤亡"),
        # One sentence with another word in it that is no name, and one with something before it.
        ("云门县长苏慕白宣布退选", "云门县长苏慕白正式退选"),
        ("Quillon推出会写乐谱的浏览器插件", "软件公司Quillon推出会写乐谱的浏览器插件"),
    ],
)
def test_one_story_in_other_words(earlier: str, later: str) -> None:
    assert kinship(earlier, later) is Kinship.SAME


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        # One sentence with another company in it.
        ("澄湖股份有限公司向港交所提交上市申请书", "鹭岛制药股份有限公司向港交所提交上市申请书"),
        (
            "澄湖科技：预计2025年净利润1.8亿元-2.2亿元，同比扭亏为盈",
            "霜桥股份：预计2025年净利润18亿元-22亿元，同比扭亏为盈",
        ),
        ("镇长柳青岚会见云门代表团", "议长祝南星会见云门代表团"),
        ("青禾科技发布辨认鸟鸣的大模型", "沧浪科技发布辨认鸟鸣的大模型"),
        ("大模型学会辨认鸟鸣 青禾研究所发布新作", "大模型学会辨认鸟鸣 沧浪研究所发布新作"),
        ("Birdsong model released by Harborlight", "Birdsong model released by Quillon"),
        ("Quillon推出会写乐谱的浏览器插件", "Harborlight推出会写乐谱的浏览器插件"),
        # Another number, another day.
        ("现货钯铱突破5100美元关口", "现货钯铱突破5200美元关口"),
        ("霜桥指数收涨2.58%", "霜桥指数收涨0.51%"),
        ("鹭岛群岛附近海域发生5.2级地震", "鹭岛群岛附近海域发生3.6级地震"),
        # Several stories in one.
        ("早报｜澄湖科技发布星槎大模型／霜桥图书馆失火", "澄湖科技发布星槎大模型"),
        ("澄湖科技发布星槎大模型；霜桥图书馆失火；鹭岛大学招收夜校生", "澄湖科技发布星槎大模型"),
        ("澄湖科技发布星槎大模型/霜桥镇图书馆凌晨失火/鹭岛大学招收夜校生", "澄湖科技发布星槎大模型"),
        # An opinion beside a report, two opinions, a reaction.
        ("澄湖科技开源星槎大模型", "澄湖科技为何要开源星槎大模型？"),
        ("苏慕白为何退选云门县长", "苏慕白退选云门县长的背后"),
        ("云门县通过夜市禁令", "云门县夜市禁令通过 摊商公会痛批"),
        # Two news of one company, or of one person.
        ("字节芦笛发布星槎大模型", "字节芦笛裁撤手机部门"),
        ("字节芦笛正洽谈收购芯片企业", "字节芦笛宣布裁撤手机部门"),
        ("Reedpipe Labs opens a school for nurses", "Reedpipe Labs sued over tidal turbines"),
        # Something else.
        ("澄湖科技发布星槎大模型", "鹭岛大学招收夜校生"),
        ("澄湖科技发布星槎大模型", "鹭岛大学校庆：登上星槎号看海豚"),
        ("机器人甲", "机器人乙"),
        ("第1条：大模型", "第2条：大模型"),
        ("", ""),
    ],
)
def test_what_only_looks_like_one_story_is_told_apart(earlier: str, later: str) -> None:
    assert kinship(earlier, later) is Kinship.OTHER


@pytest.mark.parametrize(
    ("earlier", "later", "hours"),
    [
        ("澄湖科技正洽谈收购芯片企业芦笛微", "澄湖科技宣布收购芯片企业芦笛微", 20),
        ("澄湖科技正洽谈收购芯片企业芦笛微，布局大模型", "澄湖科技宣布收购芯片企业芦笛微，布局大模型", 20),
        (
            "Lakeside prepares to buy chip maker Reedpipe",
            "Lakeside completes its purchase of chip maker Reedpipe",
            30,
        ),
        ("鹭岛沉船事故死亡人数升至29人", "鹭岛沉船事故死亡人数升至36人", 5),
        ("鹭岛渡轮「青荷号」沉没", "鹭岛渡轮「青荷号」沉没 死亡人数升至36人", 30),
    ],
)
def test_a_later_stage_is_an_update(earlier: str, later: str, hours: float) -> None:
    assert kinship(earlier, later, hours=hours) is Kinship.UPDATE


def test_what_is_alike_and_days_apart_is_another_occurrence() -> None:
    assert kinship("鹭岛大学研制出发光水稻", "鹭岛大学发光水稻问世", hours=1) is Kinship.SAME
    assert kinship("鹭岛大学研制出发光水稻", "鹭岛大学发光水稻问世", hours=70) is Kinship.OTHER


def test_equal_titles_of_one_feed_are_one_story_within_hours_and_a_series_beyond() -> None:
    title = "霜桥镇图书馆失火，无人伤亡"
    assert kinship(title, title, hours=3, feeds="甲甲") is Kinship.SAME
    assert kinship(title, title, hours=20, feeds="甲甲") is Kinship.OTHER
    assert kinship(title, title, hours=20) is Kinship.SAME


def test_what_many_headlines_share_tells_nothing() -> None:
    sentence = "{}镇今冬首场冰灯会于灯塔广场开幕"
    window = Window(READER)
    pair = told(sentence.format("霜桥")), told("灯塔广场冰灯会 {}镇上千人观灯".format("霜桥"), 3, "乙")
    before = window.kinship(*pair)[1]
    for number in range(3000):
        window.add(told(sentence.format(chr(0x5000 + 2 * number) + chr(0x5001 + 2 * number))))
    assert window.kinship(*pair)[1] < before
    assert len(window) == 3000


def test_a_group_is_likeness_to_its_lead_and_never_a_chain() -> None:
    ends = "澄湖科技发布星槎大模型", "鹭岛大学研制出发光水稻"
    bridge = "澄湖科技发布星槎大模型 鹭岛大学研制出发光水稻"
    assert [kinship(end, bridge) for end in ends] == [Kinship.SAME, Kinship.SAME]
    assert kinship(*ends) is Kinship.OTHER
    (first, second) = group([told(ends[0]), told(bridge, 1, "乙"), told(ends[1], 1, "丙")], Window(READER))
    assert (first, second) == ([0, 1], [2]), (
        "what the middle one has in common with the last counts for nothing"
    )
    assert group([], Window(READER)) == []


def test_of_several_leads_the_likest_takes_a_copy() -> None:
    leads = told("澄湖科技发布星槎大模型"), told("澄湖科技裁撤芦笛手机部门")
    assert group([*leads, told("澄湖科技芦笛手机部门裁撤", 1, "乙")], Window(READER)) == [[0], [1, 2]]


def mailed(title: str, seq: int, days: float = -1, **differ: Any) -> Mailed:
    when = NOW + timedelta(days=days)
    return Mailed(**{"seq": seq, "title": title, "feed_url": "甲", "when": when, "at": when, **differ})


def test_what_was_mailed_is_known_in_other_words_and_by_its_date() -> None:
    past = Past(READER, [mailed("天气转凉", 1), mailed("澄湖科技正洽谈收购芯片企业芦笛微", 2)])
    assert past.find(told("澄湖科技宣布收购芯片企业芦笛微", 0, "乙")) == (
        Kinship.UPDATE,
        NOW - timedelta(days=1),
    )
    same = told("芯片企业芦笛微：澄湖科技正洽谈收购", -23, "乙")
    assert past.find(same) == (Kinship.SAME, NOW - timedelta(days=1))
    assert past.find(same, without={2}) is None
    assert past.find(told("霜桥镇图书馆失火")) is None


def test_an_earlier_stage_that_comes_late_is_no_update() -> None:
    past = Past(READER, [mailed("澄湖科技宣布收购芯片企业芦笛微", 1)])
    assert past.find(told("澄湖科技正洽谈收购芯片企业芦笛微", -26, "乙")) == (
        Kinship.SAME,
        NOW - timedelta(days=1),
    )


def test_of_what_was_mailed_the_likest_counts() -> None:
    past = Past(
        READER,
        [mailed("澄湖科技发布星槎大模型 只用三百块芯片", 1), mailed("澄湖科技星槎大模型发布", 2, days=-0.5)],
    )
    found = past.find(told("澄湖科技星槎大模型发布", -11, "乙"))
    assert found == (Kinship.SAME, NOW - timedelta(days=0.5))


def test_a_hostile_title_is_compared_as_quickly_as_another() -> None:
    long = "澄湖" * 500_000, "a-" * 500_000, "9" * 1_000_000, "/;|:" * 250_000
    start = process_time()
    for title in long:
        assert kinship(title, title[1:]) in Kinship
    assert process_time() - start < 2


def test_a_large_window_looks_at_few_places() -> None:
    words = [chr(0x5000 + 2 * number) + chr(0x5001 + 2 * number) for number in range(22)]
    window = Window(READER)
    for number in range(22 * 100):
        window.add(told(f"{words[number % 22]},{chr(0x6000 + number)}{chr(0x7000 + number)}"))
    assert len(window.like(told(",".join(words)))) == 8
    assert window.like(told("霜桥镇")) == []
