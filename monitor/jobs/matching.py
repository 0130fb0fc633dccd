"""Match entries: a few of them at once, more in a thread that does nothing else, a few at a time."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from monitor.model.feeds import Entry
from monitor.model.rules import Match
from monitor.rules.match import Ruleset, match_entry

T = TypeVar("T")
R = TypeVar("R")

_BATCH = (
    10  # entries: after so many, those of another document get their turn, and a service that is stopped ends
)
_SMALL = (
    100_000  # characters of entries: without a regular expression, which may take its time, they take 5 ms
)
# Its own: slow expressions keep it busy for seconds, and must not hold up whatever else is done in threads.
_THREAD = ThreadPoolExecutor(1, "match")


async def match_new(new: Sequence[Entry], rules: Ruleset) -> Mapping[str, Sequence[Match]]:
    """Return the matches of each entry, by its id."""
    is_quick = not any(rule.with_patterns for rule in rules.rules)
    if is_quick and sum(len(entry.title) + len(entry.summary) + len(entry.text) for entry in new) <= _SMALL:
        return {entry.id: match_entry(entry, rules) for entry in new}
    return dict(await in_turns(lambda batch: [(entry.id, match_entry(entry, rules)) for entry in batch], new))


async def in_turns(work: Callable[[Sequence[T]], Sequence[R]], entries: Sequence[T]) -> list[R]:
    """Return what `work` makes of some entries, which it is given a few at a time, in their order."""
    results: list[R] = []
    for start in range(0, len(entries), _BATCH):
        batch = entries[start : start + _BATCH]
        results += await asyncio.get_running_loop().run_in_executor(_THREAD, work, batch)
    return results
