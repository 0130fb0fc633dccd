"""Measure the service among hostile feeds: good feeds on time, memory, stop: `python bench/hostile.py [--help]`.

With `--stored N` it measures the CPU of an idle service instead, over N stored entries.
"""

import argparse
import asyncio
import contextlib
import gzip
import json
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))

from monitor.demo.smtp_server import LoopbackSmtpServer
from monitor.loaded import load_complete
from monitor.service.register import register
from monitor.store import entries
from monitor.store.database import Connection, open_database
from tests import make

LATE, STOP, MEMORY, MEMORY_OF_MANY, TICK_CPU = 2.0, 10.0, 250, 300, 0.050  # the bars: s, s, MB, MB, s
OF_A_SHAPE = 8
_MB = 1_000_000
_JITTER = 1.05  # of an interval, on average
_FOOD = "a" * 400 + "!"  # for (a+)+$
_ATTRIBUTES = " ".join(f"a{n}='1'" for n in range(100_000))
_SOME_ATTRIBUTES = " ".join(f"a{n}='1'" for n in range(55))


def _rss(items: str) -> str:
    return f"<rss version='2.0'><channel><title>x</title>{items}</channel></rss>"


def _item(inner: str) -> str:
    return _rss(f"<item><title>t</title>{inner}</item>")


def _repeated(piece: Callable[[int], str], count: int) -> str:
    return "".join(map(piece, range(count)))


def _deep(count: int) -> str:
    return f"<description>{'<div>' * count}x{'</div>' * count}</description>"


DOCUMENTS: dict[str, Callable[[], str]] = {
    "100,000 attributes": lambda: _item(f"<x {_ATTRIBUTES}/>"),
    "55 attributes, 14,000 times": lambda: _rss(
        f"<item><title>t</title><x {_SOME_ATTRIBUTES}/></item>" * 14_000
    ),
    "120,000 categories": lambda: _item(_repeated(lambda n: f"<category>c{n}</category>", 120_000)),
    "230,000 items": lambda: _rss(_repeated(lambda n: f"<item><title>t{n}</title></item>", 230_000)),
    "400,000 nested elements": lambda: _item(_deep(400_000)),
    "700,000 nested, escaped": lambda: _item(f"<description>{'&lt;div&gt;' * 700_000}</description>"),
    "7.9 MB of text": lambda: _item(f"<description>{'some words ' * 715_000}</description>"),
    "a title of 7 MB": lambda: _rss(f"<item><title>{'t ' * 3_500_000}</title></item>"),
    "an author of 100 KB": lambda: _item(f"<author>{'x' * 100_000}</author>"),
    "7 million <": lambda: _item("<" * 7 * _MB),
    "7 million &": lambda: _item("&" * 7 * _MB),
    "1.8 million <!--": lambda: _item("<!--" * 1_800_000),
    "160,000 namespaces": lambda: _item(
        _repeated(lambda n: f"<n{n}:x xmlns:n{n}='u{n}'>1</n{n}:x>", 160_000)
    ),
    "900,000 entities": lambda: _item(f"<description>{'&amp;lt;' * 900_000}</description>"),
    "900 entries of XHTML": lambda: (
        "<feed xmlns='http://www.w3.org/2005/Atom'><title>x</title>"
        + _repeated(
            lambda n: (
                f"<entry><title>t{n}</title><id>{n}</id><content type='xhtml'>"
                f"<div xmlns='http://www.w3.org/1999/xhtml'>{'<p>x</p>' * 1000}</div></content></entry>"
            ),
            900,
        )
        + "</feed>"
    ),
    "1,000 entries of food for (a+)+$": lambda: _rss(
        _repeated(lambda n: f"<item><title>{n} {_FOOD}</title><guid>{n}</guid></item>", 1000)
    ),
}
CONNECTIONS = (
    "hangs",
    "slow loris",
    "headers without end",
    "body without end",
    "7 MB, then silence",
    "gzip bomb",
)
SHAPES = (*CONNECTIONS, *DOCUMENTS)


# --- the servers ----------------------------------------------------------------------------------


