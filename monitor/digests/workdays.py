"""Tell which days are working days in mainland China: its make-up weekends are, its holidays are not."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from monitor.config.options import Subscription
from monitor.config.values import WORKDAY

AHEAD = timedelta(
    days=30
)  # so long before it begins a year must be known: the State Council tells it in November


@lru_cache(maxsize=1024)  # asked at every tick, about the days around it
def is_workday(day: date) -> bool:
    """Return whether a day is a working day; in a year of which the calendar does not know, Monday to Friday are."""
    from chinese_calendar import is_workday as is_known_workday  # for those who use it

    try:
        return bool(is_known_workday(day))
    except NotImplementedError:
        return day.isoweekday() <= 5


def unknown_year(subscriptions: tuple[Subscription, ...], now: datetime) -> int | None:
    """Return the year, this one or one that is near, of which the calendar does not know; None where nobody asks it."""
    zones = {ZoneInfo(each.timezone) for each in subscriptions if WORKDAY in each.days}
    years = {(now + ahead).astimezone(zone).year for zone in zones for ahead in (timedelta(0), AHEAD)}
    return next((year for year in sorted(years) if not _is_known(year)), None)


def _is_known(year: int) -> bool:
    from chinese_calendar import holidays

    return any(day.year == year for day in holidays)
