"""Compare a document with what is known of its feed: what is new, retitled, or too old to be news; and whose it is."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from monitor.config.options import Feed
from monitor.feeds import identity
from monitor.feeds.links import bare, spellings
from monitor.model.feeds import Entry, RegisteredFeed
from monitor.store import entries, feeds
from monitor.store.database import Connection
from monitor.store.entries import Known

_MOST_EDITIONS = 10  # of an entry: a title may hold a counter
# So many new entries at one visit that are so much older than the visit before are no news: the feed was made anew.
_FLOOD = 20
_OLD = timedelta(days=7)


class NewUrl(Enum):
    """What the first visit to the new url of a feed has shown."""

    SAME_FEED = "same feed"  # it keeps what is known of it
    ANOTHER_FEED = "another feed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document compared with what is known of its feed."""

    entries: Sequence[Entry] = ()
    new: Sequence[Entry] = ()  # those of them that are not known
    retitled: Mapping[int, Entry] = field(default_factory=dict)  # by the seq of the edition they replace
    news_again: Collection[int] = ()  # those of these seqs that are news
    no_news: Collection[str] = ()  # the ids of new ones that are too old
    flood: int = 0  # so many of these are one of many old ones at once
    new_url: NewUrl | None = None
    ids_change: bool = False
    faster: bool = False  # as in Polled (poll.py)
    is_same_feed: bool = False  # at least half of it was known, or it is what made the feed known
    registered: RegisteredFeed | None = None  # None: its url was edited meanwhile
    known: Mapping[str, Known] | None = None  # what the feed has, by name; None where that was not looked up

    @property
    def wanted(self) -> list[Entry]:
        """The entries to match."""
        return [*self.new, *self.retitled.values()]


def compare(
    tx: Connection,
    feed: Feed,
    document: Sequence[Entry],
    *,
    visited: datetime | None,
    moved_permanently: bool,
    now: datetime,
) -> Document:
    """Compare the entries of a document with what is known of its feed, which was `visited` last. Nothing is written.

    `moved_permanently` is whether permanent redirects led to the document.
    """
    registered = feeds.at(tx, feed.url)
    if registered is None:  # its url was edited while this poll was under way: the next one is at the new url
        return Document(new=document)  # completed, should the url be back when they are stored
    key = registered.key
    first_visit = now - feed.first_visit
    since = None if visited else first_visit
    new_url = recognised = None
    if document and (registered.moved_from or moved_permanently):
        recognised = _recognise(tx, key, document)
    if document and registered.moved_from:
        if recognised is None and bare(registered.moved_from) != bare(feed.url):
            too_old = _published_before(first_visit, document)
            return Document(
                entries=document,
                new=document,
                no_news=too_old,
                new_url=NewUrl.ANOTHER_FEED,
                registered=registered,
            )
        new_url = NewUrl.SAME_FEED
        # The document may reach further back than the one before; what came since the last visit is news, however old.
        since = min(first_visit, visited or first_visit)
    document = recognised or document
    # At its first visit a feed has nothing yet.
    has_history = registered.visited is not None or bool(registered.moved_from)
    known: Mapping[str, Known] = entries.known(tx, key, _names(document)) if has_history else {}
    ids_change = registered.ids_change
    if ids_change or (has_history and identity.may_change_ids(document, known.keys())):
        stored = entries.titled(tx, key, [entry.title for entry in document])
        ids_change = ids_change or identity.ids_change(document, known.keys(), stored)
        if ids_change:
            document = identity.by_place(document, known.keys(), stored)
            known = entries.known(tx, key, _names(document))
    new = [entry for entry in document if known.keys().isdisjoint(entry.names)]
    if has_history and not ids_change:
        new = _told_apart(tx, key, new)
    flood = _published_before(visited - _OLD, new) if visited else set()
    if len(flood) < _FLOOD:
        flood = set()
    is_later = visited is not None and new_url is None and not ids_change
    by_id = {entry.id: entry for entry in new}
    retitled = {} if ids_change else _retitled(document, known)
    return Document(
        entries=[by_id.get(entry.id, entry) for entry in document],
        new=new,
        retitled=retitled,
        news_again={each.seq for each in known.values() if each.news and each.seq in retitled},
        no_news=flood | (_published_before(since, new) if since else set()),
        flood=len(flood),
        new_url=new_url,
        ids_change=ids_change,
        faster=is_later and len(document) > 1 and not known and not flood and entries.has_any(tx, key),
        is_same_feed=bool(document) and (recognised is not None or visited is None),
        registered=registered,
        known=known if has_history else None,
    )


def _recognise(tx: Connection, feed_key: str, document: Sequence[Entry]) -> Sequence[Entry] | None:
    links = [link for entry in document if entry.link for link in spellings(entry.link)]
    known = entries.known(tx, feed_key, _names(document))
    return identity.recognise(document, known.keys(), entries.ids_by_link(tx, feed_key, links))


def _told_apart(tx: Connection, feed_key: str, new: Sequence[Entry]) -> list[Entry]:
    """Give new entries a story of their own whose address the feed has given another one: that is a column's page."""
    taken = entries.stories_of(tx, feed_key, [entry.story for entry in new])
    return [
        replace(entry, story=identity.own_story(entry.feed_url, entry.id)) if entry.story in taken else entry
        for entry in new
    ]


def _retitled(document: Sequence[Entry], known: Mapping[str, Known]) -> dict[int, Entry]:
    """Return the entries with another title under the id that they had, by the seq they have."""
    by_seq: dict[int, list[Entry]] = {}
    for entry in document:
        for seq in {known[name].seq for name in entry.names if name in known}:
            by_seq.setdefault(seq, []).append(entry)
    retitled = {}
    for entry in document:
        before = known.get(entry.id)
        if (
            before
            and len(by_seq[before.seq]) == 1
            and before.edition < _MOST_EDITIONS
            and entry.has_title
            and identity.is_retitled(before.title, entry.title)
        ):
            retitled[before.seq] = entry
    return retitled


def _names(document: Iterable[Entry]) -> list[str]:
    return [name for entry in document for name in entry.names]


def _published_before(since: datetime, document: Iterable[Entry]) -> set[str]:
    # An entry without a date may be of today: it is not held back.
    return {entry.id for entry in document if entry.published and entry.published < since}