def serve(hosts: Sequence[str], port: int, pipe: Pipe) -> None:
    """Serve every host; at the end send what was asked of good feeds, as (host, begin, end) by the wall clock."""
    packed = {name: gzip.compress(make_it().encode(), 1) for name, make_it in DOCUMENTS.items()}
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed["gzip bomb"] = b"".join(packer.compress(b" " * _MB) for _ in range(1000)) + packer.flush()
    asked: list[tuple[str, float, float]] = []
    visits: Counter[str] = Counter()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun, host = time.time(), str(writer.get_extra_info("sockname")[0])
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            kind = head.split(" ")[1].strip("/")
            if kind.isdecimal():
                shape = SHAPES[int(kind)]
                if shape in packed:
                    await send(writer, packed[shape], coding="gzip")
                else:
                    await _misbehave(shape, writer)
            else:
                visits[host] += 1
                await good(head, f'"{visits[host] // 3}"' if kind == "good" else '"0"', host, writer)
                asked.append((host, begun, time.time()))
        writer.close()

    async def good(head: str, etag: str, host: str, writer: asyncio.StreamWriter) -> None:
        if f"If-None-Match: {etag}" in head:
            writer.write(f"HTTP/1.1 304 Not Modified\r\nETag: {etag}\r\nConnection: close\r\n\r\n".encode())
        else:
            number = int(etag.strip('"'))
            await send(
                writer, make.rss(*(f"AI {host} {n}" for n in range(number, max(-1, number - 20), -1))), etag
            )
        await writer.drain()

    async def send(writer: asyncio.StreamWriter, body: bytes, etag: str = "", coding: str = "") -> None:
        fields = f"ETag: {etag}\r\n" if etag else ""
        fields += f"Content-Encoding: {coding}\r\n" if coding else ""
        writer.write(f"HTTP/1.1 200 OK\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    async def main() -> None:
        server = await asyncio.start_server(answer, list(hosts), port, backlog=100)
        pipe.send("listens")
        await asyncio.to_thread(pipe.recv)
        server.close()
        pipe.send(asked)
        os._exit(0)  # without waiting for whoever hangs

    asyncio.run(main())


async def _misbehave(shape: str, writer: asyncio.StreamWriter) -> None:
    """Answer in one of the ways of CONNECTIONS."""
    if shape == "hangs":
        await asyncio.sleep(3600)
    elif shape == "slow loris":
        for byte in b"HTTP/1.1 200 OK\r\n\r\n" + make.rss(*"abc") * 10:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.5)
    elif shape == "headers without end":
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X: " + b"x" * 1000 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0.05)
    elif shape == "body without end":
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n<rss><channel>")
        while True:
            writer.write(b"<item/>" * 10_000)
            await writer.drain()
            await asyncio.sleep(0.02)
    elif shape == "7 MB, then silence":
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n<rss><channel>" + b" " * 7 * _MB)
        await writer.drain()
        await asyncio.sleep(3600)


@contextlib.contextmanager
def serving(hosts: Sequence[str]) -> Iterator[tuple[int, Callable[[], list[tuple[str, float, float]]]]]:
    """Run the servers in a process of their own; yield their port, and what ends them and returns what was asked."""
    with socket.socket() as sock:
        sock.bind((hosts[0], 0))
        port: int = sock.getsockname()[1]
    ours, its = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(hosts, port, its), daemon=True)
    process.start()

    def end() -> list[tuple[str, float, float]]:
        ours.send("end")
        asked: list[tuple[str, float, float]] = ours.recv()
        return asked

    try:
        assert ours.poll(60)
        ours.recv()
        yield port, end
    finally:
        process.kill()
        process.join()


# --- the service ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Measured:
    """What the service did and cost."""

    worst_late: float = 0.0  # seconds
    worst_at: float = 0.0  # seconds after the start
    late: int = 0  # polls of good feeds later than the bar
    polls: int = 0  # of good feeds
    possible: int = 0  # polls that their intervals leave time for
    unasked: int = 0  # good feeds that were asked less than twice
    digests: int = 0
    memory: int = 0  # MB, at most
    memory_by_process: dict[str, int] = field(default_factory=dict)  # MB, at that moment
    stop: float = 0.0  # seconds
    exit_code: int | None = None
    cpu: float = 0.0  # seconds, of all processes of the service
    failures: dict[str, str] = field(default_factory=dict)  # by shape: the last error
    waits: float = 0.0  # seconds from the answer of a good feed to its line in the log, at most


