"""Open, run, reload, stop cleanly."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from monitor import log
from monitor.editing.findings import describe_new_findings, findings_of
from monitor.errors import ConfigError, MonitorError, SchemaError
from monitor.jobs.notify import notify
from monitor.loaded import LoadedConfig, changes, content_of, load
from monitor.model.mail import Notice
from monitor.service.due_work import DueWork
from monitor.service.runtime import clock, make_runtime, register
from monitor.service.ticker import Duty, start_ticking
from monitor.store import rulesets
from monitor.store.database import Database, open_database

_TICK = timedelta(seconds=1)
_LOOK = timedelta(seconds=0.5)  # an edit is taken up at the second look at it: whole, and within 2 s
_REMATCH = timedelta(seconds=30)
_PRUNE = timedelta(hours=1)
_GRACE = 8.0  # seconds for what is in hand when the service is told to stop


async def run(path: Path) -> None:
    """Serve until SIGTERM or SIGINT. Raises MonitorError when it cannot start or go on."""
    current = load(path)
    db = open_database(current.store_url)
    try:
        await Service(current, db).serve()
    finally:
        await db.close()


class Service:
    """A running service: the duties of the configuration in force, and the tasks in hand."""

    def __init__(self, current: LoadedConfig, db: Database) -> None:
        self._db = db
        self._due_work = DueWork(current, make_runtime(current), db, self._begin)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._broken: MonitorError | None = None  # why it cannot go on
        self._seen = current.digest  # the file's content at the last look
        self._refused: str | None = None  # the content that was refused, so that it is told once
        self._told = False  # of this refusal, and any that follow it before the file is right again
        self._notice: Notice | None = None  # what the operator is still to be told
        self._troubles: dict[str, str] = {}  # the last failure of each task, so that it is told once

    async def serve(self) -> None:
        """Work until told to stop, then finish what is in hand."""
        self._listen()
        await self._db.write(register, self._due_work.current, clock())
        _tell_started(self._due_work.current)
        stop_ticking = start_ticking(
            {
                "config": (self._duty("config", self._look_at_config), _LOOK),
                "poll": (self._duty("poll", lambda: self._due_work.poll_due()), _TICK),
                "compose": (self._duty("compose", lambda: self._due_work.compose_due()), _TICK),
                "deliver": (self._duty("deliver", lambda: self._due_work.deliver_due()), _TICK),
                "notify": (self._duty("notify", self._notify), _TICK),
                "rematch": (self._duty("rematch", lambda: self._due_work.rematch()), _REMATCH),
                "prune": (self._duty("prune", lambda: self._due_work.prune()), _PRUNE),
            }
        )
        try:
            await self._stop.wait()
        finally:
            stop_ticking()
            await self._drain()
            await self._due_work.runtime.fetcher.close()
        if self._broken:
            raise self._broken
        log.info("stopped")

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._begin("reload", self._reload))

    async def _drain(self) -> None:
        """Let mails in transit end; a fetch that takes longer is cut off, and nothing of it is stored."""
        if not self._tasks:
            return
        log.info("stopping", in_hand=len(self._tasks))
        _, late = await asyncio.wait(self._tasks, timeout=_GRACE)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    # --- tasks, and what becomes of their failures ----------------------------------------------

    def _duty(self, name: str, work: Callable[[], Awaitable[None]]) -> Duty:
        async def duty() -> None:
            await self._begin(name, work)

        return duty

    def _begin(self, name: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Do some work in a task of its own, which never fails: its failure is told here."""
        task = asyncio.create_task(self._tell_failure(name, work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _tell_failure(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except SchemaError as error:
            self._broken = error
            self._stop.set()
        except MonitorError as error:
            if self._troubles.get(name) != str(error):
                log.warning("trouble", at=name, error=error)
            self._troubles[name] = str(error)
        # The one place that catches everything: a mistake of ours in one task must not stop the others.
        except Exception as error:
            if self._troubles.get(name) != repr(error):
                log.failure("bug", error, at=name)
            self._troubles[name] = repr(error)
        else:
            if self._troubles.pop(name, None):
                log.info("recovered", at=name)

    # --- the configuration ----------------------------------------------------------------------

    async def _look_at_config(self) -> None:
        """Take up an edit once the file has been the same at two looks: it may be half written at the first.

        Content is compared, not events or times: this sees an edit in place, a rename, a swapped link and a
        mounted volume alike.
        """
        content = await asyncio.to_thread(content_of, self._due_work.current.path)
        settled, self._seen = content == self._seen, content
        if not settled or content == self._refused:
            return
        if content != self._due_work.current.digest:
            await self._reload()
        elif self._refused is not None:
            self._refused, self._told = None, False
            log.info("config-restored", in_force="the file is again what is in force")

    async def _reload(self) -> None:
        """Read the file; what is wrong with it is told, and the configuration in force stays."""
        old = self._due_work.current
        try:
            new = await asyncio.to_thread(load, old.path)
            runtime = make_runtime(new)
        except MonitorError as error:
            self._refused = content_of(old.path)
            log.warning("config-refused", in_force="the configuration before this edit")
            problems = tuple(map(str, error.problems if isinstance(error, ConfigError) else [error]))
            for problem in problems:
                log.warning("config-problem", problem=problem)
            await self._want_notice(problems, self._refused)
            return
        self._refused, self._told = None, False
        if old.store_url != new.store_url:
            log.warning("restart-needed", changed="[store] url")
        await self._db.write(register, new, clock())
        before, self._due_work = self._due_work, DueWork(new, runtime, self._db, self._begin)
        for change in changes(old, new) or ["nothing that matters"]:
            log.info("config-changed", change=change)
        for finding in await asyncio.to_thread(describe_new_findings, old, new):
            log.warning("rule-odd", finding=finding)
        await self._due_work.rematch()
        await before.polls_ended()
        await before.runtime.fetcher.close()

    async def _want_notice(self, problems: tuple[str, ...], content: str) -> None:
        """One mail tells of a refusal: who mends a file in five saves does not want five."""
        current, in_force = self._due_work.current, await self._db.read(rulesets.newest)
        if self._told or not current.config.operator.to or not in_force:
            return
        self._told = True
        self._notice = Notice(
            path=str(current.path),
            content=content,
            at=clock(),
            problems=problems,
            version=in_force.version,
            since=in_force.at,
        )

    async def _notify(self) -> None:
        """Queue what the operator is to be told; when that fails, it is tried at the next tick."""
        notice, current, runtime = self._notice, self._due_work.current, self._due_work.runtime
        if notice is None:
            return
        mails = await notify(
            notice,
            to=current.config.operator.to,
            sender=current.config.smtp.sender,
            render=runtime.render_notice,
            db=self._db,
            expire=current.config.outbox.expire,
        )
        self._notice = None
        if mails:
            log.info("operator-told", mails=len(mails), about="config-refused")


def _tell_started(current: LoadedConfig) -> None:
    config = current.config
    server = f"{config.smtp.host}:{config.smtp.port}"
    log.info(
        "started",
        config=current.path,
        feeds=len(config.feeds),
        rules=len(config.rules),
        subscriptions=len(config.subscriptions),
        mail=f"Maildir {current.maildir} ([smtp] host is empty)" if current.maildir else server,
    )
    if odd := findings_of(config):
        log.warning("rules-odd", findings=len(odd), look="monitor rules lint")
