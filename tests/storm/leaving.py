"""Kill the service at random instants while recipients leave by their links and mails go out; the mail server judges.

Who got a 200 to his POST gets no mail whose DATA began after that 200, until he asks for mails again.
"""

import asyncio
import multiprocessing
import random
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import aiohttp

from monitor.config.options import Config, OutboxOptions, WebOptions
from monitor.digests.due import slot_now
from monitor.jobs.deliver import InHand, deliver, recover
from monitor.jobs.draft import DigestContext
from monitor.mail import tokens
from monitor.mail.smtp import smtp_sender
from monitor.model.feeds import Entry
from monitor.model.mail import DeliveryStatus
from monitor.model.recipients import Contact
from monitor.store import choices, entries, outbox
from monitor.store.database import Connection, open_database
from monitor.web.app import make_app
from monitor.web.readers import ReadersDesk
from monitor.web.server import start_server
from tests import make
from tests.edges.scripted import PATIENT, Scripted, options
from tests.fakes import FakeClock
from tests.forked import WARMED, ForkedProcess
from tests.jobs.desk import Desk

_OUTBOX = OutboxOptions(lease=timedelta(seconds=0.3), uncertain_after=timedelta(seconds=0.3))
_WORKERS = 6  # mails at a time
_FEW = 30  # mails that wait: with fewer, another digest is composed
_LEAVERS = 4  # POSTs at a time
_MOST_GONE = 0.5  # of the recipients: beyond that, one of them comes back
_DELAY = 0.01  # seconds that the mail server takes for an answer at most
_START = 30.0  # seconds for a service to answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is played."""

    url: str  # of an empty database
    kills: int
    seed: int
    recipients: int = 60
    life: float = 1.0  # seconds that the service lives at most, from its first answer on


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    kills: int = 0
    mails: int = 0  # that the server took
    left: int = 0  # POSTs answered 200
    unanswered: int = 0  # POSTs broken off by a kill
    returned: int = 0  # recipients who asked for mails again
    before_rcpt: int = 0  # conversations that ended between MAIL and RCPT
    before_dot: int = 0  # between DATA and the dot
    wrong: list[str] = field(default_factory=list)  # mails to who had left


# --- the service, in a process of its own ------------------------------------------------------------


class _RunningClock(FakeClock):
    """A clock that runs, from the instant of the tests on."""

    def __init__(self, started: float) -> None:
        super().__init__()
        self._started = started

    def __call__(self) -> datetime:
        return make.NOW + timedelta(seconds=time.time() - self._started)


@dataclass
class _Desk(Desk):
    """A desk whose mails have links."""

    port: int = 0

    @property
    def context(self) -> DigestContext:
        contact = Contact(public_url=f"http://127.0.0.1:{self.port}", answers="help@example.org")
        return replace(super().context, contact=contact)


def work(url: str, web: int, smtp: int, to: tuple[str, ...], started: float) -> int:
    """Serve the page, compose and deliver, until killed."""
    asyncio.run(_work(url, web, smtp, to, started))
    return 0


async def _work(url: str, web: int, smtp: int, to: tuple[str, ...], started: float) -> None:
    db, clock = open_database(url), _RunningClock(started)
    desk = _Desk(db=db, clock=clock, subscription=make.subscription(to=to), port=web)
    desk.send = smtp_sender(options(Scripted({}, port=smtp)), "", PATIENT)
    app = make_app(
        problems=None,  # type: ignore[arg-type]
        is_ready=None,  # type: ignore[arg-type]
        figures=None,  # type: ignore[arg-type]
        public_url=f"http://127.0.0.1:{web}",
        readers=ReadersDesk(config=Config, answers=lambda: "", db=db, clock=clock),
    )
    await start_server(app, WebOptions(enabled=True, port=web))
    in_hand = InHand()
    await asyncio.gather(
        _compose(desk), _recover(desk, in_hand), *(_deliver(desk, in_hand) for _ in range(_WORKERS))
    )


async def _compose(desk: _Desk) -> None:
    await desk.register()
    while True:
        if (await desk.db.read(outbox.counts))[DeliveryStatus.WAITING] < _FEW:
            number = time.time_ns()
            news = make.entry(f"大模型{number}", number=number, first_seen=desk.clock())
            await desk.db.write(_arrive, news)
            await desk.compose(slot_now(desk.clock()))
        await asyncio.sleep(0.02)


def _arrive(tx: Connection, news: Entry) -> None:
    entries.insert_new(tx, [(news, True)], "")


async def _recover(desk: _Desk, in_hand: InHand) -> None:
    while True:
        await recover(db=desk.db, now=desk.clock(), options=_OUTBOX, in_hand=in_hand)
        await asyncio.sleep(0.1)


async def _deliver(desk: _Desk, in_hand: InHand) -> None:
    while True:
        outcome = await deliver(
            transport=desk.transport,
            db=desk.db,
            clock=desk.clock,
            options=_OUTBOX,
            jitter=lambda: 0.5,
            in_hand=in_hand,
        )
        if outcome is None:
            await asyncio.sleep(0.01)


# --- the mail server, and those who leave ------------------------------------------------------------


@dataclass(slots=True)
class _Reader:
    """A recipient, and since when he is gone, by the monotonic clock."""

    address: str
    path: str
    gone_since: float | None = None  # the 200 to his POST
    busy: bool = False  # his answer is awaited


