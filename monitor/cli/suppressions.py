"""The commands about addresses to which nothing goes: `monitor suppressions`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.options import ConfigFile, Json, path_of
from monitor.cli.usage import Commands
from monitor.texts import sentence

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.config.checked import CheckedConfig
    from monitor.jobs.suppress import Imported
    from monitor.mail.suppression_list import BadLine
    from monitor.model.suppressions import Suppression
    from monitor.store.database import Connection, Database

suppressions = Commands(help="List the addresses to which nothing goes, and change that list.")

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="A mail address, in any spelling.")]
Only = Annotated[
    str | None,
    typer.Option(
        "--subscription",
        metavar="NAME",
        help="Only of this subscription. Default: of all.",
        show_default=False,
    ),
]
_MOST_BAD_LINES = 20  # that are named
_MOST_BYTES = 100_000_000  # of a list
_STEP = 1000  # lines between two looks at the progress


@suppressions.command(name="list")
def list_(context: typer.Context, config: ConfigFile = None, json: Json = False) -> None:
    """List the suppressed addresses, with reason and date and who decided it."""
    sys.exit(_list(path_of(context, config), json=json))


@suppressions.command()
def add(
    context: typer.Context,
    address: Address,
    subscription: Only = None,
    reason: Annotated[str, typer.Option("--reason", help="Shown in the list.", show_default=False)] = "",
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Send nothing more to an address; what is queued for it is cancelled."""
    path = path_of(context, config)
    sys.exit(_add(path, address, only=subscription, reason=reason, json=json))


