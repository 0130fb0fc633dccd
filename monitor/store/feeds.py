"""Table feeds: when each feed is polled next, and how its last polls went."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import count, islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, insert, select, update

from monitor.model.feeds import FailureKind, PollState, Validators
from monitor.store.dialects import chunks, insert_missing
from monitor.store.tables import feeds

_PAGE = 500


def sync(tx: Connection, urls: Sequence[str], now: datetime) -> None:
    """Insert the feeds that are new, due now; the others stay, also those no longer polled."""
    insert_missing(
        tx,
        feeds,
        [{"key": url} | _values(PollState(feed_url=url, next_poll_at=now)) for url in dict.fromkeys(urls)],
    )


def claim_due(
    tx: Connection, urls: Sequence[str], now: datetime, *, until: datetime, limit: int
) -> list[PollState]:
    """Claim at most `limit` of these feeds that are due, the longest due first; return their states before.

    Nobody else claims them before `until`; `save` ends that lease.
    """
    candidates = set(urls)
    first = list(islice((url for url in _due(tx, now) if url in candidates), limit))
    return _claim(tx, first, now, until, only_due=True)


def claim_all(tx: Connection, urls: Sequence[str], now: datetime, *, until: datetime) -> list[PollState]:
    """Claim all of these feeds, due or not; return their states before."""
    return _claim(tx, list(dict.fromkeys(urls)), now, until, only_due=False)


def save(tx: Connection, state: PollState) -> None:
    """Store the whole state of a feed after a poll."""
    values = _values(state)
    if not tx.execute(_update, values | {"saved_url": state.feed_url}).rowcount:
        tx.execute(insert(feeds), {"key": state.feed_url} | values)


_update = update(feeds).where(feeds.c.url == bindparam("saved_url"))  # made once: every poll needs it


def states(tx: Connection) -> list[PollState]:
    """Return the state of every feed ever polled, by URL."""
    return [_state(row) for row in tx.execute(select(feeds).order_by(feeds.c.url))]


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


_without_connection = feeds.c.failed_by == FailureKind.CONNECTION.value


def _due(tx: Connection, now: datetime) -> Iterator[str]:
    query = select(feeds.c.url).where(feeds.c.next_poll_at <= now).order_by(feeds.c.next_poll_at, feeds.c.url)
    for offset in count(0, _PAGE):
        page = tx.scalars(query.limit(_PAGE).offset(offset)).all()
        yield from page
        if len(page) < _PAGE:
            return


def _claim(
    tx: Connection, urls: Sequence[str], now: datetime, until: datetime, *, only_due: bool
) -> list[PollState]:
    before: dict[str, PollState] = {}
    for chunk in chunks(urls):
        claimable: list[ColumnElement[bool]] = [feeds.c.url.in_(chunk)]
        if only_due:
            claimable.append(feeds.c.next_poll_at <= now)
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
        "next_poll_at": state.next_poll_at,
        "visited": state.visited,
        "attempted_at": state.attempted_at,
        "failures": state.failures,
        "last_error": state.last_error,
    }


def _state(row: Row[Any]) -> PollState:
    return PollState(
        feed_url=row.url,
        title=row.title,
        validators=Validators(etag=row.etag, last_modified=row.last_modified),
        next_poll_at=row.next_poll_at,
        visited=row.visited,
        attempted_at=row.attempted_at,
        failures=row.failures,
        last_error=row.last_error,
        failed_by=FailureKind(row.failed_by),
    )
