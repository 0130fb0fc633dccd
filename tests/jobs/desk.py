"""A small context for tests: one feed, its rules, one subscription, and the jobs called with fakes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.config.options import Feed, FetchOptions, OutboxOptions, Rule, StoreOptions, Subscription
from monitor.digests.due import slot_now
from monitor.digests.render import digest_renderer
from monitor.digests.room import RenderDigest
from monitor.feeds.fetch import Fetch
from monitor.feeds.parser_pool import Parse
from monitor.feeds.rhythm import Demand
from monitor.jobs.compose import ComposeOutcome, compose
from monitor.jobs.deliver import Attempted, InHand, Transport, deliver
from monitor.jobs.draft import DigestContext
from monitor.jobs.poll import PollOutcome, claim_all, poll
from monitor.jobs.prune import Pruned, prune
from monitor.mail import Send
from monitor.model.digests import Slot
from monitor.model.mail import NO_LIMITS, Limits, Route
from monitor.rules.match import Ruleset, compile_rules
from monitor.store import feeds, subscriptions
from monitor.store.database import Connection, Database
from tests import make
from tests.fakes import FakeClock, FakeMailbox, FakeWeb
from tests.parsing import parse_here

FETCH = FetchOptions(min_interval=timedelta(minutes=1))
OUTBOX = OutboxOptions()


@dataclass
class Desk:
    """What a test has on its desk."""

    db: Database
    clock: FakeClock
    web: FakeWeb = field(default_factory=FakeWeb)
    mailbox: FakeMailbox = field(default_factory=FakeMailbox)
    feeds: Sequence[Feed] = (make.feed(),)
    rules: Sequence[Rule] = (make.rule(),)
    subscription: Subscription = field(default_factory=make.subscription)
    render: RenderDigest = field(default_factory=digest_renderer)
    fetch: Fetch | None = None  # instead of the web
    send: Send | None = None  # instead of the mailbox
    parse: Parse = parse_here
    downloaded: Callable[[int], None] = lambda _: None
    limits: Limits = NO_LIMITS

    @property
    def ruleset(self) -> Ruleset:
        return compile_rules(self.rules, self.feeds)

    @property
    def context(self) -> DigestContext:
        return DigestContext(
            rules=self.ruleset,
            feeds=tuple(self.feeds),
            sender="AI 日报 <digest@example.org>",
            expire=OUTBOX.expire,
        )

    @property
    def transport(self) -> Transport:
        send = self.send or self.mailbox.send
        return Transport(
            sends={Route.SMTP: send, Route.MAILDIR: send},
            server="smtp.example.org:465",
            settings="one",
            sender="digest@example.org",
            content_hash="first",
            limits=self.limits,
        )

    async def register(self) -> None:
        def store(tx: Connection) -> None:
            feeds.sync(tx, [feed.url for feed in self.feeds], self.clock())
            subscriptions.sync(tx, [self.subscription.name], self.clock())

        await self.db.write(store)

    async def poll(self, options: FetchOptions = FETCH) -> list[PollOutcome]:
        await self.register()
        taken = await claim_all(self.feeds, db=self.db, now=self.clock(), options=options)
        return [
            await poll(
                feed,
                state,
                demand=Demand(),
                fetch=self.fetch or self.web.fetch,
                parse=self.parse,
                rules=self.ruleset,
                options=options,
                db=self.db,
                clock=self.clock,
                settled_clock=self.clock,
                jitter=lambda: 0.5,
                downloaded=self.downloaded,
            )
            for feed, state in taken
        ]

    async def compose(self, slot: Slot | None = None) -> ComposeOutcome:
        await self.register()
        return await compose(
            self.subscription,
            slot or slot_now(self.clock()),
            context=self.context,
            render=self.render,
            db=self.db,
            now=self.clock(),
        )

    async def deliver(self) -> Attempted | None:
        return await deliver(
            transport=self.transport,
            db=self.db,
            clock=self.clock,
            options=OUTBOX,
            jitter=lambda: 0.5,
            in_hand=InHand(),
        )

    async def prune(self, keep: timedelta = timedelta(days=400)) -> Pruned:
        return await prune(db=self.db, now=self.clock(), mails=OUTBOX, store=StoreOptions(keep=keep))
