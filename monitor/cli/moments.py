"""Say when something happened or will happen, in words: today 08:00, tomorrow 08:00, Friday 08:00."""

from datetime import datetime, tzinfo

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
