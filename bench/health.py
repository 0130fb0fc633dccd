"""Simulate which feeds are called dead or quiet, among outages: `python bench/health.py [FILE] [--runs N]`.

FILE has a line of JSON for each feed, as for bench/pace.py; without it three rhythms of our own are made up. All feeds
begin on one day and are asked by the functions that the service uses; after its last entry a feed is silent for three
months more. Put in by chance: each feed is away for an hour twice a week, for a night (10 hours) once a fortnight, and
for three days once in six weeks, by no connection, HTTP 503, HTTP 404 or a page in its place. The network, and in
turn the machine, is away for an hour twice a week, a night once a fortnight, three days once in six weeks.

Dead: false is one that was told though the feed was not away for a day; real ones are those of three days, told so many
hours after they began (while four others are in play, and neither the network nor the machine is away for a night or
longer). Quiet: false is one that was told though the feed had not been silent for longer than three times the 95th
percentile of its gaps, and 7 days, by its whole record.
"""

import argparse
import random
import sys
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from heapq import heappop, heappush
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.pace import OPTIONS, made_up, read
from monitor.config.options import Feed, Subscription
from monitor.digests.due import slots_between
from monitor.errors import FeedError, FetchError, ParseError
from monitor.feeds import health, pace
from monitor.feeds.rhythm import Demand
from monitor.model.feeds import Entry, FailureKind, FeedHealth, ParsedFeed, PollState, Validators

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
SILENT_AFTER = 90 * DAY
LENGTHS = ((HOUR, 3.5 * DAY), (10 * HOUR, 14 * DAY), (3 * DAY, 42 * DAY))  # with the mean time between two
TICK = timedelta(minutes=5)  # between two looks of jobs/watch.py
_number = count()


@dataclass(frozen=True, slots=True)
class Away:
    """A time during which a feed, the network or the machine is away."""

    start: datetime
    end: datetime

    def holds(self, now: datetime) -> bool:
        """Return whether it is so now."""
        return self.start <= now < self.end

    def meets(self, other: "Away") -> bool:
        """Return whether two times overlap."""
        return self.start < other.end and other.start < self.end


@dataclass(slots=True)
class Played:
    """A feed in the play."""

    feed: Feed
    published: Sequence[datetime]
    away: Sequence[Away]
    error: FeedError
    state: PollState
    end: datetime
    known: int = 0
    health: FeedHealth = FeedHealth.UNVISITED
    told: list[tuple[FeedHealth, datetime]] = field(default_factory=list)


@dataclass(slots=True)
class Counts:
    """What came of it."""

    months: float = 0.0
    false_dead: list[str] = field(default_factory=list)
    real: int = 0
    delays: list[float] = field(default_factory=list)  # hours, of the real ones that were told
    false_quiet: list[str] = field(default_factory=list)
    quiet: int = 0  # feeds that were silent for long enough at the end
    quiet_told: list[float] = field(default_factory=list)  # days after that was so


def outages(chance: random.Random, end: datetime) -> list[Away]:
    """Return times away by chance, a day apart: two that follow each other unseen between are one."""
    times: list[Away] = []
    for length, mean in sorted(LENGTHS, reverse=True):
        at = START + mean * chance.random()
        while at < end:
            new = Away(at, at + length)
            apart = Away(at - DAY, new.end + DAY)
            if not any(apart.meets(other) for other in times):
                times.append(new)
            at += mean * (0.5 + chance.random())
    return sorted(times, key=lambda away: away.start)


def errors(chance: random.Random) -> FeedError:
    """Return how a feed fails while it is away."""
    return chance.choice(
        [
            FetchError("no connection", connection=True),
            FetchError("HTTP 503", status=503),
            FetchError("HTTP 404", status=404),
            ParseError("a web page"),
        ]
    )


