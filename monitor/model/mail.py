"""A mail, and how it stands: what leaves the house."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from monitor.model import require_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What the operator is told by mail: an edit of config.toml was refused, and what is in force instead."""

    path: str
    content: str  # a digest of what was refused, so that two services tell it once
    at: datetime
    problems: tuple[str, ...]
    version: int  # of the rules in force
    since: datetime

    def __post_init__(self) -> None:
        require_utc(self.at, self.since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A mail in words: before it has headers and a recipient."""

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


class DeliveryStatus(Enum):
    """Where a mail stands in the outbox."""

    WAITING = "waiting"
    SENDING = "sending"
    UNCERTAIN = "uncertain"  # perhaps delivered: sent again, the same bytes, after a while
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"


class Phase(Enum):
    """How far the attempt in hand has come. From DATA on, the server may own the message."""

    NONE = ""
    BEFORE_DATA = "before data"
    DATA = "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A row of the outbox: one mail to one recipient, and how that goes."""

    id: int
    mail: Mail
    status: DeliveryStatus
    phase: Phase
    attempts: int
    next_attempt_at: datetime
    expires_at: datetime
    last_reply: str
    subscription: str
    slot: str
    claim: str = ""  # the token of the worker that holds it; "" when nobody does
    uncertain: int = 0  # attempts whose outcome nobody knows

    def __post_init__(self) -> None:
        require_utc(self.next_attempt_at, self.expires_at)
