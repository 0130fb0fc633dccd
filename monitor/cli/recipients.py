"""The commands about who receives what: `monitor recipients`."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from monitor.cli.options import ConfigFile, Json, SubscriptionName, path_of
from monitor.cli.usage import Commands

recipients = Commands(help="List who receives what, and what they chose; pause, unsubscribe, take it back.")

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The address of a recipient.")]


@recipients.command("list")
def list_(
    context: typer.Context,
    subscription: SubscriptionName = None,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """List the recipients of each subscription, and what they chose."""
    from monitor.cli.choices import list_recipients

    sys.exit(list_recipients(path_of(context, config), subscription, json=json))


@recipients.command()
def pause(
    context: typer.Context,
    address: Address,
    days: Annotated[int, typer.Option("--days", metavar="N", help="How long: 1 to 365 days.")] = 7,
    subscription: SubscriptionName = None,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Send nothing to a recipient for some days; what is missed does not come later."""
    _decide(path_of(context, config), address, "pause", subscription, json=json, days=days)


@recipients.command()
def resume(
    context: typer.Context,
    address: Address,
    subscription: SubscriptionName = None,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """End the pause of a recipient."""
    _decide(path_of(context, config), address, "resume", subscription, json=json)


@recipients.command()
def unsubscribe(
    context: typer.Context,
    address: Address,
    subscription: SubscriptionName = None,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Send nothing more to a recipient who asked for that; mails that wait are cancelled."""
    _decide(path_of(context, config), address, "unsubscribe", subscription, json=json)


@recipients.command()
def resubscribe(
    context: typer.Context,
    address: Address,
    subscription: SubscriptionName = None,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Send to a recipient again who had unsubscribed, or pauses: only if they asked for it."""
    _decide(path_of(context, config), address, "resubscribe", subscription, json=json)


@recipients.command("new-key")
def new_key(context: typer.Context, config: ConfigFile = None, json: Json = False) -> None:
    """Sign the links in mails by a new key from now on; links in earlier mails go on working."""
    from monitor.cli.choices import make_key

    sys.exit(make_key(path_of(context, config), json=json))


def _decide(
    path: Path, address: str, wish: str, subscription: str | None, *, json: bool, days: int = 0
) -> NoReturn:
    from monitor.cli.choices import decide
    from monitor.jobs.choose import Decision, Wish

    sys.exit(decide(path, address, Decision(wish=Wish(wish), days=days), subscription, json=json))
