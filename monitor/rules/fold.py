"""Fold the spellings of one word into one: width, case, simplified and traditional, zero-width marks, spaces.

Every folded character remembers which span of the original it comes from, so that a hit in the folded text is
shown as the publisher wrote it.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate
from typing import NamedTuple

from monitor.rules.script import HAN, simplified

# Unicode's Default_Ignorable_Code_Point and the format characters.
_IGNORED = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff"
)
_JAMO = {*range(0x1100, 0x1200), *range(0x3131, 0x318F), *range(0xFFA0, 0xFFDD)}
_IGNORABLE = re.compile(f"[{_IGNORED}]")
_DOTTED = re.compile(  # the rare first: a letter with a dot after it
    r"[a-z](?=\.[a-z])(?<![a-z0-9][a-z])(?<!(?<![a-z0-9])[a-z]\.[a-z])"
    r"(?:\.[a-z])++(?:\.(?![a-z0-9]))?(?!\.?[a-z0-9])"
)
# What typesetters write for "-" and "'": GPT\u20114 is GPT-4.
_TYPESET = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2212": "-", "\u2019": "'", "\u02bc": "'"})
_SIGNS = str.maketrans(dict.fromkeys("™®©℠", " "))  # NFKC would make ChatGPT™ the word chatgpttm
# Spaces that part no words: all but one of a run, the last one too beside a Chinese character and at either end. Each
# way through begins with the space: that is what makes the search quick.
_NEEDLESS = rf"( (?:(?:(?<=\A )|(?<=[{HAN}] )|(?<=  )) *(?!%s)| *(?:\Z|(?=[{HAN}]))))"
_NEEDLESS_SPACES = re.compile(_NEEDLESS % " ")
_WHITE = re.compile(r"\s")
_COMPLEX = "\U0010ffff"  # no character: stands for one that does not fold to one character
_COMPLEX_RUN = re.compile(f".?{_COMPLEX}+", re.DOTALL)  # with the character that the first of them may join
_SURROGATE = re.compile("[\ud800-\udfff]")  # a lone one: neither the search nor a database can encode it


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text, and where each character of it comes from: `original` and `folded` convert places.

    Before spaces and dots were dropped, character i came from the original span [starts[i], ends[i]).
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]
    dropped: Sequence[int] = ()  # for each dropped character, how many were kept before it
    dots: frozenset[int] = frozenset()  # places of the dropped dots, before dropping

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original that the folded span [start, end) comes from."""
        if not self.dropped:
            return self.starts[start], self.ends[end - 1]
        start += bisect_right(self.dropped, start)
        end += bisect_right(self.dropped, end - 1)
        if end in self.dots:
            end += 1  # the dot is found with its letter
        return self.starts[start], self.ends[end - 1]

    def folded(self, start: int, end: int) -> tuple[int, int]:
        """Return the folded span of the characters that come from the original span [start, end)."""
        places = range(len(self.text))
        first = bisect_left(places, start, key=lambda place: self.original(place, place + 1)[0])
        last = bisect_right(places, end, key=lambda place: self.original(place, place + 1)[1])
        return first, max(first, last)


def fold(text: str) -> Folded:
    """Fold a text. Idempotent: the folded text folds to itself, with up to 30 marks on a character.

    NFKC and case folding (Unicode 15, sections 3.11 and 3.13), simplified characters for traditional ones,
    ignorable characters dropped, white space and ™ ® © as one space and none beside a Chinese character, A.I. as AI.
    Circled numbers and letters stay as they are: a list number is no part of the word after it.
    """
    folded = text.translate(_FOLDED_CHARACTERS)
    starts: Sequence[int] = range(len(text))
    ends: Sequence[int] = range(1, len(text) + 1)
    needless = _NEEDLESS_SPACES
    if _COMPLEX in folded:
        folded, starts, ends = _by_cluster(text, folded)
        needless = _patterns_with_marks().needless
    return _without_needless(folded, starts, ends, needless)


class _FoldedCharacters(dict[int, int]):
    """What each character folds to, computed when it is first met; `_COMPLEX` where that is not one character."""

    def __missing__(self, code: int) -> int:
        character = chr(code)
        folded = _folded_cluster(character)
        is_complex = len(folded) != 1 or (_joins(character) and not _IGNORABLE.match(character))
        self[code] = ord(_COMPLEX if is_complex else folded)
        return self[code]


