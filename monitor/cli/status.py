"""Commands that show how everything stands: status, outbox."""

from pathlib import Path

from monitor.cli.database import time_of, use_database
from monitor.cli.terminal import Styled, answer, complain, complain_each, count, local_time, say, table
from monitor.config.checked import CheckedConfig, feed_names_of, missing_work, read_options, store_url_of
from monitor.config.positions import rule_part
from monitor.config.reading import as_text, read_file
from monitor.errors import ConfigError, MonitorError, StoreError
from monitor.jobs.backup import release as release_mail
from monitor.jobs.give_up import retry as retry_mail
from monitor.model.feeds import FeedHealth
from monitor.model.mail import Delivery, DeliveryStatus
from monitor.queries.answers.config import MaildirTransport
from monitor.queries.answers.status import ConfigStatus, OutboxMail, StatusAnswer
from monitor.queries.status import read_stored_state, status_of, status_refused
from monitor.service.clock import clock
from monitor.store import outbox as store
from monitor.store.database import Database
from monitor.texts import sentence

_ALL = "all"
_COLOURS = {
    FeedHealth.OK: "green",
    FeedHealth.FAILING: "red",
    FeedHealth.UNVISITED: "yellow",
    FeedHealth.PAUSED: "dim",
}


def status(path: Path, *, json: bool) -> int:
    """Show how everything stands; return 1 when anything is wrong, 2 when the file is refused."""
    try:
        checked = read_options(path)
        if problems := list(missing_work(checked.config)):
            raise ConfigError(path.name, problems)
        stored = use_database(checked.store_url, lambda db: db.read(read_stored_state))
        if stored.rules is None or stored.rules.text != checked.rule_text:
            _compile(path)
    except ConfigError as error:
        return _show_refused(path, error, json=json)
    status = status_of(checked, stored, clock())
    if json:
        answer(status)
    else:
        _show_status(status, checked.config.smtp.security)
    failing = any(feed.state is FeedHealth.FAILING for feed in status.feeds)
    given_up = status.outbox["failed"] or status.outbox["expired"]
    return int(failing or bool(given_up or status.troubles))


def _compile(path: Path) -> None:
    """Compile rules that no service has taken up yet. Raises ConfigError for a word that cannot be read."""
    from monitor.loaded import load  # not for every status: compiling takes longer than the rest

    load(path)


def _show_status(status: StatusAnswer, security: str) -> None:
    _show_feeds(status)
    table(
        *("subscription", "to", "last digest", "next", "entries since"),
        rows=[
            (
                row.subscription,
                ", ".join(row.to),
                local_time(row.last),
                local_time(row.next) if row.next else "when something is pending",
                row.entries_since,
            )
            for row in status.subscriptions
        ],
        right=("entries since",),
    )
    _show_mails(status)
    if isinstance(status.mail, MaildirTransport):
        say(f"mail: [smtp] host is empty, so digests are put into {status.mail.path}")
    elif status.mail:
        say(f"mail: {status.mail.host}:{status.mail.port} ({security})")
    if rules := status.config.rules:
        say(f"rules: version {rules.version}, in force since {local_time(rules.since)}")
    _show_troubles(status)


def _show_feeds(status: StatusAnswer) -> None:
    table(
        *("feed", "state", "last answer", "next visit", "every", "error"),
        rows=[
            (
                feed.feed,
                Styled(feed.state.value, _COLOURS[feed.state]),
                local_time(feed.visited),
                local_time(feed.next),
                feed.every,
                f"{feed.error} ({count(feed.failures, 'time')})" if feed.failures else "",
            )
            for feed in status.feeds
        ],
    )
    say("")


def _show_mails(status: StatusAnswer) -> None:
    counts = status.outbox.items()
    say("")
    say("outbox: " + ", ".join(f"{mails} {state}" for state, mails in counts if mails or state == "waiting"))


def _show_troubles(status: StatusAnswer) -> None:
    """Show what is wrong, since when, and what to do; the first few details of each."""
    if not status.troubles:
        return
    say("")
    rows: list[tuple[object, ...]] = []
    for trouble in status.troubles:
        more = trouble.count - len(trouble.details)
        rest = f"{trouble.count} in all" if trouble.details and more > 0 else ""
        lines = (*trouble.details, rest, f"What to do: {trouble.to_do}")
        rows.append((local_time(trouble.since), Styled(trouble.happened, "red")))
        rows += [("", line) for line in lines if line]
    table("since", "trouble", rows=rows)


