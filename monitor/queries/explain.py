"""Explain a stored entry: what each rule says of it, and the digests it was mailed in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.feeds.links import without_tracking
from monitor.model.feeds import Entry
from monitor.rules.match import Judgement, Ruleset, judge_entry
from monitor.store import digests, entries, pruned
from monitor.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """An entry, what each rule says of it, and the digests it was mailed in as (subscription, slot, at)."""

    seq: int
    entry: Entry
    news: bool  # False: too old when it came, and held back
    judgements: tuple[Judgement, ...]
    mailed: tuple[tuple[str, str, datetime], ...]
    pruned: bool  # True: its summary and text are not kept any more, and the rules see its title alone


async def explain(name: str, *, rules: Ruleset, db: Database) -> list[Explained]:
    """Explain each entry with this id, alias, link or number. Raises StoreError."""
    stored = await db.read(_find, list(dict.fromkeys([name, without_tracking(name)])))
    return [
        Explained(
            seq=seq,
            entry=entry,
            news=news,
            judgements=judge_entry(entry, rules),
            mailed=tuple(mailings),
            pruned=is_pruned,
        )
        for seq, entry, news, mailings, is_pruned in stored
    ]


def _find(
    tx: Connection, names: Sequence[str]
) -> list[tuple[int, Entry, bool, list[tuple[str, str, datetime]], bool]]:
    found = entries.find(tx, names)
    without_texts = pruned.among(tx, [seq for seq, _, _ in found])
    return [
        (seq, entry, news, digests.mailings(tx, entry.story), seq in without_texts)
        for seq, entry, news in found
    ]
