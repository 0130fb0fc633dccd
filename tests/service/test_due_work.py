"""Due work of one configuration, called with fakes."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.config.options import Feed, FetchOptions
from monitor.errors import DigestError
from monitor.feeds.fetch import Fetched, Fetcher, NotModified
from monitor.jobs.compose import Composed, NothingNew
from monitor.jobs.deliver import Transport
from monitor.jobs.prune import Pruned
from monitor.jobs.rename import rename
from monitor.loaded import check_bytes, load
from monitor.mail import BeforeDot, BeforeRcpt, go_on
from monitor.model.digests import Digest
from monitor.model.feeds import Validators
from monitor.model.mail import Limits, Mail, Rendered, Route
from monitor.service.due_work import ComposeFailed, DueWork, Outcome, Work
from monitor.service.register import register
from monitor.service.runtime import make_runtime
from monitor.store import feeds, subscriptions
from monitor.store.database import Connection
from tests import make
from tests.fakes import FakeWeb
from tests.jobs.desk import Desk
from tests.jobs.test_outcomes import digest_mail, enqueue
from tests.parsing import parse_here
from tests.site import CONFIG


@pytest.mark.parametrize("set_back", [0, 3600])
async def test_a_digest_that_not_even_our_templates_make_is_tried_again_after_a_minute(
    desk: Desk, tmp_path: Path, set_back: int
) -> None:
    (tmp_path / "config.toml").write_text(
        CONFIG.format(store="sqlite:///unused.db", port=25, ca_file="", url=make.feed().url), "utf-8"
    )
    loaded = load(tmp_path / "config.toml")
    runtime = make_runtime(loaded, parse_here)
    outcomes: list[Outcome] = []
    broken = True

    def render(digest: Digest) -> Rendered:
        if broken:
            raise DigestError("template digest.txt.j2, line 3")
        return runtime.render(digest)

    def start(_name: str, work: Work) -> "asyncio.Task[None]":
        async def guarded() -> None:
            await asyncio.gather(work(), return_exceptions=True)

        return asyncio.create_task(guarded())

    due_work = DueWork(
        loaded,
        replace(runtime, render=render, fallback=render),
        desk.db,
        start=start,
        report=outcomes.append,
        clock=desk.clock,
    )
    await desk.db.write(register, loaded, desk.clock())
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    for seconds in (0, 1, 58.9):  # ticks
        desk.clock.forward(seconds=seconds)
        await due_work.compose_due()
    broken = False
    await due_work.compose_due()
    assert [type(outcome) for outcome in outcomes] == [ComposeFailed], "not at each tick"
    desk.clock.forward(seconds=-set_back or 0.1)
    await due_work.compose_due()
    assert [type(outcome) for outcome in outcomes] == [ComposeFailed, Composed]


async def test_a_subscription_that_goes_on_where_an_earlier_one_was_is_composed_without_further_news(
    desk: Desk, tmp_path: Path
) -> None:
    outcomes: list[Outcome] = []
    loaded = [
        check_bytes(
            tmp_path / "config.toml",
            CONFIG.format(store="sqlite:///unused.db", port=25, ca_file="", url=make.feed().url)
            .replace('"AI 日报"', f'"{name}"')
            .replace('every = "0s"', f'every = "{every}"')
            .encode(),
        )
        for name, every in (("old", "0s"), ("new", "1s"))
    ]
    await desk.db.write(register, loaded[0], desk.clock())
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    desk.subscription = make.subscription("old")
    await desk.poll()
    await desk.db.write(register, loaded[1], desk.clock())
    due_work = DueWork(
        loaded[1],
        make_runtime(loaded[1], parse_here),
        desk.db,
        start=lambda _name, work: asyncio.create_task(finished(work)),
        report=outcomes.append,
        clock=desk.clock,
    )
    await due_work.compose_due()
    await rename("old", "new", in_file=["new"], db=desk.db, now=desk.clock())
    desk.clock.forward(seconds=1)
    await due_work.compose_due()
    assert [type(outcome) for outcome in outcomes] == [NothingNew, Composed]


async def test_a_mail_for_which_the_server_takes_its_time_delays_no_other(desk: Desk, tmp_path: Path) -> None:
    loaded = check_bytes(
        tmp_path / "config.toml",
        CONFIG.format(store="sqlite:///unused.db", port=25, ca_file="", url=make.feed().url).encode(),
    )
    begun: asyncio.Queue[str] = asyncio.Queue()
    goes_on = asyncio.Event()

    async def thoughtful(mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        begun.put_nowait(mail.to)
        if mail.to == "slow@example.org":
            await goes_on.wait()
        await before_dot()
        return "250 OK"

    transport = Transport(
        sends={Route.SMTP: thoughtful}, server="smtp.example.org:465", sender="digest@example.org"
    )
    due_work = DueWork(
        loaded,
        replace(make_runtime(loaded, parse_here), transport=transport),
        desk.db,
        start=lambda _name, work: asyncio.create_task(finished(work)),
        report=lambda _: None,
        clock=desk.clock,
    )
    await enqueue(desk, digest_mail(1, "first@example.org"))
    await due_work.deliver_all()  # from now on the server counts as one that takes mail
    await begun.get()
    for number, to in enumerate(("slow@example.org", "other@example.org"), start=2):
        desk.clock.forward(seconds=1)
        await enqueue(desk, digest_mail(number, to))
        await due_work.deliver_due()
        assert await asyncio.wait_for(begun.get(), 5) == to
    goes_on.set()
    await due_work.deliver_all()


class WebFetcher(Fetcher):
    """A fetcher that asks the web of a test."""

    def __init__(self, web: FakeWeb) -> None:
        super().__init__(FetchOptions())
        self._web = web

    async def fetch(self, feed: Feed, validators: Validators) -> Fetched | NotModified:
        return await self._web.fetch(feed, validators)


def poller(desk: Desk, folder: Path, *urls: str, every: str = "30m", when: str = 'at = ["09:00"]') -> DueWork:
    """Return the due work of these feeds, polled on the desk's web."""
    text = CONFIG.format(store="sqlite:///unused.db", port=25, ca_file="", url=urls[0])
    head, _, tail = text.replace('every = "0s"', when).partition("[[feeds]]")
    tables = "".join(
        f'[[feeds]]\nname = "{number}"\nurl = "{url}"\nevery = "{every}"\n' for number, url in enumerate(urls)
    )
    text = f"{head}{tables}[[rules]]{tail.partition('[[rules]]')[2]}"
    loaded = check_bytes(folder / "config.toml", text.encode())
    for feed in loaded.config.feeds:
        desk.web.serves(feed, make.rss("大模型降价", "AI新规", "天气转凉"))
    return DueWork(
        loaded,
        replace(make_runtime(loaded, parse_here), fetcher=WebFetcher(desk.web)),
        desk.db,
        start=lambda _name, work: asyncio.create_task(finished(work)),
        report=lambda _: None,
        clock=desk.clock,
    )


