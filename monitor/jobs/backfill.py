"""Offer entries of before, which the rules in force match, to the next digest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.config.options import Subscription
from monitor.jobs import Step, no_step
from monitor.jobs.draft import DigestContext
from monitor.jobs.stored import take_stock
from monitor.model.rules import PendingEntry
from monitor.store import backfill, digests
from monitor.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What a subscription's next digest will bring beside its own news."""

    subscription: Subscription
    entries: tuple[PendingEntry, ...]  # by seq


async def apply_rules(
    subscriptions: Sequence[Subscription],
    *,
    context: DigestContext,
    since: datetime,
    now: datetime,
    db: Database,
    only: str | None = None,
    dry: bool = False,
    step: Step = no_step,
) -> list[Offered]:
    """Put forward the news first seen since an instant that matches and was never mailed to the subscription.

    `only` names the one rule to ask; `dry` stores nothing. Raises StoreError.
    """
    stock = await take_stock(context, since, now, db=db, step=step)
    offers = []
    for subscription in subscriptions:
        names = [rule.name for rule in context.rules_of(subscription) if only in (None, rule.name)]
        wanted = {context.rules.fingerprints[name] for name in names}
        fitting = [one for one in stock.matched if any(m.fingerprint in wanted for m in one.matches)]
        read = db.read if dry else db.write
        fresh = await read(_offer, subscription.name, fitting, dry)
        offers.append(Offered(subscription=subscription, entries=tuple(fresh)))
    return offers


def _offer(tx: Connection, name: str, fitting: Sequence[PendingEntry], dry: bool) -> list[PendingEntry]:
    """Those that wait for no digest yet; unless `dry`, they do from here on."""
    state = digests.state(tx, name)
    if state is None:
        return []
    mailed = digests.mailed(tx, name, [one.entry.story for one in fitting])
    fresh = [one for one in fitting if one.seq <= state.cursor and one.entry.story not in mailed]
    if not dry:
        backfill.put(tx, name, [one.seq for one in fresh])
    return fresh