class Play:
    """All feeds played together, and the times at which the network or the machine is away."""

    def __init__(self, rhythms: Sequence[Sequence[datetime]], chance: random.Random) -> None:
        self._chance = chance
        numbered = enumerate(published for published in rhythms if len(published) > 1)
        self.feeds = [_played(number, published, chance) for number, published in numbered]
        last = max(played.end for played in self.feeds)
        self._network = outages(chance, last)
        self._machine = [
            away for away in outages(chance, last) if not any(away.meets(other) for other in self._network)
        ]
        self.away = self._network + self._machine
        subscription = Subscription(name="", to=(), at=(time(8), time(18)), timezone="Asia/Shanghai")
        self._digests = [slot.at for slot in slots_between(subscription, START, last + 2 * DAY)]
        self._due: list[tuple[datetime, int, Played | None]] = []
        for away in self._machine:  # a start
            self._push(away.end, None)
        for played in self.feeds:
            self._push(played.state.next_poll_at, played)

    def run(self) -> None:
        """Ask each feed whenever it is due, until its end."""
        while self._due:
            now, _, played = heappop(self._due)
            if off := next((away for away in self._machine if away.holds(now)), None):
                if played and played.state.next_poll_at == now:
                    self._plan(played, off.end + HOUR * self._chance.random() / 60)
            elif played is None:
                self._start(now)
            elif played.state.next_poll_at == now <= played.end:
                self._visit(played, now)

    def _push(self, at: datetime, played: Played | None) -> None:
        heappush(self._due, (at, next(_number), played))

    def _plan(self, played: Played, at: datetime) -> None:
        played.state = replace(played.state, next_poll_at=at)
        self._push(at, played)

    def _unreachable(self, now: datetime) -> list[Played]:
        return [
            each
            for each in self.feeds
            if each.state.failed_by is FailureKind.CONNECTION and each.state.next_poll_at > now < each.end
        ]

    def _start(self, now: datetime) -> None:
        """Ask at once, as the service does at its start, what could not be reached."""
        for each in self._unreachable(now):
            self._plan(each, now)

    def _visit(self, played: Played, now: datetime) -> None:
        before, chance = played.state, self._chance
        offline = any(away.holds(now) for away in self._network)
        if offline or any(away.holds(now) for away in played.away):
            error = FetchError("no connection", connection=True) if offline else played.error
            after = pace.after_failure(before, error, options=OPTIONS, now=now, jitter=chance.random())
            answers = [each.state.visited for each in self.feeds if each is not played and each.state.visited]
            after = health.count_failure(
                before, after, others=max(answers, default=None), is_alone=len(self.feeds) == 1
            )
        else:
            after = _answer(played, now, self._digests, chance)
        played.state = after
        if pace.network_returned(before, after):
            unreachable = {each.feed.url: each for each in self._unreachable(now)}
            for url, at in pace.polls_after_outage(played.feed.url, list(unreachable), now).items():
                self._plan(unreachable[url], at)
        self._push(after.next_poll_at, played)
        _look(played, now)


def _played(number: int, published: Sequence[datetime], chance: random.Random) -> Played:
    shift = START - published[0]
    moved = [at + shift for at in published]
    url = f"https://feed{number}.example.org/rss"
    # The feed has published for a while when it is first visited.
    state = PollState(feed_url=url, next_poll_at=START + HOUR * chance.random())
    end = moved[-1] + SILENT_AFTER
    return Played(Feed(name=str(number), url=url), moved, outages(chance, end), errors(chance), state, end)


def _answer(
    played: Played, now: datetime, digests: Sequence[datetime], chance: random.Random, document: int = 30
) -> PollState:
    newest = bisect_right(played.published, now)
    shown = played.published[max(0, newest - document) : newest]
    entries = tuple(
        Entry(feed_url=played.feed.url, id=str(at), story=str(at), published=at, first_seen=now)
        for at in shown
    )
    coming = bisect_right(digests, now)
    after = pace.after_answer(
        played.state,
        feed=played.feed,
        validators=Validators(),
        parsed=ParsedFeed(title="", site_url="", entries=entries),
        is_document=True,
        is_news=newest > played.known,
        max_age=None,
        demand=Demand(digests=digests[coming : coming + 4]),
        options=OPTIONS,
        now=now,
        jitter=chance.random(),
    )
    played.known = newest
    return after


