"""Declare the answers about how things stand: status, outbox; and store compact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from monitor.errors import Problem
from monitor.model.feeds import FeedHealth, PollState, feed_health
from monitor.model.mail import Delivery, DeliveryStatus
from monitor.model.notices import NoticeKind, TroubleGroup
from monitor.model.rules import RulesetVersion
from monitor.queries.answers.config import MaildirTransport, SmtpTransport


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
class FeedStatus:
    """How a feed does."""

    feed: str  # its name
    state: FeedHealth  # how its last visit went
    visited: datetime | None  # its last good answer, 304 included
    next: datetime | None  # its next visit; null where it is paused, or gone and asked no more
    every: str  # the time between two visits, "30m"; "auto: 2h" for what "auto" comes to; "" while the file is refused
    failures: int  # visits that failed since the last good answer
    error: str  # why the last visit failed; "" when it did not

    @classmethod
    def of(
        cls, name: str, state: PollState | None, every: str = "", *, is_paused: bool = False
    ) -> FeedStatus:
        """Return how a feed does by its poll state; None is a feed that the database does not know yet."""
        return cls(
            feed=name,
            state=FeedHealth.PAUSED if is_paused else feed_health(state),
            visited=state.visited if state else None,
            next=state.next_poll_at if state and not state.stopped and not is_paused else None,
            every=every,
            failures=state.failures if state else 0,
            error=state.last_error if state else "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionStatus:
    """How a subscription stands."""

    subscription: str  # its name
    last: datetime | None  # its last digest
    to: tuple[str, ...] = ()  # its recipients; [] while the file is refused
    next: datetime | None = None  # its next digest; null without a schedule, and while the file is refused
    entries_since: int | None = None  # news since its last digest; null while the file is refused


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleStatus:
    """Troubles of one kind that are not over. What happened once, such as a mail given up, is shown for a week."""

    kind: NoticeKind  # what kind of trouble
    since: datetime  # since when; of several, the first
    count: int  # how many there are
    happened: str  # what happened, in a sentence
    to_do: str  # what to do, in sentences
    details: tuple[str, ...]  # which, a text for each of the first few

    @classmethod
    def of(cls, group: TroubleGroup) -> TroubleStatus:
        """Return how troubles of one kind stand."""
        return cls(
            kind=group.kind,
            since=group.since,
            count=group.count,
            happened=group.kind.telling.happened,
            to_do=group.kind.telling.to_do,
            details=tuple(known.trouble.details for known in group.troubles if known.trouble.details),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer:
    """How the configuration, the feeds, the subscriptions and the outbox stand."""

    config: ConfigStatus  # the configuration file
    feeds: tuple[FeedStatus, ...] = ()  # in the order of the file
    subscriptions: tuple[SubscriptionStatus, ...] = ()  # in the order of the file
    outbox: Mapping[str, int] = field(default_factory=dict)  # how many mails have which status
    troubles: tuple[TroubleStatus, ...] = ()  # what is wrong, and what to do; [] when nothing is
    mail: MaildirTransport | SmtpTransport | None = None  # how digests leave; null while the file is refused
    database: str = ""  # why the database could not be read; what it knows is empty then


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMail:
    """A mail in the outbox."""

    mail: int  # its number, for --retry
    to: str  # its recipient
    subscription: str  # whose digest it is
    slot: str  # which of its digests
    message_id: str  # with its angle brackets
    status: DeliveryStatus  # where it stands
    attempts: int  # how often it was handed to a server
    next_attempt_at: datetime | None  # null when it is not tried again by itself
    expires_at: datetime  # when it is given up
    last_reply: str  # of the server

    @classmethod
    def of(cls, delivery: Delivery) -> OutboxMail:
        """Return a delivery as the outbox shows it."""
        return cls(
            mail=delivery.id,
            to=delivery.mail.to,
            subscription=delivery.subscription,
            slot=delivery.slot,
            message_id=delivery.mail.message_id,
            status=delivery.status,
            attempts=delivery.attempts,
            next_attempt_at=delivery.next_attempt_at,
            expires_at=delivery.expires_at,
            last_reply=delivery.last_reply,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactAnswer:
    """What compacting the database came to."""

    database: Literal["sqlite", "postgresql"]  # postgresql: it makes room by itself, and nothing was done
    file: str | None  # that was written anew; null for postgresql
    before: int | None  # its size in bytes; null for postgresql
    after: int | None  # its size in bytes now; null for postgresql
