"""Record what a recipient chose about a subscription, and cancel in the same transaction what waits for him.

Who has unsubscribed is owed nothing, and neither is who pauses: what was missed in a pause does not come back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.errors import MonitorError
from monitor.mail import tokens
from monitor.model.recipients import LONGEST_PAUSE, ChangedBy, Choice, TokenKey
from monitor.store import choices, outbox, owed
from monitor.store.database import Connection, Database
from monitor.texts import Text, sentence


class Wish(StrEnum):
    """What somebody wants of a subscription."""

    UNSUBSCRIBE = "unsubscribe"
    RESUBSCRIBE = "resubscribe"
    PAUSE = "pause"
    RESUME = "resume"
    RULES = "rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A wish, with what it takes."""

    wish: Wish
    days: int = 0  # of a pause
    shown: tuple[str, ...] = ()  # the rules among which somebody chose
    wanted: tuple[str, ...] = ()  # those of them he wants

    def __post_init__(self) -> None:
        if self.wish is Wish.PAUSE and not 1 <= self.days <= LONGEST_PAUSE.days:
            raise MonitorError(
                sentence(
                    "a pause is of 1 to {most} days, not of {days}.", most=LONGEST_PAUSE.days, days=self.days
                )
            )
        if self.wish is Wish.RULES and not set(self.wanted) & set(self.shown):
            raise MonitorError(sentence("keep at least one rule, or unsubscribe."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A choice as it is now, and the mails that were cancelled for it."""

    choice: Choice
    cancelled: tuple[int, ...]


async def choose(
    subscription: str, address: str, decision: Decision, *, by: ChangedBy, db: Database, now: datetime
) -> Chosen:
    """Record a decision about the subscription of this key. Raises StoreError."""
    return await db.write(choose_for, subscription, address, decision, by, now)


def choose_for(
    tx: Connection, subscription: str, address: str, decision: Decision, by: ChangedBy, now: datetime
) -> Chosen:
    """Do so in a transaction."""
    choice = choices.ensure(tx, subscription, [address])[address]
    return _record(tx, choice, decision, by, now)


async def choose_by_token(
    token: str, decision: Decision, *, by: ChangedBy, db: Database, now: datetime
) -> Chosen | None:
    """Record the decision of who has this token; None for a token that is none of ours. Raises StoreError."""
    return await db.write(_choose_by_token, token, decision, by, now)


def _choose_by_token(
    tx: Connection, token: str, decision: Decision, by: ChangedBy, now: datetime
) -> Chosen | None:
    choice = choice_of(tx, token)
    return None if choice is None else _record(tx, choice, decision, by, now)


def choice_of(tx: Connection, token: str) -> Choice | None:
    """Return the choice that a token names; None for a token that is unknown or altered, which take equally long."""
    said = tokens.read(token)
    if said is None:
        return None
    key, named = choices.key_of_version(tx, said.version), choices.signed(tx, said.number)
    # What is unknown is compared all the same, with a key that nobody has.
    signed_for, choice = named or ("", None)
    mailbox = choice.address if choice else ""
    is_signed = tokens.is_signed(said, signed_for, mailbox, key or TokenKey(version=said.version, secret=b""))
    return choice if is_signed and key else None


async def new_key(*, db: Database, now: datetime) -> int:
    """Make another key, by which tokens are signed from now on; return its version. Raises StoreError."""
    return await db.write(_new_key, now)


def _new_key(tx: Connection, now: datetime) -> int:
    version = choices.signing_key(tx, now).version + 1
    choices.add_key(tx, version, now)
    return version


def _record(tx: Connection, choice: Choice, decision: Decision, by: ChangedBy, now: datetime) -> Chosen:
    values, why = _values(choice, decision, now)
    if any(getattr(choice, name) != value for name, value in values.items()):
        choices.change(tx, choice.number, values, now, by)
    cancelled: Sequence[int] = ()
    if why:
        cancelled = outbox.cancel_declined(tx, choice.subscription, choice.address, why, now)
        owed.drop_all(tx, choice.subscription, choice.address)
    after = choices.of(tx, choice.subscription, choice.address)
    assert after
    return Chosen(choice=after, cancelled=tuple(cancelled))


def _values(choice: Choice, decision: Decision, now: datetime) -> tuple[dict[str, object], Text | None]:
    """Return the columns that a decision sets, and why mails are cancelled for it, where they are."""
    match decision.wish:
        case Wish.UNSUBSCRIBE:
            # Asked again, it stays what it was: mail programs press the button twice.
            return {"unsubscribed_at": choice.unsubscribed_at or now}, UNSUBSCRIBED
        case Wish.RESUBSCRIBE:
            return {"unsubscribed_at": None, "paused_until": None}, None
        case Wish.PAUSE:
            return {"paused_until": now + timedelta(days=decision.days)}, PAUSED
        case Wish.RESUME:
            return {"paused_until": None}, None
        case _:  # RULES
            # A rule that is not in the file just now stays declined: it may come back.
            others = [name for name in choice.without if name not in decision.shown]
            declined = [name for name in decision.shown if name not in decision.wanted]
            return {"without": tuple(dict.fromkeys(others + declined))}, None


UNSUBSCRIBED = sentence("the recipient has unsubscribed")
PAUSED = sentence("the recipient has paused the subscription")


def why_declined(tx: Connection, subscription: str, address: str, now: datetime) -> Text | None:
    """Return why somebody wants no mail of the subscription of this key now; None where he does. Of "" none is."""
    choice = choices.of(tx, subscription, address) if subscription else None
    if choice is None or not choice.declines(now):
        return None
    return UNSUBSCRIBED if choice.unsubscribed_at else PAUSED


def why_mail_declined(tx: Connection, number: int, now: datetime) -> Text | None:
    """Return why its recipient does not want the mail of this number; None where he does, or there is none."""
    delivery = outbox.find(tx, number)
    return why_declined(tx, delivery.subscription_key, delivery.mail.to, now) if delivery else None
