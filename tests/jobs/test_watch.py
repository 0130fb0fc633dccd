from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.config.options import Feed, Subscription
from monitor.errors import FetchError, ParseError
from monitor.jobs.watch import Room, clock_error, is_nearly_full, room_of, watch, watched_feeds
from monitor.model.feeds import FeedHealth, PollState
from monitor.model.notices import KnownTrouble, NoticeKind
from monitor.store import feeds, notices
from tests import make
from tests.jobs.desk import Desk
from tests.make import NOW

GOOD, BAD = (
    make.feed("好报", url="https://a.example.org/rss"),
    make.feed("坏报", url="https://b.example.org/rss"),
)
GB = 1_000_000_000
PLENTY = Room(free=100 * GB, total=200 * GB)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


async def looked(desk: Desk, room: Room = PLENTY, watched: tuple[Feed, ...] | None = None) -> None:
    """Let the watch look once."""
    watched = tuple(desk.feeds) if watched is None else watched
    await watch(watched, db=desk.db, now=desk.clock(), room_of=lambda _: room)


async def troubles(desk: Desk) -> list[KnownTrouble]:
    return await desk.db.read(notices.open_troubles)


async def told(desk: Desk) -> list[tuple[NoticeKind, str]]:
    return [(known.trouble.kind, known.trouble.details) for known in await troubles(desk)]


async def health(desk: Desk) -> list[FeedHealth]:
    return [each.health for each in await desk.db.read(watched_feeds, desk.feeds)]


async def hours_pass(desk: Desk, hours: int) -> None:
    """Poll every hour, and look each time."""
    for _ in range(hours):
        desk.clock.forward(hours=1)
        await desk.poll()
        await looked(desk)


@pytest.fixture
def two(desk: Desk) -> Desk:
    """Two feeds, the second of which fails."""
    desk.feeds = (GOOD, BAD)
    desk.web.serves(GOOD, make.rss("AI"))
    desk.web.serves(BAD, FetchError("HTTP 404: Not Found", status=404))
    return desk


async def test_a_feed_that_fails_for_a_day_is_told_and_told_once_more_when_it_works_again(two: Desk) -> None:
    await hours_pass(two, 24)
    assert await told(two) == []
    assert await health(two) == [FeedHealth.OK, FeedHealth.FAILING]
    await hours_pass(two, 2)
    assert await told(two) == [(NoticeKind.FEED_DEAD, "坏报: HTTP 404: Not Found")]
    assert (await troubles(two))[0].trouble.since == NOW + HOUR
    assert await health(two) == [FeedHealth.OK, FeedHealth.DEAD]
    two.web.serves(BAD, make.rss("B"))
    await hours_pass(two, 1)
    assert await told(two) == []
    assert await health(two) == [FeedHealth.OK, FeedHealth.OK]


async def test_a_page_in_place_of_a_feed_is_a_dead_feed_after_a_day(two: Desk) -> None:
    two.web.serves(BAD, ParseError("this is a web page, not a feed"))
    await hours_pass(two, 26)
    assert await told(two) == [(NoticeKind.FEED_DEAD, "坏报: this is a web page, not a feed")]


async def test_nothing_is_dead_while_the_network_is_away(two: Desk) -> None:
    two.web.serves(BAD, make.rss("B"))
    await hours_pass(two, 2)
    for feed in two.feeds:
        two.web.serves(feed, FetchError("no connection", connection=True))
    await hours_pass(two, 72)
    assert await told(two) == []
    assert await health(two) == [FeedHealth.FAILING, FeedHealth.FAILING]


async def test_a_dead_feed_that_leaves_config_toml_is_over(two: Desk) -> None:
    await hours_pass(two, 26)
    await looked(two, watched=(GOOD,))
    assert await told(two) == []


async def test_that_a_dead_feed_is_gone_is_told_by_itself(two: Desk) -> None:
    two.web.serves(BAD, FetchError("HTTP 410: Gone", status=410, permanent=True))
    await hours_pass(two, 26)
    assert [kind for kind, _ in await told(two)] == [NoticeKind.FEED_DEAD]
    (swarm,) = await two.db.read(notices.swarms)
    await two.db.write(notices.mark_told, await two.db.read(notices.untold, swarm), two.clock())
    await hours_pass(two, 24)
    assert await told(two) == [(NoticeKind.FEED_GONE, "坏报")]
    assert await health(two) == [FeedHealth.OK, FeedHealth.GONE]
    assert [swarm.kind for swarm in await two.db.read(notices.swarms)] == [NoticeKind.FEED_GONE]


async def test_a_feed_that_is_silent_for_much_longer_than_usual_is_told(desk: Desk) -> None:
    desk.feeds = (GOOD,)
    items = [make.item(f"AI {day}", id=str(day), published=NOW - timedelta(days=day)) for day in range(10)]
    desk.web.serves(GOOD, make.document(*items), None)
    await desk.poll()
    for _ in range(7):
        desk.clock.forward(days=1)
        await desk.poll()
        await looked(desk)
    assert await told(desk) == []
    desk.clock.forward(hours=1)
    await desk.poll()
    await looked(desk)
    details = "好报: silent since 2026-11-24, usually no longer than a day"
    assert await told(desk) == [(NoticeKind.FEED_QUIET, details)]
    assert await health(desk) == [FeedHealth.QUIET]
    desk.web.serves(GOOD, make.document(make.item("AI new", id="new", published=desk.clock())))
    desk.clock.forward(hours=1)
    await desk.poll()
    await looked(desk)
    assert await told(desk) == []


