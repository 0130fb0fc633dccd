"""A mail is handed to the mail server."""

import asyncio
import base64
import ipaddress
import re
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponse, SMTPResponseException

from monitor.config import SmtpOptions
from monitor.errors import SendError, SendKind
from monitor.mail import BeforeData, Send
from monitor.mail.replies import Step, meaning, one_line, silence
from monitor.model import Mail

_BARE_LINE_END = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_START_OF_LINE_DOT = re.compile(rb"^\.", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long to wait for each answer, in seconds: RFC 5321 4.5.3.2 where it has a say."""

    connect: float = 30  # each of: the connection, TLS, the greeting, EHLO, the login
    command: float = 300  # MAIL and RCPT (4.5.3.2.2 and .3)
    data: float = 120  # the 354 (4.5.3.2.4)
    dot: float = 600  # giving up sooner makes duplicates (4.5.3.2.6)
    quit: float = 5  # nobody waits for this one


RFC_5321 = Deadlines()


def smtp_sender(options: SmtpOptions, password: str, deadlines: Deadlines = RFC_5321) -> Send:
    """A `Send` that makes one connection per mail to the server `options` name.

    It returns the server's reply to the dot as soon as that is read: what becomes of QUIT changes nothing.
    It raises SendError, whose text never holds the password. When `before_data` raises, DATA is not sent.
    """
    tls: ssl.SSLContext | None = None  # made once, at the first mail: it takes 20 ms
    farewells: set[asyncio.Task[None]] = set()

    async def send(mail: Mail, before_data: BeforeData) -> str:
        nonlocal tls
        if _BARE_LINE_END.search(mail.raw) or not mail.raw.endswith(b"\r\n"):
            # Servers disagree about bare line ends, and what one of them takes for the end of the mail
            # another takes for commands ("SMTP smuggling", RFC 5321 2.3.8).
            raise SendError("the stored mail has line ends other than CRLF: not sent", SendKind.REFUSED)
        if tls is None and options.security != "none":
            tls = await asyncio.to_thread(_trust, options.ca_file)
        session = _Session(options, password, deadlines, tls)
        try:
            await session.open()
            await session.envelope(mail)
            await before_data()
            return await session.content(mail.raw)
        except asyncio.CancelledError:
            session.drop()  # we are being stopped: no time for manners
            raise
        finally:
            farewell = asyncio.ensure_future(session.leave())
            farewells.add(farewell)
            farewell.add_done_callback(farewells.discard)

    return send
