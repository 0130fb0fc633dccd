"""Report how the configuration, the feeds, the subscriptions and the outbox stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.config.checked import CheckedConfig
from monitor.config.options import Config, Feed
from monitor.config.values import in_words
from monitor.digests.due import next_slot
from monitor.digests.notice import group_troubles
from monitor.errors import Problem
from monitor.feeds.pace import interval_of
from monitor.jobs.demand import FeedReaders, readers_of
from monitor.masking import mask
from monitor.model.digests import SubscriptionState
from monitor.model.feeds import PollState
from monitor.model.mail import DeliveryStatus
from monitor.model.notices import KnownTrouble
from monitor.model.rules import RulesetVersion
from monitor.queries.answers.config import transport_of
from monitor.queries.answers.status import (
    ConfigStatus,
    FeedStatus,
    RulesInForce,
    StatusAnswer,
    SubscriptionStatus,
    TroubleStatus,
)
from monitor.store import entries, feeds, notices, outbox, rulesets, subscriptions
from monitor.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """What the database knows about feeds, subscriptions, mails and rules."""

    feeds: Sequence[PollState]
    subscriptions: Sequence[SubscriptionState]
    mails: Mapping[DeliveryStatus, int]
    news_since: Mapping[str, int]  # since the last slot of each subscription, by its name
    rules: RulesetVersion | None  # in force; None when no version was kept yet
    troubles: Sequence[KnownTrouble]  # those that are not over


def read_stored_state(tx: Connection) -> StoredState:
    """Return what the database knows, at one moment."""
    states, newest = subscriptions.states(tx), entries.newest_seq(tx)
    return StoredState(
        feeds=feeds.states(tx),
        subscriptions=states,
        mails=outbox.counts(tx),
        news_since={
            state.name: entries.count_news(tx, subscriptions.news_after(tx, state), newest)
            for state in states
        },
        rules=rulesets.newest(tx),
        troubles=notices.open_troubles(tx),
    )


def status_of(checked: CheckedConfig, stored: StoredState, now: datetime) -> StatusAnswer:
    """Return how everything stands by an accepted configuration."""
    feed_states, readers = {state.feed_url: state for state in stored.feeds}, readers_of(checked.config)
    states = {state.name: state for state in stored.subscriptions}
    return StatusAnswer(
        config=ConfigStatus(ok=True, rules=RulesInForce.of(stored.rules)),
        feeds=tuple(
            FeedStatus.of(
                feed.name,
                state,
                _every(feed, state, readers[feed.url], checked.config, now),
                is_paused=not feed.enabled,
            )
            for feed in checked.config.feeds
            for state in [feed_states.get(feed.url)]
        ),
        subscriptions=tuple(
            SubscriptionStatus(
                subscription=subscription.name,
                to=subscription.to,
                last=state.last_at if state else None,
                next=next_slot(subscription, now),
                entries_since=stored.news_since.get(subscription.name, 0),
            )
            for subscription in checked.config.subscriptions
            for state in [states.get(subscription.name)]
        ),
        outbox=_counts(stored),
        troubles=_troubles(stored),
        mail=transport_of(checked),
    )


def status_refused(
    problems: Sequence[Problem], stored: StoredState, *, feed_names: Mapping[str, str], rule_text: str
) -> StatusAnswer:
    """Return how everything stands beside a refused file, as far as the database knows.

    `feed_names` are the names by URL, and `rule_text` the rules, as they stand in the refused file.
    """
    rules = stored.rules
    return StatusAnswer(
        config=ConfigStatus(
            ok=False,
            problems=tuple(problems),
            rules=RulesInForce.of(rules),
            rules_edited=rules is not None and rules.text != rule_text,
        ),
        feeds=tuple(
            FeedStatus.of(feed_names.get(state.feed_url) or state.title or mask(state.feed_url), state)
            for state in stored.feeds
        ),
        subscriptions=tuple(
            SubscriptionStatus(subscription=state.name, last=state.last_at) for state in stored.subscriptions
        ),
        outbox=_counts(stored),
        troubles=_troubles(stored),
    )


def _every(feed: Feed, state: PollState | None, readers: FeedReaders, config: Config, now: datetime) -> str:
    """Return the time between two visits to a feed, with "auto" what that comes to, in whole minutes."""
    if isinstance(feed.every, timedelta):
        return in_words(feed.every)
    if state is None or state.visited is None:
        return "auto"
    interval = interval_of(state, feed, readers.demand(now), config.fetch, now)
    return f"auto: {in_words(timedelta(minutes=max(1, round(interval / timedelta(minutes=1)))))}"


def _troubles(stored: StoredState) -> tuple[TroubleStatus, ...]:
    return tuple(map(TroubleStatus.of, group_troubles(stored.troubles)))


def _counts(stored: StoredState) -> dict[str, int]:
    return {status.value: stored.mails.get(status, 0) for status in DeliveryStatus}
