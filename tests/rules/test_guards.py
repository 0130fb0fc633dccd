"""`宇宙 -珍珠宇宙`: but not in this; and phrases that are cut before anything is looked for."""

import pytest

from monitor.errors import RuleError
from monitor.rules.match import compile_rules
from tests.rules.ask import found, judged


@pytest.mark.parametrize(
    ("title", "word", "expected"),
    [
        ("宇宙最早的星系", "宇宙 -珍珠宇宙", ["宇宙"]),
        ("新专辑《珍珠宇宙》", "宇宙 -珍珠宇宙", None),
        ("珍珠 宇宙巡演", "宇宙 -珍珠宇宙", None),
        ("珍珠宇宙之后再谈宇宙", "宇宙 -珍珠宇宙", ["宇宙"]),
        ("珍珠宇宙，元宇宙", "宇宙 -珍珠宇宙 -元宇宙", None),
        ("AI-powered", "AI -AI-powered", None),
        ("open-source", "open-source", ["open-source"]),
        ("Meta与meta 分析", "=Meta -Meta Data", ["Meta"]),
        ("title:宇宙", "title:宇宙 -珍珠宇宙", ["宇宙"]),
    ],
)
def test_a_guard_takes_only_the_places_it_stands_on(
    title: str, word: str, expected: list[str] | None
) -> None:
    assert found(title, any=(word,)) == expected


def test_a_guarded_word_in_none_forbids_only_where_it_is_free() -> None:
    rule = {"any": ("开幕",), "none": ("体育 -体育馆",)}
    assert judged("市体育馆开幕", rule).match
    assert not judged("体育盛会在体育馆开幕", rule).match


@pytest.mark.parametrize("own", [True, False])
def test_an_ignored_phrase_is_seen_by_no_word(own: bool) -> None:
    rule = {"any": ("AI", "/A\\w/"), "none": ("生成",)} | ({"ignore": ("图片由AI生成",)} if own else {})
    ignore = () if own else ("图片由AI生成",)
    kept_out = judged("春日公園", rule | {"none": ()}, ignore=ignore, text="圖片由ＡＩ生成")
    assert not kept_out.match
    assert kept_out.near
    assert kept_out.why_not == "ignore: 图片由AI生成"
    judgement = judged("春日公园", rule, ignore=ignore, text="图片由AI生成。专家谈AI监管")
    assert {hit.start for hit in judgement.hits} == {11}
    assert judged("AI进校园", rule, ignore=ignore, text="图片由AI生成").match


def test_a_mistake_in_the_phrases_for_all_is_told_of_their_table() -> None:
    with pytest.raises(RuleError) as caught:
        compile_rules([], [], {}, ["/(/"])
    assert caught.value.table == "matching"
    with pytest.raises(RuleError) as caught:
        compile_rules([], [], {"坏": ["/(/"]}, ["@坏"])
    assert caught.value.table == "aliases"
