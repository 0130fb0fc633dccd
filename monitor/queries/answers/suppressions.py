"""Declare the answers about suppressions and bounces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from monitor.jobs.bounce import Outcome, Taken
from monitor.jobs.suppress import Imported
from monitor.mail.bounces import Fault
from monitor.model.suppressions import SuppressedBy, Suppression


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionAnswer:
    """An address to which nothing goes."""

    address: str  # in small letters: every spelling of it is meant
    subscription: str | None  # the name of the one it gets nothing of; null: of none
    at: datetime  # since when
    by: SuppressedBy  # who decided it
    reason: str  # the server's words, or the operator's
    until_edit: bool  # true: an edit of config.toml ends it

    @classmethod
    def of(cls, suppression: Suppression, name_of: Mapping[str, str]) -> SuppressionAnswer:
        """Return a suppression with the name of its subscription."""
        key = suppression.subscription
        return cls(
            address=suppression.address,
            subscription=name_of.get(key, key) or None,
            at=suppression.at,
            by=suppression.by,
            reason=suppression.reason,
            until_edit=bool(suppression.content_hash),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionAddAnswer:
    """An address was suppressed."""

    suppression: SuppressionAnswer  # as it stands now
    cancelled: int  # mails that were queued for it


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionImportAnswer:
    """A list of suppressions was read."""

    new: int  # suppressions
    known: int  # those that stood in the list before, or twice in the file: they stay as they were
    cancelled: int  # mails that were queued for the new ones

    @classmethod
    def of(cls, imported: Imported) -> SuppressionImportAnswer:
        """Return what became of the list."""
        return cls(new=imported.new, known=imported.known, cancelled=imported.cancelled)


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceAnswer:
    """A bounce was read."""

    outcome: Outcome  # what it led to
    mail: int | None  # the number of the mail that came back; null: it returns none of ours
    address: str | None  # its recipient; null for an unknown mail
    subscription: str | None  # whose digest it is, "" for a notice; null for an unknown mail
    fault: Fault  # what the bounce says of the address
    status: str  # its status (RFC 3463), as "5.1.1"; "" when it tells none
    reply: str  # the server's words
    refusals: int  # digests in a row that the address has refused, after this one was counted; else 0

    @classmethod
    def of(cls, taken: Taken) -> BounceAnswer:
        """Return what became of a bounce."""
        delivery = taken.delivery
        return cls(
            outcome=taken.outcome,
            mail=delivery.id if delivery else None,
            address=delivery.mail.to if delivery else None,
            subscription=delivery.subscription if delivery else None,
            fault=taken.report.fault,
            status=taken.report.status,
            reply=taken.report.reply,
            refusals=taken.refusals,
        )
