"""Describe what an edit changes: in the texts of the rules, and in which entries they match."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from monitor.config.options import Rule
from monitor.model.feeds import Entry
from monitor.model.rules import Reason

_WORDS = ("any", "all", "none", "hints", "ignore")


def describe_changes(old: Sequence[Rule], new: Sequence[Rule]) -> list[str]:
    """One line for each rule that is new, gone or changed: `rule 人工智能: +2 words`."""
    before, after = {rule.name: rule for rule in old}, {rule.name: rule for rule in new}
    told = [f"rule {name}: new" for name in after if name not in before]
    told += [f"rule {name}: gone" for name in before if name not in after]
    changed = [
        (before[name], rule) for name, rule in after.items() if name in before and before[name] != rule
    ]
    return told + [f"rule {rule.name}: {', '.join(_difference(was, rule))}" for was, rule in changed]


def describe_sets(old: Mapping[str, Sequence[str]], new: Mapping[str, Sequence[str]]) -> list[str]:
    """The same for [aliases]: `alias set 英伟达: changed`."""
    return [
        f"alias set {name}: {'new' if name not in old else 'gone' if name not in new else 'changed'}"
        for name in {**new, **old}
        if old.get(name) != new.get(name)
    ]


def _difference(was: Rule, now: Rule) -> list[str]:
    written = [{(key, word) for key in _WORDS for word in getattr(rule, key)} for rule in (was, now)]
    added, removed = written[1] - written[0], written[0] - written[1]
    told = [
        f"{sign}{len(words)} word{'s' if len(words) > 1 else ''}"
        for sign, words in (("+", added), ("-", removed))
        if words
    ]
    told += [key for key in asdict(now) if key not in _WORDS and getattr(was, key) != getattr(now, key)]
    return told or ["order"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An entry that the new rules see in another way: `kind` is added, removed or moved."""

    kind: str
    seq: int
    entry: Entry
    old: tuple[Reason, ...]  # the rules it matched, and by which words
    new: tuple[Reason, ...]
    why: str = ""  # of a removed one: what keeps it out now

    @property
    def words(self) -> tuple[str, ...]:
        """The words that did it, as the operator wrote them: those of the rules it gains, else of those it loses."""
        old, new = {one.rule for one in self.old}, {one.rule for one in self.new}
        gained = [one for one in self.new if one.rule not in old]
        lost = [one for one in self.old if one.rule not in new]
        return tuple(dict.fromkeys(hit.word for one in gained or lost for hit in one.hits))


def compare(
    seq: int, entry: Entry, old: Sequence[Reason], new: Sequence[Reason], why: str = ""
) -> Change | None:
    """How an entry's lot changes; None where the same rules match it, be it by other words."""
    was, now = {one.rule for one in old}, {one.rule for one in new}
    if was == now:
        return None
    kind = "moved" if was and now else "added" if now else "removed"
    told = why if kind == "removed" else ""
    return Change(kind=kind, seq=seq, entry=entry, old=tuple(old), new=tuple(new), why=told)


def summary(changes: Sequence[Change]) -> str:
    """ "adds 14, removes 3, moves 5" """
    counts = Counter(change.kind for change in changes)
    return f"adds {counts['added']}, removes {counts['removed']}, moves {counts['moved']}"
