"""Boolean expressions over words, which `when` is read into: their words, and whether they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from monitor.rules.words import Word


@dataclass(frozen=True, slots=True)
class Contains:
    """True where the word is found."""

    word: Word


@dataclass(frozen=True, slots=True)
class Not:
    """True where its part is false."""

    part: Expression


@dataclass(frozen=True, slots=True)
class And:
    """True where every part is true."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True where any part is true."""

    parts: tuple[Expression, ...]


Expression = Contains | Not | And | Or


def words_of(expression: Expression, denied: bool = False) -> Iterator[tuple[Word, bool]]:
    """Yield every word, and whether it must not be there."""
    match expression:
        case Contains(word):
            yield word, denied
        case Not(part):
            yield from words_of(part, not denied)
        case group:
            for part in group.parts:
                yield from words_of(part, denied)


def holds(expression: Expression, contains: Callable[[Word], bool]) -> bool:
    """Return whether an expression is true where `contains` says which words are there."""
    match expression:
        case Contains(word):
            return contains(word)
        case Not(part):
            return not holds(part, contains)
        case And(parts):
            return all(holds(part, contains) for part in parts)
        case disjunction:
            return any(holds(part, contains) for part in disjunction.parts)
