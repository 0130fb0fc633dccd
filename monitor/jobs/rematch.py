"""Judge what still waits by the rules as they are now."""

import asyncio
from collections.abc import Sequence

from monitor.model.feeds import Entry
from monitor.model.rules import PendingEntry
from monitor.rules.match import Ruleset, match_entry
from monitor.store import entries, matches
from monitor.store.database import Connection, Database

JUDGED_AT_ONCE = 200  # entries in one transaction: other writers get their turn in between


async def rematch(rules: Ruleset, *, after: int, db: Database) -> int:
    """Match every news entry beyond seq `after` that other rules have judged; how many that were.

    Killed half-way, the rest is judged next time: an entry's mark and its matches are one transaction.
    """
    total, upto = 0, await db.read(entries.newest_seq)
    while batch := await db.read(
        entries.unjudged, after=after, upto=upto, ruleset=rules.fingerprint, limit=JUDGED_AT_ONCE
    ):
        after = batch[-1][0]
        judged = await asyncio.to_thread(judge, batch, rules)
        await db.write(_store, judged, rules.fingerprint)
        total += len(judged)
    return total


def judge(batch: Sequence[tuple[int, Entry]], rules: Ruleset) -> list[PendingEntry]:
    """Each entry with the matches it has by these rules, also if it has none."""
    return [PendingEntry(seq=seq, entry=entry, matches=match_entry(entry, rules)) for seq, entry in batch]


def _store(tx: Connection, judged: Sequence[PendingEntry], ruleset: str) -> None:
    matches.insert(tx, [(one.seq, match) for one in judged for match in one.matches])
    entries.mark_judged(tx, [one.seq for one in judged], ruleset)
