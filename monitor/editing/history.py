"""List the versions of the rules that were in force with what each changed, and bring an earlier one back."""

from dataclasses import dataclass
from pathlib import Path

from monitor.config.options import changed_options
from monitor.config.positions import rule_part
from monitor.config.reading import as_text, parse_config, read_file
from monitor.editing.change import Change, change
from monitor.editing.sections import with_rule_part
from monitor.errors import ConfigError, MonitorError
from monitor.model.rules import RulesetVersion
from monitor.rules.changes import describe_changes, describe_sets
from monitor.store import rulesets
from monitor.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One version, in the operator's words."""

    version: RulesetVersion
    changes: tuple[str, ...]  # against the version before
    digests: int  # sent under it


def past_versions(tx: Connection) -> list[Past]:
    """Every version that was in force, the newest first."""
    versions, sent = rulesets.history(tx), rulesets.digests_sent(tx)
    pairs = list(zip([None, *versions], versions, strict=False))
    return [
        Past(version=one, changes=tuple(what_changed(last, one)), digests=sent.get(one.version, 0))
        for last, one in reversed(pairs)
    ]


def what_changed(old: RulesetVersion | None, new: RulesetVersion) -> list[str]:
    """What a version changed against the one before it, a few words each: `rule 人工智能: +2 words`."""
    if old is None:
        return ["the first that was kept"]
    if old.text == new.text:
        return [
            "the same text, but it means something else: the sections of a feed, or a new version of monitor"
        ]
    try:
        was, now = (parse_config(one.text, f"version {one.version}", whole=False) for one in (old, new))
    except ConfigError:
        return ["not to be told: this version of monitor cannot read both"]
    told = describe_changes(was.rules, now.rules)
    told += describe_sets(was.aliases, now.aliases)
    told += [f"[matching] {key}" for key in changed_options(was.matching, now.matching)]
    return told or ["remarks and layout only"]


def version_named(tx: Connection, version: int) -> RulesetVersion:
    """A version by its number. Raises MonitorError when it was never kept."""
    found = rulesets.by_version(tx, version)
    if found is None:
        last = rulesets.newest(tx)
        known = "No rules were kept yet: the service keeps them"
        if last:
            known = f"There are 1 to {last.version}" if last.version > 1 else "There is only version 1"
        raise MonitorError(f"there is no version {version} of the rules. {known}")
    return found


def version_before(tx: Connection, part: str) -> RulesetVersion:
    """The newest version that reads otherwise than these rules do. Raises MonitorError when there is none."""
    for one in reversed(rulesets.history(tx)):
        if one.text != part:
            return one
    raise MonitorError(
        "there is nothing to go back to: no rules but these were kept yet. They are kept when the service takes "
        "up an edit, and before each edit by a command"
    )


def undoing(path: Path, target: RulesetVersion) -> Change:
    """The change that puts the rules of a version into a file, which may be broken; all else in it stays.

    Raises ConfigError when the file would have problems all the same, MonitorError when nothing would change.
    """
    text = as_text(read_file(path), path)
    after = with_rule_part(text, target.text)
    if rule_part(text) == target.text or after == text:
        raise MonitorError(f"{path} has the rules of version {target.version} already")
    return change(path, text, after)


def part_of(path: Path) -> str:
    """The rules as they stand in a file, which may be broken. Raises ConfigError when it cannot be read at all."""
    return rule_part(as_text(read_file(path), path))
