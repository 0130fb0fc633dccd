import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.digests.wrap import columns, wrap

TEXTS = st.text("字词，。“”（）、：ab1 .-·…👩‍\u0301\u200d🙂", max_size=300)


def test_width_is_what_the_eye_sees() -> None:
    assert columns("AI 芯片") == 7
    assert columns("e\u0301") == 1
    assert columns("👩‍👩‍👧") == 2
    assert columns("") == 0


def test_characters_of_ambiguous_width_count_as_wide() -> None:
    assert columns("“·”") == 6


def test_a_short_text_is_one_line() -> None:
    assert wrap("用AI写作业") == "用AI写作业"
    assert wrap("") == ""


def test_thirty_eight_chinese_characters_fill_a_line() -> None:
    assert wrap("字" * 80) == "\n".join(["字" * 38, "字" * 38, "字" * 4])


def test_latin_words_stay_whole() -> None:
    assert wrap("one two three", 8) == "one two\nthree"
    assert wrap("用DeepSeek写作", 9) == "用\nDeepSeek\n写作"


def test_a_word_wider_than_a_line_is_cut() -> None:
    assert wrap("x" * 20, 8) == "x" * 8 + "\n" + "x" * 8 + "\n" + "x" * 4


@pytest.mark.parametrize("mark", list("。，、；：？！）》」”…"))
def test_no_line_begins_with_closing_punctuation(mark: str) -> None:
    assert wrap("字字字字" + mark + "词词词", 8).split("\n")[0] == "字字字"


@pytest.mark.parametrize("mark", list("“（《「"))
def test_no_line_ends_with_opening_punctuation(mark: str) -> None:
    assert wrap("字字字" + mark + "词词词词", 8).split("\n")[0] == "字字字"


def test_latin_punctuation_clings_to_the_chinese_before_it() -> None:
    assert wrap("字字字字. 词", 8).split("\n")[0] == "字字字"
    assert wrap("字字字 .NET好", 8).split("\n")[0] == "字字字"


def test_no_line_begins_with_a_separator() -> None:
    assert wrap("纽约时报 · 科技 · 16:59", 11) == "纽约时报 ·\n科技 ·\n16:59"


def test_a_dot_within_a_name_does_not_part_it() -> None:
    assert wrap("字字字伊·史密", 8) == "字字字\n伊·史密"


def test_a_single_character_is_not_left_alone_on_the_last_line() -> None:
    assert wrap("字字字字字", 8) == "字字字\n字字"
    assert wrap("abcdefgh字", 8) == "abcdefgh\n字"  # nothing to give it


def test_lines_of_the_text_stay_lines() -> None:
    assert wrap("一\n\n二") == "一\n\n二"


@given(TEXTS, st.integers(8, 80))
def test_no_line_is_too_wide_and_nothing_is_lost(text: str, width: int) -> None:
    lines = wrap(text, width).split("\n")
    assert all(columns(line) <= width for line in lines)
    assert not any(line != line.rstrip() for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
