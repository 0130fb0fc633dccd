from datetime import datetime, timedelta

from monitor.queries.lint import LOOKED_BACK, judge_stored, lint_stored
from tests import make
from tests.jobs.desk import Desk


async def _kinds(desk: Desk) -> list[tuple[str, str]]:
    now = desk.clock()
    findings = await judge_stored(desk.ruleset, since=now - LOOKED_BACK, now=now, db=desk.db)
    return [(finding.rule, finding.kind) for finding in findings]


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
    assert await _kinds(desk) == [], "an edited rule has judged nothing yet"


MONTHS_AGO = make.NOW - timedelta(days=60)


def _stored_kinds(count: int, last: datetime, entries: int = 100) -> list[str]:
    findings = lint_stored(
        [(make.rule(), "f1")], {"f1": (count, last)}, entries=entries, since=MONTHS_AGO, now=make.NOW
    )
    return [finding.kind for finding in findings]


def test_a_rule_over_two_fifths_of_all_entries_is_broad() -> None:
    assert (_stored_kinds(40, make.NOW), _stored_kinds(41, make.NOW)) == ([], ["broad"])


def test_a_rule_without_a_match_for_thirty_days_is_silent() -> None:
    assert _stored_kinds(1, make.NOW - timedelta(days=29)) == []
    assert _stored_kinds(1, make.NOW - timedelta(days=30)) == ["silent"]
    (never,) = lint_stored([(make.rule(), "f1")], {}, entries=100, since=MONTHS_AGO, now=make.NOW)
    assert never.what == "has matched nothing for 60 days"


def test_few_entries_say_nothing() -> None:
    assert _stored_kinds(49, MONTHS_AGO, entries=49) == []
