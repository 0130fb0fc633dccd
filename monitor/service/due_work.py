"""Find what is due and do it: rematch, poll, compose, deliver, prune; the same for the service and for `monitor once`.

The service calls the methods at every tick. Each starts a task per feed or mail, so that a slow server delays nobody.
`round` does all of it once, to the end.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from monitor.config.options import Feed, Rule, Subscription
from monitor.digests.due import due, outside_quiet_hours, slot_at_once, slot_now
from monitor.errors import DigestError
from monitor.feeds import pace
from monitor.jobs import Clock
from monitor.jobs.archive import Archived, archive
from monitor.jobs.compose import Composed, ComposeOutcome, NothingNew, compose
from monitor.jobs.deliver import Attempted, InHand, deliver, is_anything_due, recover, room_soon
from monitor.jobs.demand import readers_of
from monitor.jobs.lapse import Lapsed, lapse
from monitor.jobs.notify import Notified, notify
from monitor.jobs.poll import PollOutcome, claim, claim_all, poll
from monitor.jobs.prune import Pruned, prune
from monitor.jobs.rematch import rematch
from monitor.jobs.watch import room_of, watch
from monitor.loaded import LoadedConfig
from monitor.model.digests import Slot, SubscriptionState
from monitor.model.feeds import PollState
from monitor.model.mail import Delivery, DeliveryStatus, LimitReached, RelayState
from monitor.model.notices import NoticeKind
from monitor.service.clock import clock
from monitor.service.places import MOST_OF_A_HOST, Place, Places, Turns
from monitor.service.runtime import Runtime, jitter
from monitor.store import digests, entries, feeds, notices, outbox, owed, relays, services, subscriptions
from monitor.store.database import Connection, Database

Work = Callable[[], Awaitable[None]]
# Runs named work in a task of its own and reports its failure.
StartTask = Callable[[str, Work], "asyncio.Task[None]"]

_SENDERS = 4  # mails in transit at one time: a server that thinks for minutes delays nobody
_PAUSE_AFTER_FAILED_TEMPLATE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDue:
    """A subscription's digest is not due."""

    subscription: Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeFailed:
    """A template failed; the digest is tried again later."""

    subscription: Subscription
    error: DigestError


@dataclass(frozen=True, slots=True, kw_only=True)
class Rematched:
    """Stored entries were matched by the rules in force."""

    entries: int


Outcome = (
    PollOutcome
    | ComposeOutcome
    | NotDue
    | ComposeFailed
    | Attempted
    | Notified
    | Rematched
    | Lapsed
    | Archived
    | Pruned
)
Report = Callable[[Outcome], None]

# The newest entry's seq, the counts of backfilled entries and of debts, and the cursors: another process may set one
# back.
_Seen = tuple[int, int, int, tuple[int, ...]]
_Question = tuple[_Seen, Subscription, tuple[Rule, ...]]


