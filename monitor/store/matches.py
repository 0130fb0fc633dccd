"""Which entries satisfy which rules, and by which words."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from monitor.model.rules import Match
from monitor.store.dialects import chunks, insert_missing
from monitor.store.tables import entries, matches


def insert(tx: Connection, found: Sequence[tuple[int, Match]]) -> None:
    """Keep each match of the entry of this seq; one that is known already stays as it is."""
    rows = [
        {"seq": seq, "fingerprint": match.fingerprint, "score": match.score, "hits": match.hits}
        for seq, match in found
    ]
    insert_missing(tx, matches, rows)


def of_entries(tx: Connection, seqs: Sequence[int]) -> dict[int, list[Match]]:
    """Every match kept of these entries, also by rules of before; those without one are left out."""
    found: dict[int, list[Match]] = {}
    for chunk in chunks(seqs):
        query = select(matches).where(matches.c.seq.in_(chunk)).order_by(matches.c.seq, matches.c.fingerprint)
        for row in tx.execute(query):
            found.setdefault(row.seq, []).append(match_of(row))
    return found


def tally(tx: Connection, after: int) -> dict[str, tuple[int, datetime]]:
    """Of each fingerprint, how many entries after seq `after` it matched, and when the last one was first seen."""
    query = (
        select(matches.c.fingerprint, func.count(), func.max(entries.c.first_seen))
        .join(entries, entries.c.seq == matches.c.seq)
        .where(matches.c.seq > after)
        .group_by(matches.c.fingerprint)
    )
    return {fingerprint: (count, last) for fingerprint, count, last in tx.execute(query)}


def match_of(row: Row[Any]) -> Match:
    """A Match from a row that has the columns of `matches`."""
    return Match(fingerprint=row.fingerprint, hits=row.hits, score=row.score)
