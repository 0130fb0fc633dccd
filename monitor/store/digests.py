"""Tables digests, digest_entries, mailed and backfill: what each subscription, named by its key, was sent."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection, case, delete, func, or_, select, update

from monitor.model.digests import DigestKind, Mailed, Mailing, Slot, SlotKind
from monitor.model.feeds import Entry
from monitor.store import entries, tables
from monitor.store.dialects import chunks, insert_missing, insert_or_keep

_lead = func.coalesce(tables.digest_entries.c.lead, 0)  # 0: under its own title


def insert(
    tx: Connection, subscription: str, slot: Slot, at: datetime, entries: int, ruleset: str, *, part: int = 1
) -> int | None:
    """Insert a part of a digest of so many entries; return its id, or None when this slot has that part already."""
    return _insert(tx, DigestKind.DIGEST, subscription, slot, at, entries, ruleset, part)


def insert_notice(tx: Connection, slot: Slot, at: datetime) -> int | None:
    """Insert a notice to the operator; return its id, or None when this slot has one already."""
    return _insert(tx, DigestKind.NOTICE, "", slot, at, 0, "", 1)


def insert_again(tx: Connection, subscription: str, slot: Slot, at: datetime) -> int:
    """Insert a digest that is sent once more; return its id. A slot may have any number of them."""
    table = tables.digests
    of_slot = table.c.subscription == subscription, table.c.slot == slot.name
    part = (tx.scalar(select(func.max(table.c.part)).where(*of_slot)) or 0) + 1
    number = _insert(tx, DigestKind.AGAIN, subscription, slot, at, 0, "", part)
    assert number is not None, "nobody else writes meanwhile"
    return number


def slots(tx: Connection, subscription: str) -> list[str]:
    """Return the names of the slots that brought the subscription a digest, the newest first."""
    table = tables.digests
    query = select(table.c.slot).where(
        table.c.subscription == subscription, table.c.kind == DigestKind.DIGEST.value
    )
    return list(tx.scalars(query.group_by(table.c.slot).order_by(func.max(table.c.id).desc())))


def sent_at_once(
    tx: Connection, subscription: str, kinds: Collection[SlotKind], since: datetime, now: datetime
) -> list[datetime]:
    """Return the instants after `since` at which mails of these kinds were queued; one ahead counts as `now`."""
    table = tables.digests
    query = (
        select(func.min(table.c.at))
        .where(
            table.c.subscription == subscription,
            table.c.kind == DigestKind.DIGEST.value,
            or_(*(table.c.slot.startswith(f"{kind}:") for kind in kinds)),
            table.c.at > since,
        )
        .group_by(table.c.slot)
    )
    return sorted(min(at, now) for at in tx.scalars(query))


def last_at(tx: Connection, subscription: str) -> datetime | None:
    """Return when the last mail of a subscription was made, of whatever slot; None before the first."""
    table = tables.digests
    of_it = table.c.subscription == subscription, table.c.kind == DigestKind.DIGEST.value
    at: datetime | None = tx.scalar(select(func.max(table.c.at)).where(*of_it))
    return at


def mark_mailed(
    tx: Connection, subscription: str, digest_id: int, stories: Sequence[tuple[int, str]]
) -> None:
    """Record that these stories, as (seq, story), were mailed to the subscription; one that was stays as it is."""
    rows = [
        {"subscription": subscription, "story": story, "digest_id": digest_id, "seq": seq}
        for seq, story in stories
    ]
    insert_missing(tx, tables.mailed, rows)


def mark_mailed_again(
    tx: Connection, subscription: str, digest_id: int, stories: Sequence[tuple[int, str]]
) -> None:
    """Record that stories which were mailed before were mailed by a later edition, given as (seq, story)."""
    table = tables.mailed
    for seq, story in stories:
        of_story = table.c.subscription == subscription, table.c.story == story, table.c.seq < seq
        tx.execute(update(table).where(*of_story).values(digest_id=digest_id, seq=seq))


def add_entries(
    tx: Connection, digest_id: int, seqs: Mapping[int, int], leads: Mapping[int, int] = MappingProxyType({})
) -> None:
    """Record the entries that stand in a digest, as seq to how often the entry had come back before.

    `leads` tells of a copy, by its seq, under which entry it stands.
    """
    rows = [
        {"digest_id": digest_id, "seq": seq, "returns": returns, "lead": leads.get(seq)}
        for seq, returns in seqs.items()
    ]
    insert_missing(tx, tables.digest_entries, rows)


def entries_of(tx: Connection, digest_id: int) -> dict[int, int]:
    """Return the entries that stand in a digest, as seq to how often each had come back before; by seq."""
    table = tables.digest_entries
    query = select(table.c.seq, table.c.returns).where(table.c.digest_id == digest_id).order_by(table.c.seq)
    return {row.seq: row.returns for row in tx.execute(query)}


def stories_sent_to(tx: Connection, subscription: str, address: str) -> frozenset[str]:
    """Return the stories in the mails of a subscription to an address, whatever became of these."""
    sent = (
        select(tables.entries.c.story)
        .join(tables.digest_entries, tables.digest_entries.c.seq == tables.entries.c.seq)
        .join(tables.digests, tables.digests.c.id == tables.digest_entries.c.digest_id)
        .join(tables.outbox, tables.outbox.c.digest_id == tables.digests.c.id)
        .where(tables.digests.c.subscription == subscription, tables.outbox.c.recipient == address)
    )
    return frozenset(tx.scalars(sent))


def mailings(tx: Connection, story: str) -> list[Mailing]:
    """Return the digests that brought a story, in their order."""
    name = func.coalesce(tables.subscriptions.c.name, tables.digests.c.subscription).label("name")
    brought = tables.digest_entries.c.digest_id == tables.digests.c.id
    query = (
        select(name, tables.digests.c.slot, tables.digests.c.at, func.min(_lead).label("lead"))
        .join_from(tables.digests, tables.digest_entries, brought)
        .join(tables.entries, tables.entries.c.seq == tables.digest_entries.c.seq)
        .outerjoin(tables.subscriptions, tables.subscriptions.c.key == tables.digests.c.subscription)
        .where(tables.entries.c.story == story)
        .group_by(name, tables.digests.c.slot, tables.digests.c.at)
        .order_by(func.min(tables.digests.c.id))
    )
    return [
        Mailing(subscription=row.name, slot=row.slot, at=row.at, lead=row.lead or None)
        for row in tx.execute(query)
    ]


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


def mailed_before(
    tx: Connection, subscription: str, stories: Sequence[str]
) -> dict[str, tuple[int, datetime | None]]:
    """Return those of these stories that count as mailed to the subscription, with seq and time of the last edition.

    The time is None where all recipients missed it.
    """
    table = tables.mailed
    query = select(table.c.story, table.c.seq, tables.digests.c.at).outerjoin_from(
        table, tables.digests, tables.digests.c.id == table.c.digest_id
    )
    return {
        row.story: (row.seq, row.at)
        for chunk in chunks(stories)
        for row in tx.execute(query.where(table.c.subscription == subscription, table.c.story.in_(chunk)))
    }


def mailed_since(tx: Connection, subscription: str, since: datetime, limit: int) -> list[Mailed]:
    """Return the last `limit` entries that stood in digests of the subscription made since an instant, by digest."""
    entry, digest, stands = tables.entries, tables.digests, tables.digest_entries
    title = case((entry.c.title != "", entry.c.title), else_=entry.c.summary).label("title")
    feed_url = func.coalesce(tables.feeds.c.url, entry.c.feed_url).label("feed_url")
    when = func.coalesce(entry.c.published, entry.c.first_seen).label("published")
    query = (
        select(entry.c.seq, title, feed_url, when, digest.c.at)
        .join_from(digest, stands, stands.c.digest_id == digest.c.id)
        .join(entry, entry.c.seq == stands.c.seq)
        .outerjoin(tables.feeds, tables.feeds.c.key == entry.c.feed_url)
        .where(digest.c.subscription == subscription, digest.c.at >= since)
        .order_by(digest.c.id.desc(), entry.c.seq.desc())
        .limit(limit)
    )
    rows = tx.execute(query).all()
    return [
        Mailed(seq=row.seq, title=row.title, feed_url=row.feed_url, when=row.published, at=row.at)
        for row in reversed(rows)
    ]


def add_backfill(tx: Connection, subscription: str, seqs: Sequence[int]) -> None:
    """Offer these entries to the next digest of the subscription; an entry offered already stays so."""
    insert_missing(tx, tables.backfill, [{"subscription": subscription, "seq": seq} for seq in seqs])


def backfill_of(tx: Connection, subscription: str) -> list[tuple[int, Entry]]:
    """Return the entries offered to the subscription's next digest as (seq, entry), by seq."""
    query = (
        entries.rows()
        .join(tables.backfill, tables.backfill.c.seq == tables.entries.c.seq)
        .where(tables.backfill.c.subscription == subscription)
        .order_by(tables.entries.c.seq)
    )
    return [(row.seq, entries.entry_of(row)) for row in tx.execute(query)]


def count_backfill(tx: Connection) -> int:
    """Return the count of entries offered, over all subscriptions."""
    return tx.scalar(select(func.count()).select_from(tables.backfill)) or 0


def drop_all_backfill(tx: Connection, subscription: str) -> None:
    """Withdraw all that is offered to the subscription."""
    tx.execute(delete(tables.backfill).where(tables.backfill.c.subscription == subscription))


def drop_backfill(tx: Connection, subscription: str, seqs: Sequence[int]) -> None:
    """Withdraw these entries from what is offered to the subscription."""
    table = tables.backfill
    for chunk in chunks(seqs):
        tx.execute(delete(table).where(table.c.subscription == subscription, table.c.seq.in_(chunk)))


def _insert(
    tx: Connection,
    kind: DigestKind,
    subscription: str,
    slot: Slot,
    at: datetime,
    entries: int,
    ruleset: str,
    part: int,
) -> int | None:
    row = insert_or_keep(tx, tables.digests).values(
        kind=kind.value,
        subscription=subscription,
        slot=slot.name,
        part=part,
        at=at,
        entries=entries,
        ruleset=ruleset,
    )
    number: int | None = tx.scalar(row.returning(tables.digests.c.id))
    return number
