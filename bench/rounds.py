"""Play rounds of due work by a clock that is set; watch memory and open files: `python bench/rounds.py [ROUNDS]`.

Each of 10,000 rounds is 45 minutes later: a feed brings an entry more, digests are composed and delivered when they are
due, old rows are pruned. Only web, mailbox and clock are not real.
"""

import asyncio
import gc
import os
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))

from monitor.config.options import Feed, FetchOptions
from monitor.feeds.body import Body
from monitor.feeds.fetch import Fetched, Fetcher
from monitor.feeds.parser_pool import ParserPool
from monitor.jobs.deliver import Transport
from monitor.loaded import load
from monitor.mail import BeforeDot, BeforeRcpt, go_on
from monitor.model.feeds import Validators
from monitor.model.mail import Mail, Route
from monitor.service.due_work import DueWork, Outcome, Work
from monitor.service.register import register
from monitor.service.runtime import make_runtime
from monitor.store import compaction
from monitor.store.database import open_database
from tests import make
from tests.fakes import FakeClock

CONFIG = """
[store]
url = "sqlite:///unused.db"
keep = "90d"
[smtp]
host = "mail.example.org"
[[feeds]]
name = "示例"
url = "https://feed.example.org/rss"
every = "30m"
[[rules]]
name = "人工智能"
any = ["AI", "大模型"]
[[subscriptions]]
name = "AI 日报"
to = ["reader@example.org"]
at = ["08:00", "20:00"]
"""
STEP = timedelta(minutes=45)  # longer than the feed waits: an interval is longer by up to a tenth


class GrowingFeed(Fetcher):
    """A feed of twenty entries, of which each visit finds one that is new."""

    def __init__(self) -> None:
        super().__init__(FetchOptions(), folder=Path())
        self.visits = 0

    async def fetch(self, feed: Feed, validators: Validators) -> Fetched:
        self.visits += 1
        # Every tenth is matched.
        titles = [
            f"第{number}条：{'大模型' if number % 10 == 0 else '天气'}"
            for number in range(self.visits + 20, self.visits, -1)
        ]
        return Fetched(
            body=Body(make.rss(*titles)),
            content_type="application/rss+xml; charset=utf-8",
            validators=Validators(etag=f'"{self.visits}"'),
            url=feed.url,
            max_age=None,
        )


def rss_and_descriptors() -> tuple[float, int]:
    """Return the resident memory of this process in MB, and how many files it has open."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len(list(Path("/proc/self/fd").iterdir()))


async def main(rounds: int) -> None:
    counts: dict[str, int] = {}
    tasks: set[asyncio.Task[None]] = set()
    clock = FakeClock()
    parsers = ParserPool()
    feed = GrowingFeed()

    async def send(_mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        await before_dot()
        return "250 ok"

    def report(outcome: Outcome) -> None:
        name = type(outcome).__name__
        counts[name] = counts.get(name, 0) + 1

    def start(name: str, work: Work) -> "asyncio.Task[None]":
        async def run() -> None:
            await work()

        task = asyncio.create_task(run(), name=name)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    with TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        file.write_text(CONFIG, "utf-8")
        loaded = load(file)
        runtime = make_runtime(loaded, parsers.parse, feed)
        transport = replace(runtime.transport, sends=dict.fromkeys(Route, send))
        assert isinstance(transport, Transport)
        db = open_database(f"sqlite:///{folder}/monitor.db")
        due_work = DueWork(
            loaded, replace(runtime, transport=transport), db, start=start, report=report, clock=clock
        )
        await db.write(register, loaded, clock())
        begun = time.perf_counter()
        print(f"{'round':>8}{'MB':>8}{'files':>8}{'tasks':>8}{'database MB':>14}{'ms a round':>12}")
        marks = {1, rounds // 4, rounds // 2, 3 * rounds // 4, rounds}
        for number in range(1, rounds + 1):
            clock.forward(seconds=STEP.total_seconds())
            await due_work.poll_due()
            await due_work.polls_ended()
            await due_work.compose_due()
            await due_work.deliver_all()
            await due_work.prune()
            if number in marks:
                memory, descriptors = rss_and_descriptors()
                space = await db.read(compaction.space)
                assert space
                mean = 1000 * (time.perf_counter() - begun) / number
                print(
                    f"{number:>8}{memory:>8.1f}{descriptors:>8}{len(tasks):>8}{space.size / 1e6:>14.1f}{mean:>12.1f}",
                    flush=True,
                )
        print(", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
        await feed.close()
        await parsers.close()
        await db.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
