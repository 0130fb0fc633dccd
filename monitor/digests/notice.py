"""Decide which troubles a mail to the operator tells now, and group them by kind, each with its first few."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.config.addresses import parse_mailbox
from monitor.model.notices import KnownTrouble, LastTold, Notice, NoticeKind, Swarm, TroubleGroup
from monitor.texts import joined, sentence

# Troubles of a kind come in swarms: a mail waits until no more have come for so long, but not beyond the longest.
_QUIET, _LONGEST = timedelta(seconds=5), timedelta(minutes=1)
_DIFFERENCE = timedelta(seconds=10)  # between the clocks of two services
_SHOWN = 5  # troubles of a kind
_LINES, _WIDTH = 12, 400  # of the details of one trouble; characters in a line


def swarms_to_tell(
    swarms: Sequence[Swarm], last: Mapping[NoticeKind, LastTold], now: datetime, *, gather: bool = True
) -> list[Swarm]:
    """Return those of the swarms that one mail tells now; [] while there is none to be sent.

    A swarm waits for the patience of its kind, for the pause since the last mail about its kind, and for its end,
    unless `gather` is False. With the first that is due go all that may.
    """
    may_go = [
        swarm
        for swarm in swarms
        if _has_stood(swarm, now) and not _is_paused(swarm, last.get(swarm.kind, LastTold()), now)
    ]
    is_due = any(not gather or _are_all_there(swarm, now) for swarm in may_go)
    return may_go if is_due else []


def has_stood(known: KnownTrouble, now: datetime) -> bool:
    """Return whether a trouble has stood for the patience of its kind; what is over need not."""
    return known.is_over or _has_passed(known.changed_at, known.trouble.kind.telling.patience, now)


def make_notice(troubles: Sequence[KnownTrouble], now: datetime) -> Notice:
    """Return the notice that tells these troubles."""
    return Notice(
        at=now,
        present=group_troubles([known for known in troubles if not known.is_over]),
        over=group_troubles([known for known in troubles if known.is_over]),
    )


def group_troubles(troubles: Sequence[KnownTrouble]) -> tuple[TroubleGroup, ...]:
    """Return the troubles by kind, in the order of the kinds, with a limit for whatever repeats in them."""
    groups = []
    for kind in NoticeKind:
        of_kind = [known for known in troubles if known.trouble.kind is kind]
        of_kind.sort(key=lambda known: known.trouble.since)
        if of_kind:
            groups.append(
                TroubleGroup(
                    kind=kind,
                    troubles=tuple(_shortened(known) for known in of_kind[:_SHOWN]),
                    count=len(of_kind),
                    since=of_kind[0].trouble.since,
                )
            )
    return tuple(groups)


def concerns(recipient: str, troubles: Sequence[KnownTrouble]) -> list[KnownTrouble]:
    """Return the troubles that an operator can be mailed about: not those that his own address makes."""
    key = _address_key(recipient)
    return [
        known for known in troubles if not known.trouble.address or _address_key(known.trouble.address) != key
    ]


def _has_stood(swarm: Swarm, now: datetime) -> bool:
    patience = swarm.kind.telling.patience
    return swarm.is_over or any(_has_passed(at, patience, now) for at in (swarm.oldest, swarm.newest))


def _is_paused(swarm: Swarm, last: LastTold, now: datetime) -> bool:
    told_at = last.over_at if swarm.is_over else last.at
    return told_at is not None and not _has_passed(told_at, swarm.kind.telling.pause, now)


def _are_all_there(swarm: Swarm, now: datetime) -> bool:
    """Return whether no more troubles have come for a while, or the first has waited long enough."""
    return _has_passed(swarm.newest, _QUIET, now) or _has_passed(swarm.oldest, _LONGEST, now)


def _has_passed(instant: datetime, span: timedelta, now: datetime) -> bool:
    """Return whether so much time has passed; since an instant after now, which a wrong clock wrote, it has."""
    return now - instant >= span or instant - now > _DIFFERENCE


def _shortened(known: KnownTrouble) -> KnownTrouble:
    lines: list[str] = known.trouble.details.splitlines()
    if len(lines) == 1:
        lines = [known.trouble.details]  # which may be a Text
    shown: list[str] = [line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…" for line in lines[:_LINES]]
    if len(lines) > _LINES:
        shown.append(sentence("and {number} more lines", number=len(lines) - _LINES))
    return replace(known, trouble=replace(known.trouble, details=joined("\n", shown)))


def _address_key(address: str) -> str:
    try:
        return parse_mailbox(address).key
    except ValueError:  # of an earlier version that took more for an address
        return address
