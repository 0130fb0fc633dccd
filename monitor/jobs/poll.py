"""Poll one feed: fetch it, parse it, and store its new entries, their matches and its next poll time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from hashlib import sha256

from monitor.config.options import Feed, FetchOptions
from monitor.errors import FeedError
from monitor.feeds import pace
from monitor.feeds.fetch import Fetch, Fetched
from monitor.feeds.identity import recognise
from monitor.feeds.links import both_schemes
from monitor.feeds.parser_pool import READS, Parse
from monitor.feeds.rhythm import Demand
from monitor.jobs import Clock, Jitter
from monitor.jobs.match_new import match_new
from monitor.model.feeds import Entry, FailureKind, ParsedFeed, PollState
from monitor.model.rules import Match
from monitor.rules.match import Ruleset
from monitor.store import entries, feeds, matches
from monitor.store.database import Connection, Database

# How many fetch timeouts a claim holds. A poll that queues longer for its host may be made twice, which does no
# harm; a feed whose worker was killed is polled again that soon.
_LEASE = 2
_SOON = timedelta(minutes=1)  # a feed that is polled within this, or just now, is left alone


class NewUrl(Enum):
    """What the first visit to the new url of a feed has shown."""

    SAME_FEED = "same feed"  # it keeps what is known of it
    ANOTHER_FEED = "another feed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """The feed answered with a document: the counts of its entries, of new ones, and of those that matched."""

    feed: Feed
    entries: int
    new: int
    matched: int
    held_back: int  # older than the feed's first_visit: remembered, not mailed
    next_poll_at: datetime
    new_url: NewUrl | None = None  # at the first visit after an edit of the url


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """The feed has nothing new since the last poll: a 304, or the same bytes."""

    feed: Feed
    next_poll_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PollFailed:
    """The feed could not be read, and is polled again later."""

    feed: Feed
    error: FeedError
    failures: int  # in a row
    next_poll_at: datetime


PollOutcome = Polled | Unchanged | PollFailed


async def claim(
    candidates: Sequence[Feed],
    *,
    db: Database,
    now: datetime,
    options: FetchOptions,
    limit: int,
    admit: Callable[[str], bool] = lambda _: True,
    apart: bool = False,
) -> list[tuple[Feed, PollState]]:
    """Claim at most `limit` of the feeds that are due; nobody else gets them before their lease is over.

    `admit` is asked once for each url, the longest due first, and says whether it may be polled now. With `apart` a
    host is asked once a second at most: its other feeds stay due, for the next call.
    """
    until = now + _LEASE * options.timeout
    by_url = {feed.url: feed for feed in candidates}
    host_of = partial(pace.host_of, options=options) if apart else None
    claimed = await db.write(
        feeds.claim_due, list(by_url), now, until=until, limit=limit, admit=admit, host_of=host_of
    )
    return [(by_url[state.feed_url], state) for state in claimed]


async def claim_all(
    candidates: Sequence[Feed], *, db: Database, now: datetime, options: FetchOptions
) -> list[tuple[Feed, PollState]]:
    """Claim every feed, due or not, but for those whose servers want to be left alone (Retry-After)."""
    until = now + _LEASE * options.timeout
    by_url = {feed.url: feed for feed in candidates}
    claimed = await db.write(feeds.claim_all, list(by_url), now, until=until)
    return [(by_url[state.feed_url], state) for state in claimed]


async def poll(
    feed: Feed,
    state: PollState,
    *,
    demand: Demand,
    fetch: Fetch,
    parse: Parse,
    rules: Ruleset,
    options: FetchOptions,
    db: Database,
    clock: Clock,
    settled_clock: Clock,
    jitter: Jitter,
    downloaded: Callable[[int], None] = lambda _: None,
) -> PollOutcome:
    """Poll one feed. What it answered is stored together, or not at all. Raises StoreError.

    The next poll is reckoned by `clock`; when entries arrived, and which are news, by `settled_clock`. `downloaded` is
    called with the document's size, in bytes, when the server has done its part.
    """
    parsed = None
    try:
        answer = await fetch(feed, pace.validators_to_send(state, clock()))
        content_hash = state.content_hash
        if isinstance(answer, Fetched):
            downloaded(len(answer.body))
            content_hash = _hash(feed, answer)
            if content_hash != state.content_hash:
                parsed = await parse(
                    answer.body,
                    feed=feed,
                    now=settled_clock(),
                    content_type=answer.content_type,
                    url=answer.url,
                    suspect=state.failed_by is FailureKind.PARSER,
                )
    except FeedError as error:
        after = pace.after_failure(state, error, options=options, now=clock(), jitter=jitter())
        await db.write(_save_failure, state, after, error, options)
        return PollFailed(feed=feed, error=error, failures=after.failures, next_poll_at=after.next_poll_at)
    after_answer = partial(
        pace.after_answer,
        state,
        feed=feed,
        validators=answer.validators,
        parsed=parsed,
        max_age=answer.max_age,
        demand=demand,
        is_document=isinstance(answer, Fetched),
        content_hash=content_hash,
        options=options,
        now=clock(),
        jitter=jitter(),
    )
    if parsed is None:
        after = after_answer(is_news=False)
        await db.write(_save, state, after)
        return Unchanged(feed=feed, next_poll_at=after.next_poll_at)
    # Outside the transaction: a slow expression holds up no other writer. An entry that somebody else stores meanwhile
    # is known when this one stores; rules that change meanwhile are in force at the next rematch.
    new = [parsed.complete(entry) for entry in await db.read(_unknown, feed, parsed)]
    found = await match_new(new, rules)
    return await db.write(
        _store, feed, _with(parsed, new), found, state, after_answer, rules, settled_clock()
    )


def _hash(feed: Feed, answer: Fetched) -> str:
    """Return what is equal where a document would be read as before."""
    how = f"{READS} {feed.url} {answer.url} {answer.content_type}\n".encode("utf-8", "replace")
    return sha256(how + answer.body).hexdigest()


def _with(parsed: ParsedFeed, complete: Sequence[Entry]) -> ParsedFeed:
    """Return a document with some of its entries complete."""
    by_id = {entry.id: entry for entry in complete}
    return replace(parsed, entries=tuple(by_id.get(entry.id, entry) for entry in parsed.entries))


def _unknown(tx: Connection, feed: Feed, parsed: ParsedFeed) -> list[Entry]:
    """Return the entries of a document that the feed has not brought yet by any of their names."""
    registered = feeds.at(tx, feed.url)
    if registered and not registered.visited and not registered.moved_from:
        return list(parsed.entries)
    names = [name for entry in parsed.entries for name in (entry.id, *entry.aliases)]
    if registered is None or not names:
        return []
    known = entries.known_keys(tx, registered.key, names)
    return [entry for entry in parsed.entries if known.isdisjoint((entry.id, *entry.aliases))]


def _store(
    tx: Connection,
    feed: Feed,
    parsed: ParsedFeed,
    found: Mapping[str, Sequence[Match]],
    before: PollState,
    after_answer: Callable[..., PollState],
    rules: Ruleset,
    now: datetime,
) -> Polled:
    """Store entries, matches and validators in one transaction: a 304 must never hide an entry that was not stored."""
    document = _document(tx, feed, parsed, before, now)
    candidates = [(entry, _is_news(entry, document.since)) for entry in document.entries]
    news = {entry.id: is_news for entry, is_news in candidates}
    new = entries.insert_new(tx, candidates, rules.fingerprint)
    matched = [(seq, match) for seq, entry in new if news[entry.id] for match in found.get(entry.id, ())]
    matches.insert(tx, matched)
    after = after_answer(is_news=bool(new))
    _save(tx, before, after)
    return Polled(
        feed=feed,
        entries=len(parsed.entries),
        new=sum(news[entry.id] for _, entry in new),
        matched=len({seq for seq, _ in matched}),
        held_back=sum(not news[entry.id] for _, entry in new),
        next_poll_at=after.next_poll_at,
        new_url=document.new_url,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """The entries to store, those published before `since` not as news."""

    entries: Sequence[Entry]
    since: datetime | None = None
    new_url: NewUrl | None = None


def _document(tx: Connection, feed: Feed, parsed: ParsedFeed, before: PollState, now: datetime) -> _Document:
    registered = feeds.at(tx, feed.url)
    if registered is None:  # its url was edited while this poll was under way: the next one is at the new url
        return _Document(entries=())
    first_visit = now - feed.first_visit
    if not registered.moved_from or not parsed.entries:
        return _Document(entries=parsed.entries, since=None if before.visited else first_visit)
    recognised = _recognise(tx, registered.key, parsed.entries)
    if recognised is None:
        feeds.undo_move(tx, registered, now)
        return _Document(entries=parsed.entries, since=first_visit, new_url=NewUrl.ANOTHER_FEED)
    feeds.confirm_move(tx, registered.key)
    # The document may reach further back than the one before; what came since the last visit is news, however old.
    since = min(first_visit, before.visited or first_visit)
    return _Document(entries=recognised, since=since, new_url=NewUrl.SAME_FEED)


def _recognise(tx: Connection, feed_key: str, document: Sequence[Entry]) -> Sequence[Entry] | None:
    names = [name for entry in document for name in (entry.id, *entry.aliases)]
    links = [link for entry in document if entry.link for link in both_schemes(entry.link)]
    return recognise(
        document, entries.known_keys(tx, feed_key, names), entries.ids_by_link(tx, feed_key, links)
    )


def _save(tx: Connection, before: PollState, after: PollState) -> None:
    """Store the state of a feed after a poll; where that shows that the network is back, the others are due soon."""
    if feeds.at(tx, after.feed_url) is None:
        return
    feeds.save(tx, after)
    if after.attempted_at and pace.network_returned(before, after):
        now = after.attempted_at
        unreachable = feeds.unreachable(tx, now + _SOON)
        feeds.advance(tx, pace.polls_after_outage(after.feed_url, unreachable, now))


def _save_failure(
    tx: Connection, before: PollState, after: PollState, error: FeedError, options: FetchOptions
) -> None:
    """Store the state of a feed after a failure; where several feeds of a host are told to wait, all of them wait."""
    host = pace.host_of(after.feed_url, options)
    if host and after.attempted_at and after.retry_after and pace.rests_with_its_host(error, after):
        told = feeds.wanting_rest(tx, after.attempted_at)
        if any(pace.host_of(url, options) == host for url in told):
            urls = [each.url for each in feeds.registered(tx) if pace.host_of(each.url, options) == host]
            feeds.let_rest(tx, urls, after.retry_after)
    _save(tx, before, after)


def _is_news(entry: Entry, since: datetime | None) -> bool:
    # An entry without a date may be of today: it is not held back.
    return since is None or entry.published is None or entry.published >= since
