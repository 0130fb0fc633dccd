"""A row to write and to look for, in tests that are about transactions."""

from monitor.model.feeds import PollState
from monitor.store import feeds
from monitor.store.database import Connection
from tests.make import NOW

URL = "https://feed.example.org/rss"


def add(tx: Connection, url: str) -> str:
    feeds.sync(tx, [url], NOW)
    return url


def put(tx: Connection, state: PollState) -> None:
    """Register a feed, if it is not yet, and give it this state."""
    feeds.sync(tx, [state.feed_url], NOW)
    assert feeds.save(tx, state)


def urls(tx: Connection) -> list[str]:
    return [state.feed_url for state in feeds.states(tx)]
