"""Take mails by SMTP on loopback, and misbehave at any phase of the conversation when told to."""

import base64
import io
import random
import re
import socket
import socketserver
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from enum import Enum

from tests.storm.feed import numbers_in

USERNAME = "digest"
SENDER = "digest@storm.example"  # the account's own address: no other may send
_CUTS = 2  # of one mail from its DATA on: after the third uncertain try it rests, and may rightly be missing
_HARD_REFUSALS = 2  # that may be unsettled: an entry comes back twice
_HEAD = 2000  # bytes of a mail that are read before it is cut in its middle


class Phase(Enum):
    """Where in the conversation the relay misbehaves."""

    GREETING = "greeting"
    EHLO = "ehlo"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"
    BEFORE = "dot-before"  # at the final dot, before the mail is taken
    AFTER = "dot-after"  # at the final dot, after the mail is taken: the 250 is withheld


class Manner(Enum):
    """How the relay misbehaves."""

    LATER = "4xx"
    NEVER = "5xx"
    CUT = "cut"


_REPLIES = {
    (Phase.GREETING, Manner.LATER): ("421 4.3.2 try again later",),
    (Phase.GREETING, Manner.NEVER): ("554 5.3.2 no service here",),
    (Phase.EHLO, Manner.LATER): ("421 4.3.2 try again later",),
    (Phase.EHLO, Manner.NEVER): ("550 5.7.1 not you",),
    (Phase.MAIL, Manner.LATER): ("451 4.3.0 try again later", "452 4.3.1 the disk is full"),
    (Phase.MAIL, Manner.NEVER): ("550 5.7.1 refused",),
    (Phase.RCPT, Manner.LATER): ("450 4.2.0 greylisted", "452 4.2.2 mailbox full"),
    (Phase.RCPT, Manner.NEVER): ("550 5.1.1 no such user",),
    (Phase.DATA, Manner.LATER): ("451 4.3.0 try again later",),
    (Phase.DATA, Manner.NEVER): ("554 5.5.1 no valid recipients", "503 5.5.1 no valid recipients"),
    (Phase.BEFORE, Manner.LATER): ("451 4.3.0 try again later", "452 4.3.1 the disk is full"),
    (Phase.BEFORE, Manner.NEVER): ("554 5.6.0 refused for its content", "552 5.3.4 too big"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A misbehaviour in force, and the share of conversations that meet it."""

    phase: Phase
    manner: Manner
    share: float = 1.0


@dataclass(slots=True, kw_only=True)
class Taken:
    """A mail that the relay took. Instants are monotonic seconds."""

    recipient: str
    message_id: str
    raw: bytes
    numbers: frozenset[int]  # of the entries in it
    data_at: float  # DATA was answered
    at: float  # the final dot was read
    answered_at: float | None = None  # None: the 250 was withheld


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refusal for good, after which the entries of the mail have to come back."""

    at: float
    of_content: bool  # of the content: it comes back once, smaller; else of sender or recipient
    recipient: str = ""
    numbers: frozenset[int] = frozenset()  # of the entries in the mail; none: not known


@dataclass(slots=True, eq=False)
class _Session:
    socket: socket.socket
    is_logged_in: bool = False
    recipient: str = ""
    data_at: float = 0.0
    message_id: str = ""
    is_cut: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Relay:
    """A mail server on 127.0.0.1 with one account. `oldest_missing` returns when the oldest entry that has not reached
    everybody was published."""

    def __init__(self, chance: random.Random, oldest_missing: Callable[[], float]) -> None:
        self.fault: Fault | None = None
        self.password = "right"
        self.taken: list[Taken] = []
        self._chance, self._oldest_missing = chance, oldest_missing
        self._refusals: list[Refusal] = []
        self._cuts: Counter[str] = Counter()
        self._sessions: set[_Session] = set()
        self._lock = threading.RLock()
        self._address = ("127.0.0.1", 0)
        self._server: _SmtpServer | None = None
        self.on_taken: Callable[[Taken], None] = lambda _: None
        self.open()
        self.port = self._address[1]

    def open(self) -> None:
        """Take connections, on the same port as before."""
        if self._server is None:
            self._server = _SmtpServer(self._address, self._converse)
            self._address = ("127.0.0.1", self._server.server_address[1])
            threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Let connections be refused, and cut those there are."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            if not session.data_at or (session.message_id and self._may_cut(session.message_id)):
                self._hang_up(session)

    @property
    def in_data(self) -> bool:
        """Whether the outcome of a mail is open: its DATA was answered, its 250 not yet written."""
        with self._lock:
            return any(session.data_at for session in self._sessions)

    # --- one conversation -----------------------------------------------------------------------

    def _converse(self, connection: socket.socket) -> None:
        connection.settimeout(120)
        session = _Session(connection)
        with self._lock:
            self._sessions.add(session)
        try:
            self._talk(session)
        except (OSError, ValueError):
            pass  # the client is gone
        finally:
            with self._lock:
                self._sessions.discard(session)

    def _talk(self, session: _Session) -> None:
        with session.socket.makefile("rb") as lines:
            self._answer_commands(session, lines)

    def _answer_commands(self, session: _Session, lines: io.BufferedReader) -> None:
        if self._strike(session, Phase.GREETING):
            return
        self._say(session, "220 storm ESMTP")
        while line := lines.readline():
            verb, text = line[:4].upper(), line.decode("utf-8", "replace").strip()
            match verb:
                case b"EHLO":
                    if self._strike(session, Phase.EHLO):
                        return
                    self._say(session, "250-storm\r\n250-AUTH PLAIN\r\n250-SMTPUTF8\r\n250 8BITMIME")
                case b"AUTH":
                    self._log_in(session, text)
                case b"MAIL":
                    self._answer_mail(session, text)
                case b"RCPT":
                    session.recipient = _address(text)
                    if not self._strike(session, Phase.RCPT):
                        self._say(session, "250 2.1.5 ok")
                case b"DATA":
                    if not self._strike(session, Phase.DATA):
                        session.data_at = time.monotonic()
                        self._say(session, "354 go on")
                        self._take(session, lines)
                        session.data_at, session.message_id = 0.0, ""
                case b"RSET":
                    session.recipient = ""
                    self._say(session, "250 2.0.0 ok")
                case b"QUIT":
                    self._say(session, "221 2.0.0 bye")
                    return
                case _:
                    self._say(session, "502 5.5.2 no such command")
            if session.is_cut:
                return

    def _log_in(self, session: _Session, text: str) -> None:
        login = base64.b64decode(text.split()[-1]).decode().split("\0")[1:]
        session.is_logged_in = login == [USERNAME, self.password]
        self._say(session, "235 2.7.0 ok" if session.is_logged_in else "535 5.7.8 authentication failed")

    def _answer_mail(self, session: _Session, text: str) -> None:
        if not session.is_logged_in:
            self._say(session, "530 5.7.0 log in first")
        elif _address(text) != SENDER:
            self._say(session, "553 5.7.1 sender is not owned by the account")
        elif not self._strike(session, Phase.MAIL):
            self._say(session, "250 2.1.0 ok")

    def _take(self, session: _Session, lines: io.BufferedReader) -> None:
        raw = bytearray()
        while (line := lines.readline()) != b".\r\n":
            if not line:
                return  # the client is gone, or the connection was cut
            raw += line[1:] if line.startswith(b".") else line
            if not session.message_id and line == b"\r\n":
                session.message_id = _message_id(bytes(raw))
            if len(raw) > _HEAD and session.message_id and self._strike(session, Phase.CONTENT):
                return
        at, content = time.monotonic(), bytes(raw)
        numbers = numbers_in(content)
        if self._strike(session, Phase.BEFORE, numbers):
            return
        taken = Taken(
            recipient=session.recipient,
            message_id=session.message_id,
            raw=content,
            numbers=numbers,
            data_at=session.data_at,
            at=at,
        )
        with self._lock:
            self.taken.append(taken)
        self.on_taken(taken)
        if self._strike(session, Phase.AFTER):
            return
        time.sleep(self._delay())
        with session.lock:
            if not session.is_cut:
                self._say(session, "250 2.0.0 taken")
                taken.answered_at = time.monotonic()

    def _delay(self) -> float:
        with self._lock:
            return (
                self._chance.uniform(0.2, 1.2)
                if self._chance.random() < 0.2
                else self._chance.uniform(0, 0.05)
            )

    @staticmethod
    def _say(session: _Session, text: str) -> None:
        session.socket.sendall(f"{text}\r\n".encode())

    # --- misbehaving ----------------------------------------------------------------------------

    def _strike(self, session: _Session, phase: Phase, numbers: frozenset[int] = frozenset()) -> bool:
        """Misbehave if the fault in force is for this phase; return whether it did."""
        fault = self.fault
        if fault is None or fault.phase is not phase:
            return False
        with self._lock:
            if self._chance.random() >= fault.share:
                return False
            if fault.manner is Manner.CUT:
                return self._strike_by_cut(session, phase)
            reply = self._chance.choice(_REPLIES[phase, fault.manner])
            if fault.manner is Manner.NEVER and not self._may_refuse(session, phase, numbers, reply):
                return False
        self._say(session, reply)
        if phase in (Phase.GREETING, Phase.EHLO):
            self._hang_up(session)
        return True

    def _strike_by_cut(self, session: _Session, phase: Phase) -> bool:
        past_data = phase in (Phase.CONTENT, Phase.BEFORE, Phase.AFTER)
        if past_data and not self._may_cut(session.message_id):
            return False
        if self._chance.random() < 0.5:
            # Closed with this option set, a socket sends RST instead of FIN.
            session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            session.is_cut = True
        else:
            self._hang_up(session)
        return True

    def _hang_up(self, session: _Session) -> None:
        with session.lock:
            session.is_cut = True
            with suppress(OSError):
                session.socket.shutdown(socket.SHUT_RDWR)

    def _may_cut(self, message_id: str) -> bool:
        """Return whether this mail may be cut once more past its DATA, and count it."""
        with self._lock:
            self._cuts[message_id] += 1
            return self._cuts[message_id] <= _CUTS

    def _may_refuse(self, session: _Session, phase: Phase, numbers: frozenset[int], reply: str) -> bool:
        """Return whether a refusal for good is one after which every entry still has to come back; remember it."""
        if phase in (Phase.GREETING, Phase.EHLO) or reply.startswith("503"):
            return True  # no mail is concerned
        oldest = self._oldest_missing()
        self._refusals = [refusal for refusal in self._refusals if refusal.at >= oldest]
        of_content = phase in (Phase.DATA, Phase.BEFORE)
        refusal = Refusal(
            at=time.monotonic(), of_content=of_content, recipient=session.recipient, numbers=numbers
        )
        if of_content:
            may = all(_are_apart(refusal, other) for other in self._refusals)
        else:
            is_first = not any(other.of_content for other in self._refusals)
            may = is_first and len(self._refusals) < _HARD_REFUSALS
        if may:
            self._refusals.append(refusal)
        return may


class _SmtpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], converse: Callable[[socket.socket], None]) -> None:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                converse(self.request)

        super().__init__(address, Handler)

    def shutdown_request(self, request: object) -> None:
        """Close without a polite shutdown, which would spoil a cut by RST."""
        self.close_request(request)  # type: ignore[arg-type]  # any socket will do


def _address(text: str) -> str:
    found = re.search("<(.*?)>", text)
    return found[1] if found else ""


def _message_id(head: bytes) -> str:
    return str(message_from_bytes(head)["Message-ID"])


def _are_apart(refusal: Refusal, other: Refusal) -> bool:
    """Return whether two refusals for the content certainly concern different entries or recipients."""
    if not (refusal.of_content and other.of_content):
        return False
    if not (refusal.recipient and other.recipient and refusal.numbers and other.numbers):
        return False
    return refusal.recipient != other.recipient or not refusal.numbers & other.numbers
