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
from monitor.rules.script import is_han

_LONGEST = 50_000  # characters: what a longer article is about, its beginning tells
_ENOUGH = 50  # entries: fewer say nothing about how usual a word is
_COMMON = 0.25  # a word in this share of the entries tells no story from another
_BROAD = 0.04  # a word in this share of them is a hint at most, unless it is a name in the title
_SHORT = 800  # characters: in so short an article a word that is there once may be what it is about
_MOST_TERMS, _MOST_ANY, _MOST_HINTS = 200, 8, 8
_LEAST = 0.22  # of the best word's weight
_ASIDE = 0.34  # of the best word's count: who is quoted is said less often than what it is about
_TITLE, _NAME = 2.0, 1.5
_LONGEST_TITLE = 80  # characters, in a remark


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A word of the proposed rule, and why."""

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
    words: tuple[Proposed, ...]
    weighed: int  # entries the words were weighed against; 0: only the shipped table

    @property
    def rule(self) -> Rule:
        """The rule as config.toml would have it."""
        return Rule(name=self.name, any=self._of("any"), hints=self._of("hints"))

    def _of(self, key: str) -> tuple[str, ...]:
        return tuple(one.word for one in self.words if one.key == key)


def propose(article: Entry, others: Sequence[Entry], rules: Ruleset, taken: Collection[str] = ()) -> Proposal:
    """A rule that finds the article and others about the same; names first.

    A word is worth what the article makes of it (how often, in the title, as a name) times how rare it is among the
    other entries. With fewer than 50 of them, the shipped table alone says what is common. `rules` are those in
    force: what they look for are words for certain. `taken` are names the rule may not have.
    """
    article = replace(article, summary=article.summary[:_LONGEST], text=article.text[:_LONGEST])
    terms = _found(_terms(article, rules), article)
    size = len(others) if len(others) >= _ENOUGH else 0
    usual = _entries_with(terms, others) if size else Counter[str]()
    strong, weak = _chosen(terms, usual, size, short=_length(article) <= _SHORT)
    words = [(term, "any") for term in strong] + [(term, "hints") for term in weak]
    return Proposal(
        title=article.title,
        name=_free(strong[0].word, taken) if strong else "",
        words=tuple(
            Proposed(
                word=term.word,
                key=key,
                name=term.name,
                in_title=term.in_title,
                count=term.count,
                entries=usual[term.word],
                held_by=_held_by(term, rules),
            )
            for term, key in words
        ),
        weighed=size,
    )


def _length(article: Entry) -> int:
    return len(article.title + article.summary + article.text)


def _terms(article: Entry, rules: Ruleset) -> list[Term]:
    """The terms, the most frequent first, but for those who wrote it: they are not what it is about."""
    runs = list(runs_of(article))
    words = {spelling.text for some in rules.spellings for _, spelling in some}
    known = frozenset(word for word in words if len(word) > 1 and all(map(is_han, word)))
    authors = [fold(author).text for author in article.authors]
    bylines = {name for author in authors for name in (author, *author.split())}
    terms = [*chinese_terms(runs, known), *latin_terms(runs)]
    terms = [term for term in terms if term.folded not in bylines]
    return sorted(terms, key=lambda term: (-term.count, not term.in_title, term.folded))[:_MOST_TERMS]


def _found(terms: Sequence[Term], article: Entry) -> list[Term]:
    """Those that a rule would find in the article: the rule language has the last word on what a word is."""
    there = _entries_with(terms, [article])
    return [term for term in terms if there[term.word]]


def _entries_with(terms: Sequence[Term], entries: Sequence[Entry]) -> Counter[str]:
    """In how many entries would a rule find each word?"""
    asked = compile_rules([Rule(name="terms", any=tuple(term.word for term in terms))], [])
    return Counter(
        word
        for entry in entries
        for match in match_entry(entry, asked)
        for word in {hit.word for hit in match.hits}
    )


def _chosen(
    terms: Sequence[Term], usual: Mapping[str, int], size: int, *, short: bool
) -> tuple[list[Term], list[Term]]:
    """The words that are enough alone, and those that are not."""
    most = max((term.count for term in terms), default=0)
    weights = {
        term: _weight(term, usual[term.word], size)
        for term in terms
        if _is_worth_a_look(term, usual[term.word], size, most, short=short)
    }
    least = _LEAST * max(weights.values(), default=0)
    best = sorted((term for term in weights if weights[term] >= least), key=lambda term: -weights[term])
    sure = [term for term in best if term.count > 1 or term.name or usual[term.word] or term.kept]
    best = sure or best[:1]
    strong = [term for term in best if _is_strong(term, usual[term.word], size)][:_MOST_ANY] or best[:1]
    weak = [term for term in best if term not in strong][:_MOST_HINTS]
    return sorted(strong, key=lambda term: not term.name), weak


def _is_worth_a_look(term: Term, entries: int, size: int, most: int, *, short: bool) -> bool:
    """Who is only quoted is not; a word that is there once has to be in the title, or in a short article."""
    if term.in_title and (term.kept or not size or entries <= _COMMON * size):
        return True
    if size and entries > _COMMON * size and not term.kept:
        return False
    if term.quoted and term.count < _ASIDE * most:
        return False
    return term.count > 1 or (short and (term.name or entries > 0 or term.kept))


def _weight(term: Term, entries: int, size: int) -> float:
    often = math.log2(1 + term.count) + (_TITLE if term.in_title else 0)
    rare = math.log((size + 1) / (entries + 1)) / math.log(size + 1) if size else 0.6
    return often * (_NAME if term.name else 1) * max(rare, 0.2)


def _is_strong(term: Term, entries: int, size: int) -> bool:
    """Is it enough alone? What is rather usual, or short and not in the title, is only a hint."""
    if size and entries > _BROAD * size and not (term.in_title and term.name):
        return False
    if all(map(is_han, term.folded)):
        return (len(term.folded) > 2 or term.name) and (term.in_title or term.count > 2)
    return term.name and (len(term.folded) > 2 or term.in_title) and (term.in_title or term.count > 2)


def _free(name: str, taken: Collection[str]) -> str:
    names = [name, *(f"{name} {number}" for number in range(2, len(taken) + 3))]
    return next(one for one in names if one not in taken)


def _held_by(term: Term, rules: Ruleset) -> tuple[str, ...]:
    plains = [plain for some in rules.spellings for plain, spelling in some if spelling.text == term.folded]
    called = [(rules.rules[number], place) for plain in plains for number, place in rules.uses[plain]]
    names = (
        one.rule.name for one, place in called if one.words[place].key in ("any", "all", "hints", "when")
    )
    return tuple(dict.fromkeys(names))


def as_toml(proposal: Proposal) -> str:
    """The rule as a table for config.toml."""
    return "".join(f"{line}\n" for line in _lines(proposal))


def _lines(proposal: Proposal) -> Iterator[str]:
    # A remark ends with its line, and holds no control characters (TOML 1.0, "Comment").
    title = "".join(sign for sign in " ".join(proposal.title.split()) if sign.isprintable())[:_LONGEST_TITLE]
    yield f"# Like: {title}" if title else "# Like a text without a title"
    yield "[[rules]]"
    yield f"name = {_quoted(proposal.name)}"
    for key in ("any", "hints"):
        words = [one for one in proposal.words if one.key == key]
        if words:
            yield f"{key} = ["
            yield from (f"  {_quoted(one.word)},  # {_why(one, proposal.weighed)}" for one in words)
            yield "]"


def _quoted(word: str) -> str:
    return json.dumps(word, ensure_ascii=False)


def _why(word: Proposed, weighed: int) -> str:
    why = ["a name"] if word.name else []
    why += ["in the title"] if word.in_title else []
    why += ["once" if word.count == 1 else f"{word.count} times"]
    why += [f"in {word.entries} of {weighed} stored entries"] if word.entries else []
    why += [f"already in rule {' and '.join(word.held_by)}"] if word.held_by else []
    return ", ".join(why)
