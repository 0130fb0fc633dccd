"""`A ~8 B`: both, with few signs between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.rules.ask import found, judged


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
    assert found(title, any=(word,)) == expected


def test_near_words_stand_in_one_field() -> None:
    assert not judged("英伟达", {"any": ("英伟达 ~8 出口",)}, summary="出口").match
    assert not judged("", {"any": ("title:英伟达 ~8 出口",)}, summary="英伟达出口").match


def test_either_side_may_be_an_alias_set_or_a_group() -> None:
    aliases = {"英伟达": ["英伟达", "NVDA"]}
    assert judged("NVDA 出口", {"any": ("@英伟达 ~3 出口",)}, aliases).match
    assert found("禁令：台积电", when="(英伟达 OR 台积电) NEAR/3 (出口 OR 禁令)") == ["禁令", "台积电"]


@given(some.integers(0, 12), some.integers(0, 12), some.booleans())
def test_the_distance_is_counted_in_signs_between(gap: int, within: int, turned: bool) -> None:
    first, second = ("出口", "芯片") if turned else ("芯片", "出口")
    assert (found(f"{first}{'，' * gap}{second}", any=(f"芯片 ~{within} 出口",)) is not None) == (
        gap <= within
    )


def test_many_places_are_compared_in_no_time() -> None:
    assert found("芯片" * 20_000 + "。" * 9 + "出口" * 20_000, any=("芯片 ~8 出口",)) is None
