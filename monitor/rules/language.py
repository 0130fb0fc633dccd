"""Which language is an entry written in? By its letters alone."""

import re

from monitor.rules.script import is_han, is_simplified, is_traditional

LANGUAGES = ("zh", "zh-Hans", "zh-Hant", "ja", "ko", "en")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\uff66-\uff9d]")
_HANGUL = re.compile("[\u1100-\u11ff\uac00-\ud7a3]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")


def languages_of(text: str) -> frozenset[str]:
    """The names of LANGUAGES that fit; none for a text in other letters.

    A text with Chinese characters is "zh", with kana among them "ja". "zh-Hans" and "zh-Hant" both fit where no
    character tells. "en" stands for every language in Latin letters.
    """
    han = sum(map(is_han, text))
    kana, hangul, latin = (len(letters.findall(text)) for letters in (_KANA, _HANGUL, _LATIN))
    if kana * 10 > han:
        return frozenset({"ja"})
    if hangul > han:
        return frozenset({"ko"})
    if latin > han * 5:  # an English word has about five letters
        return frozenset({"en"})
    if not han:
        return frozenset()
    simple, traditional = sum(map(is_simplified, text)), sum(map(is_traditional, text))
    fitting = {"zh"}
    if simple >= traditional:
        fitting.add("zh-Hans")
    if traditional >= simple:
        fitting.add("zh-Hant")
    return frozenset(fitting)
