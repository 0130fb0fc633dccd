"""Wire up what due work needs: a database, a fetcher, templates, a sender, the digest context."""

import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from monitor.config.addresses import parse_mailbox
from monitor.config.options import Config, SmtpOptions
from monitor.digests.archive import RenderArchive
from monitor.digests.room import RenderDigest, RenderNotice
from monitor.feeds.fetch import Fetcher
from monitor.feeds.parser_pool import Parse, ParserPool
from monitor.jobs.archive import ArchivePlace
from monitor.jobs.deliver import Transport
from monitor.jobs.draft import DigestContext, render_by_ours
from monitor.loaded import LoadedConfig
from monitor.mail import BeforeDot, BeforeRcpt, Send, go_on
from monitor.mail.limits import limits_of
from monitor.mail.maildir import maildir_sender
from monitor.malloc import give_memory_back
from monitor.model.digests import Digest
from monitor.model.mail import Mail, Rendered, Route
from monitor.model.notices import Notice
from monitor.model.recipients import Contact
from monitor.rules.script import forget_dictionaries
from monitor.service.clock import Clocks
from monitor.service.register import register
from monitor.service.timekeeping import believe_clock
from monitor.store.database import Database, open_database
from monitor.texts import locale_of

if TYPE_CHECKING:
    from monitor.mail.smtp import SmtpSender

jitter = random.random


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The parts made for one configuration; made anew when it changes."""

    fetcher: Fetcher
    parse: Parse
    render: RenderDigest
    fallback: RenderDigest = render_by_ours  # where the operator's templates fail
    render_notice: RenderNotice
    transport: Transport
    context: DigestContext
    archive: ArchivePlace | None  # None: there is none


def make_runtime(loaded: LoadedConfig, parse: Parse, fetcher: Fetcher | None = None) -> Runtime:
    """Make the parts this configuration asks for. `fetcher` is one to go on with, where [fetch] is the same."""
    forget_dictionaries()
    give_memory_back()
    smtp = loaded.config.smtp
    if smtp.ca_file:
        smtp = replace(smtp, ca_file=str(loaded.folder / smtp.ca_file))
    return Runtime(
        fetcher=fetcher or Fetcher(loaded.config.fetch, folder=loaded.folder),
        parse=parse,
        render=_digest_renderer(loaded.templates),
        render_notice=_notice_renderer(loaded.templates, notice_locale(loaded)),
        transport=_transport(smtp, loaded),
        context=digest_context(loaded),
        archive=archive_place(loaded),
    )


def notice_locale(loaded: LoadedConfig, environ: Mapping[str, str] = os.environ) -> str:
    """Return the language of notices: that of [operator] locale, else the one that the environment asks for."""
    return loaded.config.operator.locale or locale_of(environ)


# What makes and sends mails is imported with the first of them: most polls, and most starts, come to none.


def _digest_renderer(templates: str) -> RenderDigest:
    @cache
    def renderer() -> RenderDigest:
        from monitor.digests.render import digest_renderer

        return digest_renderer(templates)

    def render(digest: Digest) -> Rendered:
        return renderer()(digest)

    return render


def archive_place(loaded: LoadedConfig) -> ArchivePlace | None:
    """Return where the archive is, and what makes its pages; None where there is none."""
    if loaded.archive is None:
        return None

    @cache
    def renderer() -> RenderArchive:
        from monitor.digests.render import archive_renderer

        return archive_renderer(loaded.templates)

    return ArchivePlace(
        directory=loaded.archive,
        url=loaded.config.archive.url,
        subscriptions=tuple(each for each in loaded.config.subscriptions if each.archived),
        render=RenderArchive(
            issue=lambda digest: renderer().issue(digest), index=lambda view: renderer().index(view)
        ),
        context=digest_context(loaded),
    )


def _notice_renderer(templates: str, locale: str) -> RenderNotice:
    def render(notice: Notice) -> Rendered:
        from monitor.digests.render import reliable_notice_renderer

        return reliable_notice_renderer(templates, locale)(notice)

    return render


def _smtp_sender(smtp: SmtpOptions, password: str) -> tuple[Send, Callable[[], Awaitable[None]]]:
    """Return what sends mails to this server, and what takes leave of it."""

    @cache
    def sender() -> "SmtpSender":
        from monitor.mail.smtp import smtp_sender

        return smtp_sender(smtp, password)

    async def send(mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        return await sender()(mail, before_dot, before_rcpt)

    async def close() -> None:
        if sender.cache_info().currsize:
            await sender().close()

    return send, close


def _transport(smtp: SmtpOptions, loaded: LoadedConfig) -> Transport:
    """Return what mails go out by. A mail for the mail server waits while there is none: it never goes another way."""
    sends = {Route.MAILDIR: maildir_sender(loaded.maildir_path)}
    if not smtp.host:
        return Transport(sends=sends, content_hash=loaded.content_hash)
    send, close = _smtp_sender(smtp, loaded.password)
    return Transport(
        sends=sends | {Route.SMTP: send},
        server=smtp.server,
        settings=loaded.smtp_hash,
        sender=smtp.sender,
        content_hash=loaded.content_hash,
        limits=limits_of(smtp),
        close=close,
    )


def digest_context(loaded: LoadedConfig) -> DigestContext:
    """Return what every digest of this configuration has in common."""
    return DigestContext(
        rules=loaded.rules,
        feeds=loaded.config.feeds,
        sender=loaded.config.smtp.sender,
        expire=loaded.config.outbox.expire,
        contact=contact_of(loaded.config),
        route=Route.SMTP if loaded.config.smtp.host else Route.MAILDIR,
    )


def contact_of(config: Config) -> Contact:
    """Return how the readers of this configuration's mails reach who sends them."""
    smtp = config.smtp
    answers = smtp.reply_to or next(iter(config.operator.to), smtp.sender)
    return Contact(
        public_url=config.web.public_url, reply_to=smtp.reply_to, answers=parse_mailbox(answers).address
    )


@asynccontextmanager
async def open_runtime(
    loaded: LoadedConfig, *, registered: Callable[[list[str]], object]
) -> AsyncIterator[tuple[Runtime, Database, Clocks]]:
    """Open the database, register the configuration in it, and make the runtime.

    `registered` is given what `register` returned. Raises StoreError, and ClockError when the clock cannot be believed.
    """
    db = open_database(loaded.store_url)
    try:
        parsers = ParserPool()
        runtime = make_runtime(loaded, parsers.parse)
        async with runtime.fetcher, parsers:
            clocks = await Clocks.of(db)
            await believe_clock(loaded.config, db=db, clocks=clocks, ask=runtime.fetcher.server_time)
            registered(await db.write(register, loaded, clocks.settled()))
            try:
                yield runtime, db, clocks
            finally:
                await runtime.transport.close()
    finally:
        await db.close()
