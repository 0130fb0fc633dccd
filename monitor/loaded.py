"""Load config.toml: read, check, compile it; and name what changed between two configurations."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.config.checked import CheckedConfig, check_options, missing_files, missing_work, smtp_hash
from monitor.config.options import OPTION_TABLES, WORD_LISTS, Feed, Subscription, changed_options
from monitor.config.positions import caret, read_positions
from monitor.config.reading import read_file
from monitor.config.secrets import smtp_password
from monitor.errors import ConfigError, Problem, RuleError
from monitor.rules.changes import describe_changes, describe_sets
from monitor.rules.compile import Ruleset, compile_rules
from monitor.texts import joined, sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig(CheckedConfig):
    """A configuration in which everything was checked, with its rules compiled."""

    rules: Ruleset
    password: str
    smtp_hash: (
        str  # of [smtp], the password and the content of ca_file: another one, another way to the server
    )

    def __repr__(self) -> str:  # the password stays out of tracebacks
        return f"LoadedConfig({self.path})"


def load(path: Path) -> LoadedConfig:
    """Read, check and compile a file. Raises ConfigError with every problem found."""
    return check_bytes(path, read_file(path))


def load_complete(path: Path) -> LoadedConfig:
    """Load a file to work by. Raises ConfigError for one without any feed or subscription, too: it may be cut off."""
    loaded = load(path)
    if problems := list(missing_work(loaded.config)):
        raise ConfigError(path.name, problems)
    return loaded


def check_bytes(path: Path, raw: bytes) -> LoadedConfig:
    """Check and compile what would stand in the file. Raises ConfigError with every problem found."""
    checked = check_options(path, raw)
    config, problems = checked.config, list(missing_files(checked))
    try:
        rules = compile_rules(config.rules, config.feeds, config.aliases, config.matching.ignore)
    except RuleError as error:
        raise ConfigError(checked.path.name, [_problem_with_caret(error, checked), *problems]) from None
    if problems:
        raise ConfigError(checked.path.name, problems)
    password = smtp_password(config.smtp, folder=checked.folder)
    return LoadedConfig(
        path=checked.path,
        content_hash=checked.content_hash,
        text=checked.text,
        config=config,
        rules=rules,
        password=password,
        smtp_hash=smtp_hash(checked, password),
    )


def _problem_with_caret(error: RuleError, checked: CheckedConfig) -> Problem:
    """Place a mistake in a word of a rule or an alias set: its line, and a caret under it."""
    index, key, where, rules = 0, error.rule, f"[{error.table}]", checked.config.rules
    if error.table == "rules":
        index = next(number for number, rule in enumerate(rules) if rule.name == error.rule)
        rule = rules[index]
        key = "when" if error.word == rule.when else ""
        key = next((key for key in WORD_LISTS if error.word in getattr(rule, key)), key)
        where = f'[[rules]] "{error.rule}"'
    return Problem(
        where=where,
        key=key,
        line=read_positions(checked.text).line_of(error.table, index, key),
        what=joined("", (error.explanation, caret(error.word, error.column))),
    )


def changes(old: LoadedConfig, new: LoadedConfig) -> list[str]:
    """Return what an edit changed, a line each: `rule 人工智能: +2 words`."""
    before, after = old.config, new.config
    lines = describe_changes(before.rules, after.rules)
    lines += _changed_feeds(before.feeds, after.feeds)
    lines += _changed_subscriptions(before.subscriptions, after.subscriptions)
    lines += describe_sets(before.aliases, after.aliases)
    for table in OPTION_TABLES:
        keys = changed_options(getattr(before, table), getattr(after, table))
        lines += [f"[{table}] {key}" for key in keys]
    if old.smtp_hash != new.smtp_hash and before.smtp == after.smtp:
        lines.append(sentence("[smtp] the content of its password or certificates"))
    return lines


def dropped(old: LoadedConfig, new: LoadedConfig) -> list[str]:
    """Return of which tables an edit leaves fewer than half, with the counts: `2 of 12 feeds are left`.

    Feeds that were paused do not count; one that is paused by the edit is left.
    """
    paused = {feed.url for feed in old.config.feeds if not feed.enabled}
    left = sum(feed.url not in paused for feed in new.config.feeds)
    counts = {
        "feeds": (left, len(old.config.polled)),
        "rules": (len(new.config.rules), len(old.config.rules)),
    }
    lines: list[str] = []
    for table, (left, before) in counts.items():
        if 2 * left < before and table == "feeds":
            lines.append(sentence("{left} of {before} feeds are left", left=left, before=before))
        elif 2 * left < before:
            lines.append(sentence("{left} of {before} rules are left", left=left, before=before))
    return lines


def _changed_feeds(before: Sequence[Feed], after: Sequence[Feed]) -> list[str]:
    old, new = {feed.name: feed for feed in before}, {feed.name: feed for feed in after}
    edited = [name for name in new if name in old and new[name] != old[name]]
    return [
        *(sentence("feed {name}: new", name=name) for name in new if name not in old),
        *(sentence("feed {name}: gone", name=name) for name in old if name not in new),
        *(sentence("feed {name}: changed", name=name) for name in edited),
    ]


def _changed_subscriptions(before: Sequence[Subscription], after: Sequence[Subscription]) -> list[str]:
    old, new = {each.name: each for each in before}, {each.name: each for each in after}
    edited = [name for name in new if name in old and new[name] != old[name]]
    return [
        *(sentence("subscription {name}: new", name=name) for name in new if name not in old),
        *(sentence("subscription {name}: gone", name=name) for name in old if name not in new),
        *(sentence("subscription {name}: changed", name=name) for name in edited),
    ]
