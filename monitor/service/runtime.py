"""Wire up what due work needs: a database, a fetcher, templates, a sender, the digest context."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from monitor.digests.render import RenderDigest, RenderNotice, digest_renderer, notice_renderer
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
    """Return the time now. Only the shell asks; everything below is given it."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The parts made for one configuration; made anew when it changes."""

    fetcher: Fetcher
    render: RenderDigest
    render_notice: RenderNotice
    send: Send
    context: DigestContext


def make_runtime(loaded: LoadedConfig) -> Runtime:
    """Make the parts this configuration asks for. Raises DigestError when a template cannot be read."""
    directory = templates_directory(loaded)
    smtp = loaded.config.smtp
    if smtp.ca_file:
        smtp = replace(smtp, ca_file=str(loaded.folder / smtp.ca_file))
    return Runtime(
        fetcher=Fetcher(loaded.config.fetch),
        render=digest_renderer(directory),
        render_notice=notice_renderer(directory),
        send=maildir_sender(loaded.maildir) if loaded.maildir else smtp_sender(smtp, loaded.password),
        context=digest_context(loaded),
    )


def templates_directory(loaded: LoadedConfig) -> str:
    """Return the operator's template directory; "" when there is none."""
    directory = loaded.config.digests.templates
    return str(loaded.folder / directory) if directory else ""


def digest_context(loaded: LoadedConfig) -> DigestContext:
    """Return what every digest of this configuration has in common."""
    return DigestContext(
        rules=loaded.rules,
        feeds=loaded.config.feeds,
        sender=loaded.config.smtp.sender,
        expire=loaded.config.outbox.expire,
    )


@asynccontextmanager
async def open_runtime(loaded: LoadedConfig) -> AsyncIterator[tuple[Runtime, Database]]:
    """Open the database, register the configuration in it, and make the runtime. Raises StoreError."""
    db = open_database(loaded.store_url)
    try:
        await db.write(register, loaded, clock())
        runtime = make_runtime(loaded)
        async with runtime.fetcher:
            yield runtime, db
    finally:
        await db.close()


def register(tx: Connection, loaded: LoadedConfig, now: datetime) -> None:
    """Make the feeds, subscriptions and rules of a configuration known to the database."""
    feeds.sync(tx, [feed.url for feed in loaded.config.feeds], now)
    digests.sync(tx, [subscription.name for subscription in loaded.config.subscriptions], now)
    record_rules(tx, loaded, now)


def record_rules(tx: Connection, loaded: LoadedConfig, now: datetime) -> None:
    """Record the rules of a configuration as a version, so that it can be put back."""
    rulesets.record(tx, fingerprint=loaded.rules.fingerprint, text=loaded.rule_text, now=now)
