"""Name what kept an entry out of a rule that it would have matched."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.model.rules import Hit
from monitor.rules.match import Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """An entry has what a rule asks for, and is not among its items all the same."""

    rule: str
    cause: str  # none, not (a denied word of `when`), ignore, feeds, sections, languages, or max
    hits: tuple[Hit, ...] = ()  # the words that did it; none for scope and max

    @property
    def words(self) -> tuple[str, ...]:
        """The words as they stand in the entry, each once."""
        return tuple(dict.fromkeys(hit.found for hit in self.hits))


def exclusion(judged: Judgement) -> Exclusion | None:
    """Why an entry is out although it has enough for the rule; None when it is in, or lacks something."""
    if judged.match or judged.score < judged.threshold or not judged.hits:
        return None
    if judged.ignored:
        return Exclusion(rule=judged.rule, cause="ignore", hits=judged.ignored)
    if judged.missing == ("when",) and judged.against:
        return Exclusion(rule=judged.rule, cause="not", hits=judged.against)
    if judged.missing:
        return None
    if judged.scope:
        return Exclusion(rule=judged.rule, cause=judged.scope)
    return Exclusion(rule=judged.rule, cause="none", hits=judged.against)


def words_that_kept_out(entries: Iterable[Sequence[Exclusion]]) -> tuple[tuple[str, int], ...]:
    """(word, entries), the most first: each entry counts once, for the first word that kept it out.

    Scope is no word: what a rule does not look at, its reader does not miss.
    """
    firsts = (next((word for one in exclusions for word in one.words), "") for exclusions in entries)
    counted = Counter(word for word in firsts if word)
    return tuple(sorted(counted.items(), key=lambda one: (-one[1], one[0])))
