from monitor.errors import FetchError
from monitor.queries.figures import read_figures
from monitor.queries.vital import failures_of, read_vital_signs
from tests import make
from tests.jobs.desk import Desk

ONE, TWO = make.feed("甲"), make.feed("乙", url="https://b.example.org/rss")


async def test_a_feed_that_has_left_config_toml_does_not_hide_that_all_others_fail(desk: Desk) -> None:
    desk.feeds = (ONE, TWO)
    for feed in desk.feeds:
        desk.web.serves(feed, make.rss(feed.name))
    await desk.poll()
    desk.feeds = (ONE,)
    desk.web.serves(ONE, FetchError("no connection", connection=True))
    await desk.poll()
    assert await failures(desk) == []
    await desk.poll()
    assert await failures(desk) == ["each of the 1 feeds failed at its last visit"]


async def failures(desk: Desk) -> list[str]:
    """Return why nothing comes in or goes out."""
    signs = await desk.db.read(read_vital_signs, desk.feeds, desk.clock())
    return failures_of(signs)


async def test_the_feeds_of_config_toml_are_counted_by_how_they_do(desk: Desk) -> None:
    desk.web.serves(ONE, make.rss("A"))
    await desk.poll()
    figures = await desk.db.read(read_figures, (ONE, TWO), desk.clock())
    assert figures.feeds == {
        "ok": 1,
        "failing": 0,
        "dead": 0,
        "gone": 0,
        "quiet": 0,
        "not visited yet": 1,
        "paused": 0,
    }
