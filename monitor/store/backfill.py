"""Entries of before that were put forward for a subscription's next digest."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, select

from monitor.model.feeds import Entry
from monitor.store.bulk import chunks, insert_missing
from monitor.store.entries import entry_of
from monitor.store.tables import backfill, entries


def put(tx: Connection, subscription: str, seqs: Sequence[int]) -> None:
    """Offer these entries to the next digest of the subscription; what is offered already stays so."""
    insert_missing(tx, backfill, [{"subscription": subscription, "seq": seq} for seq in seqs])


def offered(tx: Connection, subscription: str) -> list[tuple[int, Entry]]:
    """What was put forward for the subscription, by seq."""
    query = (
        select(entries)
        .join(backfill, backfill.c.seq == entries.c.seq)
        .where(backfill.c.subscription == subscription)
        .order_by(entries.c.seq)
    )
    return [(row.seq, entry_of(row)) for row in tx.execute(query)]


def count(tx: Connection) -> int:
    """How many entries are put forward, over all subscriptions."""
    return tx.scalar(select(func.count()).select_from(backfill)) or 0


def drop(tx: Connection, subscription: str, seqs: Sequence[int]) -> None:
    """These entries have had their digest."""
    for some in chunks(seqs):
        tx.execute(delete(backfill).where(backfill.c.subscription == subscription, backfill.c.seq.in_(some)))
