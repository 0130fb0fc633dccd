"""Tables subscriptions and recipients: how far each subscription has come, who receives it, and who left when.

A subscription goes by its name in config.toml, and by the key that stays when it is renamed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, exists, func, insert, or_, select, update

from monitor.model.digests import Registered, Slot, SubscriptionState
from monitor.store import choices, entries
from monitor.store.dialects import clean
from monitor.store.keys import free_key
from monitor.store.tables import (
    archive,
    backfill,
    digests,
    mailed,
    owed,
    recipients,
    subscriptions,
    suppressions,
)


def sync(tx: Connection, names: Sequence[str], now: datetime) -> None:
    """Insert the subscriptions that are new: they begin now, with what arrives from here on."""
    known = {row.name: row.key for row in tx.execute(select(subscriptions.c.name, subscriptions.c.key))}
    cursor, keys = entries.newest_seq(tx), set(known.values())
    for name in dict.fromkeys(clean(name) for name in names):
        if name not in known:
            key = free_key(name, keys)
            keys.add(key)
            values = {
                "key": key,
                "name": name,
                "created_at": now,
                "cursor": cursor,
                "last_slot": "",
                "last_at": None,
            }
            tx.execute(insert(subscriptions).values(values))


def state(tx: Connection, name: str) -> SubscriptionState | None:
    """Return how far a subscription has come; None when it is not known."""
    row = tx.execute(select(subscriptions).where(subscriptions.c.name == name)).one_or_none()
    return None if row is None else _state(row)


def states(tx: Connection) -> list[SubscriptionState]:
    """Return how far every subscription there ever was has come, by name."""
    return [_state(row) for row in tx.execute(select(subscriptions).order_by(subscriptions.c.name))]


def cursors(tx: Connection) -> tuple[int, ...]:
    """Return the cursor of every subscription there ever was, by name."""
    return tuple(tx.scalars(select(subscriptions.c.cursor).order_by(subscriptions.c.name)))


def news_after(tx: Connection, state: SubscriptionState) -> int:
    """Return the seq beyond which entries are new since the last slot; the cursor may stand further back."""
    if state.last_at is None:
        return state.cursor
    return max(state.cursor, entries.newest_seq(tx, before=state.last_at + timedelta.resolution))


def take_slot(tx: Connection, state: SubscriptionState, slot: Slot, upto: int) -> bool:
    """Move the subscription to this slot, past the entries up to seq `upto`.

    Return False, and change nothing, when somebody has moved it since `state` was read.
    """
    moved = update(subscriptions).where(*_unchanged(state))
    return bool(tx.execute(moved.values(cursor=upto, last_slot=slot.name, last_at=slot.at)).rowcount)


def advance(tx: Connection, state: SubscriptionState, cursor: int) -> bool:
    """Move the subscription's cursor; return False, and change nothing, when somebody has moved it meanwhile."""
    return bool(tx.execute(update(subscriptions).where(*_unchanged(state)).values(cursor=cursor)).rowcount)


# --- what config.toml said last, and who left it -----------------------------------------------------


def registered(tx: Connection) -> list[Registered]:
    """Return every subscription there ever was as it was registered last, by name."""
    # Of one that is gone, who stayed with it to the end.
    stayed = or_(recipients.c.gone_at.is_(None), recipients.c.gone_at == subscriptions.c.gone_at)
    addresses: dict[str, set[str]] = {}
    for row in tx.execute(
        select(recipients.c.subscription, recipients.c.address)
        .join(subscriptions, subscriptions.c.key == recipients.c.subscription)
        .where(stayed)
    ):
        addresses.setdefault(row.subscription, set()).add(row.address)
    return [
        Registered(
            key=row.key,
            name=row.name,
            schedule=row.schedule,
            recipients=frozenset(addresses.get(row.key, ())),
            gone_at=row.gone_at,
            lapsed=row.lapsed,
        )
        for row in tx.execute(select(subscriptions).order_by(subscriptions.c.name))
    ]


def set_schedules(tx: Connection, schedules: Mapping[str, str]) -> None:
    """Record the schedules of subscriptions, by key: these are in config.toml."""
    for key, schedule in schedules.items():
        present = {"schedule": schedule, "gone_at": None, "lapsed": False}
        tx.execute(update(subscriptions).where(subscriptions.c.key == key).values(present))


def mark_gone(tx: Connection, key: str, now: datetime) -> None:
    """Record that a subscription is not in config.toml."""
    present = update(subscriptions).where(subscriptions.c.key == key, subscriptions.c.gone_at.is_(None))
    tx.execute(present.values(gone_at=now))


