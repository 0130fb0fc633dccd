"""How things stand while config.toml is refused: what is wrong, which rules hold, what the database knows."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.text import Text

from monitor.cli.terminal import answer, complain, count, local, say, table
from monitor.editing.history import part_of
from monitor.errors import ConfigError, StoreError
from monitor.loaded import feed_names_of, store_url_of
from monitor.model.digests import SubscriptionState
from monitor.model.feeds import PollState
from monitor.model.mail import DeliveryStatus
from monitor.model.rules import RulesetVersion
from monitor.store import digests, feeds, rulesets
from monitor.store import outbox as store
from monitor.store.database import Connection, open_database

Known = tuple[list[PollState], list[SubscriptionState], dict[DeliveryStatus, int], RulesetVersion | None]


def status_refused(path: Path, error: ConfigError, *, json: bool) -> int:
    """Name what is wrong, and report all the same what the database has; always 2, as for every refused file."""
    known = _known(path)
    if isinstance(known, str):
        if json:
            answer({"config": _config_values(path, error, None), "database": known})
        else:
            _complain(path, error)
            complain(f"The database was not asked: {known}")
        return 2
    states, subscribed, counts, rules = known
    names = feed_names_of(path)
    feed_rows = [
        feed_values(names.get(state.feed_url) or state.title or state.feed_url, state) for state in states
    ]
    mails = {one.value: counts.get(one, 0) for one in DeliveryStatus}
    if json:
        rows = [{"subscription": one.name, "last": one.last_at} for one in subscribed]
        values = {"feeds": feed_rows, "subscriptions": rows, "outbox": mails}
        answer({"config": _config_values(path, error, rules), **values})
        return 2
    _complain(path, error)
    if rules:
        say(
            f"A running service goes on by what it had: rules version {rules.version}, since {local(rules.at)}."
        )
        if _has(path, rules):
            say("The rules in the file are these; what is wrong is elsewhere in it.")
        else:
            say('Mend the file, or put the rules back with "monitor rules undo".')
    say("")
    show_feeds(feed_rows)
    say("")
    table("subscription", "last digest", rows=[(one.name, local(one.last_at)) for one in subscribed])
    say("")
    show_mails(mails)
    return 2


def _known(path: Path) -> Known | str:
    """What the database has, or why it was not asked."""

    async def ask() -> Known:
        db = open_database(store_url_of(path), migrate=False)
        try:
            return await db.read(_standing)
        finally:
            await db.close()

    try:
        return asyncio.run(ask())
    except ConfigError:
        return "[store] cannot be read either."
    except StoreError as error:
        return str(error)


def _standing(tx: Connection) -> Known:
    return feeds.states(tx), digests.states(tx), store.counts(tx), rulesets.newest(tx)


def _has(path: Path, rules: RulesetVersion) -> bool:
    return part_of(path) == rules.text


def _complain(path: Path, error: ConfigError) -> None:
    complain(f"{path} is refused:")
    for problem in error.problems:
        complain(f"  {problem}")


def _config_values(path: Path, error: ConfigError, rules: RulesetVersion | None) -> dict[str, Any]:
    values: dict[str, Any] = {"ok": False, "problems": [asdict(one) for one in error.problems]}
    if rules:
        values["rules_edited"] = not _has(path, rules)
    return {**values, "rules": rules_values(rules)}


def rules_values(rules: RulesetVersion | None) -> dict[str, Any] | None:
    """The rules in force, for programs; None when none were kept yet."""
    return {"version": rules.version, "since": rules.at, "fingerprint": rules.fingerprint} if rules else None


def feed_values(name: str, state: PollState | None) -> dict[str, Any]:
    word = "not asked yet"
    if state and state.failures:
        word = "failing"
    elif state and state.visited:
        word = "well"
    return {
        "feed": name,
        "state": word,
        "visited": state.visited if state else None,
        "next": state.next_poll_at if state else None,
        "failures": state.failures if state else 0,
        "error": state.last_error if state else "",
    }


def show_feeds(rows: list[dict[str, Any]]) -> None:
    """A table of the feeds."""
    table(
        *("feed", "state", "last answer", "next visit", "what is wrong"),
        rows=[
            (
                row["feed"],
                Text(row["state"], style=_COLOURS[row["state"]]),
                local(row["visited"]),
                local(row["next"]),
                f"{row['error']} ({count(row['failures'], 'time')})" if row["failures"] else "",
            )
            for row in rows
        ],
    )


_COLOURS = {"well": "green", "failing": "red", "not asked yet": "yellow"}


def show_mails(mails: dict[str, int]) -> None:
    """How many mails stand where."""
    say(
        "outbox: "
        + ", ".join(f"{count} {word}" for word, count in mails.items() if count or word == "waiting")
    )
