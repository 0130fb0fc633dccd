"""Options that several commands have."""

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
SubscriptionName = Annotated[
    str | None, typer.Option("--subscription", metavar="NAME", help="Only this one.", show_default=False)
]


def config_path(context: typer.Context, config: Path | None) -> Path:
    """The configuration file a command works with."""
    return config or Path(context.obj)
