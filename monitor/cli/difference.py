"""The command that shows what an edit would change: rules diff."""

import asyncio
from datetime import timedelta
from pathlib import Path

from monitor.cli.terminal import answer, count, progress, say
from monitor.config.reading import parse_config
from monitor.errors import MonitorError
from monitor.loaded import LoadedConfig, load
from monitor.queries.answers.rules import DiffAnswer
from monitor.queries.difference import Compared, compare_rules
from monitor.rules.changes import ChangeKind, MatchChange, summary
from monitor.rules.match import Ruleset, compile_rules
from monitor.service.runtime import clock
from monitor.store import entries, rulesets
from monitor.store.database import Database, open_database

_MARKS = {ChangeKind.ADDED: "+", ChangeKind.REMOVED: "-", ChangeKind.MOVED: "~"}


def diff(path: Path, new: Path | None, *, days: int, json: bool) -> int:
    """Hold stored entries against two sets of rules."""
    current = load(path)
    edited = load(new) if new else current
    since = clock() - timedelta(days=days)

    async def work() -> tuple[Compared, Ruleset | None, str]:
        db = open_database(current.store_url, migrate=False)
        try:
            old, called = (current.rules, path.name) if new else await in_force(current, db)
            total = await db.read(entries.count_news_since, since)
            with progress("comparing", total) as step:
                compared = await compare_rules(old, edited.rules, since=since, db=db, step=step)
            return compared, old, called
        finally:
            await db.close()

    compared, old, called = asyncio.run(work())
    told = summary(compared.changes)
    if json:
        answer(DiffAnswer.of(called, str(new or path), compared, told))
        return 0
    same = new is None and old is not None and old.fingerprint == current.rules.fingerprint
    for change in compared.changes:
        say(f"{_MARKS[change.kind]} {change.entry.title or change.entry.id}")
        say(f"    {_places(change)}: {', '.join(change.words)}" + (f" ({change.why})" if change.why else ""))
    looked = f"{count(compared.entries, 'entry')} of {count(days, 'day')}"
    say(f"{(new or path).name} against {called}, {looked}: {told}.")
    if not compared.entries:
        say('Nothing is stored of that time: "monitor poll --all" asks the feeds now.')
    elif same:
        say("The file has these very rules. To see what an edit would change before it is in force, save the")
        say('edited text under another name: "monitor rules diff NEW.toml".')
    return 0


async def in_force(current: LoadedConfig, db: Database) -> tuple[Ruleset | None, str]:
    """The rules the service last took up; None where they cannot be read any more: its stored matches tell."""
    version = await db.read(rulesets.newest)
    if version is None:
        return None, "the stored matches"
    try:
        config = parse_config(version.text, f"version {version.version}", whole=False)
        rules = compile_rules(config.rules, current.config.feeds, config.aliases, config.matching.ignore)
    except MonitorError:
        return None, "the stored matches"
    return rules, f"version {version.version}"


def _places(change: MatchChange) -> str:
    old, new = (", ".join(one.rule for one in reasons) for reasons in (change.old, change.new))
    places = {ChangeKind.ADDED: new, ChangeKind.REMOVED: old, ChangeKind.MOVED: f"{old} -> {new}"}
    return places[change.kind]
