"""Break text into lines by display width: a Chinese character is two columns wide."""

import re
from collections.abc import Iterator
from functools import lru_cache

from wcwidth import iter_graphemes, wcswidth

WIDTH = 76  # columns: 38 full-width characters

# May not begin a line (kinsoku). Nor does a separator: it goes with the word before it, whatever stands between.
_NOT_FIRST = frozenset("。，、；：？！）】》〉」』”’…—～·・")
_NOT_FIRST_UNSPACED = frozenset(".,;:?!)]}%")  # nor may these, unless a space stands before them
_NOT_LAST = frozenset("（【《〈「『“‘([{")  # may not end a line
_SHORT_LAST_LINE = 2  # columns: a last line no wider than this gets another unit from the line before


def columns(text: str) -> int:
    """Return the width of `text` in columns. Characters of ambiguous width (“” — ·) count as full-width."""
    return sum(_width(grapheme) for grapheme in iter_graphemes(text))


@lru_cache(maxsize=2048)  # while a digest is split into mails, each of its texts is wrapped several times
def wrap(text: str, width: int = WIDTH) -> str:
    """Return `text` in lines of at most `width` columns, broken at spaces and between Chinese characters.

    No line begins with closing or ends with opening punctuation. A word wider than a line is cut.
    """
    return "\n".join(line for paragraph in text.split("\n") for line in _lines(paragraph, width))


def _width(grapheme: str) -> int:
    return max(0, wcswidth(grapheme, ambiguous_width=2))


def _lines(text: str, width: int) -> list[str]:
    lines: list[list[str]] = [[]]
    used = 0
    for unit in _units(text, width):
        if lines[-1] and used + columns(unit.rstrip()) > width:
            lines.append([])
            used = 0
        lines[-1].append(unit)
        used += columns(unit)
    _lengthen_last_line(lines)
    return ["".join(line).rstrip() for line in lines]


def _units(text: str, width: int) -> Iterator[str]:
    """Yield the units that stay together on a line, each with the space after it."""
    unit = ""
    for grapheme in _atoms(text):
        if unit and _may_break(unit, grapheme[0]):
            yield from _cut(unit, width)
            unit = ""
        unit += grapheme
    yield from _cut(unit, width)


def _may_break(left: str, right: str) -> bool:
    if right.isspace() or right in _NOT_FIRST or left.rstrip()[-1:] in _NOT_LAST:
        return False
    return left[-1].isspace() or right not in _NOT_FIRST_UNSPACED


def _atoms(text: str) -> Iterator[str]:
    """Yield latin words whole, everything else by grapheme."""
    for run in re.findall(r"[!-~]+|\s+|[^!-~\s]+", text):
        yield from (run,) if run[0] <= "~" else iter_graphemes(run)


def _cut(unit: str, width: int) -> Iterator[str]:
    piece, used = "", 0
    for grapheme in iter_graphemes(unit):
        if used + _width(grapheme.rstrip()) > width:
            yield piece
            piece, used = "", 0
        piece += grapheme
        used += _width(grapheme)
    yield piece


def _lengthen_last_line(lines: list[list[str]]) -> None:
    if len(lines) > 1 and columns("".join(lines[-1]).rstrip()) <= _SHORT_LAST_LINE and len(lines[-2]) > 1:
        lines[-1].insert(0, lines[-2].pop())
