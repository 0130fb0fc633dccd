import sys
import unicodedata
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.rules.fold import fold
from tests.cost import cpu_seconds
from tests.rules.cases import CASES, Case, texts


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("ＡＩ", "ai"),
        ("人工智慧", "人工智慧"),
        ("開源大模型", "开源大模型"),
        ("STRASSE straße", "strasse strasse"),
        ("İ I ı", "i\u0307 i ı"),
        ("ｶﾞｲﾄﾞ", "ガイド"),
        ("\u1112\u1161\u11ab", "한"),
        ("\u1112\u314f", "하"),
        ("ﬁ ㍿ ½", "fi株式会社1\u20442"),
        ("①AI Ⓐ ㊙", "①ai Ⓐ ㊙"),
        ("GPT\u20115 O’Neill", "gpt-5 o'neill"),
        ("等等……完", "等等......完"),
        ("简报：A；B", "简报:a;b"),
        ("\u2460\u0301", "①\u0301"),
    ],
)
def test_two_spellings_of_one_word_become_one(written: str, folded: str) -> None:
    assert fold(written).text == folded


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        (" 用 AI 写 ", "用ai写"),
        ("open \t\n ai", "open ai"),
        ("大\u3000模\u00a0型", "大模型"),
        ("   ", ""),
        ("a \u0301b", "a \u0301b"),
        ("中 \u0301国", "中 \u0301国"),
        ("中  \u0301国", "中 \u0301国"),
    ],
)
def test_a_space_stays_only_where_it_parts_words(written: str, folded: str) -> None:
    assert fold(written).text == folded


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("ChatGPT™", "chatgpt"),
        ("ChatGPT™的答案", "chatgpt的答案"),
        ("Word®2024", "word 2024"),
        ("Windows® 11", "windows 11"),
        ("©OpenAI", "openai"),
        ("图℠片", "图片"),
    ],
)
def test_a_trade_mark_sign_hides_no_word(written: str, folded: str) -> None:
    assert fold(written).text == folded


def test_what_is_found_before_a_trade_mark_sign_stands_where_it_stood() -> None:
    written = "听说 ChatGPT™ 涨价了"
    folded = fold(written)
    start = folded.text.index("chatgpt")
    assert written[slice(*folded.original(start, start + 7))] == "ChatGPT"
    start = folded.text.index("涨价")
    assert written[slice(*folded.original(start, start + 2))] == "涨价"


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("A.I.", "ai"),
        ("A.I", "ai"),
        ("U.S.A. ", "usa"),
        ("A.I.Lab", "a.i.lab"),
        ("A.I.2", "a.i.2"),
        ("A.", "a."),
        ("a..i", "a..i"),
        ("www.a.i", "www.ai"),
        ("node.js 3.5", "node.js 3.5"),
    ],
)
def test_an_abbreviation_loses_its_dots_and_nothing_else_does(written: str, folded: str) -> None:
    assert fold(written).text == folded


@pytest.mark.parametrize(
    "unseen", ["\u200b", "\u00ad", "\ufeff", "\ufe0f", "\u202e", "\u2060", "\U000e0100", "\uffa0"]
)
def test_what_cannot_be_seen_is_dropped(unseen: str) -> None:
    assert fold(f"{unseen}A{unseen}I{unseen}").text == "ai"
    assert fold(f"e{unseen}\u0301").text == "é"
    assert fold(f"{unseen}\u0301").text == "\u0301"


def test_half_a_character_keeps_its_place() -> None:
    folded = fold("中\ud83d\udc4d國")
    assert (folded.text, list(folded.starts)) == ("中\ufffd\ufffd国", [0, 1, 2, 3])


@pytest.mark.parametrize(
    ("written", "part", "original"),
    [
        ("用ＡＩ写", "ai", "ＡＩ"),
        ("看A.I.了", "ai", "A.I."),
        ("大 模\n型们", "大模型", "大 模\n型"),
        ("x\u200bA\u200bI\u200b", "ai", "A\u200bI"),
        ("去㍿吧", "式会", "㍿"),
        ("cafe\u0301", "é", "e\u0301"),
        ("😀ＡＩ", "ai", "ＡＩ"),
        ("……ＡＩ…é", "ai", "ＡＩ"),
        ("……cafe\u0301…x", "é", "e\u0301"),
        ("\U0010ffffＡＩ", "ai", "ＡＩ"),
        (" AI ", "ai", "AI"),
    ],
)
def test_a_part_of_the_folded_text_is_found_in_the_original(written: str, part: str, original: str) -> None:
    folded = fold(written)
    at = folded.text.index(part)
    start, end = folded.original(at, at + len(part))
    assert written[start:end] == original


@given(texts)
def test_a_folded_text_folds_to_itself(text: str) -> None:
    assert fold(fold(text).text).text == fold(text).text


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_folded_headline_folds_to_itself(case: Case) -> None:
    assert fold(fold(case.text).text).text == fold(case.text).text


@pytest.mark.untraced
def test_each_character_folds_to_itself_at_the_second_time() -> None:
    all_characters = map(chr, range(sys.maxunicode + 1))
    assigned = (
        character for character in all_characters if unicodedata.category(character) not in ("Cn", "Co")
    )
    folded = ((character, fold(character).text) for character in assigned)
    changed = ((character, text) for character, text in folded if text != character)
    assert [hex(ord(character)) for character, text in changed if fold(text).text != text] == []


@given(texts)
def test_each_folded_character_has_a_span_and_spans_do_not_go_back(text: str) -> None:
    folded = fold(text)
    spans = [folded.original(place, place + 1) for place in range(len(folded.text))]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert [start for start, _ in spans] == sorted(start for start, _ in spans)
    assert [end for _, end in spans] == sorted(end for _, end in spans)
    for place, (start, end) in enumerate(spans):
        first, last = folded.folded(start, end)
        assert first <= place < last


@given(texts)
def test_composed_and_decomposed_are_one(text: str) -> None:
    for form in ("NFC", "NFD"):
        assert fold(unicodedata.normalize(form, text)).text == fold(text).text


@pytest.mark.untraced
@pytest.mark.parametrize(
    "hostile",
    ["\u200b", "a\u200b", "\u0300\u0323", "\u200b\u0301", " ", " \u0301", "a.", "\u1161", "\ufe0f", "①"],
    ids=ascii,
)
def test_a_hostile_text_of_eight_times_the_length_costs_at_most_three_times_that(hostile: str) -> None:
    def cost(times: int) -> float:
        texts = [f"{first}{hostile * times}aa" for first in "abc"]  # different ones: folded clusters are kept
        return cpu_seconds(*(partial(fold, text) for text in texts))

    assert len(fold(f"a{hostile * 20_000}aa").text) <= 40_003
    assert cost(20_000) < 3 * 8 * cost(2_500)


@given(st.text(alphabet="abc 中国", max_size=12))
def test_a_plain_text_keeps_its_characters(text: str) -> None:
    assert fold(text).text.replace(" ", "") == text.replace(" ", "")
