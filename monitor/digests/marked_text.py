"""Tidy a publisher's text for display and split it into pieces, hits marked."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from monitor.visible import hidden_places, is_blank

Span = tuple[int, int]  # start and end, in code points

_TAIL = 2  # characters at the end, and their punctuation, that a line break must not tear apart
_WORTH_KEEPING = 12  # shorter texts seldom break at all
_MARKS = (
    12  # hits marked in one text: each mark costs a hundred bytes of HTML, and a page of marks shows nothing
)
# Space other than single ones within, and what is no character: as `_tidy` sees them.
_UNTIDY = re.compile("[^\\S ]|  |^ | $|[\u2800\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_WIDE_IN_CHINESE = frozenset("“”‘’…—")  # of ambiguous width in Unicode


class Piece(NamedTuple):
    """A run of text, marked as a hit or not."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class MarkedText:
    """One line of text in pieces. `tail` is kept on one line, so that no paragraph ends in a single character."""

    lead: tuple[Piece, ...]
    tail: tuple[Piece, ...] = ()

    @property
    def text(self) -> str:
        """Return the text without its marks; "" when there is nothing to show."""
        return "".join(piece.text for piece in self.lead + self.tail)


def mark_hits(text: str, spans: Iterable[Span] = (), *, before: str = "", after: str = "") -> MarkedText:
    """Return `text` without what cannot be seen and needless space, with the first twelve of `spans` marked.

    Spans that touch or overlap are one. `before` and `after` are added unmarked: the ellipsis of an excerpt.
    """
    marks = marked_spans(spans)
    if is_tidy(text):
        within = _without_outer_spaces(text, marks)
        return _cut(
            before + text + after, [(len(before) + start, len(before) + end) for start, end in within]
        )
    marked = {index for start, end in marks for index in range(start, end)}
    hidden = hidden_places(text)
    seen = [(character, index in marked) for index, character in enumerate(text) if index not in hidden]
    tidied = _tidy(seen)
    characters = [*((c, False) for c in before), *tidied, *((c, False) for c in after)]
    cut = _tail_start("".join(character for character, _ in characters))
    return MarkedText(lead=_pieces(characters[:cut]), tail=_pieces(characters[cut:]))


def plain_text(text: str) -> str:
    """Return `text` as `mark_hits` tidies it, without marks."""
    return text if is_tidy(text) else mark_hits(text).text


def is_tidy(text: str) -> bool:
    """Return whether a text is what `mark_hits` makes of it: most are, and are not looked at by the character."""
    return _UNTIDY.search(text) is None and not hidden_places(text)


def is_wide(character: str) -> bool:
    """Return whether a character is as wide as a Chinese one."""
    return unicodedata.east_asian_width(character) in "WF" or character in _WIDE_IN_CHINESE


def marked_spans(spans: Iterable[Span]) -> list[Span]:
    """Return the places that `mark_hits` marks: the first twelve, those that touch as one."""
    marks: list[Span] = []
    for start, end in sorted(spans):
        if marks and start <= marks[-1][1]:
            marks[-1] = (marks[-1][0], max(end, marks[-1][1]))
        elif len(marks) < _MARKS:
            marks.append((start, end))
        else:
            break
    return marks


def _without_outer_spaces(text: str, marks: Sequence[Span]) -> list[Span]:
    """Return the marks of a tidy text as `_tidy` leaves them: a space is marked where its neighbours are."""
    within: list[Span] = []
    for start, end in marks:
        end = min(end, len(text))
        if start < end and text[start] == " ":
            start += 1
        if start < end and text[end - 1] == " ":
            end -= 1
        if start >= end:
            continue
        if within and within[-1][1] == start - 1 and text[start - 1] == " ":
            start = within.pop()[0]
        within.append((start, end))
    return within


def _cut(text: str, marks: Sequence[Span]) -> MarkedText:
    """Return a tidy text in pieces."""
    cut = _tail_start(text)
    return MarkedText(lead=_slices(text, marks, 0, cut), tail=_slices(text, marks, cut, len(text)))


def _slices(text: str, marks: Sequence[Span], start: int, end: int) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    for first, last in marks:
        first, last = max(first, start), min(last, end)
        if first < last:
            pieces += [Piece(text[start:first], False)] * (start < first)
            pieces.append(Piece(text[first:last], True))
            start = last
    return (*pieces, Piece(text[start:end], False)) if start < end else tuple(pieces)


def _tidy(characters: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    tidied: list[tuple[str, bool]] = []
    space = ""
    for character, marked in characters:
        if is_blank(character):
            space += character
        elif unicodedata.category(character) not in ("Cc", "Cs"):
            if space and tidied and not _is_line_break_in_chinese(tidied[-1][0], space, character):
                tidied.append((" ", marked and tidied[-1][1]))
            tidied.append((character, marked))
            space = ""
    return tidied


def _is_line_break_in_chinese(left: str, space: str, right: str) -> bool:
    # A line break in the source is no word space where words have none. A space the publisher set stays.
    return not space.strip(" \t\r\n") and "\n" in space and is_wide(left) and is_wide(right)


def _tail_start(text: str) -> int:
    """Return where the part of `text` begins that is kept on one line; its length when that is not needed."""
    ending = len(text)
    while ending and unicodedata.category(text[ending - 1]).startswith("P"):
        ending -= 1
    cut = ending - _TAIL
    needed = len(text) >= _WORTH_KEEPING and all(is_wide(character) for character in text[cut - 1 : ending])
    return cut if needed and cut > 0 else len(text)


def _pieces(characters: Sequence[tuple[str, bool]]) -> tuple[Piece, ...]:
    runs = groupby(characters, key=lambda pair: pair[1])
    return tuple(Piece("".join(character for character, _ in run), marked) for marked, run in runs)
