"""Compile all rules in force once, with one search for every word in them."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ahocorasick_rs import AhoCorasick

from monitor.config.options import ENTRY_FIELDS, WORD_LISTS, Feed, Rule
from monitor.errors import RuleError
from monitor.rules.expression import Expression, words_of
from monitor.rules.fold import fold
from monitor.rules.script import learn_vocabulary
from monitor.rules.syntax import Aliases, parse_word
from monitor.rules.words import AnyOf, Pattern, Plain, Spelling, Word, distinct, parts

ENGINE = "2"  # raised when the same rule text begins to mean something else
Search = Callable[[str], Iterable[tuple[int, int, int]]]  # folded text -> (number of the word, start, end)


@dataclass(frozen=True, slots=True)
class RuleWord:
    """A word in one place of a rule. `key` is one of WORD_LISTS, "when", or "not" for a denied word of `when`."""

    key: str
    word: Word
    weight: float
    fields: tuple[str, ...]  # where it may stand, in the order of ENTRY_FIELDS
    allowed: tuple[str, ...]  # where its parts may stand, unless they name fields of their own


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule ready to be matched."""

    rule: Rule
    fingerprint: str
    words: tuple[RuleWord, ...]
    when: Expression | None
    with_patterns: tuple[
        int, ...
    ]  # indices of `words` with a regular expression: the search does not find them
    feed_urls: frozenset[str] | None  # None: every feed
    sections: frozenset[str]  # folded; empty: every section


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All rules in force, compiled. `fingerprint` is that of the whole; `fingerprints` has each rule's by name."""

    fingerprint: str
    fingerprints: Mapping[str, str]
    rules: tuple[CompiledRule, ...] = field(repr=False)
    fields: tuple[str, ...]  # where any word may stand
    search: Search = field(repr=False)
    spellings: Sequence[Sequence[tuple[Plain, Spelling]]] = field(repr=False)  # by number of the search
    uses: Mapping[Plain, Sequence[tuple[int, int]]] = field(
        repr=False
    )  # -> (number of the rule, index of the word)
    sections: Mapping[str, frozenset[str]]  # feed url -> folded names of the sections that may match
    feeds: Mapping[str, str]  # feed url -> name


def compile_rules(
    rules: Sequence[Rule],
    feeds: Sequence[Feed],
    aliases: Mapping[str, Sequence[str]] | None = None,
    ignore: Sequence[str] = (),
) -> Ruleset:
    """Compile what the operator wrote. Raises RuleError for the first word that cannot be understood.

    `aliases` is [aliases], `ignore` the phrases of [matching] that are cut for every rule.
    """
    learn_vocabulary(_words_as_written(rules, aliases or {}, ignore))
    alias_sets = Aliases.of(aliases or {})
    ignored = tuple(parse_ignored(ignore, alias_sets))
    urls = {feed.name: feed.url for feed in feeds}
    compiled = tuple(_compile(rule, urls, alias_sets, ignored) for rule in rules if rule.enabled)
    sections = {feed.url: _folded_names(feed.sections) for feed in feeds if feed.sections}
    uses = _uses(compiled)
    spellings = _spellings_by_text(uses)
    return Ruleset(
        fingerprint=_fingerprint_of_all(compiled, sections),
        fingerprints={rule.rule.name: rule.fingerprint for rule in compiled},
        rules=compiled,
        fields=_ordered({name for rule in compiled for rule_word in rule.words for name in rule_word.fields}),
        search=make_search(list(spellings)),
        spellings=list(spellings.values()),
        uses=uses,
        sections=sections,
        feeds={feed.url: feed.name for feed in feeds},
    )


def make_search(words: Sequence[str]) -> Search:
    """Return a search for all places of these words in a folded text, overlapping ones too.

    It is an Aho-Corasick automaton: its time does not grow with the number of words. A word's number is its index in
    `words`.
    """
    automaton = AhoCorasick(words)
    return lambda text: automaton.find_matches_as_indexes(text, overlapping=True)


def read_when(rule: Rule, aliases: Aliases) -> Expression | None:
    """Return the expression of a rule's `when`; None without one. Raises RuleError."""
    if not rule.when:
        return None
    from monitor.rules.when import parse_when  # its parser takes longer to import than most rules to compile

    return parse_when(rule.name, rule.when, aliases)


def parse_ignored(ignore: Sequence[str], aliases: Aliases) -> Iterator[Word]:
    """Parse the phrases of [matching] ignore. Raises RuleError."""
    for phrase in ignore:
        try:
            yield parse_word("ignore", phrase, aliases)
        except RuleError as error:
            if error.table != "rules":  # the mistake is in an alias set
                raise
            raise RuleError(
                error.rule, error.word, error.what, error.column, fix=error.fix, table="matching"
            ) from None


