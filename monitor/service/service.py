"""Run the service: start, tick the due work, reload the configuration, stop cleanly."""

import asyncio
import contextlib
import os
import platform
import signal
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

from monitor import __version__, log
from monitor.config.checked import content_hash_of, smtp_hash_of
from monitor.config.options import Config, Feed
from monitor.editing.findings import describe_new_findings, findings_of
from monitor.errors import ConfigError, DatabaseGoneError, MonitorError, SchemaError, StoreError
from monitor.feeds.pace import settings_of
from monitor.feeds.parser_pool import ParserPool
from monitor.jobs.deliver import InHand
from monitor.jobs.demand import readers_of
from monitor.loaded import LoadedConfig, changes, dropped, load_complete
from monitor.model.notices import Trouble
from monitor.model.services import RunningService
from monitor.service.clock import Clocks, clock
from monitor.service.config_watcher import STANDS, ConfigWatcher, Step
from monitor.service.due_work import DueWork, Outcome, Work
from monitor.service.events import log_outcome, log_registered
from monitor.service.gone import leave_note, report_note
from monitor.service.refusal import Refusal, record_refusal, shrunk
from monitor.service.register import register, register_again
from monitor.service.reporting import Reporting
from monitor.service.runtime import make_runtime, notice_locale
from monitor.service.status_line import status_line
from monitor.service.systemd import ServiceManager, service_manager
from monitor.service.ticker import Tick, start_ticking
from monitor.service.timekeeping import Timekeeping
from monitor.store import feeds, services
from monitor.store.database import Database, open_database
from monitor.texts import sentence, shown

_TICK = timedelta(seconds=1)
_LOOK = timedelta(seconds=0.5)  # an edit is taken up at the second look at it: whole, and within 2 s
_REMATCH = timedelta(seconds=30)
_BEAT = timedelta(seconds=10)
_WEB = timedelta(seconds=2)
_PING = timedelta(seconds=5)
_ARCHIVE = timedelta(seconds=30)
_LAPSE = timedelta(minutes=1)
_PRUNE = timedelta(hours=1)
_WATCH = timedelta(minutes=5)
_PATIENCE = 10.0  # seconds for which a file that is refused is read again at the start
_LAST_WRITE = 5.0  # seconds for the database to take the last row, and again to be closed
_GRACE = 10.0  # seconds for running tasks when the service is told to stop
_GRACE_PAST_DOT = 60.0  # and for a mail that the server may have: it goes twice when its reply is not read
# Ticks that end soon whatever the feeds and mail servers do; "beat" goes through the thread that writes.
_ALWAYS_SOON = ("config", "poll", "deliver", "beat")


async def run(
    path: Path, *, patience: float = _PATIENCE, environ: MutableMapping[str, str] = os.environ
) -> None:
    """Serve until SIGTERM or SIGINT. Raises MonitorError when it cannot start or go on.

    A file that is refused is read again for `patience` seconds: it may be in the middle of being written. What systemd
    wants to be told is taken out of `environ`.
    """
    manager = service_manager(environ)
    loaded = await _load_patiently(path, patience)
    db = open_database(loaded.store_url)
    try:
        clocks = await Clocks.of(db)
        await report_note(db, clocks.settled())
        await Service(loaded, db, Timekeeping(clocks, db), manager).serve()
    except DatabaseGoneError as error:
        if db.file:
            leave_note(db.file, error, clock())
        raise
    finally:
        await _close(db)


async def _close(db: Database) -> None:
    """Close the database; where it hangs end the process, which a thread that waits would keep for ever."""
    try:
        async with asyncio.timeout(_LAST_WRITE):
            await db.close()
    except TimeoutError:
        log.warning("stopped-at-once", in_hand=0, why="the database does not answer")
        os._exit(1)


async def _load_patiently(path: Path, patience: float) -> LoadedConfig:
    loop = asyncio.get_running_loop()
    end, logged = loop.time() + patience, ""
    while True:
        try:
            return await asyncio.to_thread(load_complete, path)
        except ConfigError as error:
            if loop.time() >= end:
                raise
            if str(error) != logged:
                log.warning(
                    "config-refused", in_force=f"nothing yet; the file is read again for {patience:g} s"
                )
                for problem in error.problems:
                    log.warning("config-problem", problem=problem)
            logged = str(error)
        await asyncio.sleep(_LOOK.total_seconds())


