"""Tables entries and entry_keys: what feeds said, by seq, the number of its arrival."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)

from monitor.model.feeds import Entry
from monitor.model.rules import PendingEntry
from monitor.store import tables
from monitor.store.dialects import chunks, clean, insert_missing, insert_numbered
from monitor.store.matches import match_of
from monitor.store.tables import entries, entry_keys, feeds, matches

_LONGEST_SEQ = 19  # digits: a longer number is no seq
_Key = tuple[str, str]  # a feed's key, and an id or alias of an entry in that feed


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is stored of an entry, in its last edition, that a document brings again."""

    seq: int
    title: str
    edition: int
    news: bool


def insert_new(
    tx: Connection,
    candidates: Sequence[tuple[Entry, bool]],
    judged_by: str,
    *,
    feed_key: str | None = None,
    known: Mapping[str, Known] | None = None,
) -> list[tuple[int, Entry]]:
    """Insert the entries that are not known yet; return them as (seq, entry), in the order given.

    The bool of a candidate says whether it is news; `judged_by` is the fingerprint of the ruleset that matched
    it. An entry is known when its id or an alias is known in its feed; the other names it brings are remembered
    too. Seqs become visible in their order (engines.py): a reader of entries up to one has missed none before it.
    Where the feed's key, and what it knows of the names of these entries, were just read, they are not read again.
    """
    # Named by the feed's key from here on: the url may change.
    feed_keys = _feed_keys(tx, {clean(entry.feed_url) for entry, _ in candidates}) if feed_key is None else {}
    keyed = []
    for entry, is_news in candidates:
        key = feed_key or feed_keys.get(clean(entry.feed_url), entry.feed_url)
        entry = entry if entry.feed_url == key else replace(entry, feed_url=key)
        keyed.append((entry, is_news, _keys(entry)))
    if feed_key is None or known is None:
        seqs = _known_keys(tx, [keys for _, _, keys in keyed])
    else:
        seqs = {(clean(feed_key), name): each.seq for name, each in known.items()}
    new: list[tuple[Entry, bool]] = []
    keys_so_far = set(seqs)
    for entry, is_news, keys in keyed:
        if keys_so_far.isdisjoint(keys):
            new.append((entry, is_news))
        keys_so_far.update(keys)
    inserted = _insert(tx, new, judged_by)
    _insert_keys(tx, [keys for _, _, keys in keyed], seqs, inserted)
    return inserted


def known(tx: Connection, feed_key: str, names: Sequence[str]) -> dict[str, Known]:
    """Return those of these ids and aliases that are known in a feed, which is given by its key, and the entries."""
    return {
        row.key: Known(seq=row.seq, title=row.title, edition=row.edition, news=row.news)
        for chunk in chunks([clean(name) for name in names])
        for row in tx.execute(_known, {"feed": feed_key, "names": chunk})
    }


def has_any(tx: Connection, feed_key: str) -> bool:
    """Return whether a feed, which is given by its key, has ever brought an entry."""
    return tx.scalar(_any, {"feed": feed_key}) is not None


def dates(tx: Connection, feed_key: str, limit: int) -> list[datetime]:
    """Return when the newest `limit` entries of a feed were published, as far as is known."""
    columns = entries.c.published, entries.c.first_seen
    newest = select(*columns).where(entries.c.feed_url == feed_key, entries.c.edition == 1)
    # Not by seq: a database might walk through all entries by that, to find those of a small feed.
    rows = tx.execute(newest.order_by(entries.c.first_seen.desc()).limit(limit))
    return [min(row.published or row.first_seen, row.first_seen) for row in rows]


def titled(tx: Connection, feed_key: str, titles: Sequence[str]) -> list[Entry]:
    """Return the entries of a feed with one of these titles, by seq, an edition that was replaced included."""
    query = rows().where(entries.c.feed_url == feed_key).order_by(entries.c.seq)
    return [
        entry_of(row)
        for chunk in chunks([clean(title) for title in titles])
        for row in tx.execute(query.where(entries.c.title.in_(chunk)))
    ]


def stories_of(tx: Connection, feed_key: str, stories: Sequence[str]) -> set[str]:
    """Return those of these stories that a feed has brought."""
    return {
        story
        for chunk in chunks([clean(story) for story in stories])
        for story in tx.scalars(_stories, {"feed": feed_key, "stories": chunk})
    }


