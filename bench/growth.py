"""Measure how the database grows with and without [store] keep: `python bench/growth.py [YEARS] [DAYS]`.

YEARS (10) of one feed with full texts as 纽约时报中文网 has them, and DAYS (30) of 1,000 busy feeds: stored, matched,
mailed and pruned by the store functions of the service, by a clock that is set. Prune runs once a day, not each hour.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))

from monitor.config.options import OutboxOptions, StoreOptions
from monitor.jobs.prune import prune
from monitor.model.feeds import Entry, PollState
from monitor.model.mail import DeliveryStatus
from monitor.model.rules import Match
from monitor.store import compaction, digests, entries, feeds, matches, outbox, subscriptions
from monitor.store.database import Connection, Database, open_database
from tests import make
from tests.make import NOW

NEVER = timedelta(days=36_500)
KEEP = StoreOptions().keep
DAY = timedelta(days=1)
RULE = "f" * 64  # a fingerprint
NAME = "AI 日报"
MAIL = b"x" * 40_000  # a digest as it is sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What feeds bring in a day."""

    feeds: int
    entries: int  # of each feed
    polls: int  # of each feed that bring something new
    summary: int  # characters
    text: int
    matched: float  # of the entries

    def documents(self, day: int) -> Iterator[list[tuple[int, int]]]:
        """Yield what the polls of a day bring, as (feed, number of the entry in its feed)."""
        share = self.entries // self.polls
        for part in range(self.polls):
            for feed in range(self.feeds):
                first = day * self.entries + part * share
                yield [(feed, number) for number in range(first, first + share)]


NYT = Load(feeds=1, entries=20, polls=4, summary=80, text=3_000, matched=0.1)
BUSY = Load(feeds=1000, entries=20, polls=4, summary=200, text=800, matched=0.02)


def entry(load: Load, feed: int, number: int, now: datetime) -> Entry:
    link = f"https://feed{feed}.example.org/technology/20260101/{number:08}-a-story-about-something/"
    return Entry(
        feed_url=url(feed),
        id=link,
        aliases=(f"{link}?utm_source=RSS",),
        story=link,
        title=f"第{number}条新闻：人工智能公司发布了新一代大模型的消息",
        link=link,
        authors=("某某某", "某某"),
        published=now,
        sections=("科技",),
        summary="摘" * load.summary,
        text="文" * load.text,
        original="",
        first_seen=now,
    )


def url(feed: int) -> str:
    return f"https://feed{feed}.example.org/rss.xml"


def store_poll(tx: Connection, load: Load, document: list[tuple[int, int]], now: datetime) -> None:
    """Store what jobs/poll.py stores after a poll that brought something new."""
    candidates = [(entry(load, feed, number, now), True) for feed, number in document]
    new = entries.insert_new(tx, candidates, RULE)
    every = round(1 / load.matched)
    hits = tuple(make.hit(start=start) for start in range(4))
    found = [
        (seq, Match(fingerprint=RULE, hits=hits, score=2.0))
        for (seq, _), (_, number) in zip(new, document, strict=True)
        if number % every == 0
    ]
    matches.insert(tx, found)
    feed = url(document[0][0])
    feeds.save(tx, PollState(feed_url=feed, next_poll_at=now + DAY, visited=now))


def store_digest(tx: Connection, now: datetime, sent: int) -> None:
    """Store what jobs/compose.py and jobs/deliver.py store for a digest that was sent."""
    state = subscriptions.state(tx, NAME)
    assert state
    upto = entries.newest_seq(tx)
    pending = entries.pending(tx, subscription=NAME, after=state.cursor, upto=upto, fingerprints=[RULE])
    slot = make.slot(f"at:{now:%Y-%m-%dT%H:%M}", now)
    number = digests.insert(tx, NAME, slot, now, len(pending), RULE)
    assert number
    digests.add_entries(tx, number, {each.seq: 0 for each in pending})
    digests.mark_mailed(tx, NAME, number, [(each.seq, each.entry.story) for each in pending])
    mail = make.mail(number=sent, raw=MAIL)
    outbox.insert(tx, number, mail, now=now, expires_at=now + DAY)
    claimed = outbox.claim(tx, now, lease_until=now, token="bench")
    assert claimed
    done = {"status": DeliveryStatus.SENT, "next_attempt_at": None, "reply": "250 ok", "now": now}
    assert outbox.finish(tx, claimed.id, "bench", **done)
    subscriptions.take_slot(tx, state, slot, upto)


async def a_day(db: Database, load: Load, day: int, keep: timedelta) -> int:
    """Play a day; return how many entries lost their texts."""
    now = NOW + day * DAY
    polls = [db.write(store_poll, load, document, now) for document in load.documents(day)]
    await asyncio.gather(*polls)
    await db.write(store_digest, now, day)
    pruned = await prune(db=db, now=now, mails=OutboxOptions(), store=StoreOptions(keep=keep))
    return pruned.entries


