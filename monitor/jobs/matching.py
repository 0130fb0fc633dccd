"""Match entries in a thread that does nothing else, a few at a time."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from monitor.model.feeds import Entry
from monitor.model.rules import Match
from monitor.rules.match import Ruleset, match_entry

T = TypeVar("T")
R = TypeVar("R")

# Entries: after so many, those of another document get their turn, and a service that is stopped ends.
_BATCH = 10
_BATCH_WITHOUT_PATTERNS = 50  # only a regular expression takes its time
# Its own: slow expressions keep it busy for seconds, and must not hold up whatever else is done in threads.
_THREAD = ThreadPoolExecutor(1, "match")


async def match_new(new: Sequence[Entry], rules: Ruleset) -> Mapping[str, Sequence[Match]]:
    """Return the matches of each entry, by its id."""
    has_patterns = any(rule.with_patterns for rule in rules.rules)
    matched = await in_turns(
        lambda batch: [(entry.id, match_entry(entry, rules)) for entry in batch],
        new,
        most=_BATCH if has_patterns else _BATCH_WITHOUT_PATTERNS,
    )
    return dict(matched)


async def in_turns(
    work: Callable[[Sequence[T]], Sequence[R]], entries: Sequence[T], *, most: int = _BATCH
) -> list[R]:
    """Return what `work` makes of some entries, which it is given at most so many at a time, in their order."""
    results: list[R] = []
    for start in range(0, len(entries), most):
        batch = entries[start : start + most]
        results += await asyncio.get_running_loop().run_in_executor(_THREAD, work, batch)
    return results
