from datetime import time, timedelta
from typing import Any

from monitor.config.options import Config, Rule, Subscription
from monitor.jobs.demand import FeedReaders, readers_of
from tests import make

NOW, HOUR = make.NOW, timedelta(hours=1)  # 08:00 in Shanghai
A, B = (make.feed(name, url=f"https://{name}.example.org/rss") for name in "AB")


def readers(*subscriptions: Subscription, rules: tuple[Rule, ...] = ()) -> list[FeedReaders]:
    rules = rules or (make.rule(),)
    known = readers_of(Config(feeds=(A, B), rules=rules, subscriptions=subscriptions))
    return [known[A.url], known[B.url]]


def daily(*at: int, **differ: Any) -> Subscription:
    return make.subscription(every=None, at=tuple(map(time, at)), **differ)


def test_a_feed_is_wanted_before_each_digest_of_the_next_day_that_could_use_it() -> None:
    first, second = readers(daily(9, 18), daily(9, 10, timezone="Europe/Berlin"))
    wanted = first.demand(NOW)
    assert [(at - NOW) / HOUR for at in wanted.digests] == [1, 8, 9, 10]
    assert not wanted.prompt
    assert first == second


def test_a_minute_later_in_the_hour_the_digest_of_then_counts_and_the_one_that_was_does_not() -> None:
    (feed, _) = readers(daily(8, 9))
    assert [(at - NOW) / HOUR for at in feed.demand(NOW).digests] == [0, 1, 24]
    later = NOW + timedelta(minutes=59)
    assert [(at - NOW) / HOUR for at in feed.demand(later).digests] == [1, 24]


def test_days_without_a_digest_do_not_count() -> None:
    (weekly, _) = readers(daily(9, days=(1,)))
    assert weekly.demand(NOW).digests == (), "it is Tuesday"


def test_only_the_feeds_that_its_rules_are_limited_to_are_of_use_to_a_subscription() -> None:
    rules = (make.rule("one", feeds=("A",)), make.rule("off", enabled=False), make.rule("every"))
    limited = daily(9, rules=("one", "off"))
    first, second = readers(limited, rules=rules)
    assert (first.subscriptions, second.subscriptions) == ((limited,), ())
    every = daily(10, rules=("every",))
    first, second = readers(limited, every, rules=rules)
    assert (first.subscriptions, second.subscriptions) == ((limited, every), (every,))


def test_rules_at_once_and_subscriptions_without_times_want_each_entry() -> None:
    rules = (make.rule("now", feeds=("A",), pace="at once"), make.rule("later"))
    assert [each.prompt for each in readers(daily(9), rules=rules)] == [True, False]
    assert [each.prompt for each in readers(daily(9, rules=("later",)), rules=rules)] == [False, False]
    often = make.subscription(every=HOUR)
    assert [each.prompt for each in readers(often)] == [True, True]
    assert [each.subscriptions for each in readers(often)] == [(), ()]


def test_the_text_of_the_readers_changes_with_what_moves_a_poll_and_with_nothing_else() -> None:
    (first, _) = readers(daily(9, 18), daily(10))
    assert first.text == readers(daily(10, name="renamed"), daily(9, 18, to=("b@example.org",)))[0].text
    others = [readers(daily(9, 18))[0], readers(daily(9, 18), daily(10, timezone="UTC"))[0], readers()[0]]
    others.append(readers(daily(9, 18), daily(10), make.subscription())[0])
    assert len({each.text for each in [first, *others]}) == 5