async def test_how_long_a_seldom_feed_is_silent_is_told_in_days(desk: Desk) -> None:
    desk.feeds = (GOOD,)
    items = [make.item(f"AI {n}", id=str(n), published=NOW - timedelta(days=3 * n)) for n in range(10)]
    desk.web.serves(GOOD, make.document(*items), None)
    await desk.poll()
    desk.clock.forward(days=10)
    await desk.poll()
    await looked(desk)
    assert [details for _, details in await told(desk)] == [
        "好报: silent since 2026-11-24, usually no longer than 3 days"
    ]


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
async def test_a_disk_that_is_nearly_full_is_told_until_there_is_room_again(desk: Desk) -> None:
    desk.feeds = ()
    await looked(desk, Room(free=GB // 10, total=100 * GB))
    assert await told(desk) == [(NoticeKind.DISK_FULL, "100 MB of 100000 MB are free.")]
    await looked(desk, Room(free=GB * 6 // 10, total=100 * GB))
    assert await told(desk) == [(NoticeKind.DISK_FULL, "100 MB of 100000 MB are free.")]
    await looked(desk)
    assert await told(desk) == []


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
async def test_the_disk_of_a_server_is_not_looked_at(desk: Desk) -> None:
    await looked(desk, Room(free=0, total=GB))
    assert await told(desk) == []


@pytest.mark.parametrize(
    ("free", "total", "was", "is_full"),
    [
        (499, 1_000_000, False, True),
        (501, 1_000_000, False, False),
        (700, 1_000_000, True, True),
        (751, 1_000_000, True, False),
        (99, 1_000, False, True),
        (101, 1_000, False, False),
        (49, 100, False, True),
        (51, 100, False, False),
    ],
)
def test_a_disk_is_nearly_full_below_a_tenth_or_half_a_gigabyte(
    free: int, total: int, was: bool, is_full: bool
) -> None:
    assert is_nearly_full(Room(free=free * 1_000_000, total=total * 1_000_000), was=was) is is_full


def test_the_room_is_that_of_the_file_system(tmp_path: Path) -> None:
    room = room_of(tmp_path)
    assert 0 < room.free < room.total


def answered(host: str, minutes: float | None, **differ: Any) -> PollState:
    """A feed whose server's clock was so many minutes ahead of this machine's."""
    ahead = None if minutes is None else minutes * MINUTE
    state = PollState(feed_url=f"https://{host}.example.org/", next_poll_at=NOW, visited=NOW, ahead=ahead)
    return replace(state, **differ)


@pytest.mark.parametrize(
    ("states", "error"),
    [
        ([answered("a", 20), answered("b", 21)], 21 * MINUTE),
        ([answered("a", -90), answered("b", -91), answered("c", 0)], -90 * MINUTE),
        ([answered("a", 20), answered("b", 0)], None),
        ([answered("a", 20), answered("b", -20)], None),
        ([answered("a", 4), answered("b", 4)], None),
        ([answered("a", 20)], None),
        ([answered("a", 20), answered("a", 20, feed_url="https://a.example.org/2")], None),
        ([answered("a", 20), answered("b", None)], None),
        ([answered("a", 20), answered("b", 20, visited=NOW - timedelta(days=2))], None),
        ([answered("a", 20), answered("b", 20, visited=None)], None),
        ([], None),
    ],
)
def test_the_clock_is_wrong_where_most_servers_say_so(
    states: list[PollState], error: timedelta | None
) -> None:
    assert clock_error(states, NOW) == error


async def test_a_clock_that_is_wrong_is_told_by_how_much(two: Desk) -> None:
    await two.register()

    async def ahead(minutes: float) -> None:
        for state in await two.db.read(feeds.states):
            await two.db.write(feeds.save, replace(state, visited=NOW, ahead=minutes * MINUTE))
        await looked(two)

    await ahead(23.4)
    assert await told(two) == [(NoticeKind.CLOCK_WRONG, "It is 23 minutes behind.")]
    await ahead(-60 * 24)
    assert await told(two) == [(NoticeKind.CLOCK_WRONG, "It is 24 hours ahead.")]
    await ahead(0)
    assert await told(two) == []


async def test_the_servers_date_is_kept_beside_our_own_time(two: Desk) -> None:
    def answer(feed: Feed, minutes: float) -> None:
        two.web.serves(feed, make.rss("AI"), date=two.clock() + minutes * MINUTE)

    answer(GOOD, 7)
    await two.poll()
    state = next(state for state in await two.db.read(feeds.states) if state.feed_url == GOOD.url)
    assert state.ahead == 7 * MINUTE


async def test_a_year_without_known_holidays_is_told_once_and_only_where_working_days_are_asked_for(
    desk: Desk,
) -> None:
    workdays = make.subscription(every=None, at=(time(8),), days=(8,))
    desk.clock.now = datetime(2098, 12, 20, tzinfo=UTC)

    async def look(*subscriptions: Subscription) -> list[NoticeKind]:
        await watch(
            desk.feeds, subscriptions=subscriptions, db=desk.db, now=desk.clock(), room_of=lambda _: PLENTY
        )
        return [kind for kind, _ in await told(desk)]

    assert await look(make.subscription()) == []
    assert await look(workdays) == [NoticeKind.CALENDAR_ENDS]
    desk.clock.forward(days=1)
    assert await look(workdays) == [NoticeKind.CALENDAR_ENDS]
    (known,) = await troubles(desk)
    assert (known.trouble.details, known.changed_at) == (
        "Holidays of 2098 are not known.",
        datetime(2098, 12, 20, tzinfo=UTC),
    )
    assert await look(make.subscription()) == [], "nobody asks the calendar any more"
