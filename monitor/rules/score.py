"""Compute the score of a rule from the words that were found.

This is all the arithmetic there is:

    a word's points  =  its weight  x  what the best field it stands in is worth (WORTH)  x  0.5 if it is a hint
    a rule's score   =  the sum over its distinct words (any, all, hints, when); how often each stands is all one,
                        and so is in how many ways one is written in a list (AI, ai)

A rule matches when nothing keeps it out (`none`, `ignore`, scope), each word of `all` is there, `when` holds, the
score reaches the threshold (1 unless the rule says otherwise), and - if it has `any` or `hints` - those alone reach 1
(or the threshold, where that is less). So one `any` word anywhere is enough, a hint is enough in the title, and
two hints are enough together wherever they stand. A hint that stands only within a longer hint (模型 in 大模型) adds
nothing. A `when` that holds counts 1 even if its words count less: NOT may hold without any.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from monitor.config.options import ENTRY_FIELDS
from monitor.model.rules import Hit

SCORING_KEYS = ("any", "all", "hints", "when")  # the keys of words that add to the score
WORTH = {"title": 2.0, "summary": 1.5}  # every other field: 1
HINT = 0.5
ENOUGH = 1.0


class Points(NamedTuple):
    """What one word adds to the score: `points == weight * worth * (0.5 if key == "hints" else 1)`."""

    key: str  # any, all, hints or when
    word: str  # as the operator wrote it
    field: str  # the best it stands in
    weight: float  # of the word
    worth: float  # of the field
    points: float  # what it adds


def points_of(key: str, word: str, weight: float, hits: Sequence[Hit]) -> Points:
    """Return the points of a word that was found; its hits stand in the order of ENTRY_FIELDS, so the best first."""
    best = hits[0].field
    field_worth = worth(best)
    return Points(
        key, word, best, weight, field_worth, weight * field_worth * (HINT if key == "hints" else 1.0)
    )


def worth(field: str) -> float:
    """Return what a field is worth."""
    return WORTH.get(field, 1.0)


def score(points: Sequence[Points], when_holds: bool) -> float:
    """Return the score of a rule; `when_holds`: it has a `when`, and that is true."""
    from_when = from_lists = 0.0
    for word in points:
        if word.key == "when":
            from_when += word.points
        else:
            from_lists += word.points
    return round((max(from_when, ENOUGH) if when_holds else from_when) + from_lists, 6)


def evidence(points: Sequence[Points]) -> float:
    """Return what `any` and `hints` alone reach."""
    return round(sum([word.points for word in points if word.key in ("any", "hints")]), 6)


def independent(hints: Mapping[str, Sequence[Hit]]) -> dict[str, list[Hit]]:
    """Return the hints that stand somewhere by themselves, without places within a longer hint or upon another.

    Of hints upon each other, the one whose longest place is longer stays. The longest hint is the first of the answer.
    """
    if len(hints) < 2:
        return {word: list(hits) for word, hits in hints.items()}
    ranked = sorted(hints, key=lambda word: max(hit.end - hit.start for hit in hints[word]), reverse=True)
    places = sorted(
        (ENTRY_FIELDS.index(hit.field), hit.start, -hit.end, rank, hit)
        for rank, word in enumerate(ranked)
        for hit in hints[word]
    )
    kept: dict[str, list[Hit]] = {word: [] for word in ranked}
    last_field, reached = -1, 0  # how far the places before reach in their field
    for field, _, _, rank, hit in places:
        if last_field != field or hit.end > reached:
            kept[ranked[rank]].append(hit)
            last_field, reached = field, hit.end
    return {word: hits for word, hits in kept.items() if hits}
