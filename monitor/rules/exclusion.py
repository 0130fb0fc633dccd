"""Name what kept an entry out of a rule that it would have matched."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.model.rules import Hit
from monitor.rules.match import Cause, Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """An entry has what a rule asks for, and is not among its entries all the same."""

    rule: str
    cause: Cause
    hits: tuple[Hit, ...] = ()  # the words that did it; none for scope and MAX

    @property
    def words(self) -> tuple[str, ...]:
        """The words as they stand in the entry, each once."""
        return tuple(dict.fromkeys(hit.found for hit in self.hits))


def exclusion(judgement: Judgement) -> Exclusion | None:
    """Return why an entry is out although it has enough for the rule; None when it is in, or lacks something."""
    if judgement.match or judgement.score < judgement.threshold or not judgement.hits:
        return None
    if judgement.ignored:
        return Exclusion(rule=judgement.rule, cause=Cause.IGNORE, hits=judgement.ignored)
    if judgement.missing_words or judgement.lacks_evidence:
        return None
    if judgement.when_fails:
        return (
            Exclusion(rule=judgement.rule, cause=Cause.NOT, hits=judgement.against)
            if judgement.against
            else None
        )
    if judgement.scope:
        return Exclusion(rule=judgement.rule, cause=judgement.scope)
    return Exclusion(rule=judgement.rule, cause=Cause.NONE, hits=judgement.against)


def words_that_kept_out(entries: Iterable[Sequence[Exclusion]]) -> tuple[tuple[str, int], ...]:
    """Return (word, count of entries), the most first: each entry counts once, for the first word that kept it out.

    Scope is no word: what a rule does not look at, its reader does not miss.
    """
    words_by_entry = (
        [word for exclusion in exclusions for word in exclusion.words] for exclusions in entries
    )
    counts = Counter(words[0] for words in words_by_entry if words)
    return tuple(sorted(counts.items(), key=lambda counted: (-counted[1], counted[0])))
