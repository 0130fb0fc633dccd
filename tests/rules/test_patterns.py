"""`/…/i`: as written, on the original, and never for long."""

from functools import partial

import pytest

from tests.cost import cpu_seconds
from tests.rules.judging import hit_texts, judged


@pytest.mark.parametrize(
    ("title", "word", "expected"),
    [
        ("DeepSeek-R1上线", "/deepseek-r\\d/i", ["DeepSeek-R1"]),
        ("DeepSeek-R1上线", "/deepseek-r\\d/", None),
        ("AI-芯片联盟", "/AI\\W芯片/", ["AI-芯片"]),
        ("AI的芯片", "/AI\\W芯片/", None),
        ("S12 E02: 内容", "title:/^S[0-9]+ E[0-9]+:/", ["S12 E02:"]),
        ("a/b", "/a\\/b/", ["a/b"]),
        ("a/b", "/a/b/", ["a/b"]),
        ("a b", "/a[ /]b/", ["a b"]),
        ("x -y", "/x -y/", ["x -y"]),
        ("x ~8 y", "/x ~8 y/i", ["x ~8 y"]),
        ("v1测试 v2", "/v\\d/ -/v\\d测试/", ["v2"]),
        ("芯片", "/a*/", None),
        ("Ｖ１", "/v1/i", None),
    ],
)
def test_an_expression_is_read_as_written(title: str, word: str, expected: list[str] | None) -> None:
    assert hit_texts(title, any=(word,)) == expected


@pytest.mark.parametrize("slow", ["/(a+)+$/", "/(x+x+)+y/", "/(a|aa)+$/"])
def test_a_slow_expression_is_given_up_and_costs_no_other_word(slow: str) -> None:
    text = "a" * 50_000 + "x" * 50_000 + "b"
    judgement = judged("芯片新品", {"any": (slow, "芯片")}, summary=text, text=text)
    assert [hit.found for hit in judgement.hits] == ["芯片"]
    assert judgement.slow == (slow,)
    assert judged("芯片新品", {"any": (slow, "芯片")}).slow == ()
    assert judged("芯", {"any": ("/b/", slow), "none": ("芯片",)}, text=text).slow == (slow,)


@pytest.mark.parametrize("slow", ["/(a+)+$/", "/(x+x+)+y/", "/(a|aa)+$/"])
def test_a_slow_expression_costs_a_bounded_multiple_of_a_quick_one(slow: str) -> None:
    text = "a" * 50_000 + "x" * 50_000 + "b"

    def cost(word: str) -> float:
        return cpu_seconds(*[partial(judged, "芯片", {"any": (word,)}, summary=text, text=text)] * 3)

    assert cost(slow) < 100 * cost("/ax/")  # ten times, unless the limit is longer
