"""Propose a rule made of an article's own words, and write it as TOML with the reason for each word."""

import json
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.config.options import Rule
from monitor.model.feeds import Entry
from monitor.rules.fold import fold
from monitor.rules.like.chinese import chinese_terms
from monitor.rules.like.latin import latin_terms
from monitor.rules.like.terms import Term, runs_of
from monitor.rules.match import Ruleset, compile_rules, match_entry
from monitor.rules.score import SCORING_KEYS
from monitor.rules.script import is_han
from monitor.texts import joined, listed, sentence

_LONGEST = 50_000  # characters: what a longer article is about, its beginning tells
_ENOUGH = 50  # entries: fewer say nothing about how usual a word is
_COMMON = 0.25  # a word in this share of the entries tells no story from another
_BROAD = 0.04  # a word in this share of them is a hint at most, unless it is a name in the title
_SHORT = 800  # characters: in so short an article a word that is there once may be what it is about
_MOST_TERMS, _MOST_ANY, _MOST_HINTS = 200, 8, 8
_LEAST = 0.22  # of the best word's weight
_ASIDE = 0.34  # of the best word's count: who is quoted is said less often than what it is about
_TITLE, _NAME = 2.0, 1.5
_LONGEST_TITLE = 80  # characters, in a comment


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedTerm:
    """A word of the proposed rule, and why it is in it."""

    word: str
    key: str  # "any" or "hints"
    name: bool
    in_title: bool
    count: int  # how often the article says it
    entries: int  # how many others do
    held_by: tuple[str, ...] = ()  # rules that look for it already


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A rule made of an article. `words` is empty when nothing in it stands out."""

    title: str  # of the article
    name: str  # for the rule
    words: tuple[ProposedTerm, ...]
    weighed: int  # entries the words were weighed against; 0: only the shipped table

    @property
    def rule(self) -> Rule:
        """The rule as config.toml would have it."""
        return Rule(name=self.name, any=self._under("any"), hints=self._under("hints"))

    def _under(self, key: str) -> tuple[str, ...]:
        return tuple(word.word for word in self.words if word.key == key)


def propose(article: Entry, others: Sequence[Entry], rules: Ruleset, taken: Collection[str] = ()) -> Proposal:
    """Return a rule that finds the article and others about the same; names first.

    A word is worth what the article makes of it (how often, in the title, as a name) times how rare it is among the
    other entries. With fewer than 50 of them, the shipped table alone says what is common. `rules` are those in
    force: what they look for are words for certain. `taken` are names the rule may not have.
    """
    article = replace(article, summary=article.summary[:_LONGEST], text=article.text[:_LONGEST])
    terms = _findable(_terms(article, rules), article)
    size = len(others) if len(others) >= _ENOUGH else 0
    entries_with = _entries_with(terms, others) if size else Counter[str]()
    strong, weak = _choose(terms, entries_with, size, short=_length(article) <= _SHORT)
    keyed = [(term, "any") for term in strong] + [(term, "hints") for term in weak]
    return Proposal(
        title=article.title,
        name=_free_name(strong[0].word, taken) if strong else "",
        words=tuple(
            ProposedTerm(
                word=term.word,
                key=key,
                name=term.name,
                in_title=term.in_title,
                count=term.count,
                entries=entries_with[term.word],
                held_by=_rules_with(term, rules),
            )
            for term, key in keyed
        ),
        weighed=size,
    )


def _length(article: Entry) -> int:
    return len(article.title + article.summary + article.text)


def _terms(article: Entry, rules: Ruleset) -> list[Term]:
    """Return the terms, the most frequent first, but for those who wrote it: they are not what it is about."""
    runs = list(runs_of(article))
    rule_words = {spelling.text for pairs in rules.spellings for _, spelling in pairs}
    known = frozenset(word for word in rule_words if len(word) > 1 and all(map(is_han, word)))
    authors = [fold(author).text for author in article.authors]
    bylines = {name for author in authors for name in (author, *author.split())}
    terms = [*chinese_terms(runs, known), *latin_terms(runs)]
    terms = [term for term in terms if term.folded not in bylines]
    return sorted(terms, key=lambda term: (-term.count, not term.in_title, term.folded))[:_MOST_TERMS]


def _findable(terms: Sequence[Term], article: Entry) -> list[Term]:
    """Keep the terms that a rule would find in the article: the rule language has the last word on what a word is."""
    found = _entries_with(terms, [article])
    return [term for term in terms if found[term.word]]


def _entries_with(terms: Sequence[Term], entries: Sequence[Entry]) -> Counter[str]:
    """Count, for each word, the entries in which a rule would find it."""
    rules = compile_rules([Rule(name="terms", any=tuple(term.word for term in terms))], [])
    return Counter(
        word
        for entry in entries
        for match in match_entry(entry, rules)
        for word in {hit.word for hit in match.hits}
    )


def _choose(
    terms: Sequence[Term], entries_with: Mapping[str, int], size: int, *, short: bool
) -> tuple[list[Term], list[Term]]:
    """Return the words that are enough alone, and those that are not."""
    highest = max((term.count for term in terms), default=0)
    weights = {
        term: _weight(term, entries_with[term.word], size)
        for term in terms
        if _is_worth_a_look(term, entries_with[term.word], size, highest, short=short)
    }
    best = _best(weights, entries_with)
    strong = [term for term in best if _is_strong(term, entries_with[term.word], size)][:_MOST_ANY] or best[
        :1
    ]
    weak = [term for term in best if term not in strong][:_MOST_HINTS]
    return sorted(strong, key=lambda term: not term.name), weak


def _best(weights: Mapping[Term, float], entries_with: Mapping[str, int]) -> list[Term]:
    """Return the terms that weigh enough, the heaviest first; the first alone where none of them is surely a word."""
    least = _LEAST * max(weights.values(), default=0)
    best = sorted((term for term in weights if weights[term] >= least), key=lambda term: -weights[term])
    sure = [term for term in best if term.count > 1 or term.name or entries_with[term.word] or term.kept]
    return sure or best[:1]


def _is_worth_a_look(term: Term, entries: int, size: int, highest: int, *, short: bool) -> bool:
    """Return whether a term may stand in the rule.

    Who is only quoted may not; a word that is there once has to be in the title, or in a short article.
    """
    too_common = size > 0 and entries > _COMMON * size and not term.kept
    if too_common or term.in_title:
        return not too_common
    if term.quoted and term.count < _ASIDE * highest:
        return False
    return term.count > 1 or (short and (term.name or entries > 0 or term.kept))


def _weight(term: Term, entries: int, size: int) -> float:
    often = math.log2(1 + term.count) + (_TITLE if term.in_title else 0)
    rare = math.log((size + 1) / (entries + 1)) / math.log(size + 1) if size else 0.6
    return often * (_NAME if term.name else 1) * max(rare, 0.2)


def _is_strong(term: Term, entries: int, size: int) -> bool:
    """Return whether a term is enough alone: what is rather usual, or short and not in the title, is only a hint."""
    if size and entries > _BROAD * size and not (term.in_title and term.name):
        return False
    if not (term.in_title or term.count > 2):
        return False
    if all(map(is_han, term.folded)):
        return len(term.folded) > 2 or term.name
    return term.name and (len(term.folded) > 2 or term.in_title)


def _free_name(name: str, taken: Collection[str]) -> str:
    names = [name, *(f"{name} {number}" for number in range(2, len(taken) + 3))]
    return next(candidate for candidate in names if candidate not in taken)


def _rules_with(term: Term, rules: Ruleset) -> tuple[str, ...]:
    """Return the names of the rules that look for a term."""
    plain_words = [
        plain for pairs in rules.spellings for plain, spelling in pairs if spelling.text == term.folded
    ]
    uses = [(rules.rules[number], index) for plain in plain_words for number, index in rules.uses[plain]]
    names = (rule.rule.name for rule, index in uses if rule.words[index].key in SCORING_KEYS)
    return tuple(dict.fromkeys(names))


def as_toml(proposal: Proposal) -> Iterator[str]:
    """Yield the rule in lines, a table for config.toml, each word with why it is there."""
    # A comment ends with its line, and holds no control characters (TOML 1.0, "Comment").
    title = "".join(filter(str.isprintable, " ".join(proposal.title.split())))[:_LONGEST_TITLE]
    yield sentence("# Like: {title}", title=title) if title else sentence("# Like a text without a title")
    yield "[[rules]]"
    yield f"name = {_quoted(proposal.name)}"
    for key in ("any", "hints"):
        words = [word for word in proposal.words if word.key == key]
        if words:
            yield f"{key} = ["
            yield from (
                joined("", (f"  {_quoted(word.word)},  # ", _why(word, proposal.weighed))) for word in words
            )
            yield "]"


def _quoted(word: str) -> str:
    return json.dumps(word, ensure_ascii=False)


def _why(word: ProposedTerm, weighed: int) -> str:
    why = [sentence("a name")] if word.name else []
    why += [sentence("in the title")] if word.in_title else []
    why += [sentence("once") if word.count == 1 else sentence("{number} times", number=word.count)]
    if word.entries:
        why += [sentence("in {number} of {all} stored entries", number=word.entries, all=weighed)]
    if word.held_by:
        why += [sentence("already in rule {rules}", rules=listed(word.held_by))]
    return listed(why)
