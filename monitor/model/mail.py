"""Rendered mails, and the delivery of a mail."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from html import escape

from monitor.errors import SendCause
from monitor.model import require_utc
from monitor.model.recipients import OWN_LINK


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """Subject and bodies of a mail, before it has headers and a recipient."""

    subject: str
    text: str
    html: str  # "" when there is only the text

    def with_link(self, link: str) -> "Rendered":
        """Return the mail with a recipient's own link, at the places that are marked for it."""
        return replace(
            self, text=self.text.replace(OWN_LINK, link), html=self.html.replace(OWN_LINK, escape(link))
        )


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
    HELD = "held"  # its recipient or subscription is not in config.toml: cancelled after a day; or until released
    CANCELLED = "cancelled"


class Phase(Enum):
    """How far the running attempt has come. From DOT on, the server may own the message (RFC 1047)."""

    NONE = ""
    BEFORE_DOT = "before data"
    DOT = "data"  # the dot that ends the content may have been written


class AttemptOutcome(Enum):
    """How one try to hand a mail over went."""

    UNDER_WAY = ""
    SENT = "sent"
    LATER = "later"  # refused for now: this mail is tried again
    RELAY = "relay"  # no mail would have got through
    REFUSED = "refused"  # for good
    UNCERTAIN = "uncertain"  # the reply to the dot was lost
    INTERRUPTED = "interrupted"  # the worker was stopped or killed meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to hand a mail over, with the server's reply."""

    number: int  # of its mail, from 1
    begun_at: datetime
    ended_at: datetime | None  # None: under way
    server: str  # host:port; "" for a Maildir
    outcome: AttemptOutcome
    code: int | None  # of the reply; None where there was none
    reply: str  # the server's last words, or what went wrong
    stage: (
        str  # of the SMTP session in which it ended: a `Step` of mail/replies.py; "" where that is not known
    )

    def __post_init__(self) -> None:
        require_utc(self.begun_at, self.ended_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many mails a mail server is given; None: as many as there are."""

    per_minute: int | None = None  # within any 60 seconds
    per_day: int | None = None  # within any 24 hours
    per_connection: int | None = None
    connections: int | None = None  # at one time

    def windows(self) -> list[tuple[int, timedelta]]:
        """Return the limits in force within a time, as (mails, time)."""
        both = ((self.per_minute, timedelta(minutes=1)), (self.per_day, timedelta(days=1)))
        return [(most, window) for most, window in both if most is not None]


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitReached:
    """A mail server has been given as many mails as it may be, within a time; no more before `until`."""

    most: int
    window: timedelta
    until: datetime

    def __post_init__(self) -> None:
        require_utc(self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayState:
    """How a mail server did last. While `next_probe_at` is set, one mail at a time is sent to it, from then on."""

    server: str  # host:port
    settings: str  # a hash of [smtp], its password and certificates: with other settings all begins anew
    failures: int = 0  # in a row
    login_refusals: int = 0  # in a row
    since: datetime | None = None  # the first failure of the row
    next_probe_at: datetime | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        require_utc(self.since, self.next_probe_at)


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
    subscription: str  # its name; "" for a notice
    slot: str  # its name
    digest_id: int = 0
    subscription_key: str = ""  # "" for a notice
    claim: str = ""  # the token of the worker that holds it; "" when nobody does
    uncertain: int = 0  # attempts after which the server's reply was lost
    interrupted: int = 0  # attempts that may have delivered it and that this machine broke off
    reached_dot: bool = False  # in any attempt: its bytes do not change any more
    failing_since: datetime | None = None  # the first failure after it was too old
    failing_awake: timedelta = timedelta(0)  # how long it will have failed by then, at its next failure
    route: Route = Route.SMTP
    cause: SendCause = SendCause.NONE  # of its last failure
    seen: bool = False  # by the operator, that it was given up
    bounced_at: datetime | None = None  # when a bounce was read that says it was not delivered

    def __post_init__(self) -> None:
        require_utc(self.next_attempt_at, self.expires_at, self.bounced_at)
