"""Simulate how often feeds are asked, and how much comes too late for its digest: `python bench/pace.py [FILE]`.

FILE has a line of JSON for each feed: {"feed": NAME, "published": [UNIX SECONDS, ...]}. Without it three rhythms of our
own are made up. Each feed is played from its first entry to its last: `every = "auto"` and `every = "30m"` by the
functions that the service uses, and Miniflux's scheduler by entry frequency (the mean gap of the last week, 5 minutes
to a day) beside them. An entry is late when a digest after its publication has to go without it. Requests are counted
over all days of all feeds, and as the mean of the feeds.
"""

import argparse
import json
import random
import sys
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from monitor.config.options import Feed, FetchOptions, Subscription
from monitor.digests.due import slots_between
from monitor.feeds import pace
from monitor.feeds.rhythm import Demand
from monitor.model.feeds import Entry, ParsedFeed, PollState, Validators

OPTIONS = FetchOptions()
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What became of one feed."""

    days: float
    requests: int
    entries: int
    late: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What a way of asking knows when it plans the next visit."""

    now: datetime
    state: PollState
    document: Sequence[datetime]  # the dates of its entries, oldest first
    is_news: bool
    last_week: int  # entries
    digests: Sequence[datetime]  # to come
    jitter: float


Way = Callable[[Visit], PollState]


def ours(feed: Feed) -> Way:
    """Return the way of the service for a feed with these options."""

    def plan(visit: Visit) -> PollState:
        entries = tuple(
            Entry(feed_url=feed.url, id=str(at), story=str(at), published=at, first_seen=visit.now)
            for at in visit.document
        )
        return pace.after_answer(
            visit.state,
            feed=feed,
            validators=Validators(),
            parsed=ParsedFeed(title="", site_url="", entries=entries),
            is_document=True,
            is_news=visit.is_news,
            max_age=None,
            demand=Demand(digests=visit.digests),
            options=OPTIONS,
            now=visit.now,
            jitter=visit.jitter,
        )

    return plan


def miniflux(visit: Visit) -> PollState:
    """Plan as Miniflux does with POLLING_SCHEDULER=entry_frequency."""
    gap = 7 * DAY / visit.last_week if visit.last_week else DAY
    wait = min(max(gap, timedelta(minutes=5)), DAY)
    return PollState(feed_url="", next_poll_at=visit.now + wait)


WAYS: dict[str, Way] = {
    "auto": ours(Feed(name="auto", url="https://feed.example.org/rss")),
    "30 min": ours(Feed(name="fixed", url="https://feed.example.org/rss", every=timedelta(minutes=30))),
    "Miniflux": miniflux,
}


def play(
    published: Sequence[datetime],
    way: Way,
    *,
    subscription: Subscription,
    document: int,
    chance: random.Random,
) -> Play:
    """Ask a feed from its first entry to its last, whose document holds so many entries."""
    start, end = published[0], published[-1]
    digests = [slot.at for slot in slots_between(subscription, start, end)]
    state = PollState(feed_url="", next_poll_at=start + HOUR * chance.random())
    seen_at = [NEVER] * len(published)
    requests = known = 0
    while state.next_poll_at < end:
        now, requests = state.next_poll_at, requests + 1
        newest = bisect_right(published, now)
        oldest = max(0, newest - document)
        for place in range(max(known, oldest), newest):
            seen_at[place] = now
        coming = bisect_right(digests, now)
        state = way(
            Visit(
                now=now,
                state=state,
                document=published[oldest:newest],
                is_news=newest > known,
                last_week=newest - bisect_right(published, now - 7 * DAY),
                digests=digests[coming : coming + 4],
                jitter=chance.random(),
            )
        )
        known = newest
    # What was there at the first visit is no news.
    counted = [place for place in range(len(published)) if published[place] > start + DAY]
    due = [bisect_right(digests, published[place]) for place in counted]
    late = sum(
        seen_at[place] > digests[slot]
        for place, slot in zip(counted, due, strict=True)
        if slot < len(digests)
    )
    return Play(days=(end - start) / DAY, requests=requests, entries=len(counted), late=late)


def made_up() -> list[list[datetime]]:
    """Return rhythms of our own over 30 days: a newsroom by day, a blog, and a wire that never sleeps."""
    chance, start = random.Random(1), datetime(2026, 1, 1, tzinfo=UTC)
    minutes = [start + timedelta(minutes=minute) for minute in range(30 * 24 * 60)]
    rates = (lambda hour: 0.02 * (1 <= hour < 14), lambda hour: 0.0007, lambda hour: 0.05)
    return [[at for at in minutes if chance.random() < rate(at.hour)] for rate in rates]


def read(path: Path) -> list[list[datetime]]:
    """Return the rhythms in a file."""
    lines = path.read_text("utf-8").splitlines()
    return [
        [datetime.fromtimestamp(at, UTC) for at in sorted(json.loads(line)["published"])] for line in lines
    ]


def main() -> None:
    """Print a row for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--at", default="08:00,18:00", help="times of the digests in Asia/Shanghai")
    parser.add_argument("--document", type=int, default=30, help="entries that a document holds")
    parser.add_argument("--runs", type=int, default=3, help="with other chances each")
    arguments = parser.parse_args()
    rhythms = read(arguments.file) if arguments.file else made_up()
    subscription = Subscription(
        name="", to=(), at=tuple(map(time.fromisoformat, arguments.at.split(","))), timezone="Asia/Shanghai"
    )
    print(f"{len(rhythms)} feeds, digests at {arguments.at}, documents of {arguments.document} entries")
    print(f"{'':10}{'requests a feed a day':>24}{'(mean of feeds)':>18}{'late entries':>16}")
    for name, way in WAYS.items():
        plays = [
            play(
                published,
                way,
                subscription=subscription,
                document=arguments.document,
                chance=random.Random(f"{run} {feed}"),
            )
            for run in range(arguments.runs)
            for feed, published in enumerate(rhythms)
        ]
        requests = sum(each.requests for each in plays) / sum(each.days for each in plays)
        mean = sum(each.requests / each.days for each in plays) / len(plays)
        late = sum(each.late for each in plays) / sum(each.entries for each in plays)
        print(f"{name:10}{requests:>24.1f}{mean:>18.1f}{late:>16.1%}")


if __name__ == "__main__":
    main()
