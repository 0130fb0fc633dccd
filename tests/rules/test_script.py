import pytest

from monitor.rules.script import continues_words, languages_of


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("这是简体", {"zh", "zh-Hans"}),
        ("這是繁體", {"zh", "zh-Hant"}),
        ("人工", {"zh", "zh-Hans", "zh-Hant"}),
        ("OpenAI 发布 GPT", {"zh", "zh-Hans"}),
        ("データを公表", {"ja"}),
        ("인공지능", {"ko"}),
        ("An open model from 北京", {"en"}),
        ("12, 34", set()),
    ],
)
def test_letters_tell_the_language(text: str, languages: set[str]) -> None:
    assert languages_of(text) == languages


@pytest.mark.parametrize("character", [*"aZ9éжα한ع٥ｱ"])
def test_letters_and_digits_continue_words(character: str) -> None:
    assert continues_words(character)


@pytest.mark.parametrize("character", [*"中ア々ㄅ〇 -_.+①½🤖：\ufffd"])
def test_chinese_characters_and_punctuation_do_not(character: str) -> None:
    assert not continues_words(character)
