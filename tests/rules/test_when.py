"""`when`: boolean algebra over words, and mistakes are pointed at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import RuleError
from monitor.rules.expression import And, Contains, Expression, Not, Or
from monitor.rules.syntax import Aliases
from monitor.rules.when import parse_when
from tests.rules.judging import hit_texts, judged

ALIASES = {"英伟达": ["英伟达", "NVDA"]}


def as_text(expression: Expression) -> str:
    match expression:
        case Contains(word):
            return word.written
        case Not(part):
            return f"!{as_text(part)}"
        case And(parts):
            return f"({' & '.join(map(as_text, parts))})"
        case Or(parts):
            return f"({' | '.join(map(as_text, parts))})"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("芯片 AND 出口 OR 算力", "((芯片 & 出口) | 算力)"),
        ("芯片 OR 出口 AND 算力", "(芯片 | (出口 & 算力))"),
        ("芯片 出口", "(芯片 & 出口)"),
        ("NOT 广告 AND 芯片", "(!广告 & 芯片)"),
        ("芯片 -广告 !促销", "(芯片 & !广告 & !促销)"),
        ("NOT(广告 OR 促销)", "!(广告 | 促销)"),
        ("NOT NOT 芯片", "!!芯片"),
        ("open-source AND C++ AND $NVDA", "(open-source & C++ & $NVDA)"),
        ("ORANGE NOTE", "(ORANGE & NOTE)"),
        ('"New York" AND "OR"', "(New York & OR)"),
        ('"a \\"b\\""', 'a "b"'),
        ("title:芯片 OR link:deals", "(title:芯片 | link:deals)"),
        ("title:(芯片 OR NOT 算力 AND text:出口)", "(title:芯片 | (!title:算力 & text:出口))"),
        ('title:"New York"', "title:New York"),
        ("英伟达 NEAR/8 出口", "英伟达 NEAR/8 出口"),
        ("@英伟达 ~8 (出口 OR 禁令)", "@英伟达 ~8 (出口 OR 禁令)"),
        ("/a b/i OR title:/c d/", "(/a b/i | title:/c d/)"),
    ],
)
def test_an_expression_is_read_in_the_usual_order(written: str, meant: str) -> None:
    assert as_text(parse_when("r", written, Aliases.of(ALIASES))) == meant


@pytest.mark.parametrize(
    ("written", "named", "column"),
    [
        ("芯片 AND", "missing at the end", 6),
        ("芯片 OR OR 出口", "missing before OR", 6),
        ("AND 芯片", "missing before AND", 0),
        ("(芯片 AND (出口) ", "not closed", 0),
        ("芯片 AND (", "not closed", 7),
        ("芯片) OR 出口", "never opened", 2),
        ("芯片 OR ()", 'missing before ")"', 7),
        ("芯片 and 出口", "write AND in capitals", 3),
        ("芯片 && 出口", 'AND instead of "&&"', 3),
        ("芯片 | 出口", 'OR instead of "|"', 3),
        ("（芯片 OR 出口）", "full-width", 0),
        ("“芯片”", "full-width", 0),
        ("芯片 NEAR 出口", "NEAR/8", 7),
        ("a NEAR/3 b NEAR/3 c", "no third", 11),
        ("(a AND b) NEAR/3 c", "only words", 10),
        ("(a OR NOT b) NEAR/3 c", "only words", 13),
        ('芯片 AND "出口', "not closed", 7),
        ("- 芯片", "in quotation marks", 0),
        ("芯片 AND @英伟", '"@英伟达"', 7),
        ("芯片 AND /b(/", "missing )", 10),
        ("title: 芯片", "without a space", 0),
        ("  ", "missing at the end", 0),
    ],
)
def test_a_mistake_is_pointed_at(written: str, named: str, column: int) -> None:
    with pytest.raises(RuleError) as caught:
        parse_when("r", written, Aliases.of(ALIASES))
    assert named in caught.value.explanation
    assert (caught.value.word, caught.value.column) == (written, column)


def test_a_mistake_in_an_alias_set_is_told_of_the_set() -> None:
    with pytest.raises(RuleError) as caught:
        parse_when("r", "芯片 AND @坏", Aliases.of({"坏": ["好", "/(/"]}))
    assert (caught.value.table, caught.value.rule, caught.value.word) == ("aliases", "坏", "/(/")


def test_the_words_found_are_the_hits_and_denied_ones_are_not() -> None:
    when = "我的世界 AND (模组 OR mod) AND NOT 广告"
    assert hit_texts("我的世界新模组上线", when=when) == ["我的世界", "模组"]
    assert hit_texts("我的世界：modern 风格", when=when) is None
    judgement = judged("我的世界模组广告", {"when": when})
    assert [hit.found for hit in judgement.against] == ["广告"]
    assert judgement.near
    assert judgement.why_not == "none: 广告; missing: when"


def test_an_expression_of_not_alone_holds_without_a_word() -> None:
    assert hit_texts("天气", when="NOT 广告") == []
    assert hit_texts("天气广告", when="NOT 广告") is None


def test_lists_and_an_expression_are_both_asked() -> None:
    assert hit_texts("芯片出口", any=("芯片",), when="出口") == ["芯片", "出口"]
    assert hit_texts("芯片", any=("芯片",), when="出口") is None
    assert hit_texts("出口", any=("芯片",), when="出口") is None


leaf = st.sampled_from(["芯片", "算力", "出口", "AI"])
trees = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.tuples(st.just("NOT"), inner),
        st.tuples(st.sampled_from(["AND", "OR"]), inner, inner),
    ),
    max_leaves=8,
)


def written(tree: object) -> str:
    if isinstance(tree, str):
        return tree
    assert isinstance(tree, tuple)
    if tree[0] == "NOT":
        return f"NOT ({written(tree[1])})"
    return f"({written(tree[1])}) {tree[0]} ({written(tree[2])})"


def true_of(tree: object, title: str) -> bool:
    if isinstance(tree, str):
        return tree in title
    assert isinstance(tree, tuple)
    if tree[0] == "NOT":
        return not true_of(tree[1], title)
    sides = (true_of(tree[1], title), true_of(tree[2], title))
    return all(sides) if tree[0] == "AND" else any(sides)


@given(trees, st.sets(leaf).map("，".join))
def test_an_expression_is_plain_boolean_algebra(tree: object, title: str) -> None:
    assert (hit_texts(title, when=written(tree)) is not None) == true_of(tree, title)


def test_only_two_can_be_near_each_other() -> None:
    with pytest.raises(RuleError, match="and no third"):
        parse_when("r", "英伟达 NEAR/3 出口 NEAR/3 许可", Aliases({}))


@pytest.mark.parametrize(
    "written", ["(" * 5000 + "AI" + ")" * 5000, "NOT " * 5000 + "AI", "title:(" * 500 + "AI" + ")" * 500]
)
def test_an_expression_without_end_is_refused(written: str) -> None:
    with pytest.raises(RuleError, match="more than 50 deep"):
        parse_when("r", written, Aliases({}))


def test_a_long_expression_is_no_deep_one() -> None:
    assert hit_texts("w2999", when=" OR ".join(f"w{number}" for number in range(3000))) == ["w2999"]


def test_a_word_that_is_one_letter_longer_than_a_field_is_a_word() -> None:
    assert judged("titles", {"when": "titles AND NOT texts"}).match
