"""The command that looks over the rules: rules lint."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from monitor.cli.terminal import answer, count, say
from monitor.config.reading import as_text, parse_config, read_file
from monitor.editing.findings import LocatedFinding, describe_finding, findings_of, locate_findings
from monitor.errors import MonitorError
from monitor.loaded import load
from monitor.queries.answers.config import LintAnswer, LintFinding
from monitor.queries.lint import LOOKED_BACK, judge_stored
from monitor.rules.lint import Finding
from monitor.service.runtime import clock
from monitor.store.database import open_database


def lint(path: Path, *, json: bool) -> int:
    """Name every finding with its line; 1 when there is one, 2 (raised) when the file itself is not right.

    Words that cannot be read are findings here, so that one command names everything.
    """
    told = found_in(path)
    if json:
        answer(LintAnswer(file=str(path), findings=finding_answers(told)))
    elif not told:
        rules = parse_config(as_text(read_file(path), path), path.name).rules
        say(f"{path}: {count(len(rules), 'rule')}, nothing odd.")
    else:
        say_findings(path, told)
    return 1 if told else 0


def found_in(path: Path) -> Sequence[LocatedFinding]:
    """All that is odd in the rules of a file, by themselves and by what is stored. Raises ConfigError."""
    text = as_text(read_file(path), path)
    config = parse_config(text, path.name)
    return locate_findings([*findings_of(config), *_by_what_is_stored(path)], text, config.rules)


def finding_answers(found: Sequence[LocatedFinding]) -> tuple[LintFinding, ...]:
    """Return findings as programs read them."""
    return tuple(LintFinding.of(line, finding) for line, finding in found)


def say_findings(path: Path, told: Sequence[LocatedFinding]) -> None:
    """Print findings, and what to do about them."""
    for located in told:
        say(describe_finding(path.name, located))
    if mended := sum(one.safe is not None for _, one in told):
        say(f'"monitor rules lint --fix" mends {mended} of {len(told)}; with --dry-run it shows how.')


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
