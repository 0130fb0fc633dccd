"""Table owed: the entries that a recipient is still to get, in the next digest of the subscription."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, exists, func, select

from monitor.config.addresses import any_spelling
from monitor.store import suppressions
from monitor.store.dialects import chunks, insert_missing
from monitor.store.tables import owed, recipients


def add(tx: Connection, subscription: str, recipient: str, returns: Mapping[int, int], now: datetime) -> None:
    """Record that entries, as seq to how often each has come back, are owed; one that is owed already stays so."""
    rows = [
        {"subscription": subscription, "recipient": recipient, "seq": seq, "returns": count, "since": now}
        for seq, count in returns.items()
    ]
    insert_missing(tx, owed, rows)


def of(tx: Connection, subscription: str) -> dict[str, dict[int, int]]:
    """Return what is owed of a subscription: recipient to seq to how often the entry has come back; by seq."""
    debts: dict[str, dict[int, int]] = {}
    query = select(owed.c.recipient, owed.c.seq, owed.c.returns).where(owed.c.subscription == subscription)
    for recipient, seq, returns in tx.execute(query.order_by(owed.c.recipient, owed.c.seq)):
        debts.setdefault(recipient, {})[seq] = returns
    return debts


def count(tx: Connection) -> int:
    """Return the count of debts, over all subscriptions and recipients."""
    return tx.scalar(select(func.count()).select_from(owed)) or 0


def drop(tx: Connection, subscription: str, recipient: str, seqs: Collection[int] | None = None) -> int:
    """Delete the debts of a recipient, or those for these entries; return their count."""
    debts = owed.c.subscription == subscription, owed.c.recipient == recipient
    if seqs is None:
        return tx.execute(delete(owed).where(*debts)).rowcount
    return sum(
        tx.execute(delete(owed).where(*debts, owed.c.seq.in_(chunk))).rowcount
        for chunk in chunks(sorted(seqs))
    )


def drop_suppressed(tx: Connection) -> int:
    """Delete the debts to addresses to which nothing goes; return their count."""
    barred = exists().where(*suppressions.bars(owed.c.recipient, owed.c.subscription))
    return tx.execute(delete(owed).where(barred)).rowcount


def drop_all(tx: Connection, subscription: str, mailbox: str) -> None:
    """Delete what is owed to the mailbox of this key, under whatever spelling of its address."""
    debtors = select(owed.c.recipient).where(owed.c.subscription == subscription).distinct()
    for recipient in tx.scalars(debtors).all():
        if any_spelling(recipient) == mailbox:
            drop(tx, subscription, recipient)


def drop_lapsed(tx: Connection) -> int:
    """Delete the debts to recipients who are gone for good; return their count."""
    is_lapsed = exists().where(
        recipients.c.subscription == owed.c.subscription,
        recipients.c.address == owed.c.recipient,
        recipients.c.lapsed,
    )
    return tx.execute(delete(owed).where(is_lapsed)).rowcount
