"""Table feeds: when each feed is polled next, and how its last polls went."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import count, islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from monitor.model.feeds import (
    FailureKind,
    FeedSettings,
    Hints,
    PollState,
    RegisteredFeed,
    Rhythm,
    Validators,
)
from monitor.store.dialects import chunks, insert_missing
from monitor.store.keys import free_key
from monitor.store.tables import feeds
from monitor.texts import kept, revived

_PAGE = 500
_NO_TIME = timedelta(0)
_FAILURE_KINDS = {kind.value: kind for kind in FailureKind}
_APART = timedelta(seconds=1)  # between two requests to one host, at least


def sync(tx: Connection, urls: Sequence[str], now: datetime) -> None:
    """Insert the feeds that are new, due now; the others stay, also those no longer polled."""
    known_urls, keys = set(tx.scalars(select(feeds.c.url))), set(tx.scalars(select(feeds.c.key)))
    rows = []
    for url in dict.fromkeys(urls):
        if url not in known_urls:
            key = free_key(url, keys)
            keys.add(key)
            rows.append({"key": key} | _values(PollState(feed_url=url, next_poll_at=now)))
    insert_missing(tx, feeds, rows)


def registered(tx: Connection) -> list[RegisteredFeed]:
    """Return every feed there ever was as it was registered last, by url."""
    rows = tx.execute(select(*_registered).order_by(feeds.c.url))
    return [RegisteredFeed(**row._asdict()) for row in rows]


def names(tx: Connection, urls: Sequence[str]) -> dict[str, str]:
    """Return the names of feeds as they were registered last, by url; a feed that never had one is left out."""
    return {
        row.url: row.name
        for chunk in chunks(urls)
        for row in tx.execute(select(feeds.c.url, feeds.c.name).where(feeds.c.url.in_(chunk)))
        if row.name
    }


def set_names(tx: Connection, names: Mapping[str, str]) -> None:
    """Record the names of feeds, by url."""
    named = update(feeds).where(feeds.c.url == bindparam("named_url")).values(name=bindparam("new_name"))
    if names:
        tx.execute(named, [{"named_url": url, "new_name": name} for url, name in names.items()])


def move(tx: Connection, feed: RegisteredFeed, url: str, now: datetime) -> None:
    """Give a feed another url, due now; what was known of it stays, and so does the url it had, until a visit."""
    moved_from = feed.moved_from or feed.url
    values = {
        "url": url,
        "moved_from": "" if url == moved_from else moved_from,
        "etag": "",
        "last_modified": "",
        "validators_of": "",
        "content_hash": "",
        "next_poll_at": now,
        "attempted_at": None,
        "failures": 0,
        "last_error": "",
        "failed_by": FailureKind.NONE.value,
        "failing_since": None,
        "failing_for": 0.0,
        "others_at": None,
        "ahead": None,
        "fresh_until": None,
    }
    tx.execute(update(feeds).where(feeds.c.key == feed.key).values(values | _AT_ITS_URL))


def confirm_move(tx: Connection, key: str) -> None:
    """Record that a feed is the same at its new url."""
    tx.execute(update(feeds).where(feeds.c.key == key).values(moved_from=""))


def undo_move(tx: Connection, feed: RegisteredFeed, now: datetime) -> None:
    """Give a feed its former url back, and insert another one of its name at the url that it had for a while."""
    known_urls, keys = set(tx.scalars(select(feeds.c.url))), set(tx.scalars(select(feeds.c.key)))
    former = free_key(feed.moved_from, known_urls)
    tx.execute(update(feeds).where(feeds.c.key == feed.key).values(url=former, moved_from=""))
    another = {"key": free_key(feed.url, keys), "name": feed.name}
    tx.execute(insert(feeds), another | _values(PollState(feed_url=feed.url, next_poll_at=now)))


def ask_again(tx: Connection, key: str) -> None:
    """Ask a feed at its url again, whatever was found there."""
    tx.execute(update(feeds).where(feeds.c.key == key).values(_AT_ITS_URL))


def mark_ids_change(tx: Connection, key: str) -> None:
    """Record that a feed gives its entries other ids at each visit."""
    tx.execute(update(feeds).where(feeds.c.key == key).values(ids_change=True))


def at(tx: Connection, url: str) -> RegisteredFeed | None:
    """Return the feed that has this url; None when none has."""
    row = tx.execute(_at, {"at_url": url}).one_or_none()
    return None if row is None else RegisteredFeed(**row._asdict())


def claim_due(
    tx: Connection,
    urls: Sequence[str],
    now: datetime,
    *,
    until: datetime,
    limit: int,
    admit: Callable[[str], bool] = lambda _: True,
    host_of: Callable[[str], str] | None = None,
    by_hand: bool = False,
) -> list[PollState]:
    """Claim at most `limit` of these feeds that are due, the longest due first; return their states before.

    A feed is left alone whose url is not admitted, and one that is asked no more, unless this is `by_hand`. Nobody
    else claims them before `until`; `save` ends that lease. With `host_of`, which returns the host of a url, of each
    host one feed is claimed, and none of a host that was asked within a second; "" is a host that needs no pause.
    """
    candidates, is_due = set(urls), _is_due(now, by_hand=by_hand)
    due: Iterator[str] = (url for url in _due(tx, is_due) if url in candidates)
    if host_of:
        due = _one_of_each_host(due, host_of, {host_of(url) for url in _just_asked(tx, now)})
    return _claim(tx, list(islice(filter(admit, due), limit)), now, until, is_due)


def claim_all(tx: Connection, urls: Sequence[str], now: datetime, *, until: datetime) -> list[PollState]:
    """Claim all of these feeds, due or not, but for those whose server wants to be left alone; return their states."""
    spared = wanting_rest(tx, now)
    wanted = [url for url in dict.fromkeys(urls) if url not in spared]
    return _claim(tx, wanted, now, until, true())


def wanting_rest(tx: Connection, now: datetime) -> dict[str, datetime]:
    """Return until when the servers of feeds, by url, want to be left alone (Retry-After)."""
    rows = tx.execute(select(feeds.c.url, feeds.c.retry_after).where(feeds.c.retry_after > now))
    return {row.url: row.retry_after for row in rows}


def let_rest(tx: Connection, urls: Sequence[str], until: datetime) -> None:
    """Leave the server of these feeds alone until an instant, at least."""
    rested = (
        feeds.c.url == bindparam("rested_url"),
        or_(feeds.c.retry_after.is_(None), feeds.c.retry_after < until),
    )
    later = (feeds.c.url == bindparam("rested_url"), feeds.c.next_poll_at < until)
    if rows := [{"rested_url": url} for url in urls]:
        tx.execute(update(feeds).where(*rested).values(retry_after=until), rows)
        tx.execute(update(feeds).where(*later).values(next_poll_at=until), rows)


def save(tx: Connection, state: PollState) -> bool:
    """Store the whole state of a feed after a poll; return False, and store nothing, where no feed has its url."""
    return bool(tx.execute(_update, _values(state) | {"saved_url": state.feed_url}).rowcount)


def save_all(tx: Connection, states: Sequence[PollState]) -> None:
    """Store the whole states of feeds after polls, of those that are still there by their urls."""
    tx.execute(_update, [_values(state) | {"saved_url": state.feed_url} for state in states])


_update = update(feeds).where(feeds.c.url == bindparam("saved_url"))  # made once: every poll needs it


def settings(tx: Connection, urls: Sequence[str]) -> dict[str, FeedSettings]:
    """Return the settings of feeds as they were registered last, by url; those of a feed never registered are empty."""
    return {
        row.url: FeedSettings(
            reach=row.reach,
            limits=row.limits,
            interval=timedelta(seconds=row.interval),
            demand=row.demand,
        )
        for chunk in chunks(urls)
        for row in tx.execute(select(*_settings).where(feeds.c.url.in_(chunk)))
    }


def change_settings(tx: Connection, state: PollState, settings: FeedSettings) -> None:
    """Record other settings of a feed, and when it is polled next by them."""
    values = {
        "reach": settings.reach,
        "limits": settings.limits,
        "interval": settings.interval.total_seconds(),
        "demand": settings.demand,
        "next_poll_at": state.next_poll_at,
        "retry_after": state.retry_after,
    }
    tx.execute(update(feeds).where(feeds.c.url == state.feed_url).values(values))


def states(tx: Connection) -> list[PollState]:
    """Return the state of every feed ever polled, by URL."""
    return [_state(row) for row in tx.execute(select(feeds).order_by(feeds.c.url))]


def keys(tx: Connection) -> dict[str, str]:
    """Return the key of every feed by its url."""
    return {row.url: row.key for row in tx.execute(select(feeds.c.url, feeds.c.key))}


def others(tx: Connection, url: str, since: datetime) -> tuple[datetime | None, bool]:
    """Return when any feed but the one at `url` answered last, and whether none was polled from `since` on."""
    query = select(func.max(feeds.c.visited), func.max(feeds.c.attempted_at)).where(feeds.c.url != url)
    answered, polled = tx.execute(query).one()
    return answered, polled is None or polled < since


def failures(tx: Connection) -> dict[str, int | None]:
    """Return by url how many visits to a feed have failed since it answered last; None for one never visited."""
    rows = tx.execute(select(feeds.c.url, feeds.c.failures, feeds.c.visited.is_not(None)))
    return {url: count if count or has_answered else None for url, count, has_answered in rows}


def unreachable(tx: Connection, later_than: datetime) -> list[str]:
    """Return the urls of the feeds whose last poll found no connection and which wait beyond an instant; sorted."""
    query = select(feeds.c.url).where(_without_connection, feeds.c.next_poll_at > later_than)
    return list(tx.scalars(query.order_by(feeds.c.url)))


def advance(tx: Connection, next_polls: Mapping[str, datetime]) -> None:
    """Poll feeds, by their urls, at these instants at the latest."""
    sooner = update(feeds).where(
        feeds.c.url == bindparam("sooner_url"), feeds.c.next_poll_at > bindparam("at")
    )
    if next_polls:
        tx.execute(
            sooner.values(next_poll_at=bindparam("at")),
            [{"sooner_url": url, "at": at} for url, at in next_polls.items()],
        )


def make_unreachable_due(tx: Connection, now: datetime) -> None:
    """Make the feeds due whose last poll found no connection."""
    waiting = update(feeds).where(_without_connection, feeds.c.next_poll_at > now)
    tx.execute(waiting.values(next_poll_at=now))


_registered = (
    *(feeds.c.key, feeds.c.url, feeds.c.name, feeds.c.moved_from, feeds.c.visited),
    feeds.c.ids_change,
)

_at = select(*_registered).where(feeds.c.url == bindparam("at_url"))  # made once, as _update

_settings = (feeds.c.url, feeds.c.reach, feeds.c.limits, feeds.c.interval, feeds.c.demand)

_AT_ITS_URL = {
    "asks": "",
    "redirected_to": "",
    "redirects": 0,
    "gone": 0,
    "gone_since": None,
    "stopped": False,
}

_without_connection = feeds.c.failed_by == FailureKind.CONNECTION.value


def _is_due(now: datetime, *, by_hand: bool) -> ColumnElement[bool]:
    due = feeds.c.next_poll_at <= now
    return or_(due, feeds.c.stopped) if by_hand else and_(due, ~feeds.c.stopped)


def _due(tx: Connection, due: ColumnElement[bool]) -> Iterator[str]:
    query = select(feeds.c.url).where(due).order_by(feeds.c.next_poll_at, feeds.c.url)
    for offset in count(0, _PAGE):
        page = tx.scalars(query.limit(_PAGE).offset(offset)).all()
        yield from page
        if len(page) < _PAGE:
            return


def _one_of_each_host(urls: Iterable[str], host_of: Callable[[str], str], asked: set[str]) -> Iterator[str]:
    """Yield the urls whose host is not among those `asked`, the first of each host."""
    for url in urls:
        host = host_of(url)
        if not host or host not in asked:
            asked.add(host)
            yield url


def _just_asked(tx: Connection, now: datetime) -> Iterable[str]:
    """Return the urls of the feeds that were asked within a second, and whose server was there the last time."""
    # An instant after now is of a clock that was ahead.
    asked = feeds.c.attempted_at.between(now - _APART, now)
    return tx.scalars(select(feeds.c.url).where(asked, ~_without_connection))


def _claim(
    tx: Connection, urls: Sequence[str], now: datetime, until: datetime, due: ColumnElement[bool]
) -> list[PollState]:
    before: dict[str, PollState] = {}
    for chunk in chunks(urls):
        claimable = (feeds.c.url.in_(chunk), due)
        states = {row.url: _state(row) for row in tx.execute(select(feeds).where(*claimable))}
        leased = update(feeds).where(*claimable).values(next_poll_at=until, attempted_at=now)
        claimed = tx.scalars(leased.returning(feeds.c.url))
        before |= {url: states[url] for url in claimed}
    return [before[url] for url in urls if url in before]


def _values(state: PollState) -> dict[str, object]:
    return {
        "url": state.feed_url,
        "failed_by": state.failed_by.value,
        "title": state.title,
        "etag": state.validators.etag,
        "last_modified": state.validators.last_modified,
        "validators_of": state.validators.url,
        "next_poll_at": state.next_poll_at,
        "visited": state.visited,
        "attempted_at": state.attempted_at,
        "failures": state.failures,
        "last_error": kept(state.last_error),
        "retry_after": state.retry_after,
        "content_hash": state.content_hash,
        "asks": state.asks,
        "redirected_to": state.redirected_to,
        "redirects": state.redirects,
        "gone": state.gone,
        "gone_since": state.gone_since,
        "stopped": state.stopped,
        "document_at": state.document_at,
        "changed_at": state.changed_at,
        "fresh_until": state.fresh_until,
        "gap": state.rhythm.gap.total_seconds() if state.rhythm else None,
        "dated": state.rhythm.entries if state.rhythm else 0,
        "hint_interval": state.hints.interval.total_seconds() if state.hints.interval else None,
        "skip_hours": _numbers_as_text(state.hints.skip_hours),
        "skip_days": _numbers_as_text(state.hints.skip_days),
        "failing_since": state.failing_since,
        "failing_for": state.failing_for.total_seconds(),
        "others_at": state.others_at,
        "ahead": None if state.ahead is None else state.ahead.total_seconds(),
    }


def _state(row: Row[Any]) -> PollState:
    # By its attributes, a row is read in twice the time, and there may be thousands.
    said = dict(zip(row._fields, row, strict=True))
    return PollState(
        feed_url=said["url"],
        title=said["title"],
        validators=Validators(
            etag=said["etag"], last_modified=said["last_modified"], url=said["validators_of"]
        ),
        next_poll_at=said["next_poll_at"],
        visited=said["visited"],
        attempted_at=said["attempted_at"],
        failures=said["failures"],
        last_error=revived(said["last_error"]),
        failed_by=_FAILURE_KINDS[said["failed_by"]],
        retry_after=said["retry_after"],
        content_hash=said["content_hash"],
        asks=said["asks"],
        redirected_to=said["redirected_to"],
        redirects=said["redirects"],
        gone=said["gone"],
        gone_since=said["gone_since"],
        stopped=said["stopped"],
        document_at=said["document_at"],
        changed_at=said["changed_at"],
        fresh_until=said["fresh_until"],
        rhythm=None
        if said["gap"] is None
        else Rhythm(gap=timedelta(seconds=said["gap"]), entries=said["dated"]),
        hints=_hints(said["hint_interval"], said["skip_hours"], said["skip_days"]),
        failing_since=said["failing_since"],
        failing_for=timedelta(seconds=said["failing_for"]) if said["failing_for"] else _NO_TIME,
        others_at=said["others_at"],
        ahead=None if said["ahead"] is None else timedelta(seconds=said["ahead"]),
    )


@lru_cache(1000)
def _hints(interval: float | None, skip_hours: str, skip_days: str) -> Hints:
    # Most feeds have the same few.
    return Hints(
        interval=None if interval is None else timedelta(seconds=interval),
        skip_hours=_numbers(skip_hours),
        skip_days=_numbers(skip_days),
    )


def _numbers_as_text(numbers: frozenset[int]) -> str:
    return " ".join(map(str, sorted(numbers)))


def _numbers(text: str) -> frozenset[int]:
    return frozenset(map(int, text.split()))
