"""Which words of other scripts does an article name? DeepSeek, GPT-4, Page One Ventures."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.rules.common import table
from monitor.rules.runs import Run

_SHORTEST = 5  # letters of a word without capitals that may be a term
_LONGEST_NAME = 4  # words
_PART = 0.7  # a word that is this often a part of one name is no term of its own
_SEAM = re.compile("[ -]")
_SENTENCE_ENDS = re.compile(r"(^|[.!?:;\"“”‘…(])\s*$")


@dataclass(slots=True)
class LatinWord:
    """A word, or several with capitals in a row."""

    word: str
    folded: str
    count: int = 0
    in_title: bool = False
    name: bool = False


def latin_words(runs: Sequence[Run]) -> list[LatinWord]:
    """The words that are names by their capitals, and in a text without Chinese the long ones that come back."""
    prose = sum(not run.han for run in runs) > sum(len(run.text) for run in runs if run.han)
    found: dict[str, LatinWord] = {}
    for phrase in _phrases(runs, prose):
        for some in [phrase, *([run] for run in phrase if len(phrase) > 1)]:
            text, shown = " ".join(run.text for run in some), " ".join(run.written() for run in some)
            word = found.setdefault(text, LatinWord(shown, text))
            word.count += 1
            word.in_title |= some[0].in_title
            if not word.name and _is_name(some, prose):
                word.name, word.word = True, shown
    kept = {
        text: word
        for text, word in found.items()
        if word.name or (prose and word.count > 1 and len(text) >= _SHORTEST)
    }
    return _without_parts(kept)


def _phrases(runs: Sequence[Run], prose: bool) -> Iterator[list[Run]]:
    """Words that stand alone, and names of several words."""
    row: list[Run] = []
    for run in runs:
        if row and not _continues(row[-1], run):
            yield row
            row = []
        if not run.han and _is_telling(run.text):
            row = [*row, run][:_LONGEST_NAME]
    if row:
        yield row


def _is_telling(word: str) -> bool:
    return len(word) > 1 and word not in table().latin and any(sign.isalpha() for sign in word)


def _continues(one: Run, other: Run) -> bool:
    """Do both stand in one name: with capitals, one space between?"""
    return (
        one.source is other.source
        and other.start == one.end + 1
        and other.before.endswith(" ")
        and _is_telling(other.text)
        and one.written()[0].isupper()
        and other.written()[0].isupper()
    )


def _is_name(phrase: Sequence[Run], prose: bool) -> bool:
    """Do its capitals say so? Among latin prose a first word has one anyhow, and so may every word of a title."""
    word = phrase[0].written()
    if any(sign.isupper() for sign in word[1:]):
        return True
    capital = word[0].isupper()
    if not prose or not capital:
        return capital
    return not phrase[0].in_title and _SENTENCE_ENDS.search(phrase[0].before) is None


def _without_parts(found: dict[str, LatinWord]) -> list[LatinWord]:
    """Of a name and a word in it, the name where the word is hardly ever seen without it; else the word."""
    left = dict(found)
    for text in sorted(found, key=len, reverse=True):
        parts = [part for part in _SEAM.split(text) if part in left and part != text]
        bound = [part for part in parts if left[text].count >= _PART * left[part].count]
        for part in bound:
            del left[part]
        if parts and not bound:
            del left[text]
    return list(left.values())
