from datetime import time, timedelta

from monitor.config.options import Rule, Subscription
from monitor.digests.due import slot_at_once
from monitor.jobs.stored import match_period
from monitor.model.rules import PendingEntry
from monitor.queries.replay import LEAD, Occasion, Replayed, occasions, replay
from monitor.store import subscriptions
from tests import make
from tests.jobs.desk import Desk
from tests.make import NOW, entry, match, rule, subscription

DAY = timedelta(days=1)


async def _replayed(desk: Desk, steps: list[int] | None = None, *, days: int = 3) -> list[Replayed]:
    start, end = make.NOW, make.NOW + days * DAY
    count = steps if steps is not None else []
    period = await match_period(desk.ruleset, start - LEAD, end, db=desk.db, step=lambda: count.append(1))
    return await replay(desk.subscription, period, start, end, context=desk.context, render=desk.render)


async def _three_days(desk: Desk) -> None:
    """08:00 is a slot; news came at 07:00 of the first day, at 09:00, and the day after (the first again)."""
    desk.subscription = make.subscription(every=None, at=(time(8),))
    desk.clock.forward(hours=-1)
    for titles in (["大模型降价"], ["AI新规", "天气转凉"], ["大模型降价", "AI芯片"]):
        desk.web.serves(desk.feeds[0], make.rss(*titles))
        await desk.poll()
        desk.clock.forward(hours=2 if titles == ["大模型降价"] else 24)


async def test_the_digests_of_a_period_are_replayed_each_with_its_own_news(desk: Desk) -> None:
    await _three_days(desk)
    steps: list[int] = []
    played = await _replayed(desk, steps)
    assert [(replayed.digest.slot.name, replayed.entries) for replayed in played] == [
        ("at:2026-11-24T08:00", 1),
        ("at:2026-11-25T08:00", 1),
        ("at:2026-11-26T08:00", 1),
    ]
    assert [
        "大模型" in played[0].parts[0].rendered.subject,
        "AI新规" in played[1].parts[0].rendered.subject,
    ] == [True, True]
    assert [replayed.digest.watched.entries for replayed in played] == [1, 2, 1]
    assert len(steps) == 4


async def test_a_replay_is_the_same_byte_for_byte_and_changes_nothing(desk: Desk) -> None:
    await _three_days(desk)
    before = await desk.db.read(subscriptions.state, desk.subscription.name)
    first, second = await _replayed(desk), await _replayed(desk)
    assert [replayed.parts for replayed in first] == [replayed.parts for replayed in second]
    assert await desk.db.read(subscriptions.state, desk.subscription.name) == before


async def test_what_digests_before_the_period_brought_is_not_brought_again(desk: Desk) -> None:
    desk.subscription = make.subscription(every=None, at=(time(8),))
    desk.clock.forward(days=-2)
    desk.web.serves(desk.feeds[0], make.rss("大模型降价"))
    await desk.poll()
    assert await _replayed(desk) == []


async def test_one_more_source_of_a_story_is_no_news_however_long_it_waited(desk: Desk) -> None:
    desk.feeds = (
        make.feed("甲", url="https://1.example.org/rss"),
        make.feed("乙", url="https://2.example.org/rss"),
    )
    desk.subscription = make.subscription(every=None, at=(time(8),))
    desk.clock.forward(hours=-1)
    brought = (
        ("澄湖科技发布星槎大模型，训练只用三百块芯片", ""),
        ("", "只用三百块芯片：澄湖科技推出星槎大模型"),
        ("", "AI写进课本"),
    )
    for titles, hours in zip(brought, (2, 24 * 11, 0), strict=True):
        for feed, title in zip(desk.feeds, titles, strict=True):
            items = [make.item(title, id=title, published=desk.clock())] if title else []
            desk.web.serves(feed, make.document(*items))
        await desk.poll()
        desk.clock.forward(hours=hours)
    *_, last = await _replayed(desk, days=13)
    assert [len(section.known) for section in last.digest.sections] == [1]
    assert [item.entry.title for item in last.digest.news] == ["AI写进课本"]


