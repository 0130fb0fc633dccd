"""Find the places of all words of a ruleset in one entry."""

import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from monitor.model.feeds import Entry
from monitor.rules.compile import Ruleset
from monitor.rules.fold import Folded, fold
from monitor.rules.patterns import SlowPatternError, find
from monitor.rules.script import continues_words
from monitor.rules.words import AnyOf, Pattern, Plain, Spelling, Word


class Spot(NamedTuple):
    """A place of a word: [start, end) of the original, [first, last) of the folded text."""

    start: int
    end: int
    first: int
    last: int


Spans = Sequence[tuple[int, int]]  # of an original text: sorted, none touching another


class Reading:
    """One entry against all words of a ruleset. Regular expressions are asked when a rule wants them."""

    def __init__(self, entry: Entry, rules: Ruleset) -> None:
        self.texts = {field: text_of(entry, field, rules.feeds) for field in rules.fields}
        self.slow: set[Pattern] = set()
        self._folded: dict[str, Folded] = {}
        self._plain: dict[Plain, dict[str, list[Spot]]] = defaultdict(dict)
        self._patterns: dict[tuple[Pattern, str], list[Spot]] = {}
        for field, original in self.texts.items():
            if original:
                self._search(field, original, rules)

    def found(self) -> Mapping[Plain, Mapping[str, Sequence[Spot]]]:
        """The plain words that stand anywhere, with their places by field."""
        return self._plain

    def _search(self, field: str, original: str, rules: Ruleset) -> None:
        folded = self._folded[field] = fold(original)
        for number, first, last in rules.search(folded.text):
            for plain, spelling in rules.spellings[number]:
                if spelling.bound and not _stands(spelling, folded.text, first, last):
                    continue
                start, end = folded.original(first, last)
                if spelling.picky and not _reads(spelling, original[start:end]):
                    continue
                self._plain[plain].setdefault(field, []).append(Spot(start, end, first, last))

    def places(
        self, word: Word, fields: Sequence[str], allowed: Sequence[str], cut: Mapping[str, Spans]
    ) -> Mapping[str, Sequence[Spot]]:
        """The places of a word by field, at least those in `fields`; `allowed` are the fields for its parts."""
        if isinstance(word.term, Plain) and not (cut or word.guards):  # nearly always
            return self._plain.get(word.term, {})
        fields = [field for field in fields if field in self._folded]
        return {field: self.spots(word, field, allowed, cut.get(field, ())) for field in fields}

    def spots(self, word: Word, field: str, allowed: Sequence[str], cut: Spans = ()) -> list[Spot]:
        """The places of a word in a field that is not empty, in order.

        `allowed` are the fields of whoever asks; what touches `cut` is left out.
        """
        allowed = word.fields or allowed
        match word.term:
            case Plain() | Pattern() if field not in allowed:
                return []
            case Plain():
                found = self._plain[word.term].get(field, []) if word.term in self._plain else []
            case Pattern():
                found = self._pattern(word.term, field)
            case AnyOf(words):
                found = list({spot for one in words for spot in self.spots(one, field, allowed, cut)})
            case nearness:
                sides = [self.spots(side, field, allowed, cut) for side in (nearness.left, nearness.right)]
                found = near(sides[0], sides[1], nearness.within)
        if found and cut:
            found = _outside(found, cut)
        if found and word.guards:
            guards = [spot for guard in word.guards for spot in self.spots(guard, field, (field,))]
            found = _outside(found, merged((spot.start, spot.end) for spot in guards))
        return sorted(found) if len(found) > 1 else found

    def _pattern(self, pattern: Pattern, field: str) -> list[Spot]:
        if (pattern, field) not in self._patterns:
            found: list[tuple[int, int]] = []
            if pattern not in self.slow:
                try:
                    found = find(pattern, self.texts[field])
                except SlowPatternError:
                    self.slow.add(pattern)
            folded = self._folded[field]
            self._patterns[pattern, field] = [
                Spot(start, end, *folded.folded(start, end)) for start, end in found
            ]
        return self._patterns[pattern, field]


def text_of(entry: Entry, field: str, feeds: Mapping[str, str]) -> str:
    """The text that hits of a field count in; `feeds` are the names of feeds by URL."""
    match field:
        case "author":
            return ", ".join(entry.authors)
        case "section":
            return ", ".join(entry.sections)
        case "feed":
            return feeds.get(entry.feed_url, entry.feed_url)
    text: str = getattr(entry, field)
    return text


def _stands(spelling: Spelling, text: str, first: int, last: int) -> bool:
    """Is it a word there, and not a piece of a longer one?"""
    if spelling.left and first and continues_words(text[first - 1]):
        return False
    return not (spelling.right and last < len(text) and continues_words(text[last]))


def _reads(spelling: Spelling, original: str) -> bool:
    """Is it written there as the word asks?"""
    if spelling.exactly and unicodedata.normalize("NFC", original) != spelling.exactly:
        return False
    return set(spelling.traditional).issubset(original)


def near(lefts: Sequence[Spot], rights: Sequence[Spot], within: int) -> list[Spot]:
    """The places of both that have one of the other at most `within` folded signs away, and not upon it."""
    return [*_beside(lefts, rights, within), *_beside(rights, lefts, within)]


def _beside(ours: Sequence[Spot], others: Sequence[Spot], within: int) -> list[Spot]:
    firsts, lasts = sorted(spot.first for spot in others), sorted(spot.last for spot in others)

    def any_between(places: list[int], low: int, high: int) -> bool:
        at = bisect_left(places, low)
        return at < len(places) and places[at] <= high

    return [
        spot
        for spot in ours
        if any_between(firsts, spot.last, spot.last + within)
        or any_between(lasts, spot.first - within, spot.first)
    ]


def merged(spans: Iterable[tuple[int, int]]) -> Spans:
    """The same places as spans that do not touch."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def _outside(spots: Sequence[Spot], spans: Spans) -> list[Spot]:
    """The spots that no span touches."""
    starts = [start for start, _ in spans]

    def free(spot: Spot) -> bool:
        at = bisect_left(starts, spot.end) - 1  # the last span that begins before the spot ends
        return at < 0 or spans[at][1] <= spot.start

    return [spot for spot in spots if free(spot)]
