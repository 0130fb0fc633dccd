"""Many mails on one connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from monitor.errors import SendError, SendKind
from monitor.mail.smtp import Deadlines, SmtpSender, smtp_sender
from tests import make
from tests.edges.scripted import PASSWORD, PATIENT, SOON, Answer, Fault, Scripted, nothing, options, scripted

KEPT = replace(PATIENT, idle=60)  # no connection is left for being idle


@asynccontextmanager
async def sending(
    server: Scripted, *, deadlines: Deadlines = KEPT, **differ: object
) -> AsyncIterator[SmtpSender]:
    """Give a sender to the server, closed in the end."""
    sender = smtp_sender(options(server, **differ), PASSWORD, deadlines)
    try:
        yield sender
    finally:
        await sender.close()


def verbs(server: Scripted) -> list[str]:
    return [command.partition(b" ")[0].decode() for command in server.commands]


TRANSACTION = ["MAIL", "RCPT", "DATA"]


async def test_mails_one_after_the_other_share_a_connection() -> None:
    async with scripted() as server:
        async with sending(server) as send:
            for number in range(3):
                assert await send(make.mail(number=number), nothing) == "250 kept"
        assert verbs(server) == ["EHLO", *TRANSACTION, "RSET", *TRANSACTION, "RSET", *TRANSACTION, "QUIT"]
        assert len(server.mails) == 3
        assert len(server.conversations) == 1


async def test_the_login_is_said_once() -> None:
    async with scripted() as server:
        async with sending(server, username="me") as send:
            for number in range(2):
                await send(make.mail(number=number), nothing)
        assert verbs(server).count("AUTH") == 1


async def test_mails_at_the_same_time_have_a_connection_each() -> None:
    both = asyncio.Barrier(2)

    async def meet() -> None:
        await both.wait()

    async with scripted() as server, asyncio.timeout(10):
        async with sending(server) as send:
            await asyncio.gather(*(send(make.mail(number=number), meet) for number in range(2)))
        assert len(server.conversations) == 2


async def test_a_connection_takes_no_more_mails_than_it_may() -> None:
    async with scripted() as server:
        async with sending(server, per_connection=2) as send:
            for number in range(5):
                await send(make.mail(number=number), nothing)
        assert len(server.conversations) == 3
        assert verbs(server).count("QUIT") == 3
        assert verbs(server).count("RSET") == 2


async def test_an_idle_connection_is_left() -> None:
    async with scripted() as server, asyncio.timeout(10):
        async with sending(server, deadlines=replace(PATIENT, idle=SOON)) as send:
            await send(make.mail(), nothing)
            await server.client_left.wait()
            assert verbs(server)[-1] == "QUIT"
            await send(make.mail(number=2), nothing)
        assert len(server.mails) == 2


async def test_a_connection_in_use_is_not_idle() -> None:
    async def slow() -> None:
        await asyncio.sleep(2 * SOON)

    async with scripted() as server:
        async with sending(server, deadlines=replace(PATIENT, idle=SOON)) as send:
            await send(make.mail(), nothing)
            assert await send(make.mail(number=2), slow) == "250 kept"
        assert len(server.conversations) == 1


class _Changing(dict[str, Answer]):
    """A script whose answers are used up, one after the other; then the usual ones are given."""

    def __init__(self, **answers: list[Answer | None]) -> None:
        super().__init__()
        self._answers = answers

    def get(self, key: str, default: Answer) -> Answer:  # type: ignore[override]
        waiting = self._answers.get(key)
        answer = waiting.pop(0) if waiting else None
        return default if answer is None else answer

    def __contains__(self, key: object) -> bool:
        return False


@asynccontextmanager
async def changing(**answers: list[Answer | None]) -> AsyncIterator[Scripted]:
    async with scripted() as server:
        server.script = _Changing(**answers)
        yield server


@pytest.mark.parametrize(
    "answers",
    [
        {"RSET": [Fault.CLOSE]},
        {"RSET": ["421 4.4.2 idle for too long"]},
        {"RSET": ["502 5.5.2 no such command"]},
        {"RSET": [b"\xff\x00\r\n"]},
        {"MAIL": [None, Fault.CLOSE]},
        {"MAIL": [None, "421 4.7.0 too many messages in this connection"]},
        {"MAIL": [None, "450 MI:DMC 163 smtp8"]},
        {"RCPT": [None, "450 RP:DRC 163 smtp8"]},
        {"MAIL": [None, "452 4.5.3 Too many messages in this session"]},
    ],
    ids=str,
)
async def test_a_connection_that_has_ended_is_not_the_mails_failure(
    answers: dict[str, list[Answer | None]],
) -> None:
    async with changing(**answers) as server:
        async with sending(server) as send:
            await send(make.mail(), nothing)
            assert await send(make.mail(number=2), nothing) == "250 kept"
        assert len(server.mails) == 2
        assert len(server.conversations) == 2


async def test_a_server_that_left_while_nothing_was_sent_is_connected_anew() -> None:
    async with changing(DOT=[b"250 kept\r\n", b"250 kept\r\n"], QUIT=[None]) as server:
        async with sending(server) as send:
            await send(make.mail(), nothing)
            for writer in server.conversations:
                writer.close()
            await server.client_left.wait()
            await asyncio.sleep(0)
            assert await send(make.mail(number=2), nothing) == "250 kept"
        assert len(server.conversations) == 2


async def test_it_is_connected_anew_once_only() -> None:
    refusals: list[Answer | None] = [None, *["421 4.3.2 closing"] * 9]
    async with changing(MAIL=refusals) as server:
        async with sending(server) as send:
            await send(make.mail(), nothing)
            with pytest.raises(SendError) as raised:
                await send(make.mail(number=2), nothing)
        assert (raised.value.kind, raised.value.code) == (SendKind.RELAY, 421)
        assert len(server.conversations) == 2


async def test_a_silent_server_is_asked_for_a_while_and_then_connected_anew() -> None:
    async with changing(RSET=[Fault.HANG]) as server, asyncio.timeout(10):
        async with sending(server, deadlines=replace(KEPT, reset=SOON)) as send:
            await send(make.mail(), nothing)
            assert await send(make.mail(number=2), nothing) == "250 kept"
        assert len(server.conversations) == 2


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ({"RCPT": ["550 5.1.1 no such user"]}, SendKind.REFUSED),
        ({"RCPT": ["451 4.7.1 greylisted"]}, SendKind.LATER),
        ({"DOT": ["550 5.7.1 spam"]}, SendKind.REFUSED),
    ],
)
async def test_a_refused_mail_leaves_the_connection_to_the_next(
    answers: dict[str, list[Answer | None]], kind: SendKind
) -> None:
    async with changing(**answers) as server:
        async with sending(server) as send:
            with pytest.raises(SendError) as raised:
                await send(make.mail(), nothing)
            assert raised.value.kind is kind
            assert await send(make.mail(number=2), nothing) == "250 kept"
        assert len(server.conversations) == 1
        assert "RSET" in verbs(server)


@pytest.mark.parametrize(
    "answers",
    [
        {"DOT": [b"garbage\r\n"]},
        {"DOT": [b"354 more?\r\n"]},
        {"DATA": [b"250 misunderstood\r\n"]},
        {"RCPT": ["421 4.3.2 closing"]},
        {"MAIL": ["550 5.7.1 not you"]},
    ],
    ids=str,
)
async def test_a_connection_that_is_out_of_step_is_not_used_again(
    answers: dict[str, list[Answer | None]],
) -> None:
    async with changing(**answers) as server:
        async with sending(server) as send:
            with pytest.raises(SendError):
                await send(make.mail(), nothing)
            assert await send(make.mail(number=2), nothing) == "250 kept"
        assert len(server.conversations) == 2


async def test_a_mail_that_the_row_forbids_takes_its_connection_along() -> None:
    async def fail() -> None:
        raise LookupError("the row is gone")

    async with scripted() as server:
        async with sending(server) as send:
            await send(make.mail(), nothing)
            with pytest.raises(LookupError):
                await send(make.mail(number=2), fail)
            assert await send(make.mail(number=3), nothing) == "250 kept"
        assert len(server.mails) == 2
        assert len(server.conversations) == 2


async def test_closing_says_goodbye_on_each_connection() -> None:
    async with scripted() as server:
        sender = smtp_sender(options(server), "", KEPT)
        await sender(make.mail(), nothing)
        assert verbs(server)[-1] == "DATA"
        await sender.close()
        assert verbs(server)[-1] == "QUIT"


async def test_a_mail_in_hand_at_the_close_goes_and_its_connection_is_left() -> None:
    go = asyncio.Event()

    async def wait() -> None:
        await go.wait()

    async with scripted() as server, asyncio.timeout(10):
        sender = smtp_sender(options(server), "", KEPT)
        sending_one = asyncio.ensure_future(sender(make.mail(), wait))
        await asyncio.sleep(0)
        await sender.close()
        go.set()
        assert await sending_one == "250 kept"
        await server.client_left.wait()
        assert verbs(server)[-1] == "QUIT"


async def test_a_server_that_does_not_say_goodbye_holds_up_the_close_for_a_moment_only() -> None:
    async with scripted(QUIT=Fault.HANG) as server, asyncio.timeout(10):
        sender = smtp_sender(options(server), "", replace(KEPT, quit=SOON))
        await sender(make.mail(), nothing)
        await sender.close()
