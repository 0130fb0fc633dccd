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

from monitor.model.rules import Hit
from monitor.rules.words import FIELDS

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
    """The points of a word that was found; its hits by field, in the order of FIELDS, and so the best first."""
    best = hits[0].field
    each = worth(best)
    return Points(key, word, best, weight, each, weight * each * (HINT if key == "hints" else 1.0))


def worth(field: str) -> float:
    """What a field is worth."""
    return WORTH.get(field, 1.0)


def score(points: Sequence[Points], holds: bool) -> float:
    """The score of a rule; `holds`: it has a `when`, and that is true."""
    expression = rest = 0.0
    for one in points:
        if one.key == "when":
            expression += one.points
        else:
            rest += one.points
    return round((max(expression, ENOUGH) if holds else expression) + rest, 6)


def evidence(points: Sequence[Points]) -> float:
    """What `any` and `hints` alone reach."""
    return round(sum([one.points for one in points if one.key in ("any", "hints")]), 6)


def independent(hints: Mapping[str, Sequence[Hit]]) -> dict[str, list[Hit]]:
    """The hints that stand somewhere by themselves: the places within a longer hint, or upon another, are left out.

    Upon each other, the one whose longest place is longer stands. The longest hint is the first of the answer.
    """
    if len(hints) < 2:
        return {word: list(hits) for word, hits in hints.items()}
    ranked = sorted(hints, key=lambda word: max(hit.end - hit.start for hit in hints[word]), reverse=True)
    places = sorted(
        (FIELDS.index(hit.field), hit.start, -hit.end, rank, hit)
        for rank, word in enumerate(ranked)
        for hit in hints[word]
    )
    kept: dict[str, list[Hit]] = {word: [] for word in ranked}
    reached = (-1, 0)  # the field, and how far the places before reach in it
    for field, _, _, rank, hit in places:
        if reached[0] != field or hit.end > reached[1]:
            kept[ranked[rank]].append(hit)
            reached = (field, hit.end)
    return {word: hits for word, hits in kept.items() if hits}
