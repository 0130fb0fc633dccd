"""The commands.

`monitor --help` has to answer at once: what a command needs is imported inside it.
"""

import gc
import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.main import get_command

from monitor import __version__
from monitor.cli.feeds import feeds
from monitor.cli.options import AS_OPERATOR, DEFAULT, ConfigFile, Json, SubscriptionName, path_of
from monitor.cli.outbox import outbox
from monitor.cli.recipients import recipients
from monitor.cli.rules import rules
from monitor.cli.service import service
from monitor.cli.store import store
from monitor.cli.subscriptions import subscriptions
from monitor.cli.suppressions import suppressions
from monitor.cli.usage import Commands, report
from monitor.errors import ConfigError, DatabaseGoneError, MonitorError
from monitor.log import Format, StandardError
from monitor.malloc import hold_little_memory
from monitor.masking import mask
from monitor.texts import ENGLISH, SHOWN_IN, asks_for_language, locale_named, locale_of, sentence, shown

if TYPE_CHECKING:
    from types import TracebackType

# Objects made since the last look for garbage. Importing makes 200,000, and none of them is any: Python's own 700 would
# have all of them looked through again and again.
_YOUNG_OBJECTS = 50_000

app = Commands(
    name="monitor",
    help="Watch news feeds, keep the entries that your rules match, and mail them as digests.",
)
app.add_typer(feeds, name="feeds")
app.add_typer(rules, name="rules")
app.add_typer(recipients, name="recipients")
app.add_typer(subscriptions, name="subscriptions")
app.add_typer(suppressions, name="suppressions")
app.add_typer(outbox, name="outbox")
app.add_typer(store, name="store")
app.add_typer(service, name="service")


def main() -> None:
    """Run the command line this process was started with, and end the process with its exit code."""
    sys.excepthook = _print_masked
    gc.set_threshold(_YOUNG_OBJECTS)
    hold_little_memory()
    for stream in (sys.stdout, sys.stderr):  # an encoding without Chinese must not end a command half-way
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    code = execute(sys.argv[1:])
    gc.freeze()  # the end of the process looks through all there is otherwise, a sixth of a second
    sys.exit(code)


def _print_masked(kind: type[BaseException], error: BaseException, trace: "TracebackType | None") -> None:
    """Print the traceback of a mistake of ours without the secrets that may stand in its message."""
    from traceback import format_exception

    sys.stderr.write(mask("".join(format_exception(kind, error, trace))))


def execute(arguments: Sequence[str]) -> int:
    """Run one command line; return 0 when all went well, 1 when something failed, 2 on configuration or usage errors.

    What failed is named on standard error. An interrupted command returns 130, one whose database was deleted or
    replaced meanwhile 3.
    """
    SHOWN_IN.set(_language_of(arguments))
    try:
        ended = _command()(arguments, prog_name="monitor", standalone_mode=False)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except typer.TyperException as error:
        report(error)
        return 2
    except typer.Abort:
        return 1
    except ConfigError as error:
        StandardError(sys.stderr).write(f"{shown(error.text)}\n")
        return 2
    except MonitorError as error:
        StandardError(sys.stderr).write(f"monitor: {shown(error.text)}\n")
        return 3 if isinstance(error, DatabaseGoneError) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return ended if isinstance(ended, int) else 0  # --help and --version end with a code


@cache
def _command() -> Callable[..., Any]:
    """Return all commands as Typer declares them; to work them out costs a twentieth of a second."""
    return get_command(app)


def _language_of(arguments: Sequence[str]) -> str:
    """Return the locale of --lang, else that of the environment: help and usage errors come before it is parsed."""
    for place, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name == "--lang" and (asked := locale_named(value or "".join(arguments[place + 1 : place + 2]))):
            return asked
    return locale_of(os.environ)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"feed-monitor {__version__}")
        raise typer.Exit


