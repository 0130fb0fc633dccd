"""List the versions of the rules that were in force with what each changed, and bring an earlier one back."""

from dataclasses import dataclass
from pathlib import Path

from monitor.config.options import changed_options
from monitor.config.positions import RULE_TABLES, Block, blocks_of, rule_part
from monitor.config.reading import as_text, parse_config, read_file
from monitor.editing.edit import Change, gap_behind, line_ended, plan_change
from monitor.errors import ConfigError, MonitorError
from monitor.model.rules import RulesetVersion
from monitor.rules.changes import describe_changes, describe_sets
from monitor.store import rulesets
from monitor.store.database import Connection
from monitor.texts import sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSummary:
    """A version, what it changed against the one before it, and the count of digests sent under it."""

    version: RulesetVersion
    changes: tuple[str, ...]
    digests: int


def version_summaries(tx: Connection) -> list[VersionSummary]:
    """Return every version that was in force, the newest first."""
    versions, sent = rulesets.history(tx), rulesets.digests_sent(tx)
    return [
        VersionSummary(
            version=version,
            changes=tuple(what_changed(before, version)),
            digests=sent.get(version.version, 0),
        )
        for before, version in reversed(list(zip([None, *versions], versions, strict=False)))
    ]


def what_changed(old: RulesetVersion | None, new: RulesetVersion) -> list[str]:
    """Return what a version changed against the one before it, in a few words each: `rule 人工智能: +2 words`."""
    if old is None:
        return [sentence("the first version kept")]
    if old.text == new.text:
        return [
            sentence(
                "the same text, but it means something else: the sections of a feed, or a new version of monitor"
            )
        ]
    try:
        before, after = (
            parse_config(version.text, f"version {version.version}", whole=False) for version in (old, new)
        )
    except ConfigError:
        return [sentence("unknown: this version of monitor cannot read both")]
    changes = describe_changes(before.rules, after.rules)
    changes += describe_sets(before.aliases, after.aliases)
    changes += [f"[matching] {key}" for key in changed_options(before.matching, after.matching)]
    return changes or [sentence("comments and layout only")]


def find_version(tx: Connection, version: int) -> RulesetVersion:
    """Return a version by its number. Raises MonitorError when it was never kept."""
    kept = rulesets.by_version(tx, version)
    if kept is None:
        newest = rulesets.newest(tx)
        values = {"version": version, "newest": newest.version if newest else 0}
        if not newest:
            what = sentence(
                "there is no version {version} of the rules. No rules were kept yet: the service keeps them",
                **values,
            )
        elif newest.version == 1:
            what = sentence("there is no version {version} of the rules. There is only version 1", **values)
        else:
            what = sentence("there is no version {version} of the rules. There are 1 to {newest}", **values)
        raise MonitorError(what)
    return kept


def version_before(tx: Connection, part: str) -> RulesetVersion:
    """Return the newest version with other rules than these. Raises MonitorError when there is none."""
    for version in reversed(rulesets.history(tx)):
        if version.text != part:
            return version
    raise MonitorError(
        sentence(
            "there is nothing to go back to: no rules but these were kept yet. They are kept when the service "
            "takes up an edit, and before each edit by a command"
        )
    )


def plan_undo(path: Path, target: RulesetVersion) -> Change:
    """Return the change that puts the rules of a version into a file, which may be broken; all else in it stays.

    Raises ConfigError when the file would have problems all the same, MonitorError when nothing would change.
    """
    text = as_text(read_file(path), path)
    after = with_rule_part(text, target.text)
    if rule_part(text) == target.text or after == text:
        values = {"path": str(path), "version": target.version}
        raise MonitorError(sentence("{path} has the rules of version {version} already", **values))
    return plan_change(path, text, after)


def rules_in(path: Path) -> str:
    """Return the rules as they stand in a file, which may be broken. Raises ConfigError when it cannot be read."""
    return rule_part(as_text(read_file(path), path))


def with_rule_part(text: str, part: str) -> str:
    """Return the text with these rules instead of its own, each table where the one of its name begins.

    A table that the text does not have comes before its rules, or at the end. What is about rules ([[rules]],
    [aliases] and [matching]) is taken and put as written, comments included; the rest of the file, with its addresses
    and passwords, is in no version.
    """
    blocks = list(blocks_of(text))
    tables = [block.table for block in blocks]
    end = tables.index("rules") if "rules" in tables else len(blocks)
    places = {table: tables.index(table) if table in tables else end for table in RULE_TABLES}
    new_blocks = [block for block in blocks_of(part) if block.table in RULE_TABLES]
    result = ""
    for place, block in enumerate([*blocks, None]):
        for new in new_blocks:
            if places[new.table] == place:
                # The part was cut off without the empty lines before it; in the file they are the old table's.
                gap = _gap(block, result) if new is new_blocks[0] else ""
                result = line_ended(result) + gap + new.text
        if block and block.table not in RULE_TABLES:
            result = line_ended(result) + block.text
    if not blocks or blocks[-1].table not in RULE_TABLES:
        return result
    return result.rstrip("\r\n") + (text[len(text.rstrip("\r\n")) :] or "\n")


def _gap(replaced: Block | None, before: str) -> str:
    """Return the empty lines to put between a text and the rules behind it."""
    if replaced and replaced.table in RULE_TABLES:
        return replaced.text[: len(replaced.text) - len(replaced.text.lstrip("\r\n"))]
    return gap_behind(before)
