"""A feed that has moved for good, or is gone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.config.options import Feed
from monitor.errors import FetchError
from monitor.jobs.poll import Polled, PollFailed, PollOutcome, Unchanged, claim
from monitor.model.feeds import PollState, Validators
from monitor.model.notices import NoticeKind
from monitor.store import feeds, notices
from tests import make
from tests.jobs.desk import FETCH, Desk

OLD = make.feed("示例", url="https://old.example.org/rss?token=abcdefgh12345678")
NEW = replace(OLD, url="https://new.example.org/rss")
GONE = FetchError("HTTP 410 Gone", status=410, permanent=True)


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.feeds = (OLD,)
    return desk


async def poll(desk: Desk) -> PollOutcome:
    (outcome,) = await desk.poll()
    return outcome


async def state(desk: Desk) -> PollState:
    (state,) = await desk.db.read(feeds.states)
    return state


async def told(desk: Desk) -> list[tuple[NoticeKind, str]]:
    return [
        (known.trouble.kind, known.trouble.content) for known in await desk.db.read(notices.open_troubles)
    ]


async def move(desk: Desk) -> None:
    """Visit the feed at its url, and three times where permanent redirects lead."""
    desk.web.serves(OLD, make.rss("大模型降价", "AI新规"))
    await poll(desk)
    desk.web.serves(OLD, make.rss("大模型降价", "AI新规"), None, moved_to=NEW.url)
    for _ in range(3):
        outcome = await poll(desk)
    assert isinstance(outcome, Unchanged)
    assert outcome.adopted == NEW.url


async def test_a_feed_is_asked_where_permanent_redirects_led_three_times(desk: Desk) -> None:
    await move(desk)
    assert await told(desk) == [(NoticeKind.FEED_MOVED, f"示例: {NEW.url}")]
    desk.web.serves(NEW, make.rss("大模型降价", "AI新规", "AI监管"))
    outcome = await poll(desk)
    assert isinstance(outcome, Polled)
    assert (outcome.new, outcome.adopted) == (1, "")
    assert desk.web.requests[-1][0] == NEW.url
    assert (await state(desk)).feed_url == OLD.url


async def test_an_address_that_brings_another_feed_is_not_adopted(desk: Desk) -> None:
    desk.web.serves(OLD, make.rss("大模型降价", "AI新规"))
    await poll(desk)
    ads = (make.rss(*(f"广告{number}{letter}" for letter in "甲乙丙")) for number in range(4))
    desk.web.serves(OLD, *ads, make.rss(), moved_to=NEW.url)
    for _ in range(8):
        await poll(desk)
    assert (await state(desk)).asks == ""
    assert await told(desk) == []


async def test_the_same_bytes_of_another_feed_are_not_adopted(desk: Desk) -> None:
    desk.web.serves(OLD, make.rss("大模型降价", "AI新规"))
    await poll(desk)
    desk.web.serves(OLD, make.rss("广告一", "广告二"), moved_to=NEW.url)
    for _ in range(5):
        await poll(desk)
    assert (await state(desk)).asks == ""


@pytest.mark.parametrize(
    "feed",
    [
        replace(OLD, username="me", password_file="password"),
        replace(OLD, headers=(("X-Key", "k"),)),
    ],
)
async def test_a_feed_with_a_login_is_asked_at_its_own_host_alone(desk: Desk, feed: Feed) -> None:
    desk.feeds = (feed,)
    for address, asks in ((NEW.url, ""), ("https://old.example.org/new", "https://old.example.org/new")):
        desk.web.serves(feed, make.rss("大模型降价", "AI新规"), moved_to=address)
        await poll(desk)
        desk.web.serves(feed, None, moved_to=address)
        for _ in range(2):
            await poll(desk)
        assert (await state(desk)).asks == asks


async def test_a_feed_that_redirects_from_its_first_visit_is_asked_there_too(desk: Desk) -> None:
    desk.web.serves(OLD, make.rss("大模型降价"), moved_to=NEW.url)
    outcomes = [await poll(desk) for _ in range(3)]
    assert [outcome.adopted for outcome in outcomes if not isinstance(outcome, PollFailed)] == [
        *("", ""),
        NEW.url,
    ]


async def test_the_third_visit_may_bring_news(desk: Desk) -> None:
    documents = [make.rss(*(f"大模型{number}" for number in range(length))) for length in (2, 3, 4)]
    desk.web.serves(OLD, *documents, moved_to=NEW.url)
    outcomes = [await poll(desk) for _ in range(3)]
    assert isinstance(outcomes[-1], Polled)
    assert (outcomes[-1].new, outcomes[-1].adopted) == (1, NEW.url)


async def test_an_adopted_address_that_is_no_feed_any_more_is_given_up(desk: Desk) -> None:
    await move(desk)
    desk.web.serves(NEW, b"<html><body>for sale</body></html>")
    outcome = await poll(desk)
    assert isinstance(outcome, PollFailed)
    assert outcome.next_poll_at == desk.clock()
    assert await told(desk) == [], "nothing is to be done any more"
    desk.web.serves(OLD, make.rss("大模型降价", "AI监管"))
    outcome = await poll(desk)
    assert isinstance(outcome, Polled)
    assert outcome.new == 1
    assert desk.web.requests[-1] == (OLD.url, Validators())


async def test_at_a_moved_site_entries_are_known_by_their_links(desk: Desk) -> None:
    def site(host: str) -> bytes:
        links = [f"https://news.example.org/{number}" for number in range(3)]
        return make.document(
            *(make.item(f"大模型{link[-1]}", id=f"tag:{host},{link[-1]}", link=link) for link in links)
        )

    desk.web.serves(OLD, site("old"))
    await poll(desk)
    desk.web.serves(OLD, site("new"), moved_to=NEW.url)
    outcome = await poll(desk)
    assert isinstance(outcome, Polled)
    assert outcome.new == 0


async def test_a_feed_that_is_gone_is_asked_no_more_until_somebody_does(desk: Desk) -> None:
    desk.web.serves(OLD, make.rss("大模型降价"))
    await poll(desk)
    desk.web.serves(OLD, GONE)
    for _ in range(3):
        outcome = await poll(desk)
        desk.clock.forward(days=1)
    assert isinstance(outcome, PollFailed)
    assert outcome.stopped
    assert await told(desk) == [(NoticeKind.FEED_GONE, "示例")]
    desk.clock.forward(days=30)
    due = {"db": desk.db, "now": desk.clock(), "options": FETCH, "limit": 9}
    assert await claim(desk.feeds, **due) == []  # type: ignore[arg-type]  # each name has its type there
    assert len(await claim(desk.feeds, by_hand=True, **due)) == 1  # type: ignore[arg-type]  # as above
    desk.web.serves(OLD, make.rss("大模型降价"))
    await poll(desk)
    assert await told(desk) == []
    assert not (await state(desk)).stopped


async def test_an_outage_of_hours_is_no_feed_that_is_gone(desk: Desk) -> None:
    desk.web.serves(OLD, GONE)
    for _ in range(9):
        await poll(desk)
        desk.clock.forward(hours=5)
    assert not (await state(desk)).stopped
    assert await told(desk) == []
    assert (await state(desk)).next_poll_at > desk.clock() - timedelta(days=1)
