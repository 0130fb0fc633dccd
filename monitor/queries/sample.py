"""Make a sample of a subscription's digest where nothing waits: of stored entries, mailed and held back ones too."""

from dataclasses import replace
from datetime import datetime

from monitor.config.options import Subscription
from monitor.digests.build import Stories, build
from monitor.digests.due import next_slot, slot_now
from monitor.digests.sample import made_up_digest
from monitor.digests.stories import Past
from monitor.jobs.draft import DigestContext, story_reader
from monitor.jobs.stored import judge
from monitor.model.digests import Digest, Watched
from monitor.model.feeds import FeedHealth
from monitor.model.rules import PendingEntry
from monitor.store import entries
from monitor.store.database import Database
from monitor.texts import in_language, sentence

_SHOWN = 30  # entries: a digest of a good day
_BATCH = 200
_LOOKED_AT = 5000  # entries at most


async def sample_of_stored(
    subscription: Subscription, *, context: DigestContext, db: Database, now: datetime
) -> Digest | None:
    """Return a digest of the newest stored entries that match, mailed or held back ones included; None without any.

    Nothing is stored. Raises StoreError.
    """
    rules = context.rules_of(subscription)
    fingerprints = [context.rules.fingerprints[rule.name] for rule in rules]
    matched: list[PendingEntry] = []
    before: int | None = None
    for _ in range(_LOOKED_AT // _BATCH):
        batch = await db.read(entries.latest, before=before, limit=_BATCH)
        if not batch or len(matched) >= _SHOWN:
            break
        before = batch[-1][0]
        for candidate in await judge(batch, context.rules):
            matches = tuple(match for match in candidate.matches if match.fingerprint in fingerprints)
            if matches:
                matched.append(replace(candidate, matches=matches))
    if not matched:
        return None
    newest = sorted(matched, key=lambda candidate: candidate.entry.when, reverse=True)[:_SHOWN]
    return build(
        named_as_sample(subscription),
        slot_now(now),
        sorted(newest, key=lambda candidate: candidate.seq),
        rules=list(zip(rules, fingerprints, strict=True)),
        feeds={feed.url: feed.name for feed in context.feeds},
        watched=Watched(
            feeds=tuple((feed.name, FeedHealth.OK) for feed in context.feeds), entries=len(newest)
        ),
        since=None,
        now=now,
        next_at=next_slot(subscription, now),
        stories=Stories(reader=story_reader(), past=Past(story_reader()), retitled={}),
    )


def sample_made_up(subscription: Subscription, now: datetime) -> Digest:
    """Return a digest of news that are made up, for a database in which nothing is stored that matches."""
    return made_up_digest(named_as_sample(subscription), now, next_at=next_slot(subscription, now))


def named_as_sample(subscription: Subscription) -> Subscription:
    """Return the subscription under a name that says, in its readers' language, that this is a sample."""
    name = in_language(sentence("{name} (sample)", name=subscription.name), subscription.locale)
    return replace(subscription, name=name)
