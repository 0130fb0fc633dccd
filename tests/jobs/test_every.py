"""A subscription with `every`: its cursor follows the arrivals a day behind, and nothing is mailed twice."""

import asyncio
from datetime import timedelta

from monitor.jobs.compose import Composed, NothingNew, SlotTaken
from monitor.jobs.draft import Draft, draft_digest
from monitor.store import entries, subscriptions
from tests import make
from tests.jobs.desk import Desk

CHIPS = make.rule("芯片", any=("芯片",))


async def _arrives(desk: Desk, *titles: str) -> None:
    desk.web.serves(desk.feeds[0], make.rss(*titles))
    await desk.poll()


async def _cursor(desk: Desk) -> int:
    state = await desk.db.read(subscriptions.state, desk.subscription.name)
    assert state is not None
    return state.cursor


async def _newest(desk: Desk) -> int:
    return await desk.db.read(entries.newest_seq)


async def test_without_matches_the_cursor_follows_a_day_behind(desk: Desk) -> None:
    for day in range(4):
        await _arrives(desk, *(f"天气{n}" for n in range(day + 1)))
        assert isinstance(await desk.compose(), NothingNew)
        assert await _cursor(desk) == max(0, day - 1)
        desk.clock.forward(hours=24)


async def test_with_matches_it_does_too(desk: Desk) -> None:
    for day in range(4):
        await _arrives(desk, *(f"大模型{n}" for n in range(day + 1)))
        outcome = await desk.compose()
        assert isinstance(outcome, Composed)
        assert outcome.entries == 1, "and nothing comes twice"
        assert await _cursor(desk) == max(0, day - 1)
        desk.clock.forward(hours=24)


async def test_a_changed_rule_reaches_the_last_day_and_no_further(desk: Desk) -> None:
    await _arrives(desk, "芯片旧闻")
    await desk.compose()
    desk.clock.forward(hours=25)
    await _arrives(desk, "芯片旧闻", "芯片新规", "大模型降价")
    assert isinstance(await desk.compose(), Composed)
    desk.clock.forward(hours=23)
    assert isinstance(await desk.compose(), NothingNew)
    desk.rules = (make.rule(), CHIPS)
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    assert (outcome.entries, "芯片新规" in outcome.subject) == (1, True)
    assert isinstance(await desk.compose(), NothingNew)


async def test_a_changed_rule_reaches_back_to_the_last_slot_where_that_is_further(desk: Desk) -> None:
    desk.subscription = make.subscription(every=timedelta(days=7))
    await _arrives(desk, "大模型降价")
    assert isinstance(await desk.compose(), Composed)
    desk.clock.forward(days=2)
    await _arrives(desk, "大模型降价", "芯片新规")
    desk.clock.forward(days=5)
    desk.rules = (make.rule(), CHIPS)
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    assert "芯片新规" in outcome.subject


async def test_the_head_counts_what_arrived_since_the_last_digest(desk: Desk) -> None:
    await _arrives(desk, "大模型降价", "天气")
    await desk.compose()
    desk.clock.forward(hours=2)
    await _arrives(desk, "大模型降价", "天气", "AI新规", "天气二", "天气三")
    draft = await draft_digest(
        desk.subscription,
        make.slot("now:1"),
        context=desk.context,
        render=desk.render,
        db=desk.db,
        now=desk.clock(),
    )
    assert isinstance(draft, Draft)
    assert draft.issues[0].digest.watched.entries == 3


async def test_a_clock_that_is_set_back_moves_the_cursor_nowhere(desk: Desk) -> None:
    await _arrives(desk, "天气")
    desk.clock.forward(days=2)
    await desk.compose()
    assert await _cursor(desk) == await _newest(desk) == 1
    desk.clock.forward(days=-10)
    await _arrives(desk, "天气", "大模型降价")
    assert isinstance(await desk.compose(), Composed)
    assert await _cursor(desk) == 1
    desk.clock.forward(days=10)
    await _arrives(desk, "天气", "大模型降价", "AI新规")
    assert isinstance(await desk.compose(), Composed)
    assert await _cursor(desk) == 2


async def test_a_cursor_that_somebody_has_moved_meanwhile_stays_where_it_is(desk: Desk) -> None:
    await _arrives(desk, "天气")
    desk.clock.forward(days=2)
    state = await desk.db.read(subscriptions.state, desk.subscription.name)
    assert state is not None
    assert await desk.db.write(subscriptions.advance, state, 1)
    assert not await desk.db.write(subscriptions.advance, state, 0)
    assert await _cursor(desk) == 1


async def test_of_two_workers_with_nothing_new_one_moves_the_cursor(desk: Desk) -> None:
    await _arrives(desk, "天气")
    desk.clock.forward(days=2)
    outcomes = await asyncio.gather(*(desk.compose() for _ in range(5)))
    assert {type(outcome) for outcome in outcomes} <= {NothingNew, SlotTaken}
    assert NothingNew in {type(outcome) for outcome in outcomes}
    assert await _cursor(desk) == 1
