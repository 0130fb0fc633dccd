"""Compile all rules in force once, with one search for every word in them."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ahocorasick_rs import AhoCorasick

from monitor.config.options import Feed, Rule
from monitor.errors import RuleError
from monitor.rules.fold import fold
from monitor.rules.script import learn_vocabulary
from monitor.rules.syntax import Aliases, parse_word
from monitor.rules.when import Expression, parse_when, words_of
from monitor.rules.words import FIELDS, AnyOf, Pattern, Plain, Spelling, Word, distinct, parts

ENGINE = "2"  # raised when the same rule text begins to mean something else
KEYS = ("any", "all", "none", "hints", "ignore")
Search = Callable[[str], Iterable[tuple[int, int, int]]]  # folded text -> (number of the word, start, end)


@dataclass(frozen=True, slots=True)
class Asked:
    """A word in one place of a rule. `key` is one of KEYS, "when", or "not" for a denied word of `when`."""

    key: str
    word: Word
    weight: float
    fields: tuple[str, ...]  # where it may stand, in the order of FIELDS
    allowed: tuple[str, ...]  # where its parts may, unless they name fields of their own


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule ready to be asked."""

    rule: Rule
    fingerprint: str
    words: tuple[Asked, ...]
    when: Expression | None
    always: tuple[int, ...]  # places in `words` that no plain word calls up: regular expressions
    feed_urls: frozenset[str] | None  # None: every feed
    sections: frozenset[str]  # folded; empty: every section


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All rules in force, compiled. `fingerprint` is that of the whole; `fingerprints` has each rule's by name."""

    fingerprint: str
    fingerprints: Mapping[str, str]
    rules: tuple[Compiled, ...] = field(repr=False)
    fields: tuple[str, ...]  # where any word may stand
    search: Search = field(repr=False)
    spellings: Sequence[Sequence[tuple[Plain, Spelling]]] = field(repr=False)  # by number of the search
    calls: Mapping[Plain, Sequence[tuple[int, int]]] = field(repr=False)  # -> (rule, place in its words)
    sections: Mapping[str, frozenset[str]]  # feed url -> folded names of the sections that may match
    feeds: Mapping[str, str]  # feed url -> name


def compile_rules(
    rules: Sequence[Rule],
    feeds: Sequence[Feed],
    aliases: Mapping[str, Sequence[str]] | None = None,
    ignore: Sequence[str] = (),
) -> Ruleset:
    """Make a ruleset of what the operator wrote. Raises RuleError for the first word that cannot be read.

    `aliases` is [aliases], `ignore` the phrases of [matching] that are cut for every rule.
    """
    learn_vocabulary(_plain_words(rules, aliases or {}, ignore))
    sets = Aliases.of(aliases or {})
    everywhere = tuple(read_ignored(ignore, sets))
    urls = {feed.name: feed.url for feed in feeds}
    compiled = tuple(_compile(rule, urls, sets, everywhere) for rule in rules if rule.enabled)
    sections = {
        feed.url: frozenset(fold(name).text for name in feed.sections) for feed in feeds if feed.sections
    }
    numbers: dict[str, list[tuple[Plain, Spelling]]] = {}
    calls: dict[Plain, list[tuple[int, int]]] = defaultdict(list)
    for number, rule in enumerate(compiled):
        for place, asked in enumerate(rule.words):
            for plain in _plains(asked.word):
                calls[plain].append((number, place))
    for plain in calls:
        for spelling in plain.spellings:
            numbers.setdefault(spelling.text, []).append((plain, spelling))
    scope = sorted((url, sorted(names)) for url, names in sections.items())
    asked_fields = {name for rule in compiled for asked in rule.words for name in asked.fields}
    return Ruleset(
        fingerprint=_hash([sorted({one.fingerprint for one in compiled}), scope]),
        fingerprints={one.rule.name: one.fingerprint for one in compiled},
        rules=compiled,
        fields=tuple(name for name in FIELDS if name in asked_fields),
        search=make_search(list(numbers)),
        spellings=list(numbers.values()),
        calls=calls,
        sections=sections,
        feeds={feed.url: feed.name for feed in feeds},
    )


