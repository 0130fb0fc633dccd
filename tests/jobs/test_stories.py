"""One story once: from the poll to the mail, in one digest and over several."""

import asyncio
from datetime import time, timedelta
from email import message_from_bytes, policy

import pytest
from sqlalchemy import select

from monitor.digests.due import slot_at_once
from monitor.errors import SendCause
from monitor.jobs.compose import Composed, ComposeOutcome, NothingNew, SlotTaken
from monitor.jobs.draft import Draft, draft_digest
from monitor.jobs.give_up import give_up
from monitor.model.digests import Digest
from monitor.model.mail import Mail, Rendered
from monitor.model.recipients import ChangedBy
from monitor.queries.explain import explain
from monitor.store import choices, digests, entries, outbox, owed, tables
from monitor.store.database import Connection
from tests import make
from tests.jobs.desk import Desk
from tests.make import document, item

FEEDS = tuple(
    make.feed(name, url=f"https://{number}.example.org/rss") for number, name in enumerate("甲乙丙")
)
SAID = "澄湖科技发布「星槎」大模型，训练只用三百块芯片"
SAID_OTHERWISE = "只用三百块芯片：澄湖科技推出星槎大模型"
SAID_AGAIN = "澄湖星槎大模型问世 训练只用三百块芯片"
PLANNED = "澄湖科技正洽谈收购大模型企业芦笛微"
DONE = "澄湖科技宣布收购大模型企业芦笛微"


@pytest.fixture(autouse=True)
def _three_feeds(desk: Desk) -> None:
    desk.feeds = FEEDS
    desk.subscription = make.subscription(every=None, at=(time(8),))
    for feed in FEEDS:
        desk.web.serves(feed, document())


async def _brings(desk: Desk, *titles: str | None, hours: float = 1) -> None:
    """Each feed brings a title, or nothing."""
    for feed, title in zip(desk.feeds, titles, strict=False):
        if title is not None:
            link = f"https://{feed.name}.example.org/{abs(hash(title)) % 10**9}/"
            published = desk.clock() - timedelta(hours=hours)
            desk.web.serves(feed, document(item(title, id=link, link=link, published=published)))
    await desk.poll()


async def _next(desk: Desk, **span: float) -> ComposeOutcome:
    at = desk.clock.forward(**(span or {"minutes": 1}))
    return await desk.compose(make.slot(f"at:{at:%Y-%m-%dT%H:%M}", at))


def _text(mail: Mail) -> str:
    body = message_from_bytes(mail.raw, policy=policy.default).get_body(("plain",))
    assert body
    return str(body.get_content()).replace("\r\n", "\n")


def _html(mail: Mail) -> str:
    body = message_from_bytes(mail.raw, policy=policy.default).get_body(("html",))
    assert body
    return str(body.get_content())


async def _standing(desk: Desk) -> list[dict[int, int | None]]:
    """The entries of each digest, as seq to the one under which it stands."""

    def read(tx: Connection) -> list[dict[int, int | None]]:
        table = tables.digest_entries
        found: dict[int, dict[int, int | None]] = {}
        for row in tx.execute(select(table).order_by(table.c.digest_id, table.c.seq)):
            found.setdefault(row.digest_id, {})[row.seq] = row.lead
        return list(found.values())

    return await desk.db.read(read)


async def test_a_story_that_three_feeds_tell_is_one_item_with_the_links_of_all(desk: Desk) -> None:
    await _brings(desk, SAID, SAID_OTHERWISE, SAID_AGAIN)
    outcome = await _next(desk)
    assert isinstance(outcome, Composed)
    (mail,) = outcome.mails
    assert outcome.entries == 3
    assert "等" not in outcome.subject, "copies are not counted"
    for part in (_text(mail), _html(mail)):
        assert all(f"https://{feed.name}.example.org/" in part for feed in FEEDS)
        assert "另见 2 家" in part
    assert await _standing(desk) == [{1: None, 2: 1, 3: 1}]
    assert isinstance(await _next(desk, hours=24), NothingNew)


