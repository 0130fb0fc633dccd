"""Table attempts: every try to hand a mail over, begun in the transaction that claims the mail.

Of a mail that is tried very often the first tries and the last ones are kept.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from monitor.model.mail import Attempt, AttemptOutcome
from monitor.store.dialects import chunks, clean
from monitor.store.tables import attempts
from monitor.texts import changed, kept, masked, revived

_FIRST, _LAST = 3, 20  # kept of one mail
_LONGEST = 1000  # characters of each part of a reply


def begin(tx: Connection, mail: int, now: datetime, *, server: str) -> int:
    """Record that a mail is being handed to a server, "" for a Maildir; return the number of the attempt, from 1."""
    number: int = tx.execute(_BEGUN, {"mail": mail, "now": now, "to_server": server}).scalar_one()
    if number > _FIRST + _LAST:
        too_many = attempts.c.number > _FIRST, attempts.c.number <= number - _LAST
        tx.execute(delete(attempts).where(attempts.c.outbox_id == mail, *too_many))
    return number


def end(
    tx: Connection,
    mail: int,
    number: int,
    now: datetime,
    *,
    outcome: AttemptOutcome,
    reply: str,
    code: int | None,
    stage: str,
) -> None:
    """Record how an attempt went; one that was taken for interrupted may have ended well after all."""
    values = {
        "mail": mail,
        "attempt": number,
        "now": now,
        "came_to": outcome.value,
        "words": kept(changed(masked(reply), lambda words: clean(words)[:_LONGEST])),
        "with_code": code,
        "in_stage": stage,
    }
    tx.execute(_ENDED, values)


def interrupt(tx: Connection, mails: Sequence[int], now: datetime, *, stage: str = "") -> None:
    """Record that what is under way of these mails was broken off, in this stage: their worker is gone."""
    for chunk in chunks(mails):
        under_way = attempts.c.outbox_id.in_(chunk), attempts.c.ended_at.is_(None)
        broken_off = {"ended_at": now, "outcome": AttemptOutcome.INTERRUPTED.value, "stage": stage}
        tx.execute(update(attempts).where(*under_way).values(broken_off))


def of(tx: Connection, mail: int) -> list[Attempt]:
    """Return the attempts that are kept of a mail, in their order."""
    query = select(attempts).where(attempts.c.outbox_id == mail).order_by(attempts.c.number)
    return [
        Attempt(
            number=row.number,
            begun_at=row.begun_at,
            ended_at=row.ended_at,
            server=row.server,
            outcome=AttemptOutcome(row.outcome),
            code=row.code,
            reply=revived(row.reply),
            stage=row.stage,
        )
        for row in tx.execute(query)
    ]


def prune(tx: Connection, mails: Sequence[int]) -> None:
    """Delete the attempts of mails that are deleted."""
    for chunk in chunks(mails):
        tx.execute(delete(attempts).where(attempts.c.outbox_id.in_(chunk)))


# At each attempt: made once.
_BEGUN = (
    insert(attempts)
    .values(
        outbox_id=bindparam("mail"),
        number=select(func.coalesce(func.max(attempts.c.number), 0) + 1)
        .where(attempts.c.outbox_id == bindparam("mail"))
        .scalar_subquery(),
        begun_at=bindparam("now"),
        server=bindparam("to_server"),
    )
    .returning(attempts.c.number)
)
_ENDED = (
    update(attempts)
    .where(attempts.c.outbox_id == bindparam("mail"), attempts.c.number == bindparam("attempt"))
    .values(
        ended_at=bindparam("now"),
        outcome=bindparam("came_to"),
        reply=bindparam("words"),
        code=bindparam("with_code"),
        stage=bindparam("in_stage"),
    )
)
