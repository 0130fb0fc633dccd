from datetime import timedelta

from monitor.queries.lint import LOOKED_BACK, judge_stored
from tests import make
from tests.jobs.desk import Desk


async def _kinds(desk: Desk) -> list[tuple[str, str]]:
    now = desk.clock()
    found = await judge_stored(desk.ruleset, since=now - LOOKED_BACK, now=now, db=desk.db)
    return [(one.rule, one.kind) for one in found]


async def test_a_rule_that_lets_through_nearly_everything_and_one_long_silent_are_named(desk: Desk) -> None:
    desk.rules = (make.rule(), make.rule("机器人", any=("机器人",)))
    assert await _kinds(desk) == [], "nothing is known without entries"
    desk.web.serves(desk.feeds[0], make.rss(*(f"AI {number}" for number in range(60))))
    await desk.poll()
    assert await _kinds(desk) == [("人工智能", "broad")]
    desk.clock.forward(days=31)
    assert await _kinds(desk) == [("人工智能", "broad"), ("人工智能", "silent"), ("机器人", "silent")]
    desk.clock.now -= timedelta(days=31)
    desk.rules = (make.rule(any=("云",)),)
    assert await _kinds(desk) == [], "an edited rule has not been asked yet"
