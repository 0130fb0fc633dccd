"""Say in one line how the service stands, for `systemctl status`."""

from datetime import datetime
from zoneinfo import ZoneInfo

from monitor.config.options import Config
from monitor.digests.due import next_slot
from monitor.model.mail import DeliveryStatus
from monitor.store import outbox
from monitor.store.database import Database
from monitor.texts import Text, sentence


async def status_line(config: Config, db: Database, *, now: datetime, is_refused: bool) -> Text:
    """Return the count of feeds, the next digest and the count of mails that wait; and whether an edit is refused.

    Raises StoreError.
    """
    counts = await db.read(outbox.counts)
    values = {
        "feeds": len(config.feeds),
        "mails": counts[DeliveryStatus.WAITING] + counts[DeliveryStatus.UNCERTAIN],
        "next": _next_digest(config, now),
    }
    if is_refused:
        return sentence(
            "config.toml is refused, the one before it is in force. Feeds: {feeds}. Mails waiting: {mails}. {next}",
            **values,
        )
    return sentence("Feeds: {feeds}. Mails waiting: {mails}. {next}", **values)


def _next_digest(config: Config, now: datetime) -> str:
    slots = [(slot, each) for each in config.subscriptions if (slot := next_slot(each, now))]
    if not slots:
        return sentence("Digests go out whenever there is news.")
    slot, subscription = min(slots, key=lambda pair: pair[0])
    local = slot.astimezone(ZoneInfo(subscription.timezone))
    return sentence(
        "Next digest: {name}, {time} ({zone}).",
        name=subscription.name,
        time=f"{local:%Y-%m-%d %H:%M}",
        zone=subscription.timezone,
    )
