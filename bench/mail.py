"""Measure how mails are made and handed over, in CPU of this process: `python bench/mail.py [MAILS]`.

A digest of 80 entries is rendered (bar: 20 ms when warm); one of 8 is composed for 1,000 recipients, each with a link
of its own (rendered once); then MAILS (10,000) mails go to a mail server on loopback in a process of its own (bar: 2 ms
each), in the clear, by the due work of a real configuration, on SQLite. Wall times depend on what else the machine
does: its load is printed.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))

from monitor.digests.due import slot_now
from monitor.digests.render import digest_renderer
from monitor.jobs.compose import Composed, compose, mails_to
from monitor.jobs.deliver import Attempted
from monitor.loaded import LoadedConfig, check_bytes
from monitor.mail.message import MailingList
from monitor.model.digests import Digest
from monitor.model.mail import DeliveryStatus, Rendered
from monitor.service.due_work import DueWork, Outcome, Work
from monitor.service.register import register
from monitor.service.runtime import digest_context, make_runtime
from monitor.store import digests, entries, matches, outbox
from monitor.store.database import Connection, Database, open_database
from tests import make
from tests.digests.issue import SUMMARY, digest, waits
from tests.make import NOW
from tests.parsing import parse_here

ENTRIES = 80
RECIPIENTS = 1000
CONFIG = """
[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "AI 日报 <digest@example.org>"
[web]
public_url = "https://news.example.org"
[[feeds]]
name = "示例"
url = "{url}"
[[rules]]
name = "人工智能"
any = ["大模型"]
[[subscriptions]]
name = "AI 日报"
to = [{to}]
every = "0s"
"""


def title(number: int) -> str:
    """Return a title unlike the others."""
    return f"第 {number} 篇：开源大模型的重心正在转移，两千块芯片如何追上一万六千块"


def big_digest(count: int) -> Digest:
    """Return a digest of so many entries, each with an excerpt."""
    return digest(*(waits(title(number), seq=number, summary=SUMMARY * 2) for number in range(1, count + 1)))


def recipients(count: int) -> list[str]:
    """Return so many addresses."""
    return [f"reader{number}@example.org" for number in range(count)]


def measure_rendering() -> None:
    """Print the CPU time of rendering a large digest, the first time and when warm."""
    render, large, seconds = digest_renderer(), big_digest(ENTRIES), []
    for _ in range(21):
        start = time.process_time()
        render(large)
        seconds.append(time.process_time() - start)
    warm = 1000 * statistics.median(seconds[1:])
    print(f"render {ENTRIES} entries     {1000 * seconds[0]:8.1f} ms first, {warm:.1f} ms warm")


async def measure_composing(folder: Path) -> None:
    """Print the CPU time of a digest for many recipients, and how often it was rendered."""
    loaded = loaded_for(folder, port=25, to=recipients(RECIPIENTS))
    runtime, renders = make_runtime(loaded, parse_here), 0

    def render(made: Digest) -> Rendered:
        nonlocal renders
        renders += 1
        return runtime.render(made)

    render(big_digest(8))
    renders = 0
    with TemporaryDirectory() as place:
        db = open_database(f"sqlite:///{place}/monitor.db")
        await db.write(register, loaded, NOW - timedelta(days=1))
        await db.write(_store_matched, loaded)
        start = time.process_time()
        outcome = await compose(
            loaded.config.subscriptions[0],
            slot_now(NOW),
            context=digest_context(loaded),
            render=render,
            db=db,
            now=NOW,
        )
        seconds = time.process_time() - start
        await db.close()
    assert isinstance(outcome, Composed), outcome
    assert len(outcome.mails) == RECIPIENTS
    size = len(outcome.mails[0].raw) / 1000
    print(
        f"compose for {RECIPIENTS:,}      {1000 * seconds:8.1f} ms, {1000 * seconds / RECIPIENTS:.3f} ms a mail of "
        f"{size:.0f} kB, rendered {renders} times"
    )


def _store_matched(tx: Connection, loaded: LoadedConfig) -> None:
    [fingerprint] = loaded.rules.fingerprints.values() if hasattr(loaded.rules, "fingerprints") else [""]
    url = loaded.config.feeds[0].url
    stored = [
        (make.entry(title(number), number=number, feed_url=url, summary=SUMMARY * 2), True)
        for number in range(8)
    ]
    new = entries.insert_new(tx, stored, loaded.rules.fingerprint)
    matches.insert(tx, [(seq, make.match(fingerprint)) for seq, _ in new])


async def measure_delivering(folder: Path, mails: int) -> None:
    """Print the CPU and wall time of handing mails over."""
    with sink() as port:
        loaded = loaded_for(folder, port=port, to=recipients(1))
        db = open_database(f"sqlite:///{folder}/delivering.db")
        await db.write(register, loaded, NOW)
        await queue(db, mails)
        await hand_over(loaded, db, mails)
        await db.close()


async def queue(db: Database, mails: int) -> None:
    """Put mails of the same digest into the outbox, a thousand recipients a digest."""
    rendered, to = digest_renderer()(big_digest(8)), recipients(RECIPIENTS)
    for first in range(0, mails, RECIPIENTS):
        made = mails_to(
            to[: mails - first],
            rendered,
            sender="AI 日报 <digest@example.org>",
            date=NOW,
            unique=str(first),
            mailing_list=MailingList(key="AI 日报", name="AI 日报"),
        )

        def store(tx: Connection, made=made, first=first) -> None:  # type: ignore[no-untyped-def]  # bound here
            number = digests.insert(tx, "AI 日报", replace(slot_now(NOW), key=str(first)), NOW, 8, "r1")
            assert number
            for mail in made:
                outbox.insert(tx, number, mail, now=NOW, expires_at=NOW + timedelta(days=3650))

        await db.write(store)


async def hand_over(loaded: LoadedConfig, db: Database, mails: int) -> None:
    """Do the due work until all mails are sent, a tick a second as the service does."""
    sent, done = 0, asyncio.Event()

    def report(outcome: Outcome) -> None:
        nonlocal sent
        assert isinstance(outcome, Attempted)
        assert outcome.status is DeliveryStatus.SENT, outcome.reply
        sent += 1
        if sent == mails:
            done.set()

    def start(_name: str, work: Work) -> "asyncio.Task[None]":
        return asyncio.ensure_future(work())  # type: ignore[arg-type]  # it is a coroutine

    work = DueWork(loaded, make_runtime(loaded, parse_here), db, start=start, report=report)
    cpu, wall = time.process_time(), time.perf_counter()
    while not done.is_set():
        await work.deliver_due()
        try:
            await asyncio.wait_for(done.wait(), 1)
        except TimeoutError:
            continue
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(
        f"deliver {mails:,} mails   {1000 * cpu / mails:8.2f} ms of CPU a mail, {mails / wall:.0f} mails a second"
    )


def loaded_for(folder: Path, *, port: int, to: list[str]) -> LoadedConfig:
    """Return a configuration with this mail server and these recipients."""
    quoted = ", ".join(f'"{address}"' for address in to)
    text = CONFIG.format(port=port, url=make.feed().url, to=quoted)
    return check_bytes(folder / "config.toml", text.encode())


@contextmanager
def sink() -> Iterator[int]:
    """Run a mail server that takes everything, in a process of its own; yield its port."""
    with subprocess.Popen([sys.executable, __file__, "--sink"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


class _Sink(asyncio.Protocol):
    """One conversation: every command is good, and the content is forgotten."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._unread, self._in_content = transport, b"", False
        self._say(b"220 sink")

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while True:
            end = b"\r\n.\r\n" if self._in_content else b"\r\n"
            line, found, rest = self._unread.partition(end)
            if not found:
                if self._in_content:
                    self._unread = self._unread[-len(end) :]
                return
            self._unread = rest
            self._answer(line[:4].upper())

    def _answer(self, verb: bytes) -> None:
        if self._in_content:
            self._in_content = False
            self._say(b"250 2.0.0 kept")
        elif verb == b"EHLO":
            self._say(b"250-sink\r\n250-SIZE 100000000\r\n250 8BITMIME")
        elif verb == b"DATA":
            self._in_content = True
            self._say(b"354 go on")
        elif verb == b"QUIT":
            self._say(b"221 2.0.0 bye")
            self._transport.close()
        else:
            self._say(b"250 ok")

    def _say(self, reply: bytes) -> None:
        assert isinstance(self._transport, asyncio.WriteTransport)
        self._transport.write(reply + b"\r\n")


async def serve_sink() -> None:
    """Serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(_Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def main(mails: int) -> None:
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    measure_rendering()
    with TemporaryDirectory() as folder:
        await measure_composing(Path(folder))
        await measure_delivering(Path(folder), mails)
    print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--sink"]:
        asyncio.run(serve_sink())
    else:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
