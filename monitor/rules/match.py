"""Match an entry with the rules: which it satisfies, by which words, and what keeps it out of the others."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from monitor.config.options import ENTRY_FIELDS, Rule
from monitor.model.feeds import Entry
from monitor.model.rules import Hit, Match
from monitor.rules.compile import CompiledRule, Ruleset, RuleWord, compile_rules
from monitor.rules.expression import Expression, holds
from monitor.rules.fold import fold
from monitor.rules.scan import EntryScan, Spans, merged
from monitor.rules.score import ENOUGH, SCORING_KEYS, Points, evidence, independent, points_of, score
from monitor.rules.script import languages_of
from monitor.rules.words import Pattern, parts
from monitor.texts import clauses, listed, sentence

__all__ = ["Cause", "Judgement", "Ruleset", "compile_rules", "judge_entry", "match_entry"]

_ORDER = {field: index for index, field in enumerate(ENTRY_FIELDS)}
_WordHits = Mapping[str, Mapping[str, Sequence[Hit]]]  # key -> word as written -> its hits


class Cause(StrEnum):
    """What keeps an entry out of a rule."""

    FEEDS = "feeds"  # the rule is for other feeds
    SECTIONS = "sections"  # the rule, or the feed, is for other sections
    LANGUAGES = "languages"  # the rule is for other languages
    NONE = "none"  # a word of `none`, or a denied word of a `when` that does not hold
    NOT = "not"  # a denied word of `when` alone
    IGNORE = "ignore"  # it would match but for an ignored phrase
    MISSING = "missing"  # not all is there that the rule asks for
    SCORE = "score"  # its words do not reach the threshold
    MAX = "max"  # the digest has as many entries of the rule as it may have


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What became of one entry under one rule, and why; rules/score.py explains the arithmetic."""

    rule: str  # its name
    fingerprint: str
    match: bool
    score: float
    threshold: float
    hits: tuple[Hit, ...]  # what speaks for it
    points: tuple[Points, ...]  # what each of those words adds
    missing_words: tuple[str, ...] = ()  # words of `all` that are not there
    lacks_evidence: bool = False  # `any` and `hints` do not reach what is asked of them
    when_fails: bool = False  # the rule has a `when`, and it does not hold
    against: tuple[Hit, ...] = ()  # words of `none`, and denied words of a `when` that does not hold
    ignored: tuple[Hit, ...] = ()  # phrases without which it would match
    scope: Cause | None = None  # FEEDS, SECTIONS or LANGUAGES: it is none of the rule's entries
    slow: tuple[str, ...] = ()  # regular expressions that were given up

    @property
    def near(self) -> bool:
        """Whether it nearly matched: kept out in spite of its score, or at least half way to the threshold."""
        return not self.match and bool(self.hits) and self.score >= self.threshold / 2

    @property
    def missing(self) -> tuple[str, ...]:
        """What the rule asks for and is not there: words of `all`; "any or hints", "when"."""
        return (
            *self.missing_words,
            *(["any or hints"] if self.lacks_evidence else []),
            *(["when"] if self.when_fails else []),
        )

    @property
    def reasons(self) -> Mapping[Cause, str]:
        """What kept the entry out, each cause in a few words; empty for a match."""
        if self.match:
            return {}
        reasons: dict[Cause, str] = {}
        if self.scope:
            reasons[self.scope] = sentence("{option} of the rule", option=str(self.scope))
        if self.against:
            reasons[Cause.NONE] = _named("none", self.against)
        if self.ignored:
            reasons[Cause.IGNORE] = _named("ignore", self.ignored)
        if self.missing:
            reasons[Cause.MISSING] = sentence("missing: {words}", words=listed(self.missing))
        if not reasons:
            values = {"score": self.score, "threshold": self.threshold}
            reasons[Cause.SCORE] = sentence("score {score:g} of {threshold:g}", **values)
        return reasons

    @property
    def why_not(self) -> str:
        """All reasons as one sentence; "" for a match."""
        return clauses(self.reasons.values())


