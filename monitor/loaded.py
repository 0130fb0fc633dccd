"""The configuration in force: read, compiled, and compared with the one before."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from monitor.config.options import OPTION_TABLES, WORD_LISTS, Config, changed_options
from monitor.config.positions import caret, only, read_positions, rule_part
from monitor.config.reading import as_text, parse_config, read_file
from monitor.config.secrets import smtp_password
from monitor.errors import ConfigError, Problem, RuleError
from monitor.rules.changes import describe_changes, describe_sets
from monitor.rules.match import Ruleset, compile_rules


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    """A configuration that can be worked by: everything in it was checked."""

    path: Path
    digest: str  # of the file's bytes
    rule_text: str  # the part of it about rules, as written
    config: Config
    rules: Ruleset
    password: str

    def __repr__(self) -> str:  # the password stays out of tracebacks
        return f"LoadedConfig({self.path})"

    @property
    def folder(self) -> Path:
        """What relative paths in the file count from."""
        return self.path.parent

    @property
    def store_url(self) -> str:
        """The database, with a relative SQLite path made absolute."""
        return _absolute(self.config.store.url, self.folder)

    @property
    def data_folder(self) -> Path:
        """Where the Maildir stands: beside an SQLite file, else in "data" beside config.toml."""
        head, _, path = self.store_url.partition(":///")
        return (
            Path(unquote(path.partition("?")[0])).parent
            if head.startswith("sqlite") and path
            else self.folder / "data"
        )

    @property
    def maildir(self) -> Path | None:
        """Where digests go while [smtp] host is empty; None when there is a mail server."""
        return None if self.config.smtp.host else self.data_folder / "Maildir"


def _absolute(url: str, folder: Path) -> str:
    """A relative SQLite path counts from the folder of config.toml."""
    head, relative, path = url.partition(":///")
    if not relative or not head.startswith("sqlite") or path.startswith("/") or path in ("", ":memory:"):
        return url
    return f"{head}:///{quote(str(folder))}/{path}"


def load(path: Path) -> LoadedConfig:
    """Read, check and compile a file. Raises ConfigError with every problem found."""
    return checked(path, read_file(path))


def checked(path: Path, raw: bytes) -> LoadedConfig:
    """The same for what would stand in the file. Raises ConfigError with every problem found."""
    path = path.absolute()
    text = as_text(raw, path)
    config = parse_config(text, path.name)
    problems = [*_missing_files(config, path.parent)]
    try:
        rules = compile_rules(config.rules, config.feeds, config.aliases, config.matching.ignore)
    except RuleError as error:
        raise ConfigError(path.name, [_pointed(error, config, text), *problems]) from None
    if problems:
        raise ConfigError(path.name, problems)
    return LoadedConfig(
        path=path,
        digest=hashlib.sha256(raw).hexdigest(),
        rule_text=rule_part(text),
        config=config,
        rules=rules,
        password=smtp_password(config.smtp, folder=path.parent),
    )


def store_url_of(path: Path) -> str:
    """The database a file names, whatever is wrong with the rest of it. Raises ConfigError when even that is."""
    text = only(as_text(read_file(path), path), "store")
    return _absolute(parse_config(text, path.name).store.url, path.absolute().parent)


def feed_names_of(path: Path) -> dict[str, str]:
    """The feeds a file names, by URL, whatever is wrong with the rest of it; none when even they cannot be read."""
    try:
        text = only(as_text(read_file(path), path), "feeds")
        return {feed.url: feed.name for feed in parse_config(text, path.name, whole=False).feeds}
    except ConfigError:
        return {}


def content_of(path: Path) -> str:
    """A digest of a file's bytes; "" when it cannot be read just now."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _missing_files(config: Config, folder: Path) -> Iterator[Problem]:
    if config.digests.templates and not (folder / config.digests.templates).is_dir():
        what = f"there is no directory {folder / config.digests.templates}."
        yield Problem(where="[digests]", key="templates", line=None, what=what)
    if config.smtp.ca_file and not (folder / config.smtp.ca_file).is_file():
        what = f"there is no file {folder / config.smtp.ca_file}."
        yield Problem(where="[smtp]", key="ca_file", line=None, what=what)


def _pointed(error: RuleError, config: Config, text: str) -> Problem:
    """A mistake in a word of a rule or an alias set, with a caret under it."""
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
    """What an edit has changed, each in a few words: `rule 人工智能: +2 words`."""
    told = describe_changes(old.config.rules, new.config.rules)
    for noun, before, after in (
        ("feed", old.config.feeds, new.config.feeds),
        ("subscription", old.config.subscriptions, new.config.subscriptions),
    ):
        was, now = {one.name: one for one in before}, {one.name: one for one in after}
        told += [f"{noun} {name}: new" for name in now if name not in was]
        told += [f"{noun} {name}: gone" for name in was if name not in now]
        told += [f"{noun} {name}: changed" for name in now if name in was and now[name] != was[name]]
    told += describe_sets(old.config.aliases, new.config.aliases)
    for table in OPTION_TABLES:
        keys = changed_options(getattr(old.config, table), getattr(new.config, table))
        told += [f"[{table}] {key}" for key in keys]
    return told
