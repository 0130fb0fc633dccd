"""Compare what two rulesets make of the stored news."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.jobs import Step, no_step
from monitor.jobs.rematch import JUDGED_AT_ONCE
from monitor.model.feeds import Entry
from monitor.model.rules import Match, Reason
from monitor.rules.changes import Change, compare
from monitor.rules.match import Judgement, Ruleset, judge_entry, match_entry
from monitor.store import entries, matches
from monitor.store.database import Connection, Database

EARLIER = "(an earlier rule)"  # matched once by a rule whose text nobody has any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How many entries were looked at, and those whose lot changes; by seq."""

    entries: int
    changes: tuple[Change, ...]


async def compare_rules(
    old: Ruleset | None, new: Ruleset, *, since: datetime, db: Database, step: Step = no_step
) -> Compared:
    """What `new` makes of the news first seen since an instant, against `old`. Stores nothing.

    Without `old` the matches the service has stored stand for it. Raises StoreError.
    """
    total, changes = 0, list[Change]()
    after, upto = await db.read(_seqs, since)
    while batch := await db.read(_batch, after, upto):
        after = batch[-1][0]
        changes += await asyncio.to_thread(_changes, batch, old, new)
        total += len(batch)
        for _ in batch:
            step()
    return Compared(entries=total, changes=tuple(changes))


_Stored = tuple[int, Entry, Sequence[Match]]


def _seqs(tx: Connection, since: datetime) -> tuple[int, int]:
    return entries.newest_seq(tx, before=since), entries.newest_seq(tx)


def _batch(tx: Connection, after: int, upto: int) -> list[_Stored]:
    found = entries.arrived(tx, after=after, upto=upto, limit=JUDGED_AT_ONCE)
    stored = matches.of_entries(tx, [seq for seq, _ in found])
    return [(seq, entry, stored.get(seq, ())) for seq, entry in found]


def _changes(batch: Sequence[_Stored], old: Ruleset | None, new: Ruleset) -> list[Change]:
    names = {fingerprint: name for name, fingerprint in new.fingerprints.items()}
    changes = []
    for seq, entry, stored in batch:
        judged = judge_entry(entry, new)
        now = [Reason(rule=one.rule, hits=one.hits) for one in judged if one.match]
        was = _reasons(stored, names)
        if old:
            old_names = {fingerprint: name for name, fingerprint in old.fingerprints.items()}
            was = _reasons(match_entry(entry, old), old_names)
        change = compare(seq, entry, was, now, _why(judged, was))
        if change:
            changes.append(change)
    return changes


def _reasons(found: Sequence[Match], names: Mapping[str, str]) -> list[Reason]:
    return [Reason(rule=names.get(match.fingerprint, EARLIER), hits=match.hits) for match in found]


def _why(judged: Sequence[Judgement], was: Sequence[Reason]) -> str:
    """What keeps it out of the rules that had it; of a rule that is gone, nothing is to be said."""
    had = {reason.rule for reason in was}
    return "; ".join(f"{one.rule}: {one.why_not}" for one in judged if one.rule in had and not one.match)