def insert_editions(tx: Connection, editions: Mapping[int, Entry], judged_by: str) -> list[tuple[int, Entry]]:
    """Insert each entry as the next edition of the one with this seq; return them as (seq, entry).

    It keeps id and story, and whether it is news. From here on it stands for the one it replaces, which stays for the
    digests that brought it.
    """
    inserted = []
    for replaced, entry in editions.items():
        before = tx.execute(select(entries).where(entries.c.seq == replaced)).one()
        kept = {name: getattr(before, name) for name in ("feed_url", "id", "story", "news")}
        values = _values(entry) | kept | {"judged_by": judged_by, "edition": before.edition + 1}
        seq = tx.scalars(insert(entries).returning(entries.c.seq), [values]).one()
        tx.execute(update(entries).where(entries.c.seq == replaced).values(replaced=True))
        of_entry = (entry_keys.c.feed_url == before.feed_url, entry_keys.c.seq == replaced)
        tx.execute(update(entry_keys).where(*of_entry).values(seq=seq))
        tx.execute(update(tables.backfill).where(tables.backfill.c.seq == replaced).values(seq=seq))
        inserted.append((seq, entry))
    return inserted


def ids_by_link(tx: Connection, feed_key: str, links: Sequence[str]) -> list[tuple[str, str]]:
    """Return the entries of a feed with one of these links as (link, id)."""
    query = select(entries.c.link, entries.c.id).where(entries.c.feed_url == feed_key)
    return [
        (row.link, row.id)
        for chunk in chunks(links)
        for row in tx.execute(query.where(entries.c.link.in_(chunk)))
    ]


def newest_seq(tx: Connection, before: datetime | None = None) -> int:
    """Return the seq of the last arrival, or of the last one first seen before an instant; 0 without any."""
    query = select(func.max(entries.c.seq))
    return tx.scalar(query if before is None else query.where(entries.c.first_seen < before)) or 0


def seqs_since(tx: Connection, start: datetime) -> tuple[int, int]:
    """Return (after, upto): the entries with a seq in (after, upto] are those first seen since an instant."""
    return newest_seq(tx, before=start), newest_seq(tx)


def find(tx: Connection, names: Sequence[str]) -> list[tuple[int, Entry, bool]]:
    """Return the entries with one of these names (seq, id, alias or link), as (seq, entry, news); by seq.

    Of an entry with several editions it is the last, unless a seq names an earlier one.
    """
    known = select(entry_keys.c.seq).where(entry_keys.c.key.in_([clean(name) for name in names]))
    numbers = [int(name) for name in names if name.isdecimal() and len(name) < _LONGEST_SEQ]
    query = rows().where(
        or_(
            entries.c.seq.in_(known),
            and_(entries.c.link.in_(list(names)), ~entries.c.replaced),
            entries.c.seq.in_(numbers),
        )
    )
    return [(row.seq, entry_of(row), row.news) for row in tx.execute(query.order_by(entries.c.seq))]


def of(tx: Connection, seqs: Sequence[int]) -> list[tuple[int, Entry]]:
    """Return the entries with these seqs, as (seq, entry), by seq."""
    return [
        (row.seq, entry_of(row))
        for chunk in chunks(sorted(seqs))
        for row in tx.execute(rows().where(entries.c.seq.in_(chunk)).order_by(entries.c.seq))
    ]


def news(
    tx: Connection, *, after: int, upto: int, limit: int, not_judged_by: str | None = None
) -> list[tuple[int, Entry]]:
    """Return the first `limit` news entries with a seq in (after, upto], as (seq, entry), by seq.

    Given the fingerprint of a ruleset, entries last judged by it are left out.
    """
    query = rows().where(*_news_between(after, upto))
    if not_judged_by is not None:
        query = query.where(entries.c.judged_by != not_judged_by)
    return [(row.seq, entry_of(row)) for row in tx.execute(query.order_by(entries.c.seq).limit(limit))]


