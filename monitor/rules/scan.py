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
from monitor.rules.words import AnyOf, Near, Pattern, Plain, Spelling, Word


class Occurrence(NamedTuple):
    """A place of a word: [start, end) of the original, [first, last) of the folded text."""

    start: int
    end: int
    first: int
    last: int


Spans = Sequence[tuple[int, int]]  # of an original text: sorted, none touching another


class EntryScan:
    """One entry searched for all words of a ruleset; a regular expression is run when a rule needs it."""

    def __init__(self, entry: Entry, rules: Ruleset) -> None:
        self.texts = {field: text_of(entry, field, rules.feeds) for field in rules.fields}
        self.slow: set[Pattern] = set()  # expressions that were given up
        self._folded: dict[str, Folded] = {}
        self._plain: dict[Plain, dict[str, list[Occurrence]]] = defaultdict(dict)
        self._patterns: dict[tuple[Pattern, str], list[Occurrence]] = {}
        for field, original in self.texts.items():
            if original:
                self._search(field, original, rules)

    def _search(self, field: str, original: str, rules: Ruleset) -> None:
        folded = self._folded[field] = fold(original)
        for number, first, last in rules.search(folded.text):
            for plain, spelling in rules.spellings[number]:
                if spelling.checks_edges and not _has_edges(spelling, folded.text, first, last):
                    continue
                start, end = folded.original(first, last)
                if spelling.checks_original and not _has_form(spelling, original[start:end]):
                    continue
                self._plain[plain].setdefault(field, []).append(Occurrence(start, end, first, last))

    def plain_words(self) -> Iterable[Plain]:
        """Return the plain words that stand anywhere."""
        return self._plain

    def by_field(
        self, word: Word, fields: Sequence[str], allowed: Sequence[str], cut: Mapping[str, Spans]
    ) -> Mapping[str, Sequence[Occurrence]]:
        """Return the places of a word by field, at least those in `fields`; its parts may stand in `allowed`."""
        if isinstance(word.term, Plain) and not (cut or word.guards):  # nearly always
            return self._plain.get(word.term, {})
        fields = [field for field in fields if field in self._folded]
        return {field: self._in_field(word, field, allowed, cut.get(field, ())) for field in fields}

    def _in_field(self, word: Word, field: str, allowed: Sequence[str], cut: Spans = ()) -> list[Occurrence]:
        """Return the places of a word in a field that is not empty, in order, without those that touch `cut`.

        `allowed` are the fields of the word or rule around it.
        """
        term, allowed = word.term, word.fields or allowed
        if isinstance(term, Plain):  # nearly always; each word of an alias set comes here
            occurrences = self._plain[term].get(field, []) if term in self._plain and field in allowed else []
        else:
            occurrences = self._compound(term, field, allowed, cut)
        if occurrences and cut:
            occurrences = _outside(occurrences, cut)
        if occurrences and word.guards:
            guards = [place for guard in word.guards for place in self._in_field(guard, field, (field,))]
            occurrences = _outside(occurrences, merged((place.start, place.end) for place in guards))
        return sorted(occurrences) if len(occurrences) > 1 else occurrences

    def _compound(
        self, term: Pattern | AnyOf | Near, field: str, allowed: Sequence[str], cut: Spans
    ) -> list[Occurrence]:
        match term:
            case Pattern():
                return self._of_pattern(term, field) if field in allowed else []
            case AnyOf(words):
                return list({place for word in words for place in self._in_field(word, field, allowed, cut)})
            case nearness:
                left, right = (
                    self._in_field(side, field, allowed, cut) for side in (nearness.left, nearness.right)
                )
                return near(left, right, nearness.within)

    def _of_pattern(self, pattern: Pattern, field: str) -> list[Occurrence]:
        if (pattern, field) not in self._patterns:
            spans: list[tuple[int, int]] = []
            if pattern not in self.slow:
                try:
                    spans = find(pattern, self.texts[field])
                except SlowPatternError:
                    self.slow.add(pattern)
            folded = self._folded[field]
            self._patterns[pattern, field] = [
                Occurrence(start, end, *folded.folded(start, end)) for start, end in spans
            ]
        return self._patterns[pattern, field]


def text_of(entry: Entry, field: str, feeds: Mapping[str, str]) -> str:
    """Return the text that the places of hits in a field count in; `feeds` are the names of feeds by URL."""
    match field:
        case "author":
            return ", ".join(entry.authors)
        case "section":
            return ", ".join(entry.sections)
        case "feed":
            return feeds.get(entry.feed_url, entry.feed_url)
    text: str = getattr(entry, field)
    return text


def _has_edges(spelling: Spelling, text: str, first: int, last: int) -> bool:
    """Return whether it is a word there, and not a piece of a longer one."""
    if spelling.closed_left and first and continues_words(text[first - 1]):
        return False
    return not (spelling.closed_right and last < len(text) and continues_words(text[last]))


def _has_form(spelling: Spelling, original: str) -> bool:
    """Return whether it is written there as the word asks."""
    if spelling.exact and unicodedata.normalize("NFC", original) != spelling.exact:
        return False
    return set(spelling.traditional).issubset(original)


def near(lefts: Sequence[Occurrence], rights: Sequence[Occurrence], within: int) -> list[Occurrence]:
    """Return the places of both that have one of the other at most `within` folded characters away.

    Places that overlap are not near each other.
    """
    return [*_beside(lefts, rights, within), *_beside(rights, lefts, within)]


def _beside(places: Sequence[Occurrence], others: Sequence[Occurrence], within: int) -> list[Occurrence]:
    firsts, lasts = sorted(other.first for other in others), sorted(other.last for other in others)

    def any_between(numbers: list[int], low: int, high: int) -> bool:
        index = bisect_left(numbers, low)
        return index < len(numbers) and numbers[index] <= high

    return [
        place
        for place in places
        if any_between(firsts, place.last, place.last + within)
        or any_between(lasts, place.first - within, place.first)
    ]


def merged(spans: Iterable[tuple[int, int]]) -> Spans:
    """Return spans that cover the same places and do not touch."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def _outside(occurrences: Sequence[Occurrence], spans: Spans) -> list[Occurrence]:
    """Return the places that no span overlaps."""
    starts = [start for start, _ in spans]

    def is_free(place: Occurrence) -> bool:
        index = bisect_left(starts, place.end) - 1  # the last span that begins before the place ends
        return index < 0 or spans[index][1] <= place.start

    return [place for place in occurrences if is_free(place)]
