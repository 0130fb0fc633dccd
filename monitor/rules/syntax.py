"""What the operator wrote becomes a Word, or points at the mistake."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from monitor.errors import RuleError
from monitor.rules.fold import fold
from monitor.rules.script import is_han, simplified, vocabulary


@dataclass(frozen=True, slots=True)
class Spelling:
    """One way to find a word: a folded text to look for, and what has to hold where it was found."""

    text: str
    left: bool  # the sign before must not continue the word
    right: bool  # nor the sign behind
    exactly: str = ""  # the original must read just so
    traditional: str = ""  # characters that the original must have: "軟體" is no 软体


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a rule, in all its spellings."""

    written: str
    spellings: tuple[Spelling, ...]


_RESERVED = (
    (re.compile(r"@|＠"), 'alias sets ("@name") are not understood yet'),
    (re.compile(r"/.*/[a-z]*$"), 'regular expressions ("/…/") are not understood yet'),
    (
        re.compile(r"(title|summary|text|author|section|link|feed):\S"),
        'a field before a word ("title:…") is not understood yet; use fields = ["title"] for the whole rule',
    ),
)
_RESERVED_INSIDE = (
    (re.compile("[\0\ud800-\udfff]"), "half a character (a lone surrogate) or NUL cannot be looked for"),
    (re.compile(r"(?<=\s)~\d*\s"), 'nearness ("A ~8 B") is not understood yet'),
    (re.compile(r"(?<=\s)-\S"), 'guard words ("word -not this") are not understood yet; use none = ["…"]'),
)


def parse_word(rule: str, written: str) -> Word:
    """Read one word of a rule. Raises RuleError.

    `AI` is a whole word, `AI*` and `*GPT` are open on one side, `=AI` wants this case and width. A word in Chinese is
    found anywhere. What later versions give a meaning to is refused, so that no word silently means another thing.
    """
    _refuse_reserved(rule, written)
    core = written.strip()
    exact = core.startswith("=") and len(core) > 1
    core = core.removeprefix("=") if exact else core
    open_left, open_right = core.startswith("*") and len(core) > 1, core.endswith("*") and len(core) > 1
    core = core.removeprefix("*") if open_left else core
    core = core.removesuffix("*") if open_right else core
    folded = fold(core).text
    if not folded.strip("*= "):
        raise RuleError(rule, written, "there is nothing to look for")
    exactly = unicodedata.normalize("NFC", core) if exact else ""
    spellings = [_spelling(folded, open_left, open_right, exactly=exactly)]
    if not exact:
        spellings += [
            _spelling(fold(other).text, open_left, open_right, traditional=_telling(other, folded))
            for other in vocabulary(core)
            if fold(other).text != folded
        ]
    return Word(written, tuple(spellings))


def _refuse_reserved(rule: str, written: str) -> None:
    for pattern, what in _RESERVED:
        if pattern.match(written.strip()):
            raise RuleError(rule, written, what)
    for pattern, what in _RESERVED_INSIDE:
        if found := pattern.search(written):
            raise RuleError(rule, written, what, found.start())


def _telling(other: str, folded: str) -> str:
    """The traditional characters that make the other word another: 體 of 軟體平臺, and not 臺, which many write 台."""
    return "".join(sign for sign in other if simplified(sign) != sign and simplified(sign) not in folded)


def _spelling(
    text: str, open_left: bool, open_right: bool, exactly: str = "", traditional: str = ""
) -> Spelling:
    # Beside a sign no edge is asked for: C++ is found in C++17, .NET in 微软.NET.
    return Spelling(
        text=text,
        left=not open_left and continues_words(text[0]),
        right=not open_right and continues_words(text[-1]),
        exactly=exactly,
        traditional=traditional,
    )


@cache
def continues_words(sign: str) -> bool:
    """Would this sign, beside a word, make it another word? Letters and digits of scripts with spaces do."""
    return (unicodedata.category(sign)[0] in "LM" and not is_han(sign)) or unicodedata.category(sign) == "Nd"