async def test_a_copy_that_comes_later_makes_no_mail_and_stands_in_the_next_one(desk: Desk) -> None:
    await _brings(desk, SAID)
    await _next(desk)
    desk.clock.forward(hours=2)
    await _brings(desk, None, SAID_OTHERWISE, hours=2)
    assert isinstance(await _next(desk, hours=22), NothingNew)
    assert isinstance(await _next(desk, hours=24), NothingNew)
    await _brings(desk, None, None, "大模型写进鹭岛的课本")
    outcome = await _next(desk, hours=24)
    assert isinstance(outcome, Composed)
    assert outcome.subject.startswith("大模型写进鹭岛的课本\N{NO-BREAK SPACE}·")
    text = _text(outcome.mails[0])
    assert f"此前已发报道的其他来源\n\n{SAID_OTHERWISE}\n乙 · 11月24日 08:01 已发\n" in text
    assert "人工智能 · 1 条" in text
    assert outcome.entries == 2
    assert isinstance(await _next(desk, hours=24), NothingNew)


async def test_a_copy_that_waits_for_weeks_does_not_become_news(desk: Desk) -> None:
    await _brings(desk, SAID)
    await _next(desk)
    desk.clock.forward(hours=2)
    await _brings(desk, None, SAID_OTHERWISE, hours=2)
    for _ in range(4):
        assert isinstance(await _next(desk, days=6), NothingNew)


async def test_a_later_stage_is_marked_as_an_update_with_its_date(desk: Desk) -> None:
    await _brings(desk, PLANNED)
    await _next(desk)
    desk.clock.forward(hours=20)
    await _brings(desk, None, DONE)
    outcome = await _next(desk, hours=4)
    assert isinstance(outcome, Composed)
    for part in (_text(outcome.mails[0]), _html(outcome.mails[0])):
        assert "更新：昨日 08:01 已发过" in part.replace("&nbsp;", " ")
    assert isinstance(await _next(desk, hours=24), NothingNew)


async def _retitled(desk: Desk, before: str, after: str) -> None:
    link = "https://news.example.org/1/"
    for title in (before, after):
        desk.web.serves(FEEDS[0], document(item(title, id=link, link=link)))
        await desk.poll()
        if title == before:
            await _next(desk)
            desk.clock.forward(hours=3)


async def test_a_story_under_another_title_is_an_update_once(desk: Desk) -> None:
    await _retitled(desk, "大模型写进课本", "大模型写进课本，教师意见不一")
    outcome = await _next(desk, hours=24)
    assert isinstance(outcome, Composed)
    assert "更新：昨日 08:01 已发过" in _text(outcome.mails[0])
    assert "教师意见不一" in outcome.subject
    assert isinstance(await _next(desk, hours=24), NothingNew)
    desk.web.serves(FEEDS[0], document(item("大模型写进课本，各校自定", id="https://news.example.org/1/")))
    await desk.poll()
    outcome = await _next(desk, hours=24)
    assert isinstance(outcome, Composed), "another edition is another update"


async def test_another_title_that_no_rule_matches_is_no_update(desk: Desk) -> None:
    await _retitled(desk, "大模型写进课本", "课本改版")
    assert isinstance(await _next(desk, hours=24), NothingNew)


async def test_an_edition_is_judged_before_the_digest_where_the_rules_changed(desk: Desk) -> None:
    await _retitled(desk, "大模型写进课本", "大模型写进课本，教师意见不一")
    desk.rules = (make.rule(any=("教师", "大模型")),)
    outcome = await _next(desk, hours=24)
    assert isinstance(outcome, Composed)
    assert "更新" in _text(outcome.mails[0])


async def test_a_title_that_changes_before_its_mail_is_no_update(desk: Desk) -> None:
    link = "https://news.example.org/1/"
    for title in ("大模型写进课本", "大模型写进课本，教师意见不一"):
        desk.web.serves(FEEDS[0], document(item(title, id=link, link=link)))
        await desk.poll()
        desk.clock.forward(hours=3)
    outcome = await _next(desk)
    assert isinstance(outcome, Composed)
    assert "更新" not in _text(outcome.mails[0])


async def test_two_workers_bring_an_update_once(desk: Desk) -> None:
    await _retitled(desk, "大模型写进课本", "大模型写进课本，教师意见不一")
    render, loop = desk.render, asyncio.get_running_loop()

    def overtaken(digest: Digest) -> Rendered:
        desk.render = render
        first = asyncio.run_coroutine_threadsafe(desk.compose(slot_at_once(desk.clock())), loop).result()
        assert isinstance(first, Composed)
        return render(digest)

    desk.rules = (make.rule(pace="at once"),)
    desk.render = overtaken
    assert isinstance(await _next(desk, hours=24), SlotTaken)
    assert isinstance(await _next(desk, minutes=1), NothingNew)


