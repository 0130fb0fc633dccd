"""Match an entry with the rules: which it satisfies, by which words, and what keeps it out of the others."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.model.feeds import Entry
from monitor.model.rules import Hit, Match
from monitor.rules.compile import Asked, Compiled, Ruleset, compile_rules
from monitor.rules.fold import fold
from monitor.rules.scan import Reading, Spans, merged
from monitor.rules.score import ENOUGH, Points, evidence, independent, points_of, score
from monitor.rules.script import languages_of
from monitor.rules.when import holds
from monitor.rules.words import FIELDS, Pattern, parts

__all__ = ["Judgement", "Ruleset", "compile_rules", "judge_entry", "match_entry"]

SPEAKING = ("any", "all", "hints", "when")  # what speaks for an entry
_PLACES = {field: place for place, field in enumerate(FIELDS)}


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
    missing: tuple[str, ...] = ()  # words of `all` that are not there; "any or hints", "when"
    against: tuple[Hit, ...] = ()  # words of `none`, and denied words of a `when` that does not hold
    ignored: tuple[Hit, ...] = ()  # phrases without which it would match
    scope: str = ""  # what keeps the entry out of this rule: feeds, sections or languages
    slow: tuple[str, ...] = ()  # regular expressions that were given up

    @property
    def near(self) -> bool:
        """Did it nearly match? Kept out in spite of its score, or at least half way to the threshold."""
        return not self.match and bool(self.hits) and self.score >= self.threshold / 2

    @property
    def why_not(self) -> str:
        """In a few words what kept it out; "" for a match."""
        if self.match:
            return ""
        told = [f"{self.scope} of the rule" if self.scope else ""]
        told += [", ".join(f"none: {hit.word}" for hit in _first_of_each(self.against))]
        told += [", ".join(f"ignore: {hit.word}" for hit in _first_of_each(self.ignored))]
        told += [f"missing: {', '.join(self.missing)}" if self.missing else ""]
        if not any(told):
            told = [f"score {self.score:g} of {self.threshold:g}"]
        return "; ".join(reason for reason in told if reason)


def _first_of_each(hits: Iterable[Hit]) -> list[Hit]:
    return list({hit.word: hit for hit in hits}.values())


def match_entry(entry: Entry, rules: Ruleset) -> tuple[Match, ...]:
    """The matches of an entry, in the order of the rules; of rules with one text, one match."""
    if _outside_sections(entry, rules):
        return ()
    reading = Reading(entry, rules)
    called = _called(reading, rules)
    found: dict[str, Match] = {}
    for number, rule in enumerate(rules.rules):
        places = called.get(number, set())
        if (places or rule.when or rule.always) and not _out_of_scope(rule, entry):
            judged = _judge(rule, places, reading)
            if judged.match:
                found[rule.fingerprint] = Match(
                    fingerprint=rule.fingerprint, hits=judged.hits, score=judged.score
                )
    return tuple(found.values())


def judge_entry(entry: Entry, rules: Ruleset) -> tuple[Judgement, ...]:
    """What each rule says of an entry, matching or not, in the order of the rules."""
    reading = Reading(entry, rules)
    called = _called(reading, rules)
    feed_scope = "sections" if _outside_sections(entry, rules) else ""
    return tuple(
        _judge(rule, called.get(number, set()), reading, feed_scope or _out_of_scope(rule, entry))
        for number, rule in enumerate(rules.rules)
    )


def _outside_sections(entry: Entry, rules: Ruleset) -> bool:
    sections = rules.sections.get(entry.feed_url)
    return sections is not None and sections.isdisjoint(fold(name).text for name in entry.sections)


def _out_of_scope(rule: Compiled, entry: Entry) -> str:
    if rule.feed_urls is not None and entry.feed_url not in rule.feed_urls:
        return "feeds"
    if rule.sections and rule.sections.isdisjoint(fold(name).text for name in entry.sections):
        return "sections"
    wanted = rule.rule.languages
    if wanted and languages_of(f"{entry.title}\n{entry.summary}\n{entry.text}").isdisjoint(wanted):
        return "languages"
    return ""


def _called(reading: Reading, rules: Ruleset) -> Mapping[int, set[int]]:
    """By rule, the places in its words that something found belongs to."""
    called: dict[int, set[int]] = defaultdict(set)
    for plain in reading.found():
        for number, place in rules.calls[plain]:
            called[number].add(place)
    return called


def _judge(rule: Compiled, places: set[int], reading: Reading, scope: str = "") -> Judgement:
    asked = [rule.words[place] for place in sorted(places.union(rule.always))]
    ignored = [hit for one in asked if one.key == "ignore" for hit in _hits(one, reading, {})]
    if not ignored:
        return _weigh(rule, asked, reading, {}, scope)
    cut = {
        field: merged((hit.start, hit.end) for hit in ignored if hit.field == field)
        for field in {hit.field for hit in ignored}
    }
    judged = _weigh(rule, asked, reading, cut, scope)
    if not judged.match and (uncut := _weigh(rule, asked, reading, {}, scope)).match:
        return Judgement(
            rule=judged.rule,
            fingerprint=judged.fingerprint,
            match=False,
            score=uncut.score,
            threshold=judged.threshold,
            hits=uncut.hits,
            points=uncut.points,
            ignored=_in_order(ignored),
            slow=judged.slow,
        )
    return judged


def _weigh(
    rule: Compiled, asked: Sequence[Asked], reading: Reading, cut: Mapping[str, Spans], scope: str
) -> Judgement:
    found: dict[str, dict[str, list[Hit]]] = defaultdict(dict)  # key -> word -> hits
    weights: dict[tuple[str, str], float] = {}
    for one in asked:
        if one.key != "ignore" and (hits := _hits(one, reading, cut)):
            found[one.key][one.word.written] = hits
            weights[one.key, one.word.written] = one.weight
    hints = independent(found["hints"]) if "hints" in found else {}
    true = rule.when is not None and holds(
        rule.when, lambda word: word.written in found["when"] or word.written in found["not"]
    )
    points = tuple(
        points_of(key, word, weights[key, word], hits)
        for key in SPEAKING
        if key in found
        for word, hits in (hints if key == "hints" else found[key]).items()
    )
    total, threshold = score(points, true), rule.rule.threshold
    missing = [
        one.word.written
        for one in (rule.words if rule.rule.all else ())
        if one.key == "all" and one.word.written not in found["all"]
    ]
    if (rule.rule.any or rule.rule.hints) and evidence(points) < min(ENOUGH, threshold):
        missing.append("any or hints")
    if rule.when and not true:
        missing.append("when")
    against = [hit for hits in found["none"].values() for hit in hits] if "none" in found else []
    matched = not scope and not against and not missing and total >= threshold
    if rule.when and not true:
        against += [hit for hits in found["not"].values() for hit in hits]
    speaking = [hit for key in SPEAKING if key in found for hits in found[key].values() for hit in hits]
    return Judgement(
        rule=rule.rule.name,
        fingerprint=rule.fingerprint,
        match=matched,
        score=total,
        threshold=threshold,
        hits=_in_order(speaking),
        points=points,
        missing=tuple(missing),
        against=_in_order(against),
        scope=scope,
        slow=_slow(rule, reading) if reading.slow else (),
    )


def _hits(asked: Asked, reading: Reading, cut: Mapping[str, Spans]) -> list[Hit]:
    places = reading.places(asked.word, asked.fields, asked.allowed, cut)
    hits = []
    for field in asked.fields:
        if field in places:
            text = reading.texts[field]
            for start, end, _, _ in places[field]:
                hits.append(Hit(field, asked.word.written, text[start:end], start, end))
    return hits


def _slow(rule: Compiled, reading: Reading) -> tuple[str, ...]:
    slow = (
        rule.words[place].word.written
        for place in rule.always
        if any(
            isinstance(part.term, Pattern) and part.term in reading.slow
            for part in parts(rule.words[place].word)
        )
    )
    return tuple(dict.fromkeys(slow))


def _in_order(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Each hit once, in the order of reading."""
    if len(hits) < 2:
        return tuple(hits)
    return tuple(sorted(set(hits), key=_place))


def _place(hit: Hit) -> tuple[int, int, int, str]:
    return _PLACES[hit.field], hit.start, hit.end, hit.word
