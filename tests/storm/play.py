"""Play a storm: disturbances at random instants, a last calm in which everything has to arrive, and the judgement."""

import heapq
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.storm.arrivals import Begun, Verdict, judge
from tests.storm.disturbances import KINDS, Kind
from tests.storm.evidence import keep
from tests.storm.process import Steps
from tests.storm.world import Options, World, open_world

_BEGIN = 120.0  # seconds in which the first entries have to arrive
_STEP = 0.02  # seconds between two looks at what is to be done
_BURST = 0.15  # share of the disturbances that begin with a burst of entries
_CALM = 0.1  # share of the pauses that are long

Progress = Callable[[int, str], None]  # how many disturbances have begun, and what is done now


@dataclass(slots=True, kw_only=True)
class Result:
    """What a storm did, and what came of it."""

    options: Options
    verdict: Verdict
    seconds: float
    left_out: dict[str, str]  # kinds that could not be played: why
    ended: list[str]  # ends of the service that nobody asked for
    slow_stops: list[float]  # seconds, of stops that took longer than 10 s
    evidence: Path | None = None  # where log, database and notes are kept, after a loss

    @property
    def is_good(self) -> bool:
        return not (self.verdict.lost or self.verdict.repeats)

    def as_json(self) -> dict[str, Any]:
        return {
            "seed": self.options.seed,
            "database": self.options.database,
            "disturbances": self.options.disturbances,
            "seconds": round(self.seconds, 1),
            "kinds": [tally.as_json() for tally in self.verdict.tallies.values()],
            "left_out": self.left_out,
            "ended": self.ended,
            "slow_stops": self.slow_stops,
            "evidence": str(self.evidence) if self.evidence else None,
        }


@dataclass(slots=True)
class _Running:
    """Disturbances that have begun, each waiting for the instant of its next step."""

    heap: list[tuple[float, int, Kind, Steps]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def groups(self) -> set[str]:
        return {kind.group for _, _, kind, _ in self.heap}

    def add(self, at: float, kind: Kind, steps: Steps) -> None:
        heapq.heappush(self.heap, (at, next(self.numbers), kind, steps))

    def step(self, now: float) -> None:
        """Let every disturbance go on whose time has come."""
        while self.heap and self.heap[0][0] <= now:
            _, _, kind, steps = heapq.heappop(self.heap)
            wait = next(steps, None)
            if wait is not None:
                self.add(time.monotonic() + wait, kind, steps)


def storm(folder: Path, options: Options, progress: Progress = lambda _number, _what: None) -> Result:
    """Play a storm in an empty folder and judge it; after a loss or repeat the evidence is in `folder`/evidence."""
    with open_world(folder, options) as world:
        kinds, left_out = _chosen(world, options.kinds)
        _begin(world)
        if kinds:
            _disturb(world, kinds, progress)
        _calm(world, progress)
        slow_stops = [end - begin for begin, end in world.troubles.stops if end - begin > 10]
        verdict = judge(world.stream.entries, world.arrivals, world.relay.taken, world.begun, world.troubles)
        result = Result(
            options=options,
            verdict=verdict,
            seconds=time.monotonic() - world.began_at,
            left_out=left_out,
            ended=[f"{ended.at - world.began_at:.1f} s: exit {ended.code}" for ended in world.service.ended],
            slow_stops=slow_stops,
        )
        if not result.is_good:
            result.evidence = keep(world, verdict)
        return result


def _chosen(world: World, names: Sequence[str]) -> tuple[list[Kind], dict[str, str]]:
    """Return the kinds that can be played here, and why the others cannot."""
    wanted = [kind for kind in KINDS if not names or any(kind.name.startswith(name) for name in names)]
    reasons = {kind.name: kind.why_not(world) for kind in wanted}
    return [kind for kind in wanted if not reasons[kind.name]], {
        name: why for name, why in reasons.items() if why
    }


def _begin(world: World) -> None:
    """Start the service and wait for the first entries to arrive."""
    world.tend(time.monotonic())
    world.publish(1, "/many")
    world.service.start()
    end = time.monotonic() + _BEGIN
    shared = world.arrivals.recipients[0]
    while any(recipient == shared for recipient, number in world.arrivals.missing() if number <= 2):
        if time.monotonic() > end:
            raise TimeoutError(f"nothing arrived: {world.service.log.read_text('utf-8')[-2000:]}")
        time.sleep(_STEP)
    world.note("the first entries have arrived")


def _disturb(world: World, kinds: Sequence[Kind], progress: Progress) -> None:
    chance, running = world.chance, _Running()
    next_at = time.monotonic()
    while len(world.begun) < world.options.disturbances or running.heap:
        now = time.monotonic()
        world.tend(now)
        running.step(now)
        free = [kind for kind in kinds if kind.group not in running.groups]
        if len(world.begun) < world.options.disturbances and now >= next_at and free:
            kind = chance.choice(free)
            if not world.begun or chance.random() < _BURST:
                _publish_burst(world)
            world.begun.append(Begun(kind=kind.name, at=now))
            world.note(f"-- {len(world.begun)}: {kind.name}")
            progress(len(world.begun), kind.name)
            running.add(now, kind, kind.play(world, chance))
            next_at = now + (
                chance.uniform(4.0, 8.0) if chance.random() < _CALM else chance.uniform(0.3, 4.5)
            )
        time.sleep(_STEP)


def _publish_burst(world: World) -> None:
    count = int(world.options.burst * world.chance.uniform(0.4, 1.0))
    if count:
        world.publish(count, "/many")
        world.note(f"burst of {count} entries")


def _calm(world: World, progress: Progress) -> None:
    """Wait until everything has arrived, or nothing has for long; then for late copies; then stop the service."""
    world.note("calm")
    world.begun.append(Begun(kind="calm", at=time.monotonic()))
    begin = time.monotonic()
    while missing := world.arrivals.count_missing():
        now = time.monotonic()
        if now - max(begin, world.arrivals.last_at) > world.options.patience:
            break
        progress(world.options.disturbances, f"{missing} still to arrive")
        world.service.tend(now)
        time.sleep(0.1)
    end = time.monotonic() + world.options.late_copies
    while time.monotonic() < end:
        world.service.tend(time.monotonic())
        time.sleep(0.1)
    begin = time.monotonic()
    for wait in world.service.stop():
        time.sleep(wait)
    world.troubles.stops.append((begin, time.monotonic()))
    world.begun.pop()
