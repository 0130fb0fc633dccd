"""Load config.toml: read, check, compile it; and name what changed between two configurations."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from monitor.config.options import (
    OPTION_TABLES,
    WORD_LISTS,
    Config,
    Feed,
    Subscription,
    changed_options,
)
from monitor.config.positions import caret, only, read_positions, rule_part
from monitor.config.reading import as_text, parse_config, read_file
from monitor.config.secrets import smtp_password
from monitor.errors import ConfigError, Problem, RuleError
from monitor.rules.changes import describe_changes, describe_sets
from monitor.rules.compile import Ruleset, compile_rules


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    """A configuration in which everything was checked, with its rules compiled."""

    path: Path
    content_hash: str  # SHA-256 of the file's bytes, in hex
    rule_text: str  # the part of the file about rules, as written
    config: Config
    rules: Ruleset
    password: str

    def __repr__(self) -> str:  # the password stays out of tracebacks
        return f"LoadedConfig({self.path})"

    @property
    def folder(self) -> Path:
        """The folder that relative paths in the file count from."""
        return self.path.parent

    @property
    def store_url(self) -> str:
        """The database's URL, with a relative SQLite path made absolute."""
        return _absolute_store_url(self.config.store.url, self.folder)

    @property
    def maildir(self) -> Path | None:
        """The Maildir for digests while [smtp] host is empty; None when there is a mail server."""
        return maildir_of(self.config, self.path)


def load(path: Path) -> LoadedConfig:
    """Read, check and compile a file. Raises ConfigError with every problem found."""
    return check_bytes(path, read_file(path))


def check_bytes(path: Path, raw: bytes) -> LoadedConfig:
    """Check and compile what would stand in the file. Raises ConfigError with every problem found."""
    path = path.absolute()
    text = as_text(raw, path)
    config = parse_config(text, path.name)
    problems = [*_missing_files(config, path.parent)]
    try:
        rules = compile_rules(config.rules, config.feeds, config.aliases, config.matching.ignore)
    except RuleError as error:
        raise ConfigError(path.name, [_problem_with_caret(error, config, text), *problems]) from None
    if problems:
        raise ConfigError(path.name, problems)
    return LoadedConfig(
        path=path,
        content_hash=hashlib.sha256(raw).hexdigest(),
        rule_text=rule_part(text),
        config=config,
        rules=rules,
        password=smtp_password(config.smtp, folder=path.parent),
    )


def store_url_of(path: Path) -> str:
    """Return the URL of the database a file names, whatever is wrong with the rest of it. Raises ConfigError."""
    text = only(as_text(read_file(path), path), "store")
    return _absolute_store_url(parse_config(text, path.name).store.url, path.absolute().parent)


def feed_names_of(path: Path) -> dict[str, str]:
    """Return the names of a file's feeds by URL, whatever is wrong elsewhere in it; {} when they cannot be read."""
    try:
        text = only(as_text(read_file(path), path), "feeds")
        return {feed.url: feed.name for feed in parse_config(text, path.name, whole=False).feeds}
    except ConfigError:
        return {}


def content_hash_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hex; "" when it cannot be read just now."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def maildir_of(config: Config, path: Path) -> Path | None:
    """Return the Maildir for digests: beside an SQLite file, else in "data" beside config.toml; None with [smtp]."""
    if config.smtp.host:
        return None
    folder = path.absolute().parent
    scheme, _, database = _absolute_store_url(config.store.url, folder).partition(":///")
    if scheme.startswith("sqlite") and database:
        return Path(unquote(database.partition("?")[0])).parent / "Maildir"
    return folder / "data" / "Maildir"


def _absolute_store_url(url: str, folder: Path) -> str:
    """Return the URL with a relative SQLite path counted from the folder of config.toml."""
    scheme, separator, path = url.partition(":///")
    if not separator or not scheme.startswith("sqlite") or path.startswith("/") or path in ("", ":memory:"):
        return url
    return f"{scheme}:///{quote(str(folder))}/{path}"


def _missing_files(config: Config, folder: Path) -> Iterator[Problem]:
    if config.digests.templates and not (folder / config.digests.templates).is_dir():
        what = f"there is no directory {folder / config.digests.templates}."
        yield Problem(where="[digests]", key="templates", line=None, what=what)
    if config.smtp.ca_file and not (folder / config.smtp.ca_file).is_file():
        what = f"there is no file {folder / config.smtp.ca_file}."
        yield Problem(where="[smtp]", key="ca_file", line=None, what=what)


def _problem_with_caret(error: RuleError, config: Config, text: str) -> Problem:
    """Place a mistake in a word of a rule or an alias set: its line, and a caret under it."""
    index, key, where = 0, error.rule, f"[{error.table}]"
    if error.table == "rules":
        index = next(number for number, rule in enumerate(config.rules) if rule.name == error.rule)
        rule = config.rules[index]
        key = "when" if error.word == rule.when else ""
        key = next((key for key in WORD_LISTS if error.word in getattr(rule, key)), key)
        where = f'[[rules]] "{error.rule}"'
    return Problem(
        where=where,
        key=key,
        line=read_positions(text).line_of(error.table, index, key),
        what=error.what + caret(error.word, error.column),
    )


def changes(old: LoadedConfig, new: LoadedConfig) -> list[str]:
    """Return what an edit changed, a line each: `rule 人工智能: +2 words`."""
    before, after = old.config, new.config
    lines = describe_changes(before.rules, after.rules)
    lines += _changed_nouns("feed", before.feeds, after.feeds)
    lines += _changed_nouns("subscription", before.subscriptions, after.subscriptions)
    lines += describe_sets(before.aliases, after.aliases)
    for table in OPTION_TABLES:
        keys = changed_options(getattr(before, table), getattr(after, table))
        lines += [f"[{table}] {key}" for key in keys]
    return lines


def _changed_nouns(
    noun: str, before: Sequence[Feed] | Sequence[Subscription], after: Sequence[Feed] | Sequence[Subscription]
) -> list[str]:
    old, new = {table.name: table for table in before}, {table.name: table for table in after}
    return [
        *(f"{noun} {name}: new" for name in new if name not in old),
        *(f"{noun} {name}: gone" for name in old if name not in new),
        *(f"{noun} {name}: changed" for name in new if name in old and new[name] != old[name]),
    ]
