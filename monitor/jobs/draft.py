"""What would a slot bring? Made and rendered from what waits at this moment; stores nothing."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.config.options import Feed, Rule, Subscription
from monitor.digests.build import build, rules_of
from monitor.digests.due import is_at_once, next_slot, outside_quiet_hours
from monitor.digests.render import Render
from monitor.jobs.kept_out import kept_out
from monitor.jobs.rematch import JUDGED_AT_ONCE, judge
from monitor.model.digests import Digest, Slot, SubscriptionState, Watched
from monitor.model.feeds import Entry, feed_health
from monitor.model.mail import Rendered
from monitor.model.rules import Match, PendingEntry
from monitor.rules.exclusion import words_that_kept_out
from monitor.rules.match import Ruleset
from monitor.store import backfill, digests, entries, feeds
from monitor.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestContext:
    """What every digest of one configuration has in common."""

    rules: Ruleset
    feeds: tuple[Feed, ...]
    sender: str
    expire: timedelta

    def rules_of(self, subscription: Subscription) -> tuple[Rule, ...]:
        """The rules of a subscription, in the order of its digest."""
        return rules_of(subscription, [one.rule for one in self.rules.rules])


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A digest made and rendered, not yet queued; `state` and `upto` say from which entries."""

    digest: Digest
    rendered: Rendered
    state: SubscriptionState
    upto: int
    waiting: tuple[PendingEntry, ...]
    forwarded: tuple[int, ...]  # the seqs that were put forward, matching or not


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Nothing waits among the entries up to `upto`."""

    state: SubscriptionState
    upto: int


async def draft_digest(
    subscription: Subscription,
    slot: Slot,
    *,
    context: DigestContext,
    render: Render,
    db: Database,
    now: datetime,
) -> Draft | Quiet:
    """What `compose` would queue. A slot "at once:..." brings what the rules of that pace have found, no more."""
    rules = context.rules_of(subscription)
    at_once = is_at_once(slot)
    if at_once:
        rules = outside_quiet_hours(rules, subscription.timezone, now)
    fingerprints = [context.rules.fingerprints[rule.name] for rule in rules]
    state, upto, forwarded = await db.read(_stand, subscription.name, now)
    if at_once:
        forwarded = []  # offered to the next digest
    waiting = await _waiting(state, upto, forwarded, fingerprints, context=context, db=db)
    if not waiting:
        return Quiet(state=state, upto=upto)
    watched = await db.read(_watched, context.feeds, state.cursor, upto)
    if not at_once:
        told = await _kept_out(rules, state.cursor, upto, waiting, context=context, db=db)
        watched = replace(watched, kept_out=told)
    digest = build(
        subscription,
        slot,
        waiting,
        rules=list(zip(rules, fingerprints, strict=True)),
        feeds={feed.url: feed.name for feed in context.feeds},
        watched=watched,
        since=state.last_at,
        now=now,
        next_at=next_slot(subscription, now),
    )
    # In a thread: a long digest takes a while to render, and mails in transit want their heartbeat.
    rendered = await asyncio.to_thread(render, digest)
    return Draft(
        digest=digest,
        rendered=rendered,
        state=state,
        upto=upto,
        waiting=tuple(waiting),
        forwarded=tuple(seq for seq, _ in forwarded),
    )


def _stand(
    tx: Connection, name: str, now: datetime
) -> tuple[SubscriptionState, int, list[tuple[int, Entry]]]:
    """Where the subscription stands, the newest entry, and what was put forward.

    What arrives from here on is the next digest's.
    """
    upto = entries.newest_seq(tx)
    state = digests.state(tx, name) or SubscriptionState(name=name, created_at=now, cursor=upto)
    return state, upto, backfill.offered(tx, name)


async def _waiting(
    state: SubscriptionState,
    upto: int,
    forwarded: Sequence[tuple[int, Entry]],
    fingerprints: Sequence[str],
    *,
    context: DigestContext,
    db: Database,
) -> list[PendingEntry]:
    """What the rules in force find among the entries after the cursor and those put forward, mailed ones left out.

    Entries that other rules have judged (an edit a moment ago, another service) are judged here, first:
    should somebody store that judgement meanwhile, the second question finds it.
    """
    found: dict[int, PendingEntry] = {}

    async def judge_now(batch: Sequence[tuple[int, Entry]]) -> None:
        judged = await asyncio.to_thread(judge, batch, context.rules)
        fresh = [replace(one, matches=_only(one.matches, fingerprints)) for one in judged]
        mailed = await db.read(digests.mailed, state.name, [one.entry.story for one in fresh])
        found.update((one.seq, one) for one in fresh if one.matches and one.entry.story not in mailed)

    await judge_now(forwarded)
    after = state.cursor
    while batch := await db.read(
        entries.unjudged, after=after, upto=upto, ruleset=context.rules.fingerprint, limit=JUDGED_AT_ONCE
    ):
        after = batch[-1][0]
        await judge_now(batch)
    stored = await db.read(
        entries.waiting, subscription=state.name, after=state.cursor, upto=upto, fingerprints=fingerprints
    )
    found |= {one.seq: one for one in stored}
    return [found[seq] for seq in sorted(found)]


def _only(found: Sequence[Match], fingerprints: Sequence[str]) -> tuple[Match, ...]:
    return tuple(match for match in found if match.fingerprint in fingerprints)


async def _kept_out(
    rules: Sequence[Rule],
    after: int,
    upto: int,
    waiting: Sequence[PendingEntry],
    *,
    context: DigestContext,
    db: Database,
) -> tuple[tuple[str, int], ...]:
    """For the footer: the words that kept entries out which are in this digest for no other reason either."""
    told = {one.entry.story for one in waiting}
    names = [rule.name for rule in rules]
    kept = await kept_out(context.rules, names, after=after, upto=upto, db=db)
    return words_that_kept_out([one.exclusions for one in kept if one.entry.story not in told])


def _watched(tx: Connection, watched: Sequence[Feed], after: int, upto: int) -> Watched:
    states = {state.feed_url: state for state in feeds.states(tx)}
    health = tuple((feed.name, feed_health(states.get(feed.url))) for feed in watched)
    return Watched(feeds=health, entries=entries.count_news(tx, after, upto))
