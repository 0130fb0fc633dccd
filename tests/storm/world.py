"""A whole installation to disturb: feeds, relay, database, config.toml, clock, disks, and the service among them."""

import json
import mmap
import random
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.postgres import running_postgres
from tests.storm.arrivals import Arrivals, Begun, Troubles
from tests.storm.databases import Database, PostgresDatabase, SqliteDatabase
from tests.storm.disk import SmallDisk
from tests.storm.feed import WORDS, Stream
from tests.storm.process import Service
from tests.storm.relay import SENDER, USERNAME, Relay

_ZONE = "Asia/Shanghai"
_SHARED = ("ann@storm.example", "bob@storm.example", "cho@storm.example")
_PACED, _TIMED = "dan@storm.example", "eve@storm.example"
OPERATOR = "operator@storm.example"
_LIMITS = dict(
    zip(WORDS, (0, 20, 0), strict=True)
)  # `max` of each word's rule: what exceeds it is mailed, too
_STORE = '[store]\nurl = "{url}"\n'
_REST = """
[fetch]
min_interval = "1s"
backoff = "1s"
max_backoff = "4s"
timeout = "5s"
allow_private = ["127.0.0.0/8"]
===
[outbox]
retry = ["1s", "2s"]
uncertain_after = "1s"
lease = "3s"
expire = "40d"
===
[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
username = "{username}"
password_file = "{password_file}"
sender = "AI 日报 <{sender}>"
===
[operator]
to = ["{operator}"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a storm is played with."""

    disturbances: int
    seed: int
    database: str = "sqlite"
    kinds: tuple[str, ...] = ()  # names of kinds, or how they begin; empty: all
    burst: int = 450  # entries at once, at most
    interval: float = 0.8  # seconds between the others
    timed: bool = True  # a subscription with a time of day at each minute; its last digest takes a minute
    late_copies: float = 8.0  # seconds at the end in which an uncertain mail would come once more
    patience: float = 90.0  # seconds without an arrival after which what is missing is lost


@dataclass(slots=True, kw_only=True)
class World:
    """The installation, and what has happened to it so far."""

    options: Options
    folder: Path
    chance: random.Random
    stream: Stream
    arrivals: Arrivals
    relay: Relay
    database: Database
    config: "ConfigFile"
    clock: "Clock"
    data_disk: SmallDisk
    log_disk: SmallDisk
    service: Service
    troubles: Troubles = field(default_factory=Troubles)
    begun: list[Begun] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    began_at: float = field(default_factory=time.monotonic)

    def note(self, text: str) -> None:
        """Write down what is done, with the second of the storm and the wall clock: for whoever looks for a cause."""
        moment = time.monotonic() - self.began_at
        self.notes.append(f"{moment:8.2f} {datetime.now(ZoneInfo('UTC')):%H:%M:%S.%f} {text}")

    def publish(self, count: int, path: str) -> None:
        """Publish entries, which are then expected to reach every recipient."""
        before = len(self.stream.entries)
        self.stream.publish(count, path)
        self.arrivals.expect(self.stream.entries[before:])

    def tend(self, now: float) -> None:
        """Do what does not wait for disturbances: publish what is due, start a service that has ended by itself."""
        before = len(self.stream.entries)
        self.stream.tend(now)
        self.arrivals.expect(self.stream.entries[before:])
        self.service.tend(now)


