"""Match the new entries of a document, in a thread that does nothing else."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from monitor.model.feeds import Entry
from monitor.model.rules import Match
from monitor.rules.match import Ruleset, match_entry

_BATCH = 10  # entries: after so many, those of another document get their turn
# Its own: slow expressions keep it busy for seconds, and must not hold up whatever else is done in threads.
_THREAD = ThreadPoolExecutor(1, "match")


async def match_new(new: Sequence[Entry], rules: Ruleset) -> Mapping[str, Sequence[Match]]:
    """Return the matches of each entry, by its id."""
    found: dict[str, Sequence[Match]] = {}
    for start in range(0, len(new), _BATCH):
        batch = new[start : start + _BATCH]
        found |= await asyncio.get_running_loop().run_in_executor(_THREAD, _match, batch, rules)
    return found


def _match(batch: Sequence[Entry], rules: Ruleset) -> dict[str, Sequence[Match]]:
    return {entry.id: match_entry(entry, rules) for entry in batch}
