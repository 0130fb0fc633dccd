"""The command that looks over the rules: rules lint."""

import asyncio
from dataclasses import asdict
from pathlib import Path

from monitor.config_file import as_text, parse_config, read_file
from monitor.current import load
from monitor.errors import MonitorError
from monitor.jobs.judge_stored import LOOKED_BACK, judge_stored
from monitor.rules.lint import Finding
from monitor.rules.lint import lint as findings_of
from monitor.store.database import open_database
from monitor.terminal import answer, say
from monitor.toml_lines import Lines, lines_of
from monitor.workshop import clock


def lint(path: Path, *, json: bool) -> int:
    """Name every finding with its line; 1 when there is one, 2 (raised) when the file itself is not right.

    Words that cannot be read are findings here, so that one command names everything.
    """
    text = as_text(read_file(path), path)
    config = parse_config(text, path.name)
    found = [*findings_of(config.rules, config.aliases, config.matching.ignore), *_by_what_is_stored(path)]
    lines, names = lines_of(text), [rule.name for rule in config.rules]
    placed = [(line_of(finding, names, lines, text), finding) for finding in found]
    placed.sort(key=lambda one: one[0] or 0)
    if json:
        answer({"file": str(path), "findings": [{"line": line, **asdict(one)} for line, one in placed]})
    elif not placed:
        say(f"{path}: {len(names)} rules, nothing odd.")
    for line, one in placed if not json else ():
        where = f'[[rules]] "{one.rule}"' if one.table == "rules" else f"[{one.table}]"
        place = f"line {line}, " if line else ""
        fix = f" Fix: {one.fix}." if one.fix else ""
        say(f'{path.name}, {place}{where}, {one.key}: "{one.word}" {one.what}.{fix}')
    return 1 if placed else 0


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


def line_of(finding: Finding, rules: list[str], lines: Lines, text: str) -> int | None:
    """The line the word stands in, else that of its key."""
    index = rules.index(finding.rule) if finding.table == "rules" else 0
    first = lines.find(finding.table, index, finding.key)
    if first is None:
        return None
    # A list may go over many lines: the word is looked for until the next key.
    later = [line for line in lines.places.values() if line > first]
    last = min(later, default=len(text.splitlines()) + 1)
    for number, line in enumerate(text.splitlines()[first - 1 : last - 1], start=first):
        if f'"{finding.word}"' in line or f"'{finding.word}'" in line:
            return number
    return first
