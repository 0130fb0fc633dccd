"""Table matches: which entries satisfy which rules, and by which words."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Row, func, select

from monitor.model.rules import Match
from monitor.store.dialects import chunks, insert_missing
from monitor.store.tables import entries, matches


def insert(tx: Connection, new: Sequence[tuple[int, Match]]) -> None:
    """Insert the matches, as (seq of the entry, match); one that is known already stays as it is."""
    rows = [
        {"seq": seq, "fingerprint": match.fingerprint, "score": match.score, "hits": match.hits}
        for seq, match in new
    ]
    insert_missing(tx, matches, rows)


def of_entries(tx: Connection, seqs: Sequence[int]) -> dict[int, list[Match]]:
    """Return every stored match of these entries by seq, also by earlier rules; entries without are left out."""
    by_seq: dict[int, list[Match]] = {}
    for chunk in chunks(seqs):
        query = select(matches).where(matches.c.seq.in_(chunk)).order_by(matches.c.seq, matches.c.fingerprint)
        for row in tx.execute(query):
            by_seq.setdefault(row.seq, []).append(match_of(row))
    return by_seq


def tally(tx: Connection, after: int) -> dict[str, tuple[int, datetime]]:
    """Return of each fingerprint the count of entries beyond seq `after` it matched, and when the last was seen."""
    query = (
        select(matches.c.fingerprint, func.count(), func.max(entries.c.first_seen))
        .join(entries, entries.c.seq == matches.c.seq)
        .where(matches.c.seq > after, ~entries.c.replaced)
        .group_by(matches.c.fingerprint)
    )
    return {fingerprint: (count, last) for fingerprint, count, last in tx.execute(query)}


def match_of(row: Row[tuple[object, ...]]) -> Match:
    """Return the Match in a row that has the columns of `matches`."""
    return Match(fingerprint=row.fingerprint, hits=row.hits, score=row.score)
