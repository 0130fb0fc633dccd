"""Look after what fails in silence: dead and quiet feeds, a full disk, a wrong clock, an old calendar."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from shutil import disk_usage

from monitor.config.options import Feed, Subscription
from monitor.digests.workdays import unknown_year
from monitor.feeds import pace
from monitor.feeds.health import DATES, health_of, may_be_quiet, usual_silence
from monitor.model.feeds import FeedHealth, PollState
from monitor.model.notices import NoticeKind, Trouble
from monitor.store import entries, feeds, notices
from monitor.store.database import Connection, Database
from monitor.texts import sentence

_MB = 1_000_000
# The disk is nearly full below a tenth of it or 500 MB, whichever is less, but always below 50 MB: a day of a thousand
# feeds takes 100 MB. It is so no more at half as much again.
_LEAST_FREE, _MOST_FREE, _SHARE_FREE, _AGAIN = 50 * _MB, 500 * _MB, 0.1, 1.5
_CLOCK_IS_RIGHT = timedelta(minutes=5)  # within which servers and this machine may differ
_HEARD_WITHIN = timedelta(days=1)
_KINDS = (
    NoticeKind.FEED_DEAD,
    NoticeKind.FEED_QUIET,
    NoticeKind.DISK_FULL,
    NoticeKind.CLOCK_WRONG,
    NoticeKind.CALENDAR_ENDS,
)
_TOLD = {FeedHealth.DEAD: NoticeKind.FEED_DEAD, FeedHealth.QUIET: NoticeKind.FEED_QUIET}


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a file system holds, in bytes."""

    free: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedFeed:
    """A feed of config.toml, and how it does."""

    feed: Feed
    key: str  # "": the database does not know it yet
    state: PollState | None
    usual: timedelta | None  # its usual silence, where that decides about it
    health: FeedHealth


async def watch(
    watched: Sequence[Feed],
    *,
    subscriptions: tuple[Subscription, ...] = (),
    db: Database,
    now: datetime,
    room_of: Callable[[Path], Room],
) -> None:
    """Record what is wrong with feeds, disk, clock and calendar as troubles that the operator is told about, and what
    is over.

    `room_of` returns the room on the file system of a folder. Raises StoreError.
    """
    room = await asyncio.to_thread(room_of, db.file.parent) if db.file else None
    found, over = await db.read(_compare, watched, room, unknown_year(subscriptions, now), now)
    if found or over:
        await db.write(_record, found, over, now)


def watched_feeds(tx: Connection, watched: Iterable[Feed]) -> list[WatchedFeed]:
    """Return how these feeds do, in their order."""
    states, keys = {state.feed_url: state for state in feeds.states(tx)}, feeds.keys(tx)
    return [_watched(tx, feed, states.get(feed.url), keys.get(feed.url, "")) for feed in watched]


def is_nearly_full(room: Room, *, was: bool) -> bool:
    """Return whether a file system is nearly full; `was` is whether it was when somebody looked before."""
    least = max(_LEAST_FREE, min(_MOST_FREE, _SHARE_FREE * room.total))
    return room.free < least * (_AGAIN if was else 1)


