"""Tables subscriptions, digests, mailed and backfill: how far each subscription has come, and what it was sent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from monitor.model.digests import DigestKind, Slot, SubscriptionState
from monitor.model.feeds import Entry
from monitor.store import entries, tables
from monitor.store.dialects import chunks, insert_missing, insert_or_keep
from monitor.store.tables import subscriptions


def sync(tx: Connection, names: Sequence[str], now: datetime) -> None:
    """Insert the subscriptions that are new: they begin now, with what arrives from here on."""
    cursor = entries.newest_seq(tx)
    rows = [
        {"name": name, "created_at": now, "cursor": cursor, "last_slot": "", "last_at": None}
        for name in names
    ]
    insert_missing(tx, subscriptions, rows)


def state(tx: Connection, name: str) -> SubscriptionState | None:
    """Return how far a subscription has come; None when it is not known."""
    row = tx.execute(select(subscriptions).where(subscriptions.c.name == name)).one_or_none()
    return None if row is None else _state(row)


def states(tx: Connection) -> list[SubscriptionState]:
    """Return how far every subscription there ever was has come, by name."""
    return [_state(row) for row in tx.execute(select(subscriptions).order_by(subscriptions.c.name))]


def take_slot(tx: Connection, state: SubscriptionState, slot: Slot, upto: int) -> bool:
    """Move the subscription to this slot, past the entries up to seq `upto`.

    Return False, and change nothing, when somebody has moved it since `state` was read.
    """
    unchanged = (
        subscriptions.c.name == state.name,
        subscriptions.c.cursor == state.cursor,
        subscriptions.c.last_slot == (state.last_slot.name if state.last_slot else ""),
        subscriptions.c.last_at == state.last_at,
    )
    moved = update(subscriptions).where(*unchanged)
    return bool(tx.execute(moved.values(cursor=upto, last_slot=slot.name, last_at=slot.at)).rowcount)


def insert(
    tx: Connection, subscription: str, slot: Slot, at: datetime, entries: int, ruleset: str
) -> int | None:
    """Insert a digest of so many entries; return its id, or None when this slot has one already."""
    return _insert(tx, DigestKind.DIGEST, subscription, slot, at, entries, ruleset)


def insert_notice(tx: Connection, slot: Slot, at: datetime) -> int | None:
    """Insert a notice to the operator; return its id, or None when this slot has one already."""
    return _insert(tx, DigestKind.NOTICE, "", slot, at, 0, "")


def mark_mailed(
    tx: Connection, subscription: str, digest_id: int, stories: Sequence[tuple[int, str]]
) -> None:
    """Record that these stories, as (seq, story), were mailed to the subscription."""
    rows = [
        {"subscription": subscription, "story": story, "digest_id": digest_id, "seq": seq}
        for seq, story in stories
    ]
    insert_missing(tx, tables.mailed, rows)


def mailings(tx: Connection, story: str) -> list[tuple[str, str, datetime]]:
    """Return the digests in which a story was mailed as (subscription, name of the slot, at), in their order."""
    query = (
        select(tables.digests.c.subscription, tables.digests.c.slot, tables.digests.c.at)
        .join(tables.mailed, tables.mailed.c.digest_id == tables.digests.c.id)
        .where(tables.mailed.c.story == story)
        .order_by(tables.digests.c.id)
    )
    return [(row.subscription, row.slot, row.at) for row in tx.execute(query)]


def mailed(tx: Connection, subscription: str, stories: Sequence[str]) -> set[str]:
    """Return those of these stories that were mailed to the subscription."""
    table = tables.mailed
    return {
        story
        for chunk in chunks(stories)
        for story in tx.scalars(
            select(table.c.story).where(table.c.subscription == subscription, table.c.story.in_(chunk))
        )
    }


def add_backfill(tx: Connection, subscription: str, seqs: Sequence[int]) -> None:
    """Offer these entries to the next digest of the subscription; an entry offered already stays so."""
    insert_missing(tx, tables.backfill, [{"subscription": subscription, "seq": seq} for seq in seqs])


def backfill_of(tx: Connection, subscription: str) -> list[tuple[int, Entry]]:
    """Return the entries offered to the subscription's next digest as (seq, entry), by seq."""
    query = (
        select(tables.entries)
        .join(tables.backfill, tables.backfill.c.seq == tables.entries.c.seq)
        .where(tables.backfill.c.subscription == subscription)
        .order_by(tables.entries.c.seq)
    )
    return [(row.seq, entries.entry_of(row)) for row in tx.execute(query)]


def count_backfill(tx: Connection) -> int:
    """Return the count of entries offered, over all subscriptions."""
    return tx.scalar(select(func.count()).select_from(tables.backfill)) or 0


def drop_backfill(tx: Connection, subscription: str, seqs: Sequence[int]) -> None:
    """Withdraw these entries from what is offered to the subscription."""
    table = tables.backfill
    for chunk in chunks(seqs):
        tx.execute(delete(table).where(table.c.subscription == subscription, table.c.seq.in_(chunk)))


def _insert(
    tx: Connection, kind: DigestKind, subscription: str, slot: Slot, at: datetime, entries: int, ruleset: str
) -> int | None:
    row = insert_or_keep(tx, tables.digests).values(
        kind=kind.value, subscription=subscription, slot=slot.name, at=at, entries=entries, ruleset=ruleset
    )
    number: int | None = tx.scalar(row.returning(tables.digests.c.id))
    return number


def _state(row: Row[Any]) -> SubscriptionState:
    return SubscriptionState(
        name=row.name,
        created_at=row.created_at,
        cursor=row.cursor,
        last_slot=Slot.named(row.last_slot, row.last_at) if row.last_slot else None,
    )