async def test_the_feeds_of_one_host_are_polled_one_a_second_and_hold_up_no_other(
    desk: Desk, tmp_path: Path
) -> None:
    urls = ["https://a.example.org/1", "https://a.example.org/2", "https://b.example.org/3"]
    own = ["http://127.0.0.1:1/4", "http://127.0.0.1:1/5"]
    due_work = poller(desk, tmp_path, *urls, *own)
    await desk.db.write(register, due_work.loaded, desk.clock())
    asked = []
    for _ in range(3):  # ticks
        await due_work.poll_due()
        await due_work.polls_ended()
        asked.append({url for url, _ in desk.web.requests})
        desk.clock.forward(seconds=1.001)
    assert asked == [{urls[0], urls[2], *own}, {*urls, *own}, {*urls, *own}]


@pytest.mark.parametrize("apart", [True, False])
async def test_by_hand_the_feeds_of_one_host_are_polled_a_second_or_two_apart_unless_all_are_asked_for(
    desk: Desk, tmp_path: Path, apart: bool
) -> None:
    due_work = poller(
        desk, tmp_path, "https://a.example.org/1", "https://a.example.org/2", "http://127.0.0.1:1/3"
    )
    await desk.db.write(register, due_work.loaded, desk.clock())
    claimed = await due_work.claim_feeds(due_only=apart)
    assert len(claimed) == 3
    polls = asyncio.create_task(due_work.poll_claimed(claimed, apart=apart))
    async with asyncio.timeout(5):
        while await desk.db.read(_count_visited) < (2 if apart else 3):
            pass
    assert len(desk.web.requests) == (2 if apart else 3), "the next one to that host waits without a place"
    if apart:
        polls.cancel()
    else:
        await polls


