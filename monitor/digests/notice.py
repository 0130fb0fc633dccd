"""Decide which troubles a mail to the operator tells now, and group them by kind, each with its first few."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.config.addresses import parse_mailbox
from monitor.model.notices import KnownTrouble, LastTold, Notice, NoticeKind, TroubleGroup

_QUIET = timedelta(
    seconds=5
)  # troubles of a kind come in swarms: a mail waits until no more have come for so long,
_LONGEST = timedelta(minutes=1)  # but no longer than this
_DIFFERENCE = timedelta(seconds=10)  # between the clocks of two services
_SHOWN = 5  # troubles of a kind
_LINES, _WIDTH = 12, 400  # of the details of one trouble; characters in a line


def to_tell(
    untold: Sequence[KnownTrouble], last: Mapping[NoticeKind, LastTold], now: datetime, *, gather: bool = True
) -> list[KnownTrouble]:
    """Return those of the untold troubles that one mail tells now; [] while there is none to be sent.

    A trouble waits for the patience of its kind, and for the pause since the last mail about its kind. Those that
    come in a swarm are waited for, unless `gather` is False. With the first that is due go all that may.
    """
    told_together: list[KnownTrouble] = []
    is_due = False
    for is_over in (False, True):
        for kind in NoticeKind:
            troubles = [
                known
                for known in untold
                if known.trouble.kind is kind and known.is_over is is_over and _has_stood(known, now)
            ]
            told_at = _told_at(last.get(kind, LastTold()), is_over=is_over)
            if not troubles or not (told_at is None or _has_passed(told_at, kind.telling.pause, now)):
                continue
            told_together += troubles
            is_due |= not gather or _are_all_there(troubles, now)
    return told_together if is_due else []


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


def _has_stood(known: KnownTrouble, now: datetime) -> bool:
    return known.is_over or _has_passed(known.changed_at, known.trouble.kind.telling.patience, now)


def _has_passed(instant: datetime, span: timedelta, now: datetime) -> bool:
    """Return whether so much time has passed; since an instant after now, which a wrong clock wrote, it has."""
    return now - instant >= span or instant - now > _DIFFERENCE


def _told_at(last: LastTold, *, is_over: bool) -> datetime | None:
    return last.over_at if is_over else last.at


def _are_all_there(troubles: Sequence[KnownTrouble], now: datetime) -> bool:
    """Return whether no more troubles of this kind have come for a while, or the first has waited long enough."""
    instants = [known.over_at or known.changed_at for known in troubles]
    return _has_passed(max(instants), _QUIET, now) or _has_passed(min(instants), _LONGEST, now)


def _shortened(known: KnownTrouble) -> KnownTrouble:
    lines = known.trouble.details.splitlines()
    shown = [line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…" for line in lines[:_LINES]]
    if len(lines) > _LINES:
        shown.append(f"and {len(lines) - _LINES} more lines")
    return replace(known, trouble=replace(known.trouble, details="\n".join(shown)))


def _address_key(address: str) -> str:
    try:
        return parse_mailbox(address).key
    except ValueError:  # of an earlier version that took more for an address
        return address
