import pytest

from monitor.feeds.text import clean


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (" 一\t二\r\n三\u2028四\u3000五\x85六 ", "一 二 三 四 五 六"),
        ("a\0b\x07c\x1b[31md\x7fe\x9bf", "abc[31mdef"),
        ("左\u202e右\u2066中\u200f外\ufeff", "左右中外"),
        ("孤\ud800立", "孤立"),
        ("👩‍💻é e\u0301", "👩‍💻é e\u0301"),
    ],
)
def test_a_text_becomes_one_line_without_control_characters(text: str, wanted: str) -> None:
    assert clean(text) == wanted
