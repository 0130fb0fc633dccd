"""Who is new gets the news of the last days along with the first digest; who is known gets nothing twice."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest

from monitor.digests.due import slot_at_once
from monitor.jobs.compose import Composed, ComposeOutcome, NothingNew, SlotTaken
from monitor.model.digests import Digest
from monitor.model.mail import Rendered
from monitor.model.recipients import ChangedBy
from monitor.store import choices, digests, entries, recipients, subscriptions
from monitor.store.database import Connection
from tests import make
from tests.jobs.desk import Desk
from tests.jobs.test_choose import text_of

ANN, BOB = "ann@example.org", "bob@example.org"
NAME = "AI 日报"
MARK = "首期：最近 3 天的报道"


async def subscribe(desk: Desk, *to: str, known: Sequence[str] = (), **differ: Any) -> None:
    """Let these receive the subscription from now on."""
    desk.subscription = make.subscription(every=None, at=(time(8),), to=to, **differ)
    await desk.register()

    def write(tx: Connection) -> None:
        state = subscriptions.state(tx, NAME)
        assert state
        recipients.sync(tx, state.key, to, desk.clock(), known=known)

    await desk.db.write(write)


async def news(desk: Desk, *titles: str) -> None:
    desk.web.serves(desk.feeds[0], make.rss(*titles))
    await desk.poll()


async def next_day(desk: Desk) -> dict[str, str]:
    """The texts of the mails of the next slot, by recipient."""
    desk.clock.forward(days=1)
    return mails(await desk.compose(make.slot(f"at:{desk.clock():%Y-%m-%d}T08:00", desk.clock())))


def mails(outcome: ComposeOutcome) -> dict[str, str]:
    return {mail.to: text_of(mail) for mail in outcome.mails} if isinstance(outcome, Composed) else {}


@pytest.fixture
async def known(desk: Desk) -> Desk:
    """Ann receives the digest, and had one of 大模型一 this morning."""
    await subscribe(desk, ANN, known=[ANN])
    await news(desk, "大模型一")
    assert list(mails(await desk.compose(make.slot()))) == [ANN]
    return desk


async def test_a_recipient_added_later_gets_the_last_days_at_the_next_slot_and_the_others_nothing(
    known: Desk,
) -> None:
    await subscribe(known, ANN, BOB)
    texts = await next_day(known)
    assert list(texts) == [BOB]
    assert (MARK in texts[BOB], "大模型一" in texts[BOB], "往期" in texts[BOB]) == (True, True, False)
    assert await next_day(known) == {}, "once"


async def test_beside_news_it_is_an_issue_of_its_own(known: Desk) -> None:
    await subscribe(known, ANN, BOB)
    await news(known, "大模型一", "大模型二")
    texts = await next_day(known)
    assert [title in texts[ANN] for title in ("大模型一", "大模型二", MARK)] == [False, True, False]
    assert [title in texts[BOB] for title in ("大模型一", "大模型二", MARK)] == [True, True, True]
    assert await next_day(known) == {}


async def test_a_new_subscription_begins_with_the_last_days_and_offers_them_no_more(desk: Desk) -> None:
    desk.subscription = make.subscription("other")
    await news(desk, "大模型一", "天气")
    await subscribe(desk, ANN, BOB)
    texts = await next_day(desk)
    assert list(texts) == [ANN, BOB]
    assert all(MARK in text and "大模型一" in text for text in texts.values())
    ((_, entry, _),) = await desk.db.read(entries.find, ["大模型一"])
    assert await desk.db.read(digests.mailed, NAME, [entry.story]) == {entry.story}
    assert await next_day(desk) == {}


async def test_what_came_before_the_last_days_stays_away(desk: Desk) -> None:
    desk.subscription = make.subscription("other")
    await news(desk, "大模型一")
    desk.clock.forward(days=2, hours=1)
    await subscribe(desk, ANN)
    assert await next_day(desk) == {}
    assert await desk.db.read(recipients.new, NAME) == set(), "it would have been its turn"


@pytest.mark.parametrize("to", [(ANN,), (ANN, BOB)])
async def test_without_the_option_nobody_gets_one_then_or_later(known: Desk, to: tuple[str, ...]) -> None:
    await subscribe(known, *to, first_issue=timedelta(0))
    assert await next_day(known) == {}
    await subscribe(known, *to)
    assert await next_day(known) == {}


async def test_a_mail_at_once_leaves_the_first_issue_to_the_digest(known: Desk) -> None:
    known.rules = (make.rule(), make.rule("急", any=("禁令",), pace="at once"))
    await subscribe(known, ANN, BOB)
    await news(known, "大模型一", "禁令")
    urgent = mails(await known.compose(slot_at_once(known.clock())))
    assert {to: ("大模型一" in text, MARK in text) for to, text in urgent.items()} == dict.fromkeys(
        (ANN, BOB), (False, False)
    )
    texts = await next_day(known)
    assert list(texts) == [BOB]
    assert "大模型一" in texts[BOB]
    assert "禁令" not in texts[BOB], "he had it at once"


async def test_a_rule_that_the_new_one_declined_brings_nothing(known: Desk) -> None:
    await subscribe(known, ANN, BOB)

    def decline(tx: Connection) -> None:
        choice = choices.ensure(tx, NAME, [BOB])[BOB]
        choices.change(tx, choice.number, {"without": (make.rule().name,)}, known.clock(), ChangedBy.OPERATOR)

    await known.db.write(decline)
    assert await next_day(known) == {}


async def test_it_is_one_mail_with_the_best(known: Desk) -> None:
    """Of a hundred entries the sixty with the best scores, which one mail shows whole."""
    known.rules = (make.rule(hints=("要闻",)),)
    await news(known, *(f"{'要闻' if n % 2 else ''}大模型{n:03}" for n in range(150)))
    await known.compose(make.slot("now:1", known.clock()))
    await subscribe(known, ANN, BOB)
    known.clock.forward(days=1)
    outcome = await known.compose(make.slot("at:2026-11-25T08:00", known.clock()))
    assert isinstance(outcome, Composed)
    assert (len(outcome.mails), outcome.entries, outcome.left) == (1, 60, 0)
    text = text_of(outcome.mails[0])
    assert text.count("要闻") >= 60


async def test_what_does_not_fit_into_one_mail_is_left_out(known: Desk) -> None:
    await news(known, *(f"大模型{n:03}" for n in range(80)))
    await known.compose(make.slot("now:1", known.clock()))
    await subscribe(known, ANN, BOB)
    good = known.render

    def wordy(digest: Digest) -> Rendered:
        rendered = good(digest)
        return replace(rendered, html=rendered.html + "x" * 4000 * len(digest.items))

    known.render = wordy
    known.clock.forward(days=1)
    outcome = await known.compose(make.slot("at:2026-11-25T08:00", known.clock()))
    assert isinstance(outcome, Composed)
    assert (len(outcome.mails), 10 < outcome.entries < 60, outcome.left) == (1, True, 0)


async def test_who_had_it_from_another_worker_is_not_sent_another_one(known: Desk) -> None:
    await subscribe(known, ANN, BOB)
    loop, good = asyncio.get_running_loop(), known.render

    async def elsewhere() -> None:
        await known.db.write(recipients.end_new, NAME, [BOB])

    def overtaken(digest: Digest) -> Rendered:
        asyncio.run_coroutine_threadsafe(elsewhere(), loop).result()
        return good(digest)

    known.render = overtaken
    known.clock.forward(days=1)
    slot = make.slot("at:2026-11-25T08:00", known.clock())
    assert isinstance(await known.compose(slot), SlotTaken)
    known.render = good
    assert isinstance(await known.compose(slot), NothingNew)
