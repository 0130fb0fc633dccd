"""What rule would find more entries like this one?"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from monitor.model import Entry, Rule
from monitor.rules.common import table
from monitor.rules.fold import fold
from monitor.rules.search import make_search
from monitor.rules.syntax import continues_words
from monitor.rules.terms import Term, terms_of

_ENOUGH = 50  # entries: fewer say nothing about how usual a word is
_COMMON = 0.25  # a word in this share of the entries tells no story from another
_BROAD = 0.04  # a word in this share of them is a hint at most, unless the title has it
_SHORT = 800  # signs: in so short an article a word that is there once may be what it is about
_MOST_ANY, _MOST_HINTS = 8, 8
_LEAST = 0.22  # of the best word's weight
_TITLE, _NAME = 2.0, 1.5


@dataclass(frozen=True, slots=True)
class Background:
    """What entries usually say: folded texts, and words that are words for certain."""

    texts: tuple[str, ...] = field(default=(), repr=False)
    known: frozenset[str] = frozenset()  # folded, in Chinese: those of the rules and alias sets

    @classmethod
    def of(cls, entries: Iterable[Entry], words: Iterable[str] = ()) -> "Background":
        """Made of stored entries, and of words the operator has written before."""
        folded = (fold(word).text for word in words)
        return cls(
            texts=tuple(map(_folded, entries)),
            known=frozenset(word for word in folded if len(word) > 1 and _is_chinese(word)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A word of the proposed rule, and why."""

    word: str
    key: str  # "any" or "hints"
    name: bool
    in_title: bool
    count: int  # how often the article says it
    entries: int  # how many of the background do


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A rule made of an article. `words` is empty when nothing in it stands out."""

    title: str  # of the article
    name: str  # for the rule
    words: tuple[Proposed, ...]
    background: int  # entries the words were weighed against; 0: only the shipped table

    @property
    def rule(self) -> Rule:
        """The rule as config.toml would have it."""
        return Rule(name=self.name, any=self._of("any"), hints=self._of("hints"))

    def _of(self, key: str) -> tuple[str, ...]:
        return tuple(one.word for one in self.words if one.key == key)


def propose(article: Entry, background: Background) -> Proposal:
    """A rule that finds the article and others about the same; names first.

    A word is worth what the article makes of it (how often, in the title, as a name) times how rare it is among
    the background's entries. With fewer than 50 of them, the shipped table alone says what is common.
    """
    terms = [term for term in terms_of(article, background.known) if not _is_byline(term, article)]
    own = _folded(article)
    texts = [text for text in background.texts if text != own]
    size = len(texts) if len(texts) >= _ENOUGH else 0
    usual = _entries_with(terms, texts) if size else Counter[str]()
    short = len(article.title + article.summary + article.text) <= _SHORT
    weights = {
        term: weight
        for term in terms
        if _is_worth_a_look(term, short, usual[term.folded], size)
        and (weight := _weight(term, usual[term.folded], size)) > 0
    }
    least = _LEAST * max(weights.values(), default=0)
    best = sorted((term for term in weights if weights[term] >= least), key=lambda term: -weights[term])
    sure = [term for term in best if term.count > 1 or term.name or usual[term.folded] or _is_kept(term)]
    best = sure or best[:1]
    strong = [term for term in best if _is_strong(term, usual[term.folded], size)] or best[:1]
    strong = sorted(strong[:_MOST_ANY], key=lambda term: not term.name)
    weak = [term for term in best if term not in strong][:_MOST_HINTS]
    words = [(term, "any") for term in strong] + [(term, "hints") for term in weak]
    return Proposal(
        title=article.title,
        name=strong[0].word if strong else "",
        words=tuple(
            Proposed(
                word=term.word,
                key=key,
                name=term.name,
                in_title=term.in_title,
                count=term.count,
                entries=usual[term.folded],
            )
            for term, key in words
        ),
        background=size,
    )


def as_toml(proposal: Proposal) -> str:
    """The rule as a table for config.toml, each word with why it is there."""
    lines = [f"# Like: {proposal.title}" if proposal.title else "# Like a text without a title"]
    if proposal.background:
        lines.append(f"# Weighed against {proposal.background} stored entries.")
    else:
        lines.append("# Weighed against the shipped table of common words: there are too few stored entries.")
    lines += ["[[rules]]", f"name = {_quoted(proposal.name)}"]
    for key in ("any", "hints"):
        words = [one for one in proposal.words if one.key == key]
        if words:
            told = [f"  {_quoted(one.word)},  # {_why(one, proposal.background)}" for one in words]
            lines += [f"{key} = [", *told, "]"]
    return "\n".join(lines) + "\n"


def _quoted(word: str) -> str:
    return json.dumps(word, ensure_ascii=False)


def _why(word: Proposed, background: int) -> str:
    why = ["a name"] if word.name else []
    why += ["in the title"] if word.in_title else []
    why += ["once" if word.count == 1 else f"{word.count} times"]
    why += [f"in {word.entries} of {background} entries"] if background else []
    return ", ".join(why)


def _folded(entry: Entry) -> str:
    return fold(f"{entry.title}\n{entry.summary}\n{entry.text}").text


def _is_byline(term: Term, article: Entry) -> bool:
    """Who wrote it is not what it is about."""
    authors = [fold(author).text for author in article.authors]
    return any(term.folded in (author, *author.split()) for author in authors)


def _entries_with(terms: Sequence[Term], texts: Iterable[str]) -> Counter[str]:
    """In how many texts does each term stand, as a rule would find it?"""
    words = [term.folded for term in terms]
    whole = [not _is_chinese(word) for word in words]
    found: Counter[str] = Counter()
    search = make_search(words)
    for text in texts:
        here = {
            number
            for number, start, end in search(text)
            if not (whole[number] and _is_within_a_word(text, start, end))
        }
        found.update(words[number] for number in here)
    return found


def _is_chinese(word: str) -> bool:
    return not any(map(continues_words, word))


def _is_within_a_word(text: str, start: int, end: int) -> bool:
    before, behind = text[max(start - 1, 0) : start], text[end : end + 1]
    return any(sign and continues_words(sign) for sign in (before, behind))


def _is_worth_a_look(term: Term, short: bool, entries: int, size: int) -> bool:
    """A word that is there once has to be in the title, or in a short article and known elsewhere."""
    if size and entries > _COMMON * size:
        return False
    return term.count > 1 or term.in_title or (short and (term.name or entries > 0 or _is_kept(term)))


def _is_kept(term: Term) -> bool:
    return term.folded in table().kept


def _weight(term: Term, entries: int, size: int) -> float:
    often = math.log2(1 + term.count) + (_TITLE if term.in_title else 0)
    rare = math.log((size + 1) / (entries + 1)) / math.log(size + 1) if size else 0.6
    return often * (_NAME if term.name else 1) * max(rare, 0.2)


def _is_strong(term: Term, entries: int, size: int) -> bool:
    """Is it enough alone? What is rather usual, or short and not in the title, is only a hint."""
    if size and entries > _BROAD * size and not (term.in_title and term.name):
        return False
    if _is_chinese(term.folded):
        return (len(term.folded) > 2 or term.name) and (term.in_title or term.count > 2)
    return term.name and (len(term.folded) > 2 or term.in_title) and (term.in_title or term.count > 2)
