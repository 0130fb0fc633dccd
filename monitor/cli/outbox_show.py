"""The command that shows one mail: outbox show."""

import sys
from pathlib import Path

from monitor.cli.database import use_database
from monitor.cli.moments import Times, times_of
from monitor.cli.outbox_list import slot_in_words, status_name
from monitor.cli.terminal import answer, say, table
from monitor.config.checked import read_options
from monitor.errors import MonitorError
from monitor.mail.reading import read_mail
from monitor.model.mail import Attempt, AttemptOutcome, Delivery
from monitor.queries.answers.status import OutboxAttempt, OutboxHeader, OutboxMail, ShownMail
from monitor.service.clock import clock
from monitor.store import attempts, outbox
from monitor.store.database import Connection, Database
from monitor.texts import sentence

_OUTCOMES = {
    AttemptOutcome.UNDER_WAY: sentence("under way"),
    AttemptOutcome.SENT: sentence("sent"),
    AttemptOutcome.LATER: sentence("refused for now"),
    AttemptOutcome.RELAY: sentence("the mail server takes no mail"),
    AttemptOutcome.REFUSED: sentence("refused for good"),
    AttemptOutcome.UNCERTAIN: sentence("uncertain"),
    AttemptOutcome.INTERRUPTED: sentence("interrupted"),
}


def show_mail(path: Path, number: int, *, raw: bool, json: bool) -> int:
    """Show a mail, or with `raw` write its bytes; return 0. Raises MonitorError where no mail has this number."""
    checked = read_options(path)

    def look(tx: Connection) -> tuple[Delivery | None, list[Attempt]]:
        return outbox.find(tx, number), attempts.of(tx, number)

    async def read(db: Database) -> tuple[Delivery | None, list[Attempt]]:
        return await db.read(look)

    delivery, tries = use_database(checked.store_url, read)
    if delivery is None:
        raise MonitorError(sentence("mail {number}: no mail has this number.", number=number))
    stored = delivery.mail.raw
    if raw:
        if not stored:
            raise MonitorError(_no_longer(number))
        sys.stdout.flush()
        sys.stdout.buffer.write(stored)
        sys.stdout.flush()
        return 0
    headers, text = read_mail(stored) if stored else ((), None)
    if json:
        answer(
            ShownMail(
                mail=OutboxMail.of(delivery),
                size=len(stored),
                headers=tuple(OutboxHeader(name=name, value=value) for name, value in headers),
                text=text,
                attempts=tuple(map(OutboxAttempt.of, tries)),
            )
        )
        return 0
    times = times_of(checked.config, clock())
    status = status_name(delivery.status)
    say(
        sentence(
            "mail {number} to {to}, {slot}: {status}",
            number=number,
            to=delivery.mail.to,
            slot=slot_in_words(delivery, times),
            status=status,
        )
    )
    if delivery.next_attempt_at:
        say(sentence("Next attempt: {time}.", time=times.at(delivery.next_attempt_at)))
    _show_attempts(tries, times)
    times.say_zone()
    say("")
    if text is None:
        say(_no_longer(number))
        return 0
    for name, value in headers:
        say(f"{name}: {value}")
    say("")
    for line in text.splitlines():
        say(line)
    return 0


def _show_attempts(tries: list[Attempt], times: Times) -> None:
    """Show each attempt on a line, and the reply below it."""
    if not tries:
        return
    say("")
    table(
        sentence("attempt"),
        sentence("begun"),
        sentence("seconds"),
        sentence("outcome"),
        sentence("reply"),
        rows=[
            (
                each.number,
                times.at(each.begun_at),
                f"{(each.ended_at - each.begun_at).total_seconds():.1f}" if each.ended_at else "-",
                _OUTCOMES[each.outcome],
                each.reply or "-",
            )
            for each in tries
        ],
        right=("attempt", "seconds"),
    )


def _no_longer(number: int) -> str:
    return sentence("What stood in mail {number} is kept no longer ([outbox] keep).", number=number)
