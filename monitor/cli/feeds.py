"""The commands about feeds: `monitor feeds`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.options import ConfigFile, DryRun, Json, path_of
from monitor.cli.usage import Commands

feeds = Commands(help="List, test, add, remove and pause feeds; OPML in and out.")

FeedName = Annotated[str, typer.Argument(metavar="NAME", help="The feed's name, or its address.")]


@feeds.command(name="list")
def list_(context: typer.Context, config: ConfigFile = None, json: Json = False) -> None:
    """List the feeds: how each does, how often it is polled, and its address."""
    from monitor.cli.feeds_show import show_feeds

    sys.exit(show_feeds(path_of(context, config), json=json))


@feeds.command(name="test")
def visit(
    context: typer.Context,
    feed: Annotated[
        str, typer.Argument(metavar="URL_OR_NAME", help="A feed, a home page, or a feed of config.toml.")
    ],
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Visit a feed once: what it has, and what the rules would find in it. Nothing is stored."""
    from monitor.cli.feeds_show import show_test

    sys.exit(show_test(path_of(context, config), feed, json=json))


@feeds.command()
def add(
    context: typer.Context,
    url: Annotated[
        str, typer.Argument(metavar="URL_OR_PAGE", help="A feed, or a home page that links to it.")
    ],
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Default: the feed's title.", show_default=False),
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(
            "--every",
            metavar="SPAN",
            help="How often it is polled, as 30m. Default: auto.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Add it even if it does not answer now.")] = False,
    dry_run: DryRun = False,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Test a feed and add it to config.toml; comments and layout stay."""
    from monitor.cli.feeds_edit import add

    path = path_of(context, config)
    sys.exit(add(path, url, name=name, every=every, force=force, dry_run=dry_run, json=json))


@feeds.command()
def remove(
    context: typer.Context,
    name: FeedName,
    dry_run: DryRun = False,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Remove a feed from config.toml; its entries stay in the database."""
    from monitor.cli.feeds_edit import remove

    sys.exit(remove(path_of(context, config), name, dry_run=dry_run, json=json))


@feeds.command()
def pause(
    context: typer.Context,
    name: FeedName,
    dry_run: DryRun = False,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Poll a feed no more until it is resumed; what is known of it stays."""
    from monitor.cli.feeds_edit import pause

    sys.exit(pause(path_of(context, config), name, dry_run=dry_run, json=json))


@feeds.command()
def resume(
    context: typer.Context,
    name: FeedName,
    dry_run: DryRun = False,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Poll a paused feed again."""
    from monitor.cli.feeds_edit import resume

    sys.exit(resume(path_of(context, config), name, dry_run=dry_run, json=json))


@feeds.command(name="import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.opml", help='"-" reads the standard input.')],
    dry_run: DryRun = False,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Add the feeds of an OPML file to config.toml, but for those that it has already."""
    from monitor.cli.feeds_edit import import_opml

    sys.exit(import_opml(path_of(context, config), file, dry_run=dry_run, json=json))


@feeds.command()
def export(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help='Default, or "-": the standard output.', show_default=False),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Write the feeds as OPML, for other feed readers."""
    from monitor.cli.feeds_edit import export_opml

    sys.exit(export_opml(path_of(context, config), file))
