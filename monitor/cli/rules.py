"""The commands about rules: monitor rules ..."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.options import ConfigFile, Json, config_path

rules = typer.Typer(help="Look at the rules, and at what an edit would change.", no_args_is_help=True)


@rules.command()
def lint(context: typer.Context, config: ConfigFile = None, json: Json = False) -> None:
    """Name the words and rules that do not do what they seem to, each with its line and a way out."""
    from monitor.cli.lint import lint

    sys.exit(lint(config_path(context, config), json=json))


@rules.command()
def explain(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="URL_OR_ENTRY_ID", help="A link, an id, or a number.")],
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Say why an entry came or did not: words, arithmetic, what nearly fired, and the digest it went out in."""
    from monitor.cli.explain import explain

    sys.exit(explain(config_path(context, config), name, json=json))


@rules.command()
def diff(
    context: typer.Context,
    new: Annotated[
        Path | None,
        typer.Argument(metavar="[NEW.toml]", help="Hold this file against config.toml.", show_default=False),
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, help="How far back to look.")] = 30,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Show what an edit changes for stored entries; without NEW.toml, the file against what the service runs."""
    from monitor.cli.compare import diff

    sys.exit(diff(config_path(context, config), new, days=days, json=json))


@rules.command()
def apply(
    context: typer.Context,
    since: Annotated[str, typer.Option("--since", metavar="SPAN", help="How far back, as 7d.")],
    rule: Annotated[
        str | None, typer.Option("--rule", metavar="NAME", help="Only this rule.", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would bring.")] = False,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Offer entries of before, which match now and were never mailed, to the next digest."""
    from monitor.cli.apply import apply

    sys.exit(apply(config_path(context, config), since, rule=rule, dry=dry_run, json=json))
