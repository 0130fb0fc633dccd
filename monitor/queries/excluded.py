"""What would the next digest leave out, and why? Scope, words, and the limit of a rule."""

from collections.abc import Iterator
from datetime import datetime

from monitor.config.options import Rule, Subscription
from monitor.digests.due import slot_now
from monitor.jobs.draft import DigestContext, Draft, draft_digest
from monitor.jobs.kept_out import KeptOut, kept_out
from monitor.model.digests import Digest
from monitor.model.mail import Rendered
from monitor.rules.exclusion import Exclusion
from monitor.store.database import Database


async def excluded_now(
    subscription: Subscription, *, context: DigestContext, db: Database, now: datetime
) -> list[KeptOut]:
    """What `none`, `ignore`, scope and `max` keep out of what arrived since the last slot; by seq.

    An entry beyond the `max` of its rule stands in the digest by its title. Stores nothing. Raises StoreError.
    """
    rules = context.rules_of(subscription)
    draft = await draft_digest(
        subscription, slot_now(now), context=context, render=_unrendered, db=db, now=now
    )
    found = await kept_out(
        context.rules, [rule.name for rule in rules], after=draft.state.cursor, upto=draft.upto, db=db
    )
    if isinstance(draft, Draft):
        found += _beyond_max(draft, {rule.name: rule for rule in rules if rule.max})
    return sorted(found, key=lambda one: one.seq)


def _unrendered(_: Digest) -> Rendered:
    return Rendered(subject="", text="", html="")


def _beyond_max(draft: Draft, limited: dict[str, Rule]) -> Iterator[KeptOut]:
    seqs = {one.entry.id: one.seq for one in draft.waiting}
    for section in draft.digest.sections:
        if section.rule in limited:
            for item in (*section.items, *section.more)[limited[section.rule].max :]:
                cause = (Exclusion(rule=section.rule, cause="max"),)
                yield KeptOut(seq=seqs[item.entry.id], entry=item.entry, exclusions=cause, told=True)
