from datetime import time, timedelta

from monitor.config.options import Rule, Subscription
from monitor.digests.replay import Occasion, occasions
from monitor.model.rules import PendingEntry
from tests.make import NOW, entry, match, rule, subscription

HOUR = timedelta(hours=1)
URGENT = rule("急", pace="at once", quiet=((time(23), time(7)),))


def came(hours: float, *fingerprints: str, seq: int, **differ: str) -> PendingEntry:
    """An entry that came so many hours after 08:00."""
    matches = tuple(match(one) for one in fingerprints)
    return PendingEntry(
        seq=seq,
        entry=entry(f"第{seq}条", number=seq, first_seen=NOW + hours * HOUR, **differ),
        matches=matches,
    )


def played(
    sub: Subscription, *matched: PendingEntry, rules: tuple[Rule, ...] = (rule(), URGENT)
) -> list[Occasion]:
    pairs = [(one, f"f{number}") for number, one in enumerate(rules, start=1)]
    return list(occasions(sub, matched, rules=pairs, start=NOW, end=NOW + 48 * HOUR))


def told(found: list[Occasion]) -> list[tuple[str, float, list[int]]]:
    return [
        (one.slot.name.partition(":")[0], (one.slot.at - NOW) / HOUR, [entry.seq for entry in one.waiting])
        for one in found
    ]


def test_every_so_often_counts_from_the_mail_before() -> None:
    sub = subscription(every=6 * HOUR)
    found = played(sub, came(1, "f1", seq=1), came(2, "f1", seq=2), came(20, "f1", seq=3))
    assert told(found) == [("every", 1, [1]), ("every", 7, [2]), ("every", 20, [3])]


def test_without_a_pause_each_arrival_has_its_mail() -> None:
    assert told(played(subscription(), came(1, "f1", seq=1), came(47.9, "f1", seq=2))) == [
        ("every", 1, [1]),
        ("every", 47.9, [2]),
    ]


def test_urgent_ones_wait_for_the_end_of_quiet_hours_and_are_told_once() -> None:
    sub = subscription(every=None, at=(time(8),))
    found = played(sub, came(1, "f2", seq=1), came(20, "f1", "f2", seq=2), came(21, "f1", seq=3))
    assert told(found) == [("at once", 1, [1]), ("at once", 23, [2]), ("at", 24, [3])]


def test_a_story_is_told_once_and_what_came_before_the_start_or_after_the_end_not_at_all() -> None:
    sub = subscription(every=None, at=(time(8),))
    found = played(
        sub,
        came(-1, "f1", seq=1),
        came(1, "f1", seq=2, story="s"),
        came(25, "f1", seq=3, story="s"),
        came(49, "f1", seq=4),
    )
    assert told(found) == [("at", 24, [2])]


def test_a_match_of_rules_not_asked_is_nothing() -> None:
    sub = subscription(every=None, at=(time(8),), rules=("急",))
    assert told(played(sub, came(1, "f1", seq=1), came(2, "f9", seq=2))) == []
