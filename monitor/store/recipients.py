"""Table recipients: who receives a subscription, and whom the mail server refuses."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, insert, select, update

from monitor.store.tables import recipients


def refused(tx: Connection, subscription: str, address: str, reason: str) -> int:
    """Count that a digest was refused for good because of its address; return the count in a row."""
    row = _is(subscription, address)
    values = {"refusals": recipients.c.refusals + 1, "reason": reason}
    if not tx.execute(update(recipients).where(row).values(values)).rowcount:
        known = {"subscription": subscription, "address": address, "refusals": 1, "reason": reason}
        tx.execute(insert(recipients).values(known))
    return tx.scalar(select(recipients.c.refusals).where(row)) or 0


def accepted(tx: Connection, subscription: str, address: str) -> bool:
    """Record that the address took a digest; return False when it had refused none before."""
    refused_before = and_(_is(subscription, address), recipients.c.refusals > 0)
    return bool(tx.execute(update(recipients).where(refused_before).values(refusals=0, reason="")).rowcount)


def suspend(tx: Connection, subscription: str, address: str, now: datetime) -> None:
    """Record that the address is not mailed any more."""
    tx.execute(update(recipients).where(_is(subscription, address)).values(suspended_at=now))


def resume(tx: Connection, subscription: str, address: str) -> bool:
    """Let a suspended address be mailed again; return False when it was not suspended."""
    suspended = and_(_is(subscription, address), recipients.c.suspended_at.is_not(None))
    values = {"suspended_at": None, "refusals": 0, "reason": ""}
    return bool(tx.execute(update(recipients).where(suspended).values(values)).rowcount)


def suspended(tx: Connection, subscription: str) -> dict[str, str]:
    """Return the suspended addresses of a subscription with the server's words at the last refusal."""
    query = select(recipients.c.address, recipients.c.reason).where(
        recipients.c.subscription == subscription, recipients.c.suspended_at.is_not(None)
    )
    return {row.address: row.reason for row in tx.execute(query.order_by(recipients.c.address))}


def _is(subscription: str, address: str) -> ColumnElement[bool]:
    return and_(recipients.c.subscription == subscription, recipients.c.address == address)
