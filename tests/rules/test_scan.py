import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.rules.scan import merged
from tests.rules.judging import hit_texts, judged

# --- `A ~8 B`: both, with few characters between them ---------------------------------------------


@pytest.mark.parametrize(
    ("title", "word", "expected"),
    [
        ("英伟达获出口许可", "英伟达 ~6 出口", ["英伟达", "出口"]),
        ("出口许可：英伟达", "英伟达 ~6 出口", ["出口", "英伟达"]),
        ("英伟达一二三四五六出口", "英伟达 ~6 出口", ["英伟达", "出口"]),
        ("英伟达一二三四五六七出口", "英伟达 ~6 出口", None),
        ("英伟达昨夜公布业绩，今晨英伟达出口获批", "英伟达 ~6 出口", ["英伟达", "出口"]),
        ("英伟达 出 口", "英伟达 ~0 出口", ["英伟达", "出 口"]),
        ("OpenAIs芯片", "OpenAI ~10 芯片", None),
        ("芯片合作方包括openai", "OpenAI ~10 芯片", ["芯片", "openai"]),
        ("AI芯片", "AI芯片 ~8 芯片", None),
        ("芯片，芯片", "芯片 ~8 芯片", ["芯片", "芯片"]),
        ("珍珠宇宙出口", "宇宙 -珍珠宇宙 ~8 出口", None),
        ("宇宙出口在体育馆", "宇宙 ~8 出口 -体育", ["宇宙", "出口"]),
        ("出口：/v1 芯片", "/v\\d/ ~8 芯片", ["v1", "芯片"]),
        ("v1 的 芯片", "/v\\d/ ~1 芯片", ["v1", "芯片"]),
        ("v1 的 的 芯片", "/v\\d/ ~1 芯片", None),
    ],
)
def test_two_words_are_near_each_other(title: str, word: str, expected: list[str] | None) -> None:
    assert hit_texts(title, any=(word,)) == expected


def test_near_words_stand_in_one_field() -> None:
    assert not judged("英伟达", {"any": ("英伟达 ~8 出口",)}, summary="出口").match
    assert not judged("", {"any": ("title:英伟达 ~8 出口",)}, summary="英伟达出口").match


def test_either_side_may_be_an_alias_set_or_a_group() -> None:
    aliases = {"英伟达": ["英伟达", "NVDA"]}
    assert judged("NVDA 出口", {"any": ("@英伟达 ~3 出口",)}, aliases).match
    assert hit_texts("禁令：台积电", when="(英伟达 OR 台积电) NEAR/3 (出口 OR 禁令)") == ["禁令", "台积电"]


@given(st.integers(0, 12), st.integers(0, 12), st.booleans())
def test_the_distance_is_counted_in_characters_between(gap: int, within: int, turned: bool) -> None:
    first, second = ("出口", "芯片") if turned else ("芯片", "出口")
    assert (hit_texts(f"{first}{'，' * gap}{second}", any=(f"芯片 ~{within} 出口",)) is not None) == (
        gap <= within
    )


@pytest.mark.untraced
def test_many_places_are_compared_in_no_time() -> None:
    assert hit_texts("芯片" * 20_000 + "。" * 9 + "出口" * 20_000, any=("芯片 ~8 出口",)) is None


# --- `宇宙 -珍珠宇宙`: but not in this; and ignored phrases ---------------------------------------------


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
    assert hit_texts(title, any=(word,)) == expected


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


def test_places_that_touch_become_one() -> None:
    assert merged([(7, 8), (0, 3), (2, 5)]) == [(0, 5), (7, 8)]
