"""Table recipients: who receives a subscription, who left it when, and how often an address refused it in a row."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from monitor.config.addresses import any_spelling
from monitor.store import suppressions
from monitor.store.dialects import chunks, insert_missing
from monitor.store.tables import digests, outbox, recipients, subscriptions
from monitor.texts import kept


def sync(
    tx: Connection,
    subscription: str,
    addresses: Collection[str],
    now: datetime,
    *,
    known: Collection[str] = (),
) -> None:
    """Record who receives a subscription: who is not among them has left it, now or before.

    Those without a row are to get a first issue, but for the `known` ones, and those who were mailed before.
    """
    in_file = set(addresses)
    had_mail = set(known) | set(
        tx.scalars(
            select(outbox.c.recipient)
            .join(digests, digests.c.id == outbox.c.digest_id)
            .where(digests.c.subscription == subscription)
            .distinct()
        )
    )
    in_rows = [
        {"subscription": subscription, "address": each, "new": each not in had_mail} for each in in_file
    ]
    insert_missing(tx, recipients, in_rows)
    rows = tx.execute(select(recipients.c.address, recipients.c.gone_at).where(_of(subscription))).all()
    returned = {"gone_at": None, "lapsed": False, **_NEVER_REFUSED}
    back_again = [row.address for row in rows if row.gone_at and row.address in in_file]
    for address in back_again:
        suppressions.lift_from_edit(tx, address, subscription)
    for chunk in chunks(back_again):
        back = update(recipients).where(_of(subscription), recipients.c.address.in_(chunk))
        tx.execute(back.values(returned))
    for chunk in chunks([row.address for row in rows if not row.gone_at and row.address not in in_file]):
        left = update(recipients).where(_of(subscription), recipients.c.address.in_(chunk))
        tx.execute(left.values(gone_at=now))


def add_left(tx: Connection, subscription: str, addresses: Collection[str], now: datetime) -> None:
    """Record who has left a subscription without ever having been registered with it."""
    rows = [{"subscription": subscription, "address": address, "gone_at": now} for address in addresses]
    insert_missing(tx, recipients, rows)


def forget(tx: Connection, subscription: str, address: str) -> None:
    """Delete a recipient: it is not known any more whether mails to this address are wanted, and they are sent."""
    tx.execute(delete(recipients).where(_is(subscription, address)))


def leave_all(tx: Connection, subscription: str, now: datetime) -> None:
    """Record that a subscription has no recipients any more."""
    present = update(recipients).where(_of(subscription), ~_has_left)
    tx.execute(present.values(gone_at=now))


def lapse(tx: Connection, before: datetime) -> int:
    """Record which recipients who left before an instant are gone for good; return the count of new ones."""
    left = update(recipients).where(recipients.c.gone_at <= before, ~recipients.c.lapsed)
    return tx.execute(left.values(lapsed=True)).rowcount


def put_off_lapse(tx: Connection, by: timedelta) -> None:
    """Let the recipients who left lapse later, by a time in which nobody could put them back."""
    has_left = (_has_left, ~recipients.c.lapsed)
    instants = select(recipients.c.gone_at).where(*has_left).distinct().order_by(recipients.c.gone_at.desc())
    # The latest first: none comes to stand where one is still to be moved.
    for gone_at in tx.scalars(instants).all():
        left_then = update(recipients).where(*has_left, recipients.c.gone_at == gone_at)
        tx.execute(left_then.values(gone_at=gone_at + by))


def present(tx: Connection, subscription: str, addresses: Collection[str]) -> set[str]:
    """Return those of these addresses that may be mailed the subscription: they have not left, nor are suppressed."""
    left = tx.scalars(select(recipients.c.address).where(_of(subscription), _has_left))
    return set(addresses) - set(left) - suppressions.barred(tx, subscription, addresses)


def new(tx: Connection, subscription: str) -> set[str]:
    """Return the addresses that are still to get a first issue of the subscription."""
    return set(tx.scalars(select(recipients.c.address).where(_of(subscription), recipients.c.new)))


def end_new(tx: Connection, subscription: str, addresses: Collection[str]) -> bool:
    """Record that these have had their first issue; return False where some had it already."""
    rows = [_of(subscription), recipients.c.new]
    counts = [
        tx.execute(
            update(recipients).where(*rows, recipients.c.address.in_(chunk)).values(new=False)
        ).rowcount
        for chunk in chunks(sorted(addresses))
    ]
    return sum(counts) == len(addresses)


def left_lately(tx: Connection, subscription: str) -> list[str]:
    """Return the addresses that left the subscription less than a day ago: what they would get is owed to them."""
    left = select(recipients.c.address).where(_of(subscription), _has_left, ~recipients.c.lapsed)
    return list(tx.scalars(left.order_by(recipients.c.address)))


def prune(tx: Connection) -> None:
    """Delete the recipients who are gone for good, once the outbox has nothing of theirs."""
    mails = exists(
        select(outbox.c.id)
        .join(digests, digests.c.id == outbox.c.digest_id)
        .where(
            digests.c.subscription == recipients.c.subscription, outbox.c.recipient == recipients.c.address
        )
    )
    tx.execute(delete(recipients).where(recipients.c.lapsed, ~mails))


def refused(tx: Connection, subscription: str, address: str, reason: str, *, came_back: bool) -> int:
    """Count that a digest was refused for good because of its address; return the count in a row.

    One that was taken since the last refusal breaks the row, unless it is the one that `came_back` now.
    """
    arrived = recipients.c.taken - 1 if came_back else recipients.c.taken
    values = {
        "refusals": case((arrived > 0, 1), else_=recipients.c.refusals + 1),
        "taken": 0,
        "reason": kept(reason),
    }
    row = _is(subscription, address)
    if not tx.execute(update(recipients).where(row).values(values)).rowcount:
        known = {"subscription": subscription, "address": address, "refusals": 1, "reason": kept(reason)}
        tx.execute(insert(recipients).values(known))
    return tx.scalar(select(recipients.c.refusals).where(row)) or 0


def refusals(tx: Connection, subscription: str, address: str) -> int:
    """Return how many digests in a row were refused for good because of the address; what was taken since aside."""
    return tx.scalar(_REFUSALS, {"key": subscription, "to": address}) or 0


def accepted(tx: Connection, subscription: str, address: str) -> None:
    """Count that a server took a digest for an address that had refused some."""
    refused_before = and_(_is(subscription, address), recipients.c.refusals > 0)
    tx.execute(update(recipients).where(refused_before).values(taken=recipients.c.taken + 1))


def forget_refusals(tx: Connection, address: str, subscription: str) -> None:
    """Count the refusals of an address, in any spelling, anew: of a subscription, or with "" of all."""
    row = func.lower(recipients.c.address) == any_spelling(address)
    which = row if not subscription else and_(row, _of(subscription))
    tx.execute(update(recipients).where(which).values(_NEVER_REFUSED))


def refused_anywhere(tx: Connection) -> list[tuple[str, str]]:
    """Return who refused the last digest, or is suppressed, as (name of the subscription, address)."""
    is_suppressed = exists().where(*suppressions.bars(recipients.c.address, recipients.c.subscription))
    query = (
        select(subscriptions.c.name, recipients.c.address)
        .join(subscriptions, subscriptions.c.key == recipients.c.subscription)
        .where(~_has_left, or_(and_(recipients.c.refusals > 0, recipients.c.taken == 0), is_suppressed))
    )
    return [(row.name, row.address) for row in tx.execute(query)]


_NEVER_REFUSED = {"refusals": 0, "reason": "", "taken": 0}
_has_left: ColumnElement[bool] = recipients.c.gone_at.is_not(None)


def _of(subscription: str) -> ColumnElement[bool]:
    return recipients.c.subscription == subscription


def _is(subscription: str, address: str) -> ColumnElement[bool]:
    return and_(recipients.c.subscription == subscription, recipients.c.address == address)


# Asked at each mail that is sent: made once.
_REFUSALS = select(recipients.c.refusals).where(
    recipients.c.subscription == bindparam("key"), recipients.c.address == bindparam("to")
)
