"""Turn what matched into one mail per recipient, waiting in the outbox."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.digests.build import build
from monitor.digests.due import next_slot
from monitor.digests.render import Render
from monitor.jobs.rematch import JUDGED_AT_ONCE, judge
from monitor.mail.message import make_mail, new_message_id
from monitor.model import (
    Digest,
    Feed,
    FeedHealth,
    Mail,
    Match,
    PollState,
    Rendered,
    Slot,
    Subscription,
    SubscriptionState,
    Waiting,
    Watched,
)
from monitor.rules.match import Ruleset
from monitor.store import digests, entries, feeds, outbox
from monitor.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Newsroom:
    """What every digest of one configuration has in common."""

    rules: Ruleset
    rule_names: tuple[str, ...]  # the operator's order
    feeds: tuple[Feed, ...]
    sender: str
    expire: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A digest made and rendered, not yet queued; `state` and `upto` say from which entries."""

    digest: Digest
    rendered: Rendered
    state: SubscriptionState
    upto: int
    waiting: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Nothing waits among the entries up to `upto`."""

    state: SubscriptionState
    upto: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A digest is queued: for whom, and how many entries it tells of."""

    subscription: Subscription
    slot: Slot
    entries: int
    subject: str
    mails: tuple[Mail, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingNew:
    """Nothing waits for this subscription, so there is no mail."""

    subscription: Subscription
    slot: Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTaken:
    """Another worker has made this digest, or a later one, in the meantime."""

    subscription: Subscription
    slot: Slot


ComposeOutcome = Composed | NothingNew | SlotTaken


async def compose(
    subscription: Subscription, slot: Slot, *, newsroom: Newsroom, render: Render, db: Database, now: datetime
) -> ComposeOutcome:
    """Entries count as mailed in the very transaction that queues their mail: both, or neither.

    Raises DigestError when a template fails (the digest waits) and StoreError.
    """
    draft = await draft_digest(subscription, slot, newsroom=newsroom, render=render, db=db, now=now)
    if isinstance(draft, Quiet):
        # A time of day that passes without news is remembered, so that "since" stays true.
        if subscription.at and not await db.write(digests.take_slot, draft.state, slot, draft.upto):
            return SlotTaken(subscription=subscription, slot=slot)
        return NothingNew(subscription=subscription, slot=slot)
    mails = mails_of(draft, sender=newsroom.sender)
    queued = await db.write(_queue, draft, mails, newsroom.rules.fingerprint, now + newsroom.expire)
    if not queued:
        return SlotTaken(subscription=subscription, slot=slot)
    return Composed(
        subscription=subscription,
        slot=slot,
        entries=len(draft.waiting),
        subject=draft.rendered.subject,
        mails=mails,
    )


async def draft_digest(
    subscription: Subscription, slot: Slot, *, newsroom: Newsroom, render: Render, db: Database, now: datetime
) -> Draft | Quiet:
    """What `compose` would queue, from what waits at this moment. Stores nothing."""
    names = subscription.rules or newsroom.rule_names
    rules = [(name, newsroom.rules.fingerprints[name]) for name in names]
    state, upto = await db.read(_stand, subscription.name, now)
    waiting = await _waiting(state, upto, [fingerprint for _, fingerprint in rules], newsroom=newsroom, db=db)
    if not waiting:
        return Quiet(state=state, upto=upto)
    digest = build(
        subscription,
        slot,
        waiting,
        rules=rules,
        feeds={feed.url: feed.name for feed in newsroom.feeds},
        watched=await db.read(_watched, newsroom.feeds, state.cursor, upto),
        since=state.last_at,
        now=now,
        next_at=next_slot(subscription, now),
    )
    # In a thread: a long digest takes a while to render, and mails in transit want their heartbeat.
    rendered = await asyncio.to_thread(render, digest)
    return Draft(digest=digest, rendered=rendered, state=state, upto=upto, waiting=tuple(waiting))


def _stand(tx: Connection, name: str, now: datetime) -> tuple[SubscriptionState, int]:
    """Where the subscription stands, and the newest entry: what arrives from here on is the next digest's."""
    upto = entries.newest_seq(tx)
    return digests.state(tx, name) or SubscriptionState(name=name, created_at=now, cursor=upto), upto


async def _waiting(
    state: SubscriptionState, upto: int, fingerprints: Sequence[str], *, newsroom: Newsroom, db: Database
) -> list[Waiting]:
    """What the rules in force find among the entries after the cursor, mailed ones left out.

    Entries that other rules have judged (an edit a moment ago, another service) are judged here, first:
    should somebody store that judgement meanwhile, the second question finds it.
    """
    found: dict[int, Waiting] = {}
    after = state.cursor
    while batch := await db.read(
        entries.unjudged, after=after, upto=upto, ruleset=newsroom.rules.fingerprint, limit=JUDGED_AT_ONCE
    ):
        after = batch[-1][0]
        judged = await asyncio.to_thread(judge, batch, newsroom.rules)
        fresh = [replace(one, matches=_only(one.matches, fingerprints)) for one in judged]
        mailed = await db.read(digests.mailed, state.name, [one.entry.story for one in fresh])
        found |= {one.seq: one for one in fresh if one.matches and one.entry.story not in mailed}
    stored = await db.read(
        entries.waiting, subscription=state.name, after=state.cursor, upto=upto, fingerprints=fingerprints
    )
    found |= {one.seq: one for one in stored}
    return [found[seq] for seq in sorted(found)]


def _only(found: Sequence[Match], fingerprints: Sequence[str]) -> tuple[Match, ...]:
    return tuple(match for match in found if match.fingerprint in fingerprints)


def _watched(tx: Connection, watched: Sequence[Feed], after: int, upto: int) -> Watched:
    states = {state.feed_url: state for state in feeds.states(tx)}
    return Watched(feeds=_health(watched, states), entries=entries.count_news(tx, after, upto))


def _health(watched: Sequence[Feed], states: Mapping[str, PollState]) -> tuple[tuple[str, FeedHealth], ...]:
    def of(state: PollState | None) -> FeedHealth:
        if state is not None and state.failures:
            return FeedHealth.FAILING
        return FeedHealth.WELL if state is not None and state.visited else FeedHealth.UNVISITED

    return tuple((feed.name, of(states.get(feed.url))) for feed in watched)


def mails_of(draft: Draft, *, sender: str) -> tuple[Mail, ...]:
    """One mail per recipient; the same draft gives the same bytes."""
    digest = draft.digest
    return tuple(
        make_mail(
            draft.rendered,
            sender=sender,
            to=to,
            message_id=new_message_id(sender, _unique(digest.subscription.name, digest.slot.name, to)),
            date=digest.at,
            list_name=digest.subscription.name,
        )
        for to in digest.subscription.to
    )


def _unique(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _queue(tx: Connection, draft: Draft, mails: Sequence[Mail], ruleset: str, expires_at: datetime) -> bool:
    """Everything a digest leaves behind, in one transaction; False when another worker was first."""
    digest = draft.digest
    name = digest.subscription.name
    if not digests.take_slot(tx, draft.state, digest.slot, draft.upto):
        return False
    number = digests.insert(tx, name, digest.slot, digest.at, len(draft.waiting), ruleset)
    if number is None:
        return False
    digests.mark_mailed(tx, name, number, [(one.seq, one.entry.story) for one in draft.waiting])
    for mail in mails:
        outbox.insert(tx, number, mail, now=digest.at, expires_at=expires_at)
    return True
