"""The commands about rules: `monitor rules`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.options import ConfigFile, DryRun, Json, path_of
from monitor.cli.usage import Commands
from monitor.errors import suggestion, with_advice
from monitor.texts import sentence

rules = Commands(help="Check, explain and change the rules, and go back to earlier versions.")


RuleName = Annotated[str, typer.Argument(metavar="RULE", help="The name of the rule.")]
Word = Annotated[
    str,
    typer.Argument(
        metavar="WORD", help='As it stands in the file. Put "--" before a word that begins with "-".'
    ),
]


def _word_list(name: str) -> str:
    from monitor.config.options import WORD_LISTS

    if name not in WORD_LISTS:
        what = sentence('a rule has no list "{name}".', name=name)
        raise typer.BadParameter(with_advice(what, suggestion(name, WORD_LISTS)))
    return name


@rules.command()
def lint(
    context: typer.Context,
    fix: Annotated[bool, typer.Option("--fix", help="Apply the fixes that are safe.")] = False,
    dry_run: DryRun = False,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """List the words and rules that do not do what they seem to, each with its line and a fix."""
    path = path_of(context, config)
    if fix:
        from monitor.cli.rules_edit import fix as apply_fixes

        sys.exit(apply_fixes(path, dry_run=dry_run, json=json))
    from monitor.cli.files import lint

    sys.exit(lint(path, json=json))


@rules.command()
def add(
    context: typer.Context,
    rule: RuleName,
    word: Word,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="LIST", help="The list: any, all, none, hints or ignore.", callback=_word_list
        ),
    ] = "any",
    dry_run: DryRun = False,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Add a word to a rule of config.toml; comments and layout stay."""
    from monitor.cli.rules_edit import add

    sys.exit(add(path_of(context, config), rule, word, word_list=to, dry_run=dry_run, json=json))


@rules.command()
def remove(
    context: typer.Context,
    rule: RuleName,
    word: Word,
    dry_run: DryRun = False,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Remove a word from every list of a rule of config.toml."""
    from monitor.cli.rules_edit import remove

    sys.exit(remove(path_of(context, config), rule, word, dry_run=dry_run, json=json))


@rules.command(name="import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="TrendRadar's frequency_words.txt.")],
    write: Annotated[bool, typer.Option("--write", help="Add the rules to config.toml.")] = False,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Read TrendRadar's words as rules, and list every line that is treated differently here."""
    from monitor.cli.rules_edit import import_words

    sys.exit(import_words(path_of(context, config), file, into_config=write, json=json))


@rules.command()
def history(context: typer.Context, config: ConfigFile = None, json: Json = False) -> None:
    """List every version of the rules that was in force: when, what it changed, how many digests it made."""
    from monitor.cli.rules_history import history

    sys.exit(history(path_of(context, config), json=json))


@rules.command()
def show(
    context: typer.Context,
    version: Annotated[int, typer.Argument(metavar="VERSION", min=1, help="Its number, as in the history.")],
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Print the rules of a version as they stood in config.toml."""
    from monitor.cli.rules_history import show

    sys.exit(show(path_of(context, config), version, json=json))


@rules.command()
def undo(
    context: typer.Context,
    version: Annotated[
        int | None,
        typer.Argument(metavar="[VERSION]", min=1, help="Default: the one before.", show_default=False),
    ] = None,
    dry_run: DryRun = False,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Put the rules of an earlier version back into config.toml, even when the file is broken."""
    from monitor.cli.rules_history import undo

    sys.exit(undo(path_of(context, config), version, dry_run=dry_run, json=json))


@rules.command()
def explain(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="URL_OR_ENTRY_ID", help="A link, an id, or a number.")],
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Explain why an entry was mailed or not: words, arithmetic, near misses, and its digest."""
    from monitor.cli.rules_explain import explain

    sys.exit(explain(path_of(context, config), name, json=json))


@rules.command()
def diff(
    context: typer.Context,
    new: Annotated[
        Path | None,
        typer.Argument(metavar="[NEW.toml]", help="Compare this file with config.toml.", show_default=False),
    ] = None,
    days: Annotated[
        int, typer.Option("--days", metavar="N", min=1, max=36500, help="How far back to look.")
    ] = 30,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Show what an edit changes for stored entries; without NEW.toml, config.toml is compared with what is in force."""
    from monitor.cli.rules_explain import diff

    sys.exit(diff(path_of(context, config), new, days=days, json=json))


@rules.command()
def like(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE_OR_URL", help='Or "-", or a stored entry\'s number.', show_default=False
        ),
    ],
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Propose a rule, as TOML, that finds more entries like an article, and show what it finds."""
    from monitor.cli.like import propose

    sys.exit(propose(path_of(context, config), source, json=json))


@rules.command()
def apply(
    context: typer.Context,
    since: Annotated[str, typer.Option("--since", metavar="SPAN", help="How far back, as 7d.")],
    held_back: Annotated[
        bool,
        typer.Option(
            "--held-back",
            help="What was too old to be mailed at a feed's first visit, by its time of publication.",
        ),
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=1,
            help="At most so many for each subscription, the newest; with --held-back 30 if not given.",
            show_default=False,
        ),
    ] = None,
    rule: Annotated[
        str | None, typer.Option("--rule", metavar="NAME", help="Only this rule.", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it would bring.")] = False,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Add earlier entries that match now and were never mailed to the next digest."""
    from monitor.cli.rules_edit import apply

    chosen = limit or (30 if held_back else None)
    path = path_of(context, config)
    sys.exit(apply(path, since, held_back=held_back, limit=chosen, rule=rule, dry_run=dry_run, json=json))
