"""The command that lists the mails, and decides about single ones by its options: outbox, outbox list."""

from collections.abc import Sequence
from pathlib import Path

from monitor.cli.database import time_of, use_database
from monitor.cli.moments import Times, times_of
from monitor.cli.terminal import answer, complain_each, say, table
from monitor.config.checked import CheckedConfig, read_options, smtp_hash_of
from monitor.errors import MonitorError
from monitor.jobs.backup import release as release_mail
from monitor.jobs.choose import why_mail_declined
from monitor.jobs.give_up import acknowledge
from monitor.jobs.give_up import retry as retry_mail
from monitor.mail.limits import limits_of
from monitor.mail.policy import tried_at
from monitor.model.mail import Delivery, DeliveryStatus, LimitReached, RelayState
from monitor.queries.answers.status import MailLimit, OutboxMail
from monitor.service.clock import clock
from monitor.store import outbox as store
from monitor.store import relays
from monitor.store.database import Database
from monitor.texts import joined, sentence

_ALL = "all"
_MOST_DIGITS = 18  # every number of so many fits into a column of either database
_NAMES = {
    DeliveryStatus.WAITING: sentence("waiting"),
    DeliveryStatus.SENDING: sentence("sending"),
    DeliveryStatus.UNCERTAIN: sentence("uncertain"),
    DeliveryStatus.SENT: sentence("sent"),
    DeliveryStatus.FAILED: sentence("failed"),
    DeliveryStatus.EXPIRED: sentence("expired"),
    DeliveryStatus.HELD: sentence("held"),
    DeliveryStatus.CANCELLED: sentence("cancelled"),
}


def list_mails(
    path: Path,
    *,
    retry: str | None = None,
    cancel: str | None = None,
    release: str | None = None,
    seen: str | None = None,
    limit: int,
    json: bool,
) -> int:
    """Show the newest mails; send one again with `retry`, or never with `cancel`. Return 1 when that cannot be.

    `release` lets mails go that a restore, or the operator, holds; it and `cancel` are a number, or "all" of those.
    `seen` says that the operator knows that a mail, or "all", were given up.
    """
    checked = read_options(path)
    to_cancel, to_release = _number(cancel, "--cancel"), _number(release, "--release")
    was_seen, to_retry = _number(seen, "--seen"), _number(retry, "--retry", may_be_all=False)

    nothing_to_do: list[str] = []

    async def change_and_list(
        db: Database,
    ) -> tuple[list[str], list[Delivery], int, RelayState | None, LimitReached | None]:
        problems: list[str] = []
        if to_retry is not None:
            problems += await _requeue(to_retry, checked, db)
        if _ALL in (cancel, release) and not await db.read(store.restored):
            nothing_to_do.append(sentence("No mail is held until it is released: nothing was changed."))
        if cancel is not None:
            problems += [
                sentence(
                    "mail {mail} does not wait: no mail has this number, or nothing is left to cancel.",
                    mail=number,
                )
                for number in await _chosen(to_cancel, db)
                if not await db.write(store.cancel, number)
            ]
        if release is not None:
            numbers, now = await _chosen(to_release, db), await time_of(db)
            expires_at = now + checked.config.outbox.expire
            reasons = [await db.write(release_mail, number, now, expires_at) for number in numbers]
            problems += [reason for reason in reasons if reason]
        if seen is not None:
            is_any, refused = await _acknowledge(was_seen, db)
            problems += refused
            if not is_any and not refused:
                nothing_to_do.append(
                    sentence("No mail was given up that you had not seen: nothing was changed.")
                )
        held = len(await db.read(store.restored))
        server, settings = checked.config.smtp.server, smtp_hash_of(checked) or ""
        now = await time_of(db)
        spared = await db.read(relays.spared, server, settings, now)
        reached = await db.read(store.limit_reached, server, limits_of(checked.config.smtp), now)
        return problems, await db.read(store.listing, status=None, limit=limit), held, spared, reached

    changes = any(each is not None for each in (retry, cancel, release, seen))
    times = times_of(checked.config, clock())
    problems, deliveries, held, spared, reached = use_database(
        checked.store_url, change_and_list, writable=changes
    )
    complain_each(problems)
    if json:
        answer([OutboxMail.of(delivery, spared, reached) for delivery in deliveries])
        return int(bool(problems))
    for line in nothing_to_do:
        say(line)
    if deliveries:
        table(
            sentence("mail"),
            sentence("to"),
            sentence("slot"),
            sentence("status"),
            sentence("attempts"),
            sentence("next attempt"),
            rows=[_row(delivery, spared, reached, times) for delivery in deliveries],
            right=("mail", "attempts"),
        )
        _show_replies(deliveries)
        if any(delivery.cause.stops_all for delivery in deliveries):
            say(
                sentence(
                    '"+" at the attempts: at others the mail server refused every mail; they are not counted.'
                )
            )
        if any(delivery.status is DeliveryStatus.WAITING for delivery in deliveries):
            if spared:
                _show_server(spared, times)
            if limit_in_force := MailLimit.of(reached):
                say(limit_in_words(limit_in_force, times.at(limit_in_force.until)))
    else:
        say(sentence("No mail has been composed yet."))
    _show_held(held)
    times.say_zone()
    return int(bool(problems))


def status_name(status: DeliveryStatus) -> str:
    """Return the name of a status for people."""
    return _NAMES[status]


