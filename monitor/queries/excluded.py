"""List what scope, words and limits of the rules keep out of the next digest."""

from collections.abc import Iterator
from datetime import datetime

from monitor.config.options import Rule, Subscription
from monitor.digests.due import slot_now
from monitor.jobs.draft import DigestContext, Draft, draft_digest
from monitor.jobs.stored import ExcludedEntry, excluded_entries
from monitor.model.digests import Digest
from monitor.model.mail import Rendered
from monitor.rules.exclusion import Exclusion
from monitor.rules.match import Cause
from monitor.store.database import Database


async def excluded_now(
    subscription: Subscription, *, context: DigestContext, db: Database, now: datetime
) -> list[ExcludedEntry]:
    """Return what `none`, `ignore`, scope and `max` keep out of what arrived since the last slot; by seq.

    An entry beyond the `max` of its rule stands in the digest by its title. Stores nothing. Raises StoreError.
    """
    rules = context.rules_of(subscription)
    draft = await draft_digest(
        subscription, slot_now(now), context=context, render=_unrendered, db=db, now=now
    )
    names = [rule.name for rule in rules]
    excluded = await excluded_entries(
        context.rules, names, after=draft.span.news_after, upto=draft.span.upto, db=db
    )
    if isinstance(draft, Draft):
        excluded += _beyond_max(draft, {rule.name: rule for rule in rules if rule.max})
    return sorted(excluded, key=lambda kept: kept.seq)


def _unrendered(_: Digest) -> Rendered:
    return Rendered(subject="", text="", html="")


def _beyond_max(draft: Draft, limited: dict[str, Rule]) -> Iterator[ExcludedEntry]:
    for section in draft.issues[0].digest.sections:
        if section.rule in limited:
            for item in section.all_items[limited[section.rule].max :]:
                if not item.owed:
                    yield ExcludedEntry(
                        seq=item.seq,
                        entry=item.entry,
                        exclusions=(Exclusion(rule=section.rule, cause=Cause.MAX),),
                        in_digest=True,
                    )
