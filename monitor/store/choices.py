"""Tables choices and token_keys: what each recipient chose about a subscription, and what tokens are signed with.

A choice goes by the key of the subscription and that of the mailbox (`Mailbox.key`): it outlives edits of config.toml,
removal and return of the recipient, and another spelling of the address. No row is ever deleted.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from monitor.config.addresses import any_spelling
from monitor.model.recipients import ChangedBy, Choice, TokenKey
from monitor.store.dialects import insert_missing
from monitor.store.tables import choices, token_keys

_SECRET = 32  # bytes: as long as the hash (RFC 2104 section 3)


def ensure(tx: Connection, subscription: str, addresses: Iterable[str]) -> dict[str, Choice]:
    """Return the choice of each of these addresses, by address; one that has none yet gets a row without any choice."""
    keys = {address: any_spelling(address) for address in addresses}
    known = _of(tx, subscription)
    missing = sorted({key for key in keys.values() if key not in known})
    if missing:
        rows = [{"subscription": subscription, "address": key, "signed_for": subscription} for key in missing]
        insert_missing(tx, choices, rows)
        known = _of(tx, subscription)
    return {address: known[key] for address, key in keys.items()}


def of_subscription(tx: Connection, subscription: str) -> dict[str, Choice]:
    """Return the choices that were made about a subscription, by the key of the mailbox."""
    return _of(tx, subscription, only_made=True)


def made(tx: Connection) -> list[Choice]:
    """Return every choice that was made, by subscription and address."""
    query = select(choices).where(choices.c.changed_at.is_not(None), choices.c.subscription.is_not(None))
    return [_choice(row) for row in tx.execute(query.order_by(choices.c.subscription, choices.c.address))]


def of(tx: Connection, subscription: str, address: str) -> Choice | None:
    """Return what somebody chose about a subscription; None where nothing is known of him."""
    row = tx.execute(_OF, {"key": subscription, "to": any_spelling(address)}).one_or_none()
    return None if row is None else _choice(row)


def declining(tx: Connection, subscription: str, addresses: Collection[str], now: datetime) -> set[str]:
    """Return those of these addresses that want no mail of the subscription now."""
    known = of_subscription(tx, subscription)
    return {
        address
        for address in addresses
        if (choice := known.get(any_spelling(address))) and choice.declines(now)
    }


def signed(tx: Connection, number: int) -> tuple[str, Choice] | None:
    """Return the choice of a number that a token names, and the list that the token is signed for; None for no choice.

    Where two subscriptions became one, it is the choice that goes on.
    """
    row = tx.execute(select(choices).where(choices.c.number == number)).one_or_none()
    if row is None:
        return None
    signed_for: str = row.signed_for
    while row.goes_on is not None:
        row = tx.execute(select(choices).where(choices.c.number == row.goes_on)).one()
    return signed_for, _choice(row)


def change(tx: Connection, number: int, values: Mapping[str, object], now: datetime, by: ChangedBy) -> None:
    """Change columns of a choice."""
    row = update(choices).where(choices.c.number == number)
    tx.execute(row.values({**values, "changed_at": now, "changed_by": by.value}))


def merge(tx: Connection, subscription: str, into: str) -> None:
    """Give the choices about a subscription to another one; where both have one, what declines more holds."""
    others = _of(tx, into)
    for choice in _of(tx, subscription).values():
        other = others.get(choice.address)
        mine = update(choices).where(choices.c.number == choice.number)
        if other is None:
            tx.execute(mine.values(subscription=into))
            continue
        instants = {
            name: max(
                (at for at in (getattr(choice, name), getattr(other, name)) if at is not None), default=None
            )
            for name in ("unsubscribed_at", "paused_until", "changed_at")
        }
        without = tuple(dict.fromkeys(other.without + choice.without))
        by = other.changed_by or choice.changed_by
        both = {**instants, "without": without, "changed_by": by.value if by else ""}
        tx.execute(update(choices).where(choices.c.number == other.number).values(both))
        tx.execute(mine.values(subscription=None, goes_on=other.number))


def inherit(tx: Connection, subscription: str, heir: str, addresses: Collection[str], now: datetime) -> int:
    """Let those of these addresses that want no mail of a subscription get none of another either; return their count.

    The choices about the first one stay as they are.
    """
    mailboxes = {any_spelling(address) for address in addresses}
    count = 0
    for choice in _of(tx, subscription, only_made=True).values():
        if choice.address not in mailboxes or not choice.declines(now):
            continue
        own = ensure(tx, heir, [choice.address])[choice.address]
        if own.declines(now):
            continue
        values = {"unsubscribed_at": choice.unsubscribed_at, "paused_until": choice.paused_until}
        change(tx, own.number, values, choice.changed_at or now, choice.changed_by or ChangedBy.OPERATOR)
        count += 1
    return count


# --- keys --------------------------------------------------------------------------------------------


def signing_key(tx: Connection, now: datetime) -> TokenKey:
    """Return the newest key; the first is made here, and of two processes at once one makes it."""
    key = newest_key(tx)
    if key is None:
        add_key(tx, 1, now)
        key = newest_key(tx)
    assert key
    return key


def newest_key(tx: Connection) -> TokenKey | None:
    """Return the newest key; None before the first."""
    row = tx.execute(select(token_keys).order_by(token_keys.c.version.desc()).limit(1)).one_or_none()
    return None if row is None else TokenKey(version=row.version, secret=row.secret)


def key_of_version(tx: Connection, version: int) -> TokenKey | None:
    """Return the key of a version; None for one that never was."""
    row = tx.execute(select(token_keys).where(token_keys.c.version == version)).one_or_none()
    return None if row is None else TokenKey(version=row.version, secret=row.secret)


def add_key(tx: Connection, version: int, now: datetime) -> None:
    """Make a key, if there is none of this version."""
    row = {"version": version, "secret": secrets.token_bytes(_SECRET), "created_at": now}
    insert_missing(tx, token_keys, [row])


def _of(tx: Connection, subscription: str, *, only_made: bool = False) -> dict[str, Choice]:
    query = select(choices).where(choices.c.subscription == subscription)
    if only_made:
        query = query.where(choices.c.changed_at.is_not(None))
    return {row.address: _choice(row) for row in tx.execute(query)}


def _choice(row: Row[Any]) -> Choice:
    return Choice(
        number=row.number,
        subscription=row.subscription,
        address=row.address,
        signed_for=row.signed_for,
        unsubscribed_at=row.unsubscribed_at,
        paused_until=row.paused_until,
        without=row.without,
        changed_at=row.changed_at,
        changed_by=ChangedBy(row.changed_by) if row.changed_by else None,
    )


# Asked several times for each mail: made once.
_OF = select(choices).where(choices.c.subscription == bindparam("key"), choices.c.address == bindparam("to"))
