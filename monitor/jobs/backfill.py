"""Offer earlier entries, which the rules in force match, to the next digest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from monitor.config.options import Subscription
from monitor.jobs import Step, no_step
from monitor.jobs.draft import DigestContext
from monitor.jobs.stored import match_held_back, match_period
from monitor.model.rules import PendingEntry
from monitor.store import digests, subscriptions
from monitor.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """The earlier entries that a subscription's next digest brings beside its own news."""

    subscription: Subscription
    entries: tuple[PendingEntry, ...]  # by seq
    beyond: int = 0  # more that match, and are left out because there was a limit


async def backfill(
    subscriptions: Sequence[Subscription],
    *,
    context: DigestContext,
    since: datetime,
    now: datetime,
    db: Database,
    only: str | None = None,
    held_back: bool = False,
    limit: int | None = None,
    dry: bool = False,
    step: Step = no_step,
) -> list[Backfill]:
    """Backfill each subscription with the news first seen since an instant that matches and was not mailed to it.

    With `held_back` it is what was too old when it came, and was published since that instant. `only` names
    the one rule to match with, `limit` is how many entries each subscription gets at most, the newest; `dry` stores
    nothing; `step` is called for each entry. Raises StoreError.
    """
    if held_back:
        matched = await match_held_back(context.rules, since, db=db, step=step)
    else:
        matched = list((await match_period(context.rules, since, now, db=db, step=step)).matched)
    backfills = []
    for subscription in subscriptions:
        names = [rule.name for rule in context.rules_of(subscription) if only in (None, rule.name)]
        fingerprints = {context.rules.fingerprints[name] for name in names}
        by_its_rules = [
            pending
            for pending in matched
            if any(match.fingerprint in fingerprints for match in pending.matches)
        ]
        transaction = db.read if dry else db.write
        work = partial(_backfill, held_back=held_back, limit=limit, dry=dry)
        added, beyond = await transaction(work, subscription.name, by_its_rules)
        backfills.append(Backfill(subscription=subscription, entries=tuple(added), beyond=beyond))
    return backfills


def _backfill(
    tx: Connection,
    name: str,
    matched: Sequence[PendingEntry],
    *,
    held_back: bool,
    limit: int | None,
    dry: bool,
) -> tuple[list[PendingEntry], int]:
    """Return the entries that the subscription was not mailed, and how many more there are beyond the limit.

    News that it has not passed yet it gets anyhow. Unless `dry`, the entries are offered to it.
    """
    state = subscriptions.state(tx, name)
    if state is None:
        return [], 0
    mailed = digests.mailed(tx, state.key, [pending.entry.story for pending in matched])
    earlier = [
        pending
        for pending in matched
        if (held_back or pending.seq <= state.cursor) and pending.entry.story not in mailed
    ]
    newest = sorted(earlier, key=lambda pending: pending.entry.when, reverse=True)[:limit]
    added = sorted(newest, key=lambda pending: pending.seq)
    if not dry:
        digests.add_backfill(tx, state.key, [pending.seq for pending in added])
    return added, len(earlier) - len(added)
