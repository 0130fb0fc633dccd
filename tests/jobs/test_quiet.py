"""With `quiet_after` one mail says that nothing has matched for so long: once, and again after as long."""

import asyncio
from datetime import time, timedelta
from typing import Any

import pytest

from monitor.config.options import Subscription
from monitor.digests.due import due, slot_at_once
from monitor.errors import DigestError, FetchError
from monitor.jobs.compose import Composed, ComposeOutcome, NothingNew, SlotTaken
from monitor.model.digests import Digest, SlotKind
from monitor.model.mail import Rendered
from monitor.model.recipients import ChangedBy
from monitor.store import choices, digests, subscriptions
from monitor.store.database import Connection
from tests import make
from tests.jobs.desk import Desk
from tests.jobs.test_choose import text_of

DAY = timedelta(days=1)
NAME = "AI 日报"


def morning(**differ: Any) -> Subscription:
    return make.subscription(**{"every": None, "at": (time(8),), "quiet_after": 7 * DAY, **differ})


async def news(desk: Desk, *titles: str) -> None:
    desk.web.serves(desk.feeds[0], make.rss(*titles))
    await desk.poll()


async def digest_due(desk: Desk) -> ComposeOutcome | None:
    state = await desk.db.read(subscriptions.state, NAME)
    assert state
    slot = due(desk.subscription, state, desk.clock())
    return await desk.compose(slot) if slot else None


async def days(desk: Desk, count: int) -> list[tuple[int, Composed]]:
    """The mails of so many days, a few seconds after their times, by the number of the day."""
    made = []
    for number in range(1, count + 1):
        desk.clock.forward(days=1)
        outcome = await digest_due(desk)
        if isinstance(outcome, Composed):
            made.append((number, outcome))
    return made


@pytest.fixture
async def silent(desk: Desk) -> Desk:
    """A digest was made this morning; from now on nothing matches."""
    desk.subscription = morning()
    desk.clock.forward(days=-1)
    await desk.register()
    await news(desk, "大模型一")
    desk.clock.forward(days=1, seconds=3)
    assert isinstance(await digest_due(desk), Composed)
    desk.clock.forward(seconds=-2)
    return desk


async def test_after_so_many_days_one_mail_tells_what_was_watched(silent: Desk) -> None:
    silent.clock.forward(hours=1)
    await news(silent, "大模型一", "天气", "足球")
    silent.clock.forward(hours=-1)
    silent.web.serves(silent.feeds[0], FetchError("HTTP 500", status=500))
    await silent.poll()
    made = await days(silent, 20)
    assert [day for day, _ in made] == [7, 14]
    _, first = made[0]
    assert first.entries == 0
    assert first.subject.replace("\xa0", " ").startswith("7 天没有符合规则的新闻 · AI 日报")
    text = text_of(first.mails[0])
    assert "7 天没有符合规则的新闻" in text
    assert "1 个源共 2 篇" in text.replace("\xa0", " ")
    assert "抓取失败：纽约时报中文网" in text
    assert "没有命中的规则：人工智能" in text
    assert "下一期" in text


async def test_news_begin_the_silence_anew(silent: Desk) -> None:
    assert await days(silent, 5) == []
    await news(silent, "大模型一", "大模型二")
    assert [day for day, _ in await days(silent, 8)] == [1, 8]


async def test_a_mail_at_once_breaks_the_silence(silent: Desk) -> None:
    silent.rules = (make.rule(pace="at once"),)
    await days(silent, 5)
    await news(silent, "大模型一", "大模型二")
    assert isinstance(await silent.compose(slot_at_once(silent.clock())), Composed)
    assert [day for day, _ in await days(silent, 8)] == [7]


async def test_without_the_option_there_is_none(silent: Desk) -> None:
    silent.subscription = morning(quiet_after=None)
    assert await days(silent, 20) == []


async def test_the_silence_of_a_new_subscription_counts_from_its_beginning(desk: Desk) -> None:
    desk.subscription = morning(quiet_after=2 * DAY)
    await desk.register()
    assert [day for day, _ in await days(desk, 5)] == [2, 4]


async def test_the_next_digest_counts_from_the_last_slot(silent: Desk) -> None:
    await days(silent, 7)
    await news(silent, "大模型一", "大模型二")
    ((_, after),) = await days(silent, 1)
    assert after.slot.kind is SlotKind.AT
    assert "大模型二" in text_of(after.mails[0])


async def test_with_an_interval_it_comes_when_the_time_is_over(desk: Desk) -> None:
    desk.subscription = make.subscription(every=timedelta(0), quiet_after=2 * DAY)
    await desk.register()
    outcome = await digest_due(desk)
    assert isinstance(outcome, NothingNew)
    assert outcome.until == make.NOW + 2 * DAY - timedelta(minutes=10)
    assert [day for day, _ in await days(desk, 5)] == [2, 4]


async def test_a_digest_by_hand_tells_of_no_silence(silent: Desk) -> None:
    silent.clock.forward(days=20)
    assert isinstance(await silent.compose(), NothingNew)


async def test_who_has_unsubscribed_is_not_told_either(silent: Desk) -> None:
    def unsubscribe(tx: Connection) -> None:
        choice = choices.ensure(tx, NAME, ["reader@example.org"])["reader@example.org"]
        choices.change(
            tx, choice.number, {"unsubscribed_at": silent.clock()}, silent.clock(), ChangedBy.OPERATOR
        )

    await silent.db.write(unsubscribe)
    assert await days(silent, 20) == []


async def test_two_workers_tell_of_it_once(silent: Desk) -> None:
    await days(silent, 6)
    silent.clock.forward(days=1)
    state = await silent.db.read(subscriptions.state, NAME)
    assert state
    slot = due(silent.subscription, state, silent.clock())
    assert slot
    outcomes = await asyncio.gather(silent.compose(slot), silent.compose(slot))
    assert [type(outcome) for outcome in outcomes].count(Composed) == 1


async def test_a_mail_at_once_of_another_worker_breaks_the_silence_too(silent: Desk) -> None:
    await days(silent, 6)
    silent.clock.forward(days=1)
    loop, good = asyncio.get_running_loop(), silent.render

    async def elsewhere() -> None:
        slot = slot_at_once(silent.clock())
        assert await silent.db.write(digests.insert, NAME, slot, silent.clock(), 1, "")

    def overtaken(digest: Digest) -> Rendered:
        asyncio.run_coroutine_threadsafe(elsewhere(), loop).result()
        return good(digest)

    silent.render = overtaken
    assert isinstance(await digest_due(silent), SlotTaken)
    silent.render = good
    assert isinstance(await digest_due(silent), NothingNew)


async def test_where_a_template_fails_ours_tell_it(silent: Desk) -> None:
    def broken(digest: Digest) -> Rendered:
        raise DigestError("template digest.txt.j2, line 3")

    silent.render = broken
    ((_, made),) = await days(silent, 7)
    assert made.template_error == "template digest.txt.j2, line 3"