class Service:
    """A running service: the due work of the configuration in force, and the running tasks."""

    def __init__(
        self, loaded: LoadedConfig, db: Database, time: Timekeeping, manager: ServiceManager
    ) -> None:
        self._manager = manager
        self._ended_at: dict[str, float] = {}  # by tick: when it last ended, well or not, by the loop's clock
        self._db = db
        self._time = time
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_hand = InHand()
        self._parsers = ParserPool()
        self._reporting = Reporting(
            db, self._parsers, time.clocks.settled, lambda: self._due_work.loaded.config
        )
        self._due_work = self._make_due_work(loaded)
        self._stop = asyncio.Event()
        self._fatal: MonitorError | None = None  # why the service cannot go on
        self._failures: dict[str, str] = {}  # by task: its last failure, which is logged once
        self._watcher = ConfigWatcher(_content_in_force(loaded))
        self._reloading = asyncio.Lock()
        self._retired: list[DueWork] = []  # of configurations that were replaced, while polls of theirs go on
        self._store_url = loaded.store_url  # of the database that is open
        self._refusal: Refusal | None = None  # why the file as it stands is refused
        self._waits: Trouble | None = None  # an edit that waits, because it drops most feeds or rules
        self._refusal_recorded = False  # False: the database knows another one, or one of an earlier service
        self._started_at = time.clocks.settled()
        self._id = uuid4().hex

    async def serve(self) -> None:
        """Work until told to stop, then let running tasks end."""
        self._handle_signals()
        if not await self._clock_is_believed():
            await self._end()
            return
        now = self._time.clocks.settled()
        registered = await self._db.write(register, self._due_work.loaded, now)
        # The network may have been what was restarted.
        await self._db.write(feeds.make_unreachable_due, now)
        self._handle_sighup()
        _log_started(self._due_work.loaded)
        log_registered(registered)
        await self._warn_of_others(now)
        await self._start("beat", self._beat)
        self._manager.tell(READY="1")
        ticks = self._ticks()
        stop_ticking = start_ticking(ticks)
        soon = {name: ticks[name][1].total_seconds() for name in _ALWAYS_SOON}
        self._ended_at = dict.fromkeys(soon, asyncio.get_running_loop().time())
        keeping_alive = asyncio.create_task(self._manager.keep_alive(partial(self._is_working, soon)))
        try:
            await self._stop.wait()
        finally:
            stop_ticking()
            await self._end()
            keeping_alive.cancel()

    def _ticks(self) -> dict[str, tuple[Tick, timedelta]]:
        return {
            "clock": (self._tick("clock", lambda: self._time.look(self._due_work.loaded.config)), _TICK),
            "config": (self._tick("config", self._look_at_config), _LOOK),
            "poll": (self._tick("poll", lambda: self._due_work.poll_due()), _TICK),
            "compose": (
                self._tick("compose", lambda: self._if_clock_holds(self._due_work.compose_due)),
                _TICK,
            ),
            "deliver": (self._tick("deliver", lambda: self._due_work.deliver_due()), _TICK),
            "notify": (self._tick("notify", self._notify), _TICK),
            "rematch": (self._tick("rematch", lambda: self._due_work.rematch()), _REMATCH),
            "beat": (self._tick("beat", self._beat), _BEAT),
            "web": (self._tick("web", self._serve), _WEB),
            "ping": (self._tick("ping", self._ping), _PING),
            "watch": (self._tick("watch", lambda: self._if_clock_holds(self._due_work.watch)), _WATCH),
            "archive": (self._tick("archive", lambda: self._due_work.archive()), _ARCHIVE),
            "lapse": (self._tick("lapse", self._lapse), _LAPSE),
            "prune": (self._tick("prune", lambda: self._if_clock_holds(self._due_work.prune)), _PRUNE),
        }

    def _is_working(self, intervals: Mapping[str, float], within: float) -> bool:
        """Return whether each of these ticks has ended lately: neither the loop nor the thread that writes is stuck."""
        now = asyncio.get_running_loop().time()
        return all(now - self._ended_at[name] <= interval + within for name, interval in intervals.items())

    async def _end(self) -> None:
        self._manager.tell(STOPPING="1")
        await self._drain()
        await self._due_work.hang_up()
        await self._reporting.stop()
        await self._due_work.runtime.fetcher.close()
        await self._parsers.close()
        if self._fatal:  # its heartbeat stands as after a kill: nobody has stopped it
            raise self._fatal
        with contextlib.suppress(StoreError, TimeoutError):
            async with asyncio.timeout(_LAST_WRITE):
                await self._db.write(services.end, self._id, self._time.clocks.settled())
        log.info("stopped")

    async def _clock_is_believed(self) -> bool:
        """Wait until the clock can be believed; return False when told to stop before. Only notices leave meanwhile."""
        config, ask = self._due_work.loaded.config, self._due_work.runtime.fetcher.server_time
        while not await self._time.is_believed(config, ask=ask):
            # It has started and is well, though it waits: without this systemd would end it.
            waits = sentence("The clock is behind what is stored: nothing is done until it is right.")
            self._manager.tell(READY="1", WATCHDOG="1", STATUS=shown(waits))
            await self._start("notify", self._notify)
            await self._start("deliver", self._due_work.deliver_due)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), _TICK.total_seconds())
                return False
        return True

    async def _if_clock_holds(self, work: Work) -> None:
        if not self._time.is_doubted:
            await work()

    async def _lapse(self) -> None:
        # First, for it may have been asleep until now: that is not counted.
        await self._time.look(self._due_work.loaded.config)
        await self._if_clock_holds(self._due_work.lapse)

    def _make_due_work(self, loaded: LoadedConfig, before: DueWork | None = None) -> DueWork:
        same_fetch = before is not None and before.loaded.config.fetch == loaded.config.fetch
        fetcher = before.runtime.fetcher if before and same_fetch else None
        return DueWork(
            loaded,
            make_runtime(loaded, self._parsers.parse, fetcher),
            self._db,
            start=self._start,
            report=self._report,
            in_hand=self._in_hand,
            clock=self._time.clocks.settled,
            wall_clock=self._time.clocks.wall,
        )

    def _report(self, outcome: Outcome) -> None:
        log_outcome(outcome)
        self._reporting.count(outcome)

    async def _serve(self) -> None:
        await self._reporting.serve(self._due_work.loaded.config.web)

    async def _ping(self) -> None:
        await self._reporting.ping(self._due_work.loaded.config)

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop, number)

    def _handle_sighup(self) -> None:
        reload_at_once = partial(self._reload, at_once=True)
        asyncio.get_running_loop().add_signal_handler(
            signal.SIGHUP, lambda: self._start("reload", reload_at_once)
        )

    def _told_to_stop(self, number: signal.Signals) -> None:
        if self._stop.is_set():
            # The second signal. What is in hand is written down as far as it came, as after a kill.
            log.warning("stopped-at-once", in_hand=len(self._tasks))
            os._exit(128 + number)
        self._stop.set()

    async def _drain(self) -> None:
        """Let running tasks end, but for polls, and no mail be taken up.

        What takes longer than the grace is cancelled: nothing of a fetch is stored, and a mail that the server cannot
        have waits. A mail that the server may have gets more time for its reply.
        """
        self._due_work.stop()
        if not self._tasks:
            return
        log.info("stopping", in_hand=len(self._tasks))
        for due_work in (self._due_work, *self._retired):
            self._start("break off polls", due_work.break_off)
        started = asyncio.get_running_loop().time()
        _, late = await asyncio.wait(self._tasks, timeout=_GRACE)
        past_dot = late & self._in_hand.tasks_past_dot()
        for task in late - past_dot:
            task.cancel()
        if past_dot:
            log.info("waiting-for-replies", mails=len(past_dot))
            left = started + _GRACE_PAST_DOT - asyncio.get_running_loop().time()
            _, late_replies = await asyncio.wait(past_dot, timeout=left)
            for task in late_replies:
                task.cancel()
        if late:
            await asyncio.wait(late)

    # --- tasks and their failures ---------------------------------------------------------------

    def _tick(self, name: str, work: Work) -> Tick:
        async def tick() -> None:
            await self._start(name, work)
            self._ended_at[name] = asyncio.get_running_loop().time()

        return tick

    def _start(self, name: str, work: Work) -> asyncio.Task[None]:
        """Do some work in a task of its own, which never fails: its failure is logged here."""
        task = asyncio.create_task(self._log_failure(name, work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _log_failure(self, name: str, work: Work) -> None:
        try:
            await work()
        except SchemaError as error:
            self._fatal = error
            self._stop.set()
        except MonitorError as error:
            if self._failures.get(name) != str(error):
                log.warning("error", at=name, error=error)
            self._failures[name] = str(error)
            self._reporting.has_failed(name, str(error))
        # The one place that catches everything: a mistake of ours in one task must not stop the others.
        except Exception as error:
            if self._failures.get(name) != repr(error):
                log.failure("bug", error, at=name)
            self._failures[name] = repr(error)
            self._reporting.has_failed(name, repr(error))
        else:
            self._reporting.has_succeeded(name)
            if self._failures.pop(name, None):
                log.info("recovered", at=name)

    # --- the heartbeat --------------------------------------------------------------------------

    async def _warn_of_others(self, now: datetime) -> None:
        """Say that a service works on the database already, on this machine: hardly anybody wants two there."""
        for other in await self._db.read(services.beating, now):
            if other.host == platform.node():
                log.warning(
                    "another-service", pid=other.pid, since=other.started_at.isoformat(timespec="seconds")
                )

    async def _beat(self) -> None:
        """Write that this service runs; stop it when a newer version has migrated the database."""
        loaded = self._due_work.loaded
        here = RunningService(
            id=self._id,
            host=platform.node(),
            pid=os.getpid(),
            version=__version__,
            started_at=self._started_at,
            beat_at=self._time.clocks.settled(),
            content_hash=loaded.content_hash,
        )
        await self._db.write(services.beat, here)
        self._reporting.has_beaten()
        if self._manager.address:
            status = await status_line(
                loaded.config, self._db, now=here.beat_at, is_refused=self._refusal is not None
            )
            self._manager.tell(STATUS=shown(status))
        # A command may have seen the file while it was torn, and registered that.
        if await asyncio.to_thread(content_hash_of, loaded.path) == loaded.content_hash:
            log_registered(await self._db.write(register_again, loaded, self._time.clocks.settled()))

    # --- the configuration ----------------------------------------------------------------------

    async def _look_at_config(self) -> None:
        loaded = self._due_work.loaded
        content, now = await asyncio.to_thread(_content_of, loaded), asyncio.get_running_loop().time()
        match self._watcher.look(content, in_force=_content_in_force(loaded), now=now):
            case Step.RELOAD | Step.CONFIRMED as step:
                await self._reload(at_once=step is Step.CONFIRMED)
            case Step.RESTORED:
                self._set_refusal(None)
                log.info("config-restored", in_force="the file is again what is in force")
            case Step.NOTHING:
                pass

    async def _reload(self, *, at_once: bool) -> None:
        """Read the file and put it in force; when it has problems, name them and keep the configuration in force.

        Unless `at_once`, an edit that drops most feeds or rules is announced and waits: the file may be cut off.
        """
        self._manager.tell_reloading()
        try:
            await self._put_in_force(at_once=at_once)
        finally:
            self._manager.tell(READY="1")

    async def _put_in_force(self, *, at_once: bool) -> None:
        async with self._reloading:
            before = self._due_work
            content = await asyncio.to_thread(_content_of, before.loaded)
            try:
                loaded = await asyncio.to_thread(load_complete, before.loaded.path)
                due_work = self._make_due_work(loaded, before)
            except MonitorError as error:
                self._refuse(error, content)
                return
            if not at_once and (losses := dropped(before.loaded, loaded)):
                self._postpone(loaded, losses)
                return
            self._watcher.accept()
            self._set_refusal(None)
            if loaded.store_url != self._store_url:
                log.warning("restart-needed", changed="[store] url")
            registered = await self._db.write(register, loaded, self._time.clocks.settled())
            before.stop()  # a mail in hand still goes the old way, and no other
            self._due_work = due_work
            broken_off = before.break_off_polls(_is_edited(before.loaded.config, loaded.config))
            self._start("hang up", before.hang_up)
            self._start("retire", partial(self._retire, before))
            await self._db.write(feeds.advance, dict.fromkeys(broken_off, self._time.clocks.wall()))
        self._reporting.has_reloaded()
        self._start("rematch", due_work.rematch)
        for change in changes(before.loaded, loaded) or ["no effective change"]:
            log.info("config-changed", change=change)
        log_registered(registered)
        for finding in await asyncio.to_thread(describe_new_findings, before.loaded, loaded):
            log.warning("rule-odd", finding=finding)

    async def _retire(self, due_work: DueWork) -> None:
        """Let the polls of a configuration that was replaced end; a slow server does not hold up the next edit."""
        self._retired.append(due_work)
        try:
            await due_work.polls_ended()
        finally:
            self._retired.remove(due_work)
            fetcher = due_work.runtime.fetcher
            if all(each.runtime.fetcher is not fetcher for each in (self._due_work, *self._retired)):
                await fetcher.close()

    def _postpone(self, loaded: LoadedConfig, losses: Sequence[str]) -> None:
        """Announce an edit that drops most feeds or rules; it takes effect when the file stands as it is."""
        self._watcher.postpone(_content_in_force(loaded))
        in_force = "the configuration before this edit"
        log.warning("config-waits", losses="; ".join(losses), in_force=in_force, seconds=STANDS)
        self._set_refusal(
            None, waits=shrunk(loaded, losses, self._time.clocks.settled(), notice_locale(loaded))
        )

    def _refuse(self, error: MonitorError, content: str) -> None:
        """Log what is wrong with the file, for the operator to be told when it stays so."""
        path = self._due_work.loaded.path
        self._watcher.refuse(content)
        self._reporting.has_refused()
        log.warning("config-refused", in_force="the configuration before this edit")
        problems = error.problems if isinstance(error, ConfigError) else (error,)
        for problem in problems:
            log.warning("config-problem", problem=problem)
        now, locale = self._time.clocks.settled(), notice_locale(self._due_work.loaded)
        self._set_refusal(Refusal(path=path, problems=problems, at=now, locale=locale))

    def _set_refusal(self, refusal: Refusal | None, *, waits: Trouble | None = None) -> None:
        self._refusal, self._waits, self._refusal_recorded = refusal, waits, False

    async def _notify(self) -> None:
        """Record whether the file is refused, and tell the operator what he does not know yet; tried at each tick."""
        if not self._refusal_recorded:
            refusal, waits = self._refusal, self._waits
            await self._db.write(record_refusal, refusal, waits, self._time.clocks.settled())
            self._refusal_recorded = (self._refusal, self._waits) == (refusal, waits)
        await self._due_work.notify()


def _content_in_force(loaded: LoadedConfig) -> str:
    """Return what `_content_of` was when a configuration was loaded."""
    return f"{loaded.content_hash} {loaded.smtp_hash}"


def _content_of(loaded: LoadedConfig) -> str:
    """Return a hash of the content of config.toml and of the files that [smtp] names, as they are now."""
    return f"{content_hash_of(loaded.path)} {smtp_hash_of(loaded) or loaded.smtp_hash}"


def _is_edited(before: Config, after: Config) -> Callable[[Feed], bool]:
    """Return the function that tells whether an edit changes how a polled feed is polled, pauses it or takes it out."""
    old, new = (
        {feed.url: settings_of(feed, config.fetch, readers[feed.url].text) for feed in config.polled}
        for config in (before, after)
        for readers in [readers_of(config)]
    )
    return lambda feed: old[feed.url] != new.get(feed.url)


def _log_started(loaded: LoadedConfig) -> None:
    config = loaded.config
    server = f"{config.smtp.host}:{config.smtp.port}"
    log.info(
        "started",
        config=loaded.path,
        feeds=len(config.feeds),
        rules=len(config.rules),
        subscriptions=len(config.subscriptions),
        mail=f"Maildir {loaded.maildir} ([smtp] host is empty)" if loaded.maildir else server,
    )
    if odd := findings_of(config):
        log.warning("rules-odd", findings=len(odd), look="monitor rules lint")
