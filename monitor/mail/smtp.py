"""Deliver a mail by SMTP (RFC 5321): TLS, login, envelope, content, each step with its own deadline."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import cast

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponse, SMTPResponseException, SMTPServerDisconnected
from aiosmtplib.protocol import SMTPProtocol

from monitor.config.addresses import parse_mailbox
from monitor.config.options import SmtpOptions
from monitor.errors import SendCause, SendError, SendKind
from monitor.mail import BeforeDot, BeforeRcpt, go_on
from monitor.mail.limits import limits_of
from monitor.mail.replies import CHECK_PORTS, Step, no_reply, reason, refusal, without_login
from monitor.mail.session import name_of, stuffed, trusting
from monitor.model.mail import Mail
from monitor.texts import sentence

_BLOCK = 65_536  # bytes of content written at a time
_LOOK = 0.005  # seconds between looks at what is still to be written


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long to wait for each reply, in seconds; from RFC 5321 4.5.3.2 where that names one."""

    connect: float = 30  # each of: the connection with TLS, the greeting, EHLO, STARTTLS, the login
    command: float = 300  # MAIL and RCPT (4.5.3.2.2 and .3)
    data: float = 120  # the 354 (4.5.3.2.4)
    block: float = 180  # that the server takes the next 64 KiB (4.5.3.2.5)
    dot: float = 600  # giving up sooner makes duplicates (4.5.3.2.6)
    reset: float = 20  # RSET, by which a connection that was kept is found to be one still
    idle: float = 2  # then a connection without a mail is left: others want it too
    quit: float = 5  # sent in the background


RFC_5321 = Deadlines()


def smtp_sender(options: SmtpOptions, password: str, deadlines: Deadlines = RFC_5321) -> "SmtpSender":
    """Return what delivers mails to the server that `options` name."""
    return SmtpSender(options, password, deadlines)


