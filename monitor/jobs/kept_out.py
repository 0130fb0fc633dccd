"""List what the rules keep out of the entries that arrived, and by which words."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from monitor.jobs.rematch import JUDGED_AT_ONCE
from monitor.model.feeds import Entry
from monitor.rules.exclusion import Exclusion, exclusion
from monitor.rules.match import Ruleset, judge_entry
from monitor.store import entries
from monitor.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOut:
    """An entry, and what kept it out of which rules; `told` says whether another rule let it in."""

    seq: int
    entry: Entry
    exclusions: tuple[Exclusion, ...]
    told: bool


async def kept_out(
    rules: Ruleset, names: Collection[str], *, after: int, upto: int, db: Database
) -> list[KeptOut]:
    """The news of (after, upto] that these rules would have matched but for a word or their scope; by seq.

    Stores nothing. Raises StoreError.
    """
    found: list[KeptOut] = []
    while batch := await db.read(entries.arrived, after=after, upto=upto, limit=JUDGED_AT_ONCE):
        after = batch[-1][0]
        found += await asyncio.to_thread(_kept_out, batch, rules, names)
    return found


def _kept_out(batch: Sequence[tuple[int, Entry]], rules: Ruleset, names: Collection[str]) -> list[KeptOut]:
    found = []
    for seq, entry in batch:
        judged = [one for one in judge_entry(entry, rules) if one.rule in names]
        exclusions = tuple(reason for one in judged if (reason := exclusion(one)))
        if exclusions:
            told = any(one.match for one in judged)
            found.append(KeptOut(seq=seq, entry=entry, exclusions=exclusions, told=told))
    return found
