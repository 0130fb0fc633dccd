from datetime import timedelta

from monitor.jobs.rematch import rematch
from monitor.queries.difference import EARLIER, Compared, compare_rules
from monitor.rules.match import Ruleset, compile_rules
from tests import make
from tests.jobs.desk import Desk

NEW = (make.rule(any=("大模型",), none=("降价",)), make.rule("芯片", any=("芯片",)))


async def _compared(desk: Desk, old: Ruleset | None) -> Compared:
    new = compile_rules(NEW, desk.feeds)
    return await compare_rules(old, new, since=make.NOW - timedelta(days=30), db=desk.db)


async def _stored(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("芯片出口新规", "大模型降价", "AI芯片", "天气转凉"))
    await desk.poll()


async def test_an_edit_is_held_against_what_is_stored(desk: Desk) -> None:
    await _stored(desk)
    compared = await _compared(desk, desk.ruleset)
    changes = {change.entry.title: (change.kind, change.words, change.why) for change in compared.changes}
    assert compared.entries == 4
    assert changes == {
        "芯片出口新规": ("added", ("芯片",), ""),
        "大模型降价": ("removed", ("大模型",), "人工智能: none: 降价"),
        "AI芯片": ("moved", ("芯片",), ""),
    }


async def test_without_the_old_rules_the_stored_matches_stand_for_them(desk: Desk) -> None:
    await _stored(desk)
    compared = await _compared(desk, None)
    assert [(change.kind, [reason.rule for reason in change.old]) for change in compared.changes] == [
        ("added", []),
        ("removed", [EARLIER]),
        ("moved", [EARLIER]),
    ]


async def test_rules_are_no_different_from_themselves(desk: Desk) -> None:
    desk.rules = NEW
    await _stored(desk)
    await rematch(desk.ruleset, after=0, db=desk.db)
    assert (await _compared(desk, desk.ruleset)).changes == (await _compared(desk, None)).changes == ()
