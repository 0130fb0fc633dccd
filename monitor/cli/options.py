"""The options that many commands have."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT = Path("config.toml")

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Default: $MONITOR_CONFIG, else ./config.toml.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
SubscriptionName = Annotated[
    str | None, typer.Option("--subscription", metavar="NAME", help="Only this one.", show_default=False)
]


def path_of(context: typer.Context, config: Path | None) -> Path:
    """The configuration a command works by: its own option, else the one before its name."""
    return config or Path(context.obj)
