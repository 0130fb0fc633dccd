"""What a publisher wrote becomes pieces fit to show, its hits marked."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

Span = tuple[int, int]  # start and end, in code points

# They reorder or hide the text around them: a title could read as another one.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_TAIL = 2  # characters at the end, and their punctuation, that a line break must not tear apart
_WORTH_KEEPING = 12  # shorter texts seldom break at all
_WIDE_IN_CHINESE = frozenset("“”‘’…—")  # of ambiguous width in Unicode


class Piece(NamedTuple):
    """A run of text, marked as a hit or not."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Phrase:
    """One line of text in pieces. `tail` is to stay on one line, so that no single character ends a paragraph."""

    lead: tuple[Piece, ...]
    tail: tuple[Piece, ...] = ()

    @property
    def text(self) -> str:
        """The phrase without its marks; "" when there is nothing to show."""
        return "".join(piece.text for piece in self.lead + self.tail)


def phrase(text: str, spans: Iterable[Span] = (), *, before: str = "", after: str = "") -> Phrase:
    """`text` without control characters and needless space, the `spans` of it marked.

    `before` and `after` are added unmarked: the ellipsis of an excerpt.
    """
    inside = {index for start, end in spans for index in range(start, end)}
    shown = _tidy([(character, index in inside) for index, character in enumerate(text)])
    shown = [(character, False) for character in before] + shown + [(character, False) for character in after]
    cut = _tail("".join(character for character, _ in shown))
    return Phrase(lead=_pieces(shown[:cut]), tail=_pieces(shown[cut:]))


def plain(text: str) -> str:
    """`text` as `phrase` shows it, without any marks."""
    return phrase(text).text


def is_wide(character: str) -> bool:
    """Whether a character fills a square among Chinese ones."""
    return unicodedata.east_asian_width(character) in "WF" or character in _WIDE_IN_CHINESE


def _tidy(characters: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    shown: list[tuple[str, bool]] = []
    space = ""
    for character, marked in characters:
        if character.isspace():
            space += character
        elif unicodedata.category(character) not in ("Cc", "Cs") and character not in _BIDI:
            if space and shown and not _is_a_line_end_in_chinese(shown[-1][0], space, character):
                shown.append((" ", marked and shown[-1][1]))
            shown.append((character, marked))
            space = ""
    return shown


def _is_a_line_end_in_chinese(left: str, space: str, right: str) -> bool:
    # A line break in the source is no word space where words have none. A space the publisher set stays.
    return not space.strip(" \t\r\n") and "\n" in space and is_wide(left) and is_wide(right)


def _tail(text: str) -> int:
    """Where the end of `text` begins that is to stay on one line; its length when that matters little."""
    ending = len(text)
    while ending and unicodedata.category(text[ending - 1]).startswith("P"):
        ending -= 1
    cut = ending - _TAIL
    enough = len(text) >= _WORTH_KEEPING and all(is_wide(character) for character in text[cut - 1 : ending])
    return cut if enough and cut > 0 else len(text)


def _pieces(characters: Sequence[tuple[str, bool]]) -> tuple[Piece, ...]:
    runs = groupby(characters, key=lambda one: one[1])
    return tuple(Piece("".join(character for character, _ in run), marked) for marked, run in runs)
