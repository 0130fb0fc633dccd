"""Poll one feed: fetch it, parse it, and store its new entries, their matches and its next poll time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from urllib.parse import urlsplit

from monitor.config.options import Feed, FetchOptions
from monitor.errors import FeedError
from monitor.feeds import health, pace, relocation
from monitor.feeds.fetch import Fetch, Fetched, NotModified
from monitor.feeds.parser_pool import READS, Parse
from monitor.feeds.rhythm import Demand
from monitor.jobs import Clock, Jitter
from monitor.jobs.comparison import Document, NewUrl, compare
from monitor.jobs.matching import match_new
from monitor.masking import mask
from monitor.model.feeds import Entry, FailureKind, ParsedFeed, PollState
from monitor.model.notices import NoticeKind, Trouble
from monitor.model.rules import Match
from monitor.rules.match import Ruleset
from monitor.store import entries, feeds, matches, notices
from monitor.store.database import Connection, Database

# How many fetch timeouts a claim holds. A poll that queues longer for its host may be made twice, which does no
# harm; a feed whose worker was killed is polled again that soon.
_LEASE = 2
_POLLED_WITHIN = timedelta(days=2)  # each feed that is polled at all
_SOON = timedelta(minutes=1)  # a feed that is polled within this, or just now, is left alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """The feed answered with a document: the counts of its entries, of new ones, and of those that matched."""

    feed: Feed
    entries: int
    new: int
    matched: int
    retitled: int = 0  # known ones, stored anew for their title has changed
    held_back: (
        int  # older than the feed's first_visit, or one of many old ones at once: remembered, not mailed
    )
    next_poll_at: datetime
    new_url: NewUrl | None = None  # at the first visit after an edit of the url
    adopted: str = ""  # the address where it is asked from now on
    faster: bool = False  # than its polls: entries may have come and gone between two of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """The feed has nothing new since the last poll: a 304, or the same bytes."""

    feed: Feed
    next_poll_at: datetime
    adopted: str = ""  # as in Polled


@dataclass(frozen=True, slots=True, kw_only=True)
class PollFailed:
    """The feed could not be read, and is polled again later, unless it is gone for good."""

    feed: Feed
    error: FeedError
    failures: int  # in a row
    next_poll_at: datetime
    stopped: bool = False  # it is gone, and asked no more


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
    by_hand: bool = False,
) -> list[tuple[Feed, PollState]]:
    """Claim at most `limit` of the feeds that are due; nobody else gets them before their lease is over.

    `admit` is asked once for each url, the longest due first, and says whether it may be polled now. With `apart` a
    host is asked once a second at most: its other feeds stay due, for the next call. With `by_hand` those that are
    gone, and asked no more, are claimed too.
    """
    until = now + _LEASE * options.timeout
    by_url = {feed.url: feed for feed in candidates}
    host_of = partial(pace.host_of, options=options) if apart else None
    claimed = await db.write(
        feeds.claim_due,
        list(by_url),
        now,
        until=until,
        limit=limit,
        admit=admit,
        host_of=host_of,
        by_hand=by_hand,
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
    asked = replace(feed, url=state.asks) if state.asks else feed
    try:
        answer = await fetch(asked, pace.validators_to_send(state, clock()))
        content_hash = state.content_hash
        if isinstance(answer, Fetched):
            downloaded(len(answer.body))
            try:
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
            finally:
                answer.release()
    except FeedError as error:
        after = pace.after_failure(state, error, options=options, now=clock(), jitter=jitter())
        after = relocation.after_failure(state, after, error, now=settled_clock())
        after = await db.write(_save_failure, feed, state, after, error, options, settled_clock())
        return PollFailed(
            feed=feed,
            error=error,
            failures=after.failures,
            next_poll_at=after.next_poll_at,
            stopped=after.stopped,
        )
    after_answer = partial(
        pace.after_answer,
        state,
        feed=feed,
        validators=answer.validators,
        parsed=parsed,
        max_age=answer.max_age,
        date=answer.date,
        demand=demand,
        is_document=isinstance(answer, Fetched),
        content_hash=content_hash,
        options=options,
        now=clock(),
        jitter=jitter(),
    )
    if parsed is None:
        # The same bytes say nothing of an address that brought another feed's document the visit before.
        is_same_feed = isinstance(answer, NotModified) or answer.url == state.redirected_to
        after = _relocated(feed, state, after_answer(is_news=False), answer, is_same_feed=is_same_feed)
        if _is_all(state, after):
            await db.write_together(feeds.save_all, after)
        else:
            await db.write(_save, feed, state, after, settled_clock())
        return Unchanged(feed=feed, next_poll_at=after.next_poll_at, adopted=_adopted(state, after))
    # Outside the transaction: a slow expression holds up no other writer. An entry that somebody else stores meanwhile
    # is known when this one stores; rules that change meanwhile are in force at the next rematch.
    visit = _Visit(
        feed=feed,
        parsed=parsed,
        answer=answer,
        before=state,
        after_answer=after_answer,
        now=settled_clock(),
    )
    # At its first visit a feed has nothing yet; should it have something after all, `_store` will see.
    is_first = state.visited is None and bool(parsed.entries)
    document = Document(new=parsed.entries) if is_first else await db.read(_compare, visit)
    if (
        document.ids_change
    ):  # its entries have other ids than in the document: all of them are completed before
        visit = replace(visit, parsed=_with(parsed, [parsed.complete(entry) for entry in parsed.entries]))
        document = await db.read(_compare, visit)
        wanted = document.wanted
    else:
        wanted = [parsed.complete(entry) for entry in document.wanted]
        visit = replace(visit, parsed=_with(parsed, wanted))
    return await db.write(_store, visit, await match_new(wanted, rules), rules)


def _hash(feed: Feed, answer: Fetched) -> str:
    """Return what is equal where a document would be read as before."""
    how = f"{READS} {feed.url} {answer.url} {answer.content_type}\n".encode("utf-8", "replace")
    hashed = sha256(how)
    for piece in answer.body.pieces():
        hashed.update(piece)
    return hashed.hexdigest()


def _with(parsed: ParsedFeed, complete: Sequence[Entry]) -> ParsedFeed:
    """Return a document with some of its entries complete."""
    by_id = {entry.id: entry for entry in complete}
    return replace(parsed, entries=tuple(by_id.get(entry.id, entry) for entry in parsed.entries))


def _relocated(
    feed: Feed, before: PollState, after: PollState, answer: Fetched | NotModified, *, is_same_feed: bool
) -> PollState:
    # A feed's login is for its own host: another one is asked without it, as long as it only redirects there.
    has_login = bool(feed.username or feed.headers)
    loses_login = has_login and urlsplit(feed.url)[:2] != urlsplit(answer.url)[:2]
    return relocation.after_answer(
        before,
        after,
        url=answer.url,
        moved_permanently=answer.moved_permanently and not loses_login,
        is_same_feed=is_same_feed,
    )


def _adopted(before: PollState, after: PollState) -> str:
    return after.asks if after.asks != before.asks else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """A visit that has brought a document."""

    feed: Feed
    parsed: ParsedFeed
    answer: Fetched | NotModified
    before: PollState
    after_answer: Callable[..., PollState]  # by whether it brings a new entry
    now: datetime


def _compare(tx: Connection, visit: _Visit) -> Document:
    return compare(
        tx,
        visit.feed,
        visit.parsed.entries,
        visited=visit.before.visited,
        moved_permanently=visit.answer.moved_permanently,
        now=visit.now,
    )


def _store(tx: Connection, visit: _Visit, found: Mapping[str, Sequence[Match]], rules: Ruleset) -> Polled:
    """Store entries, matches and validators in one transaction: a 304 must never hide an entry that was not stored."""
    feed, before, now = visit.feed, visit.before, visit.now
    document = _compare(tx, visit)
    registered = document.registered
    if registered and document.new_url is NewUrl.ANOTHER_FEED:
        feeds.undo_move(tx, registered, now)
    elif registered and document.new_url is NewUrl.SAME_FEED:
        feeds.confirm_move(tx, registered.key)
    if registered and document.ids_change and not registered.ids_change:
        feeds.mark_ids_change(tx, registered.key)
    candidates = [(entry, entry.id not in document.no_news) for entry in document.entries]
    is_own = registered is not None and document.new_url is not NewUrl.ANOTHER_FEED
    new = entries.insert_new(
        tx,
        candidates,
        rules.fingerprint,
        feed_key=registered.key if registered and is_own else None,
        known=document.known,
    )
    editions = entries.insert_editions(tx, document.retitled, rules.fingerprint)
    to_match = [(seq, entry) for seq, entry in new if entry.id not in document.no_news]
    to_match += [
        edition
        for edition, replaced in zip(editions, document.retitled, strict=True)
        if replaced in document.news_again
    ]
    matched = [(seq, match) for seq, entry in to_match for match in found.get(entry.id, ())]
    matches.insert(tx, matched)
    # What was known a moment ago, and is not any more, is matched before the next digest.
    entries.mark_judged(tx, [seq for seq, entry in to_match if entry.id not in found], "")
    after = visit.after_answer(is_news=bool(new))
    after = _relocated(feed, before, after, visit.answer, is_same_feed=document.is_same_feed)
    _save(tx, feed, before, after, now)
    if registered and document.flood:
        content = f"{feed.name}: {document.flood} entries, on {now:%Y-%m-%d}"
        trouble = Trouble(
            kind=NoticeKind.FEED_RESET, subject=registered.key, content=content, details=content, since=now
        )
        notices.report(tx, trouble, now)
    return Polled(
        feed=feed,
        entries=len(visit.parsed.entries),
        new=sum(entry.id not in document.no_news for _, entry in new),
        matched=len({seq for seq, _ in matched}),
        retitled=len(editions),
        held_back=sum(entry.id in document.no_news for _, entry in new),
        next_poll_at=after.next_poll_at,
        new_url=document.new_url,
        adopted=_adopted(before, after),
        faster=document.faster,
    )


def _is_all(before: PollState, after: PollState) -> bool:
    """Return whether a visit changes nothing but the state of its feed: nobody is told, and no other feed is due."""
    return not _is_told(before, after) and not pace.network_returned(before, after)


def _is_told(before: PollState, after: PollState) -> bool:
    """Return whether the operator is told where a feed is asked from now on, or that it is not."""
    return after.stopped or (before.asks, before.stopped) != (after.asks, after.stopped)


def _save(tx: Connection, feed: Feed, before: PollState, after: PollState, now: datetime) -> None:
    """Store the state of a feed after a poll; where that shows that the network is back, the others are due soon."""
    if not feeds.save(tx, after):
        return
    if after.attempted_at and pace.network_returned(before, after):
        polled_at = after.attempted_at
        unreachable = feeds.unreachable(tx, polled_at + _SOON)
        feeds.advance(tx, pace.polls_after_outage(after.feed_url, unreachable, polled_at))
    if _is_told(before, after):
        _tell(tx, feed, before, after, now)


def _tell(tx: Connection, feed: Feed, before: PollState, after: PollState, now: datetime) -> None:
    """Tell the operator that a feed is asked elsewhere from now on, or no more; or that this is over."""
    registered = feeds.at(tx, after.feed_url)
    assert registered  # its state was stored just now
    if adopted := _adopted(before, after):
        content = f"{feed.name}: {mask(adopted)}"
        moved = Trouble(
            kind=NoticeKind.FEED_MOVED, subject=registered.key, content=content, details=content, since=now
        )
        notices.report(tx, moved, now)
    elif after.asks != before.asks:
        notices.clear(tx, NoticeKind.FEED_MOVED, registered.key, now)
    if after.stopped:
        gone = Trouble(
            kind=NoticeKind.FEED_GONE,
            subject=registered.key,
            content=feed.name,
            details=feed.name,
            since=now,
        )
        notices.report(tx, gone, now)
    elif before.stopped:
        notices.clear(tx, NoticeKind.FEED_GONE, registered.key, now)


def _save_failure(
    tx: Connection,
    feed: Feed,
    before: PollState,
    after: PollState,
    error: FeedError,
    options: FetchOptions,
    now: datetime,
) -> PollState:
    """Store the state of a feed after a failure, and return it.

    Where several feeds of a host are told to wait, all of them wait.
    """
    since = (after.attempted_at or now) - _POLLED_WITHIN
    others, is_alone = feeds.others(tx, after.feed_url, since)
    after = health.count_failure(before, after, others=others, is_alone=is_alone)
    host = pace.host_of(after.feed_url, options)
    if host and after.attempted_at and after.retry_after and pace.rests_with_its_host(error, after):
        told = feeds.wanting_rest(tx, after.attempted_at)
        if any(pace.host_of(url, options) == host for url in told):
            urls = [each.url for each in feeds.registered(tx) if pace.host_of(each.url, options) == host]
            feeds.let_rest(tx, urls, after.retry_after)
    _save(tx, feed, before, after, now)
    return after
