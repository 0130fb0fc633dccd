"""What a clock that was ahead has written, when the clock is right again."""

from dataclasses import replace
from datetime import time, timedelta

import pytest

from monitor.config.options import Config
from monitor.digests.due import due
from monitor.errors import FetchError, SendCause, SendKind
from monitor.jobs.compose import Composed
from monitor.jobs.poll import claim
from monitor.jobs.repair import Repaired, repair, repair_feeds
from monitor.model.digests import SubscriptionState
from monitor.model.feeds import PollState
from monitor.model.mail import Delivery, DeliveryStatus
from monitor.store import feeds, outbox, relays, subscriptions
from monitor.store.repair import newest
from tests import make
from tests.jobs.desk import FETCH, OUTBOX, Desk

AHEAD = [timedelta(hours=1), timedelta(days=1), timedelta(days=30)]
NOTHING = Repaired(feeds=0, mails=0, relays=0, slots=0)


def config(desk: Desk) -> Config:
    return Config(feeds=tuple(desk.feeds), fetch=FETCH, outbox=OUTBOX)


async def fix(desk: Desk) -> Repaired:
    return await repair(config(desk), db=desk.db, now=desk.clock())


async def feed_state(desk: Desk) -> PollState:
    (state,) = await desk.db.read(feeds.states)
    return state


async def is_polled_now(desk: Desk) -> bool:
    return bool(await claim(desk.feeds, db=desk.db, now=desk.clock(), options=FETCH, limit=1))


async def subscription_state(desk: Desk) -> SubscriptionState:
    state = await desk.db.read(subscriptions.state, desk.subscription.name)
    assert state is not None
    return state


async def mails(desk: Desk) -> list[Delivery]:
    return await desk.db.read(outbox.listing, status=None, limit=10)


async def compose_due(desk: Desk) -> Composed | None:
    """Compose the digest that is due, if one is."""
    await desk.register()
    slot = due(desk.subscription, await subscription_state(desk), desk.clock())
    outcome = await desk.compose(slot) if slot else None
    return outcome if isinstance(outcome, Composed) else None


@pytest.mark.parametrize("ahead", AHEAD)
@pytest.mark.parametrize(
    "answer", [make.rss("大模型降价"), FetchError("HTTP 503", status=503)], ids=["good", "bad"]
)
async def test_a_feed_polled_ahead_is_due_and_once(
    desk: Desk, ahead: timedelta, answer: bytes | FetchError
) -> None:
    desk.web.serves(desk.feeds[0], answer)
    desk.clock.forward(seconds=ahead.total_seconds())
    await desk.poll()
    desk.clock.forward(seconds=-ahead.total_seconds())
    assert not await is_polled_now(desk)
    assert await repair_feeds(config(desk), db=desk.db, now=desk.clock()) == 1
    assert await is_polled_now(desk)
    await desk.poll()
    assert not await is_polled_now(desk), "its own pause holds"
    assert await repair_feeds(config(desk), db=desk.db, now=desk.clock()) == 0


