"""Which rules does an entry satisfy, and by which words?"""

import hashlib
import json
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.model import Entry, Feed, Hit, Match, Rule
from monitor.rules.fold import Folded, fold
from monitor.rules.search import Search, make_search
from monitor.rules.syntax import Spelling, Word, continues_words, parse_word

_ENGINE = "1"  # raised when the same rule text begins to mean something else
_WORTH = {"title": 3.0, "summary": 2.0, "text": 1.0}  # what a word counts by the best field it stands in


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A rule ready to be asked."""

    rule: Rule
    fingerprint: str
    any: tuple[str, ...]
    all: tuple[str, ...]
    none: tuple[str, ...]
    feed_urls: frozenset[str] | None  # None: every feed


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All rules in force, compiled. `fingerprint` is that of the whole; `fingerprints` has each rule's by name."""

    fingerprint: str
    fingerprints: Mapping[str, str]
    _rules: tuple[_Compiled, ...]
    _words: tuple[tuple[Word, Spelling], ...]  # by number of the search
    _search: Search
    _sections: Mapping[str, frozenset[str]]  # feed url -> folded names of the sections that may match


def compile_rules(rules: Sequence[Rule], feeds: Sequence[Feed]) -> Ruleset:
    """Make a ruleset of what the operator wrote. Raises RuleError for the first word that cannot be read."""
    urls = {feed.name: feed.url for feed in feeds}
    compiled = tuple(_compile(rule, urls) for rule in rules)
    words = {
        word.written: word
        for rule in rules
        for word in (parse_word(rule.name, written) for written in (*rule.any, *rule.all, *rule.none))
    }
    spelled = tuple((word, spelling) for word in words.values() for spelling in word.spellings)
    sections = {
        feed.url: frozenset(fold(name).text for name in feed.sections) for feed in feeds if feed.sections
    }
    scope = sorted((url, sorted(names)) for url, names in sections.items())
    return Ruleset(
        fingerprint=_hash([sorted({one.fingerprint for one in compiled}), scope]),
        fingerprints={one.rule.name: one.fingerprint for one in compiled},
        _rules=compiled,
        _words=spelled,
        _search=make_search([spelling.text for _, spelling in spelled]),
        _sections=sections,
    )


def _compile(rule: Rule, urls: Mapping[str, str]) -> _Compiled:
    scope = frozenset(urls[name] for name in rule.feeds) if rule.feeds else None
    said = [
        *(sorted(set(words)) for words in (rule.any, rule.all, rule.none, rule.fields)),
        sorted(scope or ()),
    ]
    return _Compiled(
        rule=rule,
        fingerprint=_hash(said),
        any=rule.any,
        all=rule.all,
        none=rule.none,
        feed_urls=scope,
    )


def _hash(said: object) -> str:
    text = json.dumps([_ENGINE, said], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def match_entry(entry: Entry, rules: Ruleset) -> tuple[Match, ...]:
    """The matches of an entry, in the order of the rules; of rules with one text, one match."""
    sections = rules._sections.get(entry.feed_url)
    if sections is not None and sections.isdisjoint(fold(name).text for name in entry.sections):
        return ()
    hits = _hits(entry, rules)
    found = (_match(rule, hits) for rule in rules._rules if _in_scope(rule, entry))
    return tuple({match.fingerprint: match for match in found if match}.values())


def _in_scope(rule: _Compiled, entry: Entry) -> bool:
    return rule.feed_urls is None or entry.feed_url in rule.feed_urls


def _hits(entry: Entry, rules: Ruleset) -> Mapping[tuple[str, str], list[Hit]]:
    """Every place of every word, by (field, word as written)."""
    found: dict[tuple[str, str], list[Hit]] = defaultdict(list)
    for field in _WORTH:
        original: str = getattr(entry, field)
        folded = fold(original)
        for number, start, end in rules._search(folded.text):
            word, spelling = rules._words[number]
            if _stands(spelling, folded, start, end) and (
                hit := _hit(field, word, spelling, original, folded, start, end)
            ):
                found[field, word.written].append(hit)
    return found


def _stands(spelling: Spelling, folded: Folded, start: int, end: int) -> bool:
    """Is it a word there, and not a piece of a longer one?"""
    if spelling.left and start and continues_words(folded.text[start - 1]):
        return False
    return not (spelling.right and end < len(folded.text) and continues_words(folded.text[end]))


def _hit(
    field: str, word: Word, spelling: Spelling, original: str, folded: Folded, start: int, end: int
) -> Hit | None:
    first, last = folded.original(start, end)
    found = original[first:last]
    if spelling.exactly and unicodedata.normalize("NFC", found) != spelling.exactly:
        return None
    if not set(spelling.traditional).issubset(found):
        return None
    return Hit(field=field, word=word.written, found=found, start=first, end=last)


def _match(rule: _Compiled, hits: Mapping[tuple[str, str], list[Hit]]) -> Match | None:
    def of(words: Sequence[str]) -> dict[str, list[Hit]]:
        places = {
            word: [hit for field in rule.rule.fields for hit in hits.get((field, word), ())] for word in words
        }
        return {word: found for word, found in places.items() if found}

    any_, all_ = of(rule.any), of(rule.all)
    if (rule.any and not any_) or len(all_) < len(set(rule.all)) or of(rule.none):
        return None
    words = {**any_, **all_}
    everywhere = sorted(
        {hit for found in words.values() for hit in found},
        key=lambda hit: (list(_WORTH).index(hit.field), hit.start, hit.end, hit.word),
    )
    score = sum(max(_WORTH[hit.field] for hit in found) for found in words.values())
    return Match(fingerprint=rule.fingerprint, hits=tuple(everywhere), score=score)
