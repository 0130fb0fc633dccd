"""The language of a text, by its letters."""

import pytest

from monitor.rules.language import languages_of


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
