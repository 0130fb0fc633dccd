"""Register a configuration in the database: its feeds, its subscriptions, and the version of its rules."""

from datetime import datetime

from monitor.loaded import LoadedConfig
from monitor.store import feeds, rulesets, subscriptions
from monitor.store.database import Connection


def register(tx: Connection, loaded: LoadedConfig, now: datetime) -> None:
    """Make the feeds, subscriptions and rules of a configuration known to the database."""
    feeds.sync(tx, [feed.url for feed in loaded.config.feeds], now)
    subscriptions.sync(tx, [subscription.name for subscription in loaded.config.subscriptions], now)
    record_rules(tx, loaded, now)


def record_rules(tx: Connection, loaded: LoadedConfig, now: datetime) -> None:
    """Record the rules of a configuration as a version, so that it can be put back."""
    rulesets.record(tx, fingerprint=loaded.rules.fingerprint, text=loaded.rule_text, now=now)
