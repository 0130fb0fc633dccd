from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import RuleError
from monitor.rules.compile import compile_rules, make_search
from monitor.rules.fold import fold
from tests import make
from tests.rules.cases import CASES, Case, texts

OTHER = make.feed("另一家", url="https://other.example.org/rss")

# --- the search for all words at once -----------------------------------------------------------


def test_the_search_finds_words_that_overlap() -> None:
    found = make_search(["大模型", "模型", "型", "上海", "海上"])("大模型上海上")
    assert set(found) == {(0, 0, 3), (1, 1, 3), (2, 2, 3), (3, 3, 5), (4, 4, 6)}


def test_the_search_finds_a_word_in_itself() -> None:
    assert set(make_search(["aa"])("aaaa")) == {(0, 0, 2), (0, 1, 3), (0, 2, 4)}


def test_the_search_answers_for_each_of_two_equal_words() -> None:
    assert set(make_search(["ai", "ai"])("ai")) == {(0, 0, 2), (1, 0, 2)}


def test_the_search_counts_astral_characters_as_one() -> None:
    assert set(make_search(["𠮷", "ai"])("😀𠮷ai")) == {(0, 1, 2), (1, 2, 4)}


def test_the_search_finds_nothing_without_words_or_text() -> None:
    assert list(make_search([])("ai")) == []
    assert list(make_search(["ai", "a"])("")) == []


def test_the_search_looks_for_the_whole_word() -> None:
    assert list(make_search(["abc"])("ab abd ab")) == []


def sought_one_by_one(words: Sequence[str], text: str) -> Iterator[tuple[int, int, int]]:
    """Yield the same answers without an automaton: each word at each place."""
    for number, word in enumerate(words):
        for start in range(len(text)):
            if text.startswith(word, start):
                yield number, start, start + len(word)


few = st.text("ab中国😀", min_size=1, max_size=4)


@given(st.lists(few, max_size=12), st.text("ab中国😀", max_size=30))
def test_the_search_finds_what_looking_for_each_word_at_each_place_finds(words: list[str], text: str) -> None:
    assert sorted(make_search(words)(text)) == sorted(sought_one_by_one(words, text))


@given(st.lists(texts, max_size=6), texts)
def test_the_search_finds_the_same_in_what_is_folded(words: list[str], text: str) -> None:
    folded = [word for word in (fold(word).text for word in words) if word]
    text = "".join([fold(text).text, *folded, fold(text).text])
    found = sorted(make_search(folded)(text))
    assert found == sorted(sought_one_by_one(folded, text))
    assert {number for number, _, _ in found} == set(range(len(folded)))


WORDS_OF_ALL_CASES = [fold(word).text for case in CASES for word in case.words]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_search_finds_the_same_in_each_case(case: Case) -> None:
    text = fold(case.text).text
    found = sorted(make_search(WORDS_OF_ALL_CASES)(text))
    assert found == sorted(sought_one_by_one(WORDS_OF_ALL_CASES, text))


# --- fingerprints -------------------------------------------------------------------------------


def fingerprint(**differ: Any) -> str:
    rule = make.rule(**differ)
    return compile_rules([rule], [make.feed(), OTHER]).fingerprints[rule.name]


@pytest.mark.parametrize(
    "edit",
    [
        {"any": ("AI", "大模型", "芯片")},
        {"any": ("AI",)},
        {"any": ("ai", "大模型")},
        {"any": (), "all": ("AI", "大模型")},
        {"none": ("油价",)},
        {"fields": ("title",)},
        {"feeds": ("另一家",)},
    ],
    ids=str,
)
def test_an_edited_rule_has_another_fingerprint(edit: dict[str, Any]) -> None:
    assert fingerprint(**edit) != fingerprint()


def test_a_feed_that_moves_makes_another_rule_of_those_that_name_it() -> None:
    rule = make.rule(feeds=("另一家",))
    moved = compile_rules([rule], [make.feed("另一家", url="https://moved.example.org/rss")])
    assert moved.fingerprints[rule.name] != fingerprint(feeds=("另一家",))


@pytest.mark.parametrize(
    "same",
    [
        {"name": "别名"},
        {"any": ("大模型", "AI")},
        {"any": ("AI", "大模型", "AI")},
        {"fields": ("text", "title", "summary")},
    ],
    ids=str,
)
def test_what_means_the_same_has_one_fingerprint(same: dict[str, Any]) -> None:
    assert fingerprint(**same) == fingerprint()


def test_the_whole_has_another_fingerprint_when_a_rule_or_a_feeds_sections_change() -> None:
    feeds = [make.feed(), OTHER]
    whole = compile_rules([make.rule()], feeds).fingerprint
    assert whole == compile_rules([make.rule("别名")], feeds).fingerprint
    assert whole != compile_rules([make.rule(any=("AI",))], feeds).fingerprint
    assert whole != compile_rules([make.rule()], [make.feed(sections=("科技",)), OTHER]).fingerprint


def test_a_fingerprint_is_the_same_tomorrow() -> None:
    assert (
        fingerprint() == "b0ed48f56cea6265b4078f924b03c6e6"
    )  # another one re-judges all pending entries: ENGINE


def test_pace_and_the_like_are_no_part_of_the_fingerprint() -> None:
    assert fingerprint(max=3, pace="at once", priority=2, quiet=(), name="b") == fingerprint()
    different = {
        fingerprint(),
        fingerprint(hints=("x",)),
        fingerprint(ignore=("x",)),
        fingerprint(when="x"),
        fingerprint(when="NOT x"),
        fingerprint(threshold=2.0),
        fingerprint(weights=(("AI", 2.0),)),
        fingerprint(sections=("x",)),
        fingerprint(languages=("zh",)),
        compile_rules([make.rule()], [make.feed(), OTHER], {}, ["y"]).fingerprints[make.rule().name],
    }
    assert len(different) == 10


# --- mistakes -------------------------------------------------------------------------------------


def test_a_mistake_in_the_phrases_for_all_is_told_of_their_table() -> None:
    with pytest.raises(RuleError) as caught:
        compile_rules([], [], {}, ["/(/"])
    assert caught.value.table == "matching"
    with pytest.raises(RuleError) as caught:
        compile_rules([], [], {"坏": ["/(/"]}, ["@坏"])
    assert caught.value.table == "aliases"
