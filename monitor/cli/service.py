"""The commands about the service as the machine runs it: `monitor service`."""

import sys
from typing import Annotated

import typer

from monitor.cli.options import ConfigFile, DryRun, Json, path_of
from monitor.cli.usage import Commands
from monitor.texts import sentence

service = Commands(help="Install the service in systemd, or remove it; see whether it runs.")

User = Annotated[
    bool,
    typer.Option("--user", help="Run by your own systemd, with your own files. The default, but for root."),
]
System = Annotated[
    bool, typer.Option("--system", help="Run by the machine, as a user of its own. The default for root.")
]


@service.command()
def install(user: User = False, system: System = False, dry_run: DryRun = False, json: Json = False) -> None:
    """Write the systemd unit, its directories and a config.toml; start the service once `monitor check` passes."""
    from monitor.cli.installation import install, installation

    sys.exit(install(installation(for_user=_for_user(user, system)), dry_run=dry_run, json=json))


@service.command()
def uninstall(
    user: User = False, system: System = False, dry_run: DryRun = False, json: Json = False
) -> None:
    """Stop the service and remove its unit; the configuration and the data stay."""
    from monitor.cli.installation import installation, uninstall

    sys.exit(uninstall(installation(for_user=_for_user(user, system)), dry_run=dry_run, json=json))


@service.command()
def alive(context: typer.Context, config: ConfigFile = None, json: Json = False) -> None:
    """Tell by the exit code whether a service on this machine has worked in the last minute: 0 yes, 1 no."""
    from monitor.cli.alive import alive

    sys.exit(alive(path_of(context, config), json=json))


def _for_user(user: bool, system: bool) -> bool | None:
    if user and system:
        raise typer.BadParameter(sentence("--user and --system exclude each other."))
    return True if user else False if system else None