def _named(key: str, hits: Iterable[Hit]) -> str:
    return ", ".join(f"{key}: {word}" for word in dict.fromkeys(hit.word for hit in hits))


def match_entry(entry: Entry, rules: Ruleset) -> tuple[Match, ...]:
    """Return the matches of an entry, in the order of the rules; of rules with one fingerprint, one match."""
    if _outside_sections(entry, rules):
        return ()
    scan = EntryScan(entry, rules)
    indices = _indices_by_rule(scan, rules)
    matches: dict[str, Match] = {}
    for number, rule in enumerate(rules.rules):
        present = indices.get(number, set())
        if (present or rule.when or rule.with_patterns) and not _out_of_scope(rule, entry):
            judgement = _judge(rule, present, scan)
            if judgement.match:
                matches[rule.fingerprint] = Match(
                    fingerprint=rule.fingerprint, hits=judgement.hits, score=judgement.score
                )
    return tuple(matches.values())


def judge_entry(entry: Entry, rules: Ruleset) -> tuple[Judgement, ...]:
    """Return what each rule says of an entry, matching or not, in the order of the rules."""
    scan = EntryScan(entry, rules)
    indices = _indices_by_rule(scan, rules)
    feed_scope = Cause.SECTIONS if _outside_sections(entry, rules) else None
    return tuple(
        _judge(rule, indices.get(number, set()), scan, feed_scope or _out_of_scope(rule, entry))
        for number, rule in enumerate(rules.rules)
    )


def _outside_sections(entry: Entry, rules: Ruleset) -> bool:
    sections = rules.sections.get(entry.feed_url)
    return sections is not None and sections.isdisjoint(fold(name).text for name in entry.sections)


def _out_of_scope(rule: CompiledRule, entry: Entry) -> Cause | None:
    if rule.feed_urls is not None and entry.feed_url not in rule.feed_urls:
        return Cause.FEEDS
    if rule.sections and rule.sections.isdisjoint(fold(name).text for name in entry.sections):
        return Cause.SECTIONS
    languages = rule.rule.languages
    if languages and languages_of(f"{entry.title}\n{entry.summary}\n{entry.text}").isdisjoint(languages):
        return Cause.LANGUAGES
    return None


def _indices_by_rule(scan: EntryScan, rules: Ruleset) -> Mapping[int, set[int]]:
    """Return, by number of the rule, the indices of its words that something found belongs to."""
    indices: dict[int, set[int]] = defaultdict(set)
    for plain in scan.plain_words():
        for number, index in rules.uses[plain]:
            indices[number].add(index)
    return indices


def _judge(rule: CompiledRule, present: set[int], scan: EntryScan, scope: Cause | None = None) -> Judgement:
    words = [rule.words[index] for index in sorted(present.union(rule.with_patterns))]
    ignored = [hit for word in words if word.key == "ignore" for hit in _hits(word, scan, {})]
    if not ignored:
        return _weigh(rule, words, scan, {}, scope)
    cut = {
        field: merged((hit.start, hit.end) for hit in ignored if hit.field == field)
        for field in {hit.field for hit in ignored}
    }
    judgement = _weigh(rule, words, scan, cut, scope)
    if judgement.match or not (uncut := _weigh(rule, words, scan, {}, scope)).match:
        return judgement
    return Judgement(
        rule=judgement.rule,
        fingerprint=judgement.fingerprint,
        match=False,
        score=uncut.score,
        threshold=judgement.threshold,
        hits=uncut.hits,
        points=uncut.points,
        ignored=_in_order(ignored),
        slow=judgement.slow,
    )