def config(
    folder: Path, feeds: Sequence[tuple[str, str, str]], mailbox: LoopbackSmtpServer, *, fetch: str
) -> Path:
    """Write a configuration for feeds given as (name, url, interval)."""
    file = folder / "config.toml"
    text = (
        f'[store]\nurl = "sqlite:///monitor.db"\n[fetch]\nallow_private = ["127.66.0.0/16"]\n{fetch}'
        f'[smtp]\nhost = "127.0.0.1"\nport = {mailbox.port}\nsecurity = "starttls"\nca_file = "{mailbox.ca_file}"\n'
        '[[rules]]\nname = "AI"\nany = ["AI", "大模型"]\n[[rules]]\nname = "slow"\nany = ["/(a+)+$/"]\n'
        '[[subscriptions]]\nname = "s"\nto = ["you@example.org"]\nevery = "10s"\n'
    )
    text += "".join(
        f'[[feeds]]\nname = "{name}"\nurl = "{url}"\nevery = "{every}"\nfirst_visit = "36500d"\n'
        for name, url, every in feeds
    )
    file.write_text(text, "utf-8")
    return file


@contextlib.contextmanager
def service(file: Path) -> "Iterator[tuple[subprocess.Popen[bytes], Path]]":
    """Run the service until the context is left; yield the process, and its log."""
    log = file.parent / "log"
    command = [sys.executable, "-m", "monitor", "--config", str(file), "run", "--log", "json"]
    with log.open("wb") as output, subprocess.Popen(command, stderr=output) as process:
        try:
            while b'"started"' not in log.read_bytes():
                assert process.poll() is None, log.read_text("utf-8")
                time.sleep(0.05)
            yield process, log
        finally:
            process.kill()


def family(pid: int) -> list[int]:
    """Return a process and all it has started that live."""
    pids = [pid]
    for each in pids:
        with contextlib.suppress(OSError):
            pids += [int(child) for child in Path(f"/proc/{each}/task/{each}/children").read_text().split()]
    return pids


