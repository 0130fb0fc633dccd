"""What would other rules have made of the same entries?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.model.feeds import Entry
from monitor.model.rules import Reason


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
