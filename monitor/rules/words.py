"""Declare what a word of a rule is once it has been parsed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Spelling:
    """One way to find a word: a folded text to look for, and what has to hold at a place where it stands."""

    text: str
    closed_left: bool  # the character before must not continue the word
    closed_right: bool  # nor the character after it
    exact: str = ""  # the original must read just so
    traditional: str = ""  # characters that the original must have: "軟體" is no 软体
    # Whether edges, or the original, have to be checked at all: asked at every place, so computed once.
    checks_edges: bool = field(init=False, repr=False)
    checks_original: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "checks_edges", self.closed_left or self.closed_right)
        object.__setattr__(self, "checks_original", bool(self.exact or self.traditional))


@dataclass(frozen=True, slots=True, eq=False)
class Plain:
    """Letters to look for, in every spelling."""

    spellings: tuple[Spelling, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """A regular expression, matched against the original text."""

    expression: str
    flags: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class AnyOf:
    """An alias set, or a group within `when`: one of its words is enough."""

    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """Two words with at most `within` folded characters between them, in either order."""

    left: Word
    right: Word
    within: int


Term = Plain | Pattern | AnyOf | Near


@dataclass(frozen=True, slots=True, eq=False)
class Word:
    """A word as the operator wrote it, and what it means."""

    written: str
    term: Term
    fields: tuple[str, ...] = ()  # empty: those of the rule
    guards: tuple[Word, ...] = field(default=())  # a place that one of them touches does not count

    @property
    def spellings(self) -> tuple[Spelling, ...]:
        """The spellings of a plain word; none of any other."""
        return self.term.spellings if isinstance(self.term, Plain) else ()


def quoted(written: str) -> str:
    """Return a word as it is written in config.toml, fit to be copied there."""
    return json.dumps(written, ensure_ascii=False).replace("\x7f", "\\u007f")


def meaning(word: Word) -> object:
    """Return a key that is equal for words found in the same places: AI, ai and ＡＩ are one, =AI is another."""
    if not isinstance(word.term, Plain):
        return word.written.strip()
    spellings = frozenset(
        (spelling.text, spelling.closed_left, spelling.closed_right, spelling.exact, spelling.traditional)
        for spelling in word.term.spellings
    )
    return word.fields, spellings, frozenset(meaning(guard) for guard in word.guards)


def distinct(words: Iterable[Word]) -> list[Word]:
    """Return the first word of each meaning: a word written in two ways counts once."""
    first: dict[object, Word] = {}
    for word in words:
        first.setdefault(meaning(word), word)
    return list(first.values())


def parts(word: Word) -> Iterator[Word]:
    """Yield the word and every word in it, guards too."""
    yield word
    inner: tuple[Word, ...] = ()
    if isinstance(word.term, AnyOf):
        inner = word.term.words
    elif isinstance(word.term, Near):
        inner = (word.term.left, word.term.right)
    for part in (*inner, *word.guards):
        yield from parts(part)