class _Judge:
    """A mail server that takes every mail, and compares it with who has left."""

    def __init__(self, readers: Mapping[str, _Reader], outcome: Outcome, draw: random.Random) -> None:
        self._readers, self._outcome, self._draw = readers, outcome, draw
        self.conversations: set[asyncio.Task[None] | None] = set()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.conversations.add(asyncio.current_task())
        to, last = "", ""
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._say(writer, "220 here")
            while line := await reader.readline():
                verb = line[:4].upper().decode("latin-1").strip()
                if verb == "QUIT":
                    self._outcome.before_rcpt += last == "MAIL"
                    break
                if verb == "RCPT":
                    to = line.partition(b"<")[2].partition(b">")[0].decode()
                if verb != "DATA":
                    last = verb
                    await self._say(writer, "250 ok")
                    continue
                # Whether he has left is asked before the mail is waited for.
                gone_since, began = self._readers[to].gone_since, time.monotonic()
                await self._say(writer, "354 go")
                self._outcome.before_dot += 1
                await reader.readuntil(b"\r\n.\r\n")
                self._outcome.before_dot -= 1
                self._outcome.mails += 1
                if gone_since is not None:
                    self._outcome.wrong.append(f"{to}: gone {began - gone_since:.3f} s before DATA")
                last = "DOT"
                await self._say(writer, "250 kept")
        writer.close()
        self.conversations.discard(asyncio.current_task())

    async def _say(self, writer: asyncio.StreamWriter, answer: str) -> None:
        await asyncio.sleep(self._draw.random() * _DELAY)
        writer.write(f"{answer}\r\n".encode())
        await writer.drain()


async def _leave(
    readers: Mapping[str, _Reader], web: int, outcome: Outcome, draw: random.Random, ended: asyncio.Event
) -> None:
    """Let recipients leave, one after the other; once most have, some come back."""
    timeout = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        await _leave_by(session, readers, web, outcome, draw, ended)


async def _leave_by(
    session: aiohttp.ClientSession,
    readers: Mapping[str, _Reader],
    web: int,
    outcome: Outcome,
    draw: random.Random,
    ended: asyncio.Event,
) -> None:
    while not ended.is_set():
        idle = [each for each in readers.values() if not each.busy]
        gone = [each for each in idle if each.gone_since is not None]
        returns = len(gone) > _MOST_GONE * len(readers)
        one = draw.choice(gone if returns else [each for each in idle if each.gone_since is None])
        one.busy = True
        fields = {"wish": "resubscribe"} if returns else {"List-Unsubscribe": "One-Click"}
        if returns:
            one.gone_since = None  # from the moment on at which he asks
            outcome.returned += 1
        while not await _answered(session, f"http://127.0.0.1:{web}{one.path}", fields):
            outcome.unanswered += 1
            await asyncio.sleep(0.05)
            if ended.is_set():
                return
        if not returns:
            one.gone_since = time.monotonic()
            outcome.left += 1
        one.busy = False


async def _answered(session: aiohttp.ClientSession, page: str, fields: Mapping[str, str]) -> bool:
    try:
        async with session.post(page, data=fields) as response:
            await response.read()
            return response.status == 200
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False


# --- the play ----------------------------------------------------------------------------------------


def play(plan: Plan, tell: Callable[[int], object] = lambda _: None) -> Outcome:
    """Kill a service so often; `tell` is told how often it was."""
    multiprocessing.get_context("forkserver").set_forkserver_preload([*WARMED, __name__])
    return asyncio.run(_play(plan, tell))


async def _play(plan: Plan, tell: Callable[[int], object]) -> Outcome:
    draw, outcome, ended = random.Random(plan.seed), Outcome(), asyncio.Event()
    readers = await _readers(plan)
    judge = _Judge(readers, outcome, draw)
    server = await asyncio.start_server(judge.converse, "127.0.0.1", 0, limit=2**24)
    smtp, web, started = server.sockets[0].getsockname()[1], _free_port(), time.time()
    leaving = [asyncio.create_task(_leave(readers, web, outcome, draw, ended)) for _ in range(_LEAVERS)]
    async with server:
        for number in range(1, plan.kills + 1):
            with ForkedProcess(work, plan.url, web, smtp, tuple(readers), started) as service:
                await _has_answered(web, service)
                await asyncio.sleep(draw.random() * plan.life)
                service.kill()
                await asyncio.to_thread(service.wait)
            outcome.kills = number
            tell(number)
        with ForkedProcess(work, plan.url, web, smtp, tuple(readers), started) as service:
            await _has_answered(web, service)  # what was left half done is done now
            await asyncio.sleep(3)
            ended.set()
            await asyncio.gather(*leaving)
        await asyncio.gather(*(each for each in judge.conversations if each))
    return outcome


async def _readers(plan: Plan) -> dict[str, _Reader]:
    """Make the rows of the recipients, and with them their links."""
    db = open_database(plan.url)
    addresses = [f"reader{number}@example.org" for number in range(plan.recipients)]
    list_key = make.subscription().name

    def signed(tx: Connection) -> dict[str, _Reader]:
        key, made = choices.signing_key(tx, make.NOW), choices.ensure(tx, list_key, addresses)
        return {
            address: _Reader(address, f"/u/{tokens.sign(choice.number, list_key, address, key)}")
            for address, choice in made.items()
        }

    try:
        return await db.write(signed)
    finally:
        await db.close()


async def _has_answered(web: int, service: ForkedProcess) -> None:
    async with asyncio.timeout(_START):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", web)
                writer.close()
                return
            assert service.poll() is None, service.stderr.read()
            await asyncio.sleep(0.01)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
