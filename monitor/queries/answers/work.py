"""Declare the answers about digests and mails: poll, digest, deliver, once, preview, replay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from monitor.model.mail import DeliveryStatus
from monitor.queries.answers.status import OutboxMail

if TYPE_CHECKING:
    from monitor.jobs.again import SentAgain
    from monitor.jobs.stored import ExcludedEntry
    from monitor.model.digests import Digest
    from monitor.model.feeds import Entry
    from monitor.rules.exclusion import Exclusion


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledAnswer:
    """A feed answered with a document."""

    feed: str  # its name
    url: str  # its address, with secrets masked
    outcome: Literal["polled"] = "polled"  # it was read
    entries: int  # in the document
    new: int  # of them not stored before
    matched: int  # of the new and retitled ones that a rule matches
    retitled: int  # of them known ones, whose title has changed
    held_back: int  # of the new ones that are too old to be mailed
    next_poll_at: datetime  # its next visit


@dataclass(frozen=True, slots=True, kw_only=True)
class UnchangedAnswer:
    """A feed has nothing new since the last visit."""

    feed: str  # its name
    url: str  # its address, with secrets masked
    outcome: Literal["unchanged"] = "unchanged"  # the server said so, or sent the same document
    next_poll_at: datetime  # its next visit


@dataclass(frozen=True, slots=True, kw_only=True)
class PollFailedAnswer:
    """A feed could not be read."""

    feed: str  # its name
    url: str  # its address, with secrets masked
    outcome: Literal["failed"] = "failed"  # error says why
    error: str  # in words
    failures: int  # visits that failed since the last good answer
    next_poll_at: datetime | None  # its next visit; null where it is gone, and asked no more


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposedAnswer:
    """A digest is in the outbox, in one mail for each recipient, or in up to three."""

    subscription: str  # its name
    outcome: Literal["composed"] = "composed"  # its mails are queued
    slot: str  # which of the subscription's digests
    entries: int  # in its mails
    left: int  # that did not fit, and come first in the next one
    subject: str  # of the first mail
    to: tuple[str, ...]  # the recipients


@dataclass(frozen=True, slots=True, kw_only=True)
class NoDigestAnswer:
    """There is no digest: nothing is pending for the subscription, or another worker has composed it."""

    subscription: str  # its name
    outcome: Literal["nothing new", "taken by another worker"]  # no mail
    held_back: int  # entries of the last 30 days, of all feeds, that were too old when they came


@dataclass(frozen=True, slots=True, kw_only=True)
class SentAgainAnswer:
    """A digest goes once more."""

    subscription: str  # its name
    slot: str  # which of its digests
    to: tuple[str, ...]  # who gets it
    mails: tuple[int, ...]  # their numbers in the outbox
    refused: tuple[str, ...]  # who got it and gets it no more: the reasons, in words

    @classmethod
    def of(cls, sent: SentAgain) -> SentAgainAnswer:
        """Return what was queued as programs read it."""
        return cls(
            subscription=sent.subscription,
            slot=sent.slot,
            to=sent.to,
            mails=sent.mails,
            refused=tuple(str(reason) for reason in sent.refused),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDueAnswer:
    """The subscription's digest is not due."""

    subscription: str  # its name
    outcome: Literal["not due"] = "not due"  # no mail yet
    next: datetime | None  # when it is due; null without a schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeFailedAnswer:
    """A template failed."""

    subscription: str  # its name
    outcome: Literal["failed"] = "failed"  # error says why
    error: str  # in words


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptAnswer:
    """An attempt to hand over a mail."""

    mail: int  # its number in the outbox
    to: str  # its recipient
    status: DeliveryStatus  # where the attempt left it
    reply: str  # of the server, or what failed
    next_attempt_at: datetime | None  # when it is tried again; null when it is not


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundAnswer:
    """What one round of due work did."""

    polled: tuple[PollAnswer, ...]  # as poll answers
    composed: tuple[DigestAnswer, ...]  # as digest answers
    delivered: tuple[AttemptAnswer, ...]  # as deliver answers
    unsent: tuple[OutboxMail, ...]  # mails that wait or are held, as outbox answers


