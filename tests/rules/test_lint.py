"""The linter names what does not do what it seems to do, and leaves the rest alone."""

from typing import Any

import pytest

from monitor.config.options import Rule
from monitor.rules.lint import Finding, lint, unasked
from monitor.rules.match import compile_rules
from tests import make


def findings(aliases: dict[str, list[str]] | None = None, **rule: Any) -> list[Finding]:
    return list(lint([Rule(name="r", **rule)], aliases))


def only(aliases: dict[str, list[str]] | None = None, **rule: Any) -> Finding:
    (finding,) = findings(aliases, **rule)
    return finding


@pytest.mark.parametrize(
    ("word", "kind", "fix", "safe"),
    [
        ("车", "han", "车间", None),
        ("=車", "han", "车间", None),
        ("＋芯片", "width", '"+芯片"', ("+芯片",)),
        ("！芯片", "width", '"!芯片"', ("!芯片",)),
        ("／v\\d／i", "width", '"/v\\\\d/i"', ("/v\\d/i",)),
        ("／(／", "width", '"/(/"', None),
        ("＝AI", "width", '"=AI"', ("=AI",)),
        ("AI＊", "width", '"AI*"', ("AI*",)),
        ("＊GPT", "width", '"*GPT"', ("*GPT",)),
        ("英伟达 ～8 出口", "width", '"英伟达 ~8 出口"', ("英伟达 ~8 出口",)),
        ("宇宙 －珍珠宇宙", "width", '"宇宙 -珍珠宇宙"', ("宇宙 -珍珠宇宙",)),
        ("title：芯片", "width", '"title:芯片"', ("title:芯片",)),
        ("芯片、算力", "two words", '"芯片", "算力"', ("芯片", "算力")),
        ("AI, 芯片", "two words", '"AI", "芯片"', ("AI", "芯片")),
        ("AI|芯片", "two words", '"AI", "芯片"', ("AI", "芯片")),
        ("芯片 算力", "two words", '"芯片", "算力"', ("芯片", "算力")),
        ("芯片 OR 算力", "two words", "when = '芯片 OR 算力'", None),
        ("+芯片", "two words", "into all", None),
        ("!芯片", "two words", "into none", None),
        ("芯片 @公司", "set", '"@公司" as a word of its own', None),
        ("芯片@公司", "set", '"芯片 ~8 @公司"', None),
        ("芯片 ＠公司", "set", '"@公司" as a word of its own', None),
        ("title:chips @nosuch", "set", '"title:chips ~8 @nosuch"', None),
        ("body:芯片", "field", '"text:芯片"', None),
        ("intitle:芯片", "field", '"title:芯片"', None),
        ("/(i?)promo\\s+days/", "pattern", '"/(?i)promo\\\\s+days/"', ("/(?i)promo\\s+days/",)),
        ("/\\bAI\\b/", "pattern", "plain latin word", None),
        ("/(a+)+$/", "slow", "repeats within repeats", None),
        ("/(\\d+,?)+x/", "slow", "repeats within repeats", None),
        ("/(/", "error", "", None),
        ("＠英伟达", "width", '"@英伟达"', ("@英伟达",)),
        ("@英伟达", "error", "add it to [aliases]", None),
        ("宇宙 -珍珠", "guard", "longer phrase", None),
        ("宇宙 -宇宙", "guard", "longer phrase", None),
        ("宇宙 -宇", "guard", "longer phrase", None),
    ],
)
def test_an_odd_word_is_named_with_a_way_out(
    word: str, kind: str, fix: str, safe: tuple[str, ...] | None
) -> None:
    finding = only(any=(word,))
    assert (finding.kind, finding.word, finding.key, finding.safe) == (kind, word, "any", safe)
    assert fix in finding.fix


@pytest.mark.parametrize(
    "word",
    [
        "AI", "GPU 集群", "New York", "C++", ".NET", "$NVDA", "AT&T", "3,000", "芯片，", "=芯片、算力", "and/or", "AI+",
        "“AI＋”", "宇宙 -珍珠宇宙", "本田 -日本田径", "本田 -日本", "英伟达 ~8 出口", "/v\\d+/i", "/[a-z]+\\d/",
        "title:芯片", "link:a,b", "http://x", "a@b", "PyCon @ Berlin", "=Follow @ann", "宇宙 -/珍.宇宙/", "/a/ -b",
    ],
)  # fmt: skip
def test_a_good_word_is_left_alone(word: str) -> None:
    assert findings(any=(word,)) == []


