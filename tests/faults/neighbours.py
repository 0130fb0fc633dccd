"""Good feeds beside the faults: each brings a new entry now and then."""

from tests.faults.fault import add, numbers
from tests.faults.server import Visit

_VISITS = 4  # for which a document stays the same


async def _good(visit: Visit) -> None:
    newest = 1 + visit.number // _VISITS
    await visit.feed(visit.rss(*range(newest, max(0, newest - 20), -1)))


for _number in range(1, 4):
    add(
        "neighbours",
        f"good feed {_number}",
        _good,
        delivers=numbers(1),
        may_deliver=frozenset(range(2, 999)),
        every=1.0,
        is_quick=True,
    )
