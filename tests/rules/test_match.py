import re
import unicodedata
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitor.config.options import Rule
from monitor.errors import RuleError
from monitor.model.feeds import Entry
from monitor.model.rules import Hit, Match
from monitor.rules.match import compile_rules, match_entry
from tests import make
from tests.rules.cases import CASES, Case, texts

OTHER = make.feed("另一家", url="https://other.example.org/rss")


def matches(entry: Entry, *rules: Rule) -> tuple[Match, ...]:
    return match_entry(entry, compile_rules(rules, [make.feed(), OTHER]))


def hit_texts(entry: Entry, **rule: Any) -> list[str] | None:
    """Return the texts of the hits; None when the rule did not match."""
    match = matches(entry, Rule(name="r", **rule))
    return [hit.found for hit in match[0].hits] if match else None


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_case_is_found_as_it_was_written_down(case: Case) -> None:
    assert (hit_texts(make.entry(case.text), any=tuple(case.words)) or []) == case.found, case.about


# --- which entries ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"any": ("AI", "油价")}, ["AI"]),
        ({"any": ("油价", "粮价")}, None),
        ({"all": ("AI", "写")}, ["AI", "写"]),
        ({"all": ("AI", "油价")}, None),
        ({"all": ("AI", "AI")}, ["AI"]),
        ({"any": ("写", "油价"), "all": ("AI",)}, ["AI", "写"]),
        ({"any": ("油价",), "all": ("AI",)}, None),
        ({"any": ("AI",), "none": ("公文",)}, None),
        ({"any": ("AI",), "none": ("油价",)}, ["AI"]),
        ({"all": ("AI",), "none": ("AI",)}, None),
        ({"none": ("油价",)}, None),
        ({"none": ("AI",)}, None),
        ({}, None),
    ],
)
def test_any_needs_one_word_all_needs_each_and_none_forbids(
    rule: dict[str, Any], expected: list[str] | None
) -> None:
    assert hit_texts(make.entry("用AI写公文"), **rule) == expected


def test_the_words_of_all_may_stand_in_different_fields() -> None:
    entry = make.entry("英伟达的一年", text="新的出口规定")
    assert hit_texts(entry, all=("英伟达", "出口")) == ["英伟达", "出口"]


@pytest.mark.parametrize("field", ["title", "summary", "text"])
def test_a_word_is_sought_in_the_fields_of_its_rule_only(field: str) -> None:
    entry = make.entry(**{"title": "", field: "谈AI"})
    assert hit_texts(entry, any=("AI",), fields=(field,)) == ["AI"]
    others = tuple({"title", "summary", "text"} - {field})
    assert hit_texts(entry, any=("AI",), fields=others) is None
    rest = make.entry(**{"title": "油价", "summary": "油价", "text": "油价", field: "油价谈AI"})
    assert hit_texts(rest, any=("油价",), none=("AI",), fields=others) is not None


def test_a_word_does_not_begin_in_one_field_and_end_in_another() -> None:
    assert hit_texts(make.entry("人工", summary="智能"), any=("人工智能",)) is None


def test_a_rule_for_some_feeds_leaves_the_others_alone() -> None:
    rule = make.rule(feeds=("另一家",))
    assert matches(make.entry("谈AI"), rule) == ()
    assert len(matches(make.entry("谈AI", feed_url=OTHER.url), rule)) == 1
    assert len(matches(make.entry("谈AI", feed_url=OTHER.url), make.rule())) == 1


@pytest.mark.parametrize(
    ("sections", "matched"),
    [
        (("科技",), True),
        (("國際", "World"), True),
        (("Ｗorld",), True),
        (("国际新闻",), True),
        (("商业",), False),
        ((), False),
    ],
)
def test_a_feed_with_sections_matches_in_these_only(sections: tuple[str, ...], matched: bool) -> None:
    feed = make.feed(sections=("科技", "WORLD", "國際新聞"))
    rules = compile_rules([make.rule()], [feed])
    assert bool(match_entry(make.entry("谈AI", sections=sections), rules)) is matched
    assert match_entry(make.entry("谈AI", sections=sections, feed_url=OTHER.url), rules)


# --- what a match says --------------------------------------------------------------------------


def test_a_hit_names_field_word_and_place_in_the_original() -> None:
    (match,) = matches(make.entry("😀 用ＡＩ写軟體"), Rule(name="r", any=("AI", "软件")))
    assert match.hits == (
        Hit(field="title", word="AI", found="ＡＩ", start=3, end=5),
        Hit(field="title", word="软件", found="軟體", start=6, end=8),
    )


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("軟體平台", ["軟體平台"]),
        ("軟體平臺", ["軟體平臺"]),
        ("軟件平台", ["軟件平台"]),
        ("软件平台", ["软件平台"]),
        ("软体平台", None),
    ],
)
def test_the_vocabulary_of_taiwan_is_found_in_traditional_characters_only(
    title: str, expected: list[str] | None
) -> None:
    assert hit_texts(make.entry(title), any=("软件平台",)) == expected


def test_hits_stand_in_the_order_of_fields_and_places() -> None:
    entry = make.entry("模型与大模型", summary="AI", text="大模型与AI")
    (match,) = matches(
        entry, Rule(name="r", any=("AI", "大模型", "模型"), fields=("text", "summary", "title"))
    )
    assert [(hit.field, hit.start, hit.found) for hit in match.hits] == [
        ("title", 0, "模型"),
        ("title", 3, "大模型"),
        ("title", 4, "模型"),
        ("summary", 0, "AI"),
        ("text", 0, "大模型"),
        ("text", 1, "模型"),
        ("text", 4, "AI"),
    ]