def pss(pid: int) -> int:
    """Return the proportional set size of a process in kB; 0 when it has ended."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Pss:")).split()[1])
    return 0


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process; its children that were waited for included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def stop(process: "subprocess.Popen[bytes]") -> float:
    """Tell the service to stop; return the seconds it took. One that takes a minute is killed."""
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(60)
    return time.monotonic() - begun


# --- hostile feeds --------------------------------------------------------------------------------


def measure(folder: Path, *, count: int, seconds: float, shapes: Sequence[str]) -> Measured:
    """Run the service among hostile feeds: 8 of each shape and 20 good ones; or `count` feeds, a tenth hostile."""
    hostile = [shape for shape in shapes for _ in range(OF_A_SHAPE)]
    good, every = 20, 5.0
    if count:
        hostile = [shapes[number % len(shapes)] for number in range(count // 10)]
        good, every = count - len(hostile), 40.0
    hosts = [f"127.66.{n // 250}.{n % 250 + 1}" for n in range(len(hostile) + good)]
    with serving(hosts) as (port, end), LoopbackSmtpServer(folder) as mailbox:
        feeds = [
            (f"{shape} {n}", f"http://{host}:{port}/{SHAPES.index(shape)}", "10s")
            for n, (host, shape) in enumerate(zip(hosts, hostile, strict=False))
        ]
        feeds += [(host, f"http://{host}:{port}/good", f"{every:g}s") for host in hosts[len(hostile) :]]
        fetch = 'min_interval = "1s"\nbackoff = "10s"\nmax_backoff = "20s"\n'
        with service(config(folder, feeds, mailbox, fetch=fetch)) as (process, log):
            began, measured = time.time(), Measured()
            while time.time() < began + seconds and process.poll() is None:
                sizes = {pid: pss(pid) for pid in family(process.pid)}
                if sum(sizes.values()) // 1000 > measured.memory:
                    measured.memory = sum(sizes.values()) // 1000
                    measured.memory_by_process = {
                        "service" if pid == process.pid else f"child {pid}": size // 1000
                        for pid, size in sizes.items()
                    }
                time.sleep(0.25)
            if process.poll() is None:
                measured.cpu = sum(map(cpu_of, family(process.pid)))
            measured.digests = len(mailbox.received)
            measured.stop = stop(process)
            measured.exit_code = process.returncode
            events = [
                json.loads(line) for line in log.read_text("utf-8").splitlines() if line.startswith("{")
            ]
        _judge_lateness(measured, end(), events, hosts[len(hostile) :], every, began, began + seconds)
    for event in events:
        if event["event"] == "poll-failed":
            measured.failures[event["feed"].rpartition(" ")[0]] = event["error"]
    return measured


def _judge_lateness(
    measured: Measured,
    asked: Sequence[tuple[str, float, float]],
    events: Sequence[dict[str, str]],
    good: Sequence[str],
    every: float,
    began: float,
    ended: float,
) -> None:
    """Fill in how late good feeds were polled, at most: by the time the log gave, and by interval and last answer.

    The one is cut to seconds, the other does not know the jitter: the smaller of both is still too large. A feed that
    was due and never asked counts to the end.
    """
    due: dict[str, list[float]] = defaultdict(list)
    logged: dict[str, list[float]] = defaultdict(list)
    for event in events:
        if event["event"] in ("polled", "poll-failed"):
            due[event["feed"]].append(datetime.fromisoformat(event["next"]).timestamp())
            logged[event["feed"]].append(datetime.fromisoformat(event["timestamp"]).timestamp())
    polls: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for host, begin, end in asked:
        polls[host].append((begin, end))
    measured.possible = int(len(good) * (ended - began) / (every * _JITTER))
    for host in good:
        measured.polls += len(polls[host])
        measured.unasked += len(polls[host]) < 2
        if not polls[host]:  # due since the start
            measured.late += 1
            measured.worst_late = max(measured.worst_late, ended - began)
        begins = [*[begin for begin, _ in polls[host][1:]], ended]
        for (_, answered), stored in zip(polls[host], logged[host], strict=False):
            measured.waits = max(measured.waits, stored - answered)
        for number, ((_, answered), begin) in enumerate(zip(polls[host], begins, strict=False)):
            known = due[host][number] if number < len(due[host]) else answered + every
            late = begin - max(known, answered + every)
            measured.late += late > LATE
            if late > measured.worst_late:
                measured.worst_late, measured.worst_at = late, begin - began


# --- nothing new ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Idle:
    """The CPU of the service process."""

    stored: int
    feeds: int
    polls: int  # within the minute of 304s
    poll_cpu: float  # seconds, within it
    tick_cpu: float  # seconds a tick, when nothing is due, on average
    worst_second: float  # seconds of CPU in the worst second of then
    memory: int  # MB
    slow_seconds: int  # above the bar


def measure_idle(folder: Path, *, stored: int, count: int, seconds: float) -> Idle:
    """Run the service over stored entries and feeds that answer 304: first while they are polled, then not due."""
    hosts = [f"127.66.{n // 250}.{n % 250 + 1}" for n in range(count)]
    with serving(hosts) as (port, _end), LoopbackSmtpServer(folder) as mailbox:
        feeds = [(host, f"http://{host}:{port}/same", "30m") for host in hosts]
        file = config(folder, feeds, mailbox, fetch='min_interval = "1s"\n')
        asyncio.run(_fill(file, [url for _, url, _ in feeds], stored))
        with service(file) as (process, log):
            begun, before = time.monotonic(), cpu_of(process.pid)
            while log.read_bytes().count(b'"polled"') < count and time.monotonic() < begun + 180:
                time.sleep(0.5)
            polls, poll_cpu = log.read_bytes().count(b'"polled"'), cpu_of(process.pid) - before
            _wait_for_digests(log)
            samples = [cpu_of(process.pid)]
            for _ in range(int(seconds)):
                time.sleep(1)
                samples.append(cpu_of(process.pid))
            memory = sum(map(pss, family(process.pid))) // 1000
            stop(process)
    used = [later - earlier for earlier, later in pairwise(samples)]
    return Idle(
        stored=stored,
        feeds=count,
        polls=polls,
        poll_cpu=round(poll_cpu, 2),
        tick_cpu=round(sum(used) / len(used), 4),
        worst_second=round(max(used), 3),
        memory=memory,
        slow_seconds=sum(each > TICK_CPU for each in used),
    )


def _wait_for_digests(log: Path) -> None:
    """Wait until what was polled is mailed: of many entries, each digest leaves some to the next, 10 s later."""
    composed, quiet_since = 0, time.monotonic()
    while time.monotonic() < quiet_since + 15:
        time.sleep(0.5)
        if (count := log.read_bytes().count(b'"composed"')) > composed:
            composed, quiet_since = count, time.monotonic()


async def _fill(file: Path, urls: Sequence[str], stored: int) -> None:
    """Store entries of the last 90 days, which match nothing and which every subscription has passed."""
    loaded = load_complete(file)
    db = open_database(loaded.store_url)
    now = datetime.now(UTC)
    await db.write(register, loaded, now)
    text = "这是一条没有关键词的新闻，写得和平常的摘要一样长，好让数据库有平常的大小。" * 8

    def insert(tx: Connection, first: int, last: int) -> int:
        made = [
            (
                make.entry(
                    f"第{number}条新闻",
                    number=number,
                    feed_url=urls[number % len(urls)],
                    summary=text,
                    published=now - timedelta(days=90) * (1 - number / stored),
                    first_seen=now - timedelta(days=90) * (1 - number / stored),
                ),
                True,
            )
            for number in range(first, last)
        ]
        return len(entries.insert_new(tx, made, loaded.rules.fingerprint))

    for first in range(0, stored, 2000):
        await db.write(insert, first, min(stored, first + 2000))
    await db.write(_pass_all)
    await db.close()


def _pass_all(tx: Connection) -> None:
    tx.exec_driver_sql("UPDATE subscriptions SET cursor = (SELECT max(seq) FROM entries)")


# --- what is printed ------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--feeds", type=int, default=0, help="so many feeds in all, a tenth of them hostile")
    parser.add_argument("--stored", type=int, default=0, help="entries in the database, and no hostile feed")
    parser.add_argument("--seconds", type=float, default=0.0, help="60, or 120 with --feeds")
    parser.add_argument("--only", default="", help="shapes with this word")
    parser.add_argument("--without", default="", help="and none with this")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))
    with TemporaryDirectory() as folder:
        if options.stored:
            feeds = options.feeds or 2000
            result = _idle_table(
                measure_idle(Path(folder), stored=options.stored, count=feeds, seconds=options.seconds or 60)
            )
        else:
            shapes = [
                shape
                for shape in SHAPES
                if options.only in shape and not (options.without and options.without in shape)
            ]
            seconds = options.seconds or (120 if options.feeds else 60)
            measured = measure(Path(folder), count=options.feeds, seconds=seconds, shapes=shapes)
            result = _table(measured, MEMORY_OF_MANY if options.feeds else MEMORY)
    if options.json:
        rows = {what: {"value": value, "bar": bar, "is_good": good} for what, value, bar, good in result}
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        for what, value, bar, good in result:
            print(f"{'' if good else 'MISSED':8}{what:44}{value!s:>12}  {bar}")
    return 0 if all(good for *_, good in result) else 1


Row = tuple[str, object, str, bool]


def _table(measured: Measured, most_memory: int) -> list[Row]:
    by_process = ", ".join(f"{name} {size}" for name, size in measured.memory_by_process.items())
    return [
        (
            "good feeds: worst lateness, s",
            round(measured.worst_late, 1),
            f"at most {LATE:g}",
            measured.worst_late <= LATE,
        ),
        ("  reached after, s", round(measured.worst_at, 0), "", True),
        ("  polls later than the bar, of all", f"{measured.late} of {measured.polls}", "", True),
        ("  polls in time, of those possible", measured.polls, f"{measured.possible} possible", True),
        ("  feeds asked less than twice", measured.unasked, "0", not measured.unasked),
        ("  from an answer to its storing at most, s", round(measured.waits, 1), "", True),
        ("digests sent", measured.digests, "at least 1", measured.digests > 0),
        ("stop after SIGTERM, s", round(measured.stop, 1), f"at most {STOP:g}", measured.stop <= STOP),
        ("exit code", measured.exit_code, "0", measured.exit_code == 0),
        (
            "memory of all processes, MB",
            measured.memory,
            f"at most {most_memory}",
            measured.memory <= most_memory,
        ),
        ("  of these", by_process, "", True),
        ("CPU of all processes, s", round(measured.cpu, 1), "", True),
        *(("  " + shape, error[:100], "", True) for shape, error in measured.failures.items()),
    ]


def _idle_table(idle: Idle) -> list[Row]:
    return [
        ("entries stored, feeds", f"{idle.stored}, {idle.feeds}", "", True),
        (
            "polls, their CPU in the service, s",
            f"{idle.polls}, {idle.poll_cpu}",
            "",
            idle.polls >= idle.feeds,
        ),
        ("  a poll, ms", round(idle.poll_cpu / max(1, idle.polls) * 1000, 2), "", True),
        (
            "nothing due: CPU a tick, ms",
            round(idle.tick_cpu * 1000, 1),
            "at most 50",
            idle.tick_cpu <= TICK_CPU,
        ),
        ("  worst second, ms", round(idle.worst_second * 1000), "at most 50", idle.worst_second <= TICK_CPU),
        ("  seconds above 50 ms", idle.slow_seconds, "0", not idle.slow_seconds),
        ("memory of all processes, MB", idle.memory, "", True),
    ]


if __name__ == "__main__":
    sys.exit(main())
