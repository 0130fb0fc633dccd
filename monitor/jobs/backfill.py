"""Offer earlier entries, which the rules in force match, to the next digest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.config.options import Subscription
from monitor.jobs import Step, no_step
from monitor.jobs.draft import DigestContext
from monitor.jobs.stored import match_period
from monitor.model.rules import PendingEntry
from monitor.store import digests, subscriptions
from monitor.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """The earlier entries that a subscription's next digest brings beside its own news."""

    subscription: Subscription
    entries: tuple[PendingEntry, ...]  # by seq


async def backfill(
    subscriptions: Sequence[Subscription],
    *,
    context: DigestContext,
    since: datetime,
    now: datetime,
    db: Database,
    only: str | None = None,
    dry: bool = False,
    step: Step = no_step,
) -> list[Backfill]:
    """Backfill each subscription with the news first seen since an instant that matches and was not mailed to it.

    `only` names the one rule to match with; `dry` stores nothing; `step` is called for each entry.
    Raises StoreError.
    """
    period = await match_period(context.rules, since, now, db=db, step=step)
    backfills = []
    for subscription in subscriptions:
        names = [rule.name for rule in context.rules_of(subscription) if only in (None, rule.name)]
        fingerprints = {context.rules.fingerprints[name] for name in names}
        matched = [
            pending
            for pending in period.matched
            if any(match.fingerprint in fingerprints for match in pending.matches)
        ]
        transaction = db.read if dry else db.write
        added = await transaction(_backfill, subscription.name, matched, dry)
        backfills.append(Backfill(subscription=subscription, entries=tuple(added)))
    return backfills


def _backfill(tx: Connection, name: str, matched: Sequence[PendingEntry], dry: bool) -> list[PendingEntry]:
    """Return the entries that the subscription has passed and was not mailed; unless `dry`, offer them to it."""
    state = subscriptions.state(tx, name)
    if state is None:
        return []
    mailed = digests.mailed(tx, state.key, [pending.entry.story for pending in matched])
    earlier = [
        pending for pending in matched if pending.seq <= state.cursor and pending.entry.story not in mailed
    ]
    if not dry:
        digests.add_backfill(tx, state.key, [pending.seq for pending in earlier])
    return earlier
