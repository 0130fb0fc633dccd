"""Resolve times given on a 12-hour clock that does not say AM or PM."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

_HALF_DAY = timedelta(hours=12)
_SLACK = timedelta(minutes=10)  # a publisher's clock may be ahead of ours

# What an assumption costs. The order of the feed is almost a proof, but an old entry may stand among new ones.
_FUTURE = 1000.0
_OUT_OF_ORDER = 10.0
_NIGHT = {0: 1.0, 1: 1.0, 2: 1.0, 3: 1.0, 4: 1.0, 5: 0.8, 6: 0.4, 7: 0.2, 22: 0.2, 23: 0.4}  # by local hour


def decode(times: Sequence[datetime | None], *, zone: tzinfo, now: datetime) -> list[datetime | None]:
    """The likeliest instants for the times of one document, the newest entry first.

    The order of the feed and what cannot be later than `now` decide; where both halves of a day are possible, an
    editor's hours are. A document that shows an hour of 0 or above 12 keeps a 24-hour clock: nothing is changed.
    """
    hours = [time.astimezone(zone).hour for time in times if time]
    if not hours or any(hour == 0 or hour > 12 for hour in hours):
        return list(times)
    known = [time for time in times if time]
    choices = iter(_cheapest([_halves(time, zone) for time in known], zone, now))
    return [next(choices) if time else None for time in times]


def _halves(time: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    local = time.astimezone(zone)
    morning = local.replace(hour=local.hour % 12).astimezone(UTC)
    return morning, morning + _HALF_DAY


def _cheapest(options: Sequence[tuple[datetime, datetime]], zone: tzinfo, now: datetime) -> list[datetime]:
    """The cheapest way through the document, entry by entry (Viterbi's algorithm)."""
    ways: list[tuple[float, tuple[datetime, ...]]] = [
        (_cost(option, zone, now), (option,)) for option in options[0]
    ]
    for choice in options[1:]:
        ways = [
            min(
                (
                    (
                        cost + _cost(option, zone, now) + (_OUT_OF_ORDER if option > way[-1] else 0.0),
                        (*way, option),
                    )
                    for cost, way in ways
                ),
                key=lambda found: found[0],
            )
            for option in choice
        ]
    return list(min(ways, key=lambda found: found[0])[1])


def _cost(time: datetime, zone: tzinfo, now: datetime) -> float:
    return _NIGHT.get(time.astimezone(zone).hour, 0.0) + (_FUTURE if time > now + _SLACK else 0.0)
