import subprocess
import sys
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.rules.fold import fold
from monitor.rules.search import Search, automaton, make_search, table
from tests.rules.cases import CASES, Case, texts

Make = Callable[[Sequence[str]], Search]
few = st.text("ab中国😀", min_size=1, max_size=4)


@pytest.mark.parametrize("make", [make_search, automaton, table])
class TestEachSearch:
    def test_finds_words_that_overlap(self, make: Make) -> None:
        found = make(["大模型", "模型", "型", "上海", "海上"])("大模型上海上")
        assert set(found) == {(0, 0, 3), (1, 1, 3), (2, 2, 3), (3, 3, 5), (4, 4, 6)}

    def test_finds_a_word_in_itself(self, make: Make) -> None:
        assert set(make(["aa"])("aaaa")) == {(0, 0, 2), (0, 1, 3), (0, 2, 4)}

    def test_answers_for_each_of_two_equal_words(self, make: Make) -> None:
        assert set(make(["ai", "ai"])("ai")) == {(0, 0, 2), (1, 0, 2)}

    def test_counts_astral_characters_as_one(self, make: Make) -> None:
        assert set(make(["𠮷", "ai"])("😀𠮷ai")) == {(0, 1, 2), (1, 2, 4)}

    def test_finds_nothing_without_words_or_text(self, make: Make) -> None:
        assert list(make([])("ai")) == []
        assert list(make(["ai", "a"])("")) == []

    def test_looks_for_the_whole_word(self, make: Make) -> None:
        assert list(make(["abc"])("ab abd ab")) == []


@given(st.lists(few, max_size=12), st.text("ab中国😀", max_size=30))
def test_both_searches_find_the_same(words: list[str], text: str) -> None:
    found = list(table(words)(text))
    assert len(found) == len(set(found))
    assert sorted(found) == sorted(automaton(words)(text))


@given(st.lists(texts, max_size=6), texts)
def test_both_searches_find_the_same_in_what_is_folded(words: list[str], text: str) -> None:
    folded = [word for word in (fold(word).text for word in words) if word]
    assert sorted(table(folded)(fold(text).text)) == sorted(automaton(folded)(fold(text).text))


words_of_all = [fold(word).text for case in CASES for word in case.words]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_both_searches_find_the_same_in_each_case(case: Case) -> None:
    text = fold(case.text).text
    assert sorted(table(words_of_all)(text)) == sorted(automaton(words_of_all)(text))


_ELSEWHERE = """
import sys
sys.modules["ahocorasick_rs"] = None  # how Python notes a package that cannot be imported
from monitor.rules.search import AhoCorasick, make_search
assert AhoCorasick is None
assert list(make_search(["ai", "模型"])("用ai大模型")) == [(0, 1, 3), (1, 4, 6)]
"""


def test_a_machine_without_the_automaton_searches_in_python() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", _ELSEWHERE], check=True, timeout=60)