async def test_urgent_matches_are_replayed_as_mails_of_their_own(desk: Desk) -> None:
    desk.rules = (make.rule(pace="at once"),)
    await _three_days(desk)
    played = await _replayed(desk)
    assert [replayed.digest.slot for replayed in played] == [
        slot_at_once(make.NOW + timedelta(hours=1)),
        slot_at_once(make.NOW + timedelta(hours=25)),
    ]


HOUR = timedelta(hours=1)
URGENT = rule("急", pace="at once", quiet=((time(23), time(7)),))


def came(hours: float, *fingerprints: str, seq: int, **differ: str) -> PendingEntry:
    """An entry that came so many hours after 08:00."""
    matches = tuple(match(fingerprint) for fingerprint in fingerprints)
    return PendingEntry(
        seq=seq,
        entry=entry(f"第{seq}条", number=seq, first_seen=NOW + hours * HOUR, **differ),
        matches=matches,
    )


def occasions_of(
    sub: Subscription, *matched: PendingEntry, rules: tuple[Rule, ...] = (rule(), URGENT)
) -> list[Occasion]:
    pairs = [(rule, f"f{number}") for number, rule in enumerate(rules, start=1)]
    return list(occasions(sub, matched, rules=pairs, start=NOW, end=NOW + 48 * HOUR))


def outline(occasions: list[Occasion]) -> list[tuple[str, float, list[int]]]:
    return [
        (occasion.slot.kind, (occasion.slot.at - NOW) / HOUR, [pending.seq for pending in occasion.pending])
        for occasion in occasions
    ]


def test_every_so_often_counts_from_the_mail_before() -> None:
    sub = subscription(every=6 * HOUR)
    occasions = occasions_of(sub, came(1, "f1", seq=1), came(2, "f1", seq=2), came(20, "f1", seq=3))
    assert outline(occasions) == [("every", 1, [1]), ("every", 7, [2]), ("every", 20, [3])]


def test_without_a_pause_each_arrival_has_its_mail() -> None:
    assert outline(occasions_of(subscription(), came(1, "f1", seq=1), came(47.9, "f1", seq=2))) == [
        ("every", 1, [1]),
        ("every", 47.9, [2]),
    ]


def test_urgent_matches_wait_for_the_end_of_quiet_hours_and_are_mailed_once() -> None:
    sub = subscription(every=None, at=(time(8),))
    occasions = occasions_of(sub, came(1, "f2", seq=1), came(20, "f1", "f2", seq=2), came(21, "f1", seq=3))
    assert outline(occasions) == [("at once", 1, [1]), ("at once", 23, [2]), ("at", 24, [3])]


def test_a_story_is_mailed_once_and_what_came_before_the_start_or_after_the_end_not_at_all() -> None:
    sub = subscription(every=None, at=(time(8),))
    occasions = occasions_of(
        sub,
        came(-1, "f1", seq=1),
        came(1, "f1", seq=2, story="s"),
        came(25, "f1", seq=3, story="s"),
        came(49, "f1", seq=4),
    )
    assert outline(occasions) == [("at", 24, [2])]


def test_a_match_of_rules_the_subscription_does_not_name_is_nothing() -> None:
    sub = subscription(every=None, at=(time(8),), rules=("急",))
    assert outline(occasions_of(sub, came(1, "f1", seq=1), came(2, "f9", seq=2))) == []


def test_a_replay_sends_no_more_at_once_than_life_would() -> None:
    morning = subscription(every=None, at=(time(8),), at_once_most=2)
    played = occasions_of(
        morning, came(1, "f2", seq=1), came(1.1, "f2", seq=2), came(1.2, "f2", seq=3), came(3, "f2", seq=4)
    )
    assert outline(played) == [
        ("at once", 1, [1]),
        ("at once", 1.1, [2]),
        ("at once", 3, [4]),
        ("at", 24, [3]),
    ]
    short = subscription(every=timedelta(0), at_once_most=2)
    played = occasions_of(short, *(came(1 + n / 10, "f1", seq=n) for n in range(1, 5)))
    assert outline(played) == [
        ("every", 1.1, [1]),
        ("every", 1.2, [2]),
        ("every", 2.1, [3, 4]),
    ]
    none = subscription(every=None, at=(time(8),), at_once_most=0)
    assert outline(occasions_of(none, came(1, "f2", seq=1))) == [("at", 24, [1])]