class ConfigFile:
    """config.toml and the password file: what they ought to say, and ways to spoil them."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.text = path, text
        self.password_file = path.parent / "password"
        self.replace(text)
        self.password_file.write_text("right\n")

    def replace(self, text: str) -> None:
        """Save as most editors do: a new file, renamed."""
        self._replace(text.encode())

    def write_in_place(self, content: bytes) -> None:
        """Save as `cp` does: the same file, written anew."""
        self.path.write_bytes(content)

    def restore(self, *, in_place: bool) -> None:
        """Put back what the file ought to say."""
        if in_place:
            self.write_in_place(self.text.encode())
        else:
            self.replace(self.text)

    def _replace(self, content: bytes) -> None:
        new = self.path.with_suffix(".new")
        new.write_bytes(content)
        new.replace(self.path)


class Clock:
    """The wall clock of the service, shifted by a library that is compiled for it."""

    def __init__(self, folder: Path) -> None:
        self.why_not = ""
        self._file = folder / "clock"
        self._file.write_bytes(bytes(8))
        self._library = folder / "clock_shift.so"
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            self.why_not = "there is no C compiler"
            return
        source = Path(__file__).with_name("clock_shift.c")
        command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(self._library), str(source)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            self.why_not = f"clock_shift.c cannot be compiled: {result.stderr.strip()[:200]}"

    @property
    def environ(self) -> dict[str, str]:
        """The environment under which a process sees the shifted clock."""
        return {} if self.why_not else {"LD_PRELOAD": str(self._library), "STORM_CLOCK": str(self._file)}

    def shift(self, by: timedelta) -> None:
        """Let the clock differ from the machine's by this much."""
        with self._file.open("r+b") as file, mmap.mmap(file.fileno(), 8) as mapped:
            mapped[:] = struct.pack("=q", int(by.total_seconds()))


@contextmanager
def open_world(folder: Path, options: Options) -> Iterator[World]:
    """Start servers and database, write config.toml, and end everything at the end; the service is not started."""
    chance = random.Random(options.seed)
    recipients = (*_SHARED, _PACED, *([_TIMED] if options.timed else []))
    arrivals = Arrivals(recipients)
    stream, clock = Stream(options.interval), Clock(folder)
    relay = Relay(random.Random(options.seed + 1), arrivals.oldest_missing)
    relay.on_taken = arrivals.receive
    data_disk, log_disk = SmallDisk(folder / "data", "512m"), SmallDisk(folder / "log", "64m")
    try:
        with _database(options.database, data_disk) as database:
            text = _config(options, database.url, stream, relay, folder, chance)
            config = ConfigFile(folder / "config.toml", text)
            service = Service(config.path, log_disk.path / "log", clock.environ)
            world = World(
                options=options,
                folder=folder,
                chance=chance,
                stream=stream,
                arrivals=arrivals,
                relay=relay,
                database=database,
                config=config,
                clock=clock,
                data_disk=data_disk,
                log_disk=log_disk,
                service=service,
            )
            try:
                yield world
            finally:
                service.kill()
                stream.close()
                relay.close()
    finally:
        with suppress(OSError):
            data_disk.unmount()
            log_disk.unmount()


@contextmanager
def _database(kind: str, disk: SmallDisk) -> Iterator[Database]:
    if kind == "sqlite":
        yield SqliteDatabase(disk.path / "monitor.db")
        return
    with running_postgres() as server:
        yield PostgresDatabase(server)


def _config(
    options: Options, store_url: str, stream: Stream, relay: Relay, folder: Path, chance: random.Random
) -> str:
    """Return a config.toml whose tables stand in random order, [store] first: without it the database is another."""
    tables = _REST.format(
        port=relay.port,
        username=USERNAME,
        password_file=folder / "password",
        sender=SENDER,
        operator=OPERATOR,
    ).split("===\n")
    tables += [
        f'[[feeds]]\nname = "{url[-4:]}"\nurl = "{url}"\nevery = "1s"\n' for url in stream.urls.values()
    ]
    tables += [
        f'[[rules]]\nname = "{word}"\nany = ["{word}"]\nmax = {limit}\n' for word, limit in _LIMITS.items()
    ]
    subscriptions = [("at once", _SHARED, 'every = "0s"'), ("paced", (_PACED,), 'every = "4s"')]
    if options.timed:
        subscriptions.append(("timed", (_TIMED,), f"at = {json.dumps(_each_minute())}"))
    tables += [
        f'[[subscriptions]]\nname = "{name}"\nto = {json.dumps(to)}\n{when}\ntimezone = "{_ZONE}"\n'
        "at_once_most = 3600\n"
        for name, to, when in subscriptions
    ]
    chance.shuffle(tables)
    return "\n".join([_STORE.format(url=store_url), *(table.strip() + "\n" for table in tables)])


def _each_minute() -> list[str]:
    """Return every minute from two hours ago until in three hours, as times of day."""
    now = datetime.now(ZoneInfo(_ZONE))
    return sorted(f"{now + timedelta(minutes=minute):%H:%M}" for minute in range(-120, 180))