def _words_as_written(
    rules: Sequence[Rule], aliases: Mapping[str, Sequence[str]], ignore: Sequence[str]
) -> Iterator[str]:
    """Yield every word as written, so that the vocabulary of all is looked up at once."""
    for rule in rules:
        for key in WORD_LISTS:
            yield from getattr(rule, key)
    for words in aliases.values():
        yield from words
    yield from ignore


def _folded_names(sections: Iterable[str]) -> frozenset[str]:
    return frozenset(fold(name).text for name in sections)


def _ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of fields in the order of ENTRY_FIELDS, each once."""
    return tuple(name for name in ENTRY_FIELDS if name in names)


def _compile(rule: Rule, urls: Mapping[str, str], aliases: Aliases, ignored: Sequence[Word]) -> CompiledRule:
    weights = dict(rule.weights)

    def rule_word(key: str, word: Word) -> RuleWord:
        return _rule_word(key, word, weights.get(word.written, 1.0), rule.fields)

    words = [
        rule_word(key, word)
        for key in WORD_LISTS
        for word in distinct(parse_word(rule.name, written, aliases) for written in getattr(rule, key))
    ]
    words += [_rule_word("ignore", word, 1.0, rule.fields) for word in ignored]
    when = read_when(rule, aliases)
    for word, denied in words_of(when) if when else ():
        words.append(rule_word("not" if denied else "when", word))
    feed_urls = frozenset(urls[name] for name in rule.feeds if name in urls) if rule.feeds else None
    return CompiledRule(
        rule=rule,
        fingerprint=_fingerprint(rule, words, feed_urls),
        words=tuple(words),
        when=when,
        with_patterns=tuple(
            index for index, compiled_word in enumerate(words) if _has_pattern(compiled_word.word)
        ),
        feed_urls=feed_urls,
        sections=_folded_names(rule.sections),
    )


def _rule_word(key: str, word: Word, weight: float, allowed: tuple[str, ...]) -> RuleWord:
    if isinstance(word.term, Plain):
        return RuleWord(key, word, weight, word.fields or allowed, allowed)
    # An alias set or a near may name fields of its own: those are searched as well.
    own = {name for part in parts(word) for name in part.fields}
    return RuleWord(key, word, weight, _ordered({*(word.fields or allowed), *own}), allowed)


def _uses(rules: Sequence[CompiledRule]) -> Mapping[Plain, Sequence[tuple[int, int]]]:
    """Return where each plain word is used: in which rule, and at which index of its words."""
    uses: dict[Plain, list[tuple[int, int]]] = defaultdict(list)
    for number, rule in enumerate(rules):
        for index, rule_word in enumerate(rule.words):
            for plain in _plain_words(rule_word.word):
                uses[plain].append((number, index))
    return uses


def _spellings_by_text(plain_words: Iterable[Plain]) -> Mapping[str, Sequence[tuple[Plain, Spelling]]]:
    by_text: dict[str, list[tuple[Plain, Spelling]]] = {}
    for plain in plain_words:
        for spelling in plain.spellings:
            by_text.setdefault(spelling.text, []).append((plain, spelling))
    return by_text


def _plain_words(word: Word) -> Iterator[Plain]:
    if isinstance(word.term, Plain) and not word.guards:
        yield word.term
        return
    yield from dict.fromkeys(part.term for part in parts(word) if isinstance(part.term, Plain))


def _has_pattern(word: Word) -> bool:
    simple = isinstance(word.term, Plain) and not word.guards
    return not simple and any(isinstance(part.term, Pattern) for part in parts(word))


def _fingerprint_of_all(rules: Iterable[CompiledRule], sections: Mapping[str, frozenset[str]]) -> str:
    scope = sorted((url, sorted(names)) for url, names in sections.items())
    return _hash([sorted({rule.fingerprint for rule in rules}), scope])


def _fingerprint(rule: Rule, words: Sequence[RuleWord], feed_urls: Iterable[str] | None) -> str:
    """Hash all that a match depends on, in one order whatever order the operator chose."""
    scope = (rule.fields, feed_urls or (), rule.sections, rule.languages)
    return _hash(
        [
            sorted((rule_word.key, _content(rule_word.word), rule_word.weight) for rule_word in words),
            " ".join(rule.when.split()),
            rule.threshold,
            *(sorted(set(names)) for names in scope),
        ]
    )


def _content(word: Word) -> str:
    """Return the word as written, and what its alias sets hold."""
    if isinstance(word.term, Plain) and not word.guards:
        return word.written.strip()
    held = sorted(
        {inner.written for part in parts(word) if isinstance(part.term, AnyOf) for inner in part.term.words}
    )
    return "\n".join([word.written.strip(), *held])


def _hash(content: object) -> str:
    text = json.dumps([ENGINE, content], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
