"""What feeds said, in the order it arrived."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, or_, select, update

from monitor.model.feeds import Entry
from monitor.model.rules import PendingEntry
from monitor.store import tables
from monitor.store.bulk import chunks, insert_missing
from monitor.store.columns import clean
from monitor.store.matches import match_of
from monitor.store.tables import entries, entry_keys, matches

_LONGEST_SEQ = 19  # digits: a longer number is no seq
_Key = tuple[str, str]  # a feed's URL, and a name the entry goes by in that feed


def insert_new(
    tx: Connection, judged: Sequence[tuple[Entry, bool]], judged_by: str
) -> list[tuple[int, Entry]]:
    """Keep the entries that are not known yet, and return them with their seq, in the order given.

    The bool says whether the entry is news, `judged_by` by which rules it was matched. An entry is known when
    its id or an alias is known in its feed; the other names it brings are remembered too. Seqs become visible
    in their order (engines.py): whoever has read up to one has missed nothing before it.
    """
    known = _known(tx, [entry for entry, _ in judged])
    new: list[tuple[Entry, bool]] = []
    seen = set(known)
    for entry, news in judged:
        keys = _keys(entry)
        if seen.isdisjoint(keys):
            new.append((entry, news))
        seen.update(keys)
    kept = _insert(tx, new, judged_by)
    _remember_keys(tx, [entry for entry, _ in judged], known, kept)
    return kept


def newest_seq(tx: Connection, before: datetime | None = None) -> int:
    """The seq of the last arrival, or of the last one first seen before an instant; 0 where there is none."""
    query = select(func.max(entries.c.seq))
    return tx.scalar(query if before is None else query.where(entries.c.first_seen < before)) or 0


def find(tx: Connection, names: Sequence[str]) -> list[tuple[int, Entry, bool]]:
    """The entries that go by one of these names (seq, id, alias or link), as (seq, entry, news); by seq."""
    known = select(entry_keys.c.seq).where(entry_keys.c.key.in_([clean(name) for name in names]))
    numbers = [int(name) for name in names if name.isdecimal() and len(name) < _LONGEST_SEQ]
    query = select(entries).where(
        or_(entries.c.seq.in_(known), entries.c.link.in_(list(names)), entries.c.seq.in_(numbers))
    )
    return [(row.seq, entry_of(row), row.news) for row in tx.execute(query.order_by(entries.c.seq))]


def arrived(tx: Connection, *, after: int, upto: int, limit: int) -> list[tuple[int, Entry]]:
    """News that arrived in (after, upto], the first to arrive first."""
    query = select(entries).where(*_news_between(after, upto)).order_by(entries.c.seq).limit(limit)
    return [(row.seq, entry_of(row)) for row in tx.execute(query)]


def unjudged(tx: Connection, *, after: int, upto: int, ruleset: str, limit: int) -> list[tuple[int, Entry]]:
    """News that arrived in (after, upto] and was last matched with other rules, the first to arrive first."""
    query = (
        select(entries)
        .where(*_news_between(after, upto), entries.c.judged_by != ruleset)
        .order_by(entries.c.seq)
        .limit(limit)
    )
    return [(row.seq, entry_of(row)) for row in tx.execute(query)]


def first_judged(tx: Connection, ruleset: str, since: datetime) -> tuple[int, datetime] | None:
    """Seq and arrival of the first news since an instant that was last matched with these rules; None without."""
    query = (
        select(entries.c.seq, entries.c.first_seen)
        .where(entries.c.news, entries.c.first_seen >= since, entries.c.judged_by == ruleset)
        .order_by(entries.c.seq)
        .limit(1)
    )
    row = tx.execute(query).one_or_none()
    return (row.seq, row.first_seen) if row else None


def mark_judged(tx: Connection, seqs: Sequence[int], ruleset: str) -> None:
    """These entries were last matched with the rules of this fingerprint."""
    for some in chunks(seqs):
        tx.execute(update(entries).where(entries.c.seq.in_(some)).values(judged_by=ruleset))


def count_news(tx: Connection, after: int, upto: int) -> int:
    """How much news arrived in (after, upto]."""
    counted = select(func.count()).select_from(entries).where(*_news_between(after, upto))
    return tx.scalar(counted) or 0


def waiting(
    tx: Connection, *, subscription: str, after: int, upto: int, fingerprints: Sequence[str]
) -> list[PendingEntry]:
    """News of (after, upto] that one of these rules matched and whose story has not gone to the subscription.

    By seq; the matches in the order of `fingerprints`.
    """
    gone = select(tables.mailed.c.story).where(
        tables.mailed.c.subscription == subscription, tables.mailed.c.story == entries.c.story
    )
    rows = [
        row
        for some in chunks(fingerprints)
        for row in tx.execute(
            _matched.where(*_news_between(after, upto), matches.c.fingerprint.in_(some), ~gone.exists())
        )
    ]
    place = {fingerprint: number for number, fingerprint in enumerate(fingerprints)}
    return _gathered(sorted(rows, key=lambda row: (row.seq, place[row.fingerprint])))


def mailed(tx: Connection, *, subscription: str) -> list[PendingEntry]:
    """What has gone to the subscription, with every match it has; by seq."""
    went = tables.mailed
    query = _matched.join(went, went.c.seq == entries.c.seq).where(went.c.subscription == subscription)
    return _gathered(tx.execute(query.order_by(entries.c.seq, matches.c.fingerprint)))


_matched = select(entries, matches.c.fingerprint, matches.c.score, matches.c.hits).join(
    matches, matches.c.seq == entries.c.seq
)


def _known(tx: Connection, found: Sequence[Entry]) -> dict[_Key, int]:
    wanted: dict[str, dict[str, None]] = {}
    for entry in found:
        for feed_url, key in _keys(entry):
            wanted.setdefault(feed_url, {})[key] = None
    return {
        (feed_url, row.key): row.seq
        for feed_url, keys in wanted.items()
        for some in chunks(list(keys))
        for row in tx.execute(
            select(entry_keys.c.key, entry_keys.c.seq).where(
                entry_keys.c.feed_url == feed_url, entry_keys.c.key.in_(some)
            )
        )
    }


def _keys(entry: Entry) -> list[_Key]:
    return [(clean(entry.feed_url), clean(key)) for key in (entry.id, *entry.aliases)]


def _insert(tx: Connection, new: Sequence[tuple[Entry, bool]], judged_by: str) -> list[tuple[int, Entry]]:
    if not new:
        return []
    rows = [_values(entry) | {"news": news, "judged_by": judged_by} for entry, news in new]
    seqs = tx.scalars(insert(entries).returning(entries.c.seq, sort_by_parameter_order=True), rows)
    return [(seq, entry) for seq, (entry, _) in zip(seqs, new, strict=True)]


def _remember_keys(
    tx: Connection, found: Sequence[Entry], known: dict[_Key, int], kept: Sequence[tuple[int, Entry]]
) -> None:
    owners = known | {key: seq for seq, entry in kept for key in _keys(entry)}
    for entry in found:
        keys = _keys(entry)
        seq = next(owners[key] for key in keys if key in owners)
        owners |= {key: seq for key in keys if key not in owners}
    rows = [
        {"feed_url": feed_url, "key": key, "seq": seq}
        for (feed_url, key), seq in owners.items()
        if (feed_url, key) not in known
    ]
    insert_missing(tx, entry_keys, rows)


def _news_between(after: int, upto: int) -> tuple[ColumnElement[bool], ...]:
    return entries.c.news, entries.c.seq > after, entries.c.seq <= upto


def _gathered(rows: Iterable[Row[Any]]) -> list[PendingEntry]:
    """One PendingEntry per entry; its rows stand together."""
    found: list[PendingEntry] = []
    for row in rows:
        if found and found[-1].seq == row.seq:
            found[-1] = replace(found[-1], matches=(*found[-1].matches, match_of(row)))
        else:
            found.append(PendingEntry(seq=row.seq, entry=entry_of(row), matches=(match_of(row),)))
    return found


def _values(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in _FIELDS}


def entry_of(row: Row[Any]) -> Entry:
    """An Entry from a row that has the columns of `entries`."""
    # Aliases stay in entry_keys: they are for recognising the entry, and nobody asks for them again.
    return Entry(**{name: getattr(row, name) for name in _FIELDS})


_FIELDS = tuple(field.name for field in fields(Entry) if field.name != "aliases")
