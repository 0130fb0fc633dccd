"""A feed whose url was edited: the same feed at another place, or another feed."""

from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from monitor.config.options import Feed
from monitor.errors import FetchError
from monitor.feeds.fetch import Fetched, NotModified
from monitor.jobs.comparison import NewUrl
from monitor.jobs.compose import Composed
from monitor.jobs.poll import Polled, PollFailed, PollOutcome, Unchanged, claim
from monitor.jobs.rematch import rematch
from monitor.loaded import LoadedConfig, load
from monitor.model.feeds import RegisteredFeed, Validators
from monitor.service.register import moves, register
from monitor.store import feeds, notices
from tests import make
from tests.jobs.desk import Desk
from tests.make import NOW
from tests.site import CONFIG

OLD, NEW, OTHER = (
    make.feed("示例", url=f"https://{host}.example.org/rss") for host in ("old", "new", "other")
)
AI, CHIPS, RULES = "AI新规", "大模型降价", "AI监管"


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedConfig:
    text = CONFIG.format(store="sqlite:///unused.db", port=25, ca_file="", url=OLD.url)
    (tmp_path / "config.toml").write_text(text, "utf-8")
    return load(tmp_path / "config.toml")


async def visit(desk: Desk, loaded: LoadedConfig, *in_file: Feed) -> list[PollOutcome]:
    """Register a file with these feeds, and poll them."""
    desk.feeds = in_file
    config = replace(loaded.config, feeds=in_file)
    await desk.db.write(register, replace(loaded, config=config), desk.clock())
    return await desk.poll()


async def new_titles(desk: Desk) -> int:
    """Compose what is pending; return the count of its entries."""
    desk.clock.forward(seconds=1)
    outcome = await desk.compose()
    return outcome.entries if isinstance(outcome, Composed) else 0


async def keys_and_urls(desk: Desk) -> list[tuple[str, str]]:
    return [(feed.key, feed.url) for feed in await desk.db.read(feeds.registered)]


async def test_the_same_feed_at_a_new_url_keeps_what_is_known(desk: Desk, loaded: LoadedConfig) -> None:
    desk.web.serves(OLD, make.rss(AI, CHIPS))
    desk.web.serves(NEW, make.rss(RULES, AI, CHIPS))
    await visit(desk, loaded, OLD)
    assert await new_titles(desk) == 2
    (outcome,) = await visit(desk, loaded, NEW)
    assert isinstance(outcome, Polled)
    assert (outcome.new_url, outcome.new, outcome.held_back) == (NewUrl.SAME_FEED, 1, 0)
    assert desk.web.requests[-1] == (NEW.url, Validators()), "what the old server called it is not asked for"
    assert await new_titles(desk) == 1
    assert await keys_and_urls(desk) == [(OLD.url, NEW.url)]
    (outcome,) = await visit(desk, loaded, NEW)
    assert isinstance(outcome, Unchanged)


async def test_another_feed_begins_with_its_first_visit(desk: Desk, loaded: LoadedConfig) -> None:
    desk.web.serves(OLD, make.rss(AI, CHIPS))
    desk.web.serves(NEW, make.rss(AI, "甲", "乙", hours_old=24 * 9))
    await visit(desk, loaded, OLD)
    (outcome,) = await visit(desk, loaded, NEW)
    assert isinstance(outcome, Polled)
    assert (outcome.new_url, outcome.new, outcome.held_back) == (NewUrl.ANOTHER_FEED, 0, 3)
    assert await keys_and_urls(desk) == [(NEW.url, NEW.url), (OLD.url, OLD.url)]
    (outcome,) = await visit(desk, loaded, OLD)
    assert isinstance(outcome, Polled)
    assert outcome.new == 0, "it is known still"


async def test_what_came_since_the_last_visit_is_news_and_what_is_older_than_the_document_before_is_not(
    desk: Desk, loaded: LoadedConfig
) -> None:
    """The old url was broken for a week before somebody gave it the new one, whose document is longer."""
    desk.web.serves(OLD, make.rss(AI, CHIPS))
    await visit(desk, loaded, OLD)
    desk.clock.forward(days=7)
    month_ago, days_ago = (
        make.rss(title).replace(
            format_datetime(NOW - timedelta(hours=3)).encode(),
            format_datetime(desk.clock() - timedelta(days=days)).encode(),
        )
        for title, days in (("AI旧闻", 30), (RULES, 6))
    )
    items = [
        document.partition(b"<item>")[2].partition(b"</channel>")[0] for document in (month_ago, days_ago)
    ]
    document = make.rss(AI, CHIPS).replace(
        b"</channel>", b"".join(b"<item>" + item for item in items) + b"</channel>"
    )
    desk.web.serves(NEW, document)
    (outcome,) = await visit(desk, loaded, NEW)
    assert isinstance(outcome, Polled)
    assert (outcome.new_url, outcome.new, outcome.held_back) == (NewUrl.SAME_FEED, 1, 1)


