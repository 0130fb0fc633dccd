"""The service and `monitor once` with a clock that is behind what is stored. The feed server tells the right time."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.store import feeds
from monitor.store.database import open_database
from tests import make
from tests.site import Site, open_site, wait_for_event

NOBODY = "http://127.0.0.1:9/rss"  # no server is there


@pytest.fixture
def titles() -> list[str]:
    return ["AI新规"]


@pytest.fixture
def site(tmp_path: Path, titles: list[str]) -> Iterator[Site]:
    """A site that has worked before."""
    with open_site(tmp_path, lambda: make.rss(*titles)) as site:
        site.monitor("once")
        titles.insert(0, "大模型降价")
        yield site


async def _put_forward(site: Site, span: timedelta) -> datetime:
    """Let the feed have been polled by a clock that was ahead; return when it is polled next."""
    db = open_database(f"sqlite:///{site.folder / 'monitor.db'}")
    (state,) = await db.read(feeds.states)
    assert state.visited
    next_poll_at = state.next_poll_at + span
    await db.write(feeds.save, replace(state, visited=state.visited + span, next_poll_at=next_poll_at))
    await db.close()
    return next_poll_at


async def _next_poll(site: Site) -> datetime:
    db = open_database(f"sqlite:///{site.folder / 'monitor.db'}")
    state = (await db.read(feeds.states))[0]
    await db.close()
    return state.next_poll_at


def test_what_a_clock_30_days_ahead_has_stored_is_repaired_when_a_server_confirms_the_clock(
    site: Site,
) -> None:
    asyncio.run(_put_forward(site, timedelta(days=30)))
    with site.service() as service:
        wait_for_event(service, "clock-behind")
        wait_for_event(service, "clock-repaired", feeds=1)
        wait_for_event(service, "started")
        assert "大模型降价" in wait_for_event(service, "composed")["subject"]
    asyncio.run(_put_forward(site, timedelta(days=30)))
    site.monitor("once")
    assert asyncio.run(_next_poll(site)) < datetime.now().astimezone() + timedelta(hours=1)


def test_while_nobody_confirms_the_clock_nothing_is_stored_and_a_stop_is_obeyed(site: Site) -> None:
    next_poll_at = asyncio.run(_put_forward(site, timedelta(days=30)))
    site.write((site.feed_server.url, NOBODY))
    with site.service() as service:
        wait_for_event(service, "clock-behind")
        assert service.next_event(2) is None, "it waits"
        assert service.stop() == 0
    said = site.monitor("once", code=1)
    assert "the clock says 20" in said
    assert "Nothing was done" in said
    assert asyncio.run(_next_poll(site)) == next_poll_at


def test_systemd_is_told_that_the_service_waits_for_the_clock_and_is_well(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write((site.feed_server.url, NOBODY))
    asyncio.run(_put_forward(site, timedelta(days=30)))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(20)
        with site.service():
            assert listener.recv(4096).startswith(b"READY=1\nWATCHDOG=1\nSTATUS=The clock is behind")


def test_an_hour_behind_feeds_are_polled_and_nothing_is_composed_at_once(site: Site) -> None:
    asyncio.run(_put_forward(site, timedelta(hours=1)))
    with site.service() as service:
        wait_for_event(service, "polled", new=1)
        for _ in range(3):
            assert wait_for_event(service, "polled")
        assert len(site.smtp_server.received) == 1