def limit_in_words(limit: MailLimit, time: str) -> str:
    """Return why mails wait that could go, and until what time."""
    if limit.per == "day":
        return sentence(
            "outbox: the limit for 24 hours ({most}) is reached; the next mail goes at about {time}",
            most=limit.most,
            time=time,
        )
    return sentence(
        "outbox: the limit for a minute ({most}) is reached; the next mails go within a minute",
        most=limit.most,
    )


def slot_in_words(delivery: Delivery, times: Times) -> str:
    """Return which digest a mail is, or that it is a notice, by its time."""
    slot = times.slot(delivery.subscription, delivery.slot)
    return joined(" ", (delivery.subscription, slot)) if delivery.subscription else slot


def _number(chosen: str | None, option: str, *, may_be_all: bool = True) -> int | None:
    """Return the number of a mail; None for "all", or where nothing was chosen. Raises MonitorError."""
    if chosen is None or (chosen == _ALL and may_be_all):
        return None
    if not chosen.isdecimal():
        expected = (
            sentence(
                '{option} {chosen}: the number of a mail is expected, or "all"', option=option, chosen=chosen
            )
            if may_be_all
            else sentence("{option} {chosen}: the number of a mail is expected", option=option, chosen=chosen)
        )
        raise MonitorError(expected)
    if len(chosen) > _MOST_DIGITS:
        shown = f"{chosen[:_MOST_DIGITS]}…"
        raise MonitorError(
            sentence("{option} {chosen}: no mail has this number", option=option, chosen=shown)
        )
    return int(chosen)


async def _chosen(number: int | None, db: Database) -> list[int]:
    """Return the number of the mail chosen, or those of all that are held until they are released."""
    return await db.read(store.restored) if number is None else [number]


async def _requeue(mail: int, checked: CheckedConfig, db: Database) -> list[str]:
    """Queue a mail again; return why not, where it cannot be."""
    now = await time_of(db)
    if await db.write(retry_mail, mail, now, now + checked.config.outbox.expire):
        return []
    if await db.read(store.is_suppressed, mail):
        return [
            sentence(
                'mail {mail} cannot be sent again: its recipient is suppressed. "monitor suppressions list" says'
                ' why, "monitor suppressions remove ADDRESS" lets it be mailed again.',
                mail=mail,
            )
        ]
    if why := await db.read(why_mail_declined, mail, now):
        return [sentence("mail {mail} cannot be sent again: {why}.", mail=mail, why=why)]
    if await db.read(store.is_unwanted, mail):
        return [
            sentence(
                "mail {mail} cannot be sent again: its recipient, or its subscription, is not in {file}.",
                mail=mail,
                file=checked.path.name,
            )
        ]
    return [
        sentence(
            "mail {mail} cannot be sent again: no mail has this number, or it was sent already.", mail=mail
        )
    ]


async def _acknowledge(number: int | None, db: Database) -> tuple[bool, list[str]]:
    """Mark a mail, or all, as seen; return whether there was any, and why not, where a mail cannot be."""
    if await db.write(acknowledge, number, await time_of(db)):
        return True, []
    if number is None:
        return False, []
    return False, [sentence("mail {mail} was not given up: there is nothing to mark as seen.", mail=number)]


def _show_replies(deliveries: Sequence[Delivery]) -> None:
    """Say what the server answered last to mails that were not sent, once where it answered several the same."""
    mails: dict[str, list[str]] = {}
    for delivery in deliveries:
        if delivery.last_reply and delivery.status is not DeliveryStatus.SENT:
            mails.setdefault(delivery.last_reply, []).append(str(delivery.id))
    for reply, numbers in mails.items():
        say(sentence("mail {numbers}: {reply}", numbers=", ".join(numbers), reply=reply))


def _show_held(held: int) -> None:
    """Say how many mails wait to be released."""
    if held:
        say(
            sentence(
                'Held until released: {number}. "--release ID" sends one, "--cancel ID" drops it; "all" means all of '
                "them.",
                number=held,
            )
        )


def _show_server(spared: RelayState, times: Times) -> None:
    """Say how often the mail server was tried, and when it is tried next, with one of the mails."""
    values = {
        "server": spared.server,
        "count": spared.failures,
        "since": times.at(spared.since),
        "time": times.at(spared.next_probe_at),
    }
    if spared.failures == 1:
        say(sentence("{server} took no mail at the one try, {since}. Next try: {time}.", **values))
    else:
        say(sentence("{server} took no mail at {count} tries since {since}. Next try: {time}.", **values))


def _with_more(delivery: Delivery, status: str) -> str:
    if delivery.bounced_at:
        return sentence("{status}, bounced", status=status)
    return sentence("{status}, seen", status=status) if delivery.seen else status


def _row(
    delivery: Delivery, spared: RelayState | None, reached: LimitReached | None, times: Times
) -> tuple[object, ...]:
    unsent = delivery.status in (DeliveryStatus.WAITING, DeliveryStatus.UNCERTAIN)
    status = status_name(delivery.status)
    return (
        delivery.id,
        delivery.mail.to,
        slot_in_words(delivery, times),
        _with_more(delivery, status),
        # An attempt at which the server took no mail is not counted, but it was one.
        f"{delivery.attempts + 1}+" if delivery.cause.stops_all else delivery.attempts,
        times.at(tried_at(delivery, spared, reached)) if unsent else "-",
    )
