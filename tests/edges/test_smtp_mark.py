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


async def test_when_the_row_cannot_be_marked_the_server_never_gets_the_whole_mail() -> None:
    async def fail() -> None:
        raise LookupError("the row is gone")

    async with scripted() as server:
        with pytest.raises(LookupError, match="the row is gone"):
            await smtp_sender(options(server), "", PATIENT)(make.mail(), fail)
        await server.client_left.wait()
    assert server.commands[-1] == b"DATA", "no QUIT: the server would take it for a part of the mail"
    assert server.mails == []


async def test_the_row_is_marked_when_all_but_the_dot_is_written_and_not_sooner() -> None:
    mail = make.mail(raw=b"Subject: 1\r\n\r\n" + b"0123456789\r\n" * 100_000)
    seen: list[tuple[bytes, int]] = []

    async def mark() -> None:
        seen.append((server.commands[-1], len(server.mails)))

    async with scripted() as server:
        await smtp_sender(options(server), "", PATIENT)(mail, mark)
    assert seen == [(b"DATA", 0)]
    assert server.mails == [mail.raw + b".\r\n"]


async def test_a_server_that_leaves_in_the_middle_of_the_mail_does_not_have_it() -> None:
    mail = make.mail(raw=b"Subject: 1\r\n\r\n" + b"0123456789\r\n" * 1_000_000)

    async def mark() -> None:
        raise AssertionError("marked")

    async with scripted(DATA=b"354 go\r\n421 bye") as server:
        with pytest.raises(SendError) as raised:
            await smtp_sender(options(server), "", PATIENT)(mail, mark)
    assert raised.value.kind is SendKind.LATER


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
