"""List who receives which subscription, and what each has chosen."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from monitor.config.addresses import parse_mailbox
from monitor.config.options import Config
from monitor.model.recipients import Choice
from monitor.store import choices, subscriptions, suppressions
from monitor.store.database import Connection


class RecipientState(StrEnum):
    """Whether mails go to a recipient."""

    SUBSCRIBED = "subscribed"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"  # nothing goes to the address, whoever has decided that
    LEFT = "left"  # config.toml does not have the address any more; what was chosen is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRecipient:
    """A recipient of a subscription."""

    subscription: str  # its name
    key: str  # of the subscription
    address: str  # of the envelope
    state: RecipientState
    choice: Choice | None  # None: nothing was chosen


def known_recipients(tx: Connection, config: Config, now: datetime) -> list[KnownRecipient]:
    """Return the recipients in config.toml, in its order, and then those who chose something and are not in it now."""
    states = {state.name: state for state in subscriptions.states(tx)}
    names = {state.key: name for name, state in states.items()}
    made = {(choice.subscription, choice.address): choice for choice in choices.made(tx)}
    known = []
    for subscription in config.subscriptions:
        state = states.get(subscription.name)
        key = state.key if state else subscription.name
        mailboxes = [parse_mailbox(to) for to in subscription.to]
        barred = suppressions.barred(tx, key, [mailbox.address for mailbox in mailboxes])
        for mailbox in mailboxes:
            choice = made.pop((key, mailbox.key), None)
            known.append(
                KnownRecipient(
                    subscription=subscription.name,
                    key=key,
                    address=mailbox.address,
                    state=_state(choice, now, is_suppressed=mailbox.address in barred),
                    choice=choice,
                )
            )
    return known + [
        KnownRecipient(
            subscription=names.get(choice.subscription, choice.subscription),
            key=choice.subscription,
            address=choice.address,
            state=RecipientState.UNSUBSCRIBED if choice.unsubscribed_at else RecipientState.LEFT,
            choice=choice,
        )
        for choice in made.values()
    ]


def declining_recipients(tx: Connection, config: Config, now: datetime) -> list[KnownRecipient]:
    """Return the recipients in config.toml to whom nothing goes because they have left, or pause."""
    addresses = {
        (subscription.name, parse_mailbox(to).address)
        for subscription in config.subscriptions
        for to in subscription.to
    }
    return [
        each
        for each in known_recipients(tx, config, now)
        if each.state in (RecipientState.UNSUBSCRIBED, RecipientState.PAUSED)
        and (each.subscription, each.address) in addresses
    ]


def _state(choice: Choice | None, now: datetime, *, is_suppressed: bool) -> RecipientState:
    if choice and choice.unsubscribed_at:
        return RecipientState.UNSUBSCRIBED
    if is_suppressed:
        return RecipientState.SUPPRESSED
    if choice and choice.is_paused(now):
        return RecipientState.PAUSED
    return RecipientState.SUBSCRIBED
