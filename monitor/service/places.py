"""Count the places for downloads: no host takes more than its share, and whoever takes his time holds up nobody."""

import asyncio
from collections import Counter
from collections.abc import Callable

from monitor.feeds.pace import host_and_port

MOST_OF_A_HOST = 2
_SLOW_AFTER = 2.0  # seconds after which a download counts as slow: its place is another one's
_MOST_SLOW = 200
_MOST_WAITING = 16_000_000  # bytes of documents that wait for a parser without a place


class Places:
    """The places for downloads under one configuration."""

    def __init__(self, most: int) -> None:
        self.free = most  # so many more downloads may begin
        self.slow = 0
        self.waiting = 0  # bytes
        self.taken: Counter[str] = Counter()  # by host_and_port

    def take(self, url: str, *, freed: Callable[[], object] = lambda: None) -> "Place":
        """Take a place for a poll of the feed at `url`; it is left with `Place.leave`.

        `freed` is called when it is free for another host.
        """
        return Place(self, host_and_port(url), freed)

    def admission(self) -> Callable[[str], bool]:
        """Return what says of one url after the other whether its host has a place left, those it admitted counted."""
        taken = self.taken.copy()

        def admit(url: str) -> bool:
            host = host_and_port(url)
            taken[host] += 1
            return taken[host] <= MOST_OF_A_HOST

        return admit


class Place:
    """The place of one poll: of its host until the download has ended, of all places until it has ended or is slow."""

    def __init__(self, places: Places, host: str, freed: Callable[[], object]) -> None:
        self.has_left_host = asyncio.Event()
        self._places, self._host, self._freed = places, host, freed
        self._is_held, self._is_slow, self._waiting = True, False, 0
        places.free -= 1
        places.taken[host] += 1
        self._timer = asyncio.get_running_loop().call_later(_SLOW_AFTER, self._become_slow)

    def downloaded(self, size: int) -> None:
        """Give the place back, unless too many documents wait already; this one has `size` bytes."""
        if self._places.waiting + size <= _MOST_WAITING:
            self._places.waiting += size
            self._waiting = size
            self._give_back()

    def leave(self) -> None:
        """Give back whatever is held still: the poll has ended."""
        self._places.waiting -= self._waiting
        self._waiting = 0
        self._give_back()

    def _become_slow(self) -> None:
        if self._is_held and self._places.slow < _MOST_SLOW:
            self._places.slow += 1
            self._is_slow = True
            self._free()

    def _give_back(self) -> None:
        self._timer.cancel()
        self._places.slow -= self._is_slow
        self._is_slow = False
        if not self.has_left_host.is_set():
            self._places.taken[self._host] -= 1
            self.has_left_host.set()
        if self._is_held:
            self._free()

    def _free(self) -> None:
        self._is_held = False
        self._places.free += 1
        self._freed()


class Turns:
    """The turns of requests at hosts: they begin a second or two apart. `jitter` returns [0, 1)."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self._next: dict[str, float] = {}

    def wait(self, host: str, now: float) -> float:
        """Return in how many seconds a request to a host begins; `now` is in seconds of any clock."""
        begins = max(now, self._next.get(host, now))
        self._next[host] = begins + 1 + self._jitter()
        return begins - now
