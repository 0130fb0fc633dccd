"""Find the terms in other scripts that an article keeps coming back to: DeepSeek, GPT-4, Page One Ventures."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.rules.like.terms import Run, Term
from monitor.rules.like.usual import table

_SHORTEST = 5  # letters of a word without capitals that may be a term
_LONGEST_NAME = 4  # words
_PART = 0.7  # a word that is this often a part of one name is no term of its own
_SEAM = re.compile("[ -]")
_SENTENCE_ENDS = re.compile(r"(^|[.!?:;\"“”‘…(])\s*$")


@dataclass(slots=True)
class _Seen:
    """What is known of a word, or of several with capitals in a row."""

    word: str
    count: int = 0
    in_title: bool = False
    name: bool = False
    speaks: int = 0


def latin_terms(runs: Sequence[Run]) -> Iterator[Term]:
    """The words that are names by their capitals, and in a text without Chinese the long ones that come back."""
    prose = sum(not run.han for run in runs) > sum(len(run.text) for run in runs if run.han)
    found: dict[str, _Seen] = {}
    for phrase, speaks in _phrases(runs):
        for some in [phrase, *([run] for run in phrase if len(phrase) > 1)]:
            text, written = " ".join(run.text for run in some), " ".join(run.written() for run in some)
            seen = found.setdefault(text, _Seen(written))
            seen.count += 1
            seen.in_title |= some[0].in_title
            seen.speaks += speaks
            if not seen.name and _is_name(some, prose):
                seen.name, seen.word = True, written
    terms = {
        text: seen
        for text, seen in found.items()
        if seen.name or (prose and seen.count > 1 and len(text) >= _SHORTEST)
    }
    for text, seen in _without_parts(terms).items():
        yield Term(
            word=seen.word,
            folded=text,
            count=seen.count,
            in_title=seen.in_title,
            name=seen.name,
            quoted=seen.name and seen.speaks * 2 >= seen.count,
        )


def _phrases(runs: Sequence[Run]) -> Iterator[tuple[list[Run], bool]]:
    """Words that stand alone, and names of several words; and whether they say something there."""
    row: list[Run] = []
    said = False  # before it: "said Ann Example"
    for run in runs:
        if row and not _continues(row[-1], run):
            yield row, said or _says(run, row[-1])
            row = []
        if not run.han and _is_telling(run.text):
            row = [*row, run][:_LONGEST_NAME]
        else:
            said = run.text in table().latin_saying
    if row:
        yield row, said


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


def _says(run: Run, name: Run) -> bool:
    """Is this what somebody does who is quoted, right behind the name?"""
    if run.source is not name.source:
        return False
    return run.text in table().latin_saying or any(run.text.startswith(word) for word in table().saying)


def _is_name(phrase: Sequence[Run], prose: bool) -> bool:
    """Do its capitals say so? Among latin prose a first word has one anyhow, and so may every word of a title."""
    word = phrase[0].written()
    if any(sign.isupper() for sign in word[1:]):
        return True
    capital = word[0].isupper()
    if not prose or not capital:
        return capital
    return not phrase[0].in_title and _SENTENCE_ENDS.search(phrase[0].before) is None


def _without_parts(found: dict[str, _Seen]) -> dict[str, _Seen]:
    """Of a name and a word in it, the name where the word is hardly ever seen without it; else the word."""
    left = dict(found)
    for text in sorted(found, key=len, reverse=True):
        parts = [part for part in _SEAM.split(text) if part in left and part != text]
        bound = [part for part in parts if left[text].count >= _PART * left[part].count]
        for part in bound:
            del left[part]
        if parts and not bound:
            del left[text]
    return left
