"""The commands about the mails: `monitor outbox`."""

import sys
from typing import Annotated

import typer

from monitor.cli.options import ConfigFile, Json, path_of
from monitor.cli.usage import Commands

outbox = Commands(help="List the mails and what became of them; decide about single ones.")

_MOST = 10**18 - 1  # every number of so many digits fits into a column of either database
Mail = Annotated[int, typer.Argument(metavar="NUMBER", min=0, max=_MOST, help="Of the mail, as listed.")]
Mails = Annotated[
    list[int],
    typer.Argument(metavar="NUMBER...", min=0, max=_MOST, help="Of one mail or several, as listed."),
]
Limit = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, help="How many to show, the newest first.")
]


@outbox.callback(invoke_without_command=True, no_args_is_help=False)
def _plain(
    context: typer.Context,
    config: ConfigFile = None,
    retry: Annotated[
        str | None,
        typer.Option("--retry", metavar="ID", help="Send this mail again.", show_default=False),
    ] = None,
    cancel: Annotated[
        str | None,
        typer.Option(
            "--cancel",
            metavar="ID|all",
            help='Never send this mail, waiting or held; "all": all that are held until they are released.',
            show_default=False,
        ),
    ] = None,
    release: Annotated[
        str | None,
        typer.Option(
            "--release",
            metavar="ID|all",
            help="Send this mail, or all that are held until they are released.",
            show_default=False,
        ),
    ] = None,
    seen: Annotated[
        str | None,
        typer.Option(
            "--seen",
            metavar="ID|all",
            help="You know that this mail, or all, were given up: status is content again.",
            show_default=False,
        ),
    ] = None,
    limit: Limit = 30,
    json: Json = False,
) -> None:
    if context.invoked_subcommand is not None:
        if config:
            context.obj = config
        options = {"--retry": retry, "--cancel": cancel, "--release": release, "--seen": seen}
        if given := next((name for name, value in options.items() if value is not None), ""):
            raise typer.BadParameter("it goes without a command behind it.", param_hint=given)
        if json or limit != 30:
            raise typer.BadParameter("it stands behind the command.", param_hint="--json, --limit")
        return
    from monitor.cli.outbox_list import list_mails

    answered = list_mails(
        path_of(context, config),
        retry=retry,
        cancel=cancel,
        release=release,
        seen=seen,
        limit=limit,
        json=json,
    )
    sys.exit(answered)


@outbox.command(name="list")
def list_(context: typer.Context, config: ConfigFile = None, limit: Limit = 30, json: Json = False) -> None:
    """List the newest mails and what became of them, as "monitor outbox" does."""
    from monitor.cli.outbox_list import list_mails

    sys.exit(list_mails(path_of(context, config), limit=limit, json=json))


@outbox.command()
def show(
    context: typer.Context,
    number: Mail,
    config: ConfigFile = None,
    raw: Annotated[bool, typer.Option("--raw", help="Write the mail as it is sent, every byte.")] = False,
    json: Json = False,
) -> None:
    """Show a mail: its headers, where it stands, each attempt with the server's reply, its text."""
    if raw and json:
        raise typer.BadParameter("not together with --json.", param_hint="--raw")
    from monitor.cli.outbox_show import show_mail

    sys.exit(show_mail(path_of(context, config), number, raw=raw, json=json))


@outbox.command()
def retry(
    context: typer.Context,
    numbers: Mails,
    config: ConfigFile = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Those too that may have arrived already: they may arrive twice."),
    ] = False,
    json: Json = False,
) -> None:
    """Send mails that were not sent, at once: those that wait, are held, or were given up."""
    from monitor.cli.outbox_change import retry_mails

    sys.exit(retry_mails(path_of(context, config), numbers, again=again, json=json))


@outbox.command()
def cancel(context: typer.Context, numbers: Mails, config: ConfigFile = None, json: Json = False) -> None:
    """Never send these mails, which wait or are held."""
    from monitor.cli.outbox_change import cancel_mails

    sys.exit(cancel_mails(path_of(context, config), numbers, json=json))


@outbox.command()
def hold(context: typer.Context, numbers: Mails, config: ConfigFile = None, json: Json = False) -> None:
    """Hold mails that wait, without an end, until you release or cancel them."""
    from monitor.cli.outbox_change import hold_mails

    sys.exit(hold_mails(path_of(context, config), numbers, json=json))


@outbox.command()
def release(context: typer.Context, numbers: Mails, config: ConfigFile = None, json: Json = False) -> None:
    """Let mails go that were held by hand, or by a restore."""
    from monitor.cli.outbox_change import release_mails

    sys.exit(release_mails(path_of(context, config), numbers, json=json))