@pytest.mark.parametrize(
    ("rule", "kind", "key", "word"),
    [
        ({"any": ("AI", "ＡＩ")}, "duplicate", "any", "ＡＩ"),
        ({"any": ("AI", "AI")}, "duplicate", "any", "AI"),
        ({"any": ("AI", "ai", "xAI")}, "duplicate", "any", "ai"),
        ({"any": ("AI", "ai"), "threshold": 3.0}, "never", "threshold", "3"),
        ({"hints": ("芯片", "算力", "芯片 ")}, "duplicate", "hints", "芯片 "),
        ({"any": ("知识产权", "国家知识产权局")}, "shadowed", "any", "国家知识产权局"),
        ({"any": ("AI芯片", "AI")}, "shadowed", "any", "AI芯片"),
        ({"any": ("New York Times", "New York")}, "shadowed", "any", "New York Times"),
        ({"any": ("AI", "芯片"), "none": ("ai",)}, "contradiction", "any", "AI"),
        ({"any": ("芯片",), "ignore": ("芯片",)}, "contradiction", "any", "芯片"),
        ({"all": ("芯片",), "none": ("芯片",)}, "contradiction", "all", "芯片"),
        ({"any": ("芯片",), "threshold": 3.0}, "never", "threshold", "3"),
        ({"hints": ("芯片",)}, "never", "hints", "芯片"),
        ({"when": "芯片 AND NOT 芯片"}, "never", "when", "芯片 AND NOT 芯片"),
        ({"when": "a OR NOT (b AND c AND NOT b)"}, "never", "when", "a OR NOT (b AND c AND NOT b)"),
        ({"when": "NOT 广告"}, "broad", "when", "NOT 广告"),
        ({"when": "芯片 AND ("}, "error", "when", "芯片 AND ("),
    ],
)
def test_odd_rules_are_named(rule: dict[str, Any], kind: str, key: str, word: str) -> None:
    assert (kind, key, word) in [(finding.kind, finding.key, finding.word) for finding in findings(**rule)]


@pytest.mark.parametrize(
    "rule",
    [
        {"any": ("AI", "AIGC")},
        {"any": ("AI", "AI*")},
        {"any": ("GPT", "*GPT")},
        {"any": ("芯片", "芯片组 -芯片组装")},
        {"any": ("软件", "軟體", "软体")},
        {"any": ("=AI", "AI")},
        {"any": ("芯片",), "all": ("芯片",), "none": ("title:芯片",)},
        {"all": ("芯片", "芯片组"), "hints": ("芯片",)},
        {"hints": ("芯片", "算力")},
        {"any": ("芯片",), "threshold": 2.0},
        {"when": "芯片 AND NOT title:芯片 OR 算力"},
    ],
)
def test_good_rules_are_left_alone(rule: dict[str, Any]) -> None:
    assert findings(**rule) == []


@pytest.mark.parametrize("good", ["珍珠宇宙", "/珍.宇宙/"])
def test_a_useless_guard_is_named_behind_a_good_one(good: str) -> None:
    finding = only(any=(f"宇宙 -{good} -珍珠",))
    assert finding.kind == "guard"
    assert 'its guard "珍珠"' in finding.what


def test_a_word_covers_a_longer_one_only_where_it_stands_there_as_a_word() -> None:
    finding = only(any=("York", "New York"))
    assert (finding.kind, finding.word) == ("shadowed", "New York")
    assert findings(any=("York", "NewYork")) == []


def test_alias_sets_are_looked_over_once() -> None:
    aliases = {"芯片商": ["英伟达", "@代工厂"], "代工厂": ["台积电", "@芯片商"]}
    all_findings = lint([Rule(name="r", any=("@芯片商",), when="@芯片商")], aliases)
    assert {(finding.kind, finding.table, finding.rule) for finding in all_findings} == {
        ("error", "aliases", "代工厂"),
        ("error", "aliases", "芯片商"),
    }
    assert "芯片商 -> 代工厂 -> 芯片商" in all_findings[0].what
    finding = only({"英伟达": ["NVIDIA", "nvidia"]}, any=("@英伟达",))
    assert (finding.kind, finding.table, finding.word) == ("duplicate", "aliases", "nvidia")
    finding = only({"英伟达": ["NVIDIA", "NVIDIA"]}, any=("@英伟达",))
    assert (finding.kind, finding.table, finding.word) == ("duplicate", "aliases", "NVIDIA")
    finding = only({"车": ["汽车", "车"]}, any=("@车",))
    assert (finding.kind, finding.table, finding.word) == ("han", "aliases", "车")


def test_an_error_has_its_column_in_the_word_and_every_other_finding_has_0() -> None:
    assert only(when="芯片 AND").column == len("芯片 AND")
    assert only(any=("车",)).column == 0


