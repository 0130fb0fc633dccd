"""A storm: the service is killed again and again under a stream of new entries; what arrived, and how often."""

import random
import re
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

from monitor.demo.running import Running
from monitor.demo.smtp_server import ReceivedMail
from tests import make
from tests.site import open_site, wait_for_event

_SHOWN = 2000  # entries the feed shows, the newest first
_PATIENCE = 30.0  # seconds without a mail before what is missing counts as lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What became of the entries and mails of a storm."""

    kills: int
    entries: int
    mails: int  # that arrived, copies counted
    lost: int  # entries in no mail
    repeated: int  # entries in two different mails
    copies: int  # mails that arrived more than once
    unequal_copies: int  # of them, with other bytes under the same Message-ID

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.entries} entries, {self.mails} mails: lost {self.lost}, repeated in another "
            f"mail {self.repeated}, copies of a mail in flight {self.copies}, of them unequal {self.unequal_copies}"
        )


class Stream:
    """A feed that brings a new entry each `interval` seconds until its end."""

    def __init__(self, interval: float) -> None:
        self._interval, self._begun, self._ended = interval, time.monotonic(), 0.0

    def count(self) -> int:
        return 1 + int(((self._ended or time.monotonic()) - self._begun) / self._interval)

    def end(self) -> None:
        self._ended = time.monotonic()

    def document(self) -> bytes:
        count = self.count()
        return make.rss(*(f"AI 第{number}条" for number in range(count, max(0, count - _SHOWN), -1)))


def storm(folder: Path, *, kills: int, seed: int, interval: float = 0.5) -> Damage:
    """Kill the service `kills` times at random moments, then let a last one finish the work; count the damage."""
    chance, stream = random.Random(seed), Stream(interval)
    with open_site(folder, stream.document) as site:
        site.write(('timeout = "5s"', 'timeout = "1s"'))  # a visit cut off by a kill is made again after two
        for _ in range(kills):
            with site.service() as service:
                wait_for_event(service, "started")
                _read_for(service, chance.uniform(0.0, 3.0))
                service.send_signal(signal.SIGKILL)
        stream.end()
        with site.service() as service, suppress(TimeoutError):
            while len(_mail_counts(site.smtp_server.received)) < stream.count():
                site.smtp_server.wait(len(site.smtp_server.received) + 1, _PATIENCE)
            service.stop()
        return _damage(kills, stream.count(), site.smtp_server.received)


def _read_for(service: Running, seconds: float) -> None:
    """Read the service's log for this long."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        service.next_event(left)


def _mail_counts(received: Sequence[ReceivedMail]) -> Counter[str]:
    """Return how many different mails have each title."""
    return Counter(title for raw in {mail.raw for mail in received} for title in _titles(raw))


def _titles(raw: bytes) -> set[str]:
    body = message_from_bytes(raw, policy=policy.default).get_body(("plain",))
    assert body is not None
    return set(re.findall(r"AI 第\d+条", body.get_content()))


def _damage(kills: int, entries: int, received: Sequence[ReceivedMail]) -> Damage:
    mail_counts = _mail_counts(received)
    by_id: dict[str, list[bytes]] = defaultdict(list)
    for mail in received:
        by_id[str(message_from_bytes(mail.raw, policy=policy.default)["Message-ID"])].append(mail.raw)
    return Damage(
        kills=kills,
        entries=entries,
        mails=len(received),
        lost=entries - len(mail_counts),
        repeated=sum(count > 1 for count in mail_counts.values()),
        copies=sum(len(raws) - 1 for raws in by_id.values()),
        unequal_copies=sum(len(set(raws)) - 1 for raws in by_id.values()),
    )
