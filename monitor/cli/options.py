"""The options that many commands have, and what they name."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.errors import ConfigError, Problem, suggestion
from monitor.texts import ENGLISH, SHOWN_IN, sentence

if TYPE_CHECKING:
    from monitor.config.options import Config, Subscription

DEFAULT = Path("config.toml")
AS_OPERATOR = "monitor.as_operator"  # in click's meta: answers are in the language of [operator] locale

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Default: $MONITOR_CONFIG, else ./config.toml.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
SubscriptionName = Annotated[
    str | None,
    typer.Option("--subscription", metavar="NAME", help="Only this subscription.", show_default=False),
]


def path_of(context: typer.Context, config: Path | None) -> Path:
    """Return the configuration file of a command: its own option, else the one before its name.

    Where neither --lang nor the environment names a language, what is shown from now on is in that of the file.
    """
    path = config or Path(context.obj)
    if context.meta.get(AS_OPERATOR):
        from monitor.config.checked import operator_locale_of

        SHOWN_IN.set(operator_locale_of(path) or ENGLISH)
    return path


def subscriptions_named(config: "Config", name: str | None, file: str) -> "Sequence[Subscription]":
    """Return the subscription that --subscription names, or all without one. Raises ConfigError when there is none."""
    if name is None:
        return config.subscriptions
    named = [subscription for subscription in config.subscriptions if subscription.name == name]
    if not named:
        known = [subscription.name for subscription in config.subscriptions]
        what, instead = (
            sentence('there is no subscription named "{name}".', name=name),
            suggestion(name, known),
        )
        problem = Problem(where="[[subscriptions]]", key="", line=None, what=what, instead=instead)
        raise ConfigError(file, [problem])
    return named
