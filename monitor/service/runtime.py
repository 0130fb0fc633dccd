"""What the commands and the service work with: a database, a way to fetch, a way to render, a way to send."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from monitor.digests.render import Render, RenderNotice, notices, templates
from monitor.feeds.fetch import Fetcher
from monitor.jobs.draft import DigestContext
from monitor.loaded import LoadedConfig
from monitor.mail import Send
from monitor.mail.maildir import maildir_sender
from monitor.mail.smtp import smtp_sender
from monitor.store import digests, feeds, rulesets
from monitor.store.database import Connection, Database, open_database

jitter = random.random


def clock() -> datetime:
    """The time now. Only the shell asks; everything below is told."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Made for one configuration; made anew when it changes."""

    fetcher: Fetcher
    render: Render
    render_notice: RenderNotice
    send: Send
    context: DigestContext


def make_runtime(current: LoadedConfig) -> Runtime:
    """The runtime this configuration asks for. Raises DigestError when a template cannot be read."""
    config = current.config
    directory = str(current.folder / config.digests.templates) if config.digests.templates else ""
    smtp = config.smtp
    if smtp.ca_file:
        smtp = replace(smtp, ca_file=str(current.folder / smtp.ca_file))
    return Runtime(
        fetcher=Fetcher(config.fetch),
        render=templates(directory),
        render_notice=notices(directory),
        send=maildir_sender(current.maildir) if current.maildir else smtp_sender(smtp, current.password),
        context=DigestContext(
            rules=current.rules,
            feeds=config.feeds,
            sender=smtp.sender,
            expire=config.outbox.expire,
        ),
    )


@asynccontextmanager
async def opened(current: LoadedConfig) -> AsyncIterator[tuple[Runtime, Database]]:
    """The runtime and the database, with every feed and subscription known to it. Raises StoreError."""
    db = open_database(current.store_url)
    try:
        await db.write(register, current, clock())
        runtime = make_runtime(current)
        async with runtime.fetcher:
            yield runtime, db
    finally:
        await db.close()


def register(tx: Connection, current: LoadedConfig, now: datetime) -> None:
    """Make the feeds, subscriptions and rules of a configuration known to the database."""
    feeds.sync(tx, [feed.url for feed in current.config.feeds], now)
    digests.sync(tx, [subscription.name for subscription in current.config.subscriptions], now)
    keep_rules(tx, current, now)


def keep_rules(tx: Connection, current: LoadedConfig, now: datetime) -> None:
    """Keep the rules of a configuration, so that one can go back to them."""
    rulesets.record(tx, fingerprint=current.rules.fingerprint, text=current.rule_text, now=now)
