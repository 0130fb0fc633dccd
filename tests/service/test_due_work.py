"""Due work of one configuration, called with fakes."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.errors import DigestError
from monitor.jobs.compose import Composed, NothingNew
from monitor.jobs.deliver import Transport
from monitor.jobs.rename import rename
from monitor.loaded import check_bytes, load
from monitor.mail import BeforeDot
from monitor.model.digests import Digest
from monitor.model.mail import Mail, Rendered, Route
from monitor.service.due_work import ComposeFailed, DueWork, Outcome, Work
from monitor.service.register import register
from monitor.service.runtime import make_runtime
from tests import make
from tests.jobs.desk import Desk
from tests.jobs.test_outcomes import digest_mail, enqueue
from tests.parsing import parse_here
from tests.site import CONFIG


@pytest.mark.parametrize("set_back", [0, 3600])
async def test_a_digest_whose_template_failed_is_tried_again_after_a_minute(
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
        replace(runtime, render=render),
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
    go_on = asyncio.Event()

    async def thoughtful(mail: Mail, before_dot: BeforeDot) -> str:
        begun.put_nowait(mail.to)
        if mail.to == "slow@example.org":
            await go_on.wait()
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
    go_on.set()
    await due_work.deliver_all()


async def finished(work: Work) -> None:
    await work()
