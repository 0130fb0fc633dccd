"""Run an SMTP server on this machine that keeps the mails it receives, for the demo and for tests."""

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from monitor.mail.replies import Step

_SIZE_LIMIT = 30_000_000  # bytes
_START = 10.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMail:
    """One mail as it arrived: the envelope, and its bytes without dot-stuffing."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    at: datetime


class Disconnect(Enum):
    """The connection is cut instead of an answer."""

    MAIL_LOST = "lost"
    MAIL_KEPT = "kept"  # at the dot: the mail is received, only the reply is lost


# Called at MAIL (with the sender's address), RCPT and DOT (with the recipient's): None accepts, a text is the
# reply. It runs in a thread of its own, so it may wait.
Script = Callable[[Step, str], str | Disconnect | None]


class LoopbackSmtpServer:
    """An SMTP server on 127.0.0.1, in a thread of its own, from entering the context to leaving it.

    STARTTLS is required (or TLS from the first byte, "implicit") with a certificate made at the start; `ca_file`,
    written to `directory`, is the authority to trust. With a `username` a login is required.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        directory: Path,
        *,
        security: Literal["starttls", "implicit"] = "starttls",
        username: str = "",
        password: str = "",
        script: Script | None = None,
    ) -> None:
        self.ca_file = directory / "smtp-server-ca.pem"
        self.port = 0  # until it listens
        self.script = script
        self._security, self._login = security, (username, password)
        self._received: list[ReceivedMail] = []
        self._change = threading.Condition()
        self._listening = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name="smtp-server", daemon=True
        )

    def __enter__(self) -> Self:
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd logs every command
        self._tls = self._certificate()
        self._thread.start()
        if not self._listening.wait(_START):
            raise TimeoutError("the SMTP server did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def received(self) -> tuple[ReceivedMail, ...]:
        """The mails so far, in the order they arrived."""
        with self._change:
            return tuple(self._received)

    def wait(self, count: int, seconds: float) -> tuple[ReceivedMail, ...]:
        """Wait until `count` mails have arrived, and return all so far. Raises TimeoutError."""
        with self._change:
            if not self._change.wait_for(lambda: len(self._received) >= count, seconds):
                raise TimeoutError(f"{len(self._received)} of {count} mails arrived within {seconds:g} s")
            return tuple(self._received)

    def _certificate(self) -> ssl.SSLContext:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca_file)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(self.host, "localhost").configure_cert(context)
        return context

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._conversations: set[_Conversation] = set()
        implicit = self._tls if self._security == "implicit" else None
        server = await self._loop.create_server(self._new_conversation, self.host, 0, ssl=implicit)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._stop.wait()
        server.close()
        for conversation in tuple(self._conversations):
            conversation.disconnect()
        await server.wait_closed()

    def _new_conversation(self) -> "_Conversation":
        return _Conversation(
            _Handler(self),
            self._conversations,
            loop=self._loop,
            hostname="localhost",
            ident="demo",
            enable_SMTPUTF8=True,
            data_size_limit=_SIZE_LIMIT,
            tls_context=self._tls if self._security == "starttls" else None,
            require_starttls=True,
            auth_require_tls=self._security == "starttls",  # aiosmtpd does not count TLS from the first byte
            authenticator=self._authenticate,
        )

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, login: LoginPassword
    ) -> AuthResult:
        is_right = (login.login.decode(), login.password.decode()) == self._login
        return AuthResult(success=is_right, handled=False, auth_data=login)

    def requires_login(self, session: Session) -> bool:
        """Return whether a login is required and this session has none."""
        return bool(self._login[0]) and not session.authenticated

    def receive(self, envelope: Envelope) -> None:
        """Keep the mail in this envelope."""
        with self._change:
            self._received.append(
                ReceivedMail(
                    sender=envelope.mail_from or "",
                    recipients=tuple(envelope.rcpt_tos),
                    raw=envelope.original_content or b"",
                    at=datetime.now(UTC),
                )
            )
            self._change.notify_all()


class _Conversation(SMTP):
    def __init__(self, handler: "_Handler", conversations: "set[_Conversation]", **options: Any) -> None:
        super().__init__(handler, **options)
        self._conversations = conversations

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._conversations.add(self)
        self._socket = transport.get_extra_info("socket")

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._conversations.discard(self)

    def disconnect(self) -> None:
        # Not transport.abort(): aiosmtpd closes twice at QUIT, after which asyncio's TLS transport does nothing
        # any more, and waits 30 s for the other side to agree.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


class _Handler:
    """The methods aiosmtpd calls at each command; it prescribes their names."""

    def __init__(self, smtp_server: LoopbackSmtpServer) -> None:
        self._smtp_server = smtp_server

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: _Conversation, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._smtp_server.requires_login(session):
            return "530 5.7.0 Authentication required"
        return await self._answer(server, Step.MAIL, address, lambda: setattr(envelope, "mail_from", address))

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: _Conversation, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        return await self._answer(server, Step.RCPT, address, lambda: envelope.rcpt_tos.append(address))

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: _Conversation, session: Session, envelope: Envelope
    ) -> str:
        recipient = envelope.rcpt_tos[0]
        return await self._answer(server, Step.DOT, recipient, lambda: self._smtp_server.receive(envelope))

    async def _answer(
        self, server: _Conversation, step: Step, address: str, accept: Callable[[], None]
    ) -> str:
        script = self._smtp_server.script
        answer = await asyncio.to_thread(script, step, address) if script else None
        if answer is None or answer is Disconnect.MAIL_KEPT:
            accept()
        if isinstance(answer, Disconnect):
            server.disconnect()
            await asyncio.Event().wait()  # for aiosmtpd to cancel us, now that the connection is gone
        return answer if isinstance(answer, str) else "250 OK"
