"""Find what is due and do it: rematch, poll, compose, deliver, prune.

Each duty looks for due rows and begins a task for each, so that a slow feed or server delays nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from monitor import log
from monitor.config.options import Feed, Rule, Subscription
from monitor.digests.due import due, outside_quiet_hours, slot_at_once
from monitor.errors import DigestError
from monitor.jobs.compose import NothingNew, compose
from monitor.jobs.deliver import deliver, recover_and_expire
from monitor.jobs.poll import claim, poll
from monitor.jobs.prune import prune
from monitor.jobs.rematch import rematch
from monitor.loaded import LoadedConfig
from monitor.model.digests import Slot
from monitor.model.feeds import PollState
from monitor.service.events import log_attempt, log_compose, log_poll, masked
from monitor.service.runtime import Runtime, clock, jitter
from monitor.store import digests, entries, outbox
from monitor.store.database import Connection, Database

_Asked = tuple[tuple[int, int], Subscription, tuple[Rule, ...]]  # of what there was, for whom, by which rules
Begin = Callable[[str, Callable[[], Awaitable[None]]], "asyncio.Task[None]"]

_SENDERS = 4  # mails in transit at one time: a server that thinks for minutes delays nobody
_DIGEST_REST = timedelta(minutes=1)  # before a digest whose template failed is tried again


class DueWork:
    """The work of one configuration. `begin` runs a named task and tells of its failure."""

    def __init__(self, current: LoadedConfig, runtime: Runtime, db: Database, begin: Begin) -> None:
        self.current, self.runtime = current, runtime
        self._db, self._begin = db, begin
        self._polling: dict[str, asyncio.Task[None]] = {}  # by the feed's url
        self._sending: set[asyncio.Task[None]] = set()
        self._relay_rests_until = datetime.min.replace(tzinfo=UTC)
        self._digest_rests: dict[str, datetime] = {}
        self._nothing: dict[
            tuple[str, bool], _Asked
        ] = {}  # by subscription, and whether at once: asked in vain

    async def poll_due(self) -> None:
        """Begin a visit to each feed that is due."""
        options = self.current.config.fetch
        free = options.concurrency - len(self._polling)
        idle = [feed for feed in self.current.config.feeds if feed.url not in self._polling]
        if free <= 0 or not idle:
            return
        for feed, state in await claim(idle, db=self._db, now=clock(), options=options, limit=free):
            task = self._begin(f"poll {feed.name}", partial(self._poll, feed, state))
            self._polling[feed.url] = task
            task.add_done_callback(partial(self._polled, feed.url))

    def _polled(self, url: str, _task: asyncio.Task[None]) -> None:
        del self._polling[url]

    async def _poll(self, feed: Feed, state: PollState) -> None:
        outcome = await poll(
            feed,
            state,
            fetch=self.runtime.fetcher.fetch,
            rules=self.current.rules,
            options=self.current.config.fetch,
            db=self._db,
            clock=clock,
            jitter=jitter,
        )
        log_poll(outcome)

    async def compose_due(self) -> None:
        """Queue the digest of each subscription whose time has come."""
        seen = await self._db.read(_what_there_is)
        for subscription in self.current.config.subscriptions:
            for urgent in (False, True):  # a digest that is due takes along what would go out at once
                name = f"compose {subscription.name}" + " at once" * urgent
                await self._begin(name, partial(self._compose, subscription, seen, urgent))

    async def _compose(self, subscription: Subscription, seen: tuple[int, int], urgent: bool) -> None:
        name, now = subscription.name, clock()
        if name in self._digest_rests and now < self._digest_rests[name]:
            return
        rules = self.runtime.context.rules_of(subscription)
        woken = outside_quiet_hours(rules, subscription.timezone, now) if urgent else ()
        # Asked in vain before, of the same entries and rules: only a time of day changes the answer.
        asked = (seen, subscription, woken)
        if (urgent and not woken) or (
            (urgent or not subscription.at) and self._nothing.get((name, urgent)) == asked
        ):
            return
        slot: Slot | None = slot_at_once(now)
        if not urgent:
            state = await self._db.read(digests.state, name)
            slot = due(subscription, state, now) if state else None
        if slot is None:
            return
        try:
            outcome = await compose(
                subscription,
                slot,
                context=self.runtime.context,
                render=self.runtime.render,
                db=self._db,
                now=now,
            )
        except DigestError:
            self._digest_rests[name] = now + _DIGEST_REST
            raise
        if isinstance(outcome, NothingNew):
            self._nothing[name, urgent] = asked
        log_compose(outcome)

    async def deliver_due(self) -> None:
        """Begin to hand over what waits; give up what has become too old."""
        now, options = clock(), self.current.config.outbox
        if not await self._db.read(outbox.anything_due, now):
            return
        for expired in await recover_and_expire(db=self._db, now=now, options=options):
            log.warning(
                "expired",
                mail=expired.id,
                to=masked(expired.mail.to),
                slot=expired.slot,
                last=expired.last_reply,
            )
        while len(self._sending) < _SENDERS and now >= self._relay_rests_until:
            task = self._begin("deliver mail", self._deliver_waiting)
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _deliver_waiting(self) -> None:
        options = self.current.config.outbox
        while clock() >= self._relay_rests_until:
            outcome = await deliver(
                send=self.runtime.send, db=self._db, clock=clock, options=options, jitter=jitter
            )
            if outcome is None:
                return
            log_attempt(outcome)
            if outcome.relay:
                self._relay_rests_until = clock() + options.retry[0]

    async def rematch(self) -> None:
        """Judge by the rules in force what other rules have judged."""
        names = [subscription.name for subscription in self.current.config.subscriptions]
        states = [await self._db.read(digests.state, name) for name in names]
        after = min((state.cursor for state in states if state), default=None)
        if after is not None and (judged := await rematch(self.current.rules, after=after, db=self._db)):
            log.info("rematched", entries=judged)

    async def prune(self) -> None:
        """Forget what is older than the operator wants it kept."""
        if forgotten := await prune(db=self._db, now=clock(), options=self.current.config.outbox):
            log.info("pruned", mails=forgotten)

    async def polls_ended(self) -> None:
        """Wait for the visits begun so far."""
        if self._polling:
            await asyncio.wait(list(self._polling.values()))


def _what_there_is(tx: Connection) -> tuple[int, int]:
    """The newest entry, and how many of before were put forward."""
    return entries.newest_seq(tx), digests.count_backfill(tx)
