"""Read the shipped table of usual words, and part Chinese text into its words by it."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Piece:
    """A word of the table within some Chinese text, or one character that is in none."""

    start: int
    end: int
    kind: str  # "common", "kept", "break", or "" for a character of which nothing is known


@cache
def table() -> Table:
    """Read once: it travels with the program."""
    raw = tomllib.loads(files("monitor.rules.like").joinpath("usual.toml").read_text("utf-8"))
    signs = {name: frozenset("".join(signs.split())) for name, signs in raw["signs"].items()}
    kept = frozenset(raw["kept"]["words"].split())
    return Table(
        words=_all(raw["words"]) - kept,
        people=frozenset(raw["words"]["people"].split()),
        saying=frozenset(raw["words"]["saying"].split()) | signs["saying"],
        kept=kept,
        latin=_all(raw["latin"]),
        latin_saying=frozenset(raw["latin"]["saying"].split()),
        breaks=signs["breaks"],
        starts=signs["starts"],
        ends=signs["ends"],
        joins=signs["joins"],
        measures=signs["measures"],
        sounds=signs["sounds"],
    )


def _all(groups: dict[str, str]) -> frozenset[str]:
    return frozenset(word for group in groups.values() for word in group.split())


def pieces(text: str, known: frozenset[str], *, counted: bool) -> Iterator[Piece]:
    """Part folded Chinese by the longest word of the table that begins at each place; `known` stay whole too.

    `counted`: a number stands before it, so that 年金 in "2015年金砖国家" is no word.
    """
    common, kept, breaks = table().words, table().kept, table().breaks
    longest = max((LONGEST, *map(len, known)))
    at = 0
    if counted and text[0] in table().measures:
        yield Piece(0, 1, "break")
        at = 1
    while at < len(text):
        end, kind = at + 1, "break" if text[at] in breaks else ""
        for length in range(min(longest, len(text) - at), 1, -1):
            word = text[at : at + length]
            if word in kept or word in known or word in common:
                end, kind = at + length, "common" if word in common and word not in known else "kept"
                break
        yield Piece(at, end, kind)
        at = end
