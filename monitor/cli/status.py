"""Commands that show how things stand: status, outbox."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from monitor.cli.files import transport_of
from monitor.cli.refused import show_feeds, show_mails, status_refused
from monitor.cli.terminal import answer, complain, local_time, say, table
from monitor.config.checked import CheckedConfig, read_options
from monitor.digests.due import next_slot
from monitor.errors import ConfigError
from monitor.model.digests import SubscriptionState
from monitor.model.feeds import FeedHealth, PollState
from monitor.model.mail import Delivery, DeliveryStatus
from monitor.model.rules import RulesetVersion
from monitor.queries.answers.config import MaildirTransport
from monitor.queries.answers.status import (
    ConfigStatus,
    FeedStatus,
    OutboxMail,
    RulesInForce,
    StatusAnswer,
    SubscriptionStatus,
)
from monitor.store import digests, entries, feeds, rulesets
from monitor.store import outbox as store
from monitor.store.database import Connection, open_database

Standing = tuple[
    list[PollState], list[SubscriptionState | None], dict[DeliveryStatus, int], int, RulesetVersion | None
]


def status(path: Path, *, json: bool) -> int:
    """How feeds, subscriptions and outbox stand; 1 when a feed fails or a mail was given up."""

    async def ask(current: CheckedConfig) -> Standing:
        db = open_database(current.store_url, migrate=False)
        try:
            names = [subscription.name for subscription in current.config.subscriptions]
            return await db.read(_standing, names)
        finally:
            await db.close()

    try:
        current = read_options(path)
        states, subscribed, counts, newest, rules = asyncio.run(ask(current))
        if rules is None or rules.text != current.rule_text:
            _compile(path)
    except ConfigError as error:
        return status_refused(path, error, json=json)
    by_url = {state.feed_url: state for state in states}
    now = datetime.now(UTC)
    status = StatusAnswer(
        config=ConfigStatus(ok=True, rules=RulesInForce.of(rules)),
        feeds=tuple(FeedStatus.of(feed.name, by_url.get(feed.url)) for feed in current.config.feeds),
        subscriptions=tuple(
            SubscriptionStatus(
                subscription=subscription.name,
                to=subscription.to,
                last=state.last_at if state else None,
                next=next_slot(subscription, now),
                entries_since=newest - state.cursor if state else 0,
            )
            for subscription, state in zip(current.config.subscriptions, subscribed, strict=True)
        ),
        outbox={status.value: counts.get(status, 0) for status in DeliveryStatus},
        mail=transport_of(current),
    )
    if json:
        answer(status)
    else:
        _show_status(status, current.config.smtp.security)
    failing = any(feed.state is FeedHealth.FAILING for feed in status.feeds)
    return int(failing or bool(status.outbox["failed"] or status.outbox["expired"]))


def _compile(path: Path) -> None:
    """Compile rules that no service has taken up yet. Raises ConfigError for a word that cannot be read."""
    from monitor.loaded import load  # not for every status: compiling takes longer than the rest

    load(path)


def _standing(tx: Connection, names: list[str]) -> Standing:
    known = [digests.state(tx, name) for name in names]
    return feeds.states(tx), known, store.counts(tx), entries.newest_seq(tx), rulesets.newest(tx)


def _show_status(status: StatusAnswer, security: str) -> None:
    show_feeds(status.feeds)
    say("")
    table(
        *("subscription", "to", "last digest", "next", "entries since"),
        rows=[
            (
                row.subscription,
                ", ".join(row.to),
                local_time(row.last),
                local_time(row.next) if row.next else "when something waits",
                row.entries_since,
            )
            for row in status.subscriptions
        ],
        right=("entries since",),
    )
    say("")
    show_mails(status.outbox)
    if isinstance(status.mail, MaildirTransport):
        say(f"mail: [smtp] host is empty, so digests are put into {status.mail.path}")
    elif status.mail:
        say(f"mail: {status.mail.host}:{status.mail.port} ({security})")
    if rules := status.config.rules:
        say(f"rules: version {rules.version}, in force since {local_time(rules.since)}")


def outbox(path: Path, *, retry: int | None, limit: int, json: bool) -> int:
    """The newest mails and what became of them; with `retry`, one of them waits again."""

    async def ask() -> tuple[bool, list[Delivery]]:
        current = read_options(path)
        db = open_database(current.store_url, migrate=retry is not None)
        try:
            done = True
            if retry is not None:
                now = datetime.now(UTC)
                done = await db.write(store.requeue, retry, now, now + current.config.outbox.expire)
            return done, await db.read(store.listing, status=None, limit=limit)
        finally:
            await db.close()

    done, deliveries = asyncio.run(ask())
    if not done:
        complain(f"mail {retry} cannot be sent again: there is none of that number, or it was sent.")
    if json:
        answer([OutboxMail.of(delivery) for delivery in deliveries])
    elif deliveries:
        table(
            *("mail", "to", "slot", "status", "attempts", "next attempt", "last reply"),
            rows=[tuple(_row(one)) for one in deliveries],
            right=("mail", "attempts"),
        )
    else:
        say("No mail has been composed yet.")
    return int(not done)


def _row(one: Delivery) -> list[object]:
    again = (
        local_time(one.next_attempt_at)
        if one.status in (DeliveryStatus.WAITING, DeliveryStatus.UNCERTAIN)
        else "-"
    )
    return [
        one.id,
        one.mail.to,
        f"{one.subscription} {one.slot}",
        one.status.value,
        one.attempts,
        again,
        one.last_reply,
    ]
