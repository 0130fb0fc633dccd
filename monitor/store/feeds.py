"""Where we stand with each feed."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import count, islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, insert, select, update

from monitor.model.feeds import PollState, Validators
from monitor.store.dialects import chunks, insert_missing
from monitor.store.tables import feeds

_PAGE = 500


def sync(tx: Connection, urls: Sequence[str], now: datetime) -> None:
    """New feeds are due now; what is known of the others stays, also of those no longer asked for."""
    insert_missing(
        tx, feeds, [_values(PollState(feed_url=url, next_poll_at=now)) for url in dict.fromkeys(urls)]
    )


def claim_due(
    tx: Connection, urls: Sequence[str], now: datetime, *, until: datetime, limit: int
) -> list[PollState]:
    """Take at most `limit` of these feeds that are due, the longest due first.

    Nobody else gets them before `until`; `save` ends that lease. The states are as they were before.
    """
    wanted = set(urls)
    first = list(islice((url for url in _due(tx, now) if url in wanted), limit))
    return _claim(tx, first, until, due_at=now)


def claim_all(tx: Connection, urls: Sequence[str], *, until: datetime) -> list[PollState]:
    """Take all of these feeds, due or not. The states are as they were before."""
    return _claim(tx, list(dict.fromkeys(urls)), until)


def save(tx: Connection, state: PollState) -> None:
    """What a visit taught, whole: when the next one is due, and how to ask then."""
    values = _values(state)
    if not tx.execute(_update, values | {"of": state.feed_url}).rowcount:
        tx.execute(insert(feeds), values)


_update = update(feeds).where(feeds.c.url == bindparam("of"))  # made once: every poll needs it


def states(tx: Connection) -> list[PollState]:
    """Every feed ever asked for, by URL."""
    return [_state(row) for row in tx.execute(select(feeds).order_by(feeds.c.url))]


def _due(tx: Connection, now: datetime) -> Iterator[str]:
    query = select(feeds.c.url).where(feeds.c.next_poll_at <= now).order_by(feeds.c.next_poll_at, feeds.c.url)
    for offset in count(0, _PAGE):
        page = tx.scalars(query.limit(_PAGE).offset(offset)).all()
        yield from page
        if len(page) < _PAGE:
            return


def _claim(
    tx: Connection, urls: Sequence[str], until: datetime, *, due_at: datetime | None = None
) -> list[PollState]:
    before: dict[str, PollState] = {}
    for chunk in chunks(urls):
        chosen: list[ColumnElement[bool]] = [feeds.c.url.in_(chunk)]
        if due_at is not None:
            chosen.append(feeds.c.next_poll_at <= due_at)
        found = {row.url: _state(row) for row in tx.execute(select(feeds).where(*chosen))}
        taken = tx.scalars(update(feeds).where(*chosen).values(next_poll_at=until).returning(feeds.c.url))
        before |= {url: found[url] for url in taken}
    return [before[url] for url in urls if url in before]


def _values(state: PollState) -> dict[str, Any]:
    return {
        "url": state.feed_url,
        "title": state.title,
        "etag": state.validators.etag,
        "last_modified": state.validators.last_modified,
        "next_poll_at": state.next_poll_at,
        "visited": state.visited,
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
        failures=row.failures,
        last_error=row.last_error,
    )
