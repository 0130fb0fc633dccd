"""What `monitor recipients` lists, and what it changes."""

from collections.abc import Sequence
from pathlib import Path

from monitor.cli.database import time_of, use_database
from monitor.cli.moments import times_of
from monitor.cli.options import subscriptions_named
from monitor.cli.terminal import answer, say, table
from monitor.config.addresses import any_spelling, parse_mailbox
from monitor.config.checked import read_options
from monitor.errors import MonitorError, suggestion, with_advice
from monitor.jobs.choose import Chosen, Decision, Wish, choose_for, new_key
from monitor.model.recipients import ChangedBy
from monitor.queries.answers.recipients import ChoiceAnswer, NewKeyAnswer, RecipientAnswer
from monitor.queries.recipients import KnownRecipient, RecipientState, known_recipients
from monitor.service.clock import clock
from monitor.store.database import Connection, Database
from monitor.texts import said, sentence

_NAMES = {
    RecipientState.SUBSCRIBED: sentence("subscribed"),
    RecipientState.PAUSED: sentence("paused"),
    RecipientState.UNSUBSCRIBED: sentence("unsubscribed"),
    RecipientState.SUPPRESSED: sentence("suppressed"),
    RecipientState.LEFT: sentence("not in the file"),
}
_NOTHING_GOES = (RecipientState.LEFT, RecipientState.UNSUBSCRIBED)
_BY = {
    ChangedBy.RECIPIENT: sentence("by the recipient"),
    ChangedBy.ONE_CLICK: sentence("by the button in the mail"),
    ChangedBy.OPERATOR: sentence("by the operator"),
}


def list_recipients(path: Path, only: str | None, *, json: bool) -> int:

    checked = read_options(path)
    names = {each.name for each in subscriptions_named(checked.config, only, path.name)}

    async def look(db: Database) -> list[KnownRecipient]:
        return await db.read(known_recipients, checked.config, await time_of(db))

    known = [
        each for each in use_database(checked.store_url, look) if only is None or each.subscription in names
    ]
    if json:
        answer([RecipientAnswer.of(each) for each in known])
        return 0
    times = times_of(checked.config, clock())

    def row(each: KnownRecipient) -> Sequence[object]:
        state: str = _NAMES[each.state]
        choice = each.choice
        if choice and each.state is RecipientState.PAUSED:
            state = sentence("paused until {time}", time=times.at(choice.paused_until))
        by = _BY[choice.changed_by] if choice and choice.changed_by else ""
        without = ", ".join(choice.without) if choice else ""
        changed = times.at(choice.changed_at if choice else None)
        return each.subscription, each.address, state, without or "-", changed, by or "-"

    table(
        sentence("subscription"),
        sentence("recipient"),
        sentence("state"),
        sentence("without the rules"),
        sentence("chosen"),
        sentence("by whom"),
        rows=list(map(row, known)),
    )
    times.say_zone()
    if unanswered := checked.config.web.unanswered:
        say(unanswered)
    return 0


def decide(path: Path, address: str, decision: Decision, only: str | None, *, json: bool) -> int:

    checked = read_options(path)
    names = {each.name for each in subscriptions_named(checked.config, only, path.name)}

    async def record_all(db: Database) -> list[tuple[KnownRecipient, Chosen]]:
        now = await time_of(db)

        def record(tx: Connection) -> list[tuple[KnownRecipient, Chosen]]:
            known = [
                each
                for each in known_recipients(tx, checked.config, now)
                if only is None or each.subscription in names
            ]
            chosen = [
                choose_for(tx, each.key, each.address, decision, ChangedBy.OPERATOR, now)
                for each in _of_address(known, address)
            ]
            after = {(each.key, each.address): each for each in known_recipients(tx, checked.config, now)}
            return [
                (after[before.key, before.address], each)
                for before, each in zip(_of_address(known, address), chosen, strict=True)
            ]

        return await db.write(record)

    changed = use_database(checked.store_url, record_all, writable=True)
    if json:
        answer(
            [
                ChoiceAnswer(recipient=RecipientAnswer.of(known), cancelled=chosen.cancelled)
                for known, chosen in changed
            ]
        )
        return 0
    times = times_of(checked.config, clock())
    for known, chosen in changed:
        values = {"address": known.address, "subscription": known.subscription}
        match decision.wish:
            case Wish.RESUME | Wish.RESUBSCRIBE if known.state in _NOTHING_GOES:
                line = _still_nothing(known)
            case Wish.UNSUBSCRIBE:
                line = sentence("{address} is unsubscribed from {subscription}.", **values)
            case Wish.PAUSE:
                until = times.at(chosen.choice.paused_until)
                line = sentence("{address}: {subscription} is paused until {until}.", until=until, **values)
            case _:
                line = sentence("{address} gets {subscription} from the next digest on.", **values)
        say(line)
        if chosen.cancelled:
            numbers = ", ".join(map(str, chosen.cancelled))
            say(sentence("Mails that waited were cancelled: {numbers}.", numbers=numbers))
    times.say_zone()
    return 0


def _still_nothing(known: KnownRecipient) -> str:
    """Return why nothing goes to a recipient all the same."""
    if known.state is RecipientState.UNSUBSCRIBED:
        return sentence(
            '{address} has unsubscribed, so nothing is sent: "monitor recipients resubscribe {address}", only if they '
            "ask for it.",
            address=known.address,
        )
    return sentence(
        '{address} is not in the file, so nothing is sent: put it into "to" first.', address=known.address
    )


def _of_address(known: Sequence[KnownRecipient], address: str) -> list[KnownRecipient]:
    """Return the recipients of an address. Raises MonitorError where there is none."""

    try:
        wanted = parse_mailbox(address).key
    except ValueError as error:
        raise MonitorError(said(error)) from None
    found = [each for each in known if any_spelling(each.address) == wanted]
    if not found:
        what = sentence("{address} receives nothing that could be changed.", address=address)
        addresses = sorted({each.address for each in known})
        raise MonitorError(with_advice(what, suggestion(address, addresses)))
    return found


def make_key(path: Path, *, json: bool) -> int:

    async def make(db: Database) -> int:
        return await new_key(db=db, now=await time_of(db))

    version = use_database(read_options(path).store_url, make, writable=True)
    if json:
        answer(NewKeyAnswer(version=version))
    else:
        say(
            sentence(
                "Links are signed by key {version} from the next mail on. Links in earlier mails go on working.",
                version=version,
            )
        )
    return 0
