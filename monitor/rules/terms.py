"""Which words does one article keep coming back to?

No dictionary parts the words. In Chinese a term is a run of characters that comes back (`count`), that different
characters stand beside (or it is a part of a longer one), and that holds together: it is there far more often than
its parts would meet by chance. The shipped table says where no term begins or ends. In other scripts a term is a
word, or several with capitals in a row.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from monitor.model import Entry
from monitor.rules.common import LONGEST, Piece, pieces, table
from monitor.rules.latin import LatinWord, latin_words
from monitor.rules.runs import Run, runs_of

_TOGETHER = 8.0  # how much more often than by chance the parts of a term meet
_PART = 0.7  # a term that is this often a part of one longer term is no term of its own
_KIND = 0.3  # a longer term this often as the shorter one is a kind of it: 大模型 and 模型


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A word of the article."""

    word: str  # as the article writes it
    folded: str
    count: int
    in_title: bool
    name: bool  # of somebody or something, as far as its form tells


@dataclass(slots=True)
class _Seen:
    """What is known of one run of Chinese characters."""

    where: tuple[Run, int, int]  # the first place: from, to
    count: int = 0
    left: set[str] = field(default_factory=set)
    right: set[str] = field(default_factory=set)
    in_title: bool = False
    whole: bool = False  # all that stands between two words of the table, or a kept word
    explained: bool = False  # the name follows in brackets, in another script


def terms_of(article: Entry, known: frozenset[str] = frozenset()) -> list[Term]:
    """The terms, the most frequent first. `known`: folded words that are words for certain.

    A term that is there once is given where it fills the place between two common words: whether it is one, others
    have to say.
    """
    runs = list(runs_of(article))
    found = [_latin_term(word) for word in latin_words(runs)]
    found += [
        Term(
            word=seen.where[0].written(*seen.where[1:]),
            folded=gram,
            count=seen.count,
            in_title=seen.in_title,
            name=seen.explained or (len(gram) > 2 and table().sounds.issuperset(gram)),
        )
        for gram, seen in _chinese(runs, known).items()
    ]
    return sorted(found, key=lambda term: (-term.count, not term.in_title, term.folded))


def _latin_term(word: LatinWord) -> Term:
    return Term(word=word.word, folded=word.folded, count=word.count, in_title=word.in_title, name=word.name)


def _chinese(runs: Sequence[Run], known: frozenset[str]) -> dict[str, _Seen]:
    raw: Counter[str] = Counter()
    grams: dict[str, _Seen] = {}
    for number, run in enumerate(runs):
        if not run.han:
            continue
        raw.update(
            run.text[start:end]
            for start in range(len(run.text))
            for end in range(start + 1, min(start + LONGEST, len(run.text)) + 1)
        )
        parts = list(pieces(run.text, known))
        before = {part.end: run.text[part.start : part.end] for part in parts}
        behind = {part.start: run.text[part.start : part.end] for part in parts}
        for start, end in _places(run.text, parts):
            seen = grams.setdefault(run.text[start:end], _Seen((run, start, end)))
            seen.count += 1
            # The edge of a run is a neighbour of its own: two commas say as much as two letters.
            seen.left.add(before.get(start, f"<{number}"))
            seen.right.add(behind.get(end, f"{number}>"))
            seen.in_title |= run.in_title
        for start, end in _wholes(run, parts):
            if (gram := run.text[start:end]) in grams:
                grams[gram].whole = True
                grams[gram].explained |= run.explained and end == len(run.text)
    size = sum(count for gram, count in raw.items() if len(gram) == 1)
    kept = {gram: seen for gram, seen in grams.items() if seen.whole or _is_term(gram, seen, raw, size)}
    return dict(_grown(gram, seen) for gram, seen in _without_parts(kept).items())


def _places(text: str, parts: Sequence[Piece]) -> Iterator[tuple[int, int]]:
    """Where a term may begin and end: not in a word of the table, nor with one."""
    for first, begin in enumerate(parts):
        if begin.kind in ("common", "break") or (not begin.kind and text[begin.start] in table().starts):
            continue
        for last in range(first, len(parts)):
            end = parts[last]
            length = end.end - begin.start
            if end.kind == "break" or (length > LONGEST and (last > first or begin.kind != "kept")):
                break
            if end.kind == "common" or length < 2 or (not end.kind and text[end.start] in table().ends):
                continue
            yield begin.start, end.end


def _wholes(run: Run, parts: Sequence[Piece]) -> Iterator[tuple[int, int]]:
    """What is left between the words of the table, and what is kept."""
    text, starts, ends = run.text, table().starts, table().ends
    rest: list[Piece] = []
    for part in (*parts, Piece(len(text), len(text), "break")):
        if not part.kind:
            rest.append(part)
            continue
        if part.kind == "kept":
            yield part.start, part.end
        counted = run.counted and rest and not rest[0].start
        while rest and text[rest[0].start] in (starts | table().measures if counted else starts):
            rest.pop(0)
        while rest and text[rest[-1].start] in ends:
            rest.pop()
        if rest:
            yield rest[0].start, rest[-1].end
        rest = []


def _is_term(gram: str, seen: _Seen, raw: Mapping[str, int], size: int) -> bool:
    if seen.count < 2 or len(seen.left) < 2 or len(seen.right) < 2:
        return False
    together = min(
        raw[gram] * size / (raw[gram[:cut]] * raw[gram[cut:]]) for cut in range(1, len(gram))
    )
    return together >= _TOGETHER


def _without_parts(grams: Mapping[str, _Seen]) -> dict[str, _Seen]:
    """Of a term and a longer one that holds it, the one that says more; both, where one is a kind of the other."""
    left = dict(grams)
    for longer in sorted(grams, key=len, reverse=True):
        for shorter in _within(longer, left):
            if longer not in left:
                break
            share = left[longer].count / left[shorter].count
            if share >= _PART:
                left[longer].in_title |= left[shorter].in_title and share >= 1
                del left[shorter]
            elif share < _KIND or len(longer) > len(shorter) + 2:
                del left[longer]
    return left


def _within(longer: str, grams: Mapping[str, _Seen]) -> list[str]:
    parts: Iterable[str] = (
        longer[start:end]
        for start in range(len(longer))
        for end in range(start + 2, len(longer) + 1)
        if end - start < len(longer)
    )
    return [part for part in dict.fromkeys(parts) if part in grams]


def _grown(gram: str, seen: _Seen) -> tuple[str, _Seen]:
    """A term that always has the same sign beside it has lost it: 劳死 in 过劳死; a name explained, its first half."""
    if seen.count < 2 or gram in table().kept:
        return gram, seen
    run, start, end = seen.where
    if len(seen.left) == 1:
        (left,) = seen.left
        if left in table().joins or (seen.explained and left in table().words):
            start -= len(left)
    if len(seen.right) == 1:
        (right,) = seen.right
        end += len(right) if right in table().joins else 0
    return run.text[start:end], replace(seen, where=(run, start, end))
