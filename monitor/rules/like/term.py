"""What a term is: a word an article keeps coming back to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A word of the article, or several in a row."""

    word: str  # as the article writes it
    folded: str
    count: int
    in_title: bool
    name: bool  # of somebody or something, as far as its form tells
    quoted: bool  # more often than not it is who says something
    kept: bool = False  # the shipped table or a rule knows it as a word
