"""The command that looks over the rules: rules lint."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from monitor.config_file import as_text, parse_config, read_file
from monitor.current import load
from monitor.errors import MonitorError
from monitor.jobs.judge_stored import LOOKED_BACK, judge_stored
from monitor.rules.lint import Finding, unasked
from monitor.rules.lint import lint as findings_of
from monitor.rules.words import quoted
from monitor.store.database import open_database
from monitor.terminal import answer, count, say
from monitor.toml_lines import lines_of
from monitor.workshop import clock

Placed = Sequence[tuple[int | None, Finding]]  # each with its line


def lint(path: Path, *, json: bool) -> int:
    """Name every finding with its line; 1 when there is one, 2 (raised) when the file itself is not right.

    Words that cannot be read are findings here, so that one command names everything.
    """
    text = as_text(read_file(path), path)
    config = parse_config(text, path.name)
    found = [
        *findings_of(config.rules, config.aliases, config.matching.ignore),
        *unasked(config.rules, config.subscriptions),
        *_by_what_is_stored(path),
    ]
    told = placed(found, text)
    if json:
        answer({"file": str(path), "findings": values(told)})
    elif not told:
        say(f"{path}: {count(len(config.rules), 'rule')}, nothing odd.")
    for line, one in told if not json else ():
        say(as_line(path.name, line, one))
    if not json and any(one.safe is not None for _, one in told):
        mended = sum(one.safe is not None for _, one in told)
        say(f'"monitor rules lint --fix" mends {mended} of {len(told)}; with --dry-run it shows how.')
    return 1 if told else 0


def _by_what_is_stored(path: Path) -> tuple[Finding, ...]:
    """What the database can tell of the rules; nothing where there is none yet, or a word cannot be read."""
    try:
        current = load(path)
        db = open_database(current.store_url, migrate=False)
    except MonitorError:
        return ()
    now = clock()

    async def ask() -> tuple[Finding, ...]:
        try:
            return await judge_stored(current.rules, since=now - LOOKED_BACK, now=now, db=db)
        finally:
            await db.close()

    return asyncio.run(ask())


def placed(found: Iterable[Finding], text: str) -> Placed:
    """The findings in the order of the file, each with the line of its word, else that of its key."""
    lines, counts = lines_of(text), _numbers(text)
    told = []
    for one in found:
        first = lines.find(one.table, counts.get(one.rule, 0) if one.table == "rules" else 0, one.key)
        told.append((first and _line_of_word(one.word, text, first, lines.places.values()), one))
    return sorted(told, key=lambda each: each[0] or 0)


def _numbers(text: str) -> dict[str, int]:
    """The place of each rule among the rules, by name."""
    rules = parse_config(text, "config.toml").rules
    return {rule.name: number for number, rule in enumerate(rules)}


def _line_of_word(word: str, text: str, first: int, heads: Iterable[int]) -> int:
    """A list may go over many lines: the word is looked for until the next key."""
    last = min((line for line in heads if line > first), default=len(text.split("\n")) + 1)
    for number, line in enumerate(text.split("\n")[first - 1 : last - 1], start=first):
        if quoted(word) in line or f"'{word}'" in line:
            return number
    return first


def as_line(file: str, line: int | None, one: Finding) -> str:
    """A finding in words, the word as it stands in the file."""
    where = f'[[rules]] "{one.rule}"' if one.table == "rules" else f"[{one.table}]"
    place = f"line {line}, " if line else ""
    fix = f" Fix: {one.fix}." if one.fix else ""
    return f"{file}, {place}{where}, {one.key}: {quoted(one.word)} {one.what}.{fix}"


def values(told: Placed) -> list[dict[str, Any]]:
    """The findings for programs."""
    return [{"line": line, **asdict(one)} for line, one in told]