class SmtpSender:
    """Deliver mails to one server, those that follow each other on one connection. Close it: the server is told.

    Several mails may be under way at one time, each on a connection of its own.
    """

    def __init__(self, options: SmtpOptions, password: str, deadlines: Deadlines) -> None:
        self._options, self._password, self._deadlines = options, password, deadlines
        self._most = limits_of(options).per_connection
        self._tls: ssl.SSLContext | None = None  # made at the first mail and kept: reading the CAs takes time
        self._idle: dict[_Session, asyncio.TimerHandle] = {}  # connections that wait for a mail
        self._quits: set[asyncio.Task[None]] = set()
        self._closed = False

    async def __call__(self, mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        """Deliver a mail; return the reply to the dot as soon as that is read.

        Raises SendError, whose text never contains the password. `before_rcpt` is awaited right before RCPT: when it
        raises, the connection is good for another mail. `before_dot` is awaited when the server has taken all of the
        content but the dot that ends it: until then it delivers nothing (RFC 5321 4.1.1.4). When that raises, the
        connection is cut instead.
        """
        _refuse_bare_line_ends(mail.raw)
        # A connection that was kept may have ended meanwhile. That says nothing about the mail, of which this server
        # has heard no content yet: it goes on another one, at once.
        with contextlib.suppress(_ConnectionEndedError):
            if session := self._take_idle():
                return await self._hand_over(session, mail, before_dot, before_rcpt)
        if self._tls is None and self._options.security != "none":
            self._tls = await asyncio.to_thread(_tls_context, self._options.ca_file)
        session = _Session(self._options, self._password, self._deadlines, self._tls)
        return await self._hand_over(session, mail, before_dot, before_rcpt)

    async def close(self) -> None:
        """Take leave of the server on each connection, within the deadline for that.

        A mail that is still under way goes on, and its connection is left after it.
        """
        self._closed = True
        while session := self._take_idle():
            self._leave(session)
        if self._quits:
            await asyncio.wait(self._quits)

    async def _hand_over(
        self, session: "_Session", mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt
    ) -> str:
        try:
            await (session.reset() if session.mails else session.open())
            await session.envelope(mail, before_rcpt)
            return await session.content(mail.raw, before_dot)
        except asyncio.CancelledError:
            session.abort()  # the service is being stopped: no time for QUIT
            raise
        finally:
            self._keep_or_leave(session)

    def _keep_or_leave(self, session: "_Session") -> None:
        is_full = self._most is not None and session.mails >= self._most
        if self._closed or is_full or not session.is_in_step:
            self._leave(session)
            return
        loop = asyncio.get_running_loop()
        self._idle[session] = loop.call_later(self._deadlines.idle, self._leave, session)

    def _take_idle(self) -> "_Session | None":
        if not self._idle:
            return None
        session, timer = self._idle.popitem()
        timer.cancel()
        return session

    def _leave(self, session: "_Session") -> None:
        self._idle.pop(session, None)
        if not session.may_quit:
            session.abort()
            return
        quitting = asyncio.ensure_future(session.quit())
        self._quits.add(quitting)
        quitting.add_done_callback(self._quits.discard)


class _ConnectionEndedError(Exception):
    """A connection that has carried mails carries no more; the server has nothing of the next one."""


def _refuse_bare_line_ends(raw: bytes) -> None:
    # Servers disagree about bare line ends: what is text to one is the end of the mail, and then a command,
    # to the next ("SMTP smuggling"; RFC 5321 2.3.8).
    lines = raw.count(b"\r\n")  # counted: a pattern costs as much as the whole delivery
    if raw.count(b"\r") != lines or raw.count(b"\n") != lines or not raw.endswith(b"\r\n"):
        what = sentence("the stored mail has line ends other than CRLF and was not sent")
        raise SendError(what, SendKind.REFUSED)


def _tls_context(ca_file: str) -> ssl.SSLContext:
    try:
        return trusting(ca_file)
    except OSError as error:
        what = sentence(
            "[smtp] ca_file {ca_file} cannot be used ({reason}): name a file of PEM certificates",
            ca_file=ca_file,
            reason=reason(error),
        )
        raise SendError(what, SendKind.RELAY) from error


class _Session:
    """One connection to the server, for one mail after the other."""

    def __init__(
        self, options: SmtpOptions, password: str, deadlines: Deadlines, tls: ssl.SSLContext | None
    ) -> None:
        self._options, self._deadlines = options, deadlines
        self._server = f"{options.host}:{options.port}"
        # Bytes, because the error of a failed encoding would show what could not be encoded.
        self._password = password.encode("utf-8", "surrogateescape")
        self._transport: asyncio.WriteTransport | None = None
        self.mails = 0  # for which MAIL was said
        self._in_content = False  # the server takes whatever is written for a part of the mail
        self._in_step = False  # each of its replies was the one to our last command
        self._client = aiosmtplib.SMTP(
            hostname=options.host,
            port=options.port,
            timeout=deadlines.connect,
            use_tls=options.security == "implicit",
            start_tls=False,
            tls_context=tls,
            local_hostname="localhost",  # never sent (see _ehlo); it only saves a DNS query
        )

    @property
    def may_quit(self) -> bool:
        return self._client.is_connected and not self._in_content

    @property
    def is_in_step(self) -> bool:
        """Whether another mail may follow on this connection."""
        return self._in_step and self.may_quit

    async def open(self) -> None:
        """Connect: greeting, EHLO, TLS, login."""
        await self._expect(Step.CONNECT, self._client.connect(), 2)
        self._transport = cast(asyncio.WriteTransport, self._client.transport)
        await self._expect(Step.CONNECT, self._ehlo(), 2)
        if self._options.security == "starttls":
            await self._start_tls()
        if self._options.username:
            await self._log_in()
        self._in_step = True

    async def reset(self) -> None:
        """Make ready for the next mail (RFC 5321 4.1.1.5). Raises _ConnectionEndedError."""
        self._in_step = False
        try:
            code, _ = await self._client.execute_command(b"RSET", timeout=self._deadlines.reset)
        except (SMTPException, OSError) as error:
            raise _ConnectionEndedError from error
        if code // 100 != 2:
            raise _ConnectionEndedError
        self._in_step = True

    async def envelope(self, mail: Mail, before_rcpt: BeforeRcpt) -> None:
        """Send MAIL and RCPT. Raises _ConnectionEndedError where it is the connection that ends after some mails."""
        sender = self._mailbox(mail.sender, SendKind.RELAY)
        to = self._mailbox(mail.to, SendKind.REFUSED)
        options = [] if (sender + to).isascii() else [b"SMTPUTF8"]
        if self._client.supports_extension("size"):
            options.append(b"SIZE=%d" % len(mail.raw))
        self.mails += 1
        try:
            await self._expect(Step.MAIL, self._command(b"MAIL", b"FROM:<%b>" % sender.encode(), *options), 2)
            await before_rcpt()
            await self._expect(Step.RCPT, self._command(b"RCPT", b"TO:<%b>" % to.encode()), 2)
        except SendError as error:
            if self.mails > 1 and error.of_connection:
                self._in_step = False
                raise _ConnectionEndedError from error
            raise

    async def _command(self, *words: bytes) -> SMTPResponse:
        # Not by aiosmtplib's mail() and rcpt(), which parse the address once more, and would repair it.
        return await self._client.execute_command(*words, timeout=self._deadlines.command)

    async def content(self, raw: bytes, before_dot: BeforeDot) -> str:
        """Send DATA and the mail, dots stuffed (RFC 5321 4.5.2); return the reply to the dot that ends it."""
        # aiosmtplib's data() has one deadline for both, and does not say which of them was answered.
        command = self._client.execute_command(b"DATA", timeout=self._deadlines.data)
        await self._expect(Step.DATA, command, 3)
        protocol = self._client.protocol
        if protocol is None:
            raise no_reply(self._server, Step.DATA, SMTPServerDisconnected("closed after the 354"))
        self._in_content = True
        try:
            await self._send_content(protocol, stuffed(raw))
        except (SMTPException, OSError) as error:
            raise no_reply(self._server, Step.DATA, error) from error
        await before_dot()
        code, text = await self._expect(Step.DOT, self._send_dot(protocol), 2)
        return f"{code} {self._readable(text)}"

    async def quit(self) -> None:
        """Send QUIT, as RFC 5321 4.1.1.10 asks; the outcome of the mail is already known."""
        try:
            await self._client.quit(timeout=self._deadlines.quit)
        except (SMTPException, OSError):
            pass
        finally:
            self.abort()

    def abort(self) -> None:
        """Close the connection now, without waiting for the other side to agree."""
        if self._transport is not None:
            self._transport.abort()

    async def _ehlo(self) -> SMTPResponse:
        return await self._client.ehlo(hostname=name_of(self._client.get_transport_info("sockname")))

    async def _start_tls(self) -> None:
        if not self._client.supports_extension("starttls"):
            message = sentence("{server} does not offer STARTTLS, so nothing was sent", server=self._server)
            raise SendError(message, SendKind.RELAY, advice=CHECK_PORTS)
        await self._expect(Step.TLS, self._client.starttls(), 2)
        await self._expect(Step.CONNECT, self._ehlo(), 2)

    async def _log_in(self) -> None:
        # One method and one try: aiosmtplib's login() tries a wrong password with each method on offer, and
        # providers lock accounts for that.
        methods = {
            "plain": self._client.auth_plain,
            "login": self._client.auth_login,
            "cram-md5": self._client.auth_crammd5,
        }
        for name, method in methods.items():
            if name in self._client.server_auth_methods:
                await self._expect(Step.AUTH, method(self._options.username, self._password), 2)
                return
        message = sentence("{server} offers no login with a password", server=self._server)
        advice = sentence("{ports}, or leave [smtp] username empty", ports=CHECK_PORTS)
        raise SendError(message, SendKind.RELAY, cause=SendCause.LOGIN, advice=advice, lasting=True)

    def _mailbox(self, address: str, kind: SendKind) -> str:
        """Return the address with an ASCII domain (RFC 5891), or raise SendError of this kind.

        A local part that is not ASCII needs SMTPUTF8 (RFC 6531).
        """
        cause = SendCause.ADDRESS if kind is SendKind.REFUSED else SendCause.SENDER
        try:
            mailbox = parse_mailbox(address)
        except ValueError:
            mailbox = None
        if mailbox is None or mailbox.name:
            # aiosmtplib would repair it, and the mail might go to somebody else.
            what = sentence(
                "{address} is not a mail address, so the mail was not sent", address=repr(address)
            )
            raise SendError(what, kind, cause=cause)
        if not mailbox.local.isascii() and not self._client.supports_extension("smtputf8"):
            what = sentence(
                "{server} does not offer SMTPUTF8, which the address {address} needs",
                server=self._server,
                address=address,
            )
            raise SendError(what, kind, cause=cause)
        return mailbox.address

    async def _send_content(self, protocol: SMTPProtocol, content: bytes) -> None:
        """Write the content, and return when the network has taken all of it."""
        transport = cast(asyncio.WriteTransport, self._client.transport)
        for start in range(0, len(content), _BLOCK):
            protocol.write(content[start : start + _BLOCK])
            # aiosmtplib has no way to wait for it.
            async with asyncio.timeout(self._deadlines.block):
                while transport.get_write_buffer_size() and not transport.is_closing():  # noqa: ASYNC110 - no event
                    await asyncio.sleep(_LOOK)
        if not self._client.is_connected or transport.is_closing():
            raise SMTPServerDisconnected("closed in the middle of the mail")

    async def _send_dot(self, protocol: SMTPProtocol) -> SMTPResponse:
        protocol.write(b".\r\n")
        self._in_content = False
        return await protocol.read_response(timeout=self._deadlines.dot)

    async def _expect(self, step: Step, command: Awaitable[SMTPResponse], first_digit: int) -> SMTPResponse:
        """Return the reply to a command when its code has this first digit (RFC 5321 4.2.1), or raise SendError."""
        try:
            code, text = await command
        except SMTPResponseException as error:
            # No error is raised here: this one would be its context, with the server's reply in it, which may
            # repeat the login.
            code, text = error.code, error.message
        except (SMTPException, OSError, ValueError) as error:  # ValueError: [smtp] host cannot be a host name
            self._in_step = False
            raise no_reply(self._server, step, error) from error
        if code // 100 != first_digit:
            refused = refusal(self._server, step, code, self._readable(text))
            # A server that takes no mail just now is left, and so is one that answers something else.
            self._in_step &= 400 <= code <= 599 and refused.kind is not SendKind.RELAY
            raise refused
        return SMTPResponse(code, text)

    def _readable(self, text: str) -> str:
        reply = text.encode("utf-8", "surrogateescape")  # as aiosmtplib decoded it
        return without_login(reply, self._options.username, self._password)
