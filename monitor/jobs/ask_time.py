"""Ask the servers of feeds for the time, to learn whether this machine's clock is right; stores nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from monitor.config.options import Feed
from monitor.errors import FeedError
from monitor.jobs import Clock

AskTime = Callable[[Feed], Awaitable[datetime | None]]  # raises FeedError

_AGREES = timedelta(minutes=5)  # a server's clock may be wrong by so much, and its answer take that long
_WITNESSES = 2
_MOST_HOSTS = 5  # asked at one time


async def servers_agree(feeds: Sequence[Feed], *, ask: AskTime, clock: Clock) -> bool:
    """Return whether the servers of two hosts agree with the clock; where there is only one, whether it does twice."""
    by_host = {urlsplit(feed.url).hostname: feed for feed in reversed(feeds)}
    witnesses = list(by_host.values())[::-1][:_MOST_HOSTS]
    if len(witnesses) == 1:
        return await _agrees(witnesses[0], ask, clock) and await _agrees(witnesses[0], ask, clock)
    agreeing = await asyncio.gather(*(_agrees(feed, ask, clock) for feed in witnesses))
    return sum(agreeing) >= _WITNESSES


async def _agrees(feed: Feed, ask: AskTime, clock: Clock) -> bool:
    try:
        time = await ask(feed)
    except FeedError:
        return False
    return time is not None and abs(time - clock()) <= _AGREES
