"""Find who waits for the news of each feed: which subscriptions could use it, and when their digests come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from monitor.config.options import Config, Feed, Rule, Subscription
from monitor.digests.build import rules_of
from monitor.digests.due import slots_between
from monitor.feeds.rhythm import LONGEST, Demand

_AHEAD = LONGEST * 2  # no feed waits longer for its next poll
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReaders:
    """What the subscriptions that could use a feed want of it."""

    prompt: bool = False  # each entry is waited for
    subscriptions: tuple[Subscription, ...] = ()  # those with times of day

    def demand(self, now: datetime) -> Demand:
        """Return the demand with the digests of the next day."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        digests = tuple(at for at in _times_from(self.subscriptions, hour) if now <= at <= now + _AHEAD)
        return Demand(prompt=self.prompt, digests=digests)

    @property
    def text(self) -> str:
        """What moves a poll, as a text: whether each entry is waited for, and the times of the digests."""
        times = {(each.at, each.days, each.timezone) for each in self.subscriptions}
        return repr((self.prompt, sorted(times)))


@lru_cache(maxsize=64)  # most feeds have the same readers, and are polled again within the hour
def _times_from(subscriptions: tuple[Subscription, ...], hour: datetime) -> tuple[datetime, ...]:
    """Return the times of digests up to a day after any instant of an hour that begins at `hour`, in their order."""
    until = hour + _HOUR + _AHEAD
    return tuple(sorted({slot.at for each in subscriptions for slot in slots_between(each, hour, until)}))


def readers_of(config: Config) -> Mapping[str, FeedReaders]:
    """Return the readers of each feed, by its url."""
    rules = [rule for rule in config.rules if rule.enabled]
    wanted = [(subscription, rules_of(subscription, rules)) for subscription in config.subscriptions]
    return {feed.url: _readers(feed, wanted) for feed in config.feeds}


def _readers(feed: Feed, wanted: Sequence[tuple[Subscription, Sequence[Rule]]]) -> FeedReaders:
    users = [
        (subscription, used)
        for subscription, rules in wanted
        if (used := [rule for rule in rules if not rule.feeds or feed.name in rule.feeds])
    ]
    return FeedReaders(
        prompt=any(
            subscription.every is not None or any(rule.pace == "at once" for rule in used)
            for subscription, used in users
        ),
        subscriptions=tuple(subscription for subscription, _ in users if subscription.at),
    )