@app.callback()
def _everywhere(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            envvar="MONITOR_CONFIG",
            show_envvar=False,
            help="Default: $MONITOR_CONFIG, else ./config.toml.",
            show_default=False,
        ),
    ] = None,
    lang: Annotated[
        str | None,
        typer.Option(
            "--lang",
            metavar="LANGUAGE",
            help="The language of answers: zh-Hans, zh-Hant or en. Default: that of $LANG, else [operator] locale.",
            show_default=False,
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    context.obj = config or DEFAULT
    SHOWN_IN.set(_locale(lang) if lang else locale_of(os.environ))
    context.meta[AS_OPERATOR] = not lang and not asks_for_language(os.environ)


def _locale(lang: str) -> str:
    locale = locale_named(lang)
    if not locale:
        what = sentence('"{value}" is not one of {names}.', value=lang, names=f"zh-Hans, zh-Hant, {ENGLISH}")
        raise typer.BadParameter(what, param_hint="--lang")
    return locale


@app.command()
def init(
    context: typer.Context,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="ADDRESS", help="Who gets the digests.", show_default=False),
    ] = None,
    smtp_host: Annotated[
        str | None,
        typer.Option(
            "--smtp-host",
            metavar="HOST",
            help="The mail server. Default: by the domain of --to, where a password is given.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="N", min=1, max=65535, help="Of the mail server.", show_default=False),
    ] = None,
    security: Annotated[
        str | None,
        typer.Option("--security", metavar="KIND", help="implicit, starttls or none.", show_default=False),
    ] = None,
    username: Annotated[
        str | None,
        typer.Option("--username", metavar="NAME", help="The login. Default: --to.", show_default=False),
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(
            "--password-file", metavar="FILE", help="The file that holds its password.", show_default=False
        ),
    ] = None,
    password_stdin: Annotated[
        bool,
        typer.Option(
            "--password-stdin", help="Read the password from standard input, into a file of its own."
        ),
    ] = False,
    sender: Annotated[
        str | None,
        typer.Option("--sender", metavar="ADDRESS", help="Default: the login.", show_default=False),
    ] = None,
    feed: Annotated[
        list[str] | None,
        typer.Option(
            "--feed",
            metavar="URL",
            help="A feed or a home page; several times for several.",
            show_default=False,
        ),
    ] = None,
    locale: Annotated[
        str | None,
        typer.Option(
            "--locale", metavar="LOCALE", help="Of the digests: zh-Hans, zh-Hant or en.", show_default=False
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIMES", help="Of the digests, as 08:00,18:30.", show_default=False),
    ] = None,
    send_test: Annotated[bool, typer.Option("--send-test", help="Send a test mail at the end.")] = False,
    sample: Annotated[
        bool, typer.Option("--sample", help="Write a sample digest into preview/ at the end.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    config: ConfigFile = None,
) -> None:
    """Set up: write config.toml, or edit the one that is there. On a terminal it asks for what is not given."""
    from monitor.cli.init import given_by, init, mistaken_address

    for option, address in (("--to", to), ("--sender", sender)):
        if address is not None and (mistake := mistaken_address(address)):
            raise typer.BadParameter(mistake, param_hint=f"{option} {address}")
    path = path_of(context, config)
    given = given_by(
        to=to,
        host=smtp_host,
        port=port,
        security=security,
        username=username,
        password_file=password_file,
        sender=sender,
        feeds=feed or (),
        locale=locale,
        at=at,
        folder=path.absolute().parent,
    )
    sys.exit(init(path, given, yes=yes, password_stdin=password_stdin, send_test=send_test, sample=sample))


@app.command()
def check(context: typer.Context, config: ConfigFile = None, json: Json = False) -> None:
    """Check the configuration and list everything that is wrong with it."""
    from monitor.cli.files import check

    sys.exit(check(path_of(context, config), json=json))


@app.command(name="config")
def config_(
    context: typer.Context,
    config: ConfigFile = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only what differs from the defaults.")] = False,
    json: Json = False,
) -> None:
    """Show every option and where its value comes from; secrets are shown as ***."""
    from monitor.cli.files import show_config

    sys.exit(show_config(path_of(context, config), changed=changed, json=json))


@app.command()
def run(
    context: typer.Context,
    config: ConfigFile = None,
    log: Annotated[Format, typer.Option("--log", help="The format of log lines.")] = "text",
) -> None:
    """Run the service: poll, match and mail until SIGTERM. An edit of config.toml takes effect within 2 seconds."""
    import asyncio

    from monitor.log import start
    from monitor.service.service import run as serve

    start(log)
    asyncio.run(serve(path_of(context, config)))


@app.command()
def poll(
    context: typer.Context,
    feed: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FEED]...", help="Only these, due or not, by name or address.", show_default=False
        ),
    ] = None,
    config: ConfigFile = None,
    every: Annotated[bool, typer.Option("--all", help="Every feed, not only those that are due.")] = False,
    json: Json = False,
) -> None:
    """Poll the feeds that are due, once. Sends no mail."""
    from monitor.cli.work import poll

    sys.exit(poll(path_of(context, config), names=feed or (), every=every, json=json))


@app.command()
def digest(
    context: typer.Context,
    config: ConfigFile = None,
    subscription: SubscriptionName = None,
    now: Annotated[bool, typer.Option("--now", help="Compose every digest, due or not.")] = False,
    excluded: Annotated[
        bool, typer.Option("--excluded", help="Only show which entries the rules exclude, and by which word.")
    ] = False,
    again: Annotated[
        str | None,
        typer.Option(
            "--again",
            metavar="SLOT",
            help='Send the digest of this local time once more, as "2026-11-24 08:00", or the "last".',
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="ADDRESS",
            help="With --again: only to this recipient of it, or to the operator.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Compose the digests that are due and put them into the outbox."""
    if again is not None:
        from monitor.cli.again import digest_again

        sys.exit(digest_again(path_of(context, config), again, only=subscription, to=to, json=json))
    if to is not None:
        raise typer.BadParameter(sentence("it goes with --again."), param_hint="--to")
    if excluded:
        from monitor.cli.preview import show_excluded

        sys.exit(show_excluded(path_of(context, config), only=subscription, json=json))
    from monitor.cli.work import digest

    sys.exit(digest(path_of(context, config), only=subscription, now=now, json=json))


@app.command()
def deliver(
    context: typer.Context,
    config: ConfigFile = None,
    now: Annotated[
        bool, typer.Option("--now", help="Do not spare a mail server that failed or refused.")
    ] = False,
    json: Json = False,
) -> None:
    """Send the pending mails of the outbox, one pass."""
    from monitor.cli.work import deliver

    sys.exit(deliver(path_of(context, config), now=now, json=json))


@app.command()
def once(
    context: typer.Context,
    config: ConfigFile = None,
    now: Annotated[bool, typer.Option("--now", help="Compose every digest, due or not.")] = False,
    json: Json = False,
) -> None:
    """Do one round of what the service does: poll, compose and deliver what is due, prune. For cron."""
    from monitor.cli.work import once

    sys.exit(once(path_of(context, config), now=now, json=json))


@app.command()
def preview(
    context: typer.Context,
    config: ConfigFile = None,
    subscription: SubscriptionName = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the files go.")] = Path("preview"),
    sample: Annotated[
        bool, typer.Option("--sample", help="Where nothing waits, write a sample of what is stored.")
    ] = False,
    json: Json = False,
) -> None:
    """Write the digests that would go out now as .html, .txt and .eml; changes nothing."""
    from monitor.cli.preview import preview

    sys.exit(preview(path_of(context, config), only=subscription, out=out, sample=sample, json=json))


@app.command()
def status(
    context: typer.Context,
    config: ConfigFile = None,
    json: Json = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Draw it anew every two seconds, until Ctrl-C.")
    ] = False,
) -> None:
    """Show what is wrong and what to do, the service, the feeds, the subscriptions and the outbox."""
    if watch and json:
        raise typer.BadParameter(sentence("not together with --json."), param_hint="--watch")
    from monitor.cli.status import status

    sys.exit(status(path_of(context, config), json=json, watch=watch))


@app.command()
def bounce(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Default: standard input.", show_default=False),
    ] = None,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Take a bounce, as a mail server returns it: what it says of a recipient's address is counted."""
    from monitor.cli.bounce import bounce

    sys.exit(bounce(path_of(context, config), file, json=json))


@app.command(name="send-test")
def send_test(
    context: typer.Context,
    address: Annotated[
        str | None,
        typer.Argument(
            metavar="ADDRESS", help="Default: the operator, else the first recipient.", show_default=False
        ),
    ] = None,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Send a test mail, and show each step of its way; where it fails, why and what to do."""
    from monitor.cli.mail_path import send_test

    sys.exit(send_test(path_of(context, config), to=address, json=json))


@app.command()
def doctor(context: typer.Context, config: ConfigFile = None, json: Json = False) -> None:
    """Examine everything: configuration, database, disk, clock, templates, each feed, the way of the mail."""
    from monitor.cli.doctor import doctor

    sys.exit(doctor(path_of(context, config), json=json))


@app.command()
def archive(context: typer.Context, config: ConfigFile = None, json: Json = False) -> None:
    """Make the pages of the archive anew, as far as the database has what stands on them."""
    from monitor.cli.archive import write_archive

    sys.exit(write_archive(path_of(context, config), json=json))


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the backup goes.")],
    config: ConfigFile = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    json: Json = False,
) -> None:
    """Copy the database into a file, and check the copy; the service may go on meanwhile."""
    from monitor.cli.backup import backup

    sys.exit(backup(path_of(context, config), file, force=force, json=json))


@app.command()
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What backup has written.")],
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Put a backup in the place of the database; the service has to be stopped. Mails that wait in it are held."""
    from monitor.cli.backup import restore

    sys.exit(restore(path_of(context, config), file, json=json))


@app.command()
def match(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE.jsonl", help='One entry a line; "-" reads the standard input.')
    ],
    rule: Annotated[
        str | None,
        typer.Option("--rule", metavar="N", help="Only this rule, by name or number.", show_default=False),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Test entries of a JSON Lines file against the rules, one answer per line; no database is needed."""
    from monitor.cli.match import match

    sys.exit(match(path_of(context, config), file, rule=rule))


@app.command()
def replay(
    context: typer.Context,
    start: Annotated[str, typer.Option("--from", metavar="DAY", help="The first day, as 2026-11-24.")],
    end: Annotated[str, typer.Option("--to", metavar="DAY", help="The last day, included.")],
    rules: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="NEW.toml",
            help="Use this configuration, with the stored entries of the one in force.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the files go.")] = Path("replay"),
    json: Json = False,
) -> None:
    """Write the digests that would have been sent from stored entries; sends and changes nothing."""
    from monitor.cli.preview import replay

    sys.exit(replay(path_of(context, None), start, end, new=rules, out=out, json=json))


@app.command()
def demo(
    feed: Annotated[
        str | None,
        typer.Option(
            "--feed", metavar="FILE_OR_URL", help="Another feed than the bundled one.", show_default=False
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the mail is written.")] = Path(
        "demo"
    ),
) -> None:
    """Show the whole way on this machine: a feed, the service, a mail server, a digest."""
    from monitor.cli.demo import demo

    sys.exit(demo(feed=feed, out=out))
