"""Statements that drop the texts and matches of old entries; what tells an entry from others, and its mails, stay."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from monitor.model.mail import DeliveryStatus
from monitor.store.dialects import chunks
from monitor.store.entries import seqs_since
from monitor.store.tables import (
    backfill,
    digest_entries,
    entries,
    is_whole,
    matches,
    outbox,
    owed,
    subscriptions,
)


def drop_texts(tx: Connection, before: datetime, limit: int) -> int:
    """Drop summary, text and matches of the first `limit` entries seen before an instant; return their count.

    Kept are those that a digest may still bring: beyond the cursor of a subscription, offered to one, owed, or in a
    mail that was not sent: when it is given up, they are owed.
    """
    # Who lapsed begins anew when it returns: its cursor holds nothing back.
    oldest = tx.scalar(select(func.min(subscriptions.c.cursor)).where(~subscriptions.c.lapsed))
    unsent = select(digest_entries.c.seq).join(outbox, outbox.c.digest_id == digest_entries.c.digest_id)
    wanted = (
        select(owed.c.seq),
        select(backfill.c.seq),
        unsent.where(outbox.c.status != DeliveryStatus.SENT.value),
    )
    old = select(entries.c.seq).where(is_whole, entries.c.first_seen < before)
    old = old.where(*(entries.c.seq.not_in(seqs) for seqs in wanted))
    if oldest is not None:
        old = old.where(entries.c.seq <= oldest)
    seqs = tx.scalars(old.order_by(entries.c.first_seen).limit(limit)).all()
    for chunk in chunks(sorted(seqs)):
        tx.execute(delete(matches).where(matches.c.seq.in_(chunk)))
        _drop(tx, chunk)
    return len(seqs)


def count(tx: Connection, after: int, upto: int) -> int:
    """Return the count of news entries with a seq in (after, upto] whose texts were dropped."""
    pruned = entries.c.pruned, entries.c.news, entries.c.seq > after, entries.c.seq <= upto
    return tx.scalar(select(func.count()).select_from(entries).where(*pruned)) or 0


def count_since(tx: Connection, start: datetime) -> int:
    """Return the count of such entries first seen since an instant."""
    return count(tx, *seqs_since(tx, start))


def among(tx: Connection, seqs: Sequence[int]) -> set[int]:
    """Return those of these entries whose texts were dropped."""
    return {
        seq
        for chunk in chunks(seqs)
        for seq in tx.scalars(select(entries.c.seq).where(entries.c.pruned, entries.c.seq.in_(chunk)))
    }


def _drop(tx: Connection, seqs: Sequence[int]) -> None:
    rows = tx.execute(select(entries).where(entries.c.seq.in_(seqs)).order_by(entries.c.seq)).mappings().all()
    # Deleted and inserted anew: SQLite joins pages of which little is left after a DELETE, but not after an UPDATE.
    tx.execute(delete(entries).where(entries.c.seq.in_(seqs)))
    tx.execute(insert(entries), [{**row, **_PRUNED} for row in rows])


_PRUNED = {"summary": "", "text": "", "judged_by": "", "pruned": True}
