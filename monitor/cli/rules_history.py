"""Commands about the rules there were: rules history, rules show, rules undo."""

import asyncio
import sys
from pathlib import Path

from monitor.cli.terminal import answer, local_time, say, show_diff, table
from monitor.config.checked import store_url_of
from monitor.editing.edit import Change, write_change
from monitor.editing.history import (
    VersionSummary,
    find_version,
    plan_undo,
    rules_in,
    version_before,
    version_summaries,
)
from monitor.errors import ConfigError
from monitor.loaded import LoadedConfig, load
from monitor.model.rules import RulesetVersion
from monitor.queries.answers.config import UndoAnswer
from monitor.queries.answers.rules import RulesVersion, ShowAnswer
from monitor.service.runtime import clock, register
from monitor.store.database import Connection, open_database


def history(path: Path, *, json: bool) -> int:
    """Every version, the newest first; also beside a file that is refused."""

    async def ask() -> list[VersionSummary]:
        db = open_database(store_url_of(path), migrate=False)
        try:
            return await db.read(version_summaries)
        finally:
            await db.close()

    versions = asyncio.run(ask())
    if json:
        answer(
            [
                RulesVersion(
                    version=one.version.version,
                    at=one.version.at,
                    fingerprint=one.version.fingerprint,
                    changes=one.changes,
                    digests=one.digests,
                )
                for one in versions
            ]
        )
    elif versions:
        table(
            *("version", "in force since", "digests", "what changed"),
            rows=[
                (one.version.version, local_time(one.version.at), one.digests, "\n".join(one.changes))
                for one in versions
            ],
            right=("version", "digests"),
        )
    else:
        say(
            "No rules were kept yet. The service keeps them when it starts and when it takes up an edit; "
            "commands that edit keep them first."
        )
    return 0


def show(path: Path, version: int, *, json: bool) -> int:
    """The rules of one version, as they were written."""

    async def ask() -> RulesetVersion:
        db = open_database(store_url_of(path), migrate=False)
        try:
            return await db.read(find_version, version)
        finally:
            await db.close()

    found = asyncio.run(ask())
    if json:
        answer(ShowAnswer.of(found))
    else:
        sys.stdout.write(found.text)
    return 0


def undo(path: Path, version: int | None, *, dry_run: bool, json: bool) -> int:
    """Put the rules of a version back; without one, those before the file's own."""
    try:
        current: LoadedConfig | None = load(path)
    except ConfigError:
        current = None  # it is broken, and this may be what mends it

    async def work() -> tuple[RulesetVersion, Change]:
        db = open_database(store_url_of(path))
        try:
            # What is undone is kept first, so that the undoing can be undone.
            if current and not dry_run:
                await db.write(register, current, clock())
            target = await db.read(_target, rules_in(path), version)
            planned = plan_undo(path, target)
            if not dry_run:
                write_change(planned)
                await db.write(register, load(path), clock())
            return target, planned
        finally:
            await db.close()

    target, planned = asyncio.run(work())
    if json:
        answer(
            UndoAnswer(
                file=str(path),
                written=not dry_run,
                diff=planned.diff,
                version=target.version,
                at=target.at,
            )
        )
        return 0
    show_diff(planned.diff)
    if dry_run:
        say(f"Nothing was changed. This is how version {target.version} would come back.")
    else:
        say(
            f"{path} has the rules of version {target.version} again, as of {local_time(target.at)}. "
            "A running service takes this up within two seconds."
        )
        say('"monitor rules undo" takes it back.')
    return 0


def _target(tx: Connection, part: str, version: int | None) -> RulesetVersion:
    return version_before(tx, part) if version is None else find_version(tx, version)
