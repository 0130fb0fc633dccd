import asyncio

import pytest

from monitor.errors import SendError, SendKind
from monitor.mail.smtp import smtp_sender
from tests import make
from tests.edges.scripted import (
    PATIENT,
    Fault,
    options,
    scripted,
)


async def test_when_the_row_cannot_be_marked_the_server_sees_no_data() -> None:
    async def fail() -> None:
        raise LookupError("the row is gone")

    async with scripted() as server:
        with pytest.raises(LookupError, match="the row is gone"):
            await smtp_sender(options(server), "", PATIENT)(make.mail(), fail)
        await server.client_left.wait()
    assert server.commands[-2:] == [b"RCPT TO:<reader@example.org>", b"QUIT"]
    assert server.mails == []


async def test_the_row_is_marked_when_the_recipient_is_accepted_and_not_sooner() -> None:
    commands: list[bytes] = []

    async def mark() -> None:
        commands.extend(server.commands)

    async with scripted() as server:
        await smtp_sender(options(server), "", PATIENT)(make.mail(), mark)
    assert commands[-1] == b"RCPT TO:<reader@example.org>"


async def test_a_mail_that_is_refused_at_once_is_never_marked() -> None:
    async def mark() -> None:
        raise AssertionError("marked")

    async with scripted(RCPT="550 no") as server:
        with pytest.raises(SendError):
            await smtp_sender(options(server), "", PATIENT)(make.mail(), mark)


async def test_a_server_that_leaves_while_the_row_is_marked_does_not_have_the_mail() -> None:
    async def mark() -> None:
        await server.client_left.wait()

    async with scripted(RCPT=b"250 ok\r\n421 bye") as server:
        with pytest.raises(SendError) as raised:
            await smtp_sender(options(server), "", PATIENT)(make.mail(), mark)
    assert raised.value.kind is SendKind.LATER


async def test_a_service_that_stops_hangs_up_at_once() -> None:
    marked = asyncio.Event()

    async def mark() -> None:
        marked.set()

    async with scripted(DOT=Fault.HANG) as server, asyncio.timeout(10):
        sending = asyncio.ensure_future(smtp_sender(options(server), "", PATIENT)(make.mail(), mark))
        await marked.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await server.client_left.wait()
