"""How things stand while config.toml is refused: what is wrong, which rules hold, what the database knows."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from monitor.cli.terminal import Styled, answer, complain, count, local_time, say, table
from monitor.config.checked import feed_names_of, store_url_of
from monitor.editing.history import rules_in
from monitor.errors import ConfigError, StoreError
from monitor.model.digests import SubscriptionState
from monitor.model.feeds import FeedHealth, PollState
from monitor.model.mail import DeliveryStatus
from monitor.model.rules import RulesetVersion
from monitor.queries.answers.status import (
    ConfigStatus,
    FeedStatus,
    RulesInForce,
    StatusAnswer,
    SubscriptionStatus,
)
from monitor.store import digests, feeds, rulesets
from monitor.store import outbox as store
from monitor.store.database import Connection, open_database

Known = tuple[list[PollState], list[SubscriptionState], dict[DeliveryStatus, int], RulesetVersion | None]


def status_refused(path: Path, error: ConfigError, *, json: bool) -> int:
    """Name what is wrong, and report all the same what the database has; always 2, as for every refused file."""
    known = _known(path)
    if isinstance(known, str):
        if json:
            answer(StatusAnswer(config=_config_status(path, error, None), database=known))
        else:
            _complain(path, error)
            complain(f"The database was not asked: {known}")
        return 2
    states, subscribed, counts, rules = known
    names = feed_names_of(path)
    status = StatusAnswer(
        config=_config_status(path, error, rules),
        feeds=tuple(
            FeedStatus.of(names.get(state.feed_url) or state.title or state.feed_url, state)
            for state in states
        ),
        subscriptions=tuple(
            SubscriptionStatus(subscription=state.name, last=state.last_at) for state in subscribed
        ),
        outbox={status.value: counts.get(status, 0) for status in DeliveryStatus},
    )
    if json:
        answer(status)
        return 2
    _complain(path, error)
    if rules:
        say(
            f"A running service goes on by what it had: rules version {rules.version}, since {local_time(rules.at)}."
        )
        if not status.config.rules_edited:
            say("The rules in the file are these; what is wrong is elsewhere in it.")
        else:
            say('Mend the file, or put the rules back with "monitor rules undo".')
    say("")
    show_feeds(status.feeds)
    say("")
    table(
        *("subscription", "last digest"),
        rows=[(row.subscription, local_time(row.last)) for row in status.subscriptions],
    )
    say("")
    show_mails(status.outbox)
    return 2


def _known(path: Path) -> Known | str:
    """What the database has, or why it was not asked."""

    async def ask() -> Known:
        db = open_database(store_url_of(path), migrate=False)
        try:
            return await db.read(_standing)
        finally:
            await db.close()

    try:
        return asyncio.run(ask())
    except ConfigError:
        return "[store] cannot be read either."
    except StoreError as error:
        return str(error)


def _standing(tx: Connection) -> Known:
    return feeds.states(tx), digests.states(tx), store.counts(tx), rulesets.newest(tx)


def _complain(path: Path, error: ConfigError) -> None:
    complain(f"{path} is refused:")
    for problem in error.problems:
        complain(f"  {problem}")


def _config_status(path: Path, error: ConfigError, rules: RulesetVersion | None) -> ConfigStatus:
    return ConfigStatus(
        ok=False,
        problems=error.problems,
        rules=RulesInForce.of(rules),
        rules_edited=rules is not None and rules_in(path) != rules.text,
    )


def show_feeds(feeds: Sequence[FeedStatus]) -> None:
    """Print a table of the feeds."""
    table(
        *("feed", "state", "last answer", "next visit", "what is wrong"),
        rows=[
            (
                feed.feed,
                Styled(feed.state.value, _COLOURS[feed.state]),
                local_time(feed.visited),
                local_time(feed.next),
                f"{feed.error} ({count(feed.failures, 'time')})" if feed.failures else "",
            )
            for feed in feeds
        ],
    )


_COLOURS = {FeedHealth.OK: "green", FeedHealth.FAILING: "red", FeedHealth.UNVISITED: "yellow"}


def show_mails(mails: Mapping[str, int]) -> None:
    """Print how many mails have which status."""
    say(
        "outbox: "
        + ", ".join(f"{count} {status}" for status, count in mails.items() if count or status == "waiting")
    )