_FOLDED_CHARACTERS = _FoldedCharacters()


def _by_cluster(text: str, folded: str) -> tuple[str, list[int], list[int]]:
    """Fold cluster by cluster, slowly, where characters become several, or none, or join the one before."""
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    clusters = _patterns_with_marks().cluster
    done = 0
    for run in [*_COMPLEX_RUN.finditer(folded), None]:
        start, end = run.span() if run else (len(text), len(text))
        pieces.append(folded[done:start])
        starts += range(done, start)
        ends += range(done + 1, start + 1)
        for cluster in clusters.finditer(text, start, end):
            pieces.append(_folded_cluster(cluster[0]))
            starts += [cluster.start()] * len(pieces[-1])
            ends += [cluster.end()] * len(pieces[-1])
        done = end
    return "".join(pieces), starts, ends


def _joins(character: str) -> bool:
    """Is it a mark, a voicing mark of kana, or a later letter of a Hangul syllable in any width?"""
    code = ord(character)
    if unicodedata.category(character)[0] == "M" or code in (0xFF9E, 0xFF9F):
        return True
    return code in _JAMO and "\u1161" <= unicodedata.normalize("NFKD", character) <= "\u11ff"


class _Patterns(NamedTuple):
    cluster: re.Pattern[str]  # ignorable characters, or a character with what joins it
    needless: re.Pattern[str]  # spaces that part no words; a mark stays on the space it stands on


@cache
def _patterns_with_marks() -> _Patterns:
    """Compile the patterns that name every joining character: 0.1 s, so only when a text has one."""
    joining = "".join(filter(_joins, map(chr, range(0x300, 0x1E94B))))  # no mark stands outside
    joined = f"(?![{_IGNORED}])[{joining}]"
    # No more than 30 marks on a character (Unicode 15, UAX 15 section 13): sorting a million of them takes for ever.
    cluster = f"[{_IGNORED}]+|.(?:[{_IGNORED}]*{joined}){{0,30}}"
    return _Patterns(re.compile(cluster, re.DOTALL), re.compile(_NEEDLESS % f"[{joining}]"))


@lru_cache(maxsize=20_000)
def _folded_cluster(cluster: str) -> str:
    if unicodedata.decomposition(cluster[0]).startswith("<circle>"):
        return cluster[0] + _folded_cluster(cluster[1:]) if cluster[1:] else cluster
    folded, before = cluster.translate(_SIGNS), ""
    while folded != before:  # one pass may make what the next one folds further
        before = folded
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())
        folded = "".join(map(simplified, _IGNORABLE.sub("", folded)))
    return _SURROGATE.sub("\ufffd", _WHITE.sub(" ", folded)).translate(_TYPESET)


def _without_needless(
    text: str, starts: Sequence[int], ends: Sequence[int], needless: re.Pattern[str]
) -> Folded:
    """Drop the spaces that part no words, and the dots of A.I."""
    dots = frozenset(_needless_dots(text)) if "." in text else frozenset()
    if dots:
        spaces = (place for run in needless.finditer(text) for place in range(*run.span()))
        dropped = sorted({*spaces, *dots})
        bounds = zip([0, *(place + 1 for place in dropped)], [*dropped, len(text)], strict=True)
        rest = "".join(text[start:end] for start, end in bounds)
        return Folded(rest, starts, ends, [place - number for number, place in enumerate(dropped)], dots)
    # Without a Chinese character, and as most texts are.
    is_plain = text.isascii() and "  " not in text and text[:1] != " " != text[-1:]
    if is_plain or " " not in text:
        return Folded(text, starts, ends)
    pieces = needless.split(text)  # kept, dropped, kept, ...
    kept, runs = pieces[::2], pieces[1::2]
    sizes_before = accumulate(map(len, kept))
    dropped = [size for size, run in zip(sizes_before, runs, strict=False) for _ in run]
    return Folded("".join(kept), starts, ends, dropped)


def _needless_dots(text: str) -> Iterator[int]:
    for abbreviation in _DOTTED.finditer(text):
        yield from (place for place in range(*abbreviation.span()) if text[place] == ".")