def latest(tx: Connection, *, before: int | None, limit: int) -> list[tuple[int, Entry]]:
    """Return the last `limit` arrivals, or the last ones with a smaller seq, as (seq, entry); the newest first.

    Whatever became of them: held back and mailed ones too, but for editions that were replaced.
    """
    query = rows().where(~entries.c.replaced).order_by(entries.c.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(entries.c.seq < before)
    return [(row.seq, entry_of(row)) for row in tx.execute(query)]


def held_back(
    tx: Connection, *, published_since: datetime, after: int, limit: int
) -> list[tuple[int, Entry]]:
    """Return the first `limit` entries beyond a seq that were too old to be news when their feed brought them.

    Those published since an instant, as (seq, entry), by seq.
    """
    query = rows().where(*_held_back(published_since), entries.c.seq > after)
    return [(row.seq, entry_of(row)) for row in tx.execute(query.order_by(entries.c.seq).limit(limit))]


def count_held_back(tx: Connection, *, published_since: datetime) -> int:
    """Return the count of such entries that were neither mailed to anybody nor offered to a digest since."""
    was_mailed = select(tables.mailed.c.story).where(tables.mailed.c.story == entries.c.story)
    is_offered = select(tables.backfill.c.seq).where(tables.backfill.c.seq == entries.c.seq)
    query = select(func.count()).select_from(entries).where(*_held_back(published_since))
    return tx.scalar(query.where(~was_mailed.exists(), ~is_offered.exists())) or 0


def first_judged(tx: Connection, ruleset: str, since: datetime) -> tuple[int, datetime] | None:
    """Return seq and arrival of the first news since an instant that this ruleset judged last; None without."""
    query = (
        select(entries.c.seq, entries.c.first_seen)
        .where(_is_news, entries.c.first_seen >= since, entries.c.judged_by == ruleset)
        .order_by(entries.c.seq)
        .limit(1)
    )
    row = tx.execute(query).one_or_none()
    return (row.seq, row.first_seen) if row else None


def mark_judged(tx: Connection, seqs: Sequence[int], ruleset: str) -> None:
    """Record that these entries were last judged by the ruleset of this fingerprint."""
    for chunk in chunks(seqs):
        tx.execute(update(entries).where(entries.c.seq.in_(chunk)).values(judged_by=ruleset))


def count_news(tx: Connection, after: int, upto: int) -> int:
    """Return the count of news entries with a seq in (after, upto]."""
    query = select(func.count()).select_from(entries).where(*_news_between(after, upto))
    return tx.scalar(query) or 0


def count_news_since(tx: Connection, start: datetime) -> int:
    """Return the count of news entries first seen since an instant."""
    return count_news(tx, *seqs_since(tx, start))


def pending(
    tx: Connection, *, subscription: str, after: int, upto: int, fingerprints: Sequence[str]
) -> list[PendingEntry]:
    """Return the news of (after, upto] that one of these rules matched, unless its story was mailed already.

    An edition under another title than the one that was mailed is returned. By seq; the matches in the order of
    `fingerprints`.
    """
    was_mailed = select(tables.mailed.c.story).where(
        tables.mailed.c.subscription == subscription,
        tables.mailed.c.story == entries.c.story,
        or_(entries.c.edition == 1, tables.mailed.c.seq >= entries.c.seq),
    )
    rows = [
        row
        for chunk in chunks(fingerprints)
        for row in tx.execute(
            _matched.where(
                *_news_between(after, upto), matches.c.fingerprint.in_(chunk), ~was_mailed.exists()
            )
        )
    ]
    position = {fingerprint: number for number, fingerprint in enumerate(fingerprints)}
    return _grouped(sorted(rows, key=lambda row: (row.seq, position[row.fingerprint])))


def editions(tx: Connection, seqs: Sequence[int]) -> set[int]:
    """Return those of these entries that are not the first edition."""
    return {
        seq
        for chunk in chunks(seqs)
        for seq in tx.scalars(select(entries.c.seq).where(entries.c.edition > 1, entries.c.seq.in_(chunk)))
    }


def mailed(tx: Connection, *, subscription: str) -> list[PendingEntry]:
    """Return the entries mailed to the subscription, with every match they have; by seq."""
    query = _matched.join(tables.mailed, tables.mailed.c.seq == entries.c.seq)
    query = query.where(tables.mailed.c.subscription == subscription)
    return _grouped(tx.execute(query.order_by(entries.c.seq, matches.c.fingerprint)))


def entry_of(row: Row[tuple[object, ...]]) -> Entry:
    """Return the Entry in a row that has the columns of `entries`."""
    # Aliases stay in entry_keys: they serve to recognise the entry, and nothing else reads them.
    return Entry(**{name: getattr(row, name) for name in _FIELDS})


def rows(*more: ColumnElement[Any]) -> Select[Any]:
    """Return a SELECT of the columns of `entries`, with the feed's url in force for its key, and of `more`."""
    feed_url = func.coalesce(feeds.c.url, entries.c.feed_url).label("feed_url")
    columns = [column for column in entries.c if column is not entries.c.feed_url]
    return select(*columns, feed_url, *more).outerjoin_from(entries, feeds, feeds.c.key == entries.c.feed_url)


_FIELDS = tuple(field.name for field in fields(Entry) if field.name not in ("aliases", "has_title"))

# Made once: nearly every document that has changed needs them.
_known = (
    select(entry_keys.c.key, entries.c.seq, entries.c.title, entries.c.edition, entries.c.news)
    .join_from(entry_keys, entries, entries.c.seq == entry_keys.c.seq)
    .where(
        entry_keys.c.feed_url == bindparam("feed"), entry_keys.c.key.in_(bindparam("names", expanding=True))
    )
)
_any = select(entry_keys.c.seq).where(entry_keys.c.feed_url == bindparam("feed")).limit(1)
_stories = select(entries.c.story).where(
    entries.c.story.in_(bindparam("stories", expanding=True)), entries.c.feed_url == bindparam("feed")
)

_is_news = and_(entries.c.news, ~entries.c.replaced)

_matched = rows(matches.c.fingerprint, matches.c.score, matches.c.hits).join(
    matches, matches.c.seq == entries.c.seq
)


def _feed_keys(tx: Connection, urls: Collection[str]) -> dict[str, str]:
    query = select(feeds.c.url, feeds.c.key)
    return {
        row.url: row.key
        for chunk in chunks(sorted(urls))
        for row in tx.execute(query.where(feeds.c.url.in_(chunk)))
    }


def _known_keys(tx: Connection, keys_of_entries: Iterable[Sequence[_Key]]) -> dict[_Key, int]:
    """Return the seq of each key of entries that is known."""
    keys_of_feed: dict[str, dict[str, None]] = {}
    for keys in keys_of_entries:
        for feed_key, key in keys:
            keys_of_feed.setdefault(feed_key, {})[key] = None
    return {
        (feed_key, name): each.seq
        for feed_key, names in keys_of_feed.items()
        if has_any(tx, feed_key)
        for name, each in known(tx, feed_key, list(names)).items()
    }


def _keys(entry: Entry) -> list[_Key]:
    feed_key = clean(entry.feed_url)
    return [(feed_key, clean(key)) for key in entry.names]


def _insert(tx: Connection, new: Sequence[tuple[Entry, bool]], judged_by: str) -> list[tuple[int, Entry]]:
    rows = [_values(entry) | {"news": is_news, "judged_by": judged_by} for entry, is_news in new]
    seqs = insert_numbered(tx, entries.c.seq, rows)
    return [(seq, entry) for seq, (entry, _) in zip(seqs, new, strict=True)]


def _values(entry: Entry) -> dict[str, object]:
    return {name: getattr(entry, name) for name in _FIELDS}


def _insert_keys(
    tx: Connection,
    keys_of_entries: Iterable[Sequence[_Key]],
    known: Mapping[_Key, int],
    inserted: Sequence[tuple[int, Entry]],
) -> None:
    """Insert the keys of entries that are not known yet, each with the seq of its entry."""
    seqs = {**known, **{key: seq for seq, entry in inserted for key in _keys(entry)}}
    for keys in keys_of_entries:
        seq = next(seqs[key] for key in keys if key in seqs)
        for key in keys:
            seqs.setdefault(key, seq)
    rows = [
        {"feed_url": feed_url, "key": key, "seq": seq}
        for (feed_url, key), seq in seqs.items()
        if (feed_url, key) not in known
    ]
    insert_missing(tx, entry_keys, rows)


def _news_between(after: int, upto: int) -> tuple[ColumnElement[bool], ...]:
    return _is_news, entries.c.seq > after, entries.c.seq <= upto


def _held_back(published_since: datetime) -> tuple[ColumnElement[bool], ...]:
    return ~entries.c.news, ~entries.c.replaced, entries.c.published >= published_since


def _grouped(rows: Iterable[Row[Any]]) -> list[PendingEntry]:
    """Return one PendingEntry per entry; the rows of an entry stand together."""
    grouped: list[PendingEntry] = []
    for row in rows:
        if grouped and grouped[-1].seq == row.seq:
            grouped[-1] = replace(grouped[-1], matches=(*grouped[-1].matches, match_of(row)))
        else:
            grouped.append(PendingEntry(seq=row.seq, entry=entry_of(row), matches=(match_of(row),)))
    return grouped
