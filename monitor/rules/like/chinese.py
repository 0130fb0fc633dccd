"""Find the Chinese terms that an article keeps coming back to.

No dictionary parts the words. A term is a run of characters that comes back, that different characters stand beside
(or it is a part of a longer one), and that holds together: it is there far more often than its parts would meet by
chance. The shipped table says where no term begins or ends.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from monitor.rules.like.terms import Run, Term
from monitor.rules.like.usual import LONGEST, Piece, PieceKind, pieces, table

_TOGETHER = 8.0  # how much more often than by chance the parts of a term meet
_PART = 0.7  # a term that is this often a part of one longer term is no term of its own
_KIND = 0.3  # a longer term this often as the shorter one is a kind of it: 大模型 and 模型


@dataclass(slots=True)
class _Tally:
    """What is known of one sequence of Chinese characters."""

    where: tuple[Run, int, int]  # the first place: [start, end) of a run
    count: int = 0
    left: set[str] = field(default_factory=set)
    right: set[str] = field(default_factory=set)
    in_title: bool = False
    whole: bool = False  # all that stands between two words of the table, or a kept word
    explained: bool = False  # the name follows in brackets, in another script
    speaks: int = 0  # how often what it says follows
    with_office: int = 0  # how often 总统, 教授 and the like stand beside it


def chinese_terms(runs: Sequence[Run], known: frozenset[str]) -> Iterator[Term]:
    """Yield the terms. `known`: folded words that are words for certain.

    A term that is there once is given where it fills the place between two common words: the caller has to decide
    whether it is one.
    """
    sequences: Counter[str] = Counter()  # every sequence of characters, whether it can be a term or not
    tallies: dict[str, _Tally] = {}
    for number, run in enumerate(runs):
        if run.han:
            sequences.update(_sequences(run.text))
            _tally_run(run, number, known, tallies)
    size = sum(count for sequence, count in sequences.items() if len(sequence) == 1)
    candidates = {
        text: tally
        for text, tally in tallies.items()
        if tally.whole or _holds_together(text, tally, sequences, size)
    }
    for text, tally in _without_parts(candidates).items():
        is_certain = text in table().kept or text in known
        yield _term(*((text, tally) if is_certain else _extended(text, tally)), is_certain)


def _sequences(text: str) -> Iterator[str]:
    for start in range(len(text)):
        for end in range(start + 1, min(start + LONGEST, len(text)) + 1):
            yield text[start:end]


def _tally_run(run: Run, number: int, known: frozenset[str], tallies: dict[str, _Tally]) -> None:
    """Note every place of the run where a term may stand, and what stands beside it."""
    text = run.text
    parts = list(pieces(text, known, counted=run.counted))
    before = {part.end: text[part.start : part.end] for part in parts}
    after = {part.start: text[part.start : part.end] for part in parts}
    for start, end in _places(text, parts):
        tally = tallies.setdefault(text[start:end], _Tally((run, start, end)))
        # The edge of a run is a neighbour of its own: two commas say as much as two letters.
        left, right = before.get(start, f"<{number}"), after.get(end, f"{number}>")
        tally.count += 1
        tally.left.add(left)
        tally.right.add(right)
        tally.in_title |= run.in_title
        tally.speaks += right in table().saying
        tally.with_office += left in table().people or right in table().people
    for start, end in _wholes(text, parts):
        if (word := text[start:end]) in tallies:
            tallies[word].whole = True
            tallies[word].explained |= run.explained and end == len(text)


def _places(text: str, parts: Sequence[Piece]) -> Iterator[tuple[int, int]]:
    """Yield where a term may begin and end: not in a word of the table, nor with one."""
    for first, begin in enumerate(parts):
        if not _may_begin(begin, text):
            continue
        for last in range(first, len(parts)):
            end = parts[last]
            length = end.end - begin.start
            is_kept_word = last == first and begin.kind is PieceKind.KEPT
            if end.kind is PieceKind.BREAK or (length > LONGEST and not is_kept_word):
                break
            if length > 1 and _may_end(end, text):
                yield begin.start, end.end


def _may_begin(piece: Piece, text: str) -> bool:
    if piece.kind is PieceKind.UNKNOWN:
        return text[piece.start] not in table().starts
    return piece.kind is PieceKind.KEPT


def _may_end(piece: Piece, text: str) -> bool:
    if piece.kind is PieceKind.UNKNOWN:
        return text[piece.start] not in table().ends
    return piece.kind is PieceKind.KEPT


def _wholes(text: str, parts: Sequence[Piece]) -> Iterator[tuple[int, int]]:
    """Yield what is left between the words of the table, and what is kept."""
    rest: list[Piece] = []
    for part in (*parts, Piece(len(text), len(text), PieceKind.BREAK)):
        if part.kind is PieceKind.UNKNOWN:
            rest.append(part)
            continue
        if part.kind is PieceKind.KEPT:
            yield part.start, part.end
        while rest and not _may_begin(rest[0], text):
            rest.pop(0)
        while rest and not _may_end(rest[-1], text):
            rest.pop()
        if rest:
            yield rest[0].start, rest[-1].end
        rest = []


def _holds_together(text: str, tally: _Tally, sequences: Mapping[str, int], size: int) -> bool:
    if tally.count < 2 or len(tally.left) < 2 or len(tally.right) < 2:
        return False
    together = min(
        sequences[text] * size / (sequences[text[:cut]] * sequences[text[cut:]])
        for cut in range(1, len(text))
    )
    return together >= _TOGETHER


def _without_parts(tallies: Mapping[str, _Tally]) -> dict[str, _Tally]:
    """Keep, of a term and a longer one with it, the one that says more; both, where one is a kind of the other."""
    left = dict(tallies)
    for longer in sorted(tallies, key=len, reverse=True):
        for shorter in _parts_among(longer, left):
            if longer not in left:
                break
            share = left[longer].count / left[shorter].count
            if share >= _PART:
                left[longer].in_title |= left[shorter].in_title and share >= 1
                del left[shorter]
            elif share < _KIND or len(longer) > len(shorter) + 2:
                del left[longer]
    return left


def _parts_among(longer: str, tallies: Mapping[str, _Tally]) -> list[str]:
    parts = (
        part
        for start in range(len(longer))
        for part in _sequences(longer[start:])
        if 1 < len(part) < len(longer)
    )
    return [part for part in dict.fromkeys(parts) if part in tallies]


def _extended(text: str, tally: _Tally) -> tuple[str, _Tally]:
    """Give a term back what always stands beside it: 劳死 is cut out of 过劳死; an explained name, its first half."""
    if tally.count < 2:
        return text, tally
    run, start, end = tally.where
    if len(tally.left) == 1:
        (left,) = tally.left
        if left in table().joins or (tally.explained and left in table().words):
            start -= len(left)
    if len(tally.right) == 1:
        (right,) = tally.right
        end += len(right) if right in table().joins else 0
    return run.text[start:end], replace(tally, where=(run, start, end))


def _term(text: str, tally: _Tally, is_certain: bool) -> Term:
    is_foreign = len(text) > 2 and table().sounds.issuperset(text)
    # Anybody may be quoted; beside an office stands more than persons, unless it is a foreign name.
    quoted = tally.speaks + (tally.with_office if is_foreign else 0)
    run, start, end = tally.where
    return Term(
        word=run.written(start, end),
        folded=text,
        count=tally.count,
        in_title=tally.in_title,
        name=tally.explained or is_foreign,
        quoted=quoted * 2 >= tally.count and not is_certain,
        kept=is_certain,
    )