async def test_what_a_poll_ahead_taught_of_a_feeds_news_is_dated_as_of_now(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    desk.clock.forward(days=30)
    await desk.poll()
    state = await feed_state(desk)
    await desk.db.write(feeds.save, replace(state, fresh_until=desk.clock() + timedelta(hours=5)))
    desk.clock.forward(days=-30)
    await repair_feeds(config(desk), db=desk.db, now=desk.clock())
    state = await feed_state(desk)
    assert (state.document_at, state.changed_at, state.fresh_until) == (desk.clock(), desk.clock(), None)


@pytest.mark.parametrize("ahead", AHEAD)
async def test_a_feed_whose_poll_was_killed_ahead_is_due(desk: Desk, ahead: timedelta) -> None:
    await desk.register()
    desk.clock.forward(seconds=ahead.total_seconds())
    assert await is_polled_now(desk)
    desk.clock.forward(seconds=-ahead.total_seconds())
    assert (await fix(desk)).feeds == 1
    assert await is_polled_now(desk)


async def test_a_feed_that_waits_for_longer_than_any_may_is_due(desk: Desk) -> None:
    desk.feeds = (make.feed(every=timedelta(days=3)),)
    await desk.register()
    state = replace(await feed_state(desk), visited=desk.clock())
    for days, is_due in ((3.3, False), (3.4, True)):
        wait = desk.clock() + timedelta(days=days)
        await desk.db.write(feeds.save, replace(state, next_poll_at=wait))
        assert (await fix(desk)).feeds == is_due


@pytest.mark.parametrize("ahead", AHEAD)
async def test_a_time_of_day_taken_ahead_comes_again_and_brings_what_is_new(
    desk: Desk, ahead: timedelta
) -> None:
    desk.subscription = make.subscription(every=None, at=(time(9),), timezone="Asia/Shanghai")
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"), make.rss("大模型降价", "AI新规"))
    await desk.poll()
    desk.clock.forward(seconds=ahead.total_seconds())  # it was 08:00
    first = await compose_due(desk)
    assert first is not None
    desk.clock.forward(seconds=-ahead.total_seconds())
    await desk.poll()
    desk.clock.forward(hours=1)
    if ahead > timedelta(hours=1):
        assert await compose_due(desk) is None, "without a repair it is silent"
    desk.clock.forward(minutes=-30)
    assert (await fix(desk)).slots == 1
    assert await compose_due(desk) is None, "not before its time"
    desk.clock.forward(minutes=30)
    second = await compose_due(desk)
    assert second is not None
    assert (second.slot.key, second.entries) == ("2026-11-24T09:00", 1)
    assert {mail.message_id for mail in first.mails}.isdisjoint(mail.message_id for mail in second.mails)
    desk.clock.forward(days=1)
    assert await fix(desk) == NOTHING
    assert due(desk.subscription, await subscription_state(desk), desk.clock()), "and every day"


async def test_a_slot_given_back_leaves_the_last_digest_before_it(desk: Desk) -> None:
    desk.subscription = make.subscription(every=timedelta(hours=2))
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"), make.rss("大模型降价", "AI新规"))
    await desk.poll()
    assert await compose_due(desk)
    before = desk.clock()
    desk.clock.forward(days=1)
    await desk.poll()
    assert await compose_due(desk)
    desk.clock.forward(days=-1, minutes=30)
    assert (await fix(desk)).slots == 1
    state = await subscription_state(desk)
    assert state.last_at == before
    assert due(desk.subscription, state, desk.clock()) is None
    assert due(desk.subscription, state, before + timedelta(hours=2))


async def test_a_subscription_that_began_ahead_is_not_silent_until_then(desk: Desk) -> None:
    desk.subscription = make.subscription(every=None, at=(time(9),), timezone="Asia/Shanghai")
    desk.clock.forward(days=20)
    await desk.register()
    desk.clock.forward(days=-20)
    await fix(desk)
    desk.clock.forward(hours=1)
    assert due(desk.subscription, await subscription_state(desk), desk.clock())


async def queued(desk: Desk) -> None:
    """Queue one mail now."""
    desk.feeds = (make.feed(first_visit=timedelta(days=365)),)
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    assert isinstance(await desk.compose(), Composed)


@pytest.mark.parametrize("ahead", AHEAD)
async def test_a_mail_made_ahead_is_due_and_expires_in_its_time(desk: Desk, ahead: timedelta) -> None:
    desk.clock.forward(seconds=ahead.total_seconds())
    await queued(desk)
    desk.clock.forward(seconds=-ahead.total_seconds())
    assert await desk.deliver() is None
    await fix(desk)
    (mail,) = await mails(desk)
    assert mail.expires_at == desk.clock() + OUTBOX.expire
    assert await desk.deliver() is not None
    assert len(desk.mailbox.mails) == 1


@pytest.mark.parametrize("ahead", AHEAD)
async def test_a_mail_put_off_ahead_is_due(desk: Desk, ahead: timedelta) -> None:
    await queued(desk)
    desk.mailbox.refuses(SendKind.LATER)
    desk.clock.forward(seconds=ahead.total_seconds())
    await desk.deliver()
    desk.clock.forward(seconds=-ahead.total_seconds())
    assert await desk.deliver() is None
    assert (await fix(desk)).mails == 1
    await desk.deliver()
    assert [mail.status for mail in await mails(desk)] == [DeliveryStatus.SENT]


async def test_a_mail_that_is_uncertain_since_a_time_ahead_pauses_from_now_on(desk: Desk) -> None:
    await queued(desk)
    desk.mailbox.refuses(SendKind.UNCERTAIN)
    desk.clock.forward(days=1)
    await desk.deliver()
    desk.clock.forward(days=-1)
    assert (await fix(desk)).mails == 1
    (mail,) = await mails(desk)
    assert mail.next_attempt_at == desk.clock() + OUTBOX.uncertain_after
    assert (await fix(desk)).mails == 0, "the pause is not begun again"


async def test_a_lease_from_ahead_ends_one_lease_from_now(desk: Desk) -> None:
    await queued(desk)
    until = desk.clock() + timedelta(days=1)
    await desk.db.write(outbox.claim, desk.clock(), lease_until=until, token="t1")
    assert (await fix(desk)).mails == 1
    assert not await desk.db.read(outbox.anything_due, desk.clock() + OUTBOX.lease, [])
    assert await desk.db.read(outbox.anything_due, desk.clock() + 1.01 * OUTBOX.lease, [])
    assert (await fix(desk)).mails == 0


@pytest.mark.parametrize("cause", [SendCause.RELAY, SendCause.LOGIN])
@pytest.mark.parametrize("ahead", AHEAD)
async def test_a_mail_server_spared_from_ahead_is_tried(
    desk: Desk, ahead: timedelta, cause: SendCause
) -> None:
    await queued(desk)
    desk.mailbox.refuses(SendKind.RELAY, cause=cause)
    desk.clock.forward(seconds=ahead.total_seconds())
    await desk.deliver()
    desk.clock.forward(seconds=-ahead.total_seconds())
    assert await desk.deliver() is None
    assert (await fix(desk)).relays == 1
    await desk.deliver()
    assert len(desk.mailbox.mails) == 1


async def test_a_login_that_was_refused_is_spared_for_its_twelve_hours(desk: Desk) -> None:
    await queued(desk)
    for _ in range(2):
        desk.mailbox.refuses(SendKind.RELAY, cause=SendCause.LOGIN)
        await desk.deliver()
        desk.clock.forward(minutes=2)
    before = await desk.db.read(relays.state, desk.transport.server)
    assert before
    assert before.next_probe_at
    assert before.next_probe_at > desk.clock() + timedelta(hours=11)
    assert (await fix(desk)).relays == 0
    desk.clock.forward(hours=-1)
    assert (await fix(desk)).relays == 1


@pytest.mark.parametrize("ahead", AHEAD)
async def test_nothing_is_newer_than_the_clock_after_a_repair(desk: Desk, ahead: timedelta) -> None:
    assert await desk.db.read(newest) is None
    desk.clock.forward(seconds=ahead.total_seconds())
    await queued(desk)
    await desk.deliver()
    assert await desk.db.read(newest) == desk.clock()
    desk.clock.forward(seconds=-ahead.total_seconds())
    assert await fix(desk)
    assert await desk.db.read(newest) == desk.clock()
    assert not await fix(desk)


async def test_a_difference_of_seconds_is_none(desk: Desk) -> None:
    desk.subscription = make.subscription(every=timedelta(hours=1))
    await queued(desk)
    desk.mailbox.refuses(SendKind.LATER)
    await desk.deliver()
    desk.clock.forward(seconds=-9)
    assert await fix(desk) == NOTHING
    assert await desk.db.read(newest) == desk.clock() + timedelta(seconds=9)
