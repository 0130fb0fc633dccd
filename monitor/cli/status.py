"""Commands that show how things stand: status, outbox."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.cli.refused import feed_values, rules_values, show_feeds, show_mails, status_refused
from monitor.cli.terminal import answer, complain, local, say, table
from monitor.digests.due import next_slot
from monitor.errors import ConfigError
from monitor.loaded import LoadedConfig, load
from monitor.model.digests import SubscriptionState
from monitor.model.feeds import PollState
from monitor.model.mail import Delivery, DeliveryStatus
from monitor.model.rules import RulesetVersion
from monitor.service.runtime import clock, open_runtime
from monitor.store import digests, entries, feeds, rulesets
from monitor.store import outbox as store
from monitor.store.database import Connection

Standing = tuple[
    list[PollState], list[SubscriptionState | None], dict[DeliveryStatus, int], int, RulesetVersion | None
]


def status(path: Path, *, json: bool) -> int:
    """How feeds, subscriptions and outbox stand; 1 when a feed fails or a mail was given up."""

    async def ask(current: LoadedConfig) -> Standing:
        async with open_runtime(current) as (_, db):
            return await db.read(_standing, [one.name for one in current.config.subscriptions])

    try:
        current = load(path)
    except ConfigError as error:
        return status_refused(path, error, json=json)
    states, subscribed, counts, newest, rules = asyncio.run(ask(current))
    by_url = {state.feed_url: state for state in states}
    feed_rows = [feed_values(feed.name, by_url.get(feed.url)) for feed in current.config.feeds]
    now = clock()
    subscription_rows = [
        {
            "subscription": one.name,
            "to": list(one.to),
            "last": state.last_at if state else None,
            "next": next_slot(one, now),
            "entries_since": newest - state.cursor if state else 0,
        }
        for one, state in zip(current.config.subscriptions, subscribed, strict=True)
    ]
    mails = {one.value: counts.get(one, 0) for one in DeliveryStatus}
    if json:
        mode: dict[str, Any] = {"mode": "maildir", "path": str(current.maildir)}
        if not current.maildir:
            mode = {"mode": "smtp", "host": current.config.smtp.host, "port": current.config.smtp.port}
        in_force = {"ok": True, "problems": [], "rules": rules_values(rules)}
        answer(
            {
                "config": in_force,
                "feeds": feed_rows,
                "subscriptions": subscription_rows,
                "outbox": mails,
                "mail": mode,
            }
        )
    else:
        _show_status(current, feed_rows, subscription_rows, mails)
        if rules:
            say(f"rules: version {rules.version}, in force since {local(rules.at)}")
    failing = any(row["state"] == "failing" for row in feed_rows)
    return int(failing or bool(mails["failed"] or mails["expired"]))


def _standing(tx: Connection, names: list[str]) -> Standing:
    known = [digests.state(tx, name) for name in names]
    return feeds.states(tx), known, store.counts(tx), entries.newest_seq(tx), rulesets.newest(tx)


def _show_status(
    current: LoadedConfig,
    feed_rows: list[dict[str, Any]],
    subscription_rows: list[dict[str, Any]],
    mails: dict[str, int],
) -> None:
    show_feeds(feed_rows)
    say("")
    table(
        *("subscription", "to", "last digest", "next", "entries since"),
        rows=[
            (
                row["subscription"],
                ", ".join(row["to"]),
                local(row["last"]),
                _next(row["next"]),
                row["entries_since"],
            )
            for row in subscription_rows
        ],
        right=("entries since",),
    )
    say("")
    show_mails(mails)
    if current.maildir:
        say(f"mail: [smtp] host is empty, so digests are put into {current.maildir}")
    else:
        say(f"mail: {current.config.smtp.host}:{current.config.smtp.port} ({current.config.smtp.security})")


def _next(moment: datetime | None) -> str:
    return local(moment) if moment else "when something waits"


def outbox(path: Path, *, retry: int | None, limit: int, json: bool) -> int:
    """The newest mails and what became of them; with `retry`, one of them waits again."""

    async def ask() -> tuple[bool, list[Delivery]]:
        current = load(path)
        async with open_runtime(current) as (_, db):
            done = True
            if retry is not None:
                now = clock()
                done = await db.write(store.requeue, retry, now, now + current.config.outbox.expire)
            return done, await db.read(store.listing, status=None, limit=limit)

    done, deliveries = asyncio.run(ask())
    if not done:
        complain(f"mail {retry} cannot be sent again: there is none of that number, or it was sent.")
    if json:
        answer([_delivery_values(one) for one in deliveries])
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
        local(one.next_attempt_at)
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


def _delivery_values(one: Delivery) -> dict[str, Any]:
    return {
        "mail": one.id,
        "to": one.mail.to,
        "subscription": one.subscription,
        "slot": one.slot,
        "message_id": one.mail.message_id,
        "status": one.status.value,
        "attempts": one.attempts,
        "next_attempt_at": one.next_attempt_at,
        "expires_at": one.expires_at,
        "last_reply": one.last_reply,
    }
