"""Draft the mail that says for how long nothing has matched, for a subscription with `quiet_after`."""

from dataclasses import dataclass, replace
from datetime import datetime

from monitor.config.options import Subscription
from monitor.digests.build import build
from monitor.digests.due import LATE, next_slot
from monitor.digests.room import RenderDigest
from monitor.jobs.draft import DigestContext, Draft, Issue, NothingPending, in_parts, watched_since
from monitor.model.digests import Slot, SlotKind
from monitor.store import digests
from monitor.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietUntil:
    """When the silence will be worth a mail, if nothing goes until then."""

    at: datetime


async def draft_quiet(
    subscription: Subscription,
    slot: Slot,
    nothing: NothingPending,
    *,
    context: DigestContext,
    render: RenderDigest,
    fallback: RenderDigest,
    db: Database,
    now: datetime,
) -> Draft | QuietUntil | None:
    """Return the mail about the silence where it is time for one, else when it will be; None where none is asked for.

    It is due at the first slot when no mail went for `quiet_after`, and comes again after as long.
    """
    if subscription.quiet_after is None or slot.kind not in (SlotKind.AT, SlotKind.EVERY):
        return None
    state = nothing.state
    last = await db.read(digests.last_at, state.key) or state.created_at
    due_at = last + subscription.quiet_after - LATE  # a digest is made some seconds after its slot
    if slot.at < due_at or nothing.waiting or nothing.unwanted or not nothing.recipients:
        return QuietUntil(at=due_at)
    rules = [(rule, context.rules.fingerprints[rule.name]) for rule in context.rules_of(subscription)]
    digest = build(
        subscription,
        replace(slot, kind=SlotKind.QUIET),
        [],
        rules=rules,
        feeds={},
        watched=await db.read(watched_since, context.feeds, last),
        since=last,
        now=now,
        next_at=next_slot(subscription, now),
    )
    digest = replace(digest, contact=context.contact)
    parts, template_error = await in_parts(digest, render, fallback)
    issue = Issue(
        recipients=nothing.recipients, digest=digest, parts=parts.parts, left=(), owed=(), returns={}
    )
    return Draft(
        issues=(issue,),
        state=state,
        span=nothing.span,
        pending=(),
        mailed_before={},
        waiting=nothing.waiting,
        backfill=nothing.backfill,
        new=nothing.new,
        template_error=template_error,
    )
