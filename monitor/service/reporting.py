"""What the service tells of itself to programs: health checks and figures by HTTP, and a heartbeat to an address."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from monitor import log
from monitor.config.options import Config, Feed, FetchOptions, WebOptions
from monitor.errors import FetchError, MonitorError, StoreError
from monitor.feeds.fetch import Fetcher
from monitor.feeds.parser_pool import ParserPool
from monitor.queries.figures import Figures, read_figures
from monitor.queries.vital import VitalSigns, failures_of, read_vital_signs
from monitor.service.due_work import Outcome
from monitor.service.runtime import contact_of
from monitor.service.tally import Tally
from monitor.store.database import Database

if TYPE_CHECKING:
    from monitor.web.server import WebServer

_HEARTBEAT = 300.0  # seconds between two while all is well
_ANSWER = timedelta(seconds=5)  # for the heartbeat's server to answer
_PATIENCE = 5.0  # seconds for the database to answer
_SILENT = 60.0  # seconds without a heartbeat in the database, which is written each ten
_FAILING = 120.0  # seconds for which a task may fail
_ANYWHERE = ("0.0.0.0/0", "::/0")


class Reporting:
    """The health and the figures of a running service, and how they are told."""

    def __init__(
        self,
        db: Database,
        parsers: ParserPool,
        clock: Callable[[], datetime],
        config: Callable[[], Config],
    ) -> None:
        self._db, self._parsers, self._clock, self._config = db, parsers, clock, config
        self._loop = asyncio.get_running_loop()
        self.tally = Tally()
        self._beat_at = self._loop.time()
        self._failing: dict[str, tuple[float, str]] = {}  # by task: since when, and why
        self._options = WebOptions()
        self._server: WebServer | None = None
        self._refused = ""  # why the server could not be started, as it was logged
        self._next_ping = self._loop.time()
        self._pinged = ""  # what the last heartbeat said: "", "well", "failing"
        self._is_ready = False

    # --- what happens -----------------------------------------------------------------------------

    def count(self, outcome: Outcome) -> None:
        """Count an outcome of due work."""
        self.tally.count(outcome)

    def has_beaten(self) -> None:
        """Note that the service has written its heartbeat into the database."""
        self._beat_at, self._is_ready = self._loop.time(), True

    def has_failed(self, task: str, why: str) -> None:
        """Note that a task has failed."""
        self._failing.setdefault(task, (self._loop.time(), why))

    def has_succeeded(self, task: str) -> None:
        """Note that a task has ended well."""
        self._failing.pop(task, None)

    def has_reloaded(self) -> None:
        """Note that an edit is in force: tasks may be gone with what they were for."""
        self.tally.reloads["changed"] += 1
        self._failing.clear()

    def has_refused(self) -> None:
        """Note that an edit was refused."""
        self.tally.reloads["refused"] += 1

    # --- what is told -----------------------------------------------------------------------------

    async def problems(self) -> list[str]:
        """Return why no news gets to anybody; [] when it does."""
        return self._problems(await self._vital_signs())

    def _problems(self, signs: VitalSigns | None) -> list[str]:
        now = self._loop.time()
        found = [
            f"{task} has failed for {now - since:.0f} s: {why}"
            for task, (since, why) in self._failing.items()
            if now - since > _FAILING
        ]
        if now - self._beat_at > _SILENT:
            found.append(f"nothing could be written to the database for {now - self._beat_at:.0f} s")
        return [*found, *(failures_of(signs) if signs else ["the database does not answer"])]

    async def _vital_signs(self) -> VitalSigns | None:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._db.read(read_vital_signs, self._config().feeds, self._clock())
        except (StoreError, TimeoutError):
            return None

    async def is_ready(self) -> bool:
        """Return whether the due work is being done, and the database answers."""
        return self._is_ready and await self._vital_signs() is not None

    async def figures(self) -> Figures | None:
        """Return the figures at this moment; None while the database does not answer."""
        try:
            async with asyncio.timeout(_PATIENCE):
                stored = await self._db.read(read_figures, self._config().feeds, self._clock())
        except (StoreError, TimeoutError):
            return None
        tally = self.tally
        return Figures(
            outbox=stored.outbox,
            oldest_waiting=stored.oldest_waiting,
            feeds=stored.feeds,
            polls=tally.polls,
            mails=tally.mails,
            reloads=tally.reloads,
            entries=tally.entries,
            matches=tally.matches,
            digests=tally.digests,
            parsers={"idle": self._parsers.idle, "busy": self._parsers.busy},
        )

    # --- the server -------------------------------------------------------------------------------

    async def serve(self, options: WebOptions) -> None:
        """Serve as the options say, from now on; tried again at each call while the port cannot be had."""
        if options == self._options and (self._server or not options.enabled):
            return
        await self.stop()
        self._options = options
        if not options.enabled:
            return
        # Loaded where it is wanted only: it holds 10 MB.
        from monitor.web.app import make_app
        from monitor.web.readers import ReadersDesk
        from monitor.web.server import start_server

        app = make_app(
            problems=self.problems,
            is_ready=self.is_ready,
            figures=self.figures,
            public_url=options.public_url,
            readers=ReadersDesk(
                config=self._config,
                answers=lambda: contact_of(self._config()).answers,
                db=self._db,
                clock=self._clock,
            ),
        )
        try:
            self._server = await start_server(app, options)
        except MonitorError as error:
            if str(error) != self._refused:
                log.warning("web-failed", error=error)
            self._refused = str(error)
        else:
            self._refused = ""
            log.info("web-started", host=options.host, port=self._server.port)

    async def stop(self) -> None:
        """Stop the server, if it runs."""
        server, self._server = self._server, None
        if server:
            await server.stop()
            log.info("web-stopped")

    # --- the heartbeat ----------------------------------------------------------------------------

    async def ping(self, config: Config) -> None:
        """Tell the heartbeat's address that all is well, each five minutes; at once when it no longer is."""
        address, now = config.operator.heartbeat, self._loop.time()
        if not address:
            return
        signs = await self._vital_signs()
        is_well = signs is not None and not signs.needs_a_person and not self._problems(signs)
        said = "well" if is_well else "failing"
        if said == self._pinged and now < self._next_ping:
            return
        self._pinged, self._next_ping = said, now + _HEARTBEAT
        await _ask(address if is_well else failing_address(address), config.fetch)


def failing_address(address: str) -> str:
    """Return where a heartbeat says that something is wrong: /fail (healthchecks.io), or status=down (Uptime Kuma)."""
    parts = urlsplit(address)
    if "status=up" in parts.query:
        return urlunsplit(parts._replace(query=parts.query.replace("status=up", "status=down")))
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/fail"))


async def _ask(address: str, options: FetchOptions) -> None:
    """Request an address of the operator's own, which may be in a private network; its answer is of no matter."""
    host = urlsplit(address).hostname
    own = replace(options, allow_private=_ANYWHERE, timeout=min(options.timeout, _ANSWER))
    async with Fetcher(own) as fetcher:
        try:
            status = await fetcher.status(Feed(name="heartbeat", url=address))
        except FetchError as error:
            log.warning("heartbeat-failed", host=host, error=error)
            return
    if status >= 300:
        log.warning("heartbeat-failed", host=host, error=f"HTTP {status}")
