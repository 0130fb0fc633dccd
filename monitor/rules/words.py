"""Declare what a word of a rule is once it has been parsed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

# Where a word can stand. The first three are asked unless a rule or a word names others.
FIELDS = ("title", "summary", "text", "author", "section", "link", "feed")


@dataclass(frozen=True, slots=True)
class Spelling:
    """One way to find a word: a folded text to look for, and what has to hold where it was found."""

    text: str
    left: bool  # the sign before must not continue the word
    right: bool  # nor the sign behind
    exactly: str = ""  # the original must read just so
    traditional: str = ""  # characters that the original must have: "軟體" is no 软体
    bound: bool = field(init=False, repr=False)  # left or right: asked at every place, so made once
    picky: bool = field(init=False, repr=False)  # exactly or traditional

    def __post_init__(self) -> None:
        object.__setattr__(self, "bound", self.left or self.right)
        object.__setattr__(self, "picky", bool(self.exactly or self.traditional))


@dataclass(frozen=True, slots=True, eq=False)
class Plain:
    """Letters to look for, in every spelling."""

    spellings: tuple[Spelling, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """A regular expression, read against the original text."""

    expression: str
    flags: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class AnyOf:
    """An alias set, or a group within `when`: one of its words is enough."""

    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """Two words with at most `within` folded signs between them, in either order."""

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
        """The spellings of a plain word; of any other, none."""
        return self.term.spellings if isinstance(self.term, Plain) else ()


def quoted(written: str) -> str:
    """A word as it is written in config.toml: fit to be copied there."""
    return json.dumps(written, ensure_ascii=False).replace("\x7f", "\\u007f")


def meaning(word: Word) -> object:
    """Two words that mean the same are found in the same places: AI, ai and ＡＩ are one, =AI is another."""
    if not isinstance(word.term, Plain):
        return word.written.strip()
    spelled = frozenset(
        (one.text, one.left, one.right, one.exactly, one.traditional) for one in word.term.spellings
    )
    return word.fields, spelled, frozenset(meaning(guard) for guard in word.guards)


def distinct(words: Iterable[Word]) -> list[Word]:
    """The first of each meaning: a word written in two ways counts once."""
    first: dict[object, Word] = {}
    for word in words:
        first.setdefault(meaning(word), word)
    return list(first.values())


def parts(word: Word) -> Iterator[Word]:
    """The word and every word in it, guards too."""
    yield word
    inner: tuple[Word, ...] = ()
    if isinstance(word.term, AnyOf):
        inner = word.term.words
    elif isinstance(word.term, Near):
        inner = (word.term.left, word.term.right)
    for one in (*inner, *word.guards):
        yield from parts(one)
