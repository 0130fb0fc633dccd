"""Somebody leaves by the link in a mail while the next one is on its way: a real mail server and a real page."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import aiohttp
import pytest

from monitor.config.options import Config, WebOptions
from monitor.jobs.compose import Composed
from monitor.jobs.draft import DigestContext
from monitor.mail.smtp import smtp_sender
from monitor.model.mail import DeliveryStatus
from monitor.model.recipients import Contact
from monitor.web.app import make_app
from monitor.web.readers import ReadersDesk
from monitor.web.server import start_server
from tests import make
from tests.edges.scripted import PATIENT, Scripted, options
from tests.jobs.desk import Desk
from tests.web.test_app import free_port

pytestmark = pytest.mark.outside

ANN = "ann@example.org"


@dataclass
class Meddled(Scripted):
    """A mail server that lets somebody leave before it answers a command."""

    at: str = ""
    link: str = ""
    statuses: list[int] = field(default_factory=list)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, verb: str, usual: str
    ) -> bool:
        if verb == self.at:
            async with (
                aiohttp.ClientSession() as session,
                session.post(self.link, data={"List-Unsubscribe": "One-Click"}) as response,
            ):
                self.statuses.append(response.status)
        return await super()._answer(reader, writer, verb, usual)


@asynccontextmanager
async def way(desk: Desk, at: str) -> AsyncIterator[tuple[Meddled, Desk]]:
    """Serve the page and the mail server, with a mail that waits."""
    port = free_port()

    class Public(Desk):
        @property
        def context(self) -> DigestContext:
            contact = Contact(public_url=f"http://127.0.0.1:{port}", answers="help@example.org")
            return replace(super().context, contact=contact)

    app = make_app(
        problems=None,  # type: ignore[arg-type]
        is_ready=None,  # type: ignore[arg-type]
        figures=None,  # type: ignore[arg-type]
        public_url=f"http://127.0.0.1:{port}",
        readers=ReadersDesk(config=Config, answers=lambda: "", db=desk.db, clock=desk.clock),
    )
    web = await start_server(app, WebOptions(enabled=True, port=port))
    server = Meddled({}, at=at)
    listener = await asyncio.start_server(server.converse, "127.0.0.1", 0, limit=2**24)
    server.port = listener.sockets[0].getsockname()[1]
    public = Public(db=desk.db, clock=desk.clock, subscription=make.subscription(to=(ANN,)))
    public.send = smtp_sender(options(server), "", PATIENT)
    public.web.serves(public.feeds[0], make.rss("大模型一"))
    await public.poll()
    outcome = await public.compose()
    assert isinstance(outcome, Composed)
    head = outcome.mails[0].raw.partition(b"\r\n\r\n")[0].decode()
    (link,) = [line for line in head.split("\r\n") if line.startswith("List-Unsubscribe: ")]
    assert "List-Unsubscribe-Post" not in head  # not by http
    server.link = link.removeprefix("List-Unsubscribe: <").removesuffix(">")
    try:
        async with listener:
            yield server, public
    finally:
        await web.stop()


async def test_who_leaves_between_mail_and_rcpt_is_not_named_to_the_server(desk: Desk) -> None:
    async with way(desk, "MAIL") as (server, public):
        outcome = await public.deliver()
        await server.client_left.wait()
    assert outcome
    assert outcome.status is DeliveryStatus.CANCELLED
    assert server.statuses == [200]
    verbs = [command.partition(b" ")[0] for command in server.commands]
    assert verbs == [b"EHLO", b"MAIL", b"QUIT"]


@pytest.mark.parametrize("at", ["RCPT", "DATA"])
async def test_who_leaves_before_the_dot_gets_no_mail(desk: Desk, at: str) -> None:
    async with way(desk, at) as (server, public):
        outcome = await public.deliver()
        await server.client_left.wait()
    assert outcome
    assert outcome.status is DeliveryStatus.CANCELLED
    assert (server.statuses, server.mails) == ([200], [])


async def test_who_leaves_while_the_server_answers_the_dot_has_the_mail_and_gets_no_other(desk: Desk) -> None:
    async with way(desk, "DOT") as (server, public):
        outcome = await public.deliver()
        assert outcome
        assert outcome.status is DeliveryStatus.SENT
        assert (server.statuses, len(server.mails)) == ([200], 1)
        desk.clock.forward(days=1)
        public.web.serves(public.feeds[0], make.rss("大模型一", "大模型二"))
        await public.poll()
        assert not isinstance(await public.compose(), Composed)
