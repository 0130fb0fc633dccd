"""Declare the answers about how things stand: status, outbox; and store compact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from monitor.errors import Problem
from monitor.mail.policy import tried_at
from monitor.model.feeds import FeedHealth, PollState
from monitor.model.mail import Attempt, AttemptOutcome, Delivery, DeliveryStatus, LimitReached, RelayState
from monitor.model.notices import NoticeKind
from monitor.model.rules import RulesetVersion
from monitor.model.services import RunningService
from monitor.queries.answers.config import MaildirTransport, SmtpTransport
from monitor.queries.health import AilmentKind, HealthTrouble, ServiceState

_NOT_ASKED = (FeedHealth.GONE, FeedHealth.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesInForce:
    """The version of the rules that the service works by."""

    version: int  # its number, from 1
    since: datetime  # when it took effect
    fingerprint: str  # a hash of the compiled rules

    @classmethod
    def of(cls, version: RulesetVersion | None) -> RulesInForce | None:
        """Return the rules in force; None when no version is kept yet."""
        if version is None:
            return None
        return cls(version=version.version, since=version.at, fingerprint=version.fingerprint)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigStatus:
    """Whether the configuration file is accepted, and which rules are in force."""

    ok: bool  # false: the file is refused, and a running service keeps the configuration it had
    problems: tuple[Problem, ...] = ()  # why it is refused
    rules: RulesInForce | None  # null: no rules were kept yet
    rules_edited: bool = False  # true: the file is refused, and its rules are not those in force


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """Whether a service runs, by the heartbeat that it writes every ten seconds."""

    state: ServiceState  # none: there was none within a day; "monitor once" may do its work
    since: datetime | None = None  # when it was started; null where there is none
    beat: datetime | None = None  # its last heartbeat
    ended: datetime | None = None  # when it was told to stop
    host: str = ""  # the machine on which it runs
    pid: int = 0  # its process there
    version: str = ""  # of monitor

    @classmethod
    def of(cls, state: ServiceState, service: RunningService | None) -> ServiceStatus:
        """Return how a service does that wrote a heartbeat; None is one that never did."""
        if service is None:
            return cls(state=state)
        return cls(
            state=state,
            since=service.started_at,
            beat=service.beat_at,
            ended=service.ended_at,
            host=service.host,
            pid=service.pid,
            version=service.version,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """How a feed does."""

    feed: str  # its name
    state: FeedHealth  # dead: it fails for a day; gone: is asked no more; quiet: unusually silent
    visited: datetime | None  # its last good answer, 304 included
    next: datetime | None  # its next visit; null where it is paused, or gone and asked no more
    every: str  # the time between two visits, "30m"; "auto: 2h" for what "auto" comes to; "" while the file is refused
    failures: int  # visits that failed since the last good answer
    error: str  # why the last visit failed; "" when it did not
    failing: datetime | None  # since when it fails; null when it does not
    news: datetime | None  # when it brought something new last

    @classmethod
    def of(cls, name: str, state: PollState | None, health: FeedHealth, every: str = "") -> FeedStatus:
        """Return how a feed does by its poll state; None is a feed that the database does not know yet."""
        return cls(
            feed=name,
            state=health,
            visited=state.visited if state else None,
            next=state.next_poll_at if state and health not in _NOT_ASKED else None,
            every=every,
            failures=state.failures if state else 0,
            error=state.last_error if state else "",
            failing=state.failing_since if state else None,
            news=state.changed_at if state else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionStatus:
    """How a subscription stands."""

    subscription: str  # its name
    last: datetime | None  # its last digest
    to: tuple[str, ...] = ()  # its recipients; [] while the file is refused
    next: datetime | None = None  # its next digest; null without a schedule, and while the file is refused
    entries_since: int | None = None  # news since its last digest; null while the file is refused
    timezone: str = ""  # of its schedule; "" while the file is refused
    unsubscribed: tuple[str, ...] = ()  # recipients in the file who have left
    paused: tuple[str, ...] = ()  # those who pause


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleStatus:
    """Troubles of one kind that are not over. What happened once, such as a mail given up, is shown for a week."""

    kind: NoticeKind | AilmentKind  # what kind of trouble
    since: datetime | None  # since when; of several, the first; null where it is not known
    count: int  # how many there are
    happened: str  # what happened, in a sentence
    to_do: str  # what to do, in sentences
    details: tuple[str, ...]  # which, a text for each of the first few
    stops: bool  # no news comes in, or no mail goes out, until it is over

    @classmethod
    def of(cls, trouble: HealthTrouble) -> TroubleStatus:
        """Return how troubles of one kind stand."""
        return cls(
            kind=trouble.kind,
            since=trouble.since,
            count=trouble.count,
            happened=trouble.happened,
            to_do=trouble.to_do,
            details=trouble.details,
            stops=trouble.stops_all,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MailLimit:
    """A limit that keeps mails from the mail server for now: per_minute or per_day of [smtp], or its provider's."""

    most: int  # mails
    per: Literal["minute", "day"]  # within any 60 seconds, or any 24 hours
    until: datetime  # when the next one goes

    @classmethod
    def of(cls, reached: LimitReached | None) -> MailLimit | None:
        """Return a limit that is reached; None when none is."""
        if reached is None:
            return None
        per: Literal["minute", "day"] = "day" if reached.window >= timedelta(days=1) else "minute"
        return cls(most=reached.most, per=per, until=reached.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer:
    """How the service, the configuration, the feeds, the subscriptions and the outbox stand."""

    config: ConfigStatus  # the configuration file
    service: ServiceStatus | None = None  # null while the database cannot be read
    feeds: tuple[FeedStatus, ...] = ()  # in the order of the file
    subscriptions: tuple[SubscriptionStatus, ...] = ()  # in the order of the file
    outbox: Mapping[str, int] = field(default_factory=dict)  # how many mails have which status
    unseen: int = 0  # mails that were given up, and that "monitor outbox --seen" has not marked
    oldest_waiting: datetime | None = None  # when the oldest mail that waits was made; null when none waits
    troubles: tuple[TroubleStatus, ...] = ()  # what is wrong, and what to do; [] when nothing is
    mail: MaildirTransport | SmtpTransport | None = None  # how digests leave; null while the file is refused
    limit: MailLimit | None = None  # why mails wait that could go; null where none does for that
    database: str = ""  # why the database could not be read; what it knows is empty then


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMail:
    """A mail in the outbox."""

    mail: int  # its number
    to: str  # its recipient
    subscription: str  # whose digest it is
    slot: str  # which of its digests
    message_id: str  # with its angle brackets
    status: DeliveryStatus  # where it stands
    attempts: int  # how often it was handed to a server; but for when that took no mail at all
    next_attempt_at: datetime | None  # null when it is not tried again by itself
    expires_at: datetime  # when it is given up
    last_reply: str  # of the server
    seen: bool  # that it was given up was marked as seen
    bounced_at: datetime | None  # when a bounce said that it was not delivered; null: none did

    @classmethod
    def of(
        cls, delivery: Delivery, spared: RelayState | None = None, reached: LimitReached | None = None
    ) -> OutboxMail:
        """Return a delivery as the outbox shows it.

        `spared` is the mail server while it is not tried, `reached` the limit that keeps mails from it.
        """
        return cls(
            mail=delivery.id,
            to=delivery.mail.to,
            subscription=delivery.subscription,
            slot=delivery.slot,
            message_id=delivery.mail.message_id,
            status=delivery.status,
            attempts=delivery.attempts,
            next_attempt_at=tried_at(delivery, spared, reached),
            expires_at=delivery.expires_at,
            last_reply=delivery.last_reply,
            seen=delivery.seen,
            bounced_at=delivery.bounced_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxHeader:
    """A header of a mail."""

    name: str  # such as Subject
    value: str  # decoded


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxAttempt:
    """One try to hand a mail over."""

    number: int  # of the mail's attempts, from 1; of very many the first 3 and the last 20 are kept
    begun_at: datetime  # when the mail was claimed
    ended_at: datetime | None  # null while it is under way
    server: str  # host:port; "" for a Maildir
    outcome: AttemptOutcome  # "" while it is under way; interrupted: the worker was stopped or killed
    code: int | None  # of the server's reply; null where there was none
    stage: str  # of the SMTP session: connect, tls, auth, mail, rcpt, data, dot; "" where it is not known
    reply: str  # the server's words, or what went wrong

    @classmethod
    def of(cls, attempt: Attempt) -> OutboxAttempt:
        """Return an attempt as the answer has it."""
        return cls(
            number=attempt.number,
            begun_at=attempt.begun_at,
            ended_at=attempt.ended_at,
            server=attempt.server,
            outcome=attempt.outcome,
            code=attempt.code,
            stage=attempt.stage,
            reply=attempt.reply,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMail:
    """A mail with its content, and each attempt to hand it over."""

    mail: OutboxMail  # as outbox lists it
    size: int  # in bytes; 0 when they are kept no longer
    headers: tuple[OutboxHeader, ...]  # in their order; [] when the bytes are kept no longer
    text: str | None  # its text part; null when the bytes are kept no longer
    attempts: tuple[OutboxAttempt, ...]  # in their order


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxChange:
    """What came of a decision about one mail."""

    mail: int  # its number
    done: bool  # false: nothing was changed
    why: str  # why not; "" when it was done


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactAnswer:
    """What compacting the database came to."""

    database: Literal["sqlite", "postgresql"]  # postgresql: it makes room by itself, and nothing was done
    file: str | None  # that was written anew; null for postgresql
    before: int | None  # its size in bytes; null for postgresql
    after: int | None  # its size in bytes now; null for postgresql
