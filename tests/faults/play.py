"""Play faults to a real service beside good feeds, and judge what came of it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from monitor.demo.running import Event, Process, Running
from monitor.demo.smtp_server import LoopbackSmtpServer
from tests.command import run_command
from tests.faults import characters, content, documents, identity, manners, neighbours, redirects, transport
from tests.faults.fault import BACKOFF, FAULTS, MAX_BACKOFF, MAX_BYTES, TIMEOUT, Fault
from tests.faults.judge import COLUMNS, MISSING, READ, Verdict, judge
from tests.faults.server import NETWORK, Stage

MODULES = (
    transport,
    documents,
    characters,
    manners,
    redirects,
    identity,
    content,
    neighbours,
)  # each declares faults
STOP = 12.0  # seconds
_OPERATOR = "operator@example.org"
_SHOWN = 3  # of what is wrong with a fault in one way

_CONFIG = """
[store]
url = "sqlite:///monitor.db"
[fetch]
min_interval = "1s"
backoff = "{backoff:g}s"
max_backoff = "{max_backoff:g}s"
timeout = "{timeout:g}s"
concurrency = {concurrency}
max_bytes = "{megabytes}MB"
allow_private = ["{network}"]
[outbox]
retry = ["1s"]
uncertain_after = "1s"
[smtp]
host = "127.0.0.1"
port = {port}
security = "starttls"
ca_file = "{ca_file}"
[operator]
to = ["{operator}"]
"""


@dataclass(slots=True)
class Result:
    """What came of a play."""

    verdicts: list[Verdict]
    wrong: list[str]  # that no fault can be named for
    began: float  # monotonic seconds
    seconds: float
    stop_seconds: float
    mails: int

    @property
    def is_good(self) -> bool:
        return not self.wrong and not any(any(verdict.wrong.values()) for verdict in self.verdicts)

    def failures(self, columns: Sequence[str] = COLUMNS) -> list[str]:
        """Return a line for each thing that is wrong."""
        lines = []
        for verdict in self.verdicts:
            for column in columns:
                texts = verdict.wrong[column]
                for text in dict.fromkeys(texts[:_SHOWN]):
                    lines.append(
                        f"[{verdict.played.fault.kind}] {verdict.played.fault.name}: {column}: {text}"
                    )
        return [*lines, *dict.fromkeys(self.wrong)]


def play(
    folder: Path, faults: Sequence[Fault] = FAULTS, *, least: float = 50.0, most: float = 60.0
) -> Result:
    """Play faults for `least` seconds, and until `most` while entries are missing; then stop the service and judge."""
    recipients = [f"{kind}@example.org" for kind in dict.fromkeys(fault.kind for fault in faults)]
    transport.make_bomb()  # before the feeds are asked: they answer in this process
    with LoopbackSmtpServer(folder) as mailbox, Stage(faults, folder) as stage:
        config = folder / "config.toml"
        config.write_text(_config(stage, faults, mailbox), "utf-8")
        with _service(config, stage) as process:
            log = _Log(process)
            if not log.started.wait(30):
                raise TimeoutError(f"the service did not start: {log.odd()}")
            began = time.monotonic()
            while (passed := time.monotonic() - began) < most and process.poll() is None:
                if passed >= least and _have_arrived(mailbox, stage):
                    break
                time.sleep(0.3)
            wrong = list(_status_lines(config))
            seconds = time.monotonic() - began
            children = _children(process.pid)
            stopping = time.monotonic()
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP)
            stop_seconds = time.monotonic() - stopping
            if process.returncode != 0:
                wrong.append(f"the service ended with {process.returncode} after {stop_seconds:.1f} s")
        log.join()
        if left := [pid for pid in children if Path(f"/proc/{pid}").exists()]:
            wrong.append(f"{len(left)} processes of the service are left")
        wrong += [f"contact with {contact}, which is not allowed" for contact in stage.contacts]
        wrong += [f"the log says {event}" for event in log.odd()]
        by_feed = log.by_feed()
        for place, played in enumerate(stage.played):
            played.events = by_feed[_name(place)]
        mails = [mail for mail in mailbox.received if mail.recipients != (_OPERATOR,)]
        verdicts, others = judge(stage.played, mails, recipients, began=began, seconds=seconds)
        return Result(verdicts, [*wrong, *others], began, seconds, stop_seconds, len(mails))


@contextmanager
def _service(config: Path, stage: Stage) -> "Iterator[subprocess.Popen[str]]":
    """Run the service, which trusts the authority of the feeds' certificates, until the context is left."""
    command = [sys.executable, "-m", "monitor", "--config", str(config), "run", "--log", "json"]
    environment = {**os.environ, "SSL_CERT_FILE": str(stage.ca_file), "PYTHONUTF8": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8", env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _status_lines(config: Path) -> Iterator[str]:
    status = run_command("--config", str(config), "status")
    if any(ord(character) < 32 and character != "\n" for character in status.stdout):
        yield "monitor status prints control characters"


def _name(place: int) -> str:
    return f"feed {place:03}"


def _config(stage: Stage, faults: Sequence[Fault], mailbox: LoopbackSmtpServer) -> str:
    parts = [
        _CONFIG.format(
            backoff=BACKOFF,
            max_backoff=MAX_BACKOFF,
            timeout=TIMEOUT,
            concurrency=max(32, len(faults) // 2),
            megabytes=MAX_BYTES // 1_000_000,
            network=NETWORK,
            port=mailbox.port,
            ca_file=mailbox.ca_file,
            operator=_OPERATOR,
        )
    ]
    by_kind: dict[str, list[str]] = defaultdict(list)
    for place, fault in enumerate(faults):
        by_kind[fault.kind].append(_name(place))
        parts.append(
            f'[[feeds]]\nname = "{_name(place)}"\nurl = "{stage.url(place)}"\n'
            f'every = "{fault.every:g}s"\nfirst_visit = "{fault.first_visit}"\n'
        )
    for kind, names in by_kind.items():
        words = '["AI", "/(a+)+$/"]' if kind == "expressions" else '["AI"]'
        parts.append(f'[[rules]]\nname = "{kind}"\nany = {words}\nfeeds = {names}\n'.replace("'", '"'))
        parts.append(
            f'[[subscriptions]]\nname = "{kind}"\nto = ["{kind}@example.org"]\nevery = "2s"\nrules = ["{kind}"]\n'
            "at_once_most = 3600\n"
        )
    return "".join(parts)


def _have_arrived(mailbox: LoopbackSmtpServer, stage: Stage) -> bool:
    verdicts, _ = judge(stage.played, mailbox.received, (), began=0.0, seconds=0.0)
    return not any(text.startswith(MISSING) for verdict in verdicts for text in verdict.wrong[READ])


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


class _Log:
    """The service's log, read to its end."""

    def __init__(self, process: Process) -> None:
        self.started = threading.Event()
        self._service = Running(process)
        self._events: list[Event] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while (event := self._service.next_event(3600)) is not None:
            self._events.append({**event, "logged_at": time.monotonic()})
            if event["event"] == "started":
                self.started.set()
        self.started.set()

    def join(self) -> None:
        """Wait for the end of the log."""
        self._thread.join(10)

    def odd(self) -> list[str]:
        """Return the events that nothing but a mistake of ours makes."""
        odd = ("said", "bug", "error", "uncertain", "refused", "given-up")
        return [str(event)[:500] for event in self._events if event["event"] in odd]

    def by_feed(self) -> dict[str, list[Event]]:
        by_feed: dict[str, list[Event]] = defaultdict(list)
        for event in self._events:
            by_feed[str(event.get("feed", ""))].append(event)
        return by_feed
