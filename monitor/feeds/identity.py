"""Identify the entries of a document, also where the feed gives no id, or one id to several, or has moved."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from monitor.feeds.links import without_scheme, without_tracking
from monitor.feeds.raw import RawEntry
from monitor.model.feeds import Entry

_LONGEST_ID = 500  # characters; a longer one (a data: URL) is replaced by its hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The id of an entry in its feed, and the other names it goes by there."""

    id: str
    aliases: tuple[str, ...]


def identify(entries: Sequence[RawEntry]) -> list[Identity]:
    """Return the identity of each entry of one document, in their order; equal items have equal ones.

    The feed's own id, byte for byte; without one the link, tracking parameters aside; without a link, title and
    date. Where several items of the document share that, it is followed by what tells them apart: the link, else
    the title, else what they say. A web address has its form without http: or https: as an alias, so that a
    site's move is no flood of news.
    """
    by_name: dict[str, list[RawEntry]] = defaultdict(list)
    for entry in entries:
        by_name[_name(entry)].append(entry)
    return [_identity(entry, by_name) for entry in entries]


def recognise(
    entries: Sequence[Entry], known: Set[str], ids_by_link: Iterable[tuple[str, str]]
) -> tuple[Entry, ...] | None:
    """Return the entries of a document if at least half of them are known to a feed, else None.

    `known` are the ids and aliases among theirs that the feed has, `ids_by_link` the (link, id) of its entries that
    have one of their links, by http or https. An entry that only its link tells gets the id it has there as an alias;
    a link that several entries share tells none of them.
    """
    ids: dict[str, set[str]] = defaultdict(set)
    for link, entry_id in ids_by_link:
        ids[without_scheme(link)].add(entry_id)
    times = Counter(without_scheme(entry.link) for entry in entries)
    recognised, count = [], 0
    for entry in entries:
        link = without_scheme(entry.link)
        if not known.isdisjoint((entry.id, *entry.aliases)):
            count += 1
        elif times[link] == 1 and len(ids[link]) == 1:
            entry = replace(entry, aliases=(*entry.aliases, *ids[link]))
            count += 1
        recognised.append(entry)
    return tuple(recognised) if 2 * count >= len(entries) else None


def _name(entry: RawEntry) -> str:
    if entry.id or entry.link:
        return entry.id or without_tracking(entry.link)
    date = entry.published.isoformat() if entry.published else ""
    return f"{entry.title or _hash(entry.summary + entry.content)} {date}".strip()


def _identity(entry: RawEntry, by_name: Mapping[str, Sequence[RawEntry]]) -> Identity:
    name, link = _name(entry), without_tracking(entry.link)
    namesakes = by_name[name]
    # With its link it was known if it shared its id on another visit.
    with_link = f"{name} {link}" if link and link != name else ""
    if len({without_tracking(namesake.link) for namesake in namesakes}) > 1:
        names = [f"{name} {link}"]
    elif len({namesake.title for namesake in namesakes}) > 1:
        names = [f"{name} {entry.title}"]
    elif (
        not entry.id and not link and len({namesake.summary + namesake.content for namesake in namesakes}) > 1
    ):
        names = [f"{name} {_hash(entry.summary + entry.content)}"]
    else:
        names = [name, with_link]
    schemeless = [without_scheme(address) for address in names if address.startswith(("http:", "https:"))]
    distinct = dict.fromkeys(_storable(alias) for alias in (*names, *schemeless) if alias)
    return Identity(id=_storable(names[0]), aliases=tuple(distinct)[1:])


def _storable(name: str) -> str:
    """Return a name fit for logs and databases: itself, or its hash if it is long or has control characters."""
    return name if len(name) <= _LONGEST_ID and name.isprintable() else f"sha256:{_hash(name)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
