from datetime import time, timedelta

from monitor.jobs.backfill import Backfill, backfill
from monitor.jobs.compose import Composed, NothingNew
from monitor.store import digests, entries
from tests import make
from tests.jobs.desk import Desk


async def _apply(desk: Desk, only: str | None = None, dry: bool = False) -> list[str]:
    (subscription_backfill,) = await _backfills(desk, only, dry)
    return [pending.entry.title for pending in subscription_backfill.entries]


async def _backfills(desk: Desk, only: str | None, dry: bool) -> list[Backfill]:
    now = desk.clock()
    return await backfill(
        [desk.subscription],
        context=desk.context,
        since=now - timedelta(days=7),
        now=now,
        db=desk.db,
        only=only,
        dry=dry,
    )


async def _yesterday(desk: Desk) -> None:
    """Three entries arrived, of which one was mailed in the digest of the day; then two rules were written."""
    desk.subscription = make.subscription(every=None, at=(time(8),))
    desk.web.serves(desk.feeds[0], make.rss("芯片出口新规", "机器人上岗", "大模型降价"))
    await desk.poll()
    await desk.compose()
    desk.clock.forward(days=1)
    desk.rules = (make.rule(), make.rule("芯片", any=("芯片",)), make.rule("机器人", any=("机器人",)))


async def test_a_new_rule_is_applied_to_what_is_stored_and_never_to_what_was_mailed(desk: Desk) -> None:
    await _yesterday(desk)
    assert isinstance(await desk.compose(), NothingNew)
    assert await _apply(desk) == ["芯片出口新规", "机器人上岗"]
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    assert outcome.entries == 2
    desk.clock.forward(hours=1)
    assert isinstance(await desk.compose(), NothingNew), "offered once"
    assert await desk.db.read(digests.count_backfill) == 0
    assert await _apply(desk) == []


async def test_one_rule_alone_can_be_applied(desk: Desk) -> None:
    await _yesterday(desk)
    assert await _apply(desk, only="芯片") == ["芯片出口新规"]
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    assert outcome.entries == 1


async def test_a_dry_run_changes_nothing(desk: Desk) -> None:
    await _yesterday(desk)
    assert await _apply(desk, dry=True) == ["芯片出口新规", "机器人上岗"]
    assert isinstance(await desk.compose(), NothingNew)


async def test_what_is_pending_anyhow_is_not_backfilled(desk: Desk) -> None:
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    assert await _apply(desk) == []


async def test_a_subscription_that_is_not_known_yet_gets_nothing(desk: Desk) -> None:
    await _yesterday(desk)
    desk.subscription = make.subscription("晚报")
    assert await _apply(desk) == []


async def test_a_rule_edited_after_it_was_applied_takes_effect_as_it_is_now(desk: Desk) -> None:
    await _yesterday(desk)
    await _apply(desk)
    desk.rules = (make.rule("芯片", any=("芯片",)),)
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    assert outcome.entries == 1


# --- what was held back at the first visit ------------------------------------------------------


async def _first_visit(desk: Desk) -> None:
    """A first visit held back four entries of ten days ago, and one of a hundred; that of today has been mailed."""
    desk.web.serves(desk.feeds[0], make.rss("大模型今天"))
    await desk.poll()
    old = {"大模型甲": 10, "大模型乙": 10, "大模型丙": 10, "天气": 10, "大模型旧闻": 100}
    held_back = [
        (make.entry(title, number=number, published=desk.clock() - timedelta(days=days)), False)
        for number, (title, days) in enumerate(old.items())
    ]
    await desk.db.write(entries.insert_new, held_back, desk.context.rules.fingerprint)
    assert isinstance(await desk.compose(), Composed)


async def _held_back(desk: Desk, *, limit: int | None = None, dry: bool = False) -> tuple[list[str], int]:
    now = desk.clock()
    (only,) = await backfill(
        [desk.subscription],
        context=desk.context,
        since=now - timedelta(days=30),
        now=now,
        db=desk.db,
        held_back=True,
        limit=limit,
        dry=dry,
    )
    return [pending.entry.title for pending in only.entries], only.beyond


async def test_what_was_held_back_at_the_first_visit_is_brought_by_its_publication(desk: Desk) -> None:
    await _first_visit(desk)
    matching = ["大模型甲", "大模型乙", "大模型丙"]
    assert await _apply(desk) == [], "it is no news"
    assert await desk.db.read(entries.count_held_back, published_since=desk.clock() - timedelta(days=30)) == 4
    assert await _held_back(desk, dry=True) == (matching, 0)
    assert await _held_back(desk) == (matching, 0)
    desk.clock.forward(hours=1)
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    assert outcome.entries == 3
    desk.clock.forward(hours=1)
    assert isinstance(await desk.compose(), NothingNew)
    assert await _held_back(desk) == ([], 0), "what was mailed is not mailed again"
    assert await desk.db.read(entries.count_held_back, published_since=desk.clock() - timedelta(days=30)) == 1


async def test_a_limit_takes_the_newest_and_says_how_many_there_are_beyond(desk: Desk) -> None:
    await _first_visit(desk)
    newer = make.entry("大模型丁", number=9, published=desk.clock() - timedelta(days=5))
    await desk.db.write(entries.insert_new, [(newer, False)], desk.context.rules.fingerprint)
    titles, beyond = await _held_back(desk, limit=2)
    assert titles[-1] == "大模型丁"
    assert (len(titles), beyond) == (2, 2)
    assert await desk.db.read(digests.count_backfill) == 2
