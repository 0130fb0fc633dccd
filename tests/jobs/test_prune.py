from dataclasses import replace
from datetime import time, timedelta
from typing import Any

from sqlalchemy import event

from monitor.config.options import OutboxOptions, StoreOptions
from monitor.errors import SendKind
from monitor.jobs.compose import Composed, NothingNew
from monitor.jobs.lapse import lapse
from monitor.jobs.prune import Pruned, prune
from monitor.jobs.rematch import rematch
from monitor.model.feeds import Entry
from monitor.model.mail import DeliveryStatus
from monitor.model.notices import NoticeKind, Trouble
from monitor.store import digests, entries, matches, notices, outbox, owed, pruned, subscriptions
from monitor.store.database import Connection
from tests import make
from tests.jobs.desk import Desk

TITLES = ("大模型降价", "芯片出口新规")  # a rule matches the first
NOTHING = Pruned(mails=0, entries=0)
DAILY = make.subscription(every=None, at=(time(8),))  # its cursor moves with each digest


async def _arrive(desk: Desk, *titles: str, news: bool = True) -> list[int]:
    """Store entries with texts and their matches, seen now; return their seqs."""
    await desk.register()
    candidates = [
        make.entry(title, id=title, summary=f"{title}的摘要", text="正文" * 500, first_seen=desk.clock())
        for title in titles
    ]

    def store(tx: Connection) -> list[int]:
        new = entries.insert_new(tx, [(entry, news) for entry in candidates], desk.ruleset.fingerprint)
        match = make.match(desk.ruleset.rules[0].fingerprint)
        matches.insert(tx, [(seq, match) for seq, entry in new if "大模型" in entry.title])
        return [seq for seq, _ in new]

    return await desk.db.write(store)


async def _stored(desk: Desk) -> list[Entry]:
    return [entry for _, entry in await desk.db.read(entries.of, range(1, 1000))]


async def _with_text(desk: Desk) -> list[str]:
    return [entry.title for entry in await _stored(desk) if entry.text or entry.summary]


async def _matched(desk: Desk) -> list[int]:
    return sorted(await desk.db.read(matches.of_entries, range(1, 1000)))


async def test_what_happened_once_is_shown_for_a_week(desk: Desk) -> None:
    event = Trouble(kind=NoticeKind.MAIL_GIVEN_UP, subject="1", since=desk.clock())
    state = Trouble(kind=NoticeKind.CLOCK_BEHIND, since=desk.clock())
    for trouble in (event, state):
        await desk.db.write(notices.report, trouble, desk.clock())
    desk.clock.forward(days=6)
    await desk.prune()
    assert len(await desk.db.read(notices.open_troubles)) == 2
    desk.clock.forward(days=2)
    await desk.prune()
    assert [known.trouble for known in await desk.db.read(notices.open_troubles)] == [state]


async def test_what_became_of_a_mail_is_known_for_90_days_however_short_its_bytes_are_kept(
    desk: Desk,
) -> None:
    await _arrive(desk, TITLES[0])
    await desk.compose()
    await desk.deliver()
    outbox_options = OutboxOptions(keep=timedelta(days=7))

    async def prune_mails() -> tuple[int, list[bytes]]:
        pruned = await prune(db=desk.db, now=desk.clock(), mails=outbox_options, store=StoreOptions())
        rows = await desk.db.read(outbox.listing, status=None, limit=9)
        return pruned.mails, [row.mail.raw for row in rows]

    desk.clock.forward(days=8)
    assert await prune_mails() == (1, [b""])
    desk.clock.forward(days=81)
    assert await prune_mails() == (0, [b""])
    (row,) = await desk.db.read(outbox.listing, status=None, limit=9)
    assert (row.status, row.mail.to) == (DeliveryStatus.SENT, "reader@example.org")
    assert row.mail.message_id
    desk.clock.forward(days=2)
    assert await prune_mails() == (0, [])
    assert not isinstance(await desk.compose(), Composed), "it is known for ever that it was mailed"


async def test_an_entry_older_than_keep_loses_its_texts_and_nothing_else(desk: Desk) -> None:
    desk.subscription = DAILY
    await _arrive(desk, *TITLES)
    await desk.compose()
    before = await _stored(desk)
    desk.clock.forward(days=400)
    await desk.deliver()
    assert await desk.prune() == NOTHING, "not older than keep, but as old"
    desk.clock.forward(seconds=1)
    assert await desk.prune() == Pruned(mails=0, entries=2)
    assert await _stored(desk) == [replace(entry, summary="", text="") for entry in before]
    assert await _matched(desk) == []
    assert await desk.db.read(digests.mailed, desk.subscription.name, [before[0].story]) == {before[0].story}
    assert await desk.prune() == NOTHING


async def test_an_entry_without_its_texts_is_known_for_ever(desk: Desk) -> None:
    desk.subscription = DAILY
    await _arrive(desk, *TITLES)
    await desk.compose()
    await desk.deliver()
    desk.clock.forward(days=4000)
    await desk.prune()
    assert await _arrive(desk, *TITLES) == []
    assert isinstance(await desk.compose(), NothingNew)


async def test_an_entry_of_titles_alone_loses_its_matches(desk: Desk) -> None:
    desk.subscription = DAILY
    desk.web.serves(desk.feeds[0], make.rss(*TITLES))
    await desk.poll()
    await desk.compose()
    await desk.deliver()
    desk.clock.forward(days=401)
    assert (await desk.prune()).entries == 2
    assert await _matched(desk) == []