def test_a_word_in_any_and_all_is_one_hit() -> None:
    assert hit_texts(make.entry("谈AI"), any=("AI",), all=("AI",)) == ["AI"]


@pytest.mark.parametrize(
    ("fields", "score"),
    [
        ({"title": "AI"}, 2.0),
        ({"summary": "AI"}, 1.5),
        ({"text": "AI AI AI"}, 1.0),
        ({"title": "AI", "text": "AI"}, 2.0),
        ({"title": "AI", "text": "芯片"}, 3.0),
        ({"title": "AI芯片"}, 4.0),
    ],
)
def test_each_word_counts_once_by_the_best_field_it_stands_in(fields: dict[str, str], score: float) -> None:
    (match,) = matches(make.entry(**{"title": "", **fields}), Rule(name="r", any=("AI", "芯片")))
    assert match.score == score


def test_a_rule_without_a_word_to_find_never_matches() -> None:
    assert matches(make.entry(), Rule(name="r", none=("油价",))) == ()


def test_matches_stand_in_the_order_of_the_rules() -> None:
    rules = [make.rule("写", any=("写",)), make.rule("无", any=("油价",)), make.rule("智", any=("AI",))]
    ruleset = compile_rules(rules, [])
    fingerprints = [match.fingerprint for match in match_entry(make.entry("用AI写"), ruleset)]
    assert fingerprints == [ruleset.fingerprints["写"], ruleset.fingerprints["智"]]


def test_rules_with_one_text_and_two_names_make_one_match() -> None:
    assert len(matches(make.entry("谈AI"), make.rule("甲"), make.rule("乙"))) == 1


def test_a_word_in_two_rules_is_found_for_both() -> None:
    both = matches(make.entry("谈AI"), Rule(name="甲", any=("AI",)), Rule(name="乙", all=("AI",)))
    assert [[hit.found for hit in match.hits] for match in both] == [["AI"], ["AI"]]


# --- mistakes, and what always holds ------------------------------------------------------------


@pytest.mark.parametrize("key", ["any", "all", "none"])
def test_a_word_that_cannot_be_read_is_named_with_its_rule(key: str) -> None:
    with pytest.raises(RuleError) as caught:
        compile_rules([make.rule(), make.rule("坏", **{key: ("AI", "@公司")})], [])
    assert (caught.value.rule, caught.value.word) == ("坏", "@公司")


def test_nothing_matches_without_rules() -> None:
    assert matches(make.entry()) == ()


@pytest.mark.parametrize("word", ["半\ud83d字", "半\0字"])
def test_half_a_character_is_refused_however_often_it_is_read(word: str) -> None:
    for _ in range(2):
        with pytest.raises(RuleError, match="half a character"):
            compile_rules([Rule(name="r", any=(word,))], [])


readable = texts.filter(lambda word: _can_be_read(word))


def _can_be_read(word: str) -> bool:
    try:
        compile_rules([Rule(name="r", any=(word,))], [])
    except RuleError:
        return False
    return True


# Words that are found wherever they stand between full stops: nothing in them has a meaning of its own.
literal = readable.map(str.strip).filter(lambda word: not re.search(r"^=|[*/~@＠:]|\s-", word))


@given(literal, st.lists(readable, max_size=3), texts, texts)
def test_a_hit_always_cuts_what_was_found_out_of_the_original(
    word: str, more_words: list[str], before: str, after: str
) -> None:
    entry = make.entry(f"{before}。{word}。{after}", text=f"{after}。{word}")
    (match,) = matches(entry, Rule(name="r", any=(word, *more_words)))
    assert {hit.field for hit in match.hits if hit.word == word} == {"title", "text"}
    for hit in match.hits:
        assert hit.found == getattr(entry, hit.field)[hit.start : hit.end] != ""
        assert hit.word in (word, *more_words)


@given(st.lists(st.sampled_from(CASES), min_size=1, max_size=3), readable, st.sampled_from(CASES))
def test_another_word_never_takes_a_match_away(base: list[Case], word: str, case: Case) -> None:
    words = [written for each in base for written in each.words] + case.words
    before = matches(make.entry(case.text), Rule(name="r", any=tuple(words)))
    after = matches(make.entry(case.text), Rule(name="r", any=(*words, word)))
    assert before or not case.found
    assert len(after) >= len(before)
    assert {hit for match in before for hit in match.hits} <= {hit for match in after for hit in match.hits}


@given(readable)
def test_a_word_is_found_where_it_stands_alone(word: str) -> None:
    core = word.strip()
    assume(not core.startswith("=") and "*" not in core)
    assert hit_texts(make.entry(core), any=(word,)) is not None


@given(texts)
def test_composition_of_the_text_changes_no_match(text: str) -> None:
    words = ("AI", "H20", "é", "中国", "软件", "ガ", "한", "à")
    composed, decomposed = (unicodedata.normalize(form, f"{text}AI é ガ한") for form in ("NFC", "NFD"))
    in_composed, in_decomposed = (
        [hit.word for match in matches(make.entry(title), Rule(name="r", any=words)) for hit in match.hits]
        for title in (composed, decomposed)
    )
    assert in_composed == in_decomposed
    assert "é" in in_composed
