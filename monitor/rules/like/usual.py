"""Read the shipped table of usual words, and part Chinese text into its words by it."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files

LONGEST = 6  # characters: a longer term in Chinese is a phrase


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The shipped table, usual.toml; everything folded."""

    words: frozenset[str]  # Chinese words that tell no story from another
    people: frozenset[str]  # some of those: what somebody is
    saying: frozenset[str]  # and what somebody does who is quoted
    kept: frozenset[str]  # words that stay whole, whatever stands in them
    latin: frozenset[str]
    latin_saying: frozenset[str]
    breaks: frozenset[str]  # characters no term goes over
    starts: frozenset[str]  # characters no term begins with
    ends: frozenset[str]
    joins: frozenset[str]  # some of those, where a term always has them beside it
    measures: frozenset[str]  # characters that belong to the number before them
    sounds: frozenset[str]  # what foreign names are written with


class PieceKind(Enum):
    """What the table knows of a piece of Chinese text."""

    COMMON = "common"  # a word that tells no story from another
    KEPT = "kept"  # a word that stays whole
    BREAK = "break"  # no term goes over it
    UNKNOWN = "unknown"  # one character that is in no word of the table


@dataclass(frozen=True, slots=True)
class Piece:
    """A word of the table within some Chinese text, or one character that is in none."""

    start: int
    end: int
    kind: PieceKind


@cache
def table() -> Table:
    """Return the table; it is read once, from the package."""
    raw = tomllib.loads(files("monitor.rules.like").joinpath("usual.toml").read_text("utf-8"))
    characters = {name: frozenset("".join(row.split())) for name, row in raw["characters"].items()}
    kept = frozenset(raw["kept"]["words"].split())
    return Table(
        words=_all_words(raw["words"]) - kept,
        people=frozenset(raw["words"]["people"].split()),
        saying=frozenset(raw["words"]["saying"].split()) | characters["saying"],
        kept=kept,
        latin=_all_words(raw["latin"]),
        latin_saying=frozenset(raw["latin"]["saying"].split()),
        breaks=characters["breaks"],
        starts=characters["starts"],
        ends=characters["ends"],
        joins=characters["joins"],
        measures=characters["measures"],
        sounds=characters["sounds"],
    )


def _all_words(groups: dict[str, str]) -> frozenset[str]:
    return frozenset(word for group in groups.values() for word in group.split())


def pieces(text: str, known: frozenset[str], *, counted: bool) -> Iterator[Piece]:
    """Part folded Chinese by the longest word of the table that begins at each place; `known` stay whole too.

    `counted`: a number stands before it, so that 年金 in "2015年金砖国家" is no word.
    """
    longest = max((LONGEST, *map(len, known)))
    start = 0
    if counted and text[0] in table().measures:
        yield Piece(0, 1, PieceKind.BREAK)
        start = 1
    while start < len(text):
        piece = _longest_word(text, start, min(longest, len(text) - start), known)
        if piece is None:
            kind = PieceKind.BREAK if text[start] in table().breaks else PieceKind.UNKNOWN
            piece = Piece(start, start + 1, kind)
        yield piece
        start = piece.end


def _longest_word(text: str, start: int, longest: int, known: frozenset[str]) -> Piece | None:
    for length in range(longest, 1, -1):
        word = text[start : start + length]
        if word in known or word in table().kept:
            return Piece(start, start + length, PieceKind.KEPT)
        if word in table().words:
            return Piece(start, start + length, PieceKind.COMMON)
    return None
