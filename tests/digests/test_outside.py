import pytest

from monitor.digests.outside import foreign_language, is_right_to_left


@pytest.mark.parametrize(
    ("text", "locale", "language"),
    [
        ("开源大模型的重心正在转移", "zh-Hans", ""),
        ("开源大模型的重心正在转移", "en", "zh-Hans"),
        ("開源模型與晶片的關係", "zh-Hans", "zh-Hant"),
        ("開源模型與晶片的關係", "zh-Hant", ""),
        ("人工智能", "en", "zh"),
        ("人工智能", "zh-Hant", ""),
        ("OpenAI 发布 GPT-5 Pro", "en", "zh-Hans"),
        ("The Economist on 中国 and the chips", "zh-Hans", "en"),
        ("A chip that sleeps for most of the day", "zh-Hans", "en"),
        ("A chip that sleeps for most of the day", "en", ""),
        ("The chips — and “the” towns", "zh-Hans", "en"),
        ("DeepSeek R2", "zh-Hans", ""),
        ("Une puce qui dort", "zh-Hans", ""),
        ("Les députés à l’œuvre", "zh-Hans", ""),
        ("新しいチップについて話す", "zh-Hans", "ja"),
        ("새로운 칩", "zh-Hans", "ko"),
        ("Новый чип", "zh-Hans", "ru"),
        ("شريحة جديدة", "zh-Hans", "ar"),
        ("", "zh-Hans", ""),
    ],
)
def test_a_text_in_another_language_says_which(text: str, locale: str, language: str) -> None:
    assert foreign_language(text, locale) == language


@pytest.mark.parametrize(
    ("text", "rtl"),
    [
        ("شريحة OpenAI", True),
        ("“שבב” חדש", True),
        ("OpenAI شريحة", False),
        ("AI 芯片", False),
        ("123", False),
        ("——", False),
    ],
)
def test_the_first_letter_tells_the_direction(text: str, rtl: bool) -> None:
    assert is_right_to_left(text) is rtl
