"""A row to write and to look for, in tests that are about transactions."""

from monitor.model.feeds import PollState
from monitor.store import feeds
from monitor.store.database import Connection
from tests.make import NOW

URL = "https://feed.example.org/rss"


def add(tx: Connection, url: str) -> str:
    feeds.save(tx, PollState(feed_url=url, next_poll_at=NOW))
    return url


def urls(tx: Connection) -> list[str]:
    return [state.feed_url for state in feeds.states(tx)]