class DueWork:
    """The due work of one configuration. Every outcome goes to `report`, every task is started by `start`."""

    def __init__(
        self,
        loaded: LoadedConfig,
        runtime: Runtime,
        db: Database,
        *,
        start: StartTask,
        report: Report,
        in_hand: InHand | None = None,
        clock: Clock = clock,
        # For polls: one too many does no harm, so a step of it is followed at once.
        wall_clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.loaded, self.runtime = loaded, runtime
        self._readers = readers_of(loaded.config)
        self._db, self._start, self._report, self._clock = db, start, report, clock
        self._wall_clock, self._sleep = wall_clock or clock, sleep
        self._polls: dict[str, asyncio.Task[None]] = {}  # by the feed's url
        self._places = Places(loaded.config.fetch.concurrency)
        self._is_claiming = self._more_are_due = False
        self._deliveries: set[asyncio.Task[None]] = set()
        self._in_hand = InHand() if in_hand is None else in_hand
        self._stopped = False  # nothing new is begun
        self._digest_paused_until: dict[str, datetime] = {}  # by subscription
        # By subscription and whether at once: the question to which the answer was "nothing new".
        self._nothing_new: dict[tuple[str, bool], _Question] = {}
        self._until: dict[str, datetime | None] = {}  # when silence is an answer no more: by subscription

    async def round(self, *, now: bool) -> None:
        """Do everything that is due, and return when it has ended; with `now` every digest is composed, due or not."""
        await self.rematch()
        await self.poll_claimed(await self.claim_feeds(due_only=True), apart=True)
        await self.compose_for(self.loaded.config.subscriptions, now=now)
        await self.compose_at_once()
        await self.deliver_all()
        await self.archive()
        await self._db.write(notices.clear, NoticeKind.CONFIG_REFUSED, "", self._clock())
        await self._db.write(services.forget, self._clock())
        await self.watch()
        if await self.notify(gather=False):
            await self.deliver_all()
        await self.prune()

    # --- polls ----------------------------------------------------------------------------------

    async def poll_due(self) -> None:
        """Start a visit to each feed that is due, as far as places are free."""
        idle = [feed for feed in self.loaded.config.polled if feed.url not in self._polls]
        if self._stopped or self._is_claiming or self._places.free <= 0 or not idle:
            return
        self._is_claiming = True
        try:
            self._more_are_due = await self._start_polls(idle, self._places.free)
        finally:
            self._is_claiming = False

    async def _start_polls(self, idle: Sequence[Feed], most: int) -> bool:
        """Claim so many of these feeds at most and start to poll them; return whether more may be due."""
        count = 0
        for feed, state in await claim(
            idle,
            db=self._db,
            now=self._wall_clock(),
            options=self.loaded.config.fetch,
            limit=most,
            admit=self._places.admission(),
            apart=True,
        ):
            count += 1
            place = self._places.take(feed.url, freed=self._place_is_free)
            task = self._start(f"poll {feed.name}", partial(self._poll, feed, state, place))
            self._polls[feed.url] = task
            task.add_done_callback(partial(self._poll_ended, feed.url, place))
        return count == most

    def _place_is_free(self) -> None:
        # Not for each place: a claim costs as much as a poll that brings nothing.
        if self._more_are_due and self._places.free * 4 >= self.loaded.config.fetch.concurrency:
            self._more_are_due = False
            self._start("poll", self.poll_due)

    async def claim_feeds(
        self, *, due_only: bool, by_hand: bool = False, only: Sequence[Feed] = ()
    ) -> list[tuple[Feed, PollState]]:
        """Claim every feed, or every due one, for one visit; `by_hand` those too that are gone and asked no more.

        `only` are those to choose from, where not all are.
        """
        candidates = tuple(only) or self.loaded.config.polled
        options, now = self.loaded.config.fetch, self._wall_clock()
        if due_only:
            limit = len(candidates)
            return await claim(
                candidates, db=self._db, now=now, options=options, limit=limit, by_hand=by_hand
            )
        return await claim_all(candidates, db=self._db, now=now, options=options)

    async def poll_claimed(self, claimed: Sequence[tuple[Feed, PollState]], *, apart: bool) -> None:
        """Visit feeds that were claimed, and return when all have answered.

        With `apart` the requests to one host begin a second or two apart.
        """
        options, turns = self.loaded.config.fetch, Turns(jitter)
        places = asyncio.Semaphore(options.concurrency)
        running: set[asyncio.Task[None]] = set()
        by_host: dict[str, deque[tuple[Feed, PollState]]] = {}
        for feed, state in claimed:
            by_host.setdefault(pace.host_and_port(feed.url), deque()).append((feed, state))

        def ended(place: Place, task: asyncio.Task[None]) -> None:
            place.leave()
            running.discard(task)

        async def begin(feed: Feed, state: PollState) -> Place:
            await places.acquire()
            place = self._places.take(feed.url, freed=places.release)
            task = self._start(f"poll {feed.name}", partial(self._poll, feed, state, place))
            running.add(task)
            task.add_done_callback(partial(ended, place))
            return place

        async def visit_in_turn(waiting: deque[tuple[Feed, PollState]]) -> None:
            while waiting:
                feed, state = waiting.popleft()
                if apart and (host := pace.host_of(feed.url, options)):
                    await asyncio.sleep(turns.wait(host, asyncio.get_running_loop().time()))
                place = await begin(feed, state)
                await place.has_left_host.wait()

        async with asyncio.TaskGroup() as visitors:
            for waiting in by_host.values():
                if len(waiting) == 1:  # the first of a host waits for nobody but a place
                    await begin(*waiting[0])
                    continue
                for _ in range(MOST_OF_A_HOST):
                    visitors.create_task(visit_in_turn(waiting))
        await _all_ended(running)

    async def feeds_at_rest(self) -> list[tuple[Feed, datetime]]:
        """Return the feeds whose servers want to be left alone, and until when."""
        until = await self._db.read(feeds.wanting_rest, self._wall_clock())
        return [(feed, until[feed.url]) for feed in self.loaded.config.polled if feed.url in until]

    async def polls_ended(self) -> None:
        """Wait for the visits started so far."""
        await _all_ended(list(self._polls.values()))

    def break_off_polls(self, edited: "Callable[[Feed], bool]") -> list[str]:
        """Break off the polls under way of the feeds that were edited; return their urls. Nothing of them is stored."""
        urls = [feed.url for feed in self.loaded.config.feeds if feed.url in self._polls and edited(feed)]
        for url in urls:
            self._polls[url].cancel()
        return urls

    def _poll_ended(self, url: str, place: Place, task: asyncio.Task[None]) -> None:
        _leave(place, task)
        del self._polls[url]

    async def _poll(self, feed: Feed, state: PollState, place: Place) -> None:
        outcome = await poll(
            feed,
            state,
            demand=self._readers[feed.url].demand(self._wall_clock()),
            fetch=self.runtime.fetcher.fetch,
            parse=self.runtime.parse,
            rules=self.loaded.rules,
            options=self.loaded.config.fetch,
            db=self._db,
            clock=self._wall_clock,
            settled_clock=self._clock,
            jitter=jitter,
            downloaded=place.downloaded,
        )
        self._report(outcome)

    # --- digests --------------------------------------------------------------------------------

    async def compose_due(self) -> None:
        """Queue the digest of each subscription whose time has come, then what may go out at once."""
        seen = await self._db.read(_seen)
        for subscription in self.loaded.config.subscriptions:
            await self._start(
                f"compose {subscription.name}", partial(self._compose_digest, subscription, seen)
            )
        await self.compose_at_once()  # a digest that was due has taken along what would go out at once

    async def compose_at_once(self) -> None:
        """Queue a mail of its own for what rules with pace = "at once" have found."""
        seen = await self._db.read(_seen)
        for subscription in self.loaded.config.subscriptions:
            await self._start(
                f"compose {subscription.name} at once", partial(self._compose_urgent, subscription, seen)
            )

    async def compose_for(self, subscriptions: Sequence[Subscription], *, now: bool) -> None:
        """Queue the digests of these subscriptions that are due, or with `now` all."""
        for subscription in subscriptions:
            await self._start(
                f"compose {subscription.name}", partial(self._compose_on_request, subscription, now=now)
            )

    async def _compose_on_request(self, subscription: Subscription, *, now: bool) -> None:
        moment = self._clock()
        state = await self._db.read(subscriptions.state, subscription.name)
        slot = slot_now(moment) if now else _due_slot(subscription, state, moment)
        if slot is None:
            self._report(NotDue(subscription=subscription))
        elif outcome := await self._compose(subscription, slot, moment):
            self._report(outcome)

    async def _compose_digest(self, subscription: Subscription, seen: _Seen) -> None:
        question: _Question = (seen, subscription, ())
        # Only a time of day changes the answer to a question that was asked of the same entries and rules before.
        now = self._clock()
        if not subscription.at and self._is_answered(subscription.name, question, now):
            return
        state = await self._db.read(subscriptions.state, subscription.name)
        slot = _due_slot(subscription, state, now)
        if slot is None:
            return
        outcome = await self._compose(subscription, slot, now)
        if isinstance(outcome, NothingNew):
            self._nothing_new[subscription.name, False] = question
            self._until[subscription.name] = outcome.until
        if outcome:
            self._report(outcome)

    def _is_answered(self, name: str, question: _Question, now: datetime) -> bool:
        until = self._until.get(name)
        return self._nothing_new.get((name, False)) == question and (until is None or now < until)

    async def _compose_urgent(self, subscription: Subscription, seen: _Seen) -> None:
        now = self._clock()
        rules = outside_quiet_hours(self.runtime.context.rules_of(subscription), subscription.timezone, now)
        question: _Question = (seen, subscription, rules)
        if (
            not rules
            or not subscription.at_once_most
            or self._nothing_new.get((subscription.name, True)) == question
        ):
            return
        outcome = await self._compose(subscription, slot_at_once(now), now)
        if isinstance(outcome, NothingNew):
            self._nothing_new[subscription.name, True] = question
        if isinstance(outcome, Composed):
            self._report(outcome)

    async def _compose(self, subscription: Subscription, slot: Slot, now: datetime) -> ComposeOutcome | None:
        """Compose one digest; return None while the subscription pauses after a failed template."""
        name = subscription.name
        paused_until = self._digest_paused_until.get(name, now)
        # What is later than that was reckoned by a clock that was ahead.
        if now < paused_until <= now + _PAUSE_AFTER_FAILED_TEMPLATE:
            return None
        try:
            return await compose(
                subscription,
                slot,
                context=self.runtime.context,
                render=self.runtime.render,
                fallback=self.runtime.fallback,
                db=self._db,
                now=now,
            )
        except DigestError as error:
            self._digest_paused_until[name] = now + _PAUSE_AFTER_FAILED_TEMPLATE
            self._report(ComposeFailed(subscription=subscription, error=error))
            raise

    # --- mails ----------------------------------------------------------------------------------

    async def deliver_due(self) -> None:
        """Start to hand over what is due: one mail first, several at a time once the server has taken it.

        While the server takes its time over some, one more is begun at each tick.
        """
        if len(self._deliveries) >= self._senders:
            return
        if not await self._db.read(is_anything_due, self.runtime.transport, self._clock()):
            return
        await self._recover()
        self._start_deliveries(senders=min(len(self._deliveries) + 1, self._senders))

    async def deliver_all(self, *, now: bool = False) -> None:
        """Hand over what is due one by one, and return when that has ended; `now` spares no server that failed.

        Mails for which there is room again within a minute are waited for.
        """
        if now:
            await self._db.write(relays.probe_now, self.runtime.transport.server, self._clock())
        await self._recover()
        while not self._stopped:
            self._start_deliveries(senders=1, most=1)
            await _all_ended(list(self._deliveries))
            room_at = await self._db.read(room_soon, self.runtime.transport, self._clock())
            if room_at is None:
                return
            await self._sleep((room_at - self._clock()).total_seconds())

    def stop(self) -> None:
        """Begin nothing new: what is being done ends."""
        self._stopped = True

    async def hang_up(self) -> None:
        """Take leave of the mail server: connections that wait for a mail are closed."""
        await self.runtime.transport.close()

    async def break_off(self) -> None:
        """Break off the polls under way: nothing of them is stored, and they are due at once."""
        urls = self.break_off_polls(lambda _: True)
        await _all_ended(self._polls.values())
        if urls:
            await self._db.write(feeds.advance, dict.fromkeys(urls, self._wall_clock()))

    async def count_unsent(self) -> int:
        """Return the count of mails that wait, due or not."""
        counts = await self._db.read(outbox.counts)
        return counts[DeliveryStatus.WAITING] + counts[DeliveryStatus.UNCERTAIN]

    async def unsent(self) -> list[Delivery]:
        """Return the mails that wait or are held, by number."""
        return await self._db.read(outbox.unsent)

    async def spared(self) -> RelayState | None:
        """Return how the mail server did, while it is not tried before some later instant."""
        transport = self.runtime.transport
        return await self._db.read(relays.spared, transport.server, transport.settings, self._clock())

    async def limit_reached(self) -> LimitReached | None:
        """Return the limit that keeps mails from the mail server just now."""
        transport = self.runtime.transport
        return await self._db.read(outbox.limit_reached, transport.server, transport.limits, self._clock())

    async def _recover(self) -> None:
        options = self.loaded.config.outbox
        await recover(db=self._db, now=self._clock(), options=options, in_hand=self._in_hand)

    @property
    def _senders(self) -> int:
        return min(_SENDERS, self.runtime.transport.limits.connections or _SENDERS)

    def _start_deliveries(self, *, senders: int, most: int | None = None) -> None:
        while len(self._deliveries) < senders:
            task = self._start("deliver mail", partial(self._deliver_until_done, most or self._senders))
            self._deliveries.add(task)
            task.add_done_callback(self._deliveries.discard)

    async def _deliver_until_done(self, most: int) -> None:
        while not self._stopped:
            attempt = await deliver(
                transport=self.runtime.transport,
                db=self._db,
                clock=self._clock,
                options=self.loaded.config.outbox,
                jitter=jitter,
                in_hand=self._in_hand,
            )
            if attempt is None:
                return
            self._report(attempt)
            # Not before: a server that refuses the login would be asked by each of them.
            if attempt.status is DeliveryStatus.SENT:
                self._start_deliveries(senders=most, most=most)

    async def notify(self, *, gather: bool = True) -> bool:
        """Queue a mail to each operator about new troubles, and about those that are over; return whether there is one.

        With `gather` False a swarm of troubles is not waited for.
        """
        config = self.loaded.config
        notified = await notify(
            to=config.operator.to,
            sender=config.smtp.sender,
            server=self.runtime.transport.server,
            route=self.runtime.context.route,
            render=self.runtime.render_notice,
            db=self._db,
            now=self._clock(),
            expire=config.outbox.expire,
            gather=gather,
        )
        if notified is None:
            return False
        self._report(notified)
        return bool(notified.mails)

    # --- housekeeping ---------------------------------------------------------------------------

    async def rematch(self) -> None:
        """Match stored entries, which other rules have judged, by the rules in force."""
        names = [subscription.name for subscription in self.loaded.config.subscriptions]
        states = [await self._db.read(subscriptions.state, name) for name in names]
        after = min((state.cursor for state in states if state), default=None)
        if after is not None and (count := await rematch(self.loaded.rules, after=after, db=self._db)):
            self._report(Rematched(entries=count))

    async def watch(self) -> None:
        """Look after dead and quiet feeds, the disk, the clock and the calendar."""
        config = self.loaded.config
        await watch(
            config.feeds,
            subscriptions=config.subscriptions,
            db=self._db,
            now=self._wall_clock(),
            room_of=room_of,
        )

    async def lapse(self) -> None:
        """Let lapse who has been out of config.toml for a day."""
        if lapsed := await lapse(db=self._db, now=self._clock()):
            self._report(lapsed)

    async def archive(self) -> None:
        """Write what the archive lacks, where there is one."""
        place = self.runtime.archive
        if place and (archived := await archive(place, db=self._db, now=self._clock())):
            self._report(archived)

    async def prune(self) -> None:
        """Delete what is older than the operator wants it kept."""
        config = self.loaded.config
        pruned = await prune(db=self._db, now=self._clock(), mails=config.outbox, store=config.store)
        if pruned.mails or pruned.entries:
            self._report(pruned)


def _leave(place: Place, _task: "asyncio.Task[None]") -> None:
    place.leave()


async def _all_ended(tasks: Iterable["asyncio.Task[None]"]) -> None:
    running = list(tasks)
    if running:
        await asyncio.wait(running)


def _due_slot(subscription: Subscription, state: SubscriptionState | None, now: datetime) -> Slot | None:
    return due(subscription, state, now) if state else None


def _seen(tx: Connection) -> _Seen:
    return entries.newest_seq(tx), digests.count_backfill(tx), owed.count(tx), subscriptions.cursors(tx)
