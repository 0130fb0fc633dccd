"""Identify the entries of a document, also where the feed gives no id, one id to several, or others at each visit."""

import hashlib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.feeds.links import bare, canonical, split_address, without_scheme, without_tracking
from monitor.feeds.raw import RawEntry
from monitor.model.feeds import Entry

_LONGEST_ID = 500  # characters; a longer one (a data: URL) is replaced by its hash
_SAME_DATE = timedelta(hours=12)  # a document that is made anew at each visit may date its entries so

Place = tuple[str, str]  # the path of an entry's link, and its title


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The id of an entry in its feed, and the other names it goes by there."""

    id: str
    aliases: tuple[str, ...]


def identify(entries: Sequence[RawEntry]) -> list[Identity]:
    """Return the identity of each entry of one document, in their order; equal items have equal ones.

    The feed's own id, byte for byte but for tracking parameters; without one the link; without a link, title and
    date. Where several items of the document share that, it is followed by what tells them apart: the link, else
    the title, else what they say. A web address has its forms without http: or https: and www. as aliases, so that
    a site's move is no flood of news.
    """
    by_name: dict[str, list[RawEntry]] = defaultdict(list)
    for entry in entries:
        by_name[_name(entry)].append(entry)
    differences = {name: _differences(namesakes) for name, namesakes in by_name.items()}
    return [_identity(entry, differences[_name(entry)]) for entry in entries]


def recognise(
    entries: Sequence[Entry], known: Set[str], ids_by_link: Iterable[tuple[str, str]]
) -> tuple[Entry, ...] | None:
    """Return the entries of a document if at least half of them are known to a feed, else None.

    `known` are the ids and aliases among theirs that the feed has, `ids_by_link` the (link, id) of its entries that
    have one of their links, by http or https, with www. or without. An entry that only its link tells gets the id it
    has there as an alias; a link that several entries share tells none of them.
    """
    ids: dict[str, set[str]] = defaultdict(set)
    for link, entry_id in ids_by_link:
        ids[bare(link)].add(entry_id)
    times = Counter(bare(entry.link) for entry in entries)
    recognised, count = [], 0
    for entry in entries:
        link = bare(entry.link)
        if not known.isdisjoint(entry.names):
            count += 1
        elif times[link] == 1 and len(ids[link]) == 1:
            entry = replace(entry, aliases=(*entry.aliases, *ids[link]))
            count += 1
        recognised.append(entry)
    return tuple(recognised) if 2 * count >= len(entries) else None


def stories(
    entries: Sequence[RawEntry], identities: Sequence[Identity], *, feed_url: str, home: str
) -> list[str]:
    """Return the story of each entry of one document: its canonical address, which other feeds give it, too.

    Where the document gives that address to several entries, or it is a home page (`home` is the feed's), it tells
    no article: the story is the entry of this feed.
    """
    addresses = [canonical(entry.link) for entry in entries]
    ids: dict[str, set[str]] = defaultdict(set)
    for address, identity in zip(addresses, identities, strict=True):
        ids[address].add(identity.id)
    no_article = {"", canonical(home)}
    return [
        _storable(address)
        if len(ids[address]) == 1 and address not in no_article
        else own_story(feed_url, identity.id)
        for address, identity in zip(addresses, identities, strict=True)
    ]


def own_story(feed_url: str, entry_id: str) -> str:
    """Return the story of an entry that no other feed brings."""
    return f"{feed_url} {entry_id}"


def place(title: str, link: str) -> Place:
    """Return what tells an entry whose id changes at each visit: the path of its link, and its title."""
    return split_address(link).path.rstrip("/"), title


def ids_change(entries: Sequence[Entry], known: Set[str], stored: Iterable[Entry]) -> bool:
    """Return whether a feed gives its entries other ids at each visit.

    It does when at least 80 % of the entries of a document that the feed has came under new ids, while title and path
    of the link agree. `known` are the ids and aliases among theirs that it has, `stored` those of its entries that
    have one of their titles. What has another date may be today's issue of a column, and counts for neither.
    """
    dates: dict[Place, list[datetime | None]] = defaultdict(list)
    for each in stored:
        dates[place(each.title, each.link)].append(each.published)
    times = Counter(place(entry.title, entry.link) for entry in entries)
    same = [entry for entry in entries if not known.isdisjoint(entry.names)]
    renamed = [
        entry
        for entry in entries
        if known.isdisjoint(entry.names)
        and entry.title
        and times[place(entry.title, entry.link)] == 1
        and any(_is_near(entry.published, date) for date in dates[place(entry.title, entry.link)])
    ]
    return bool(renamed) and 5 * len(renamed) >= 4 * (len(renamed) + len(same))


def may_change_ids(entries: Sequence[Entry], known: Set[str]) -> bool:
    """Return whether so many entries of a document are unknown that `ids_change` may be true."""
    unknown = sum(known.isdisjoint(entry.names) for entry in entries)
    return bool(unknown) and 5 * unknown >= 4 * len(entries)


def by_place(entries: Sequence[Entry], known: Set[str], stored: Iterable[Entry]) -> tuple[Entry, ...]:
    """Identify the entries of a feed whose ids change by path and title, each once; `known` and `stored` as above.

    An entry that the feed has keeps the id it has there as an alias; the id of this visit is forgotten.
    """
    ids: dict[Place, list[str]] = defaultdict(list)
    for each in stored:
        ids[place(each.title, each.link)].append(each.id)
    times = Counter(place(entry.title, entry.link) for entry in entries)
    identified: dict[str, Entry] = {}
    for entry in entries:
        path, title = where = place(entry.title, entry.link)
        # A title made of the text changes with it, and the outline of a document has none yet.
        name = f"{path} {title if entry.has_title else ''}"
        aliases = [alias for alias in entry.names if alias in known]
        if times[where] > 1:
            name = f"{name} {split_address(entry.link).query}"
        else:
            aliases += ids[where][:1]
        entry_id = _storable(name)
        aliases = [alias for alias in dict.fromkeys(aliases) if alias != entry_id]
        identified.setdefault(entry_id, replace(entry, id=entry_id, aliases=tuple(aliases)))
    return tuple(identified.values())


def is_retitled(before: str, after: str) -> bool:
    """Return whether a title says something else: not in other capitals, widths, spaces or punctuation alone."""
    return before != after and _spoken(before) != _spoken(after)


def _spoken(title: str) -> str:
    folded = unicodedata.normalize("NFKC", title).casefold()
    return "".join(sign for sign in folded if unicodedata.category(sign)[0] not in "PZC")


def _is_near(one: datetime | None, other: datetime | None) -> bool:
    return one is None or other is None or abs(one - other) <= _SAME_DATE


def _name(entry: RawEntry) -> str:
    if entry.id or entry.link:
        own = without_tracking(entry.id) if _is_address(entry.id) else entry.id
        return own or without_tracking(entry.link)
    date = entry.published.isoformat() if entry.published else ""
    return f"{entry.title or _hash(entry.summary + entry.content)} {date}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Differences:
    """In what several items of one name differ; in nothing, if there is but one."""

    link: bool = False
    title: bool = False
    text: bool = False


def _differences(namesakes: Sequence[RawEntry]) -> _Differences:
    # Once for all of them: a document may give one name to a thousand items.
    if len(namesakes) == 1:
        return _Differences()
    return _Differences(
        link=len({without_tracking(namesake.link) for namesake in namesakes}) > 1,
        title=len({namesake.title for namesake in namesakes}) > 1,
        text=len({namesake.summary + namesake.content for namesake in namesakes}) > 1,
    )


def _identity(entry: RawEntry, differences: _Differences) -> Identity:
    name, link = _name(entry), without_tracking(entry.link)
    # With its link it was known if it shared its id on another visit.
    with_link = f"{name} {link}" if link and link != name else ""
    if differences.link:
        names = [f"{name} {link}"]
    elif differences.title:
        names = [f"{name} {entry.title}"]
    elif differences.text and not entry.id and not link:
        names = [f"{name} {_hash(entry.summary + entry.content)}"]
    else:
        names = [name, with_link]
    moved = [form(address) for address in names if _is_address(address) for form in (without_scheme, bare)]
    distinct = dict.fromkeys(_storable(alias) for alias in (*names, *moved) if alias)
    return Identity(id=_storable(names[0]), aliases=tuple(distinct)[1:])


def _is_address(name: str) -> bool:
    return name.startswith(("http:", "https:"))


def _storable(name: str) -> str:
    """Return a name fit for logs and databases: itself, or its hash if it is long or has control characters."""
    return name if len(name) <= _LONGEST_ID and name.isprintable() else f"sha256:{_hash(name)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
