"""Due work of one configuration, called with fakes."""

import asyncio
from dataclasses import replace
from pathlib import Path

from monitor.errors import DigestError
from monitor.jobs.compose import Composed
from monitor.loaded import load
from monitor.model.digests import Digest
from monitor.model.mail import Rendered
from monitor.service.due_work import ComposeFailed, DueWork, Outcome, Work
from monitor.service.register import register
from monitor.service.runtime import make_runtime
from tests import make
from tests.jobs.desk import Desk
from tests.site import CONFIG


async def test_a_digest_whose_template_failed_is_tried_again_after_a_minute(
    desk: Desk, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(
        CONFIG.format(store="sqlite:///unused.db", port=25, ca_file="", url=make.feed().url), "utf-8"
    )
    loaded = load(tmp_path / "config.toml")
    runtime = make_runtime(loaded)
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
    desk.clock.forward(seconds=0.1)
    await due_work.compose_due()
    assert [type(outcome) for outcome in outcomes] == [ComposeFailed, Composed]
