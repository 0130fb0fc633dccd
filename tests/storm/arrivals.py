"""Keep what has reached whom, and judge it at the end: what was lost, what was repeated, and what excuses a repeat."""

import math
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from tests.storm.feed import Published
from tests.storm.relay import Taken

_RECORDING = 2.0  # seconds a service may take to record a 250, while it has a database
_STOP = 60.0  # seconds a stop waits for a mail past its final dot


class Excuse(Enum):
    """Why a mail may come once more."""

    WITHHELD = "250 withheld"
    KILLED = "killed between dot and row"
    STOPPED = "60 s of the stop"


@dataclass(slots=True)
class Troubles:
    """What may excuse a repeat, in monotonic seconds."""

    kills: list[float] = field(default_factory=list)
    stops: list[tuple[float, float]] = field(default_factory=list)  # SIGTERM, end of the process
    database_away: list[tuple[float, float]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Begun:
    """A disturbance of a kind, begun at an instant."""

    kind: str
    at: float


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of the entries published, and the mails taken, in the time of one kind of disturbance."""

    kind: str
    played: int = 0
    entries: int = 0
    mails: int = 0
    lost: int = 0  # entries, times the recipients they did not reach
    repeated: int = 0  # mails without an excuse that brought entries once more, or came with other bytes
    excused: Counter[str] = field(default_factory=Counter)  # mails, by their excuse

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"excused": dict(self.excused)}  # of a Counter, asdict counts the pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """An entry that did not reach a recipient."""

    entry: Published
    recipient: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A mail that came, or brought entries, once more without an excuse."""

    taken: Taken
    before: Taken
    numbers: tuple[int, ...]
    is_unequal: bool  # the Message-ID is the same, the bytes are not
    kind: str


class Arrivals:
    """The mails that the relay took, and which entries each recipient still misses. Safe to use from many threads."""

    def __init__(self, recipients: Sequence[str]) -> None:
        self.recipients = tuple(recipients)
        self.last_at = time.monotonic()
        self._missing: dict[str, dict[int, float]] = {recipient: {} for recipient in recipients}
        self._published: dict[int, float] = {}
        self._lock = threading.Lock()

    def expect(self, entries: Sequence[Published]) -> None:
        """Expect these entries to reach every recipient."""
        with self._lock:
            for missing in self._missing.values():
                missing.update((entry.number, entry.at) for entry in entries)

    def receive(self, taken: Taken) -> None:
        """Take notice of a mail that the relay took."""
        with self._lock:
            missing = self._missing.get(taken.recipient, {})
            arrived = [number for number in taken.numbers if missing.pop(number, None) is not None]
            if arrived:
                self.last_at = time.monotonic()

    def oldest_missing(self) -> float:
        """Return when the oldest entry that has not reached everybody was published; infinity when none misses."""
        with self._lock:
            return min(
                (min(missing.values()) for missing in self._missing.values() if missing), default=math.inf
            )

    def count_missing(self) -> int:
        """Return how many entries are missing, times the recipients they have not reached."""
        with self._lock:
            return sum(map(len, self._missing.values()))

    def missing(self) -> list[tuple[str, int]]:
        """Return each recipient with each entry that has not reached them."""
        with self._lock:
            return [(recipient, number) for recipient, missing in self._missing.items() for number in missing]


@dataclass(slots=True, kw_only=True)
class Verdict:
    """The judgement of a storm."""

    tallies: dict[str, Tally]
    lost: list[Missing]
    repeats: list[Repeat]


def judge(
    entries: Sequence[Published],
    arrivals: Arrivals,
    taken: Sequence[Taken],
    begun: Sequence[Begun],
    troubles: Troubles,
) -> Verdict:
    """Judge a storm by what the relay took.

    An entry counts for the disturbance that was the last to begin before it was published, a mail for the last before
    it was taken, a repeat for the last before the mail it repeats was taken.
    """
    tallies = {kind: Tally(kind=kind) for kind in ["calm", *(disturbance.kind for disturbance in begun)]}
    for disturbance in begun:
        tallies[disturbance.kind].played += 1
    for entry in entries:
        tallies[_kind_at(begun, entry.at)].entries += 1
    for mail in taken:
        tallies[_kind_at(begun, mail.at)].mails += 1
    by_number = {entry.number: entry for entry in entries}
    lost = [
        Missing(entry=by_number[number], recipient=recipient, kind=_kind_at(begun, by_number[number].at))
        for recipient, number in arrivals.missing()
    ]
    for missing in lost:
        tallies[missing.kind].lost += 1
    repeats = _repeats(taken, begun, troubles, tallies)
    for repeat in repeats:
        tallies[repeat.kind].repeated += 1
    return Verdict(tallies=tallies, lost=lost, repeats=repeats)


def _repeats(
    taken: Sequence[Taken], begun: Sequence[Begun], troubles: Troubles, tallies: dict[str, Tally]
) -> list[Repeat]:
    """Return the repeats without an excuse; count those with one."""
    repeats: list[Repeat] = []
    latest: dict[tuple[str, int | str], Taken] = {}  # of each recipient's entries and Message-IDs
    for mail in sorted(taken, key=lambda mail: mail.at):
        keys: list[int | str] = [*sorted(mail.numbers), mail.message_id]
        copies: dict[int, tuple[Taken, list[int | str]]] = {}  # by the mail they repeat
        for key in keys:
            if (before := latest.get((mail.recipient, key))) is not None:
                copies.setdefault(id(before), (before, []))[1].append(key)
            latest[mail.recipient, key] = mail
        excuses: set[str] = set()
        for before, repeated in copies.values():
            excuse = _excuse(before, troubles)
            is_unequal = before.message_id == mail.message_id and before.raw != mail.raw
            if excuse is not None and not is_unequal:
                excuses.add(excuse.value)
                continue
            numbers = tuple(key for key in repeated if isinstance(key, int))
            kind = _kind_at(begun, before.at)
            repeats.append(
                Repeat(taken=mail, before=before, numbers=numbers, is_unequal=is_unequal, kind=kind)
            )
        for excuse_value in excuses:
            tallies[_kind_at(begun, mail.at)].excused[excuse_value] += 1
    return repeats


def _excuse(mail: Taken, troubles: Troubles) -> Excuse | None:
    """Return why the service could not know that this mail was taken, or None if it could."""
    if mail.answered_at is None:
        return Excuse.WITHHELD
    recorded = mail.answered_at + _RECORDING
    for begin, end in sorted(troubles.database_away):
        if begin <= recorded and end >= mail.answered_at:
            recorded = max(recorded, end + _RECORDING)
    if any(mail.data_at <= kill <= recorded for kill in troubles.kills):
        return Excuse.KILLED
    if any(end - begin >= _STOP and mail.data_at <= end <= recorded for begin, end in troubles.stops):
        return Excuse.STOPPED
    return None


def _kind_at(begun: Sequence[Begun], at: float) -> str:
    return next((disturbance.kind for disturbance in reversed(begun) if disturbance.at <= at), "calm")