@suppressions.command()
def remove(
    context: typer.Context,
    address: Address,
    subscription: Only = None,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Let an address be mailed again; what it missed does not come."""
    sys.exit(_remove(path_of(context, config), address, only=subscription, json=json))


@suppressions.command(name="import")
def import_(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="CSV: address, reason, date, by, subscription. - is standard input."
        ),
    ],
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Add the addresses of a list; those that are suppressed already stay as they are."""
    sys.exit(_import(path_of(context, config), file, json=json))


@suppressions.command()
def export(context: typer.Context, config: ConfigFile = None) -> None:
    """Print the list as CSV, as import reads it."""
    sys.exit(_export(path_of(context, config)))


def _list(path: Path, *, json: bool) -> int:
    from monitor.cli.database import use_database
    from monitor.cli.moments import times_of
    from monitor.cli.terminal import answer, say, table
    from monitor.config.checked import read_options
    from monitor.queries.answers.suppressions import SuppressionAnswer
    from monitor.service.clock import clock

    checked = read_options(path)

    async def read(db: "Database") -> "tuple[list[Suppression], Mapping[str, str]]":
        return await db.read(_all)

    listed, name_of = use_database(checked.store_url, read)
    if json:
        answer([SuppressionAnswer.of(each, name_of) for each in listed])
        return 0
    if not listed:
        say(sentence("No address is suppressed."))
        return 0
    times = times_of(checked.config, clock())
    table(
        sentence("address"),
        sentence("subscription"),
        sentence("since"),
        sentence("by"),
        sentence("reason"),
        rows=[
            (
                each.address,
                name_of.get(each.subscription, each.subscription) or sentence("all"),
                times.at(each.at),
                _by(each),
                each.reason or "-",
            )
            for each in listed
        ],
    )
    times.say_zone()
    return 0


def _add(path: Path, address: str, *, only: str | None, reason: str, json: bool) -> int:
    from monitor.cli.database import time_of, use_database
    from monitor.cli.terminal import answer, say
    from monitor.config.checked import read_options
    from monitor.jobs.suppress import suppress
    from monitor.model.suppressions import SuppressedBy, Suppression
    from monitor.queries.answers.suppressions import SuppressionAddAnswer, SuppressionAnswer

    checked, mailbox = read_options(path), _parsed(address)

    def decide(tx: "Connection", now: "datetime") -> "tuple[Suppression, int]":
        key = _key(tx, only, checked)
        decided = Suppression(
            address=mailbox, subscription=key, at=now, by=SuppressedBy.OPERATOR, reason=reason
        )
        return decided, suppress(tx, decided, now)

    async def work(db: "Database") -> "tuple[Suppression, int]":
        return await db.write(decide, await time_of(db))

    suppression, cancelled = use_database(checked.store_url, work, writable=True)
    if json:
        shown = SuppressionAnswer.of(suppression, {suppression.subscription: only or ""})
        answer(SuppressionAddAnswer(suppression=shown, cancelled=cancelled))
        return 0
    values = {"address": mailbox, "subscription": only}
    if only is None:
        say(sentence("Nothing goes to {address} any more.", **values))
    else:
        say(sentence("Nothing of {subscription} goes to {address} any more.", **values))
    _say_cancelled(cancelled)
    return 0


def _remove(path: Path, address: str, *, only: str | None, json: bool) -> int:
    from monitor.cli.database import time_of, use_database
    from monitor.cli.terminal import answer, say
    from monitor.config.checked import read_options
    from monitor.errors import MonitorError, suggestion, with_advice
    from monitor.jobs.suppress import lift
    from monitor.queries.answers.suppressions import SuppressionAnswer
    from monitor.store import suppressions as store

    checked, mailbox = read_options(path), _parsed(address)

    def decide(tx: "Connection", now: "datetime") -> "tuple[list[Suppression], Mapping[str, str]]":
        listed, name_of = _all(tx)
        key = None if only is None else _key(tx, only, checked)
        if (
            key
            and not any(each.subscription == key for each in store.of(tx, mailbox))
            and store.of(tx, mailbox)
        ):
            raise MonitorError(
                sentence(
                    "{address} is suppressed for other subscriptions, or for all: without --subscription it is"
                    " mailed again.",
                    address=mailbox,
                )
            )
        lifted = lift(tx, mailbox, key, now)
        if not lifted:
            what = sentence("{address} is not suppressed.", address=mailbox)
            raise MonitorError(with_advice(what, suggestion(mailbox, [each.address for each in listed])))
        return lifted, name_of

    async def work(db: "Database") -> "tuple[list[Suppression], Mapping[str, str]]":
        return await db.write(decide, await time_of(db))

    lifted, name_of = use_database(checked.store_url, work, writable=True)
    if json:
        answer([SuppressionAnswer.of(each, name_of) for each in lifted])
    else:
        say(sentence("{address} is mailed again.", address=mailbox))
    return 0


def _import(path: Path, file: Path, *, json: bool) -> int:
    from monitor.cli.database import time_of, use_database
    from monitor.cli.terminal import answer, complain, complain_each, count, say, share
    from monitor.config.checked import read_options
    from monitor.jobs.suppress import import_all
    from monitor.mail.suppression_list import read_list
    from monitor.queries.answers.suppressions import SuppressionImportAnswer

    checked, text = read_options(path), _text_of(file)

    async def work(db: "Database") -> "Imported | list[BadLine]":
        now = await time_of(db)
        names = {name: key for key, name in (await db.read(_names)).items()}
        names |= {each.name: each.name for each in checked.config.subscriptions if each.name not in names}
        lines = text.count("\n")
        with share(sentence("reading the list")) as show:

            def step(line: int) -> None:
                if line % _STEP == 0:
                    show(min(line, lines), lines)

            listed, bad = read_list(text, now=now, key_of=names, step=step)
        return bad or await db.write(import_all, listed, now)

    imported = use_database(checked.store_url, work, writable=True)
    if isinstance(imported, list):
        complain_each(
            sentence("line {line}: {why}", line=each.line, why=each.why)
            for each in imported[:_MOST_BAD_LINES]
        )
        if len(imported) > _MOST_BAD_LINES:
            complain(sentence("… and {number} lines more", number=len(imported) - _MOST_BAD_LINES))
        complain(sentence("Nothing was imported: correct these lines, and try again."))
        return 1
    if json:
        answer(SuppressionImportAnswer.of(imported))
        return 0
    new = count(imported.new, "address")
    if imported.known:
        say(
            sentence(
                "Suppressed: {new}. Known already, and left as they were: {known}.",
                new=new,
                known=imported.known,
            )
        )
    else:
        say(sentence("Suppressed: {new}.", new=new))
    _say_cancelled(imported.cancelled)
    return 0


def _export(path: Path) -> int:
    from monitor.cli.database import use_database
    from monitor.cli.terminal import put
    from monitor.config.checked import read_options
    from monitor.mail.suppression_list import write_list

    async def read(db: "Database") -> "tuple[list[Suppression], Mapping[str, str]]":
        return await db.read(_all)

    put(write_list(*use_database(read_options(path).store_url, read)))
    return 0


def _all(tx: "Connection") -> "tuple[list[Suppression], Mapping[str, str]]":
    """Return every suppression, and the names of the subscriptions by their keys."""
    from monitor.store import suppressions as store

    return store.listing(tx), _names(tx)


def _names(tx: "Connection") -> Mapping[str, str]:
    from monitor.store import subscriptions as store

    return {state.key: state.name for state in store.states(tx)}


def _key(tx: "Connection", name: str | None, checked: "CheckedConfig") -> str:
    """Return the key of a subscription, which may be gone; "" for all. Raises ConfigError for an unknown name."""
    from monitor.cli.options import subscriptions_named
    from monitor.store import subscriptions as store

    if name is None:
        return ""
    if state := store.state(tx, name):
        return state.key
    return subscriptions_named(checked.config, name, checked.path.name)[0].name


def _parsed(address: str) -> str:
    from monitor.config.addresses import parse_mailbox
    from monitor.errors import MonitorError
    from monitor.texts import said

    try:
        return parse_mailbox(address).key
    except ValueError as error:
        raise MonitorError(sentence("{address}: {why}", address=address, why=said(error))) from None


def _text_of(file: Path) -> str:
    """Return the text of a list, as Excel saves it too. Raises MonitorError."""
    from monitor.errors import MonitorError

    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with file.open("rb") as source:
                content = source.read(_MOST_BYTES + 1)
    except OSError as error:
        raise MonitorError(
            sentence("{path} cannot be read: {why}", path=str(file), why=error.strerror)
        ) from error
    if len(content) > _MOST_BYTES:
        raise MonitorError(sentence("{path} is larger than 100 MB.", path=str(file)))
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise MonitorError(sentence("{path} is no text in UTF-8.", path=str(file)))


def _by(suppression: "Suppression") -> str:
    from monitor.model.suppressions import SuppressedBy

    names = {
        SuppressedBy.SERVER: sentence("the mail server"),
        SuppressedBy.BOUNCE: sentence("a bounce"),
        SuppressedBy.OPERATOR: sentence("the operator"),
        SuppressedBy.IMPORT: sentence("an imported list"),
    }
    return names[suppression.by]


def _say_cancelled(cancelled: int) -> None:
    from monitor.cli.terminal import say

    if cancelled == 1:
        say(sentence("1 mail that was queued is cancelled."))
    elif cancelled:
        say(sentence("{number} mails that were queued are cancelled.", number=cancelled))