async def size(db: Database) -> tuple[float, float]:
    """Return the size of the file and what of it is free, in MB."""
    space = await db.read(compaction.space)
    assert space
    return space.size / 1e6, space.free / 1e6


async def begin(folder: str, name: str, load: Load) -> Database:
    db = open_database(f"sqlite:///{folder}/{name}.db")
    await db.write(feeds.sync, [url(number) for number in range(load.feeds)], NOW)
    await db.write(subscriptions.sync, [NAME], NOW)
    return db


async def timings(db: Database, load: Load, day: int, keep: timedelta) -> str:
    """Return the median times of a poll's store, of a digest's query, and of a prune with nothing to do."""
    now = NOW + day * DAY
    await prune(db=db, now=now, mails=OutboxOptions(), store=StoreOptions(keep=keep))
    documents = list(load.documents(day))[:40]
    state = await db.read(subscriptions.state, NAME)
    assert state

    async def poll(turn: int) -> None:
        await db.write(store_poll, load, documents[turn % len(documents)], now)

    async def digest(_: int) -> None:
        upto = await db.read(entries.newest_seq)
        a_day_back = upto - load.feeds * load.entries
        asked = {"subscription": NAME, "after": a_day_back, "upto": upto, "fingerprints": [RULE]}
        await db.read(entries.pending, **asked)

    async def idle(_: int) -> None:
        await prune(db=db, now=now, mails=OutboxOptions(), store=StoreOptions(keep=keep))

    said = []
    for name, work, turns in (
        ("poll stored", poll, len(documents)),
        ("digest's query", digest, 20),
        ("idle prune", idle, 20),
    ):
        seconds = []
        for turn in range(turns):
            begun = time.perf_counter()
            await work(turn)
            seconds.append(time.perf_counter() - begun)
        said.append(f"{name} {1000 * statistics.median(seconds):.1f} ms")
    return ", ".join(said)


async def years_of_one_feed(years: int) -> None:
    print(
        f"one feed, {NYT.entries} entries a day of {NYT.summary + NYT.text} characters; MB at the end of a year"
    )
    print(f"{'keep':<8}" + "".join(f"{year:>8}" for year in range(1, years + 1)) + "    free")
    with TemporaryDirectory() as folder:
        for name, keep in (("400d", KEEP), ("ever", NEVER)):
            db = await begin(folder, name, NYT)
            print(f"{name:<8}", end="", flush=True)
            for day in range(365 * years):
                await a_day(db, NYT, day, keep)
                if day % 365 == 364:
                    print(f"{(await size(db))[0]:>8.1f}", end="", flush=True)
            print(f"{(await size(db))[1]:>8.1f}")
            print(f"        {await timings(db, NYT, 365 * years, keep)}")
            await db.close()


async def days_of_busy_feeds(days: int) -> None:
    """Play days, then let all of them grow older than keep: both sizes of an entry are linear."""
    count = days * BUSY.feeds * BUSY.entries
    print(f"{BUSY.feeds} feeds, {BUSY.entries} entries a day each of {BUSY.summary + BUSY.text} characters")
    with TemporaryDirectory() as folder:
        db = await begin(folder, "busy", BUSY)
        begun = time.perf_counter()
        for day in range(days):
            await a_day(db, BUSY, day, KEEP)
        seconds = time.perf_counter() - begun
        whole, _ = await size(db)
        print(
            f"{days} days, {count} entries: {whole:.0f} MB, {count / seconds:.0f} entries stored in a second"
        )
        print(f"        {await timings(db, BUSY, days, KEEP)}")
        later, mails, begun = NOW + days * DAY + KEEP, OutboxOptions(), time.perf_counter()
        pruned, turns = 1, 0
        while pruned:
            pruned = (await prune(db=db, now=later, mails=mails, store=StoreOptions())).entries
            turns += 1
        seconds = time.perf_counter() - begun
        bare, free = await size(db)
        print(
            f"all older than keep: {bare:.0f} MB, {free:.0f} of it free; {turns} prunes, {seconds:.0f} s in all"
        )
        print(f"        {await timings(db, BUSY, days + KEEP.days, KEEP)}")
        each, kept = whole / count, (bare - free) / count
        a_year = 365 * BUSY.feeds * BUSY.entries
        of_keep = KEEP.days * BUSY.feeds * BUSY.entries
        print(f"an entry: {1000 * each:.2f} kB, after keep {1000 * kept:.2f} kB; by these figures")
        for years in (1, 2, 5, 10):
            total = years * a_year
            within = min(total, of_keep)
            with_keep = within * each + (total - within) * kept
            print(
                f"{years:>4} years: {with_keep / 1000:.0f} GB with keep, {total * each / 1000:.0f} GB without"
            )
        await db.close()


async def main(years: int, days: int) -> None:
    if years:
        await years_of_one_feed(years)
    if days:
        await days_of_busy_feeds(days)


if __name__ == "__main__":
    asyncio.run(main(*(int(each) for each in (*sys.argv[1:], *("10", "30")[len(sys.argv) - 1 :]))))
