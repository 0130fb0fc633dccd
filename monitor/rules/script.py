"""Classify characters by script, convert Chinese between its regional forms, and tell the language of a text."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

import opencc

from monitor.config.options import Language

# Ideographs, kana and bopomofo: written without spaces, so words have no edges there.
# A set for regular expressions.
HAN = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa"
    "\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U0001b000-\U0001b16f\U00020000-\U000323af"
)
_HAN = re.compile(f"[{HAN}]")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\uff66-\uff9d]")
_HANGUL = re.compile("[\u1100-\u11ff\uac00-\ud7a3]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")

_CONVERSIONS = ("s2twp", "tw2sp")  # with vocabulary: to Taiwan's, to the mainland's
# A line break would shift the lines that come back; a lone surrogate cannot be handed over.
_NOT_CONVERTIBLE = re.compile("[\n\ud800-\udfff]")
_vocabulary: dict[str, tuple[str, ...]] = {}


@cache
def is_han(character: str) -> bool:
    """Return whether a character belongs to a script that is written without spaces between words."""
    return _HAN.match(character) is not None


@cache
def continues_words(character: str) -> bool:
    """Return whether a character beside a word makes it another word: letters and digits of scripts with spaces do."""
    category = unicodedata.category(character)
    return (category[0] in "LM" and not is_han(character)) or category == "Nd"


@cache
def simplified(character: str) -> str:
    """Return the simplified form of a character, the character itself where there is none.

    OpenCC is asked character by character: its phrases would change lengths, and match across the seams of others.
    """
    return _converter("t2s").convert(character) if is_han(character) else character


@cache
def is_traditional(character: str) -> bool:
    """Return whether a character is written so in Taiwan and Hong Kong only."""
    return simplified(character) != character


@cache
def is_simplified(character: str) -> bool:
    """Return whether a character is written so on the mainland only."""
    return is_han(character) and _converter("s2t").convert(character) != character


def vocabulary(word: str) -> tuple[str, ...]:
    """Return what Taiwan calls the same thing (人工智慧 for 人工智能), and the mainland, each in its own characters."""
    if word not in _vocabulary:
        learn_vocabulary([word])
    return _vocabulary[word]


def learn_vocabulary(words: Iterable[str]) -> None:
    """Look up the vocabulary of many words at once: OpenCC is asked twice in all, not twice for each."""
    new = [word for word in dict.fromkeys(words) if word not in _vocabulary]
    _vocabulary.update((word, ()) for word in new)
    convertible = [word for word in new if any(map(is_han, word)) and not _NOT_CONVERTIBLE.search(word)]
    lines = "\n".join(convertible)
    answers = [_with_vocabulary(name).convert(lines).split("\n") for name in _CONVERSIONS if convertible]
    for word, *converted in zip(convertible, *answers, strict=True):
        _vocabulary[word] = tuple(dict.fromkeys(converted))


def forget_dictionaries() -> None:
    """Let go of the dictionaries of vocabulary, 45 MB: they are read again for words that are new."""
    _with_vocabulary.cache_clear()


@cache
def _converter(name: str) -> opencc.OpenCC:
    return opencc.OpenCC(name)


@cache
def _with_vocabulary(name: str) -> opencc.OpenCC:
    return opencc.OpenCC(name)


def languages_of(text: str) -> frozenset[Language]:
    """Return the languages that a text may be in, judged by its letters; none for a text in other letters.

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
    simplified_count, traditional_count = sum(map(is_simplified, text)), sum(map(is_traditional, text))
    fitting: set[Language] = {"zh"}
    if simplified_count >= traditional_count:
        fitting.add("zh-Hans")
    if traditional_count >= simplified_count:
        fitting.add("zh-Hant")
    return frozenset(fitting)
