"""The help of the commands, and what is wrong with a command line, in the reader's language.

Help texts are written in English where commands and options are declared; their translations stand in help.po.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import typer
from typer._click.exceptions import (
    BadParameter,
    MissingParameter,
    NoArgsIsHelpError,
    NoSuchOption,
    UsageError,
)
from typer.core import TyperCommand, TyperGroup

from monitor.errors import nearest, with_advice
from monitor.texts import Text, looked_up, sentence, shown

_WIDTH = 100  # columns, at most: longer lines are hard to read
_NAMES = 30  # columns of options with their values, at most; a longer one has a line of its own


class _Command(TyperCommand):
    """A command whose help is in the reader's language."""

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        formatter.write(_usage(self, ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(_help(self, ctx, formatter.width))


class _Group(TyperGroup):
    """A command that has commands, whose help is in the reader's language."""

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        formatter.write(_usage(self, ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(_help(self, ctx, formatter.width))


class Commands(typer.Typer):
    """Commands that stand together; without one of them, their help is shown."""

    def __init__(self, **settings: Any) -> None:
        names = {"help_option_names": ["-h", "--help"], "max_content_width": _WIDTH}
        super().__init__(
            cls=_Group,
            no_args_is_help=True,
            context_settings=names,
            add_completion=False,
            pretty_exceptions_enable=False,
            **settings,
        )

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Declare a function to be a command, by its own name or another."""
        return super().command(name, cls=_Command, **settings)


def _usage(command: TyperCommand | TyperGroup, context: Any) -> str:
    pieces = " ".join(command.collect_usage_pieces(context))
    # What Typer calls any options, and any command. The names of single arguments stay.
    pieces = pieces.replace("[OPTIONS]", shown(sentence("[OPTIONS]")), 1)
    pieces = pieces.replace("COMMAND [ARGS]...", shown(sentence("COMMAND [ARGS]...")))
    return shown(sentence("Usage: {line}", line=f"{context.command_path} {pieces}")) + "\n"


def _help(command: TyperCommand | TyperGroup, context: Any, width: int) -> str:
    """Return what a command does and takes; long texts are wrapped, also in Chinese, which has no spaces."""
    from monitor.digests.wrap import wrap

    parameters: list[Any] = command.get_params(context)
    arguments = [
        (_argument_name(each), _text_of(each)) for each in parameters if each.param_type_name == "argument"
    ]
    options = [
        (_option_names(each, context), _text_of(each))
        for each in parameters
        if each.param_type_name == "option"
    ]
    commands = [(name, looked_up(each.help or "")) for name, each in getattr(command, "commands", {}).items()]
    parts = [_usage(command, context), wrap(looked_up(command.help or ""), width) + "\n"]
    for heading, rows in (
        (sentence("Arguments"), arguments),
        (sentence("Options"), options),
        (sentence("Commands"), commands),
    ):
        if rows:
            parts.append("".join([f"{typer.style(shown(heading), bold=True)}\n", *_lines(rows, width)]))
    return "\n".join(parts)


def _lines(rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """Yield names with the text of each beside it."""
    from monitor.digests.wrap import wrap

    beside = max((len(name) for name, _ in rows if len(name) <= _NAMES), default=0) + 4
    for name, text in rows:
        first, *others = wrap(text, width - beside).split("\n")
        if len(name) > _NAMES:
            yield f"  {name}\n"
            name = ""
        yield f"{f'  {name}':{beside}}{first}".rstrip() + "\n"
        yield from (f"{'':{beside}}{line}\n" for line in others)


def _argument_name(parameter: Any) -> str:
    return str(parameter.metavar or parameter.human_readable_name).removesuffix("...").strip("[]")


def _option_names(parameter: Any, context: Any) -> str:
    names = ", ".join(sorted(parameter.opts, key=len))
    return names if parameter.is_flag else f"{names} {parameter.make_metavar(ctx=context)}"


def _text_of(parameter: Any) -> str:
    if parameter.param_type_name == "option" and "--help" in parameter.opts:
        return shown(sentence("Show this message and exit."))
    text = looked_up(parameter.help or "")
    if parameter.param_type_name == "option" and parameter.required:
        return shown(sentence("{what} Required.", what=text))
    if parameter.show_default and parameter.default not in (None, False):
        return shown(sentence("{what} Default: {value}.", what=text, value=parameter.default))
    return text


def report(error: typer.TyperException) -> None:
    """Print what is wrong with a command line on standard error; where nothing was asked for, the help."""
    if isinstance(error, NoArgsIsHelpError):
        typer.echo(error.message)
        return
    from monitor.cli.terminal import complain, complain_each

    context = error.ctx if isinstance(error, UsageError) else None
    if context is not None:
        complain_each(context.get_usage().splitlines())
    complain(_mistake(error, context))
    if context is not None:
        complain(sentence('See "{command} --help".', command=context.command_path))


def _mistake(error: typer.TyperException, context: Any) -> str:
    if isinstance(error, NoSuchOption):
        known = [name for each in context.command.get_params(context) for name in each.opts if len(name) > 2]
        return _unknown(sentence("No such option: {name}.", name=error.option_name), error.option_name, known)
    if isinstance(error, MissingParameter):
        return sentence("{name} is missing.", name=_name_of(error))
    if isinstance(error, BadParameter):
        if name := _name_of(error):
            return sentence("{name}: {what}", name=name, what=_in_our_words(error.message))
        return _in_our_words(error.message)
    if found := _NO_COMMAND.match(error.message):
        known = list(getattr(context.command, "commands", {}))
        return _unknown(sentence("No such command: {name}.", name=found["name"]), found["name"], known)
    return _in_our_words(error.message)


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return a sentence about an unknown name, with what was meant where a known one is like it."""
    close = nearest(name.strip("-"), [each.strip("-") for each in known])
    dashes = name[: len(name) - len(name.lstrip("-"))]
    return with_advice(what, sentence('Did you mean "{name}"?', name=dashes + close) if close else "")


def _name_of(error: BadParameter) -> str:
    """Return which option or argument an error is about; "" where it is not about one."""
    if error.param_hint is not None:
        return error.param_hint if isinstance(error.param_hint, str) else " ".join(error.param_hint)
    if error.param is None:
        return ""
    if error.param.param_type_name == "option":
        return max(error.param.opts, key=len)
    return _argument_name(error.param)


_NO_COMMAND = re.compile(r"No such command '(?P<name>.*?)'\.(?: Did you mean .*)?", re.DOTALL)


def _in_our_words(message: str) -> str:
    """Return what Typer says as a sentence of ours; as it is where it is one, or is not known."""
    if not isinstance(message, Text):
        for pattern, made in _OF_TYPER:
            if found := pattern.fullmatch(message):
                return made(found.groupdict())
    return message


_OF_TYPER: Sequence[tuple[re.Pattern[str], Callable[[Mapping[str, str]], Text]]] = [
    (re.compile(pattern, re.DOTALL), made)
    for pattern, made in (
        (r"Missing command\.", lambda _: sentence("Name a command.")),
        (
            r"Got unexpected extra argument\(s\) \((?P<words>.*)\)",
            lambda found: sentence("It takes no more arguments, and there are: {words}", **found),
        ),
        (
            r"Option '(?P<name>.*)' requires an argument\.",
            lambda found: sentence("{name} takes a value, and has none.", **found),
        ),
        (
            r"Option '(?P<name>.*)' does not take a value\.",
            lambda found: sentence("{name} takes no value.", **found),
        ),
        (
            r"'(?P<value>.*)' is not a valid int(?:eger)?(?: range)?\.",
            lambda found: sentence('"{value}" is no whole number.', **found),
        ),
        (
            r"(?P<value>-?\d+) is not in the range (?P<low>-?\d+)<=x<=(?P<high>-?\d+)\.",
            lambda found: sentence("{value} is not between {low} and {high}.", **found),
        ),
        (
            r"(?P<value>-?\d+) is not in the range x>=(?P<low>-?\d+)\.",
            lambda found: sentence("{value} is less than {low}.", **found),
        ),
        (
            r"'(?P<value>.*)' is not one of '(?P<names>.*)'\.",
            lambda found: sentence(
                '"{value}" is not one of {names}.',
                value=found["value"],
                names=found["names"].replace("', '", ", "),
            ),
        ),
    )
]
