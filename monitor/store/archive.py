"""Table archive, and the column of digests that says what stands in it: the pages, and what is still to be archived."""

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, update

from monitor.model.archive import Issued, Page
from monitor.model.digests import DigestKind
from monitor.model.feeds import Entry
from monitor.store import entries
from monitor.store.dialects import chunks
from monitor.store.tables import archive, digest_entries, digests, mailed
from monitor.store.tables import entries as entries_table


def issued(tx: Connection, subscriptions: Collection[str], *, archived: bool = False) -> list[Issued]:
    """Return the digests of these subscriptions, by key, that have no page yet; with `archived` all; in their order."""
    table = digests
    query = select(table).where(
        table.c.subscription.in_(subscriptions), table.c.kind == DigestKind.DIGEST.value
    )
    if not archived:
        query = query.where(~table.c.archived)
    # The slot's name without what `repair` appends: parts that were made together stay together.
    rows = sorted(
        tx.execute(query),
        key=lambda row: (row.at, row.subscription, row.slot.partition("#")[0], row.id),
    )
    grouped = groupby(rows, key=lambda row: (row.at, row.subscription, row.slot.partition("#")[0]))
    return [
        Issued(
            digest_ids=tuple(row.id for row in parts),
            subscription=subscription,
            slot=slot,
            at=at,
            ruleset=parts[0].ruleset,
        )
        for (at, subscription, slot), parts in ((key, list(rows)) for key, rows in grouped)
    ]


def news_of(tx: Connection, issue: Issued) -> tuple[set[int], list[tuple[int, Entry]]]:
    """Return the seqs of the entries that counted as mailed by a digest, and these with their copies, by seq.

    What single recipients were owed counted before: it is not among them. What did not fit its mails is.
    """
    of_issue = mailed.c.subscription == issue.subscription, mailed.c.digest_id.in_(issue.digest_ids)
    rows = tx.execute(select(mailed.c.story, mailed.c.seq).where(*of_issue)).all()
    # What a later digest brought under another title counts as mailed by that one.
    again = (
        select(entries_table.c.story, entries_table.c.seq)
        .join(digest_entries, digest_entries.c.seq == entries_table.c.seq)
        .join(mailed, mailed.c.story == entries_table.c.story)
        .where(digest_entries.c.digest_id.in_(issue.digest_ids))
        .where(mailed.c.subscription == issue.subscription, mailed.c.digest_id >= issue.id)
    )
    rows = [*rows, *tx.execute(again)]
    stories = {row.story for row in rows}
    seqs = {row.seq for row in rows}
    table = entries_table
    found: dict[int, Entry] = {}
    for chunk in chunks(sorted(stories)):
        copies = and_(table.c.news, ~table.c.replaced, table.c.first_seen <= issue.at)
        query = entries.rows().where(table.c.story.in_(chunk), or_(table.c.seq.in_(seqs), copies))
        found |= {row.seq: entries.entry_of(row) for row in tx.execute(query)}
    return seqs & found.keys(), sorted(found.items())


def retitled(tx: Connection, issue: Issued, stories: Sequence[str]) -> dict[str, datetime]:
    """Return those of these stories that stood in an earlier digest of the subscription, and when it was made."""
    query = (
        select(entries_table.c.story, func.max(digests.c.at).label("at"))
        .join(digest_entries, digest_entries.c.seq == entries_table.c.seq)
        .join(digests, digests.c.id == digest_entries.c.digest_id)
        .where(digests.c.subscription == issue.subscription, digests.c.at < issue.at)
        .group_by(entries_table.c.story)
    )
    return {
        row.story: row.at
        for chunk in chunks(stories)
        for row in tx.execute(query.where(entries_table.c.story.in_(chunk)))
    }


def page_of(tx: Connection, digest_id: int) -> Page | None:
    """Return the page of a digest; None where it has none."""
    row = tx.execute(select(archive).where(archive.c.digest_id == digest_id)).one_or_none()
    return _page(row) if row else None


def pages(tx: Connection, subscription: str) -> list[Page]:
    """Return the pages of a subscription, the newest first."""
    query = select(archive).where(archive.c.subscription == subscription)
    return [_page(row) for row in tx.execute(query.order_by(archive.c.at.desc(), archive.c.digest_id.desc()))]


def unlisted(tx: Connection) -> set[str]:
    """Return the keys of the subscriptions whose index, or Atom feed, lacks a page."""
    return set(tx.scalars(select(archive.c.subscription).where(~archive.c.listed).distinct()))


def record(tx: Connection, issue: Issued, page: Page) -> None:
    """Record that a digest has this page, which is not listed yet."""
    tx.execute(delete(archive).where(archive.c.digest_id == page.digest_id))
    tx.execute(
        insert(archive).values(
            digest_id=page.digest_id,
            subscription=page.subscription,
            at=page.at,
            uid=page.uid,
            page=page.file,
            title=page.title,
            items=page.items,
            content=page.content,
        )
    )
    mark(tx, issue)


def mark(tx: Connection, issue: Issued) -> None:
    """Record that a digest is dealt with: it has its page, or can have none any more."""
    tx.execute(update(digests).where(digests.c.id.in_(issue.digest_ids)).values(archived=True))


def mark_listed(tx: Connection, listed: Sequence[Page], contents: int) -> None:
    """Record that these pages, the newest first, are listed; the content of all but the first `contents` goes."""
    for chunk in chunks([page.digest_id for page in listed]):
        tx.execute(update(archive).where(archive.c.digest_id.in_(chunk)).values(listed=True))
    for chunk in chunks([page.digest_id for page in listed[contents:] if page.content]):
        tx.execute(update(archive).where(archive.c.digest_id.in_(chunk)).values(content=""))


def _page(row: Row[tuple[object, ...]]) -> Page:
    return Page(
        digest_id=row.digest_id,
        subscription=row.subscription,
        at=row.at,
        uid=row.uid,
        file=row.page,
        title=row.title,
        items=row.items,
        content=row.content,
    )
