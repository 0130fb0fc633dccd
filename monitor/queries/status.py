"""Report how the service, the configuration, the feeds, the subscriptions and the outbox stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.config.checked import CheckedConfig
from monitor.config.options import Config, Feed
from monitor.config.values import in_words
from monitor.digests.due import next_slot
from monitor.errors import Problem
from monitor.feeds.health import health_of as health_of_feed
from monitor.feeds.pace import interval_of
from monitor.jobs.demand import FeedReaders, readers_of
from monitor.mail.limits import limits_of
from monitor.masking import mask
from monitor.model.digests import SubscriptionState
from monitor.model.feeds import PollState
from monitor.model.mail import DeliveryStatus, LimitReached
from monitor.model.rules import RulesetVersion
from monitor.queries.answers.config import transport_of
from monitor.queries.answers.status import (
    ConfigStatus,
    FeedStatus,
    MailLimit,
    RulesInForce,
    ServiceStatus,
    StatusAnswer,
    SubscriptionStatus,
    TroubleStatus,
)
from monitor.queries.health import Health, health_of
from monitor.queries.recipients import KnownRecipient, RecipientState, declining_recipients
from monitor.store import entries, feeds, outbox, rulesets, subscriptions
from monitor.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """What the database knows about the service, feeds, subscriptions, mails and rules."""

    health: Health
    feeds: Sequence[PollState]
    subscriptions: Sequence[SubscriptionState]
    news_since: Mapping[str, int]  # since the last slot of each subscription, by its name
    rules: RulesetVersion | None  # in force; None when no version was kept yet
    declining: Sequence[KnownRecipient] = ()  # of an accepted configuration: nothing goes to them
    limit: LimitReached | None = None  # that keeps mails from the mail server


def read_stored_state(tx: Connection, config: Config, now: datetime) -> StoredState:
    """Return what the database knows, at one moment; `config` is empty where none is accepted."""
    states, newest = subscriptions.states(tx), entries.newest_seq(tx)
    return StoredState(
        health=health_of(tx, config.feeds, now),
        feeds=feeds.states(tx),
        subscriptions=states,
        news_since={
            state.name: entries.count_news(tx, subscriptions.news_after(tx, state), newest)
            for state in states
        },
        rules=rulesets.newest(tx),
        declining=declining_recipients(tx, config, now),
        limit=outbox.limit_reached(tx, config.smtp.server, limits_of(config.smtp), now),
    )


def status_of(checked: CheckedConfig, stored: StoredState, now: datetime) -> StatusAnswer:
    """Return how everything stands by an accepted configuration."""
    readers = readers_of(checked.config)
    states = {state.name: state for state in stored.subscriptions}
    health = stored.health
    return StatusAnswer(
        config=ConfigStatus(ok=True, rules=RulesInForce.of(stored.rules)),
        service=ServiceStatus.of(health.service, health.heartbeat),
        feeds=tuple(
            FeedStatus.of(
                each.feed.name,
                each.state,
                each.health,
                _every(each.feed, each.state, readers[each.feed.url], checked.config, now),
            )
            for each in health.feeds
        ),
        subscriptions=tuple(
            SubscriptionStatus(
                subscription=subscription.name,
                to=subscription.to,
                last=state.last_at if state else None,
                next=next_slot(subscription, now),
                entries_since=stored.news_since.get(subscription.name, 0),
                timezone=subscription.timezone,
                unsubscribed=_declining(stored, subscription.name, RecipientState.UNSUBSCRIBED),
                paused=_declining(stored, subscription.name, RecipientState.PAUSED),
            )
            for subscription in checked.config.subscriptions
            for state in [states.get(subscription.name)]
        ),
        outbox=_counts(health),
        unseen=health.unseen,
        oldest_waiting=health.oldest_waiting,
        troubles=_troubles(health),
        mail=transport_of(checked),
        limit=MailLimit.of(stored.limit) if health.mails.get(DeliveryStatus.WAITING) else None,
    )


def status_refused(
    problems: Sequence[Problem], stored: StoredState, *, feed_names: Mapping[str, str], rule_text: str
) -> StatusAnswer:
    """Return how everything stands beside a refused file, as far as the database knows.

    `feed_names` are the names by URL, and `rule_text` the rules, as they stand in the refused file.
    """
    rules, health = stored.rules, stored.health
    return StatusAnswer(
        config=ConfigStatus(
            ok=False,
            problems=tuple(problems),
            rules=RulesInForce.of(rules),
            rules_edited=rules is not None and rules.text != rule_text,
        ),
        service=ServiceStatus.of(health.service, health.heartbeat),
        feeds=tuple(
            FeedStatus.of(
                feed_names.get(state.feed_url) or state.title or mask(state.feed_url),
                state,
                health_of_feed(state),
            )
            for state in stored.feeds
        ),
        subscriptions=tuple(
            SubscriptionStatus(subscription=state.name, last=state.last_at) for state in stored.subscriptions
        ),
        outbox=_counts(health),
        unseen=health.unseen,
        oldest_waiting=health.oldest_waiting,
        troubles=_troubles(health),
    )


def _declining(stored: StoredState, subscription: str, state: RecipientState) -> tuple[str, ...]:
    return tuple(
        each.address for each in stored.declining if each.subscription == subscription and each.state is state
    )


def _every(feed: Feed, state: PollState | None, readers: FeedReaders, config: Config, now: datetime) -> str:
    """Return the time between two visits to a feed, with "auto" what that comes to, in whole minutes."""
    if isinstance(feed.every, timedelta):
        return in_words(max(feed.every, config.fetch.min_interval))
    if state is None or state.visited is None:
        return "auto"
    interval = interval_of(state, feed, readers.demand(now), config.fetch, now)
    return f"auto: {in_words(timedelta(minutes=max(1, round(interval / timedelta(minutes=1)))))}"


def _troubles(health: Health) -> tuple[TroubleStatus, ...]:
    """Return the troubles: first what stops everything, then what is so just now, then what has happened."""
    ordered = sorted(health.troubles, key=lambda trouble: (not trouble.stops_all, trouble.is_event))
    return tuple(map(TroubleStatus.of, ordered))


def _counts(health: Health) -> dict[str, int]:
    return {status.value: health.mails.get(status, 0) for status in DeliveryStatus}
