"""The commands that decide about single mails: outbox retry, cancel, hold, release."""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from monitor.cli.database import time_of, use_database
from monitor.cli.terminal import answer, complain, say
from monitor.config.checked import CheckedConfig, read_options
from monitor.jobs.choose import why_mail_declined
from monitor.jobs.give_up import retry as retry_mail
from monitor.model.mail import Delivery, DeliveryStatus
from monitor.queries.answers.status import OutboxChange
from monitor.store import outbox as store
from monitor.store.database import Connection, Database
from monitor.texts import sentence

# Decides about one mail in a transaction; returns why that cannot be, or "".
_Decide = Callable[[Connection, int, datetime, datetime], str]
_GONE = sentence("no mail has this number.")


def retry_mails(path: Path, numbers: Sequence[int], *, again: bool, json: bool) -> int:
    """Make mails due now; return 1 when one of them cannot be. Who may have got it is asked about, or `again`."""
    checked = read_options(path)
    asks = not again and not json and sys.stdin.isatty()
    wanted = set(numbers) if again else set(_to_ask(checked, numbers)) if asks else set[int]()

    def decide(tx: Connection, number: int, now: datetime, expires_at: datetime) -> str:
        delivery = store.find(tx, number)
        if delivery is None:
            return _GONE
        if _may_have_arrived(delivery) and number not in wanted:
            return sentence(
                'it may have arrived already, and would arrive twice. "monitor outbox retry {mail} --again" sends it.',
                mail=number,
            )
        if why := why_mail_declined(tx, number, now):
            return sentence("{why}.", why=why)
        if retry_mail(tx, number, now, expires_at):
            return ""
        return _why_not_again(tx, delivery, checked.path.name)

    done = sentence('due now: a service that runs sends it within seconds, "monitor deliver" at once.')
    return _decide_each(checked, numbers, decide, done=done, json=json)


def cancel_mails(path: Path, numbers: Sequence[int], *, json: bool) -> int:
    """Cancel mails; return 1 when one of them cannot be."""

    def decide(tx: Connection, number: int, _now: datetime, _expires_at: datetime) -> str:
        return "" if store.cancel(tx, number) else _why_not(tx, number)

    return _decide_each(read_options(path), numbers, decide, done=sentence("cancelled."), json=json)


def hold_mails(path: Path, numbers: Sequence[int], *, json: bool) -> int:
    """Hold mails until they are released; return 1 when one of them cannot be."""

    def decide(tx: Connection, number: int, now: datetime, _expires_at: datetime) -> str:
        return "" if store.hold(tx, number, now) else _why_not(tx, number)

    done = sentence('held until "monitor outbox release" or "cancel".')
    return _decide_each(read_options(path), numbers, decide, done=done, json=json)


def release_mails(path: Path, numbers: Sequence[int], *, json: bool) -> int:
    """Let mails go that are held until then; return 1 when one of them cannot be."""
    checked = read_options(path)

    def decide(tx: Connection, number: int, now: datetime, expires_at: datetime) -> str:
        if why := why_mail_declined(tx, number, now):
            return sentence("{why}.", why=why)
        if store.release_restored(tx, number, now, expires_at):
            return ""
        if store.is_unwanted(tx, number):
            return _unwanted(checked.path.name)
        return sentence("it is not held until it is released.") if store.find(tx, number) else _GONE

    return _decide_each(checked, numbers, decide, done=sentence("released."), json=json)


def _decide_each(
    checked: CheckedConfig, numbers: Sequence[int], decide: _Decide, *, done: str, json: bool
) -> int:
    """Decide about each mail in a transaction of its own, and say what came of it."""

    async def decide_each(db: Database) -> list[OutboxChange]:
        now = await time_of(db)
        expires_at = now + checked.config.outbox.expire
        changes = []
        for number in dict.fromkeys(numbers):
            why = await db.write(decide, number, now, expires_at)
            changes.append(OutboxChange(mail=number, done=not why, why=why))
        return changes

    changes = use_database(checked.store_url, decide_each, writable=True)
    if json:
        answer(changes)
    else:
        for change in changes:
            if change.done:
                say(sentence("mail {number}: {what}", number=change.mail, what=done))
            else:
                complain(sentence("mail {number}: {what}", number=change.mail, what=change.why))
    return int(not all(change.done for change in changes))


def _to_ask(checked: CheckedConfig, numbers: Sequence[int]) -> list[int]:
    """Ask about each mail that may have arrived; return those that are to go all the same."""
    from monitor.cli.questions import ask_yes

    def find(tx: Connection) -> list[Delivery]:
        found = (store.find(tx, number) for number in numbers)
        return [delivery for delivery in found if delivery is not None and _may_have_arrived(delivery)]

    async def look(db: Database) -> list[Delivery]:
        return await db.read(find)

    doubtful = use_database(checked.store_url, look)
    return [
        delivery.id
        for delivery in doubtful
        if ask_yes(
            sentence(
                "mail {number} to {to} may have arrived already; sent again, it may arrive twice. Send it?",
                number=delivery.id,
                to=delivery.mail.to,
            ),
            default=False,
        )
    ]


def _may_have_arrived(delivery: Delivery) -> bool:
    return delivery.status is not DeliveryStatus.SENT and delivery.uncertain + delivery.interrupted > 0


def _why_not_again(tx: Connection, delivery: Delivery, file: str) -> str:
    if delivery.status not in (DeliveryStatus.SENT, DeliveryStatus.SENDING):
        if not delivery.mail.raw:
            return sentence("what stood in it is kept no longer ([outbox] keep).")
        if store.is_suppressed(tx, delivery.id):
            return sentence(
                'its recipient is suppressed. "monitor suppressions remove ADDRESS" lets it be mailed again.'
            )
        if store.is_unwanted(tx, delivery.id):
            return _unwanted(file)
    return _why_not(tx, delivery.id)


def _unwanted(file: str) -> str:
    return sentence("its recipient, or its subscription, is not in {file}.", file=file)


def _why_not(tx: Connection, number: int) -> str:
    delivery = store.find(tx, number)
    if delivery is None:
        return _GONE
    match delivery.status:
        case DeliveryStatus.SENT:
            return sentence('it was sent already. "monitor digest --again" sends a digest once more.')
        case DeliveryStatus.SENDING:
            return sentence("it is being sent just now.")
        case DeliveryStatus.HELD:
            return sentence("it is held already.")
        case DeliveryStatus.UNCERTAIN:
            return sentence("it may have arrived, and is not sent again by itself.")
        case _:
            return sentence("it was given up or cancelled before.")
