"""Declare the answers about what rules match: match, rules explain, diff, like, history, show, apply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from monitor.model.rules import Hit, RulesetVersion
from monitor.queries.answers import OMITTED_WHEN_EMPTY
from monitor.rules.score import Points

if TYPE_CHECKING:
    from monitor.jobs.backfill import Backfill
    from monitor.model.feeds import Entry
    from monitor.queries.difference import Compared
    from monitor.queries.explain import Explained
    from monitor.queries.like import CheckedProposal, FoundEntry
    from monitor.rules.changes import MatchChange
    from monitor.rules.like.propose import ProposedTerm
    from monitor.rules.match import Judgement


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
    slow: tuple[SlowWord, ...] = field(default=(), metadata=OMITTED_WHEN_EMPTY)  # missing when there are none

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailing:
    """A digest that an entry went out in."""

    subscription: str  # its name
    slot: str  # which of its digests
    at: datetime  # when it was composed
    folded_into: int | None  # the seq of the entry under which it stood; null: under its own title


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
            scope=judgement.scope or "",
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
    news: bool  # false: it was too old when it came, and is mailed by rules apply --held-back alone
    pruned: bool  # true: summary and text are not kept any more, and the rules see its title alone
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
            pruned=explained.pruned,
            mailed=tuple(
                Mailing(
                    subscription=mailing.subscription,
                    slot=mailing.slot,
                    at=mailing.at,
                    folded_into=mailing.lead,
                )
                for mailing in explained.mailed
            ),
            rules=tuple(RuleVerdict.of(judgement) for judgement in explained.judgements),
        )


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
    def of(cls, change: MatchChange) -> EntryChange:
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
    pruned: int  # of them by their titles alone: summary and text are not kept any more
    summary: str  # as "adds 14, removes 3, moves 5"
    changes: tuple[EntryChange, ...]  # by seq

    @classmethod
    def of(cls, old: str, new: str, compared: Compared, summary: str) -> DiffAnswer:
        """Return what a comparison came to."""
        changes = tuple(EntryChange.of(change) for change in compared.changes)
        return cls(
            old=old,
            new=new,
            entries=compared.entries,
            pruned=compared.pruned,
            summary=summary,
            changes=changes,
        )


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
    def of(cls, word: ProposedTerm) -> ProposedWord:
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
    def of(cls, match: FoundEntry) -> SimilarEntry:
        """Return a matched entry as programs read it."""
        entry = match.entry
        return cls(
            seq=match.seq,
            id=entry.id,
            title=entry.title,
            link=entry.link,
            words=match.words,
            matched_already=match.matched_already,
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
    def of(cls, article: Entry, liked: CheckedProposal, toml: str) -> LikeAnswer:
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
            found=tuple(SimilarEntry.of(match) for match in liked.found),
        )


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
    beyond: int  # more that match, and are left out by --limit
    held_back: int  # entries of that span, matching or not, that were too old when they came
    pruned: int  # news of that span judged by their titles alone: their texts are not kept

    @classmethod
    def of(cls, backfill: Backfill, *, held_back: int, pruned: int) -> BackfillAnswer:
        """Return what a subscription's next digest brings beside its own news."""
        return cls(
            subscription=backfill.subscription.name,
            entries=tuple(
                BackfilledEntry(seq=pending.seq, title=pending.entry.title, link=pending.entry.link)
                for pending in backfill.entries
            ),
            beyond=backfill.beyond,
            held_back=held_back,
            pruned=pruned,
        )
