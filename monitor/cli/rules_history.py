"""Commands about the versions of the rules: rules history, rules show, rules undo."""

from pathlib import Path

from monitor.cli.database import time_of, use_database
from monitor.cli.moments import times_in
from monitor.cli.terminal import answer, complain_each, put, say, show_diff, table
from monitor.config.checked import store_url_of
from monitor.editing.edit import Change, write_change
from monitor.editing.history import find_version, plan_undo, rules_in, version_before, version_summaries
from monitor.errors import ConfigError
from monitor.loaded import LoadedConfig, load
from monitor.model.rules import RulesetVersion
from monitor.queries.answers.config import UndoAnswer
from monitor.queries.answers.rules import RulesVersion, ShowAnswer
from monitor.service.clock import clock
from monitor.service.register import register
from monitor.store.database import Connection, Database
from monitor.texts import joined, sentence


def history(path: Path, *, json: bool) -> int:
    """Show every version of the rules, the newest first, even when the file is refused; return 0."""
    summaries = use_database(store_url_of(path), lambda db: db.read(version_summaries))
    versions = [
        RulesVersion(
            version=summary.version.version,
            at=summary.version.at,
            fingerprint=summary.version.fingerprint,
            changes=summary.changes,
            digests=summary.digests,
        )
        for summary in summaries
    ]
    times = times_in(path, clock())
    if json:
        answer(versions)
    elif versions:
        columns = (sentence("version"), sentence("in force since"), sentence("digests"))
        table(
            *(*columns, sentence("what changed")),
            rows=[
                (version.version, times.at(version.at), version.digests, joined("\n", version.changes))
                for version in versions
            ],
            right=(columns[0], columns[2]),
        )
        times.say_zone()
    else:
        say(
            sentence(
                "No rules were kept yet. The service keeps them when it starts and when it takes up an edit; "
                "commands that edit keep them first."
            )
        )
    return 0


def show(path: Path, version: int, *, json: bool) -> int:
    """Print the rules of one version as they were written; return 0."""
    kept = use_database(store_url_of(path), lambda db: db.read(find_version, version))
    if json:
        answer(ShowAnswer.of(kept))
    else:
        put(kept.text)
    return 0


def undo(path: Path, version: int | None, *, dry_run: bool, json: bool) -> int:
    """Put the rules of a version back into the file, without one those before the file's own; return 0."""
    try:
        loaded: LoadedConfig | None = load(path)
    except ConfigError:
        loaded = None  # the file is refused, and this may be what repairs it

    async def put_back(db: Database) -> tuple[RulesetVersion, Change]:
        # What is undone is kept first, so that it can be brought back, too.
        if loaded and not dry_run:
            complain_each(await db.write(register, loaded, await time_of(db)))
        target = await db.read(_target, rules_in(path), version)
        change = plan_undo(path, target)
        if not dry_run:
            write_change(change)
            complain_each(await db.write(register, load(path), await time_of(db)))
        return target, change

    target, change = use_database(store_url_of(path), put_back, writable=True)
    if json:
        answer(
            UndoAnswer(
                file=str(path),
                written=not dry_run,
                diff=change.diff,
                version=target.version,
                at=target.at,
            )
        )
        return 0
    show_diff(change.diff)
    if dry_run:
        say(
            sentence(
                "Nothing was changed. This is how version {version} would come back.", version=target.version
            )
        )
    else:
        times = times_in(path, clock())
        done = sentence(
            "{path} has the rules of version {version} again, as of {time}.",
            **{"path": str(path), "version": target.version, "time": times.at(target.at)},
        )
        say(sentence("{done} A running service applies this within two seconds.", done=done))
        say(sentence('Run "monitor rules undo" once more to take it back.'))
        times.say_zone()
    return 0


def _target(tx: Connection, rules: str, version: int | None) -> RulesetVersion:
    return version_before(tx, rules) if version is None else find_version(tx, version)
