"""Measure polls stored by a commit each, and by commits that many share: `python bench/store.py [POLLS]`.

Each poll stores two entries, a match for one of them, and the poll state of its feed. Both databases wait for the
disk; everything happens in one run, in a directory of its own.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))

from monitor.model.feeds import PollState, Validators
from monitor.store import entries, feeds, matches
from monitor.store.database import Connection, Database, open_database
from tests import make
from tests.make import NOW
from tests.postgres import running_postgres

Way = Callable[[Database, int], Awaitable[None]]


def store_poll(tx: Connection, number: int) -> None:
    """Store what jobs/poll.py stores after a poll that brought two new entries."""
    url = f"https://feed.example.org/{number}"
    candidates = [
        make.entry(feed_url=url, number=2 * number + entry, text="正文" * 500, aliases=(f"alias {entry}",))
        for entry in range(2)
    ]
    new = entries.insert_new(tx, [(entry, True) for entry in candidates], "ruleset")
    matches.insert(tx, [(seq, make.match()) for seq, _ in new[:1]])
    feeds.save(tx, PollState(feed_url=url, next_poll_at=NOW, validators=Validators(etag='"1"'), visited=NOW))


async def one_by_one(db: Database, polls: int) -> None:
    """Store polls in a transaction each."""
    for number in range(polls):
        await db.write(store_poll, number)


async def together(db: Database, polls: int) -> None:
    """Store all polls at once: those that are queued share a commit."""
    await asyncio.gather(*(db.write(store_poll, number) for number in range(polls)))


async def measure(url: str, way: Way, polls: int) -> tuple[float, float]:
    """Return the seconds of wall time and of CPU time."""
    db = open_database(url)
    try:
        await db.write(feeds.sync, [f"https://feed.example.org/{number}" for number in range(polls)], NOW)
        wall, cpu = time.perf_counter(), time.process_time()
        await way(db, polls)
        seconds = time.perf_counter() - wall, time.process_time() - cpu
        assert await db.read(entries.count_news, 0, 1_000_000_000) == 2 * polls
        return seconds
    finally:
        await db.close()


def main(polls: int) -> None:
    ways: tuple[tuple[str, Way], ...] = (("a transaction each", one_by_one), ("group commit", together))
    print(f"{polls} polls with two entries each")
    print(f"{'database':<12}{'way':<22}{'wall s':>8}{'cpu s':>8}{'polls/s':>10}")
    with TemporaryDirectory() as folder, running_postgres(durable=True) as server:
        for number, (name, way) in enumerate(ways):
            urls = {"sqlite": f"sqlite:///{folder}/{number}.db", "postgresql": server.url(server.create())}
            for database, url in urls.items():
                wall, cpu = asyncio.run(measure(url, way, polls))
                print(f"{database:<12}{name:<22}{wall:>8.2f}{cpu:>8.2f}{polls / wall:>10.0f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
