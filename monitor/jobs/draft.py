"""Build and render the digest a slot would bring, from the entries pending now; stores nothing."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.config.options import Feed, Rule, Subscription
from monitor.digests.build import build, rules_of
from monitor.digests.due import is_at_once, next_slot, outside_quiet_hours
from monitor.digests.render import RenderDigest
from monitor.jobs.stored import excluded_entries, judge, news_batches
from monitor.model.digests import Digest, Slot, SubscriptionState, Watched
from monitor.model.feeds import Entry, feed_health
from monitor.model.mail import Rendered, Route
from monitor.model.rules import Match, PendingEntry
from monitor.rules.exclusion import words_that_kept_out
from monitor.rules.match import Ruleset
from monitor.store import digests, entries, feeds, subscriptions
from monitor.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestContext:
    """What all digests of one configuration have in common."""

    rules: Ruleset
    feeds: tuple[Feed, ...]
    sender: str
    expire: timedelta
    route: Route = Route.SMTP  # of the mails that are composed

    def rules_of(self, subscription: Subscription) -> tuple[Rule, ...]:
        """Return the rules of a subscription, in the order of its digest."""
        return rules_of(subscription, [compiled.rule for compiled in self.rules.rules])


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A digest built and rendered, not yet queued; `state` and `upto` say from which entries."""

    digest: Digest
    rendered: Rendered
    state: SubscriptionState
    upto: int
    pending: tuple[PendingEntry, ...]
    backfill: tuple[int, ...]  # the seqs offered to this digest, matching or not


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingPending:
    """No entry up to seq `upto` is pending."""

    state: SubscriptionState
    upto: int


async def draft_digest(
    subscription: Subscription,
    slot: Slot,
    *,
    context: DigestContext,
    render: RenderDigest,
    db: Database,
    now: datetime,
) -> Draft | NothingPending:
    """Build and render what `compose` would queue; an "at once" slot brings matches of rules of that pace only.

    Raises DigestError when a template fails, and StoreError.
    """
    rules = context.rules_of(subscription)
    at_once = is_at_once(slot)
    if at_once:
        rules = outside_quiet_hours(rules, subscription.timezone, now)
    fingerprints = [context.rules.fingerprints[rule.name] for rule in rules]
    state, upto, backfill = await db.read(_range, subscription.name, now)
    if at_once:
        backfill = []  # offered to the next digest
    pending = await _pending(state, upto, backfill, fingerprints, context=context, db=db)
    if not pending:
        return NothingPending(state=state, upto=upto)
    watched = await db.read(_watched, context.feeds, state.cursor, upto)
    if not at_once:
        words = await _words_that_kept_out(rules, state.cursor, upto, pending, context=context, db=db)
        watched = replace(watched, excluded_by=words)
    digest = build(
        subscription,
        slot,
        pending,
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
        pending=tuple(pending),
        backfill=tuple(seq for seq, _ in backfill),
    )


def _range(
    tx: Connection, name: str, now: datetime
) -> tuple[SubscriptionState, int, list[tuple[int, Entry]]]:
    """Return the subscription's state, the newest seq, and the entries of its backfill.

    What arrives from here on belongs to the next digest.
    """
    upto = entries.newest_seq(tx)
    state = subscriptions.state(tx, name) or SubscriptionState(
        key=name, name=name, created_at=now, cursor=upto
    )
    return state, upto, digests.backfill_of(tx, state.key)


async def _pending(
    state: SubscriptionState,
    upto: int,
    backfill: Sequence[tuple[int, Entry]],
    fingerprints: Sequence[str],
    *,
    context: DigestContext,
    db: Database,
) -> list[PendingEntry]:
    """Return the entries after the cursor and of the backfill that these rules match, mailed stories left out.

    Entries that another ruleset has judged (an edit a moment ago, another service) are judged here, first:
    should somebody store that judgement meanwhile, `entries.pending` returns it.
    """
    pending: dict[int, PendingEntry] = {}

    async def judge_now(batch: Sequence[tuple[int, Entry]]) -> None:
        judged = await asyncio.to_thread(judge, batch, context.rules)
        mailed = await db.read(digests.mailed, state.key, [entry.story for _, entry in batch])
        for candidate in judged:
            matches = _only(candidate.matches, fingerprints)
            if matches and candidate.entry.story not in mailed:
                pending[candidate.seq] = replace(candidate, matches=matches)

    await judge_now(backfill)
    ruleset = context.rules.fingerprint
    async for batch in news_batches(db, after=state.cursor, upto=upto, not_judged_by=ruleset):
        await judge_now(batch)
    stored = await db.read(
        entries.pending, subscription=state.key, after=state.cursor, upto=upto, fingerprints=fingerprints
    )
    pending |= {entry.seq: entry for entry in stored}
    return [pending[seq] for seq in sorted(pending)]


def _only(matches: Sequence[Match], fingerprints: Sequence[str]) -> tuple[Match, ...]:
    return tuple(match for match in matches if match.fingerprint in fingerprints)


def _watched(tx: Connection, watched: Sequence[Feed], after: int, upto: int) -> Watched:
    states = {state.feed_url: state for state in feeds.states(tx)}
    health = tuple((feed.name, feed_health(states.get(feed.url))) for feed in watched)
    return Watched(feeds=health, entries=entries.count_news(tx, after, upto))


async def _words_that_kept_out(
    rules: Sequence[Rule],
    after: int,
    upto: int,
    pending: Sequence[PendingEntry],
    *,
    context: DigestContext,
    db: Database,
) -> tuple[tuple[str, int], ...]:
    """Return (word, entries) for the words that kept entries out of all rules, stories of the digest left out."""
    stories = {candidate.entry.story for candidate in pending}
    names = [rule.name for rule in rules]
    excluded = await excluded_entries(context.rules, names, after=after, upto=upto, db=db)
    return words_that_kept_out([kept.exclusions for kept in excluded if kept.entry.story not in stories])