def _show_refused(path: Path, error: ConfigError, *, json: bool) -> int:
    """Show the problems of a refused file, and what the database knows all the same; return 2."""
    status = _status_refused(path, error)
    if json:
        answer(status)
        return 2
    complain(f"{path} is refused:")
    for problem in error.problems:
        complain(f"  {problem}")
    if status.database:
        complain(f"The database was not read: {status.database}")
        return 2
    if rules := status.config.rules:
        since = local_time(rules.since)
        say(
            f"A running service keeps the previous configuration: rules version {rules.version}, since {since}."
        )
        if status.config.rules_edited:
            say('Correct the file, or put the rules back with "monitor rules undo".')
        else:
            say("The file has these rules; the problem is elsewhere in it.")
    say("")
    _show_feeds(status)
    table(
        *("subscription", "last digest"),
        rows=[(row.subscription, local_time(row.last)) for row in status.subscriptions],
    )
    _show_mails(status)
    _show_troubles(status)
    return 2


def _status_refused(path: Path, error: ConfigError) -> StatusAnswer:
    try:
        stored = use_database(store_url_of(path), lambda db: db.read(read_stored_state))
    except ConfigError:
        reason = "[store] cannot be read either."
    except StoreError as store_error:
        reason = str(store_error)
    else:
        rule_text = rule_part(as_text(read_file(path), path))
        return status_refused(error.problems, stored, feed_names=feed_names_of(path), rule_text=rule_text)
    config = ConfigStatus(ok=False, problems=error.problems, rules=None)
    return StatusAnswer(config=config, database=reason)


def outbox(
    path: Path, *, retry: int | None, cancel: str | None, release: str | None, limit: int, json: bool
) -> int:
    """Show the newest mails; send one again with `retry`, or never with `cancel`. Return 1 when that cannot be.

    `release` lets mails go that a restore holds; it and `cancel` are a number, or "all" of those.
    """
    checked = read_options(path)
    to_cancel, to_release = _number(cancel, "--cancel"), _number(release, "--release")

    async def change_and_list(db: Database) -> tuple[list[str], list[Delivery], int]:
        problems = []
        if retry is not None:
            problems += await _requeue(retry, checked, db)
        if cancel is not None:
            numbers = await _chosen(to_cancel, db)
            problems += [
                f"mail {number} does not wait: no mail has this number, or nothing is left to cancel."
                for number in numbers
                if not await db.write(store.cancel, number)
            ]
        if release is not None:
            numbers, now = await _chosen(to_release, db), await time_of(db)
            expires_at = now + checked.config.outbox.expire
            reasons = [await db.write(release_mail, number, now, expires_at) for number in numbers]
            problems += [reason for reason in reasons if reason]
        held = len(await db.read(store.restored))
        return problems, await db.read(store.listing, status=None, limit=limit), held

    changes = retry is not None or cancel is not None or release is not None
    problems, deliveries, held = use_database(checked.store_url, change_and_list, writable=changes)
    complain_each(problems)
    if json:
        answer([OutboxMail.of(delivery) for delivery in deliveries])
    elif deliveries:
        table(
            *("mail", "to", "slot", "status", "attempts", "next attempt", "last reply"),
            rows=[_row(delivery) for delivery in deliveries],
            right=("mail", "attempts"),
        )
    else:
        say("No mail has been composed yet.")
    if held and not json:
        say(
            sentence(
                'Held since a restore: {number}. "--release ID" sends one, "--cancel ID" drops it; "all" means all of '
                "them.",
                number=held,
            )
        )
    return int(bool(problems))


def _number(chosen: str | None, option: str) -> int | None:
    """Return the number of a mail; None for "all", or where nothing was chosen. Raises MonitorError."""
    if chosen in (None, _ALL):
        return None
    if not str(chosen).isdecimal():
        raise MonitorError(
            sentence(
                '{option} {chosen}: the number of a mail is expected, or "all"', option=option, chosen=chosen
            )
        )
    return int(str(chosen))


async def _chosen(number: int | None, db: Database) -> list[int]:
    """Return the number of the mail chosen, or those of all that are held since a restore."""
    return await db.read(store.restored) if number is None else [number]


async def _requeue(mail: int, checked: CheckedConfig, db: Database) -> list[str]:
    """Queue a mail again; return why not, where it cannot be."""
    now = await time_of(db)
    if await db.write(retry_mail, mail, now, now + checked.config.outbox.expire):
        return []
    if await db.read(store.is_unwanted, mail):
        return [
            f"mail {mail} cannot be sent again: its recipient, or its subscription, is not in {checked.path.name}."
        ]
    return [f"mail {mail} cannot be sent again: no mail has this number, or it was sent already."]


def _row(delivery: Delivery) -> tuple[object, ...]:
    unsent = delivery.status in (DeliveryStatus.WAITING, DeliveryStatus.UNCERTAIN)
    return (
        delivery.id,
        delivery.mail.to,
        f"{delivery.subscription} {delivery.slot}",
        delivery.status.value,
        delivery.attempts,
        local_time(delivery.next_attempt_at) if unsent else "-",
        delivery.last_reply,
    )
