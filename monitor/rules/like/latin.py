"""Find the terms in other scripts that an article keeps coming back to: DeepSeek, GPT-4, Page One Ventures."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from monitor.rules.like.terms import Run, Term
from monitor.rules.like.usual import table

_SHORTEST = 5  # letters of a word without capitals that may be a term
_LONGEST_NAME = 4  # words
_PART = 0.7  # a word that is this often a part of one name is no term of its own
_SEAM = re.compile("[ -]")
_SENTENCE_ENDS = re.compile(r"(^|[.!?:;\"“”‘…(])\s*$")


@dataclass(slots=True)
class _Tally:
    """What is known of a word, or of several with capitals in a row."""

    word: str  # as the article writes it
    count: int = 0
    in_title: bool = False
    name: bool = False
    speaks: int = 0  # how often it says something


def latin_terms(runs: Sequence[Run]) -> Iterator[Term]:
    """Yield the words that are names by their capitals, and in a text without Chinese the long ones that come back."""
    is_prose = sum(not run.han for run in runs) > sum(len(run.text) for run in runs if run.han)
    tallies = _tallied(runs, is_prose)
    terms = {
        text: tally
        for text, tally in tallies.items()
        if tally.name or (is_prose and tally.count > 1 and len(text) >= _SHORTEST)
    }
    for text, tally in _without_parts(terms).items():
        yield Term(
            word=tally.word,
            folded=text,
            count=tally.count,
            in_title=tally.in_title,
            name=tally.name,
            quoted=tally.name and tally.speaks * 2 >= tally.count,
        )


def _tallied(runs: Sequence[Run], is_prose: bool) -> Mapping[str, _Tally]:
    """Count every phrase, and every word of one."""
    tallies: dict[str, _Tally] = {}
    for phrase, speaks in _phrases(runs):
        for words in [phrase, *([word] for word in phrase if len(phrase) > 1)]:
            text, written = (
                " ".join(word.text for word in words),
                " ".join(word.written() for word in words),
            )
            tally = tallies.setdefault(text, _Tally(written))
            tally.count += 1
            tally.in_title |= words[0].in_title
            tally.speaks += speaks
            if not tally.name and _is_name(words, is_prose):
                tally.name, tally.word = True, written
    return tallies


def _phrases(runs: Sequence[Run]) -> Iterator[tuple[list[Run], bool]]:
    """Yield words that stand alone, and names of several words; and whether they say something there."""
    phrase: list[Run] = []
    after_saying = False  # "said Ann Example"
    for run in runs:
        if phrase and not _continues(phrase[-1], run):
            yield phrase, after_saying or _says(run, phrase[-1])
            phrase = []
        if not run.han and _is_telling(run.text):
            phrase = [*phrase, run][:_LONGEST_NAME]
        else:
            after_saying = run.text in table().latin_saying
    if phrase:
        yield phrase, after_saying


def _is_telling(word: str) -> bool:
    return len(word) > 1 and word not in table().latin and any(map(str.isalpha, word))


def _continues(last: Run, run: Run) -> bool:
    """Return whether both stand in one name: with capitals, one space between."""
    return (
        last.source is run.source
        and run.start == last.end + 1
        and run.before.endswith(" ")
        and _is_telling(run.text)
        and last.written()[0].isupper()
        and run.written()[0].isupper()
    )


def _says(run: Run, name: Run) -> bool:
    """Return whether a run right after a name is what somebody does who is quoted."""
    if run.source is not name.source:
        return False
    return run.text in table().latin_saying or any(run.text.startswith(word) for word in table().saying)


def _is_name(phrase: Sequence[Run], is_prose: bool) -> bool:
    """Return whether its capitals say so.

    Among latin prose the first word of a sentence has one anyhow, and so may every word of a title.
    """
    word = phrase[0].written()
    if any(map(str.isupper, word[1:])):
        return True
    capital = word[0].isupper()
    if not is_prose or not capital:
        return capital
    return not phrase[0].in_title and _SENTENCE_ENDS.search(phrase[0].before) is None


def _without_parts(tallies: Mapping[str, _Tally]) -> dict[str, _Tally]:
    """Keep, of a name and a word in it, the name where the word hardly ever stands without it; else the word."""
    left = dict(tallies)
    for text in sorted(tallies, key=len, reverse=True):
        parts = [part for part in dict.fromkeys(_SEAM.split(text)) if part in left and part != text]
        bound = [part for part in parts if left[text].count >= _PART * left[part].count]
        for part in bound:
            del left[part]
        if parts and not bound:
            del left[text]
    return left