async def test_a_copy_makes_no_mail_at_once_and_a_later_stage_does(desk: Desk) -> None:
    desk.rules = (make.rule(pace="at once"),)
    await _brings(desk, PLANNED, SAID)
    assert isinstance(await desk.compose(slot_at_once(desk.clock())), Composed)
    desk.clock.forward(hours=2)
    await _brings(desk, None, None, SAID_OTHERWISE, hours=2)
    assert isinstance(await desk.compose(slot_at_once(desk.clock())), NothingNew)
    desk.clock.forward(hours=12)
    await _brings(desk, None, DONE)
    outcome = await desk.compose(slot_at_once(desk.clock()))
    assert isinstance(outcome, Composed)
    assert outcome.entries == 2, "the copy goes with it"


async def test_when_a_mail_is_given_up_its_copies_are_owed_and_come_back_as_one_item(desk: Desk) -> None:
    await _brings(desk, SAID, SAID_OTHERWISE)
    first = await _next(desk)
    assert isinstance(first, Composed)
    (recipient,) = desk.subscription.to
    key = desk.subscription.name

    def refuse(tx: Connection) -> None:
        give_up(tx, outbox.by_number(tx, 1), SendCause.ADDRESS, "550", desk.clock())

    await desk.db.write(refuse)
    assert await desk.db.read(owed.of, key) == {recipient: {1: 1, 2: 1}}
    desk.clock.forward(hours=2)
    await _brings(desk, None, None, SAID_AGAIN, hours=2)
    second = await _next(desk, hours=2)
    assert isinstance(second, Composed)
    text = _text(second.mails[0])
    assert "另见 2 家" in text
    assert "此前已发" not in text, "he has not had it"
    assert await desk.db.read(owed.of, key) == {}
    assert (await _standing(desk))[1] == {1: None, 2: 1, 3: 1}


async def test_a_copy_of_what_some_are_owed_is_new_to_them_and_known_to_the_others(desk: Desk) -> None:
    ann, bob = "ann@example.org", "bob@example.org"
    desk.subscription = make.subscription(every=None, at=(time(8),), to=(ann, bob))
    await _brings(desk, SAID)
    await _next(desk)
    await desk.db.write(owed.add, desk.subscription.name, ann, {1: 1}, desk.clock())
    desk.clock.forward(hours=2)
    await _brings(desk, None, SAID_OTHERWISE, "大模型写进鹭岛的课本", hours=2)
    outcome = await _next(desk, hours=2)
    assert isinstance(outcome, Composed)
    texts = {mail.to: _text(mail) for mail in outcome.mails}
    assert "另见 1 家" in texts[ann]
    assert "此前已发报道的其他来源" not in texts[ann]
    assert "此前已发报道的其他来源" in texts[bob]


async def test_a_copy_that_is_known_waits_while_only_what_is_owed_is_sent(desk: Desk) -> None:
    await _brings(desk, SAID, "大模型写进鹭岛的课本")
    await _next(desk)
    (recipient,) = desk.subscription.to
    await desk.db.write(owed.add, desk.subscription.name, recipient, {2: 1}, desk.clock())
    desk.clock.forward(hours=2)
    await _brings(desk, None, None, SAID_OTHERWISE, hours=2)
    outcome = await _next(desk, hours=2)
    assert isinstance(outcome, Composed)
    assert outcome.entries == 1
    waiting = await desk.db.read(digests.backfill_of, desk.subscription.name)
    assert [seq for seq, _ in waiting] == [3]


async def _draft(desk: Desk) -> Draft:
    draft = await draft_digest(
        desk.subscription,
        make.slot(),
        context=desk.context,
        render=desk.render,
        db=desk.db,
        now=desk.clock(),
    )
    assert isinstance(draft, Draft)
    return draft


async def test_who_declined_the_rule_with_news_gets_no_mail_for_one_more_source(desk: Desk) -> None:
    ann, bob = "ann@example.org", "bob@example.org"
    desk.rules = (make.rule(any=("星槎",)), make.rule("课本", any=("课本",)))
    desk.subscription = make.subscription(every=None, at=(time(8),), to=(ann, bob))
    await _brings(desk, SAID)
    await _next(desk)

    def decline(tx: Connection) -> None:
        (choice,) = choices.ensure(tx, desk.subscription.name, [bob]).values()
        choices.change(tx, choice.number, {"without": ("课本",)}, desk.clock(), ChangedBy.OPERATOR)

    await desk.db.write(decline)
    desk.clock.forward(hours=2)
    await _brings(desk, None, SAID_OTHERWISE, "大模型写进鹭岛的课本", hours=2)
    outcome = await _next(desk)
    assert isinstance(outcome, Composed)
    assert [mail.to for mail in outcome.mails] == [ann]


