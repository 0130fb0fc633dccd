"""Which entries satisfy which rules, and by which words."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from monitor.model import Match
from monitor.store.bulk import insert_missing
from monitor.store.tables import matches


def insert(tx: Connection, found: Sequence[tuple[int, Match]]) -> None:
    """Keep each match of the entry of this seq; one that is known already stays as it is."""
    rows = [
        {"seq": seq, "fingerprint": match.fingerprint, "score": match.score, "hits": match.hits}
        for seq, match in found
    ]
    insert_missing(tx, matches, rows)


def match_of(row: Row[Any]) -> Match:
    """A Match from a row that has the columns of `matches`."""
    return Match(fingerprint=row.fingerprint, hits=row.hits, score=row.score)