def clock_error(states: Iterable[PollState], now: datetime) -> timedelta | None:
    """Return by how much this machine's clock is behind, by what most servers said of the time within a day.

    Negative is a clock that is ahead; None where fewer than two hosts, or not most of them, say that it is wrong.
    """
    said = {
        pace.host_and_port(state.feed_url): state.ahead
        for state in states
        if state.ahead is not None and state.visited and abs(now - state.visited) <= _HEARD_WITHIN
    }
    for wrong in (
        [ahead for ahead in said.values() if ahead > _CLOCK_IS_RIGHT],
        [ahead for ahead in said.values() if ahead < -_CLOCK_IS_RIGHT],
    ):
        if len(wrong) >= 2 and 2 * len(wrong) > len(said):
            return sorted(wrong)[len(wrong) // 2]
    return None


def _watched(tx: Connection, feed: Feed, state: PollState | None, key: str) -> WatchedFeed:
    if not feed.enabled:
        return WatchedFeed(feed=feed, key=key, state=state, usual=None, health=FeedHealth.PAUSED)
    usual = usual_silence(entries.dates(tx, key, DATES)) if state and may_be_quiet(state) else None
    return WatchedFeed(feed=feed, key=key, state=state, usual=usual, health=health_of(state, usual))


def _compare(
    tx: Connection, watched: Sequence[Feed], room: Room | None, without_calendar: int | None, now: datetime
) -> tuple[list[Trouble], list[tuple[NoticeKind, str, bool]]]:
    """Return the troubles that are new or told otherwise, and those that are over with whether nobody is told."""
    known = {
        (each.trouble.kind, each.trouble.subject): each.trouble for each in notices.open_troubles(tx, _KINDS)
    }
    current = watched_feeds(tx, watched)
    troubles = [
        _feed_trouble(each, each.state, now) for each in current if each.state and each.health in _TOLD
    ]
    if room and is_nearly_full(room, was=(NoticeKind.DISK_FULL, "") in known):
        details = sentence(
            "{free} MB of {total} MB are free.", free=room.free // _MB, total=room.total // _MB
        )
        before = known.get((NoticeKind.DISK_FULL, ""))
        troubles.append(
            before or Trouble(kind=NoticeKind.DISK_FULL, content="nearly full", details=details, since=now)
        )
    if error := clock_error((each.state for each in current if each.state), now):
        troubles.append(_clock_trouble(error, now))
    if without_calendar:
        details = sentence("Holidays of {year} are not known.", year=str(without_calendar))
        kind, content = NoticeKind.CALENDAR_ENDS, str(without_calendar)
        troubles.append(Trouble(kind=kind, content=content, details=details, since=now))
    found = {(trouble.kind, trouble.subject): trouble for trouble in troubles}
    gone = {each.key for each in current if each.health is FeedHealth.GONE}
    return (
        [trouble for key, trouble in found.items() if _differs(trouble, known.get(key))],
        # That a feed is gone is told by itself.
        [(kind, subject, subject in gone) for kind, subject in known if (kind, subject) not in found],
    )


def _differs(trouble: Trouble, known: Trouble | None) -> bool:
    return known is None or (known.content, known.details) != (trouble.content, trouble.details)


def _feed_trouble(watched: WatchedFeed, state: PollState, now: datetime) -> Trouble:
    name = watched.feed.name
    if watched.health is FeedHealth.DEAD:
        since = state.failing_since
        details: str = sentence("{feed}: {what}", feed=name, what=state.last_error)
    else:
        since = state.changed_at
        details = sentence(
            "{feed}: silent since {day}, usually no longer than {span}",
            **{"feed": name, "day": f"{since:%Y-%m-%d}", "span": _span(watched.usual)},
        )
    return Trouble(
        kind=_TOLD[watched.health], subject=watched.key, content=name, details=details, since=since or now
    )


def _span(usual: timedelta | None) -> str:
    days = max(1, round((usual or timedelta(0)) / timedelta(days=1)))
    return sentence("a day") if days == 1 else sentence("{days} days", days=days)


def _clock_trouble(error: timedelta, now: datetime) -> Trouble:
    minutes, is_behind = round(abs(error) / timedelta(minutes=1)), error > timedelta(0)
    amount = (
        sentence("{minutes} minutes", minutes=minutes)
        if minutes < 120
        else sentence("{hours} hours", hours=round(minutes / 60))
    )
    details = (
        sentence("It is {amount} behind.", amount=amount)
        if is_behind
        else sentence("It is {amount} ahead.", amount=amount)
    )
    content = "behind" if is_behind else "ahead"
    return Trouble(kind=NoticeKind.CLOCK_WRONG, content=content, details=details, since=now)


def _record(
    tx: Connection, found: Sequence[Trouble], over: Sequence[tuple[NoticeKind, str, bool]], now: datetime
) -> None:
    for trouble in found:
        notices.report(tx, trouble, now)
    for kind, subject, silently in over:
        notices.clear(tx, kind, subject, now, silently=silently)


def room_of(folder: Path) -> Room:
    """Return the room on the file system of a folder."""
    usage = disk_usage(folder)
    return Room(free=usage.free, total=usage.total)