def _count_visited(tx: Connection) -> int:
    return sum(state.visited is not None for state in feeds.states(tx))


async def test_a_feed_is_next_polled_shortly_before_the_digest_that_could_use_it(
    desk: Desk, tmp_path: Path
) -> None:
    url = "https://a.example.org/1"
    due_work = poller(desk, tmp_path, url, every="auto")  # a digest an hour from now
    await desk.db.write(register, due_work.loaded, desk.clock())
    await due_work.poll_due()
    await due_work.polls_ended()
    (state,) = await desk.db.read(feeds.states)
    before_digest = desk.clock() + timedelta(hours=1) - state.next_poll_at
    assert timedelta(minutes=1) <= before_digest <= timedelta(minutes=10)


async def test_the_feeds_that_are_left_alone_are_named(desk: Desk, tmp_path: Path) -> None:
    due_work = poller(desk, tmp_path, "https://a.example.org/1", "https://b.example.org/2")
    await desk.db.write(register, due_work.loaded, desk.clock())
    until = desk.clock() + timedelta(hours=1)
    await desk.db.write(feeds.let_rest, ["https://b.example.org/2"], until)
    assert await due_work.feeds_at_rest() == [(due_work.loaded.config.feeds[1], until)]
    assert [feed.name for feed, _ in await due_work.claim_feeds(due_only=False)] == ["0"]


async def finished(work: Work) -> None:
    await work()


async def test_what_is_pruned_is_reported_and_nothing_is_no_event(desk: Desk, tmp_path: Path) -> None:
    outcomes: list[Outcome] = []
    loaded = check_bytes(
        tmp_path / "config.toml",
        CONFIG.format(store="sqlite:///unused.db", port=25, ca_file="", url=make.feed().url)
        .replace("[fetch]", 'keep = "90d"\n[fetch]')
        .encode(),
    )
    desk.web.serves(desk.feeds[0], make.rss("大模型降价", "芯片出口新规"))
    await desk.poll()
    await desk.db.write(subscriptions.begin_anew, desk.subscription.name, desk.clock())
    due_work = DueWork(
        loaded,
        make_runtime(loaded, parse_here),
        desk.db,
        start=lambda _name, work: asyncio.create_task(finished(work)),
        report=outcomes.append,
        clock=desk.clock,
    )
    await due_work.prune()
    assert outcomes == []
    desk.clock.forward(days=91)
    await due_work.prune()
    await due_work.prune()
    assert outcomes == [Pruned(mails=0, entries=2)]


def _due_work(desk: Desk, tmp_path: Path, limits: Limits, **differ: Any) -> DueWork:
    """Return due work whose mails go to the mailbox on the desk."""
    text = CONFIG.format(store="sqlite:///unused.db", port=25, ca_file="", url=make.feed().url)
    loaded = check_bytes(tmp_path / "config.toml", text.encode())
    desk.limits = limits
    return DueWork(
        loaded,
        replace(make_runtime(loaded, parse_here), transport=desk.transport),
        desk.db,
        start=lambda _name, work: asyncio.create_task(finished(work)),
        report=lambda _: None,
        clock=desk.clock,
        **differ,
    )


async def test_mails_for_which_there_is_room_within_a_minute_are_waited_for(
    desk: Desk, tmp_path: Path
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        desk.clock.forward(seconds=seconds)

    due_work = _due_work(desk, tmp_path, Limits(per_minute=2, per_day=5), sleep=sleep)
    await enqueue(desk, *(digest_mail(number, f"r{number}@example.org") for number in range(7)))
    await due_work.deliver_all()
    assert slept == [60, 60]
    assert len(desk.mailbox.mails) == 5, "and not for room within a day"
    reached = await due_work.limit_reached()
    assert reached
    assert reached.most == 5


async def test_a_server_gets_no_more_connections_than_it_allows(desk: Desk, tmp_path: Path) -> None:
    under_way = most = 0

    async def send(_mail: Mail, before_dot: BeforeDot, _before_rcpt: BeforeRcpt = go_on) -> str:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await before_dot()
        await asyncio.sleep(0)
        under_way -= 1
        return "250 ok"

    desk.send = send
    due_work = _due_work(desk, tmp_path, Limits(connections=2))
    await enqueue(desk, *(digest_mail(number, f"r{number}@example.org") for number in range(20)))
    while await due_work.count_unsent():
        await due_work.deliver_due()
        await asyncio.sleep(0)
    assert most == 2
