from typing import Any

import pytest

from monitor.rules.exclusion import Exclusion, exclusion, words_that_kept_out
from monitor.rules.match import Cause, compile_rules, judge_entry
from tests import make


def excluded(title: str, **rule: Any) -> Exclusion | None:
    (judgement,) = judge_entry(make.entry(title), compile_rules([make.rule(**rule)], [make.feed()]))
    return exclusion(judgement)


@pytest.mark.parametrize(
    ("title", "rule", "cause", "words"),
    [
        ("大模型降价", {"none": ("降价",)}, "none", ("降价",)),
        ("图由AI生成", {"ignore": ("由AI生成",)}, "ignore", ("由AI生成",)),
        ("大模型降价", {"any": (), "when": "大模型 AND NOT 降价"}, "not", ("降价",)),
        ("大模型", {"sections": ("财经",)}, "sections", ()),
        ("大模型", {"languages": ("en",)}, "languages", ()),
    ],
)
def test_what_kept_it_out_is_named(
    title: str, rule: dict[str, Any], cause: str, words: tuple[str, ...]
) -> None:
    exclusion = excluded(title, **rule)
    assert exclusion
    assert (exclusion.cause, exclusion.words) == (cause, words)


@pytest.mark.parametrize(
    ("title", "rule"),
    [
        ("大模型", {}),
        ("天气", {"none": ("天气",)}),
        ("大模型", {"all": ("降价",), "sections": ("财经",)}),
        ("大模型降价", {"all": ("when",), "none": ("降价",)}),
        ("大模型", {"threshold": 9}),
    ],
)
def test_what_matches_or_lacks_something_is_not_kept_out(title: str, rule: dict[str, Any]) -> None:
    assert excluded(title, **rule) is None


def test_an_entry_counts_for_the_first_word_that_kept_it_out() -> None:
    price, gone = make.hit("降价"), make.hit("下架")
    by_words = Exclusion(rule="甲", cause=Cause.NONE, hits=(price, gone))
    by_scope = Exclusion(rule="甲", cause=Cause.SECTIONS)
    by_another_rule = Exclusion(rule="乙", cause=Cause.NONE, hits=(gone,))
    assert words_that_kept_out(
        [[by_words, by_another_rule], [by_scope], [by_scope, by_another_rule], [by_another_rule]]
    ) == (
        ("下架", 2),
        ("降价", 1),
    )
