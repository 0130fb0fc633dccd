from datetime import time, timedelta

from monitor.digests.due import slot_at_once
from monitor.jobs.stored import take_stock
from monitor.queries.replay import LEAD, Replayed, replay
from monitor.store import digests
from tests import make
from tests.jobs.desk import Desk

DAY = timedelta(days=1)


async def _played(desk: Desk, steps: list[int] | None = None) -> list[Replayed]:
    start, end = make.NOW, make.NOW + 3 * DAY
    count = steps if steps is not None else []
    stock = await take_stock(desk.context, start - LEAD, end, db=desk.db, step=lambda: count.append(1))
    return await replay(desk.subscription, stock, start, end, context=desk.context, render=desk.render)


async def _three_days(desk: Desk) -> None:
    """08:00 is a slot; news came at 07:00 of the first day, at 09:00, and the day after (the first again)."""
    desk.subscription = make.subscription(every=None, at=(time(8),))
    desk.clock.forward(hours=-1)
    for titles in (["大模型降价"], ["AI新规", "天气转凉"], ["大模型降价", "AI芯片"]):
        desk.web.serves(desk.feeds[0], make.rss(*titles))
        await desk.poll()
        desk.clock.forward(hours=2 if titles == ["大模型降价"] else 24)


async def test_the_digests_of_a_period_are_played_again_each_with_its_own_news(desk: Desk) -> None:
    await _three_days(desk)
    steps: list[int] = []
    played = await _played(desk, steps)
    assert [(one.digest.slot.name, one.entries) for one in played] == [
        ("at:2026-11-24T08:00", 1),
        ("at:2026-11-25T08:00", 1),
        ("at:2026-11-26T08:00", 1),
    ]
    assert ["大模型" in played[0].rendered.subject, "AI新规" in played[1].rendered.subject] == [True, True]
    assert [one.digest.watched.entries for one in played] == [1, 2, 1]
    assert len(steps) == 4


async def test_a_replay_is_the_same_byte_for_byte_and_changes_nothing(desk: Desk) -> None:
    await _three_days(desk)
    before = await desk.db.read(digests.state, desk.subscription.name)
    first, second = await _played(desk), await _played(desk)
    assert [one.rendered for one in first] == [one.rendered for one in second]
    assert await desk.db.read(digests.state, desk.subscription.name) == before


async def test_what_digests_before_the_period_told_is_not_told_again(desk: Desk) -> None:
    desk.subscription = make.subscription(every=None, at=(time(8),))
    desk.clock.forward(days=-2)
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    assert await _played(desk) == []


async def test_urgent_matches_are_played_as_mails_of_their_own(desk: Desk) -> None:
    desk.rules = (make.rule(pace="at once"),)
    await _three_days(desk)
    played = await _played(desk)
    assert [one.digest.slot for one in played] == [
        slot_at_once(make.NOW + timedelta(hours=1)),
        slot_at_once(make.NOW + timedelta(hours=25)),
    ]