def _weigh(
    rule: CompiledRule,
    words: Sequence[RuleWord],
    scan: EntryScan,
    cut: Mapping[str, Spans],
    scope: Cause | None,
) -> Judgement:
    """Judge an entry by those of a rule's words that may be there; places that touch `cut` do not count."""
    hits: dict[str, dict[str, Sequence[Hit]]] = defaultdict(dict)
    weights: dict[tuple[str, str], float] = {}
    for word in words:
        if word.key != "ignore" and (hits_of_word := _hits(word, scan, cut)):
            hits[word.key][word.word.written] = hits_of_word
            weights[word.key, word.word.written] = word.weight
    when_holds = rule.when is not None and _is_true(rule.when, hits)
    when_fails = rule.when is not None and not when_holds
    points = _points(hits, weights)
    total, threshold = score(points, when_holds), rule.rule.threshold
    missing_words = _missing_words(rule, hits) if rule.rule.all else ()
    lacks_evidence = _asks_evidence(rule.rule) and evidence(points) < min(ENOUGH, threshold)
    kept_out = scope or "none" in hits or missing_words or lacks_evidence or when_fails
    return Judgement(
        rule=rule.rule.name,
        fingerprint=rule.fingerprint,
        match=not kept_out and total >= threshold,
        score=total,
        threshold=threshold,
        hits=_in_order(_hits_under(SCORING_KEYS, hits)),
        points=points,
        missing_words=missing_words,
        lacks_evidence=lacks_evidence,
        when_fails=when_fails,
        against=_in_order(_hits_under(("none", "not") if when_fails else ("none",), hits)),
        scope=scope,
        slow=_slow(rule, scan) if scan.slow else (),
    )


def _hits(rule_word: RuleWord, scan: EntryScan, cut: Mapping[str, Spans]) -> list[Hit]:
    """Return the hits of a word, by field in the order of ENTRY_FIELDS, then by place."""
    occurrences = scan.by_field(rule_word.word, rule_word.fields, rule_word.allowed, cut)
    hits = []
    for field in rule_word.fields:
        if field in occurrences:
            text = scan.texts[field]
            for start, end, _, _ in occurrences[field]:
                hits.append(Hit(field, rule_word.word.written, text[start:end], start, end))
    return hits


def _is_true(when: Expression, hits: _WordHits) -> bool:
    words = {*hits.get("when", ()), *hits.get("not", ())}
    return holds(when, lambda word: word.written in words)


def _points(hits: _WordHits, weights: Mapping[tuple[str, str], float]) -> tuple[Points, ...]:
    return tuple(
        points_of(key, word, weights[key, word], hits_of_word)
        for key in SCORING_KEYS
        if key in hits
        for word, hits_of_word in (independent(hits[key]) if key == "hints" else hits[key]).items()
    )


def _missing_words(rule: CompiledRule, hits: _WordHits) -> tuple[str, ...]:
    there = hits.get("all", ())
    words = (word.word.written for word in rule.words if word.key == "all")
    return tuple(word for word in words if word not in there)


def _asks_evidence(rule: Rule) -> bool:
    return bool(rule.any or rule.hints)


def _hits_under(keys: Iterable[str], hits: _WordHits) -> list[Hit]:
    return [hit for key in keys if key in hits for hits_of_word in hits[key].values() for hit in hits_of_word]


def _slow(rule: CompiledRule, scan: EntryScan) -> tuple[str, ...]:
    """Return the words of a rule whose regular expression was given up."""
    words = (rule.words[index].word for index in rule.with_patterns)
    slow = (
        word.written
        for word in words
        if any(isinstance(part.term, Pattern) and part.term in scan.slow for part in parts(word))
    )
    return tuple(dict.fromkeys(slow))


def _in_order(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Return each hit once, by field in the order of ENTRY_FIELDS, then by place."""
    if len(hits) < 2:
        return tuple(hits)
    return tuple(sorted(set(hits), key=_place))


def _place(hit: Hit) -> tuple[int, int, int, str]:
    return _ORDER[hit.field], hit.start, hit.end, hit.word
