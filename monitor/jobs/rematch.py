"""Match pending entries again by the ruleset in force, where another one has judged them."""

from collections.abc import Sequence

from monitor.jobs.stored import judge, news_batches
from monitor.model.rules import PendingEntry
from monitor.rules.match import Ruleset
from monitor.store import entries, matches
from monitor.store.database import Connection, Database


async def rematch(rules: Ruleset, *, after: int, db: Database) -> int:
    """Match every news entry beyond seq `after` that another ruleset has judged; return their count.

    Killed half-way, the rest is judged next time: an entry's mark and its matches are one transaction.
    Raises StoreError.
    """
    total, upto = 0, await db.read(entries.newest_seq)
    async for batch in news_batches(db, after=after, upto=upto, not_judged_by=rules.fingerprint):
        judged = await judge(batch, rules)
        await db.write(_store, judged, rules.fingerprint)
        total += len(judged)
    return total


def _store(tx: Connection, judged: Sequence[PendingEntry], ruleset: str) -> None:
    matches.insert(tx, [(pending.seq, match) for pending in judged for match in pending.matches])
    entries.mark_judged(tx, [pending.seq for pending in judged], ruleset)