async def test_what_no_digest_has_passed_keeps_its_texts_however_old(desk: Desk) -> None:
    await _arrive(desk, *TITLES)
    desk.clock.forward(days=401)
    await _arrive(desk, "大模型新规")
    assert await desk.prune() == NOTHING, "the subscription has had no digest yet"
    assert isinstance(await desk.compose(), Composed)
    desk.clock.forward(days=1)
    await desk.compose()  # the cursor of a digest without a time of day stays a day behind
    await desk.deliver()
    assert (await desk.prune()).entries == 2
    assert await _with_text(desk) == ["大模型新规"]


async def test_a_subscription_that_has_lapsed_keeps_no_texts(desk: Desk) -> None:
    await _arrive(desk, *TITLES)
    await desk.db.write(subscriptions.mark_gone, desk.subscription.name, desk.clock())
    desk.clock.forward(days=401)
    assert await desk.prune() == NOTHING
    await lapse(db=desk.db, now=desk.clock())
    assert (await desk.prune()).entries == 2


async def test_entries_keep_their_texts_where_there_is_no_subscription_but_for_keep(desk: Desk) -> None:
    desk.clock.forward(days=-500)
    candidates = [(make.entry(first_seen=desk.clock(), text="正文"), True)]
    await desk.db.write(entries.insert_new, candidates, "ruleset")
    desk.clock.forward(days=500)
    assert await desk.prune(keep=timedelta(days=500)) == NOTHING
    assert (await desk.prune()).entries == 1


async def test_what_is_owed_or_offered_keeps_its_texts_and_matches(desk: Desk) -> None:
    one, other, free = await _arrive(desk, "大模型一", "大模型二", "大模型三")
    key = desk.subscription.name
    await desk.db.write(subscriptions.begin_anew, key, desk.clock())
    await desk.db.write(owed.add, key, "reader@example.org", {one: 0}, desk.clock())
    await desk.db.write(digests.add_backfill, key, [other])
    desk.clock.forward(days=401)
    assert await desk.prune() == Pruned(mails=0, entries=1)
    assert await _with_text(desk) == ["大模型一", "大模型二"]
    assert await _matched(desk) == [one, other]
    assert isinstance(await desk.compose(), Composed)
    await desk.deliver()
    desk.clock.forward(seconds=1)
    await desk.prune()
    assert await _with_text(desk) == []
    assert await desk.db.read(pruned.among, [one, other, free]) == {one, other, free}


async def test_what_a_mail_brings_that_was_not_sent_keeps_its_texts(desk: Desk) -> None:
    desk.subscription = DAILY
    await _arrive(desk, *TITLES)
    await desk.compose()
    desk.mailbox.refuses(SendKind.LATER)
    await desk.deliver()
    desk.clock.forward(days=401)
    assert (await desk.prune()).entries == 1, "the one in no mail"
    assert await _with_text(desk) == [TITLES[0]]
    await desk.deliver()
    (delivery,) = await desk.db.read(outbox.listing, status=DeliveryStatus.SENT, limit=9)
    assert delivery.mail.to == "reader@example.org"
    assert (await desk.prune()).entries == 1


async def test_an_entry_that_was_held_back_loses_its_texts_too(desk: Desk) -> None:
    await _arrive(desk, *TITLES, news=False)
    await desk.db.write(subscriptions.begin_anew, desk.subscription.name, desk.clock())
    desk.clock.forward(days=401)
    assert (await desk.prune()).entries == 2


async def test_more_entries_than_a_transaction_takes_are_pruned_at_once(desk: Desk) -> None:
    await _arrive(desk, *(f"大模型{number}" for number in range(450)))
    await desk.db.write(subscriptions.begin_anew, desk.subscription.name, desk.clock())
    desk.clock.forward(days=401)
    assert (await desk.prune()).entries == 450


async def test_an_entry_without_its_texts_is_matched_again_by_its_title(desk: Desk) -> None:
    """As after `subscriptions rename`, which goes on from the earlier place."""
    seqs = await _arrive(desk, *TITLES)
    await desk.db.write(subscriptions.begin_anew, desk.subscription.name, desk.clock())
    desk.clock.forward(days=401)
    await desk.prune()
    assert await rematch(desk.ruleset, after=0, db=desk.db) == 2
    assert await _matched(desk) == seqs[:1]


async def test_pruned_news_are_counted(desk: Desk) -> None:
    first, _ = await _arrive(desk, *TITLES)
    await _arrive(desk, "held back", news=False)
    await desk.db.write(subscriptions.begin_anew, desk.subscription.name, desk.clock())
    desk.clock.forward(days=401)
    await _arrive(desk, "大模型新规")
    await desk.prune()
    assert await desk.db.read(pruned.count, 0, 1000) == 2
    assert await desk.db.read(pruned.count, first, 1000) == 1


async def test_what_is_to_be_pruned_is_found_without_a_look_at_the_others(desk: Desk) -> None:
    def plan(tx: Connection) -> str:
        asked: list[tuple[str, Any]] = []

        @event.listens_for(tx, "before_cursor_execute")
        def remember(_tx: object, _cursor: object, sql: str, values: Any, *_: object) -> None:
            asked.append((sql, values))

        pruned.drop_texts(tx, desk.clock(), 200)
        ((sql, values),) = [query for query in asked if "ORDER BY" in query[0]]
        if tx.dialect.name == "postgresql":
            tx.exec_driver_sql("SET LOCAL enable_seqscan = off")  # what few rows there are, it reads at once
            tx.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        explain = "EXPLAIN QUERY PLAN" if tx.dialect.name == "sqlite" else "EXPLAIN"
        return "\n".join(str(row) for row in tx.exec_driver_sql(f"{explain} {sql}", values))

    await desk.register()
    assert "ix_entries_whole" in await desk.db.write(plan)
