"""Tell the language and direction of a text that others wrote: a Chinese title in an English digest says so.

Readers aloud pronounce by it, and browsers choose by it between the Chinese and the Japanese form of a character.
"""

import re
import unicodedata

_HAN = re.compile("[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\uff66-\uff9d]")
_HANGUL = re.compile("[\u1100-\u11ff\uac00-\ud7a3]")
_LATIN_WORD = re.compile("[A-Za-z\u00c0-\u024f]+")
# Scripts that one language writes more than all others.
_BY_SCRIPT = (
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("ar", re.compile("[\u0620-\u06ff]")),
    ("he", re.compile("[\u05d0-\u05ea]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("th", re.compile("[\u0e01-\u0e5b]")),
    ("hi", re.compile("[\u0900-\u097f]")),
)
# Words that no sentence of English lacks, and few other languages have.
_ENGLISH = re.compile(
    r"\b(?:the|of|and|to|is|are|was|for|with|on|at|by|from|how|why|what|who|your|its|it|has|have|will|not|new)\b",
    re.IGNORECASE,
)


def foreign_language(text: str, locale: str) -> str:
    """Return the language of a text as a BCP 47 tag; "" where it is that of `locale`, or cannot be told."""
    language = _language(text, locale)
    return "" if language == locale else language


def is_right_to_left(text: str) -> bool:
    """Return whether a text runs from right to left: its first letter tells (Unicode, UAX 9, P2)."""
    if text.isascii():
        return False
    directions = (unicodedata.bidirectional(character) for character in text)
    return next((way for way in directions if way in ("L", "R", "AL")), "L") != "L"


def _language(text: str, locale: str) -> str:
    is_english = bool(_ENGLISH.search(text))
    if text.isascii():
        return "en" if is_english else ""
    latin = _LATIN_WORD.findall(text)
    han, kana, hangul = ("".join(script.findall(text)) for script in (_HAN, _KANA, _HANGUL))
    if len(kana) > 2 and 3 * len(kana) > len(han):
        return "ja"
    if len(hangul) > max(len(han), len(latin)):
        return "ko"
    if han and not (is_english and len(latin) > len(han)):
        return _chinese(han, locale)
    for language, script in _BY_SCRIPT:
        if len(script.findall(text)) > sum(map(len, latin)):
            return language
    return "en" if is_english else ""


def _chinese(han: str, locale: str) -> str:
    """Return in which characters Chinese is written, as the old character sets of mainland and Taiwan have them."""
    simplified, traditional = (len(han.encode(name, "ignore")) for name in ("gb2312", "big5"))
    if simplified != traditional:
        return "zh-Hans" if simplified > traditional else "zh-Hant"
    return locale if locale.startswith("zh") else "zh"
