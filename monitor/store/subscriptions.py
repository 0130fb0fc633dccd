"""Table subscriptions: how far each subscription has come, by its name in config.toml and the key that stays."""

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from monitor.model.digests import Slot, SubscriptionState
from monitor.store import entries
from monitor.store.dialects import clean
from monitor.store.tables import subscriptions


def sync(tx: Connection, names: Sequence[str], now: datetime) -> None:
    """Insert the subscriptions that are new: they begin now, with what arrives from here on."""
    known = {row.name: row.key for row in tx.execute(select(subscriptions.c.name, subscriptions.c.key))}
    cursor, keys = entries.newest_seq(tx), set(known.values())
    for name in dict.fromkeys(clean(name) for name in names):
        if name not in known:
            key = _free_key(name, keys)
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


def take_slot(tx: Connection, state: SubscriptionState, slot: Slot, upto: int) -> bool:
    """Move the subscription to this slot, past the entries up to seq `upto`.

    Return False, and change nothing, when somebody has moved it since `state` was read.
    """
    unchanged = (
        subscriptions.c.key == state.key,
        subscriptions.c.cursor == state.cursor,
        subscriptions.c.last_slot == (state.last_slot.name if state.last_slot else ""),
        subscriptions.c.last_at == state.last_at,
    )
    moved = update(subscriptions).where(*unchanged)
    return bool(tx.execute(moved.values(cursor=upto, last_slot=slot.name, last_at=slot.at)).rowcount)


def _free_key(name: str, keys: Collection[str]) -> str:
    """Return the name, or the name with a number where a renamed subscription has it as its key."""
    return next(
        key for number in count(1) if (key := f"{name} #{number}" if number > 1 else name) not in keys
    )


def _state(row: Row[Any]) -> SubscriptionState:
    return SubscriptionState(
        key=row.key,
        name=row.name,
        created_at=row.created_at,
        cursor=row.cursor,
        last_slot=Slot.named(row.last_slot, row.last_at) if row.last_slot else None,
    )
