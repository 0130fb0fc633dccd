"""Declare what each command answers with --json, one type per command, and turn an answer into JSON.

docs/guide/json.md is made from this file: the meaning of a field is the comment behind it. What the answers are
made of is imported for type checkers only, so that a command which answers loads nothing for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Literal, TypeAlias

from monitor.errors import Problem
from monitor.model.feeds import FeedHealth, PollState, feed_health
from monitor.model.mail import Delivery, DeliveryStatus
from monitor.model.rules import Hit, RulesetVersion
from monitor.rules.score import Points

if TYPE_CHECKING:
    from monitor.jobs.backfill import Backfill
    from monitor.jobs.stored import ExcludedEntry
    from monitor.model.feeds import Entry
    from monitor.queries.difference import Compared
    from monitor.queries.explain import Explained
    from monitor.queries.like import Alike, Liked
    from monitor.rules.changes import Change
    from monitor.rules.exclusion import Exclusion
    from monitor.rules.like.propose import Proposed
    from monitor.rules.lint import Finding
    from monitor.rules.match import Judgement

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

_OMIT = "omitted when empty"


def as_json(answer: object) -> JsonValue:
    """Return an answer as JSON values: objects for dataclasses and named tuples, ISO 8601 for datetimes.

    Raises TypeError for a value that has no form in JSON.
    """
    match answer:
        case None | bool() | int() | float() | str():
            return answer
        case datetime():
            return answer.isoformat()
        case Enum():
            return as_json(answer.value)
        case Hit() | Points():
            return as_json(answer._asdict())
        case Mapping():
            return {str(key): as_json(value) for key, value in answer.items()}
        case list() | tuple():
            return [as_json(value) for value in answer]
    if is_dataclass(answer):
        values = ((declared, getattr(answer, declared.name)) for declared in fields(answer))
        return {
            declared.name: as_json(value)
            for declared, value in values
            if value or _OMIT not in declared.metadata
        }
    raise TypeError(f"{type(answer).__name__} has no form in JSON")


# check, rules lint


@dataclass(frozen=True, slots=True, kw_only=True)
class LintFinding:
    """Something in the rules that may not do what it seems to."""

    line: int | None  # in the file, from 1
    kind: str  # error, never, shadowed, duplicate, contradiction, han, width, "two words", …
    table: str  # rules, aliases or matching
    rule: str  # the rule's or the alias set's name; "" for [matching]
    key: str  # of the table
    word: str  # as it stands in the file
    what: str  # what is odd about it
    fix: str  # what to do about it; "" when there is nothing to propose
    column: int  # of an error, in word, from 0
    safe: tuple[str, ...] | None  # what --fix writes instead of word, [] takes it out; null: you decide

    @classmethod
    def of(cls, line: int | None, finding: Finding) -> LintFinding:
        """Return a finding with its line."""
        return cls(
            line=line,
            kind=finding.kind,
            table=finding.table,
            rule=finding.rule,
            key=finding.key,
            word=finding.word,
            what=finding.what,
            fix=finding.fix,
            column=finding.column,
            safe=finding.safe,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MaildirTransport:
    """Digests are put into a local Maildir."""

    mode: Literal["maildir"] = "maildir"  # [smtp] host is empty
    path: str  # of the Maildir


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpTransport:
    """Digests are sent by a mail server."""

    mode: Literal["smtp"] = "smtp"  # [smtp] host names a server
    host: str  # of the mail server
    port: int  # of the mail server


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAnswer:
    """Whether a configuration file is accepted, and what is odd in its rules."""

    ok: bool  # false: the file is refused
    file: str  # the file that was read
    problems: tuple[Problem, ...] = ()  # why it is refused
    findings: tuple[LintFinding, ...] = ()  # what is odd in its rules, which is no error
    mail: MaildirTransport | SmtpTransport | None = None  # how digests leave; null for a refused file


@dataclass(frozen=True, slots=True, kw_only=True)
class LintAnswer:
    """What is odd in the rules of a configuration file."""

    file: str  # the file that was read
    findings: tuple[LintFinding, ...]  # in the order of the file


# status, outbox


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
    next: datetime | None  # its next visit
    failures: int  # visits that failed since the last good answer
    error: str  # why the last visit failed; "" when it did not

    @classmethod
    def of(cls, name: str, state: PollState | None) -> FeedStatus:
        """Return how a feed does by its poll state; None is a feed that the database does not know yet."""
        return cls(
            feed=name,
            state=feed_health(state),
            visited=state.visited if state else None,
            next=state.next_poll_at if state else None,
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
class StatusAnswer:
    """How the configuration, the feeds, the subscriptions and the outbox stand."""

    config: ConfigStatus  # the configuration file
    feeds: tuple[FeedStatus, ...] = ()  # in the order of the file
    subscriptions: tuple[SubscriptionStatus, ...] = ()  # in the order of the file
    outbox: Mapping[str, int] = field(default_factory=dict)  # how many mails have which status
    mail: MaildirTransport | SmtpTransport | None = None  # how digests leave; null while the file is refused
    database: str = ""  # why the database could not be read, with feeds, subscriptions and outbox empty


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
    next_attempt_at: datetime  # while it is waiting or uncertain
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


# poll, digest, deliver, once


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledAnswer:
    """A feed answered with a document."""

    feed: str  # its name
    url: str  # its address
    outcome: Literal["polled"] = "polled"  # it was read
    entries: int  # in the document
    new: int  # of them not stored before
    matched: int  # of the new ones that a rule matches
    held_back: int  # of the new ones that are too old to be mailed
    next_poll_at: datetime  # its next visit


@dataclass(frozen=True, slots=True, kw_only=True)
class UnchangedAnswer:
    """A feed has nothing new since the last visit."""

    feed: str  # its name
    url: str  # its address
    outcome: Literal["unchanged"] = "unchanged"  # the server said so, or sent the same document
    next_poll_at: datetime  # its next visit


@dataclass(frozen=True, slots=True, kw_only=True)
class PollFailedAnswer:
    """A feed could not be read."""

    feed: str  # its name
    url: str  # its address
    outcome: Literal["failed"] = "failed"  # error says why
    error: str  # in words
    failures: int  # visits that failed since the last good answer
    next_poll_at: datetime  # its next visit


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposedAnswer:
    """A digest is in the outbox."""

    subscription: str  # its name
    outcome: Literal["composed"] = "composed"  # a mail for each recipient
    slot: str  # which of the subscription's digests
    entries: int  # in it
    subject: str  # of the mail
    to: tuple[str, ...]  # the recipients


@dataclass(frozen=True, slots=True, kw_only=True)
class NoDigestAnswer:
    """There is no digest: nothing is pending for the subscription, or another worker has composed it."""

    subscription: str  # its name
    outcome: Literal["nothing new", "taken by another worker"]  # no mail


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


PollAnswer: TypeAlias = PolledAnswer | UnchangedAnswer | PollFailedAnswer
DigestAnswer: TypeAlias = ComposedAnswer | NoDigestAnswer | NotDueAnswer | ComposeFailedAnswer


# preview, replay, digest --excluded


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedDigest:
    """The digest that a subscription would get now."""

    subscription: str  # its name
    subject: str | None  # null: nothing new is pending, so there would be no mail
    files: tuple[str, ...]  # written: .html, .txt and .eml


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedDigest:
    """A digest that would have been sent."""

    subscription: str  # its name
    slot: str  # which of its digests
    at: datetime  # when it would have been sent
    entries: int  # in it
    subject: str  # of the mail
    files: tuple[str, ...]  # written: .html, .txt and .eml


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


# match


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedRule:
    """A rule that an entry matches."""

    name: str  # of the rule
    score: float  # the sum of the points of its words
    hits: tuple[Hit, ...]  # the words found


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """A rule that an entry nearly matches: excluded in spite of its score, or at least half way to the threshold."""

    name: str  # of the rule
    score: float  # the sum of the points of its words
    threshold: float  # the score that the rule expects
    why: str  # what keeps the entry out, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowWord:
    """A regular expression that was given up because it takes too long."""

    name: str  # of the rule
    word: str  # the regular expression


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchAnswer:
    """What the rules say of one line of a JSON Lines file; one line of JSON each."""

    id: object  # as given
    match: bool  # a rule matches
    score: float  # the highest of the rules that match; 0 when none does
    rules: tuple[MatchedRule, ...]  # those that match
    near_misses: tuple[NearMiss, ...]  # those that nearly match
    slow: tuple[SlowWord, ...] = field(default=(), metadata={_OMIT: True})  # missing when there are none

    @classmethod
    def of(cls, id: object, judgements: Sequence[Judgement]) -> MatchAnswer:  # noqa: A002 - the field's name
        """Return what the judgements of an entry come to."""
        matching = [judgement for judgement in judgements if judgement.match]
        return cls(
            id=id,
            match=bool(matching),
            score=max((judgement.score for judgement in matching), default=0),
            rules=tuple(MatchedRule(name=one.rule, score=one.score, hits=one.hits) for one in matching),
            near_misses=tuple(
                NearMiss(name=one.rule, score=one.score, threshold=one.threshold, why=one.why_not)
                for one in judgements
                if one.near
            ),
            slow=tuple(SlowWord(name=one.rule, word=word) for one in judgements for word in one.slow),
        )


# rules explain


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailing:
    """A digest that an entry went out in."""

    subscription: str  # its name
    slot: str  # which of its digests
    at: datetime  # when it was composed


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleVerdict:
    """What a rule says of an entry."""

    rule: str  # its name
    fingerprint: str  # a hash of the compiled rule
    match: bool  # it matches
    score: float  # the sum of the points of its words
    threshold: float  # the score that the rule expects
    hits: tuple[Hit, ...]  # the words that speak for the entry
    points: tuple[Points, ...]  # what each of those words adds
    missing: tuple[str, ...]  # words of all that are not there; "any or hints", "when"
    against: tuple[Hit, ...]  # words of none, and denied words of a when that does not hold
    ignored: tuple[Hit, ...]  # phrases without which it would match
    scope: str  # what keeps the entry out of the rule: feeds, sections or languages; "" when nothing does
    slow: tuple[str, ...]  # regular expressions that were given up
    near: bool  # it nearly matches
    why_not: str  # what keeps the entry out, in words; "" for a match

    @classmethod
    def of(cls, judgement: Judgement) -> RuleVerdict:
        """Return a judgement as programs read it."""
        return cls(
            rule=judgement.rule,
            fingerprint=judgement.fingerprint,
            match=judgement.match,
            score=judgement.score,
            threshold=judgement.threshold,
            hits=judgement.hits,
            points=judgement.points,
            missing=judgement.missing,
            against=judgement.against,
            ignored=judgement.ignored,
            scope=judgement.scope,
            slow=judgement.slow,
            near=judgement.near,
            why_not=judgement.why_not,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedEntry:
    """A stored entry, what each rule says of it, and the digests it went out in."""

    seq: int  # its number in the database
    id: str  # the feed's own, or one made of the entry
    title: str  # of the entry
    link: str  # to the article
    first_seen: datetime  # when its feed brought it
    news: bool  # false: it was too old when its feed was first visited, and is never mailed
    mailed: tuple[Mailing, ...]  # the digests it went out in
    rules: tuple[RuleVerdict, ...]  # in the order of the file

    @classmethod
    def of(cls, explained: Explained) -> ExplainedEntry:
        """Return an explained entry as programs read it."""
        entry = explained.entry
        return cls(
            seq=explained.seq,
            id=entry.id,
            title=entry.title,
            link=entry.link,
            first_seen=entry.first_seen,
            news=explained.news,
            mailed=tuple(
                Mailing(subscription=subscription, slot=slot, at=at)
                for subscription, slot, at in explained.mailed
            ),
            rules=tuple(RuleVerdict.of(judgement) for judgement in explained.judgements),
        )


# rules diff


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryChange:
    """An entry that other rules match than before."""

    kind: str  # added, removed or moved
    seq: int  # its number in the database
    id: str  # the feed's own, or one made of the entry
    title: str  # of the entry
    link: str  # to the article
    old: tuple[str, ...]  # the rules that matched it
    new: tuple[str, ...]  # the rules that match it now
    words: tuple[str, ...]  # those of the rules it gains, else of those it loses
    why: str  # what keeps it out now; "" unless it is removed

    @classmethod
    def of(cls, change: Change) -> EntryChange:
        """Return a change as programs read it."""
        return cls(
            kind=change.kind,
            seq=change.seq,
            id=change.entry.id,
            title=change.entry.title,
            link=change.entry.link,
            old=tuple(reason.rule for reason in change.old),
            new=tuple(reason.rule for reason in change.new),
            words=change.words,
            why=change.why,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffAnswer:
    """What an edit of the rules changes for stored entries."""

    old: str  # what was compared: a file, a version, or the stored matches
    new: str  # the file it was compared with
    entries: int  # that were compared
    summary: str  # as "adds 14, removes 3, moves 5"
    changes: tuple[EntryChange, ...]  # by seq

    @classmethod
    def of(cls, old: str, new: str, compared: Compared, summary: str) -> DiffAnswer:
        """Return what a comparison came to."""
        changes = tuple(EntryChange.of(change) for change in compared.changes)
        return cls(old=old, new=new, entries=compared.entries, summary=summary, changes=changes)


# rules like


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleSource:
    """The article that a rule is made of."""

    title: str  # "" when it has none
    link: str  # "" when it has none


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedRule:
    """A rule as it would stand in config.toml."""

    name: str  # of the rule
    any: tuple[str, ...]  # its words
    hints: tuple[str, ...]  # its weak words


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedWord:
    """A word of the proposed rule, and why it is in it."""

    word: str  # as it would stand in config.toml
    key: str  # any or hints
    name: bool  # it is a name
    in_title: bool  # it stands in the article's title
    count: int  # how often the article has it
    entries: int  # how many stored entries have it
    held_by: tuple[str, ...]  # rules that have it already

    @classmethod
    def of(cls, word: Proposed) -> ProposedWord:
        """Return a proposed word as programs read it."""
        return cls(
            word=word.word,
            key=word.key,
            name=word.name,
            in_title=word.in_title,
            count=word.count,
            entries=word.entries,
            held_by=word.held_by,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarEntry:
    """A stored entry that the proposed rule matches."""

    seq: int  # its number in the database
    id: str  # the feed's own, or one made of the entry
    title: str  # of the entry
    link: str  # to the article
    words: tuple[str, ...]  # of the proposed rule
    matched_already: bool  # the rules of config.toml match it, too

    @classmethod
    def of(cls, alike: Alike) -> SimilarEntry:
        """Return a matched entry as programs read it."""
        entry = alike.entry
        return cls(
            seq=alike.seq,
            id=entry.id,
            title=entry.title,
            link=entry.link,
            words=alike.words,
            matched_already=alike.known,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LikeAnswer:
    """A rule that finds more entries like an article, and which stored ones it finds."""

    article: ArticleSource  # what it is made of
    rule: ProposedRule | None  # null: nothing in the article stands out
    words: tuple[ProposedWord, ...]  # its words, each with its reasons
    weighed: int  # stored entries its words were weighed against; 0: only the shipped table of common words
    toml: str  # the rule to put into config.toml; "" when there is none
    entries: int  # stored entries the rule was tested against
    found: tuple[SimilarEntry, ...]  # those it matches, the newest first

    @classmethod
    def of(cls, article: Entry, liked: Liked, toml: str) -> LikeAnswer:
        """Return a proposal; `toml` is the rule as text, "" when there is none."""
        proposal = liked.proposal
        rule = proposal.rule
        proposed = ProposedRule(name=rule.name, any=rule.any, hints=rule.hints)
        return cls(
            article=ArticleSource(title=article.title, link=article.link),
            rule=proposed if proposal.words else None,
            words=tuple(ProposedWord.of(word) for word in proposal.words),
            weighed=proposal.weighed,
            toml=toml,
            entries=liked.entries,
            found=tuple(SimilarEntry.of(alike) for alike in liked.alike),
        )


# rules add, remove, import, undo, lint --fix


@dataclass(frozen=True, slots=True, kw_only=True)
class EditAnswer:
    """A change of config.toml."""

    file: str  # the file that was changed
    written: bool  # false: nothing was changed, or this was a dry run
    diff: tuple[str, ...]  # the lines that differ, as diff -u shows them


@dataclass(frozen=True, slots=True, kw_only=True)
class AddAnswer(EditAnswer):
    """A word more in a rule."""

    findings: tuple[LintFinding, ...]  # what is odd about it


@dataclass(frozen=True, slots=True, kw_only=True)
class FixAnswer(EditAnswer):
    """What lint found and could fix."""

    fixed: tuple[str, ...]  # what was done, in words
    left: int  # findings that you have to decide


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportNote:
    """A line of another program's file that is treated differently here."""

    line: int  # in that file, from 1
    text: str  # as it stands there
    what: str  # what is different


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportAnswer(EditAnswer):
    """Another program's words as rules."""

    toml: str  # the rules as they stand in config.toml, or would
    rules: tuple[str, ...]  # their names
    notes: tuple[ImportNote, ...]  # what is treated differently


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoAnswer(EditAnswer):
    """The rules of an earlier version in config.toml."""

    version: int  # the number of that version
    at: datetime  # when that version took effect


