"""A config.toml whose options were checked, its rules not yet compiled: enough for commands that match nothing."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from urllib.parse import quote, unquote
from zoneinfo import available_timezones

from monitor.config.environment import Overrides, overrides_of
from monitor.config.options import Config, Subscription
from monitor.config.positions import only, read_positions, rule_part
from monitor.config.reading import as_text, parse_config, read_file
from monitor.config.secrets import feed_password, smtp_password
from monitor.errors import ConfigError, Problem
from monitor.reasons import reason_of
from monitor.texts import sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedConfig:
    """A file and the options in it."""

    path: Path
    content_hash: str  # SHA-256 of the file's bytes, in hex
    text: str
    config: Config

    @property
    def folder(self) -> Path:
        """The folder that relative paths in the file count from."""
        return self.path.parent

    @property
    def rule_text(self) -> str:
        """The part of the file about rules, as written."""
        return rule_part(self.text)

    @property
    def store_url(self) -> str:
        """The database's URL, with a relative SQLite path made absolute."""
        return _absolute_store_url(self.config.store.url, self.folder)

    @property
    def database_file(self) -> Path | None:
        """The file of a SQLite database; None for another one."""
        scheme, _, file = self.store_url.partition(":///")
        return Path(unquote(file.partition("?")[0])) if scheme.startswith("sqlite") and file else None

    @property
    def templates(self) -> str:
        """The operator's directory of templates; "" when there is none."""
        directory = self.config.digests.templates
        return str(self.folder / directory) if directory else ""

    @property
    def archive(self) -> Path | None:
        """The directory of the archive; None when there is none."""
        directory = self.config.archive.directory
        return self.folder / directory if directory else None

    @property
    def maildir(self) -> Path | None:
        """The Maildir for digests while [smtp] host is empty; None when there is a mail server."""
        return None if self.config.smtp.host else self.maildir_path

    @property
    def maildir_path(self) -> Path:
        """The Maildir for digests that were composed without a mail server."""
        data = self.database_file.parent if self.database_file else self.folder / "data"
        return data / "Maildir"


def check_options(path: Path, raw: bytes) -> CheckedConfig:
    """Check the options of what stands, or would stand, in a file. Raises ConfigError with every problem found."""
    path = path.absolute()
    text = as_text(raw, path)
    return CheckedConfig(
        path=path,
        content_hash=hashlib.sha256(raw).hexdigest(),
        text=text,
        config=parse_config(text, path.name, overrides=overrides_of(os.environ)),
    )


def read_options(path: Path) -> CheckedConfig:
    """Read a file and check everything about it but its rules. Raises ConfigError with every problem found."""
    checked = check_options(path, read_file(path))
    if problems := list(missing_files(checked)):
        raise ConfigError(checked.path.name, problems)
    smtp_password(checked.config.smtp, folder=checked.folder)
    return checked


def missing_files(checked: CheckedConfig) -> Iterator[Problem]:
    """Report the files and directories that a configuration names and that do not exist, or cannot be seen."""
    if checked.templates:
        what = sentence("there is no directory {path}.", path=checked.templates)
        if reason := _reason_against(Path(checked.templates), Path.is_dir, what):
            yield Problem(where="[digests]", key="templates", line=None, what=reason)
    if ca_file := checked.config.smtp.ca_file:
        path = checked.folder / ca_file
        what = sentence("there is no file {path}.", path=str(path))
        if reason := _reason_against(path, Path.is_file, what):
            yield Problem(where="[smtp]", key="ca_file", line=None, what=reason)
    yield from _missing_passwords(checked)


def _reason_against(path: Path, is_right: Callable[[Path], bool], absent: str) -> str:
    """Return `absent` for a path where nothing of the right kind is, or why it cannot be seen; "" for a right one."""
    try:
        return "" if is_right(path) else absent
    except OSError as error:  # too long, or in a directory that is closed to us
        return sentence("{file} cannot be read: {why}.", file=path, why=reason_of(error))


def _missing_passwords(checked: CheckedConfig) -> Iterator[Problem]:
    """Report the files with passwords for feeds that cannot be read."""
    for index, feed in enumerate(checked.config.feeds):
        try:
            feed_password(feed, folder=checked.folder)
        except ConfigError as error:
            line = read_positions(checked.text).line_of("feeds", index, "password_file")
            yield from (replace(problem, line=line) for problem in error.problems)


