"""Say when something happened or will happen, in words: today 08:00, tomorrow 08:00, Friday 08:00."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from monitor.cli.terminal import say
from monitor.config.checked import timezone_of
from monitor.config.options import Config, Subscription
from monitor.digests.due import instant_of_slot
from monitor.model.digests import SlotKind
from monitor.texts import sentence

_WEEKDAYS = (
    sentence("Monday"),
    sentence("Tuesday"),
    sentence("Wednesday"),
    sentence("Thursday"),
    sentence("Friday"),
    sentence("Saturday"),
    sentence("Sunday"),
)


class Times:
    """The times that a command shows: all in one zone, which is named once, at the end."""

    def __init__(self, zone: str, now: datetime, zones: Mapping[str, str] | None = None) -> None:
        """Take a zone's name, and the zones of subscriptions by their names."""
        self._zone, self._now, self._zones = ZoneInfo(zone), now, zones or {}
        self._shown = False  # whether any time was

    def at(self, instant: datetime | None) -> str:
        """Return an instant in words; "-" for none."""
        self._shown |= instant is not None
        return moment(instant, self._now, self._zone)

    def slot(self, subscription: str, name: str) -> str:
        """Return the slot of this name by the time that it stands for; by its name where that says none."""
        kind, _, key = name.partition(":")
        if kind == SlotKind.AGAIN:
            return sentence("{slot}, again", slot=self.slot(subscription, key))
        instant = instant_of_slot(name, self._zones.get(subscription) or self._zone.key)
        if instant is None:
            return name
        time = self.at(instant)
        if kind == SlotKind.AT_ONCE:
            return sentence("{time}, at once", time=time)
        return sentence("{time}, a notice", time=time) if kind == SlotKind.NOTICE else time

    def say_zone(self) -> None:
        """Name the zone, where a time was shown."""
        if self._shown:
            say(sentence("times: those of {zone}", zone=self._zone.key))


def times_of(config: Config, now: datetime) -> Times:
    """Return the times in the zone of a configuration's first subscription."""
    zones = {subscription.name: subscription.timezone for subscription in config.subscriptions}
    return Times(zone_of(config), now, zones)


def times_in(path: Path, now: datetime) -> Times:
    """Return the times in the zone of a file's first subscription, whatever is wrong elsewhere in it."""
    return Times(timezone_of(path), now)


def zone_of(config: Config) -> str:
    """Return the name of the zone of the first subscription, or the default one where there is none yet."""
    first = config.subscriptions[0] if config.subscriptions else Subscription(name="", to=())
    return first.timezone


def moment(instant: datetime | None, now: datetime, zone: tzinfo | None) -> str:
    """Return an instant to the minute in a zone, None being this machine's: by its day within a week to come, else with
    its date; "-" for no instant.
    """
    if instant is None:
        return "-"
    local = instant.astimezone(zone)
    time, days = f"{local:%H:%M}", (local.date() - now.astimezone(zone).date()).days
    if days == -1:
        return sentence("yesterday {time}", time=time)
    if days == 0:
        return sentence("today {time}", time=time)
    if days == 1:
        return sentence("tomorrow {time}", time=time)
    if 1 < days < 7:
        return sentence("{weekday} {time}", weekday=_WEEKDAYS[local.weekday()], time=time)
    return f"{local:%Y-%m-%d %H:%M}"
