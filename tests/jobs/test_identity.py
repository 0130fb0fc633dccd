"""What is new in a document: where ids change, a feed is made anew, or two feeds bring one article."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import select

from monitor.feeds.rhythm import Demand
from monitor.jobs.backfill import backfill
from monitor.jobs.compose import Composed
from monitor.jobs.poll import Polled, PollOutcome, claim_all, poll
from monitor.model.notices import NoticeKind
from monitor.store import digests, entries, feeds, notices, tables
from monitor.store.database import Connection, Database
from tests import make
from tests.fakes import FakeWeb
from tests.jobs.desk import FETCH, Desk
from tests.make import NOW, document, item
from tests.parsing import parse_here

SITE = "https://news.example.org"


async def visit(desk: Desk, *items: str) -> Polled:
    """Poll the first feed, which brings these items."""
    desk.web.serves(desk.feeds[0], document(*items))
    return polled((await desk.poll())[0])


def polled(outcome: PollOutcome) -> Polled:
    assert isinstance(outcome, Polled)
    return outcome


async def digest(desk: Desk) -> list[str]:
    """Compose what is pending; return the titles, by the order in which they arrived."""
    desk.clock.forward(minutes=1)
    outcome = await desk.compose()
    if not isinstance(outcome, Composed):
        return []
    return await desk.db.read(_titles_of_last_digest)


def _titles_of_last_digest(tx: Connection) -> list[str]:
    seqs: list[int] = []
    for number in count(1):
        if not (brought := digests.entries_of(tx, number)):
            return [entry.title for _, entry in entries.of(tx, seqs)]
        seqs = list(brought)
    raise AssertionError  # unreachable: a digest without entries is not made


def built(time: str, *numbers: int) -> list[str]:
    """The items of a document whose ids hold the time at which it was built."""
    return [
        item(f"大模型之{number}", id=f"{number}-{time}", link=f"{SITE}/{number}?at={time}")
        for number in numbers
    ]


# --- ids that change at each visit -------------------------------------------------------------------


async def test_ids_that_change_at_each_visit_bring_nothing_twice(desk: Desk) -> None:
    assert (await visit(desk, *built("0800", 1, 2, 3, 4, 5))).new == 5
    assert (await visit(desk, *built("0900", 1, 2, 3, 4, 5))).new == 0
    outcome = await visit(desk, *built("1000", 6, 1, 2, 3, 4))
    assert (outcome.new, outcome.matched) == (1, 1)
    assert (await visit(desk, *built("1100", 6, 1, 2, 3, 4))).new == 0
    assert len(await digest(desk)) == 6


async def test_half_of_the_ids_may_change_and_the_others_identify_still(desk: Desk) -> None:
    await visit(desk, *built("0800", 1, 2, 3, 4))
    assert (await visit(desk, *built("0800", 1, 2), *built("0900", 3, 4))).new == 2
    (feed,) = await desk.db.read(feeds.registered)
    assert not feed.ids_change


async def test_a_column_brings_an_entry_each_day_while_its_feed_keeps_ids(desk: Desk) -> None:
    days = [item("AI 早报", id=f"day{day}", link=f"{SITE}/daily/") for day in range(5)]
    await visit(desk, days[0])
    for day in range(1, 5):
        assert (await visit(desk, *reversed(days[: day + 1]))).new == 1
        assert await digest(desk)


async def test_a_column_that_stands_alone_in_its_feed_brings_an_entry_each_day(desk: Desk) -> None:
    for day in range(3):
        issue = item("AI 早报", id=f"day{day}", link=f"{SITE}/daily/", published=NOW + timedelta(days=day))
        assert (await visit(desk, issue)).new == 1
        assert await digest(desk) == ["AI 早报"]
        desk.clock.forward(days=1)


async def test_an_id_with_tracking_parameters_is_known_without_them(desk: Desk) -> None:
    for campaign, new in (("a", 1), ("b", 0)):
        ids = [f"{SITE}/1?utm_campaign={campaign}"]
        assert (await visit(desk, *(item("大模型", id=own, link=own) for own in ids))).new == new


async def test_a_site_that_moves_to_www_and_https_brings_nothing_twice(desk: Desk) -> None:
    hosts = ("http://news.example.org", "https://www.news.example.org")
    for host, new in zip(hosts, (3, 0), strict=True):
        items = [
            item(f"大模型之{number}", id=f"{host}/{number}", link=f"{host}/{number}") for number in range(3)
        ]
        assert (await visit(desk, *items)).new == new


# --- a feed that is made anew ------------------------------------------------------------------------


def old_items(count: int, *, days: float) -> list[str]:
    published = NOW - timedelta(days=days)
    return [
        item(f"大模型旧闻{number}", id=f"old{number}", link=f"{SITE}/old/{number}", published=published)
        for number in range(count)
    ]


async def test_many_old_entries_at_a_later_visit_are_held_back_and_told(desk: Desk) -> None:
    today = item("大模型降价", id="1", link=f"{SITE}/1")
    await visit(desk, today)
    await digest(desk)
    new = item("AI新规", id="2", link=f"{SITE}/2")
    outcome = await visit(desk, new, today, *old_items(20, days=8))
    assert (outcome.new, outcome.matched, outcome.held_back) == (1, 1, 20)
    assert await digest(desk) == ["AI新规"]
    (trouble,) = await desk.db.read(notices.open_troubles)
    assert trouble.trouble.kind is NoticeKind.FEED_RESET
    assert "20 entries" in trouble.trouble.content
    (offered,) = await backfill(
        [desk.subscription],
        context=desk.context,
        since=NOW - timedelta(days=30),
        now=NOW,
        db=desk.db,
        held_back=True,
    )
    assert len(offered.entries) == 20
    assert len(await digest(desk)) == 20


async def test_a_few_old_entries_or_young_ones_are_news(desk: Desk) -> None:
    today = item("大模型降价", id="1", link=f"{SITE}/1")
    await visit(desk, today)
    assert (await visit(desk, today, *old_items(19, days=8))).new == 19
    younger = [part.replace("old", "young") for part in old_items(30, days=6)]
    assert (await visit(desk, today, *younger)).new == 30
    assert await desk.db.read(notices.open_troubles) == []


# --- one story from two feeds ------------------------------------------------------------------------


async def two_feeds(desk: Desk, one: list[str], two: list[str]) -> list[str]:
    desk.feeds = [make.feed(name, url=f"https://{name}.example.org/rss") for name in ("one", "two")]
    desk.web.serves(desk.feeds[0], document(*one))
    desk.web.serves(desk.feeds[1], document(*two))
    await desk.poll()
    return await digest(desk)


async def test_two_feeds_bring_a_story_in_one_digest_as_one_item(desk: Desk) -> None:
    one = item("大模型降价", id="a", link=f"{SITE}/1/?utm_source=one")
    two = item("大模型又降价", id="b", link="http://m.news.example.org/1#top")
    assert len(await two_feeds(desk, [one], [two])) == 2
    (mailing,) = await desk.db.read(digests.mailings, "//news.example.org/1")
    assert mailing.lead is None
    lead = select(tables.digest_entries.c.lead)
    assert await desk.db.read(lambda tx: list(tx.scalars(lead.order_by(tables.digest_entries.c.seq)))) == [
        None,
        1,
    ]


async def test_a_story_that_was_mailed_comes_by_another_feed_no_more(desk: Desk) -> None:
    story = item("大模型降价", id="a", link=f"{SITE}/1")
    assert await two_feeds(desk, [story], []) == ["大模型降价"]
    desk.clock.forward(days=20)
    assert await two_feeds(desk, [story], [story]) == []


async def test_a_home_page_is_no_story(desk: Desk) -> None:
    one, two = (item(f"大模型之{name}", id=name, link=f"{SITE}/") for name in ("一", "二"))
    assert len(await two_feeds(desk, [one], [two])) == 2


async def test_an_address_that_a_feed_gives_another_entry_later_is_no_story(desk: Desk) -> None:
    for day in range(3):
        await visit(desk, item(f"AI 快讯第{day}期", id=f"{day}", link=f"{SITE}/live"))
        assert await digest(desk) == [f"AI 快讯第{day}期"]


# --- titles that change ------------------------------------------------------------------------------


def titled(title: str, entry_id: str = "1") -> str:
    return item(title, id=entry_id, link=f"{SITE}/{entry_id}")


async def test_an_entry_whose_new_title_matches_is_in_the_next_digest(desk: Desk) -> None:
    await visit(desk, titled("快讯"))
    assert await digest(desk) == []
    outcome = await visit(desk, titled("快讯：大模型降价"))
    assert (outcome.new, outcome.retitled, outcome.matched) == (0, 1, 1)
    assert await digest(desk) == ["快讯：大模型降价"]


async def test_an_entry_that_was_mailed_is_mailed_under_its_new_title_once(desk: Desk) -> None:
    await visit(desk, titled("大模型降价"))
    assert await digest(desk) == ["大模型降价"]
    assert (await visit(desk, titled("大模型涨价"))).retitled == 1
    assert await digest(desk) == ["大模型涨价"], "as an update: see test_stories.py"
    assert await digest(desk) == []


async def test_of_two_titles_between_two_digests_the_last_one_counts(desk: Desk) -> None:
    await visit(desk, titled("大模型降价"), titled("AI 新规", "2"))
    outcome = await visit(desk, titled("大模型涨价"), titled("更正", "2"))
    assert (outcome.retitled, outcome.matched) == (2, 1)
    assert await digest(desk) == ["大模型涨价"]
    assert await desk.db.read(entries.count_news, 0, 99) == 2


async def test_capitals_widths_spaces_and_punctuation_make_no_new_title(desk: Desk) -> None:
    await visit(desk, titled("AI 新规，今日公布"))
    assert (await visit(desk, titled("ＡＩ新规: 今日公布!"))).retitled == 0
    assert (await visit(desk, titled("ai 新规 今日公布"))).retitled == 0


async def test_a_counter_in_a_title_makes_ten_editions_at_most(desk: Desk) -> None:
    outcomes = [await visit(desk, titled(f"大模型直播：{number} 人在看")) for number in range(15)]
    assert sum(outcome.retitled for outcome in outcomes) == 9
    assert await desk.db.read(entries.newest_seq) == 10
    assert await digest(desk) == ["大模型直播：9 人在看"]


async def test_a_title_made_of_the_text_is_none_that_changes(desk: Desk) -> None:
    for text in ("大模型降价", "大模型又降价了"):
        outcome = await visit(
            desk, f"<item><guid isPermaLink='false'>1</guid><description>{text}</description></item>"
        )
        assert outcome.retitled == 0


async def test_an_entry_that_was_held_back_stays_so_under_its_new_title(desk: Desk) -> None:
    desk.feeds = (make.feed(first_visit=timedelta(hours=1)),)
    assert (await visit(desk, titled("快讯"))).held_back == 1
    outcome = await visit(desk, titled("大模型降价"))
    assert (outcome.retitled, outcome.matched) == (1, 0)
    assert await digest(desk) == []


async def test_a_backfilled_entry_is_mailed_under_its_new_title(desk: Desk) -> None:
    desk.feeds = (make.feed(first_visit=timedelta(hours=1)),)
    await visit(desk, titled("大模型降价"))
    await desk.register()
    since = NOW - timedelta(days=30)
    await backfill(
        [desk.subscription], context=desk.context, since=since, now=NOW, db=desk.db, held_back=True
    )
    await visit(desk, titled("大模型涨价"))
    assert await digest(desk) == ["大模型涨价"]


async def test_two_items_of_one_known_entry_change_no_title(desk: Desk) -> None:
    await visit(desk, item("大模型降价", id=f"{SITE}/1", link=f"{SITE}/1"))
    one, other = (
        item(f"大模型{what}", id=f"{scheme}://news.example.org/1")
        for scheme, what in (("http", "甲"), ("https", "乙"))
    )
    outcome = await visit(desk, one, other)
    assert (outcome.new, outcome.retitled) == (0, 0)


@dataclass
class Interrupted:
    """A database to which something happens after each answer."""

    db: Database
    meanwhile: Callable[[], Awaitable[object]]

    async def read(self, function: Callable[..., Any], *arguments: Any) -> Any:
        answer = await self.db.read(function, *arguments)
        await self.meanwhile()
        return answer

    async def write(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await self.db.write(function, *arguments)


async def test_what_becomes_another_title_meanwhile_is_matched_before_the_next_digest(desk: Desk) -> None:
    await visit(desk, titled("大模型降价"))
    ((_, state),) = await claim_all(desk.feeds, db=desk.db, now=desk.clock(), options=FETCH)
    slow = FakeWeb()
    slow.serves(desk.feeds[0], document(titled("大模型降价"), titled("天气", "2")))

    async def another_poll() -> None:
        await visit(desk, titled("更正"))

    outcome = await poll(
        desk.feeds[0],
        state,
        demand=Demand(),
        fetch=slow.fetch,
        parse=parse_here,
        rules=desk.ruleset,
        options=FETCH,
        db=Interrupted(desk.db, another_poll),  # type: ignore[arg-type]  # reads and writes
        clock=desk.clock,
        settled_clock=desk.clock,
        jitter=lambda: 0,
    )
    assert polled(outcome).retitled == 1
    assert await digest(desk) == ["大模型降价"]
