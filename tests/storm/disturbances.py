"""Declare the disturbances: each does something to the installation, waits, and puts it right again."""

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from tests.storm.process import Steps
from tests.storm.relay import SENDER, USERNAME, Fault, Manner, Phase
from tests.storm.world import World

_AIMED = 0.35  # share of the disturbances that wait for a mail past its DATA
_LEASE = 3.0  # seconds; [outbox] lease in world.py


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of disturbance. Two of one group are never played at the same time."""

    name: str
    group: str
    play: Callable[[World, random.Random], Steps]
    why_not: Callable[[World], str] = lambda _: ""  # what keeps it from being played here; "": nothing


# --- the process --------------------------------------------------------------------------------


def _kill(world: World, chance: random.Random) -> Steps:
    yield from _moment(world, chance)
    world.service.kill()
    world.troubles.kills.append(time.monotonic())
    world.note("kill -9")
    yield chance.uniform(0.0, 0.5)
    world.service.start()
    world.note("started")


def _terminate(world: World, chance: random.Random) -> Steps:
    yield from _moment(world, chance)
    begin = time.monotonic()
    world.note("SIGTERM")
    yield from world.service.stop()
    world.troubles.stops.append((begin, time.monotonic()))
    world.note(f"stopped after {time.monotonic() - begin:.1f} s")
    yield chance.uniform(0.0, 1.0)
    world.service.start()
    world.note("started")


def _suspend(world: World, chance: random.Random) -> Steps:
    yield from _moment(world, chance)
    world.service.send(signal.SIGSTOP)
    world.note("SIGSTOP")
    yield _LEASE + chance.uniform(0.5, 2.5)
    world.service.send(signal.SIGCONT)
    world.note("SIGCONT")


def _moment(world: World, chance: random.Random) -> Steps:
    """Wait until the service has started, mostly, and then a random time or until a mail is past its DATA."""
    if chance.random() < 0.85:
        yield from world.service.until_started(8.0)
    yield chance.uniform(0.0, 2.5)
    if chance.random() < _AIMED:
        end = time.monotonic() + 2.0
        while time.monotonic() < end and not world.relay.in_data:
            yield 0.01


# --- the clock ----------------------------------------------------------------------------------


def _shift_clock(world: World, chance: random.Random, *, by: timedelta) -> Steps:
    world.clock.shift(by)
    world.note(f"the clock is shifted by {by}")
    # A step is to be believed once it has stood for 15 s.
    yield chance.uniform(18.0, 22.0) if chance.random() < 0.2 else chance.uniform(1.0, 8.0)
    world.clock.shift(timedelta(0))
    world.note("the clock is right")


# --- config.toml --------------------------------------------------------------------------------


def _empty_config(world: World, chance: random.Random) -> Steps:
    if chance.random() < 0.5:
        world.config.replace("")
    else:
        world.config.write_in_place(b"")
    world.note("config.toml is empty")
    yield _hold(chance)
    world.config.restore(in_place=chance.random() < 0.5)
    world.note("config.toml is right")


def _cut_config(world: World, chance: random.Random) -> Steps:
    content = world.config.text.encode()
    length = chance.randrange(len(content))
    if chance.random() < 0.5:
        length = (
            content.rindex(b"\n", 0, length + 1) + 1 if b"\n" in content[:length] else 0
        )  # after a whole line
    world.config.write_in_place(content[:length])
    last = content[:length].decode(errors="replace").rstrip("\n").rpartition("\n")[2]
    world.note(f"config.toml is cut after {length} of {len(content)} bytes: {last[-60:]!r}")
    yield _hold(chance)
    world.config.restore(in_place=chance.random() < 0.5)
    world.note("config.toml is right")


def _wrong_login(world: World, chance: random.Random) -> Steps:
    manner = chance.choice(["password", "username", "account"])
    world.note(f"login: wrong {manner}")
    match manner:
        case "password":
            world.config.password_file.write_text("wrong\n")
        case "username":
            world.config.replace(world.config.text.replace(f'username = "{USERNAME}"', 'username = "nobody"'))
        case "account":  # its password was changed at the provider
            world.relay.password = f"changed-{chance.randrange(10**6)}"
    yield _hold(chance)
    if manner == "username":
        world.config.restore(in_place=False)
    else:
        world.config.password_file.write_text(f"{world.relay.password}\n")
    world.note("login: right")


def _wrong_sender(world: World, chance: random.Random) -> Steps:
    world.config.replace(world.config.text.replace(SENDER, "me@elsewhere.example"))
    world.note("sender: wrong")
    yield _hold(chance)
    world.config.restore(in_place=False)
    world.note("sender: right")


# --- database and disks -------------------------------------------------------------------------


def _lock_database(world: World, chance: random.Random) -> Steps:
    yield from _moment(world, chance)
    begin = time.monotonic()
    try:
        release = world.database.lock()
    except Exception as error:  # the database is not there yet, or the service itself has locked it
        world.note(f"the database could not be locked: {error}")
        return
    world.note("database locked")
    yield chance.choice([1.0, 1.0, 2.0]) * _hold(chance)
    release()
    world.troubles.database_away.append((begin, time.monotonic()))
    world.note("database free")


def _fill_data_disk(world: World, chance: random.Random) -> Steps:
    yield from _moment(world, chance)
    begin = time.monotonic()
    world.data_disk.fill()
    world.note("disk full")
    yield _hold(chance)
    world.data_disk.free()
    world.troubles.database_away.append((begin, time.monotonic()))
    world.note("disk free")


def _fill_log_disk(world: World, chance: random.Random) -> Steps:
    yield chance.uniform(0.0, 1.0)
    world.log_disk.fill()
    world.note("log disk full")
    yield _hold(chance)
    world.log_disk.free()
    world.note("log disk free")


def _restart_postgres(world: World, chance: random.Random) -> Steps:
    yield from _moment(world, chance)
    begin = time.monotonic()
    mode = chance.choice(["fast", "immediate"])
    world.note(f"PostgreSQL stops ({mode})")
    world.database.stop(mode)
    yield chance.choice([0.0, _hold(chance)])
    world.database.start()
    world.troubles.database_away.append((begin, time.monotonic()))
    world.note("PostgreSQL runs")


# --- relay and network --------------------------------------------------------------------------


def _disturb_relay(world: World, chance: random.Random, *, phase: Phase) -> Steps:
    manners = {Phase.CONTENT: [Manner.CUT], Phase.AFTER: [Manner.CUT]}.get(phase, list(Manner))
    fault = Fault(phase=phase, manner=chance.choice(manners), share=chance.choice([1.0, 1.0, 0.5]))
    world.relay.fault = fault
    world.note(f"relay: {fault.manner.value} at {phase.value}, of {fault.share:.0%}")
    yield _hold(chance)
    world.relay.fault = None
    world.note("relay: well")


def _cut_network(world: World, chance: random.Random) -> Steps:
    world.stream.close()
    world.relay.close()
    world.note("network gone")
    yield _hold(chance)
    world.stream.open()
    world.relay.open()
    world.note("network back")


def _hold(chance: random.Random) -> float:
    """Return the seconds a disturbance lasts."""
    return chance.triangular(0.3, 7.0, 1.5)


# --- all of them --------------------------------------------------------------------------------


def _has_clock(world: World) -> str:
    return world.clock.why_not


def _has_data_disk(world: World) -> str:
    if world.database.can_restart:
        return "the disk of the PostgreSQL server is not filled"
    return world.data_disk.why_not


def _has_log_disk(world: World) -> str:
    return world.log_disk.why_not


def _has_postgres(world: World) -> str:
    return "" if world.database.can_restart else "the database is SQLite"


_SHIFTS = {
    "clock+1h": timedelta(hours=1),
    "clock-1h": timedelta(hours=-1),
    "clock+1d": timedelta(days=1),
    "clock-1d": timedelta(days=-1),
    "clock+30d": timedelta(days=30),
}

KINDS = (
    Kind(name="kill", group="process", play=_kill),
    Kind(name="term", group="process", play=_terminate),
    Kind(name="suspend", group="process", play=_suspend),
    *(
        Kind(name=name, group="clock", play=partial(_shift_clock, by=by), why_not=_has_clock)
        for name, by in _SHIFTS.items()
    ),
    Kind(name="config-empty", group="config", play=_empty_config),
    Kind(name="config-cut", group="config", play=_cut_config),
    Kind(name="login", group="config", play=_wrong_login),
    Kind(name="sender", group="config", play=_wrong_sender),
    Kind(name="database-locked", group="database", play=_lock_database),
    Kind(name="disk-full", group="database", play=_fill_data_disk, why_not=_has_data_disk),
    Kind(name="postgres-restart", group="database", play=_restart_postgres, why_not=_has_postgres),
    Kind(name="log-full", group="log", play=_fill_log_disk, why_not=_has_log_disk),
    *(
        Kind(name=f"relay-{phase.value}", group="relay", play=partial(_disturb_relay, phase=phase))
        for phase in Phase
    ),
    Kind(name="network", group="network", play=_cut_network),
)
