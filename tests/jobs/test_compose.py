import asyncio
from dataclasses import replace
from datetime import time, timedelta
from email import message_from_bytes, policy

import pytest

from monitor.digests.due import due
from monitor.digests.parts import Part
from monitor.errors import DigestError, FetchError
from monitor.jobs.compose import Composed, NothingNew, SlotTaken, compose, mails_of
from monitor.jobs.draft import Draft, draft_digest
from monitor.jobs.rematch import rematch
from monitor.model.digests import Digest, SubscriptionState
from monitor.model.feeds import FeedHealth
from monitor.model.mail import DeliveryStatus, Rendered
from monitor.model.notices import NoticeKind
from monitor.store import digests, entries, feeds, notices, outbox, subscriptions
from tests import make
from tests.jobs.desk import Desk


async def _state(desk: Desk) -> SubscriptionState:
    state = await desk.db.read(subscriptions.state, desk.subscription.name)
    assert state is not None
    return state


async def _mails(desk: Desk) -> int:
    return sum((await desk.db.read(outbox.counts)).values())


async def test_what_matched_becomes_one_mail_for_each_recipient(desk: Desk) -> None:
    desk.subscription = make.subscription(to=("ann@example.org", "bob@example.org"))
    desk.web.serves(desk.feeds[0], make.rss("大模型降价", "天气转凉"))
    await desk.poll()
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    assert (outcome.entries, [mail.to for mail in outcome.mails]) == (
        1,
        ["ann@example.org", "bob@example.org"],
    )
    listed = await desk.db.read(outbox.listing, status=DeliveryStatus.WAITING, limit=10)
    assert {delivery.mail for delivery in listed} == set(outcome.mails), "the very bytes are in the outbox"
    ann, bob = (message_from_bytes(mail.raw, policy=policy.default) for mail in outcome.mails)
    assert (ann["To"], bob["To"]) == ("ann@example.org", "bob@example.org")
    assert ann["Message-ID"] != bob["Message-ID"]
    assert "大模型降价" in ann["Subject"]


