"""Find the Chinese terms that an article keeps coming back to.

No dictionary parts the words. A term is a run of characters that comes back, that different characters stand beside
(or it is a part of a longer one), and that holds together: it is there far more often than its parts would meet by
chance. The shipped table says where no term begins or ends.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from monitor.rules.like.terms import Run, Term
from monitor.rules.like.usual import LONGEST, Piece, pieces, table

_TOGETHER = 8.0  # how much more often than by chance the parts of a term meet
_PART = 0.7  # a term that is this often a part of one longer term is no term of its own
_KIND = 0.3  # a longer term this often as the shorter one is a kind of it: 大模型 and 模型


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
    speaks: int = 0  # how often what it says follows
    with_office: int = 0  # how often 总统, 教授 and the like stand beside it


def chinese_terms(runs: Sequence[Run], known: frozenset[str]) -> Iterator[Term]:
    """The terms. `known`: folded words that are words for certain.

    A term that is there once is given where it fills the place between two common words: whether it is one, others
    have to say.
    """
    raw: Counter[str] = Counter()  # every row of characters, whether it can be a term or not
    grams: dict[str, _Seen] = {}
    for number, run in enumerate(runs):
        if run.han:
            raw.update(_rows(run.text))
            _look_over(run, number, known, grams)
    size = sum(count for gram, count in raw.items() if len(gram) == 1)
    words = {gram: seen for gram, seen in grams.items() if seen.whole or _is_term(gram, seen, raw, size)}
    for gram, seen in _without_parts(words).items():
        certain = gram in table().kept or gram in known
        yield _term(*((gram, seen) if certain else _grown(gram, seen)), certain)


def _rows(text: str) -> Iterator[str]:
    for start in range(len(text)):
        for end in range(start + 1, min(start + LONGEST, len(text)) + 1):
            yield text[start:end]


def _look_over(run: Run, number: int, known: frozenset[str], grams: dict[str, _Seen]) -> None:
    """Note every place of the run where a term may stand, and what stands beside it."""
    text = run.text
    parts = list(pieces(text, known, counted=run.counted))
    before = {part.end: text[part.start : part.end] for part in parts}
    behind = {part.start: text[part.start : part.end] for part in parts}
    for start, end in _places(text, parts):
        seen = grams.setdefault(text[start:end], _Seen((run, start, end)))
        # The edge of a run is a neighbour of its own: two commas say as much as two letters.
        left, right = before.get(start, f"<{number}"), behind.get(end, f"{number}>")
        seen.count += 1
        seen.left.add(left)
        seen.right.add(right)
        seen.in_title |= run.in_title
        seen.speaks += right in table().saying
        seen.with_office += left in table().people or right in table().people
    for start, end in _wholes(text, parts):
        if (gram := text[start:end]) in grams:
            grams[gram].whole = True
            grams[gram].explained |= run.explained and end == len(text)


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


def _wholes(text: str, parts: Sequence[Piece]) -> Iterator[tuple[int, int]]:
    """What is left between the words of the table, and what is kept."""
    rest: list[Piece] = []
    for part in (*parts, Piece(len(text), len(text), "break")):
        if not part.kind:
            rest.append(part)
            continue
        if part.kind == "kept":
            yield part.start, part.end
        while rest and text[rest[0].start] in table().starts:
            rest.pop(0)
        while rest and text[rest[-1].start] in table().ends:
            rest.pop()
        if rest:
            yield rest[0].start, rest[-1].end
        rest = []


def _is_term(gram: str, seen: _Seen, raw: Mapping[str, int], size: int) -> bool:
    if seen.count < 2 or len(seen.left) < 2 or len(seen.right) < 2:
        return False
    together = min(raw[gram] * size / (raw[gram[:cut]] * raw[gram[cut:]]) for cut in range(1, len(gram)))
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
    parts = (
        part for start in range(len(longer)) for part in _rows(longer[start:]) if 1 < len(part) < len(longer)
    )
    return [part for part in dict.fromkeys(parts) if part in grams]


def _grown(gram: str, seen: _Seen) -> tuple[str, _Seen]:
    """A term that always has the same sign beside it has lost it: 劳死 in 过劳死; a name explained, its first half."""
    if seen.count < 2:
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


def _term(gram: str, seen: _Seen, certain: bool) -> Term:
    foreign = len(gram) > 2 and table().sounds.issuperset(gram)
    # Anybody may be quoted; beside an office stands more than persons, unless it is a foreign name.
    quoted = seen.speaks + (seen.with_office if foreign else 0)
    return Term(
        word=seen.where[0].written(*seen.where[1:]),
        folded=gram,
        count=seen.count,
        in_title=seen.in_title,
        name=seen.explained or foreign,
        quoted=quoted * 2 >= seen.count and not certain,
        kept=certain,
    )
