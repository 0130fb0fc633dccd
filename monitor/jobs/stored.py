"""Read stored news in batches and judge it by a ruleset; stores nothing."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.jobs import Step, no_step
from monitor.jobs.matching import in_turns
from monitor.model.feeds import Entry
from monitor.model.rules import PendingEntry
from monitor.rules.exclusion import Exclusion, exclusion
from monitor.rules.match import Ruleset, judge_entry, match_entry
from monitor.store import entries, pruned
from monitor.store.database import Database

_BATCH = 200  # entries judged, and stored in one transaction: other writers get their turn in between


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedPeriod:
    """The news of a period under one ruleset: the entries that matched, and when each of all arrived."""

    matched: tuple[PendingEntry, ...]
    arrivals: tuple[datetime, ...]  # sorted
    pruned: int  # of all: judged by their titles alone, for summary and text are not kept any more


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedEntry:
    """An entry, and what kept it out of which rules."""

    seq: int
    entry: Entry
    exclusions: tuple[Exclusion, ...]
    in_digest: bool  # all the same: another rule matched it, or its title stands there


async def news_batches(
    db: Database, *, after: int, upto: int, not_judged_by: str | None = None
) -> AsyncIterator[list[tuple[int, Entry]]]:
    """Yield the news with a seq in (after, upto] as (seq, entry), batch by batch, by seq.

    Given the fingerprint of a ruleset, entries last judged by it are left out. Raises StoreError.
    """
    while batch := await db.read(
        entries.news, after=after, upto=upto, limit=_BATCH, not_judged_by=not_judged_by
    ):
        after = batch[-1][0]
        yield batch


async def judge(batch: Sequence[tuple[int, Entry]], rules: Ruleset) -> list[PendingEntry]:
    """Return each entry with the matches it has by these rules, including those that have none."""
    return await in_turns(
        lambda part: [
            PendingEntry(seq=seq, entry=entry, matches=match_entry(entry, rules)) for seq, entry in part
        ],
        batch,
    )


async def match_period(
    rules: Ruleset, start: datetime, end: datetime, *, db: Database, step: Step = no_step
) -> MatchedPeriod:
    """Match the news first seen in [start, end]. `step` is called for each entry read. Raises StoreError."""
    matched: list[PendingEntry] = []
    arrivals: list[datetime] = []
    without_texts = 0
    after, upto = await db.read(entries.seqs_since, start)
    async for batch in news_batches(db, after=after, upto=upto):
        in_period = [(seq, entry) for seq, entry in batch if start <= entry.first_seen <= end]
        arrivals += [entry.first_seen for _, entry in in_period]
        without_texts += len(await db.read(pruned.among, [seq for seq, _ in in_period]))
        judged = await judge(in_period, rules)
        matched += [pending for pending in judged if pending.matches]
        for _ in batch:
            step()
    return MatchedPeriod(matched=tuple(matched), arrivals=tuple(sorted(arrivals)), pruned=without_texts)


async def match_held_back(
    rules: Ruleset, published_since: datetime, *, db: Database, step: Step = no_step
) -> list[PendingEntry]:
    """Match the entries that were too old to be news when they came, published since an instant; by seq.

    `step` is called for each entry read. Raises StoreError.
    """
    matched: list[PendingEntry] = []
    after = 0
    while batch := await db.read(
        entries.held_back, published_since=published_since, after=after, limit=_BATCH
    ):
        after = batch[-1][0]
        judged = await judge(batch, rules)
        matched += [pending for pending in judged if pending.matches]
        for _ in batch:
            step()
    return matched


async def excluded_entries(
    rules: Ruleset, names: Collection[str], *, after: int, upto: int, db: Database
) -> list[ExcludedEntry]:
    """Return the news in (after, upto] that the named rules would have matched but for a word or scope; by seq.

    Raises StoreError.
    """
    excluded: list[ExcludedEntry] = []
    async for batch in news_batches(db, after=after, upto=upto):
        excluded += await in_turns(lambda part: _excluded(part, rules, names), batch)
    return excluded


def _excluded(
    batch: Sequence[tuple[int, Entry]], rules: Ruleset, names: Collection[str]
) -> list[ExcludedEntry]:
    excluded = []
    for seq, entry in batch:
        judgements = [judgement for judgement in judge_entry(entry, rules) if judgement.rule in names]
        exclusions = tuple(reason for judgement in judgements if (reason := exclusion(judgement)))
        if exclusions:
            matched = any(judgement.match for judgement in judgements)
            excluded.append(ExcludedEntry(seq=seq, entry=entry, exclusions=exclusions, in_digest=matched))
    return excluded
