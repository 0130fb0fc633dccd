"""The command that takes a bounce: bounce."""

import os
import sys
from pathlib import Path

from monitor.cli.database import time_of, use_database
from monitor.cli.terminal import answer, complain, say
from monitor.config.checked import read_options
from monitor.errors import MonitorError, StoreError
from monitor.jobs.bounce import Outcome, Taken, take_bounce
from monitor.jobs.suppress import MOST_REFUSALS
from monitor.mail.bounces import MOST_BYTES, Fault, read_bounce
from monitor.queries.answers.suppressions import BounceAnswer
from monitor.store.database import Database
from monitor.texts import Text, sentence

_WHY_NOTHING = {
    Fault.NOT_THE_ADDRESS: sentence("the address is not to blame"),
    Fault.FOR_NOW: sentence("it is not final"),
    Fault.DELIVERED: sentence("nothing failed"),
}


def bounce(path: Path, file: Path | None, *, json: bool) -> int:
    """Take the bounce in a file, or on standard input; return 1 when it is about no mail of ours.

    Return 75 (EX_TEMPFAIL of sysexits.h) while the database is away: mail servers then bring the bounce again.
    """
    checked = read_options(path)
    read = read_bounce(_content(file))

    async def take(db: Database) -> Taken:
        return await db.write(take_bounce, read, await time_of(db))

    try:
        taken = use_database(checked.store_url, take, writable=True)
    except StoreError as error:
        complain(error.text)
        return os.EX_TEMPFAIL
    if json:
        answer(BounceAnswer.of(taken))
    elif taken.outcome is Outcome.UNKNOWN:
        complain(_in_words(taken))
    else:
        say(_in_words(taken))
    return int(taken.outcome is Outcome.UNKNOWN)


def _content(file: Path | None) -> bytes:
    """Return the message; a byte more than may be, of one that is too large."""
    if file is None or str(file) == "-":
        return sys.stdin.buffer.read(MOST_BYTES + 1)
    try:
        with file.open("rb") as source:
            return source.read(MOST_BYTES + 1)
    except OSError as error:
        raise MonitorError(
            sentence("{path} cannot be read: {why}", path=str(file), why=error.strerror)
        ) from error


def _in_words(taken: Taken) -> Text:
    delivery, report = taken.delivery, taken.report
    if delivery is None:
        return sentence(
            "This bounce returns no mail that was sent from here to such an address, or one that is no longer kept:"
            " nothing was done. It says: {reply}",
            reply=report.reply,
        )
    values = {
        "mail": delivery.id,
        "address": delivery.mail.to,
        "subscription": delivery.subscription,
        "reply": report.reply,
        "refusals": taken.refusals,
        "most": MOST_REFUSALS,
    }
    match taken.outcome:
        case Outcome.SUPPRESSED if report.fault is Fault.NO_SUCH_ADDRESS:
            return sentence("{address} does not exist: nothing goes there any more. {reply}", **values)
        case Outcome.SUPPRESSED:
            return sentence(
                "{address} has refused {refusals} digests of {subscription} in a row: it gets no more of them."
                " {reply}",
                **values,
            )
        case Outcome.COUNTED if taken.refusals == 1:
            return sentence(
                "{address} has refused a digest of {subscription}; after {most} in a row it gets no more of them."
                " {reply}",
                **values,
            )
        case Outcome.COUNTED:
            return sentence(
                "{address} has refused {refusals} digests of {subscription} in a row; after {most} it gets no more"
                " of them. {reply}",
                **values,
            )
        case Outcome.BEFORE:
            return sentence(
                "mail {mail} to {address}: that it was refused is known already. {reply}", **values
            )
        case _:
            why = _WHY_NOTHING.get(report.fault, sentence("it returns a notice"))
            return sentence("mail {mail} to {address}: nothing is counted, {why}. {reply}", why=why, **values)
