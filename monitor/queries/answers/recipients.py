"""Declare the answers about recipients: list, and what changes their choices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitor.model.recipients import ChangedBy
from monitor.queries.recipients import KnownRecipient, RecipientState


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientAnswer:
    """A recipient of a subscription, and what he chose."""

    subscription: str  # its name
    address: str  # without a display name
    state: RecipientState  # left: not in the file any more; suppressed: nothing goes to the address
    unsubscribed: datetime | None  # since when; null where he has not
    paused_until: datetime | None  # null without a pause
    without: tuple[str, ...]  # names of the rules he does not want
    changed: datetime | None  # when anything was chosen last; null where nothing ever was
    changed_by: ChangedBy | None  # one-click: by the button of a mail program

    @classmethod
    def of(cls, known: KnownRecipient) -> RecipientAnswer:
        """Return a recipient as the command lists him."""
        choice = known.choice
        return cls(
            subscription=known.subscription,
            address=known.address,
            state=known.state,
            unsubscribed=choice.unsubscribed_at if choice else None,
            paused_until=choice.paused_until if choice else None,
            without=choice.without if choice else (),
            changed=choice.changed_at if choice else None,
            changed_by=choice.changed_by if choice else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceAnswer:
    """A choice that was changed."""

    recipient: RecipientAnswer  # as it is now
    cancelled: tuple[int, ...]  # the numbers of the mails that waited for him


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKeyAnswer:
    """A key that signs the links in mails from now on."""

    version: int  # of the key, from 1; links of the earlier ones go on working
