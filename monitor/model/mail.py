"""Notices, rendered mails, and the delivery of a mail."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from monitor.model import require_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A mail to the operator: an edit of config.toml was refused, and which rules stay in force."""

    path: str
    content: str  # the content hash of what was refused, so that two services send one notice
    at: datetime
    problems: tuple[str, ...]
    version: int  # of the rules in force
    since: datetime

    def __post_init__(self) -> None:
        require_utc(self.at, self.since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """Subject and bodies of a mail, before it has headers and a recipient."""

    subject: str
    text: str
    html: str  # "" when there is only the text


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Rendered bytes for one recipient; never rendered again."""

    message_id: str  # with its angle brackets
    date: datetime
    sender: str  # envelope address
    to: str  # envelope address
    raw: bytes

    def __post_init__(self) -> None:
        require_utc(self.date)


class Route(Enum):
    """The way a mail was meant to go when it was composed; it never goes another one by itself."""

    SMTP = "smtp"
    MAILDIR = "maildir"  # into a directory of this machine, while [smtp] host is empty


class DeliveryStatus(Enum):
    """The status of a mail in the outbox."""

    WAITING = "waiting"
    SENDING = "sending"
    UNCERTAIN = "uncertain"  # perhaps delivered: the same bytes are sent again after a pause, at most twice
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"
    HELD = "held"  # its recipient or subscription is not in config.toml: cancelled after a day
    CANCELLED = "cancelled"


class FailReason(Enum):
    """Why a mail was given up, or why its last attempt failed."""

    NONE = ""
    RELAY = "relay"  # the server takes no mail at all
    LOGIN = "login"  # the server refuses the login
    ADDRESS = "address"  # the server refuses the recipient
    CONTENT = "content"  # the server refuses what stands in the mail, or its size
    OTHER = "other"


class Phase(Enum):
    """How far the running attempt has come. From DATA on, the server may own the message."""

    NONE = ""
    BEFORE_DATA = "before data"
    DATA = "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A row of the outbox: one mail to one recipient, and how its delivery goes."""

    id: int
    mail: Mail
    status: DeliveryStatus
    phase: Phase
    attempts: int
    next_attempt_at: datetime | None  # None: not tried again by itself
    expires_at: datetime
    last_reply: str
    subscription: str  # "" for a notice
    slot: str  # its name
    claim: str = ""  # the token of the worker that holds it; "" when nobody does
    uncertain: int = 0  # attempts that may have delivered it
    route: Route = Route.SMTP
    reason: FailReason = FailReason.NONE

    def __post_init__(self) -> None:
        require_utc(self.next_attempt_at, self.expires_at)