def test_a_mistake_is_told_apart_from_its_cure_whatever_stands_in_the_word() -> None:
    finding = only({"别名": ["甲乙"]}, when='"@a; b" AND 芯片')
    assert finding.what == 'there is no alias set "a; b"'
    assert finding.fix.startswith('add it to [aliases], or write "=@a; b"')


def test_the_phrases_for_all_rules_are_looked_over() -> None:
    all_findings = lint([], {"坏": ["/(/"]}, ["图", "/(/", "@坏"])
    assert [(finding.kind, finding.table, finding.word) for finding in all_findings] == [
        ("error", "aliases", "/(/"),
        ("han", "matching", "图"),
        ("error", "matching", "/(/"),
    ]


@pytest.mark.parametrize(
    ("first", "second", "shadowed"),
    [
        ({"any": ("AI", "芯片")}, {"any": ("芯片",)}, True),
        ({"any": ("AI", "芯片")}, {"any": ("芯片",), "none": ("x",), "feeds": ("f",)}, True),
        ({"any": ("AI",)}, {"any": ("芯片",)}, False),
        ({"any": ("芯片",), "none": ("x",)}, {"any": ("芯片",)}, False),
        ({"any": ("芯片",), "enabled": False}, {"any": ("芯片",)}, False),
        ({"any": ("芯片",), "feeds": ("f",)}, {"any": ("芯片",)}, False),
        ({"any": ("芯片",), "feeds": ("f", "g")}, {"any": ("芯片",), "feeds": ("f",)}, True),
        ({"any": ("芯片",), "fields": ("title",)}, {"any": ("芯片",)}, False),
        ({"any": ("芯片",)}, {"any": ("芯片",), "hints": ("a", "b")}, False),
        ({"any": ("芯片",)}, {"all": ("芯片",)}, False),
    ],
)
def test_a_rule_whose_news_an_earlier_one_brings_is_named(
    first: dict[str, Any], second: dict[str, Any], shadowed: bool
) -> None:
    all_findings = lint([Rule(name="甲", **first), Rule(name="乙", **second)])
    assert [(finding.kind, finding.rule) for finding in all_findings] == (
        [("shadowed", "乙")] if shadowed else []
    )


def test_a_word_that_is_two_by_mistake_is_not_judged_as_one() -> None:
    assert [finding.kind for finding in findings(any=("电池 公交车", "电池"))] == ["two words"]


def test_a_rule_that_no_subscription_asks_for_is_named() -> None:
    rules = [Rule(name="甲"), Rule(name="乙"), Rule(name="丙", enabled=False)]
    first, all_of_them = make.subscription(rules=("甲",)), make.subscription()
    (finding,) = unasked(rules, [first])
    assert (finding.kind, finding.rule) == ("unasked", "乙")
    assert unasked(rules, [first, make.subscription(rules=("乙",))]) == ()
    assert unasked(rules, [first, all_of_them]) == ()
    assert unasked(rules, []) == ()


def test_what_the_linter_lets_pass_compiles() -> None:
    rule = Rule(name="r", any=("@甲", "AI -AI画"), when="芯片 OR /x\\d/")
    assert lint([rule], {"甲": ["乙丙"]}, ["丁戊"]) == ()
    compile_rules([rule], [], {"甲": ["乙丙"]}, ["丁戊"])


@pytest.mark.parametrize("key", ["any", "none", "hints"])
def test_a_name_beside_the_set_that_holds_it_is_named(key: str) -> None:
    sets = {"英伟达": ["英伟达", "NVIDIA -NVIDIA Park"], "芯片商": ["@英伟达", "TSMC"]}
    rule: dict[str, Any] = {"any": ("AI",)} | {key: ("@芯片商", "tsmc", "英伟达", "NVIDIA", "昇腾")}
    words = [(finding.word, finding.kind, finding.what) for finding in findings(sets, **rule)]
    assert words == [(word, "shadowed", 'is in "@芯片商" as well') for word in ("tsmc", "英伟达")]


def test_a_set_within_a_phrase_is_named_wherever_the_phrase_stands() -> None:
    aliases = {"公司": ["百度 @公司"]}
    named = lint([Rule(name="r", when='("a @公司" OR b) AND c NEAR/8 @公司')], aliases, ("d @公司",))
    assert [(finding.table, finding.kind, finding.word) for finding in named] == [
        ("aliases", "set", "百度 @公司"),
        ("matching", "set", "d @公司"),
        ("rules", "set", '("a @公司" OR b) AND c NEAR/8 @公司'),
    ]
    assert findings(aliases={"公司": ["百度"]}, any=("芯片 ~8 @公司", "宇宙 -@公司")) == []
