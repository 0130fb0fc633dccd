"""Believe the clock at a start, or wait; follow its steps while the service runs; repair what a clock ahead wrote."""

import asyncio
from datetime import datetime, timedelta

from monitor import log
from monitor.config.options import Config
from monitor.errors import ClockError
from monitor.jobs.ask_time import AskTime, servers_agree
from monitor.jobs.lapse import put_off_lapse
from monitor.jobs.repair import SLACK, repair, repair_feeds
from monitor.model.notices import NoticeKind, Trouble
from monitor.service.clock import Clocks
from monitor.service.clock_watch import STANDS_AFTER, Step, Trust, trust_in
from monitor.store import notices
from monitor.store.database import Connection, Database
from monitor.store.repair import newest
from monitor.texts import sentence

# Other processes may have worked by another clock.
_CHECK_EVERY, _REPAIR_EVERY = 5, 300  # looks
_FIRST_PAUSE, _LONGEST_PAUSE = 30.0, 300.0  # seconds between two questions to the servers


async def believe_clock(config: Config, *, db: Database, clocks: Clocks, ask: AskTime) -> None:
    """Repair what only a clock that was ahead can have written, for a command that has seen no step of the clock.

    Raises ClockError when the clock is more than a day behind what is stored and the servers of feeds do not agree
    with it, and StoreError.
    """
    latest, now = await db.read(newest), clocks.settled()
    is_behind = latest is not None and trust_in(now, latest, slack=SLACK) is Trust.BEHIND
    if is_behind and latest and not await servers_agree(config.polled, ask=ask, clock=clocks.wall):
        raise ClockError(
            sentence(
                "the clock says {now}, but what is stored last happened {latest}, and the servers of the feeds do not "
                "confirm the clock. Nothing was done. Set the clock: timedatectl set-ntp true, or date -s",
                now=_text(now),
                latest=_text(latest),
            )
        )
    await repair(config, db=db, now=clocks.settled())


class Timekeeping:
    """What is known of the clocks, and whether they are right."""

    def __init__(self, clocks: Clocks, db: Database) -> None:
        self.clocks = clocks
        self._db = db
        self._looks = 0
        self._told_step: timedelta | None = None
        self._doubted_since: float | None = None  # in seconds awake
        self._doubted_by: datetime | None = None  # the latest instant that was stored then
        self._is_behind = False
        self._asking: asyncio.Task[bool] | None = None
        self._ask_at, self._ask_pause = 0.0, _FIRST_PAUSE

    @property
    def is_doubted(self) -> bool:
        """Whether nothing may be composed, cancelled or pruned by this clock yet."""
        return self._doubted_since is not None

    async def is_believed(self, config: Config, *, ask: AskTime) -> bool:
        """Return whether the service may begin by its clock; to be called about every second until it may.

        A clock more than a day behind what is stored is believed when it has caught up, or when the servers of feeds
        agree with it: then the stored instants are wrong, and are repaired. Raises StoreError.
        """
        step, _ = await self.clocks.look(self._db)
        latest = await self._db.read(newest)
        now = self.clocks.settled()
        trust = trust_in(now, latest, slack=SLACK)
        if trust is Trust.BEHIND and latest is not None:
            if not self._is_behind:
                await self._tell_behind(now, latest)
            if not await self._servers_agree(
                config, ask, at_once=step is not None and self._told_step is None
            ):
                self._told_step = step.by if step else None
                return False
            self.clocks.trust_wall()
            await self._repair(config)
        elif trust is Trust.DOUBTED:
            self._doubted_since, self._doubted_by = self.clocks.awake(), latest
        await self._db.write(_clear_behind, self.clocks.settled())
        if self._is_behind:
            log.info("clock-believed", now=_text(self.clocks.settled()))
        self._told_step = None
        return True

    async def look(self, config: Config) -> None:
        """Follow the clocks, and repair what only a clock ahead can have written; every second. Raises StoreError."""
        step, slept = await self.clocks.look(self._db)
        self._looks += 1
        if slept:
            log.info("woke", slept=_seconds(slept))
            await put_off_lapse(slept, db=self._db)
        self._log_step(step)
        if self._doubted_since is not None and self._doubt_has_ended(self._doubted_since):
            self._doubted_since = None
            await self._repair(config)
        elif step is not None and step.stands:
            await self._repair(config)
        elif step is not None or self.is_doubted:
            await repair_feeds(config, db=self._db, now=self.clocks.wall())  # a poll too many does no harm
        elif self._looks % _REPAIR_EVERY == 0 or (self._looks % _CHECK_EVERY == 0 and await self._is_ahead()):
            await self._repair(config)

    def _log_step(self, step: Step | None) -> None:
        if step is None:
            self._told_step = None
        elif step.stands:
            self._told_step = None
            log.warning("clock-stepped", by=_seconds(step.by))
        elif step.by != self._told_step and not step.standing:
            self._told_step = step.by
            log.warning("clock-set", by=_seconds(step.by), used_after=_seconds(STANDS_AFTER))

    def _doubt_has_ended(self, since: float) -> bool:
        has_stood = self.clocks.awake() - since >= STANDS_AFTER.total_seconds()
        return has_stood or trust_in(self.clocks.settled(), self._doubted_by, slack=SLACK) is Trust.BELIEVED

    async def _is_ahead(self) -> bool:
        """Return whether something that is stored happened later than now."""
        latest = await self._db.read(newest)
        return trust_in(self.clocks.settled(), latest, slack=SLACK) is not Trust.BELIEVED

    async def _repair(self, config: Config) -> None:
        if repaired := await repair(config, db=self._db, now=self.clocks.settled()):
            log.warning(
                "clock-repaired",
                feeds=repaired.feeds,
                mails=repaired.mails,
                servers=repaired.relays,
                slots=repaired.slots,
            )

    async def _servers_agree(self, config: Config, ask: AskTime, *, at_once: bool) -> bool:
        """Return whether servers that were asked agree with the wall clock; they are asked again after a while."""
        if self._asking is None and (at_once or self.clocks.awake() >= self._ask_at):
            self._ask_at = self.clocks.awake() + self._ask_pause
            self._ask_pause = min(2 * self._ask_pause, _LONGEST_PAUSE)
            self._asking = asyncio.create_task(
                servers_agree(config.polled, ask=ask, clock=self.clocks.wall), name="ask for the time"
            )
            await asyncio.wait([self._asking], timeout=1)
        if self._asking is None or not self._asking.done():
            return False
        asked, self._asking = self._asking, None
        return asked.result()

    async def _tell_behind(self, now: datetime, latest: datetime) -> None:
        self._is_behind = True
        log.warning("clock-behind", now=_text(now), stored=_text(latest))
        await self._db.write(_report_behind, now, latest)


def _report_behind(tx: Connection, now: datetime, latest: datetime) -> None:
    details = f"The clock says {_text(now)}; what is stored last happened {_text(latest)}."
    notices.report(tx, Trouble(kind=NoticeKind.CLOCK_BEHIND, details=details, since=now), now)


def _clear_behind(tx: Connection, now: datetime) -> None:
    notices.clear(tx, NoticeKind.CLOCK_BEHIND, "", now)


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.0f}s"


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