def smtp_hash_of(checked: CheckedConfig) -> str | None:
    """Return `smtp_hash` by the files that [smtp] names as they are now; None while one cannot be read."""
    smtp = checked.config.smtp
    if smtp.ca_file and not content_hash_of(checked.folder / smtp.ca_file):
        return None
    try:
        return smtp_hash(checked, smtp_password(smtp, folder=checked.folder))
    except ConfigError:
        return None


def smtp_hash(checked: CheckedConfig, password: str) -> str:
    """Return a hash of [smtp], the password and the content of ca_file: another one, another way to the server."""
    smtp = checked.config.smtp
    certificates = content_hash_of(checked.folder / smtp.ca_file) if smtp.ca_file else ""
    return hashlib.sha256(
        f"{smtp!r}\n{certificates}\n{password}".encode("utf-8", "surrogateescape")
    ).hexdigest()


def content_hash_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hex; "" when it cannot be read just now."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def missing_work(config: Config) -> Iterator[Problem]:
    """Report what a configuration has none of and a service cannot do without: it may be empty, or cut off."""
    ways = {
        "feeds": sentence("Add [[feeds]]: a feed to watch."),
        "subscriptions": sentence("Add [[subscriptions]]: who gets the digests, and when."),
    }
    for table, instead in ways.items():
        if not getattr(config, table):
            what = sentence(
                "there is none in the file, so nothing would be mailed. It may be empty or cut off."
            )
            yield Problem(where=f"[[{table}]]", key="", line=None, what=what, instead=instead)


def store_url_of(path: Path) -> str:
    """Return the URL of the database a file names, whatever is wrong with the rest of it. Raises ConfigError."""
    text = only(as_text(read_file(path), path), "store")
    values = overrides_of(os.environ).values
    overrides = Overrides(values={"store": values.get("store", {})})
    config = parse_config(text, path.name, overrides=overrides)
    return _absolute_store_url(config.store.url, path.absolute().parent)


def readable_part(path: Path) -> Config:
    """Return the tables of a refused file that are good by themselves; the others are as if they were not there."""
    text, overrides, found = as_text(read_file(path), path), overrides_of(os.environ), Config()
    for declared in fields(Config):
        values = {declared.name: overrides.values.get(declared.name, {})}
        try:
            table = only(text, declared.name)
            read = parse_config(table, path.name, whole=False, overrides=Overrides(values=values))
        except ConfigError:
            continue
        found = replace(found, **{declared.name: getattr(read, declared.name)})
    return found


def operator_locale_of(path: Path) -> str:
    """Return [operator] locale, whatever is wrong elsewhere in the file; "" when it is empty or cannot be read.

    What can be read once only, such as a pipe, is left to the command.
    """
    try:
        if not path.is_file():
            return ""
        text = only(as_text(read_file(path), path), "operator")
        return parse_config(text, path.name).operator.locale
    except (ConfigError, OSError):
        return ""


def timezone_of(path: Path) -> str:
    """Return the zone of a file's first subscription, whatever is wrong in the file; the default where it has none."""
    default = Subscription(name="", to=()).timezone
    try:
        text = only(as_text(read_file(path), path), "subscriptions")
    except ConfigError:
        return default
    try:
        found = parse_config(text, path.name, whole=False).subscriptions
        return found[0].timezone if found else default
    except ConfigError:
        first = re.split(r"(?m)^\s*\[\[", text)[1:2]
        written = re.search(r"""(?m)^\s*timezone\s*=\s*["']([^"']+)["']""", first[0]) if first else None
        return written[1] if written and written[1] in available_timezones() else default


def feed_names_of(path: Path) -> dict[str, str]:
    """Return the names of a file's feeds by URL, whatever is wrong elsewhere in it; {} when they cannot be read."""
    try:
        text = only(as_text(read_file(path), path), "feeds")
        return {feed.url: feed.name for feed in parse_config(text, path.name, whole=False).feeds}
    except ConfigError:
        return {}


def _absolute_store_url(url: str, folder: Path) -> str:
    """Return the URL with a relative SQLite path counted from the folder of config.toml."""
    scheme, separator, path = url.partition(":///")
    if not separator or not scheme.startswith("sqlite") or path.startswith("/") or path in ("", ":memory:"):
        return url
    return f"{scheme}:///{quote(str(folder))}/{path}"