def _look(played: Played, now: datetime) -> None:
    """Tell, at the next tick after a visit, how the feed does; a visit within five minutes counts as at once."""
    usual = None
    if health.may_be_quiet(played.state):
        usual = health.usual_silence(played.published[max(0, played.known - health.DATES) : played.known])
    found = health.health_of(played.state, usual)
    if found is not played.health and found in (FeedHealth.DEAD, FeedHealth.QUIET):
        played.told.append((found, now + TICK))
    played.health = found


def judge(played: Played, others_away: Sequence[Away], counts: Counts, company: datetime) -> None:
    """Count what was told rightly of a feed, and what not; `company` is until when four others are in play."""
    counts.months += (played.end - START) / DAY / 30.4
    dead = [at for found, at in played.told if found is FeedHealth.DEAD]
    long = [away for away in played.away if away.end - away.start > DAY]
    counts.false_dead += [
        f"feed {played.feed.name} at {at}"
        for at in dead
        if not any(away.start + DAY <= at <= away.end + TICK for away in long)
    ]
    for away in long:
        if away.end > company or any(
            away.meets(other) for other in others_away if other.end - other.start > HOUR
        ):
            continue
        counts.real += 1
        counts.delays += [(at - away.start) / HOUR for at in dead if away.start <= at <= away.end + TICK][:1]
    usual = health.usual_silence(played.published)
    for found, at in played.told:
        if found is FeedHealth.QUIET:
            newest = played.published[bisect_right(played.published, at) - 1]
            if usual is None or at - newest <= max(3 * usual, 7 * DAY):
                counts.false_quiet.append(f"feed {played.feed.name} at {at}")
    if usual is not None and (bound := max(3 * usual, 7 * DAY)) < SILENT_AFTER - DAY:
        counts.quiet += 1
        due = played.published[-1] + bound
        told = [at for found, at in played.told if found is FeedHealth.QUIET and at > played.published[-1]]
        counts.quiet_told += [(at - due) / DAY for at in told][:1]


def main() -> None:
    """Print what was told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--runs", type=int, default=3, help="with other chances each")
    arguments = parser.parse_args()
    rhythms = read(arguments.file) if arguments.file else made_up()
    counts = Counts()
    for run in range(arguments.runs):
        play = Play(rhythms, random.Random(run))
        play.run()
        company = sorted(played.end for played in play.feeds)[-min(5, len(play.feeds))]
        for played in play.feeds:
            judge(played, play.away, counts, company)
    print(f"{len(rhythms)} feeds, {arguments.runs} runs, {counts.months:.0f} feed-months")
    print(
        f"dead: {len(counts.false_dead)} false; of {counts.real} of three days {len(counts.delays)} told",
        end="",
    )
    if counts.delays:
        spread = sorted(counts.delays)
        print(
            f", {spread[0]:.1f} to {spread[-1]:.1f} h after they began (median {spread[len(spread) // 2]:.1f})",
            end="",
        )
    print()
    rate = 100 * len(counts.false_quiet) / counts.months
    print(f"quiet: {len(counts.false_quiet)} false, {rate:.2f} in 100 feed-months; ", end="")
    print(f"of {counts.quiet} that fell silent {len(counts.quiet_told)} told", end="")
    if counts.quiet_told:
        print(
            f", {min(counts.quiet_told):.1f} to {max(counts.quiet_told):.1f} days after that was so", end=""
        )
    print()
    for line in [*counts.false_dead, *counts.false_quiet][:20]:
        print(" ", line)


if __name__ == "__main__":
    main()