async def test_a_digest_that_is_broken_off_while_it_is_queued_leaves_every_copy_pending(desk: Desk) -> None:
    ann, bob = "ann@example.org", "bob@example.org"
    desk.subscription = make.subscription(every=None, at=(time(8),), to=(ann, bob))
    await _brings(desk, SAID, SAID_OTHERWISE, "大模型写进鹭岛的课本")
    key = desk.subscription.name
    await desk.db.write(owed.add, key, ann, {3: 0}, desk.clock())
    # The mail to bob is the second of the slot, and there is one already: as after a hand in the database.
    assert await desk.db.write(digests.insert, key, make.slot(), desk.clock(), 1, "", part=2)
    assert isinstance(await desk.compose(make.slot()), SlotTaken)
    assert await _standing(desk) == []
    stories = [entry.story for _, entry in await desk.db.read(entries.of, [1, 2, 3])]
    assert await desk.db.read(digests.mailed_before, key, stories) == {}
    outcome = await _next(desk)
    assert isinstance(outcome, Composed)
    assert outcome.entries == 3


async def test_five_hundred_entries_of_a_hundred_stories_are_a_hundred_items(desk: Desk) -> None:
    desk.feeds = tuple(make.feed(f"报{n}", url=f"https://{n}.example.org/rss") for n in range(5))
    names = [f"{chr(0x5300 + 7 * n)}{chr(0x6300 + 5 * n)}{chr(0x7300 + 3 * n)}" for n in range(100)]
    shapes = (
        "{}研究所的大模型学会辨认鸟鸣",
        "大模型辨认鸟鸣 {}研究所再添新作",
        "鸟鸣也能辨认：{}研究所大模型",
        "{}研究所教大模型辨认鸟鸣",
        "辨认鸟鸣的大模型，来自{}研究所",
    )
    for feed, shape in zip(desk.feeds, shapes, strict=True):
        items = [
            item(shape.format(name), id=f"{name}{feed.name}", link=f"https://{feed.name}.example.org/{name}/")
            for name in names
        ]
        desk.web.serves(feed, document(*items))
    await desk.poll()
    draft = await _draft(desk)
    items_of_all = [each for issue in draft.issues for part in issue.parts for each in part.digest.items]
    brought = [seq for each in items_of_all for seq in each.entries] + [
        seq for issue in draft.issues for each in issue.left for seq in each.entries
    ]
    assert sorted(brought) == list(range(1, 501)), "each once, and nothing is dropped"
    assert draft.issues[0].digest.total < 500


async def test_an_entry_is_explained_with_the_one_it_was_folded_into(desk: Desk) -> None:
    await _brings(desk, SAID, SAID_OTHERWISE)
    await _next(desk)
    (copy,) = await explain("2", rules=desk.ruleset, db=desk.db)
    (mailing,) = copy.mailed
    assert (mailing.lead, copy.leads) == (1, {1: SAID})
    (lead,) = await explain("1", rules=desk.ruleset, db=desk.db)
    assert ([mailing.lead for mailing in lead.mailed], lead.leads) == ([None], {})


async def test_what_was_mailed_lately_is_read_by_digest_and_no_more_than_asked_for(desk: Desk) -> None:
    await _brings(desk, SAID, "大模型写进鹭岛的课本")
    await _next(desk)
    key, now = desk.subscription.name, desk.clock()
    read = await desk.db.read(digests.mailed_since, key, now - timedelta(days=1), 10)
    assert [(each.seq, each.title, each.feed_url, each.at) for each in read] == [
        (1, SAID, FEEDS[0].url, now),
        (2, "大模型写进鹭岛的课本", FEEDS[1].url, now),
    ]
    assert [each.seq for each in await desk.db.read(digests.mailed_since, key, now, 1)] == [2]
    assert await desk.db.read(digests.mailed_since, key, now + timedelta(seconds=1), 10) == []
    assert await desk.db.read(entries.editions, [1, 2]) == set()
