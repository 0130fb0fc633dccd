"""Run a mail server that answers from a script, with any faults, and hand mails over to it."""

import asyncio
import base64
import ssl
import traceback
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Literal

import pytest

from monitor.config.conversion import convert_table
from monitor.config.options import SmtpOptions
from monitor.demo.smtp_server import LoopbackSmtpServer
from monitor.errors import SendError
from monitor.mail.smtp import Deadlines, smtp_sender
from monitor.model.mail import Mail
from tests import make

PASSWORD = "jade-otter 4711 授权"
SOON = 0.2  # seconds, for a deadline that is meant to pass
PATIENT = Deadlines(connect=30, command=30, data=30, dot=30, quit=30)


class Fault(Enum):
    """What the scripted server does instead of answering."""

    HANG = "hang"
    CLOSE = "close"


Security = Literal["starttls", "implicit"]
Answer = str | bytes | Fault  # bytes are sent as they are; CLOSE follows where the script ends


@dataclass
class Scripted:
    """A server on loopback that answers each command from a script, and records the commands and mails."""

    script: Mapping[str, Answer]
    tls: ssl.SSLContext | None = None  # begun at STARTTLS
    port: int = 0
    commands: list[bytes] = field(default_factory=list)  # without the lines of mails
    mails: list[bytes] = field(default_factory=list)
    client_left: asyncio.Event = field(default_factory=asyncio.Event)
    conversations: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = field(default_factory=dict)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.conversations[writer] = asyncio.current_task()
        try:
            is_open = await self._answer(reader, writer, "HELLO", "220 here")
            while is_open and (line := await reader.readline()):
                self.commands.append(line.rstrip(b"\r\n"))
                verb = line.rstrip().partition(b" ")[0].decode("latin-1").upper()
                is_open = await self._answer(reader, writer, verb, USUAL.get(verb, "500 what?"))
                if verb == "STARTTLS" and self.tls and is_open:
                    await writer.start_tls(self.tls)
                if verb == "DATA" and is_open and "DATA" not in self.script:
                    self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
                    is_open = await self._answer(reader, writer, "DOT", "250 kept")
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self.client_left.set()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, verb: str, usual: str
    ) -> bool:
        answer = self.script.get(verb, usual)
        if answer is Fault.HANG:
            await reader.read()  # until the client has had enough
        if isinstance(answer, Fault):
            return False
        writer.write(f"{answer}\r\n".encode() if isinstance(answer, str) else answer)
        await writer.drain()
        return isinstance(answer, str) or answer.endswith(b"\n")


USUAL = {
    "EHLO": "250-here\r\n250-SIZE 1000000\r\n250 AUTH PLAIN LOGIN",
    "AUTH": "235 in",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go",
    "RSET": "250 ok",
    "QUIT": "221 bye",
    "STARTTLS": "220 go",
}


@asynccontextmanager
async def scripted(host: str = "127.0.0.1", /, **script: Answer) -> AsyncIterator[Scripted]:
    """Run a server that answers in plain text."""
    async with serving(script, host=host) as server:
        yield server


@asynccontextmanager
async def serving(
    script: Mapping[str, Answer],
    *,
    host: str = "127.0.0.1",
    starttls: ssl.SSLContext | None = None,
    implicit: ssl.SSLContext | None = None,
) -> AsyncIterator[Scripted]:
    """Run a server; `starttls` is what it begins at STARTTLS, `implicit` what it begins with."""
    server = Scripted(script, tls=starttls)
    listener = await asyncio.start_server(server.converse, host, 0, limit=2**24, ssl=implicit)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server
        listener.close()
        for writer in server.conversations:
            writer.close()
        await asyncio.gather(*(task for task in server.conversations.values() if task))


def options(server: Scripted | LoopbackSmtpServer, **differ: object) -> SmtpOptions:
    security = "none" if isinstance(server, Scripted) else "starttls"
    ca_file = "" if isinstance(server, Scripted) else str(server.ca_file)
    values: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": server.port,
        "security": security,
        "ca_file": ca_file,
        **differ,
    }
    table, mistakes = convert_table(SmtpOptions, values)
    assert table, mistakes
    return table


async def nothing() -> None:
    return None


async def hand_over(
    server: Scripted | LoopbackSmtpServer,
    mail: Mail | None = None,
    *,
    deadlines: Deadlines = PATIENT,
    **differ: object,
) -> str:
    leaving_at_once = replace(deadlines, idle=0)
    return await smtp_sender(options(server, **differ), PASSWORD, leaving_at_once)(
        mail or make.mail(), nothing
    )


async def failure(
    server: Scripted | LoopbackSmtpServer,
    mail: Mail | None = None,
    *,
    deadlines: Deadlines = PATIENT,
    **differ: object,
) -> SendError:
    with pytest.raises(SendError) as raised:
        await hand_over(server, mail, deadlines=deadlines, **differ)
    assert not leaks(raised.value)
    assert str(raised.value).isprintable()
    return raised.value


def leaks(error: BaseException) -> bool:
    """Return whether any error in the chain shows the password, in the clear or as AUTH sends it."""
    encoded = PASSWORD.encode()
    forms = [PASSWORD, base64.b64encode(encoded).decode(), base64.b64encode(b"\0me\0" + encoded).decode()]
    chain: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        if (each := todo.pop()) is not None and each not in chain:
            chain.append(each)
            todo += [each.__cause__, each.__context__]
    shown = "".join(f"{each}{each!r}{''.join(traceback.format_exception(each))}" for each in chain)
    return any(form in shown for form in forms)
