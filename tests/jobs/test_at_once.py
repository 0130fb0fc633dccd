import asyncio
from collections.abc import Awaitable, Callable
from datetime import time

from monitor.digests.due import slot_at_once
from monitor.jobs.compose import Composed, NothingNew, SlotTaken
from monitor.jobs.draft import NothingPending, draft_digest
from monitor.model.digests import Digest, SubscriptionState
from monitor.model.mail import Rendered
from monitor.store import digests, outbox, subscriptions
from tests import make
from tests.jobs.desk import Desk

URGENT = make.rule("出口管制", any=("禁令",), pace="at once")
MORNING = make.subscription(every=None, at=(time(8),))


async def _at_the_desk(desk: Desk, *titles: str) -> None:
    desk.rules, desk.subscription = (make.rule(), URGENT), MORNING
    desk.web.serves(desk.feeds[0], make.rss(*titles))
    await desk.poll()


async def test_an_urgent_match_goes_out_by_its_own_mail_and_is_not_repeated(desk: Desk) -> None:
    await _at_the_desk(desk, "芯片禁令", "大模型降价")
    urgent = await desk.compose(slot_at_once(desk.clock()))
    assert isinstance(urgent, Composed)
    assert (urgent.entries, "禁令" in urgent.subject) == (1, True)
    digest = await desk.compose(make.slot())
    assert isinstance(digest, Composed)
    assert (digest.entries, "大模型" in digest.subject) == (1, True)


async def test_a_mail_at_once_leaves_the_digests_where_they_stand(desk: Desk) -> None:
    await _at_the_desk(desk, "芯片禁令")
    before = await desk.db.read(subscriptions.state, MORNING.name)
    await desk.compose(slot_at_once(desk.clock()))
    assert await desk.db.read(subscriptions.state, MORNING.name) == before


async def test_nothing_urgent_is_no_mail_and_no_slot(desk: Desk) -> None:
    await _at_the_desk(desk, "大模型降价")
    before = await desk.db.read(subscriptions.state, MORNING.name)
    assert isinstance(await desk.compose(slot_at_once(desk.clock())), NothingNew)
    assert await desk.db.read(subscriptions.state, MORNING.name) == before


async def test_quiet_hours_hold_an_urgent_match_back(desk: Desk) -> None:
    await _at_the_desk(desk, "芯片禁令")
    night = make.rule("出口管制", any=("禁令",), pace="at once", quiet=((time(23), time(9)),))
    desk.rules = (make.rule(), night)
    assert isinstance(await desk.compose(slot_at_once(desk.clock())), NothingNew), "08:00 is within them"
    desk.clock.forward(hours=1)
    assert isinstance(await desk.compose(slot_at_once(desk.clock())), Composed)


async def test_a_digest_overtaken_by_a_mail_at_once_is_made_again_without_its_story(desk: Desk) -> None:
    await _at_the_desk(desk, "芯片禁令", "大模型降价")

    async def elsewhere() -> None:
        assert isinstance(await desk.compose(slot_at_once(desk.clock())), Composed)

    _while_rendering(desk, elsewhere)
    assert isinstance(await desk.compose(make.slot()), SlotTaken)
    again = await desk.compose(make.slot())
    assert isinstance(again, Composed)
    assert again.entries == 1
    assert sum((await desk.db.read(outbox.counts)).values()) == 2


async def test_two_workers_send_an_urgent_match_once(desk: Desk) -> None:
    await _at_the_desk(desk, "芯片禁令")
    first = slot_at_once(desk.clock())
    draft = await draft_digest(
        MORNING, first, context=desk.context, render=desk.render, db=desk.db, now=desk.clock()
    )
    assert not isinstance(draft, NothingPending)
    desk.clock.forward(seconds=1)
    assert isinstance(await desk.compose(slot_at_once(desk.clock())), Composed)
    assert not isinstance(await desk.compose(first), Composed | SlotTaken)


async def test_a_digest_overtaken_by_one_of_other_news_is_made_again(desk: Desk) -> None:
    await _at_the_desk(desk, "大模型降价")

    async def elsewhere() -> None:
        state = await desk.db.read(subscriptions.state, MORNING.name)
        assert isinstance(state, SubscriptionState)
        assert await desk.db.write(subscriptions.take_slot, state, make.slot("now:1"), state.cursor)

    _while_rendering(desk, elsewhere)
    assert isinstance(await desk.compose(make.slot()), SlotTaken)
    assert sum((await desk.db.read(outbox.counts)).values()) == 0
    again = await desk.compose(make.slot())
    assert isinstance(again, Composed), "nothing of the first attempt is left"


async def test_of_two_mails_at_once_at_one_instant_one_goes(desk: Desk) -> None:
    await _at_the_desk(desk, "芯片禁令")
    before = await desk.db.read(subscriptions.state, MORNING.name)
    slot = slot_at_once(desk.clock())
    assert await desk.db.write(digests.insert, MORNING.name, slot, desk.clock(), 1, "")
    assert isinstance(await desk.compose(slot), SlotTaken)
    assert await desk.db.read(subscriptions.state, MORNING.name) == before


def _while_rendering(desk: Desk, elsewhere: Callable[[], Awaitable[None]]) -> None:
    """The next digest is overtaken: something happens elsewhere after it was drafted and before it is queued."""
    loop, good = asyncio.get_running_loop(), desk.render

    def overtaken(digest: Digest) -> Rendered:
        desk.render = good
        asyncio.run_coroutine_threadsafe(_done(elsewhere), loop).result()
        return good(digest)

    desk.render = overtaken


async def _done(elsewhere: Callable[[], Awaitable[None]]) -> None:
    await elsewhere()
