"""Table notices: the troubles that the operator is told about, and what of each was told.

`told` is the content that the operator knows of. It is NULL before the first mail, and after the one that says that
the trouble is over. A trouble that stops mail counts as told when it is reported (status shows it): its end is mailed.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from monitor.model.notices import KnownTrouble, LastTold, NoticeKind, Swarm, Trouble
from monitor.store.dialects import clean
from monitor.store.tables import notices
from monitor.texts import changed, kept, revived


def report(tx: Connection, trouble: Trouble, now: datetime) -> None:
    """Record that there is a trouble; call it as often as it is found.

    It is told when it is new or was over in between, and again when its content differs from what was told.
    """
    row = _row(tx, trouble.kind, trouble.subject)
    content = clean(trouble.content)
    values: dict[str, Any] = {
        "content": content,
        "details": kept(changed(trouble.details, clean)),
        "address": trouble.address,
    }
    if trouble.kind.telling.stops_mail:
        values["told"] = content
    if row is None:
        key = {"kind": trouble.kind.value, "subject": trouble.subject}
        tx.execute(insert(notices).values(**key, **values, since=trouble.since, changed_at=now))
        return
    if row.over_at is not None:
        values["over_at"] = None
    if (
        row.over_at is not None and row.told is None
    ):  # another trouble: the operator knows that the last one is over
        values |= {"since": trouble.since, "changed_at": now}
    elif content != row.content:
        values["changed_at"] = now
    if any(row._mapping[column] != value for column, value in values.items()):
        tx.execute(update(notices).where(_is(trouble.kind, trouble.subject)).values(values))


def clear(
    tx: Connection,
    kind: NoticeKind,
    subject: str,
    now: datetime,
    *,
    details: str | None = None,
    silently: bool = False,
) -> bool:
    """Record that a trouble is over; return False when there was none. `details` replace its own: how it ended.

    That something which happened once is over, since it was undone, is told to nobody; nor is any end `silently`.
    """
    values: dict[str, Any] = {"over_at": now} | (
        {} if details is None else {"details": kept(changed(details, clean))}
    )
    if kind.telling.is_event or silently:
        values["told"] = None
    is_open = and_(_is(kind, subject), notices.c.over_at.is_(None))
    return bool(tx.execute(update(notices).where(is_open).values(values)).rowcount)


def clear_others(tx: Connection, kind: NoticeKind, subject: str, now: datetime) -> None:
    """Record that all troubles of a kind are over but the one about `subject`."""
    others = and_(notices.c.kind == kind.value, notices.c.subject != subject, notices.c.over_at.is_(None))
    tx.execute(update(notices).where(others).values(over_at=now))


def open_troubles(tx: Connection, kinds: Collection[NoticeKind] = tuple(NoticeKind)) -> list[KnownTrouble]:
    """Return the troubles that are not over, all or those of some kinds, the oldest first."""
    return _listing(tx, and_(notices.c.over_at.is_(None), notices.c.kind.in_([kind.value for kind in kinds])))


def mail_is_stopped(tx: Connection, server: str) -> bool:
    """Return whether there is a trouble for which this server, as "host:port", takes no mail."""
    kinds = [kind.value for kind in NoticeKind if kind.telling.stops_mail]
    stopped = (notices.c.kind.in_(kinds), notices.c.subject == server, notices.c.over_at.is_(None))
    return bool(tx.scalar(select(exists().where(*stopped))))


def swarms(tx: Connection) -> list[Swarm]:
    """Return the untold troubles by kind, those that are over apart: when the first and the last of them came."""
    return [
        Swarm(kind=_KINDS[kind], is_over=is_over, oldest=oldest, newest=newest)
        for is_over, (instant, condition) in _UNTOLD.items()
        for kind, oldest, newest in tx.execute(
            select(notices.c.kind, func.min(instant), func.max(instant))
            .where(_is_known, condition)
            .group_by(notices.c.kind)
            .order_by(notices.c.kind)
        )
    ]


def untold(tx: Connection, swarm: Swarm) -> list[KnownTrouble]:
    """Return the troubles of a swarm, the oldest first."""
    _, condition = _UNTOLD[swarm.is_over]
    return _listing(tx, and_(notices.c.kind == swarm.kind.value, condition))


def last_told(tx: Connection) -> Mapping[NoticeKind, LastTold]:
    """Return by kind when a mail last told of a trouble, and of one that was over."""
    query = (
        select(notices.c.kind, func.max(notices.c.told_at), func.max(notices.c.over_told_at))
        .where(_is_known)
        .group_by(notices.c.kind)
    )
    return {_KINDS[kind]: LastTold(at=told, over_at=over) for kind, told, over in tx.execute(query)}


def mark_told(tx: Connection, troubles: Sequence[KnownTrouble], now: datetime) -> None:
    """Record that these troubles, as `untold` returned them, are told."""
    for is_over, values in (
        (False, {"told": notices.c.content, "told_at": now}),
        (True, {"told": None, "over_told_at": now}),
    ):
        keys = [
            {"of_kind": known.trouble.kind.value, "about": known.trouble.subject}
            for known in troubles
            if known.is_over is is_over
        ]
        if keys:
            key = and_(notices.c.kind == bindparam("of_kind"), notices.c.subject == bindparam("about"))
            tx.execute(update(notices).where(key).values(values), keys)


def prune(tx: Connection, before: datetime) -> int:
    """Delete the troubles that were over, and the events that happened, before an instant; return their count."""
    events = [kind.value for kind in NoticeKind if kind.telling.is_event]
    past = or_(notices.c.over_at < before, and_(notices.c.kind.in_(events), notices.c.changed_at < before))
    return tx.execute(delete(notices).where(past)).rowcount


# By whether the trouble is over: since when, and whether, the operator is still to be told.
_UNTOLD = {
    False: (
        notices.c.changed_at,
        and_(notices.c.over_at.is_(None), or_(notices.c.told.is_(None), notices.c.told != notices.c.content)),
    ),
    True: (notices.c.over_at, and_(notices.c.over_at.is_not(None), notices.c.told.is_not(None))),
}
_KINDS = {kind.value: kind for kind in NoticeKind}
# A service of a later version may have left kinds that this one does not know.
_is_known = notices.c.kind.in_(list(_KINDS))


def _is(kind: NoticeKind, subject: str) -> ColumnElement[bool]:
    return and_(notices.c.kind == kind.value, notices.c.subject == subject)


def _row(tx: Connection, kind: NoticeKind, subject: str) -> Row[Any] | None:
    return tx.execute(select(notices).where(_is(kind, subject))).one_or_none()


def _listing(tx: Connection, condition: ColumnElement[bool]) -> list[KnownTrouble]:
    query = select(notices).where(_is_known, condition)
    return [
        _known(row) for row in tx.execute(query.order_by(notices.c.since, notices.c.kind, notices.c.subject))
    ]


def _known(row: Row[Any]) -> KnownTrouble:
    trouble = Trouble(
        kind=_KINDS[row.kind],
        subject=row.subject,
        content=row.content,
        details=revived(row.details),
        address=row.address,
        since=row.since,
    )
    return KnownTrouble(trouble=trouble, changed_at=row.changed_at, told=row.told, over_at=row.over_at)