async def test_until_the_new_url_answers_nothing_is_decided(desk: Desk, loaded: LoadedConfig) -> None:
    desk.web.serves(OLD, make.rss(AI))
    desk.web.serves(NEW, FetchError("HTTP 503", status=503), make.rss(), None, make.rss(AI))
    await visit(desk, loaded, OLD)
    outcomes = [(await visit(desk, loaded, NEW))[0] for _ in range(4)]
    assert isinstance(outcomes[0], PollFailed)
    assert [outcome.new_url for outcome in outcomes if isinstance(outcome, Polled)] == [
        None,
        NewUrl.SAME_FEED,
    ]
    assert await keys_and_urls(desk) == [(OLD.url, NEW.url)]


async def test_an_edit_that_is_taken_back_changes_nothing(desk: Desk, loaded: LoadedConfig) -> None:
    desk.web.serves(OLD, make.rss(AI))
    desk.web.serves(OTHER, FetchError("no such host"))
    await visit(desk, loaded, OLD)
    await visit(desk, loaded, OTHER)
    (outcome,) = await visit(desk, loaded, OLD)
    assert isinstance(outcome, Polled)
    assert (outcome.new_url, outcome.new) == (None, 0)
    assert await keys_and_urls(desk) == [(OLD.url, OLD.url)]


async def test_a_second_edit_before_the_first_was_tried_is_compared_with_what_is_known(
    desk: Desk, loaded: LoadedConfig
) -> None:
    desk.web.serves(OLD, make.rss(AI))
    desk.web.serves(OTHER, FetchError("no such host"))
    desk.web.serves(NEW, make.rss("甲", "乙"))
    await visit(desk, loaded, OLD)
    await visit(desk, loaded, OTHER)
    (outcome,) = await visit(desk, loaded, NEW)
    assert isinstance(outcome, Polled)
    assert outcome.new_url is NewUrl.ANOTHER_FEED
    assert (OLD.url, OLD.url) in await keys_and_urls(desk)


async def test_the_old_url_can_be_given_to_a_feed_of_another_name(desk: Desk, loaded: LoadedConfig) -> None:
    namesake = make.feed("另一个", url=OLD.url)
    desk.web.serves(OLD, make.rss(AI))
    desk.web.serves(NEW, make.rss("甲"))
    await visit(desk, loaded, OLD)
    desk.web.serves(NEW, FetchError("no such host"), make.rss("甲"))
    await visit(desk, loaded, NEW)
    await visit(desk, loaded, NEW, namesake)
    assert await keys_and_urls(desk) == [
        (NEW.url, NEW.url),
        (f"{OLD.url} #2", OLD.url),
        (OLD.url, f"{OLD.url} #2"),
    ]


async def test_a_poll_of_the_old_url_that_was_under_way_stores_nothing(
    desk: Desk, loaded: LoadedConfig
) -> None:
    desk.web.serves(OLD, make.rss(AI))
    desk.web.serves(NEW, make.rss(AI))
    await visit(desk, loaded, OLD)

    async def edited_meanwhile(feed: Feed, validators: Validators) -> Fetched | NotModified:
        config = replace(loaded.config, feeds=(NEW,))
        await desk.db.write(register, replace(loaded, config=config), desk.clock())
        return await desk.web.fetch(feed, validators)

    desk.fetch = edited_meanwhile
    for answer in (make.rss(AI, CHIPS), None):
        desk.web.serves(OLD, answer)
        await visit(desk, loaded, OLD)
    desk.fetch = None
    (outcome,) = await visit(desk, loaded, NEW)
    assert isinstance(outcome, Polled)
    assert (outcome.new_url, outcome.new) == (NewUrl.SAME_FEED, 0)
    assert await keys_and_urls(desk) == [(OLD.url, NEW.url)]


