"""Compare what two rulesets make of the stored news."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from monitor.jobs import Step, no_step
from monitor.jobs.matching import in_turns
from monitor.jobs.stored import news_batches
from monitor.model.feeds import Entry
from monitor.model.rules import Match, Reason
from monitor.rules.changes import MatchChange, compare
from monitor.rules.match import Judgement, Ruleset, judge_entry, match_entry
from monitor.store import entries, matches, pruned
from monitor.store.database import Database

EARLIER = "(an earlier rule)"  # matched once by a rule whose text is no longer known


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The count of entries compared, and those that other rules match than before; by seq."""

    entries: int
    pruned: int  # of them by their titles alone: summary and text are not kept any more
    changes: tuple[MatchChange, ...]


async def compare_rules(
    old: Ruleset | None, new: Ruleset, *, since: datetime, db: Database, step: Step = no_step
) -> Compared:
    """Compare what `old` and `new` match of the news first seen since an instant. Stores nothing.

    Without `old`, the matches the service has stored stand for it. `step` is called for each entry.
    Raises StoreError.
    """
    total, changes = 0, list[MatchChange]()
    after, upto = await db.read(entries.seqs_since, since)
    async for batch in news_batches(db, after=after, upto=upto):
        stored = {} if old else await db.read(matches.of_entries, [seq for seq, _ in batch])
        changes += await in_turns(partial(_changes, stored=stored, old=old, new=new), batch)
        total += len(batch)
        for _ in batch:
            step()
    without_texts = await db.read(pruned.count, after, upto)
    return Compared(entries=total, pruned=without_texts, changes=tuple(changes))


def _changes(
    batch: Sequence[tuple[int, Entry]],
    stored: Mapping[int, Sequence[Match]],
    old: Ruleset | None,
    new: Ruleset,
) -> list[MatchChange]:
    old_names = {fingerprint: name for name, fingerprint in (old or new).fingerprints.items()}
    changes = []
    for seq, entry in batch:
        judgements = judge_entry(entry, new)
        now = [
            Reason(rule=judgement.rule, hits=judgement.hits) for judgement in judgements if judgement.match
        ]
        was = _reasons(match_entry(entry, old) if old else stored.get(seq, ()), old_names)
        change = compare(seq, entry, was, now, _why_not(judgements, was))
        if change:
            changes.append(change)
    return changes


def _reasons(matches: Sequence[Match], names: Mapping[str, str]) -> list[Reason]:
    return [Reason(rule=names.get(match.fingerprint, EARLIER), hits=match.hits) for match in matches]


def _why_not(judgements: Sequence[Judgement], was: Sequence[Reason]) -> str:
    """Say what keeps an entry out of the rules that matched it; nothing about rules that are gone."""
    old_rules = {reason.rule for reason in was}
    return "; ".join(
        f"{judgement.rule}: {judgement.why_not}"
        for judgement in judgements
        if judgement.rule in old_rules and not judgement.match
    )
