"""Classify characters by script, convert Chinese between its regional forms, and tell the language of a text."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

import opencc

# Ideographs, kana and bopomofo: written without spaces, so words have no edges there.
# A set for regular expressions.
HAN = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa"
    "\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U0001b000-\U0001b16f\U00020000-\U000323af"
)
_HAN = re.compile(f"[{HAN}]")


@cache
def is_han(sign: str) -> bool:
    """Is this a character of a script that is written without spaces between words?"""
    return _HAN.match(sign) is not None


@cache
def continues_words(sign: str) -> bool:
    """Would this sign, beside a word, make it another word? Letters and digits of scripts with spaces do."""
    return (unicodedata.category(sign)[0] in "LM" and not is_han(sign)) or unicodedata.category(sign) == "Nd"


@cache
def simplified(sign: str) -> str:
    """The simplified form of one character, itself where there is none.

    Sign by sign: OpenCC's phrases would change lengths, and see words across the seams of others.
    """
    return _converter("t2s").convert(sign) if is_han(sign) else sign


_WAYS = ("s2twp", "tw2sp")
# A line break would shift the lines that come back; half a character (a lone surrogate) cannot be handed over.
_UNFIT = re.compile("[\n\ud800-\udfff]")
_vocabulary: dict[str, tuple[str, ...]] = {}


def vocabulary(word: str) -> tuple[str, ...]:
    """What Taiwan calls the same thing (人工智慧 for 人工智能), and the mainland, each as it writes it."""
    if word not in _vocabulary:
        learn_vocabulary([word])
    return _vocabulary[word]


def learn_vocabulary(words: Iterable[str]) -> None:
    """Look up many words at once: OpenCC is asked twice in all, not twice for each."""
    new = [word for word in dict.fromkeys(words) if word not in _vocabulary]
    _vocabulary.update((word, ()) for word in new)
    asked = [word for word in new if any(map(is_han, word)) and not _UNFIT.search(word)]
    lines = "\n".join(asked)
    answers = [_converter(way).convert(lines).split("\n") for way in _WAYS if asked]
    for word, *others in zip(asked, *answers, strict=True):
        _vocabulary[word] = tuple(dict.fromkeys(others))


@cache
def _converter(way: str) -> opencc.OpenCC:
    return opencc.OpenCC(way)


@cache
def is_traditional(sign: str) -> bool:
    """Is this character written so in Taiwan and Hong Kong only?"""
    return simplified(sign) != sign


@cache
def is_simplified(sign: str) -> bool:
    """Is this character written so on the mainland only?"""
    return is_han(sign) and _converter("s2t").convert(sign) != sign


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
