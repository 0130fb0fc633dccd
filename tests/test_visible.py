import pytest

from monitor.visible import hidden_places, is_blank, visible

NOT_SEEN = "\u200b\u00ad\u2060\u3164\u115f\u180e\u200d\u200c\ufeff\u034f\ufe0f\U000e0041\u202e\u2066\u200f"


@pytest.mark.parametrize("character", NOT_SEEN)
def test_what_cannot_be_seen_is_dropped_wherever_it_stands(character: str) -> None:
    assert visible(f"{character}Open{character}AI 用{character}户{character}") == "OpenAI 用户"
    assert visible(character * 3) == ""


@pytest.mark.parametrize("text", ["👩‍👩‍👧 一家", "❤️‍🔥", "1️⃣ 第一", "می‌خواهم", "क्‍ष", "☎︎", "plain", "用户"])
def test_what_joins_its_neighbours_or_styles_them_stays(text: str) -> None:
    assert visible(text) == text


def test_a_blank_character_is_a_space() -> None:
    assert visible("甲\u2800乙") == "甲 乙"
    assert is_blank("\u2800")
    assert is_blank("\u3000")
    assert not is_blank("一")


def test_places_are_told_so_that_marks_can_follow() -> None:
    assert hidden_places("a\u200bb\u200b\u200dc") == {1, 3, 4}
    assert hidden_places("abc") == frozenset()
