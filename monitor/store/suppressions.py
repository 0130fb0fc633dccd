"""Table suppressions: to which addresses nothing goes, of one subscription or of all."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, or_, select

from monitor.config.addresses import any_spelling
from monitor.model.suppressions import SuppressedBy, Suppression
from monitor.store.dialects import chunks, insert_missing
from monitor.store.tables import suppressions
from monitor.texts import kept, revived


def put(tx: Connection, suppression: Suppression) -> None:
    """Record a suppression, in place of what was recorded for the address and subscription."""
    tx.execute(delete(suppressions).where(*_is(suppression.address, suppression.subscription)))
    tx.execute(insert(suppressions).values(_row(suppression)))


def add_missing(tx: Connection, listed: Sequence[Suppression]) -> int:
    """Record those that are not known yet, by address and subscription; return their count."""
    before = count(tx)
    insert_missing(tx, suppressions, [_row(suppression) for suppression in listed])
    return count(tx) - before


def lift(tx: Connection, address: str, subscription: str | None = None) -> list[Suppression]:
    """Delete the suppressions of an address, of one subscription or with None all; return them."""
    of_it = _is(address, subscription)
    rows = tx.execute(delete(suppressions).where(*of_it).returning(*suppressions.c)).all()
    return [_suppression(row) for row in rows]


def lift_from_edit(tx: Connection, address: str, subscription: str) -> list[Suppression]:
    """Delete the suppression of an address that holds until config.toml is edited; return it, if any."""
    until_edit = *_is(address, subscription), suppressions.c.content_hash != ""
    rows = tx.execute(delete(suppressions).where(*until_edit).returning(*suppressions.c)).all()
    return [_suppression(row) for row in rows]


def lift_after_edit(tx: Connection, content_hash: str) -> list[Suppression]:
    """Delete those that were to hold until config.toml has another content hash than then; return them."""
    edited = suppressions.c.content_hash.not_in(("", content_hash))
    rows = tx.execute(delete(suppressions).where(edited).returning(*suppressions.c)).all()
    return [_suppression(row) for row in rows]


def barred(tx: Connection, subscription: str, addresses: Collection[str]) -> set[str]:
    """Return those of these addresses to which nothing of the subscription goes."""
    spellings: dict[str, set[str]] = {}
    for address in addresses:
        spellings.setdefault(any_spelling(address), set()).add(address)
    among = suppressions.c.subscription.in_(("", subscription))
    return {
        address
        for chunk in chunks(sorted(spellings))
        for key in tx.scalars(select(suppressions.c.address).where(suppressions.c.address.in_(chunk), among))
        for address in spellings[key]
    }


def of(tx: Connection, address: str) -> list[Suppression]:
    """Return the suppressions of an address, that of all subscriptions first."""
    query = select(suppressions).where(*_is(address, None)).order_by(suppressions.c.subscription)
    return [_suppression(row) for row in tx.execute(query)]


def listing(tx: Connection) -> list[Suppression]:
    """Return every suppression, by address and subscription."""
    query = select(suppressions).order_by(suppressions.c.address, suppressions.c.subscription)
    return [_suppression(row) for row in tx.execute(query)]


def count(tx: Connection) -> int:
    """Return the count of suppressions."""
    return tx.scalar(select(func.count()).select_from(suppressions)) or 0


def bars(
    address: ColumnElement[str], subscription: ColumnElement[str], *more: ColumnElement[bool]
) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which a row of `suppressions` stops what goes to an address of a subscription.

    They are for the EXISTS of a statement about another table. SQLite makes small letters of ASCII only: of other
    local parts a spelling in capitals is stopped when a digest is composed (`barred`), not afterwards.
    """
    return (
        suppressions.c.address == func.lower(address),
        or_(suppressions.c.subscription == "", suppressions.c.subscription == subscription),
        subscription != "",  # notices are of none
        *more,
    )


def _is(address: str, subscription: str | None) -> tuple[ColumnElement[bool], ...]:
    same = (suppressions.c.address == any_spelling(address),)
    return same if subscription is None else (*same, suppressions.c.subscription == subscription)


def _row(suppression: Suppression) -> dict[str, Any]:
    return {
        "address": any_spelling(suppression.address),
        "subscription": suppression.subscription,
        "at": suppression.at,
        "decided_by": suppression.by.value,
        "reason": kept(suppression.reason),
        "content_hash": suppression.content_hash,
    }


def _suppression(row: Row[Any]) -> Suppression:
    return Suppression(
        address=row.address,
        subscription=row.subscription,
        at=row.at,
        by=SuppressedBy(row.decided_by),
        reason=revived(row.reason),
        content_hash=row.content_hash,
    )