PollAnswer: TypeAlias = PolledAnswer | UnchangedAnswer | PollFailedAnswer
DigestAnswer: TypeAlias = ComposedAnswer | NoDigestAnswer | NotDueAnswer | ComposeFailedAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedEntry:
    """An entry that a digest does not show as an item of its own, for it tells the story of another."""

    seq: int  # its number in the database
    title: str  # of the entry
    link: str  # to the article
    into: int | None  # the seq of the item under which it stands; null: the story was mailed before
    into_title: str  # that item's title; "" where the story was mailed before
    sent_before: datetime | None  # when the story was mailed, of which this is one more source

    @classmethod
    def all_of(cls, digests: Iterable[Digest]) -> tuple[FoldedEntry, ...]:
        """Return the entries folded in some digests, each once, by seq."""
        folded = {}
        for item in (item for digest in digests for item in digest.items):
            lead, title = item.seq, item.entry.title or item.entry.link
            if item.known_since:
                folded[item.seq] = cls._of(item.seq, item.entry, None, "", item.known_since)
            for copy in item.copies:
                folded[copy.seq] = cls._of(copy.seq, copy.entry, lead, title, item.known_since)
        return tuple(folded[seq] for seq in sorted(folded))

    @classmethod
    def _of(
        cls, seq: int, entry: Entry, into: int | None, into_title: str, sent_before: datetime | None
    ) -> FoldedEntry:
        return cls(
            seq=seq,
            title=entry.title,
            link=entry.link,
            into=into,
            into_title=into_title,
            sent_before=sent_before,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedDigest:
    """The digest that a subscription would get now."""

    subscription: str  # its name
    subject: str | None  # null: nothing new is pending, so there would be no mail
    sample: Literal["", "stored", "made up"]  # with --sample: what its news are; "": no sample
    files: tuple[str, ...]  # written: .html, .txt and .eml
    folded: tuple[FoldedEntry, ...]  # entries that tell the story of another one
    held_back: int  # entries of the last 30 days, of all feeds, that were too old when they came


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedDigest:
    """A digest that would have been sent."""

    subscription: str  # its name
    slot: str  # which of its digests
    at: datetime  # when it would have been sent
    entries: int  # in it
    subject: str  # of the mail
    files: tuple[str, ...]  # written: .html, .txt and .eml
    folded: tuple[FoldedEntry, ...]  # entries that tell the story of another one


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleExclusion:
    """What kept an entry out of a rule that it would match."""

    rule: str  # its name
    cause: str  # none, not (a denied word of when), ignore, feeds, sections, languages or max
    words: tuple[str, ...]  # as they stand in the entry; [] for a scope and for max

    @classmethod
    def of(cls, exclusion: Exclusion) -> RuleExclusion:
        """Return an exclusion as programs read it."""
        return cls(rule=exclusion.rule, cause=exclusion.cause, words=exclusion.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedEntryAnswer:
    """An entry that a rule would match but for an exclusion."""

    seq: int  # its number in the database
    title: str  # of the entry
    link: str  # to the article
    in_digest: bool  # true: another rule brings it into the digest
    rules: tuple[RuleExclusion, ...]  # the rules that exclude it

    @classmethod
    def of(cls, excluded: ExcludedEntry) -> ExcludedEntryAnswer:
        """Return an excluded entry as programs read it."""
        return cls(
            seq=excluded.seq,
            title=excluded.entry.title,
            link=excluded.entry.link,
            in_digest=excluded.in_digest,
            rules=tuple(RuleExclusion.of(exclusion) for exclusion in excluded.exclusions),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedAnswer:
    """What the rules keep out of a subscription's next digest."""

    subscription: str  # its name
    entries: tuple[ExcludedEntryAnswer, ...]  # by seq

    @classmethod
    def of(cls, subscription: str, excluded: Sequence[ExcludedEntry]) -> ExcludedAnswer:
        """Return the excluded entries of a subscription."""
        return cls(subscription=subscription, entries=tuple(ExcludedEntryAnswer.of(one) for one in excluded))


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveAnswer:
    """The pages of the archive were made anew."""

    directory: str  # where they are
    written: int  # pages that were made
    kept: int  # pages left as they are, because the texts of their entries are kept no longer
    lost: int  # digests without a page that cannot be made any more
    failed: str  # why the rest waits; "" when nothing does