def make_search(words: Sequence[str]) -> Search:
    """Return a search for all places of these words in a folded text, overlapping ones too.

    It is an Aho-Corasick automaton: its time does not grow with the number of words. A word's number is its place in
    `words`.
    """
    automaton = AhoCorasick(words)
    return lambda text: automaton.find_matches_as_indexes(text, overlapping=True)


def read_ignored(ignore: Sequence[str], aliases: Aliases) -> Iterator[Word]:
    """The phrases of [matching] ignore. Raises RuleError."""
    for written in ignore:
        try:
            yield parse_word("ignore", written, aliases)
        except RuleError as error:
            table = "matching" if error.table == "rules" else error.table
            raise RuleError(error.rule, error.word, error.what, error.column, table=table) from None


def _plain_words(
    rules: Sequence[Rule], aliases: Mapping[str, Sequence[str]], ignore: Sequence[str]
) -> Iterator[str]:
    """Every word as written, so that the vocabulary of all is looked up at once."""
    for rule in rules:
        for key in KEYS:
            yield from getattr(rule, key)
    for words in aliases.values():
        yield from words
    yield from ignore


def _compile(rule: Rule, urls: Mapping[str, str], aliases: Aliases, everywhere: Sequence[Word]) -> Compiled:
    weights = dict(rule.weights)
    words = [
        _asked(key, word, weights.get(word.written, 1.0), rule.fields)
        for key in KEYS
        for word in distinct(parse_word(rule.name, written, aliases) for written in getattr(rule, key))
    ]
    words += [_asked("ignore", word, 1.0, rule.fields) for word in everywhere]
    when = parse_when(rule.name, rule.when, aliases) if rule.when else None
    for word, denied in words_of(when) if when else ():
        words.append(_asked("not" if denied else "when", word, weights.get(word.written, 1.0), rule.fields))
    scope = frozenset(urls[name] for name in rule.feeds if name in urls) if rule.feeds else None
    return Compiled(
        rule=rule,
        fingerprint=_hash(_said(rule, words, scope)),
        words=tuple(words),
        when=when,
        always=tuple(place for place, asked in enumerate(words) if _has_pattern(asked.word)),
        feed_urls=scope,
        sections=frozenset(fold(name).text for name in rule.sections),
    )


def _asked(key: str, word: Word, weight: float, fields: Sequence[str]) -> Asked:
    allowed = tuple(fields)
    if isinstance(word.term, Plain):
        return Asked(key, word, weight, word.fields or allowed, allowed)
    # An alias set or a near may name fields of its own: those are asked as well.
    wanted = {*(word.fields or fields), *(name for part in parts(word) for name in part.fields)}
    return Asked(key, word, weight, tuple(name for name in FIELDS if name in wanted), allowed)


def _plains(word: Word) -> Iterator[Plain]:
    if isinstance(word.term, Plain) and not word.guards:
        yield word.term
        return
    yield from dict.fromkeys(part.term for part in parts(word) if isinstance(part.term, Plain))


def _has_pattern(word: Word) -> bool:
    simple = isinstance(word.term, Plain) and not word.guards
    return not simple and any(isinstance(part.term, Pattern) for part in parts(word))


def _said(rule: Rule, words: Sequence[Asked], scope: Iterable[str] | None) -> object:
    """All that a match depends on, in one order whatever order the operator chose."""
    return [
        sorted((asked.key, _meant(asked.word), asked.weight) for asked in words),
        " ".join(rule.when.split()),
        rule.threshold,
        *(sorted(set(names)) for names in (rule.fields, scope or (), rule.sections, rule.languages)),
    ]


def _meant(word: Word) -> str:
    """The word as written, and what its alias sets hold."""
    if isinstance(word.term, Plain) and not word.guards:
        return word.written.strip()
    held = sorted(
        {inner.written for part in parts(word) if isinstance(part.term, AnyOf) for inner in part.term.words}
    )
    return "\n".join([word.written.strip(), *held])


def _hash(said: object) -> str:
    text = json.dumps([ENGINE, said], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
