"""Look up what the page of a recipient shows: the list, what it is made of, and what he has chosen."""

from dataclasses import dataclass

from monitor.config.addresses import parse_mailbox
from monitor.config.options import Config, Subscription
from monitor.digests.build import rules_of
from monitor.jobs.choose import choice_of
from monitor.model.recipients import Choice
from monitor.store import subscriptions
from monitor.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What a recipient is told about a list of his."""

    list_name: str
    subscription: Subscription | None  # None: it is not in config.toml
    rules: tuple[str, ...]  # in force
    choice: Choice
    is_expected: bool  # config.toml has his address

    @property
    def address(self) -> str:
        """The address, of which the holder of a link that was passed on sees no more than he must."""
        local, _, domain = self.choice.address.rpartition("@")
        return f"{local[:1]}***@{domain}"


def look_up(tx: Connection, token: str, config: Config) -> Reader | None:
    """Return what the page of a token shows; None for a token that is none of ours."""
    choice = choice_of(tx, token)
    return None if choice is None else reader_of(tx, choice, config)


def reader_of(tx: Connection, choice: Choice, config: Config) -> Reader:
    """Return what the page of a choice shows."""
    names = {state.key: state.name for state in subscriptions.states(tx)}
    name = names.get(choice.subscription, choice.subscription)
    subscription = next((each for each in config.subscriptions if each.name == name), None)
    return Reader(
        list_name=name,
        subscription=subscription,
        rules=tuple(rule.name for rule in rules_of(subscription, config.rules)) if subscription else (),
        choice=choice,
        is_expected=subscription is not None and _is_expected(subscription, choice),
    )


def _is_expected(subscription: Subscription, choice: Choice) -> bool:
    return choice.address in {parse_mailbox(to).key for to in subscription.to}
