"""A paused feed is left alone, nothing of it is lost, and nobody is troubled for it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from monitor.config.options import Config
from monitor.loaded import LoadedConfig, check_bytes, dropped
from monitor.model.feeds import FeedHealth
from monitor.model.notices import NoticeKind, Trouble
from monitor.queries.status import read_stored_state, status_of
from monitor.service.due_work import DueWork, Work
from monitor.service.register import register
from monitor.service.runtime import make_runtime
from monitor.service.service import _is_edited
from monitor.store import feeds, notices
from monitor.store.database import Database
from tests import make
from tests.jobs.desk import Desk
from tests.make import NOW
from tests.parsing import parse_here
from tests.site import CONFIG

URL = make.feed().url


def config(folder: Path, *, paused: bool) -> LoadedConfig:
    text = CONFIG.format(store="sqlite:///unused.db", port=25, ca_file="", url=URL)
    enabled = f"enabled = {'false' if paused else 'true'}"
    return check_bytes(folder / "config.toml", text.replace('every = "1s"\n', f"{enabled}\n").encode())


def due_work_of(loaded: LoadedConfig, desk: Desk) -> DueWork:
    def start(_name: str, work: Work) -> "asyncio.Task[None]":
        async def finished() -> None:
            await work()

        return asyncio.create_task(finished())

    runtime = replace(make_runtime(loaded, parse_here), fetcher=desk.web)  # type: ignore[arg-type]
    return DueWork(loaded, runtime, desk.db, start=start, report=lambda _: None, clock=desk.clock)


async def test_a_paused_feed_is_not_polled_and_one_that_is_resumed_is_polled_at_once(
    desk: Desk, tmp_path: Path
) -> None:
    desk.web.serves(make.feed(), make.rss("大模型降价"))
    for paused, requests in ((True, 0), (False, 1)):
        loaded = config(tmp_path, paused=paused)
        await desk.db.write(register, loaded, desk.clock())
        due_work = due_work_of(loaded, desk)
        await due_work.poll_due()
        await due_work.polls_ended()
        await due_work.poll_claimed(await due_work.claim_feeds(due_only=False), apart=False)
        assert len(desk.web.requests) == requests + (not paused)


async def test_a_paused_feed_is_shown_as_paused_and_keeps_what_is_known(db: Database, tmp_path: Path) -> None:
    await db.write(register, config(tmp_path, paused=False), NOW)
    paused = config(tmp_path, paused=True)
    await db.write(register, paused, NOW)
    status = status_of(paused, await db.read(read_stored_state, paused.config, NOW), NOW)
    assert [(feed.state, feed.next) for feed in status.feeds] == [(FeedHealth.PAUSED, None)]
    assert len(await db.read(feeds.registered)) == 1


async def test_a_feed_that_was_gone_is_no_trouble_while_it_is_paused_and_is_asked_afterwards(
    db: Database, tmp_path: Path
) -> None:
    await db.write(register, config(tmp_path, paused=False), NOW)
    (state,) = await db.read(feeds.states)
    await db.write(feeds.save, replace(state, stopped=True, gone=3, gone_since=NOW - timedelta(days=3)))
    gone = Trouble(kind=NoticeKind.FEED_GONE, subject=URL, content="示例", since=NOW)
    await db.write(notices.report, gone, NOW)
    await db.write(register, config(tmp_path, paused=True), NOW)
    assert await db.read(notices.open_troubles) == []
    (state,) = await db.read(feeds.states)
    assert not state.stopped


def feed_lines(*paused: bool) -> Config:
    named = enumerate(paused)
    return Config(
        feeds=tuple(
            make.feed(f"{number}", url=f"https://{number}.test/", enabled=not is_paused)
            for number, is_paused in named
        )
    )


def test_feeds_that_are_paused_are_not_dropped_and_those_that_were_may_go(tmp_path: Path) -> None:
    loaded = config(tmp_path, paused=False)

    def losses(before: Config, after: Config) -> list[str]:
        return dropped(replace(loaded, config=before), replace(loaded, config=after))

    assert losses(feed_lines(False, False, False), feed_lines(False, True, True)) == []
    assert losses(feed_lines(False, True, True), feed_lines(False)) == []
    assert losses(feed_lines(False, False, False), feed_lines(False)) == ["1 of 3 feeds are left"]


def test_a_poll_under_way_is_broken_off_when_its_feed_is_paused() -> None:
    before, after = feed_lines(False, False), feed_lines(False, True)
    is_edited = _is_edited(before, after)
    assert [is_edited(feed) for feed in before.feeds] == [False, True]