def lapse(tx: Connection, before: datetime) -> int:
    """Record which subscriptions that went before an instant are gone for good; return the count of new ones."""
    gone = update(subscriptions).where(subscriptions.c.gone_at <= before, ~subscriptions.c.lapsed)
    return tx.execute(gone.values(lapsed=True)).rowcount


def put_off_lapse(tx: Connection, by: timedelta) -> None:
    """Let the subscriptions that are gone lapse later, by a time in which nobody could put them back."""
    is_gone = (subscriptions.c.gone_at.is_not(None), ~subscriptions.c.lapsed)
    instants = (
        select(subscriptions.c.gone_at).where(*is_gone).distinct().order_by(subscriptions.c.gone_at.desc())
    )
    # The latest first: none comes to stand where one is still to be moved.
    for gone_at in tx.scalars(instants).all():
        left_then = update(subscriptions).where(*is_gone, subscriptions.c.gone_at == gone_at)
        tx.execute(left_then.values(gone_at=gone_at + by))


def begin_anew(tx: Connection, key: str, now: datetime) -> None:
    """Let a subscription that was gone begin now, with what arrives from here on."""
    values = {
        "created_at": now,
        "cursor": entries.newest_seq(tx),
        "last_slot": "",
        "last_at": None,
        "gone_at": None,
        "lapsed": False,
    }
    tx.execute(update(subscriptions).where(subscriptions.c.key == key).values(values))


def rename(tx: Connection, key: str, name: str) -> None:
    """Give a subscription another name, which no other one has."""
    tx.execute(update(subscriptions).where(subscriptions.c.key == key).values(name=name))


def merge(tx: Connection, key: str, into: str) -> None:
    """Give all that is known of a subscription to another one, and delete it.

    The other one goes on from the earlier cursor and the later slot, and mails nothing that either has mailed. Whose
    recipients they are, and whether they have left, stays as it is with the other one.
    """
    merged, other = tx.execute(
        select(subscriptions)
        .where(subscriptions.c.key.in_([key, into]))
        .order_by(subscriptions.c.key == into)
    ).all()
    later = max(merged, other, key=lambda row: (row.last_at is not None, row.last_at))
    values = {
        "cursor": min(merged.cursor, other.cursor),
        "created_at": min(merged.created_at, other.created_at),
        "last_slot": later.last_slot,
        "last_at": later.last_at,
    }
    tx.execute(update(subscriptions).where(subscriptions.c.key == into).values(values))
    same_slot = digests.alias()
    parts = select(func.coalesce(func.max(same_slot.c.part), 0)).where(
        same_slot.c.subscription == into, same_slot.c.slot == digests.c.slot
    )
    part = digests.c.part + parts.scalar_subquery()
    tx.execute(update(digests).where(digests.c.subscription == key).values(subscription=into, part=part))
    elsewhere = recipients.alias()
    known = select(elsewhere.c.address).where(elsewhere.c.subscription == key, ~elsewhere.c.new)
    is_known = recipients.c.subscription == into, recipients.c.address.in_(known)
    tx.execute(update(recipients).where(*is_known).values(new=False))
    for table, same in (
        (mailed, ["story"]),
        (owed, ["recipient", "seq"]),
        (backfill, ["seq"]),
        (recipients, ["address"]),
        (suppressions, ["address"]),
    ):
        twin = table.alias()
        is_there = exists().where(
            twin.c.subscription == into, *(twin.c[column] == table.c[column] for column in same)
        )
        tx.execute(update(table).where(table.c.subscription == key, ~is_there).values(subscription=into))
        tx.execute(delete(table).where(table.c.subscription == key))
    choices.merge(tx, key, into)
    # The pages stay where they are; the index and the feed of the other one name them.
    tx.execute(update(archive).where(archive.c.subscription == key).values(subscription=into, listed=False))
    tx.execute(delete(subscriptions).where(subscriptions.c.key == key))


def _unchanged(state: SubscriptionState) -> tuple[ColumnElement[bool], ...]:
    return (
        subscriptions.c.key == state.key,
        subscriptions.c.cursor == state.cursor,
        subscriptions.c.last_slot == (state.last_slot.name if state.last_slot else ""),
        subscriptions.c.last_at == state.last_at,
    )


def _state(row: Row[Any]) -> SubscriptionState:
    return SubscriptionState(
        key=row.key,
        name=row.name,
        created_at=row.created_at,
        cursor=row.cursor,
        last_slot=Slot.named(row.last_slot, row.last_at) if row.last_slot else None,
    )
