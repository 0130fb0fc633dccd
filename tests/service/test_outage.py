"""The service after a network that was away."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from monitor.model.feeds import FailureKind
from monitor.store import feeds
from monitor.store.database import open_database
from tests import make
from tests.site import Site, open_site, wait_for_event


def test_at_its_start_the_service_polls_what_could_not_be_reached_at_once(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        site.monitor("once")
        asyncio.run(_fail(site, FailureKind.CONNECTION))
        with site.service() as service:
            wait_for_event(service, "polled")
        asyncio.run(_fail(site, FailureKind.ANSWER))
        requests = site.feed_server.requests
        with site.service() as service:
            wait_for_event(service, "started")
            assert service.next_event(2.5) is None, "its own pause holds"
        assert site.feed_server.requests == requests


async def _fail(site: Site, failed_by: FailureKind) -> None:
    """Let the feed have failed, and wait for half a day."""
    db = open_database(f"sqlite:///{site.folder / 'monitor.db'}")
    (state,) = await db.read(feeds.states)
    later = state.next_poll_at + timedelta(hours=12)
    await db.write(feeds.save, replace(state, next_poll_at=later, failures=9, failed_by=failed_by))
    await db.close()