async def test_an_entry_is_mailed_once(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"), make.rss("大模型降价", "AI新规"))
    await desk.poll()
    await desk.compose()
    await desk.poll()
    desk.clock.forward(hours=1)
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    assert outcome.entries == 1
    assert "AI新规" in outcome.subject


async def test_without_news_there_is_no_mail(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("天气转凉"))
    await desk.poll()
    assert isinstance(await desk.compose(), NothingNew)
    assert await _mails(desk) == 0


async def test_a_time_of_day_without_news_is_remembered(desk: Desk) -> None:
    desk.subscription = make.subscription(every=None, at=(time(8),))
    slot = make.slot()
    await desk.register()
    assert isinstance(await desk.compose(slot), NothingNew)
    assert (await _state(desk)).last_slot == slot
    assert due(desk.subscription, await _state(desk), desk.clock()) is None


async def test_the_same_slot_is_never_composed_twice(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"), make.rss("大模型降价", "AI新规"))
    slot = make.slot()
    await desk.poll()
    assert isinstance(await desk.compose(slot), Composed)
    await desk.poll()
    assert isinstance(await desk.compose(slot), SlotTaken)
    assert await _mails(desk) == 1


async def test_a_slot_that_has_a_digest_already_leaves_what_waits_to_the_next(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    before = await _state(desk)
    # As after a hand in the database: the subscription does not know of a digest of its own.
    assert await desk.db.write(digests.insert, before.name, make.slot(), desk.clock(), 1, "")
    assert isinstance(await desk.compose(make.slot()), SlotTaken)
    after = await _state(desk)
    assert after.cursor == before.cursor
    assert after.last_slot == make.slot(), "passed over: it is not tried again at each tick"
    desk.clock.forward(hours=10)
    later = await desk.compose()
    assert isinstance(later, Composed)
    assert later.entries == 1


async def test_of_two_workers_at_one_slot_one_sends(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    loop = asyncio.get_running_loop()

    def overtaken(digest: Digest) -> Rendered:
        first = asyncio.run_coroutine_threadsafe(desk.compose(digest.slot), loop).result()
        assert isinstance(first, Composed)
        return desk.render(digest)

    assert isinstance(await replace(desk, render=overtaken).compose(make.slot()), SlotTaken)
    assert await _mails(desk) == 1


@pytest.mark.usefixtures("db_url")  # just opened, it is so slow that all of them have read before one writes
async def test_of_two_workers_at_a_quiet_slot_one_remembers_it(desk: Desk) -> None:
    desk.subscription = make.subscription(every=None, at=(time(8),))
    await desk.register()
    outcomes = await asyncio.gather(*(desk.compose(make.slot()) for _ in range(5)))
    assert [type(outcome) for outcome in outcomes].count(NothingNew) == 1
    assert [type(outcome) for outcome in outcomes].count(SlotTaken) == 4


async def test_a_word_added_before_the_slot_takes_effect_in_it(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("芯片出口新规", "大模型降价"))
    await desk.poll()
    desk.rules = (make.rule(any=("芯片",)),)
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    assert outcome.entries == 1
    assert "芯片" in outcome.subject


async def test_a_rule_taken_back_before_the_slot_is_as_if_never_written(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("芯片出口新规", "大模型降价"))
    await desk.poll()
    old, desk.rules = desk.rules, (make.rule(any=("芯片",)),)
    await rematch(desk.ruleset, after=0, db=desk.db)
    desk.rules = old
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    assert "大模型" in outcome.subject


async def test_a_new_subscription_is_not_flooded_with_what_was_before(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    desk.subscription = make.subscription("晚报")
    assert isinstance(await desk.compose(), NothingNew)


async def test_a_subscription_gets_the_rules_it_names(desk: Desk) -> None:
    desk.rules = (make.rule(), make.rule("芯片", any=("芯片",)))
    desk.subscription = make.subscription(rules=("芯片",))
    desk.web.serves(desk.feeds[0], make.rss("芯片出口新规", "大模型降价"))
    await desk.poll()
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    assert outcome.entries == 1


async def test_the_footer_knows_which_feeds_are_well(desk: Desk) -> None:
    desk.feeds = (
        make.feed(),
        make.feed("坏的", url="https://bad.example.org/rss"),
        make.feed("没问过", url="https://new.example.org/rss"),
        make.feed("暂停的", url="https://paused.example.org/rss", enabled=False),
    )
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    desk.web.serves(desk.feeds[1], FetchError("HTTP 503", status=503))
    everything, desk.feeds = desk.feeds, desk.feeds[:2]
    await desk.poll()
    desk.feeds = everything
    draft = await draft_digest(
        desk.subscription,
        make.slot("now:1"),
        context=desk.context,
        render=desk.render,
        db=desk.db,
        now=desk.clock(),
    )
    assert isinstance(draft, Draft)
    assert [health for _, health in draft.issues[0].digest.watched.feeds] == [
        FeedHealth.OK,
        FeedHealth.FAILING,
        FeedHealth.UNVISITED,
    ]


async def test_a_draft_changes_nothing(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    desk.rules = (make.rule(any=("降价",)),)
    before = await _state(desk)
    draft = await draft_digest(
        desk.subscription,
        make.slot("now:1"),
        context=desk.context,
        render=desk.render,
        db=desk.db,
        now=desk.clock(),
    )
    assert isinstance(draft, Draft)
    assert len(draft.pending) == 1
    assert await _state(desk) == before
    assert await _mails(desk) == 0
    unjudged = await desk.db.read(
        entries.news, after=0, upto=100, not_judged_by=desk.ruleset.fingerprint, limit=10
    )
    assert len(unjudged) == 1, "not even a judgement is stored"


def _broken(_: Digest) -> Rendered:
    raise DigestError("digest.html.j2, line 3")


async def test_a_digest_that_no_template_makes_waits(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    with pytest.raises(DigestError):
        await compose(
            desk.subscription,
            make.slot("now:1"),
            context=desk.context,
            render=_broken,
            fallback=_broken,
            db=desk.db,
            now=desk.clock(),
        )
    assert isinstance(await desk.compose(), Composed)


async def test_where_a_template_fails_ours_makes_the_digest_and_the_operator_is_told(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"), make.rss("大模型降价", "大模型涨价"))
    good, desk.render = desk.render, _broken
    await desk.poll()
    composed = await desk.compose()
    assert isinstance(composed, Composed)
    assert (composed.template_error, composed.subject[:5]) == ("digest.html.j2, line 3", "大模型降价")
    (known,) = await desk.db.read(notices.open_troubles)
    assert (known.trouble.kind, known.trouble.subject) == (NoticeKind.TEMPLATE_FAILED, desk.subscription.name)
    assert known.trouble.details == f"{desk.subscription.name}: digest.html.j2, line 3"
    desk.render = good
    desk.clock.forward(hours=1)
    await desk.poll()
    assert isinstance(await desk.compose(), Composed)
    assert await desk.db.read(notices.open_troubles) == []


async def test_an_item_of_a_feed_that_was_removed_keeps_its_feeds_name(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    url, name = desk.feeds[0].url, desk.feeds[0].name
    await desk.db.write(feeds.set_names, {url: name})
    draft = await draft_digest(
        desk.subscription,
        make.slot("now:1"),
        context=replace(desk.context, feeds=()),
        render=desk.render,
        db=desk.db,
        now=desk.clock(),
    )
    assert isinstance(draft, Draft)
    assert [item.feed for item in draft.issues[0].digest.items] == [name]


async def test_the_same_draft_gives_the_same_bytes(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    raws = set()
    for _ in range(2):
        draft = await draft_digest(
            desk.subscription,
            make.slot("now:1"),
            context=desk.context,
            render=desk.render,
            db=desk.db,
            now=desk.clock(),
        )
        assert isinstance(draft, Draft)
        (issue,) = draft.issues
        raws.add(
            mails_of(issue.parts[0], issue.mailboxes, sender="digest@example.org", row=1, key="AI", links={})[
                0
            ].raw
        )
    assert len(raws) == 1


async def test_a_digest_expires_as_the_operator_says(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    await desk.compose()
    (delivery,) = await desk.db.read(outbox.listing, status=None, limit=10)
    assert delivery.expires_at == desk.clock() + timedelta(hours=48)


async def test_the_same_slot_at_another_instant_makes_mails_of_other_message_ids(desk: Desk) -> None:
    message_ids = set()
    for _ in range(2):
        digest = Digest(subscription=desk.subscription, slot=make.slot(), at=desk.clock(), since=None)
        part = Part(digest=digest, rendered=Rendered(subject="1", text="1", html=""))
        (mail,) = mails_of(part, desk.subscription.to, sender="d@example.org", row=1, key="AI", links={})
        message_ids.add(mail.message_id)
        desk.clock.forward(hours=1)
    assert len(message_ids) == 2


async def test_a_reader_cannot_compute_the_message_id_that_another_one_got(desk: Desk) -> None:
    """Else he could have the other suppressed, by a bounce of his own making."""
    desk.subscription = make.subscription(to=("ann@example.org", "bo@example.org"))
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    draft = await draft_digest(
        desk.subscription,
        make.slot("now:1"),
        context=desk.context,
        render=desk.render,
        db=desk.db,
        now=desk.clock(),
    )
    assert isinstance(draft, Draft)
    await desk.compose(make.slot("now:1"))
    sent = {row.mail.to: row.mail for row in await desk.db.read(outbox.listing, status=None, limit=10)}
    (part,) = draft.issues[0].parts
    known = mails_of(part, desk.subscription.to, sender=desk.context.sender, row=1, key="AI 日报", links={})
    assert b"Message-ID" in known[1].raw
    assert known[1].message_id != sent["bo@example.org"].message_id
