"""Describe what an edit changes: in the texts of the rules, and in which entries they match."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum

from monitor.config.options import WORD_LISTS, Rule
from monitor.model.feeds import Entry
from monitor.model.rules import Reason
from monitor.texts import listed, sentence


def describe_changes(old: Sequence[Rule], new: Sequence[Rule]) -> list[str]:
    """Return a line for each rule that is new, gone or changed: `rule 人工智能: +2 words`."""
    before, after = {rule.name: rule for rule in old}, {rule.name: rule for rule in new}
    lines: list[str] = [sentence("rule {name}: new", name=name) for name in after if name not in before]
    lines += [sentence("rule {name}: gone", name=name) for name in before if name not in after]
    edited = [(before[name], rule) for name, rule in after.items() if name in before and before[name] != rule]
    return lines + [
        sentence("rule {name}: {edits}", name=rule.name, edits=listed(_edits(was, rule)))
        for was, rule in edited
    ]


def _edits(old: Rule, new: Rule) -> list[str]:
    before, after = (
        {(key, word) for key in WORD_LISTS for word in getattr(rule, key)} for rule in (old, new)
    )
    edits: list[str] = []
    if more := len(after - before):
        edits.append(sentence("+1 word") if more == 1 else sentence("+{number} words", number=more))
    if fewer := len(before - after):
        edits.append(sentence("-1 word") if fewer == 1 else sentence("-{number} words", number=fewer))
    keys = (declared.name for declared in fields(new) if declared.name not in WORD_LISTS)
    edits += [key for key in keys if getattr(old, key) != getattr(new, key)]
    return edits or [sentence("order")]


def describe_sets(old: Mapping[str, Sequence[str]], new: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a line for each alias set that is new, gone or changed: `alias set 英伟达: changed`."""
    lines: list[str] = []
    for name in {**new, **old}:
        if name not in old:
            lines.append(sentence("alias set {name}: new", name=name))
        elif name not in new:
            lines.append(sentence("alias set {name}: gone", name=name))
        elif old[name] != new[name]:
            lines.append(sentence("alias set {name}: changed", name=name))
    return lines


class ChangeKind(StrEnum):
    """How the rules that match an entry change."""

    ADDED = "added"  # rules match it now, none did before
    REMOVED = "removed"  # no rule matches it any more
    MOVED = "moved"  # other rules match it than before


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchChange:
    """An entry that other rules match than before."""

    kind: ChangeKind
    seq: int
    entry: Entry
    old: tuple[Reason, ...]  # the rules it matched, and by which words
    new: tuple[Reason, ...]
    why: str = ""  # what keeps a removed one out now

    @property
    def words(self) -> tuple[str, ...]:
        """The words that did it, as the operator wrote them: those of the rules it gains, else of those it loses."""
        old_rules, new_rules = ({reason.rule for reason in reasons} for reasons in (self.old, self.new))
        gained = [reason for reason in self.new if reason.rule not in old_rules]
        lost = [reason for reason in self.old if reason.rule not in new_rules]
        return tuple(dict.fromkeys(hit.word for reason in gained or lost for hit in reason.hits))


def compare(
    seq: int, entry: Entry, old: Sequence[Reason], new: Sequence[Reason], why: str = ""
) -> MatchChange | None:
    """Return how the rules that match an entry change; None where the same ones do, be it by other words."""
    old_rules, new_rules = ({reason.rule for reason in reasons} for reasons in (old, new))
    if old_rules == new_rules:
        return None
    kind = ChangeKind.MOVED if old and new else ChangeKind.ADDED if new else ChangeKind.REMOVED
    return MatchChange(
        kind=kind,
        seq=seq,
        entry=entry,
        old=tuple(old),
        new=tuple(new),
        why=why if kind is ChangeKind.REMOVED else "",
    )


def summary(changes: Sequence[MatchChange]) -> str:
    """Return the counts in words: "adds 14, removes 3, moves 5"."""
    counts = Counter(change.kind for change in changes)
    return sentence(
        "adds {added}, removes {removed}, moves {moved}",
        added=counts[ChangeKind.ADDED],
        removed=counts[ChangeKind.REMOVED],
        moved=counts[ChangeKind.MOVED],
    )
