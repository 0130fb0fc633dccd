"""Mails sent at once are so many an hour at most: what is beyond waits, and comes once."""

import asyncio
from datetime import time, timedelta

import pytest

from monitor.digests.due import due, slot_at_once
from monitor.jobs.compose import Composed, ComposeOutcome, HourFull, NothingNew, SlotTaken, compose
from monitor.model.digests import Digest, Slot, SlotKind
from monitor.model.mail import Rendered
from monitor.store import digests, entries, owed, subscriptions
from tests import make
from tests.jobs.desk import Desk
from tests.jobs.test_choose import text_of

URGENT = make.rule("出口管制", any=("禁令",), pace="at once")
MORNING = make.subscription(every=None, at=(time(8),), at_once_most=2)
SHORT = make.subscription(every=timedelta(0), at_once_most=2)
LAST = "这是本小时最后一封"


async def arrives(desk: Desk, number: int) -> None:
    desk.web.serves(desk.feeds[0], make.rss(*(f"禁令{n}" for n in range(1, number + 1))))
    await desk.poll()


async def at_once(desk: Desk) -> ComposeOutcome:
    return await desk.compose(slot_at_once(desk.clock()))


async def digest(desk: Desk) -> ComposeOutcome | None:
    """The digest that is due by the state in the database, if one is."""
    state = await desk.db.read(subscriptions.state, desk.subscription.name)
    assert state
    slot = due(desk.subscription, state, desk.clock())
    return await desk.compose(slot) if slot else None


def titles(*outcomes: ComposeOutcome | None) -> list[str]:
    texts = [text_of(mail) for each in outcomes if isinstance(each, Composed) for mail in each.mails]
    return sorted(title for text in texts for title in {f"禁令{n}" for n in range(1, 10)} if title in text)


@pytest.fixture
async def busy(desk: Desk) -> Desk:
    """Three matches within ten minutes; two of them may be sent at once. The digest at 08:00 is over."""
    desk.rules, desk.subscription = (make.rule(), URGENT), MORNING
    await desk.compose(make.slot())
    return desk


async def hour_of(desk: Desk, count: int) -> list[ComposeOutcome]:
    outcomes = []
    for number in range(1, count + 1):
        desk.clock.forward(minutes=5)
        await arrives(desk, number)
        outcomes.append(await at_once(desk))
    return outcomes


async def test_what_is_beyond_the_cap_comes_in_the_digest_and_once(busy: Desk) -> None:
    outcomes = await hour_of(busy, 3)
    assert [type(outcome) for outcome in outcomes] == [Composed, Composed, HourFull]
    assert isinstance(outcomes[2], HourFull)
    assert outcomes[2].until == make.NOW + timedelta(minutes=65)
    busy.clock.forward(hours=2)
    assert isinstance(await at_once(busy), NothingNew), "there is room, but it was left to the digest"
    await arrives(busy, 4)
    later = await at_once(busy)
    assert titles(later) == ["禁令4"]
    busy.clock.now = make.NOW + timedelta(days=1)
    morning = await digest(busy)
    assert titles(morning) == ["禁令3"]
    assert titles(*outcomes, later, morning) == ["禁令1", "禁令2", "禁令3", "禁令4"]


async def test_the_last_mail_at_once_of_an_hour_says_so(busy: Desk) -> None:
    outcomes = await hour_of(busy, 2)
    assert [LAST in text_of(outcome.mails[0]) for outcome in outcomes if isinstance(outcome, Composed)] == [
        False,
        True,
    ]


async def test_what_came_just_before_the_hour_was_full_goes_at_once_when_there_is_room(busy: Desk) -> None:
    await hour_of(busy, 1)
    busy.clock.forward(minutes=5)
    await arrives(busy, 2)
    instant = busy.clock() + timedelta(seconds=1)
    assert await busy.db.write(digests.insert, MORNING.name, slot_at_once(instant), instant, 1, "")
    busy.clock.forward(seconds=2)
    assert isinstance(await at_once(busy), HourFull)
    busy.clock.forward(hours=1)
    assert titles(await at_once(busy)) == ["禁令2"]


async def test_with_an_interval_what_is_beyond_the_cap_waits_for_room(desk: Desk) -> None:
    desk.rules, desk.subscription = (URGENT,), SHORT
    await desk.register()
    outcomes = []
    for number in range(1, 5):
        desk.clock.forward(minutes=5)
        await arrives(desk, number)
        outcomes.append(await digest(desk))
    assert [type(outcome) for outcome in outcomes] == [Composed, Composed, HourFull, HourFull]
    desk.clock.forward(minutes=44)
    assert isinstance(await digest(desk), HourFull)
    desk.clock.forward(minutes=1)
    freed = await digest(desk)
    assert titles(freed) == ["禁令3", "禁令4"]
    assert titles(*outcomes, freed) == ["禁令1", "禁令2", "禁令3", "禁令4"]


async def test_what_is_owed_alone_is_sent_beside_mails_of_this_hour(desk: Desk) -> None:
    desk.rules, desk.subscription = (URGENT,), SHORT
    await desk.register()
    await arrives(desk, 1)
    desk.clock.forward(seconds=1)
    assert titles(await digest(desk)) == ["禁令1"]
    seq = await desk.db.read(entries.newest_seq)
    await desk.db.write(owed.add, SHORT.name, "reader@example.org", {seq: 1}, desk.clock())
    desk.clock.forward(seconds=1)
    assert titles(await digest(desk)) == ["禁令1"]


async def test_a_digest_by_hand_is_not_counted(desk: Desk) -> None:
    desk.rules, desk.subscription = (URGENT,), SHORT
    for number in range(1, 5):
        desk.clock.forward(minutes=1)
        await arrives(desk, number)
        assert isinstance(await desk.compose(), Composed)


async def test_two_workers_together_send_no_more_than_the_cap(busy: Desk) -> None:
    """The second one drafts its mail, of another match, before the first one has queued its own."""
    await hour_of(busy, 1)
    await arrives(busy, 3)
    busy.clock.forward(minutes=1)
    loop, good = asyncio.get_running_loop(), busy.render

    async def elsewhere() -> None:
        slot = Slot.named("at once:elsewhere", busy.clock())
        assert await busy.db.write(digests.insert, MORNING.name, slot, busy.clock(), 1, "")

    def overtaken(made: Digest) -> Rendered:
        asyncio.run_coroutine_threadsafe(elsewhere(), loop).result()
        return good(made)

    busy.render = overtaken
    assert isinstance(await at_once(busy), SlotTaken)
    busy.render = good
    assert isinstance(await at_once(busy), HourFull)
    kinds = (SlotKind.AT_ONCE,)
    sent = await busy.db.read(digests.sent_at_once, MORNING.name, kinds, make.NOW, busy.clock())
    assert len(sent) == 2


async def test_a_mail_of_a_clock_that_was_ahead_counts_as_of_now(busy: Desk) -> None:
    ahead = busy.clock() + timedelta(minutes=10)
    for _ in range(2):
        slot = slot_at_once(ahead := ahead + timedelta(seconds=1))
        assert await busy.db.write(digests.insert, MORNING.name, slot, ahead, 1, "")
    await arrives(busy, 1)
    assert isinstance(await at_once(busy), HourFull)


async def test_a_subscription_that_the_database_does_not_know_is_not_counted(desk: Desk) -> None:
    outcome = await compose(
        SHORT,
        slot_at_once(desk.clock()),
        context=desk.context,
        render=desk.render,
        db=desk.db,
        now=desk.clock(),
    )
    assert isinstance(outcome, NothingNew)