async def test_a_url_that_differs_by_https_and_www_alone_is_of_the_same_feed(
    desk: Desk, loaded: LoadedConfig
) -> None:
    before, after = (
        make.feed("示例", url=f"{start}example.org/rss") for start in ("http://www.", "https://")
    )
    desk.web.serves(before, make.rss(AI, CHIPS))
    desk.web.serves(after, make.rss("甲", "乙", "丙"))
    await visit(desk, loaded, before)
    (outcome,) = await visit(desk, loaded, after)
    assert isinstance(outcome, Polled)
    assert (outcome.new_url, outcome.new) == (NewUrl.SAME_FEED, 3)
    assert await keys_and_urls(desk) == [(before.url, after.url)]


async def test_an_edit_of_its_url_asks_a_feed_again_that_is_gone(desk: Desk, loaded: LoadedConfig) -> None:
    desk.web.serves(OLD, make.rss(AI))
    desk.web.serves(NEW, make.rss(AI))
    await visit(desk, loaded, OLD)
    desk.web.serves(OLD, FetchError("HTTP 410 Gone", status=410, permanent=True))
    for _ in range(3):
        await visit(desk, loaded, OLD)
        desk.clock.forward(days=1)
    assert len(await desk.db.read(notices.open_troubles)) == 1
    config = replace(loaded.config, feeds=(NEW,))
    await desk.db.write(register, replace(loaded, config=config), desk.clock())
    assert await desk.db.read(notices.open_troubles) == []
    assert len(await claim([NEW], db=desk.db, now=desk.clock(), options=config.fetch, limit=9)) == 1


async def test_a_feed_that_is_gone_and_taken_out_is_asked_again_when_it_is_put_back(
    desk: Desk, loaded: LoadedConfig
) -> None:
    desk.web.serves(OLD, FetchError("HTTP 410 Gone", status=410, permanent=True))
    desk.web.serves(OTHER, make.rss(CHIPS))
    other = replace(OTHER, name="另一个")
    for _ in range(3):
        await visit(desk, loaded, OLD, other)
        desk.clock.forward(days=1)
    for in_file in ((other,), (OLD, other)):
        config = replace(loaded.config, feeds=in_file)
        await desk.db.write(register, replace(loaded, config=config), desk.clock())
        assert await desk.db.read(notices.open_troubles) == []
    desk.clock.forward(days=1)
    claimed = await claim([OLD], db=desk.db, now=desk.clock(), options=loaded.config.fetch, limit=9)
    assert [feed.url for feed, _ in claimed] == [OLD.url]


async def test_what_waits_for_a_rule_of_this_feed_alone_waits_on(desk: Desk, loaded: LoadedConfig) -> None:
    desk.rules = (make.rule(feeds=("示例",)),)
    desk.web.serves(OLD, make.rss(AI))
    desk.web.serves(NEW, FetchError("no such host"))
    await visit(desk, loaded, OLD)
    desk.feeds = (NEW,)
    config = replace(loaded.config, feeds=desk.feeds)
    await desk.db.write(register, replace(loaded, config=config), desk.clock())
    assert await rematch(desk.ruleset, after=0, db=desk.db) == 1
    assert await new_titles(desk) == 1


def feed(url: str, name: str, days: int | None = 0) -> RegisteredFeed:
    visited = None if days is None else NOW - timedelta(days=days)
    return RegisteredFeed(key=url, url=url, name=name, visited=visited)


@pytest.mark.parametrize(
    ("before", "names", "moved"),
    [
        ([feed("a", "A")], {"b": "A"}, [("a", "b")]),
        ([feed("a", "A")], {"b": "B"}, []),
        ([feed("a", "A")], {"a": "B", "b": "A"}, []),
        ([feed("a", "A"), feed("b", "B")], {"a": "B", "b": "A"}, []),
        ([feed("a", "A", None)], {"b": "A"}, []),
        ([feed("a", "A", 9), feed("b", "A", 1)], {"c": "A"}, [("b", "c")]),
        ([feed("a", "A"), feed("b", "B")], {"c": "A", "d": "B"}, [("a", "c"), ("b", "d")]),
    ],
    ids=["url", "both", "the old url stays", "swapped", "never visited", "the last visited", "several"],
)
def test_a_feed_may_have_moved_when_its_name_has_a_url_that_is_new(
    before: list[RegisteredFeed], names: dict[str, str], moved: list[tuple[str, str]]
) -> None:
    assert [(each.url, url) for each, url in moves(before, names)] == moved