# rules history, show, apply


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesVersion:
    """A version of the rules that was in force."""

    version: int  # its number, from 1
    at: datetime  # when it took effect
    fingerprint: str  # a hash of the compiled rules
    changes: tuple[str, ...]  # against the version before, a few words each
    digests: int  # composed under it


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowAnswer:
    """The rules of a version, as they stood in config.toml."""

    version: int  # its number, from 1
    at: datetime  # when it took effect
    fingerprint: str  # a hash of the compiled rules
    text: str  # the part of config.toml about rules

    @classmethod
    def of(cls, version: RulesetVersion) -> ShowAnswer:
        """Return a version with its text."""
        return cls(version=version.version, at=version.at, fingerprint=version.fingerprint, text=version.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfilledEntry:
    """An earlier entry that the next digest brings."""

    seq: int  # its number in the database
    title: str  # of the entry
    link: str  # to the article


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillAnswer:
    """The earlier entries that a subscription's next digest brings."""

    subscription: str  # its name
    entries: tuple[BackfilledEntry, ...]  # by seq

    @classmethod
    def of(cls, backfill: Backfill) -> BackfillAnswer:
        """Return what a subscription's next digest brings beside its own news."""
        return cls(
            subscription=backfill.subscription.name,
            entries=tuple(
                BackfilledEntry(seq=pending.seq, title=pending.entry.title, link=pending.entry.link)
                for pending in backfill.entries
            ),
        )
