"""A config.toml becomes a Config, or every problem in it at once."""

import os
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from monitor import model
from monitor.config import (
    NOUN_TABLES,
    OPTION_TABLES,
    Config,
    FeedTable,
    RuleTable,
    SmtpOptions,
    SubscriptionTable,
)
from monitor.config_values import Weighed
from monitor.errors import ConfigError, Problem
from monitor.toml_lines import Lines, lines_of
from monitor.toml_trouble import trouble

PASSWORD_VARIABLE = "MONITOR_SMTP__PASSWORD"  # noqa: S105 - the name of a variable, not its value
PASSWORD_CREDENTIAL = "smtp_password"  # noqa: S105 - likewise


def read_file(path: Path) -> bytes:
    """The bytes of a configuration file. Raises ConfigError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        way = 'Make one with "monitor init".'
        if path.name != "config.toml":
            way = 'Is the name right? "monitor init" makes a config.toml.'
        raise _refusal(path, f"there is no such file. {way}") from None
    except OSError as error:
        raise _refusal(path, f"it cannot be read: {error.strerror}.") from None


def as_text(raw: bytes, path: Path) -> str:
    """The text in those bytes, a byte order mark taken off. Raises ConfigError."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refusal(path, f"this is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from None


def _refusal(path: Path, what: str, line: int | None = None) -> ConfigError:
    return ConfigError(str(path), [Problem(where="the file", key="", line=line, what=what)])


def parse_config(text: str, path: str, *, whole: bool = True) -> Config:
    """Check a TOML text; `path` is only for messages. Raises ConfigError with every problem found.

    When it is not the whole, but only the rules of a file, they may name feeds that are not in it.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, what = trouble(error, text)
        raise _refusal(Path(path), what, line) from None
    lines = lines_of(text)
    problems = list(_unknown_tables(raw, lines))
    options = {name: _read(name, 0, raw.get(name, {}), lines, problems) for name in OPTION_TABLES}
    nouns = {name: _read_all(name, raw.get(name, []), lines, problems) for name in NOUN_TABLES}
    aliases = _aliases(raw.get("aliases", {}), lines, problems)
    problems += _crossed(raw, nouns, lines, whole=whole)
    if problems:
        raise ConfigError(path, sorted(problems, key=lambda problem: problem.line or 0))
    return Config(
        **options,
        aliases=aliases,
        feeds=tuple(_feed(table) for _, table in nouns["feeds"]),
        rules=tuple(_rule(table) for _, table in nouns["rules"]),
        subscriptions=tuple(_subscription(table) for _, table in nouns["subscriptions"]),
    )


def _unknown_tables(raw: Mapping[str, Any], lines: Lines) -> Iterator[Problem]:
    known = [*OPTION_TABLES, *NOUN_TABLES, "aliases"]
    for name in raw:
        if name not in known:
            line = lines.find(name) or lines.find("", 0, name)
            yield Problem(
                where=f"[{name}]", key="", line=line, what="is not known.", instead=_nearest(name, known)
            )


def _nearest(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f'Did you mean "{close[0]}"?' if close else f"Known here: {', '.join(known)}."


def _read_all(name: str, raw: object, lines: Lines, problems: list[Problem]) -> list[tuple[int, Any]]:
    """The good tables of an array, each with its index."""
    if not isinstance(raw, list) or not all(isinstance(table, dict) for table in raw):
        what, instead = "several of these may stand in the file.", f"Write [[{name}]] with two brackets."
        problems.append(Problem(where=f"[{name}]", key="", line=lines.find(name), what=what, instead=instead))
        return []
    tables = ((index, _read(name, index, table, lines, problems)) for index, table in enumerate(raw))
    return [(index, table) for index, table in tables if table is not None]


def _read(name: str, index: int, raw: object, lines: Lines, problems: list[Problem]) -> Any:
    """One table as its type; None, and its problems added, when it is not right."""
    kind = NOUN_TABLES.get(name) or OPTION_TABLES[name]
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        found = [
            _problem(name, index, raw, detail, lines, list(kind.model_fields)) for detail in error.errors()
        ]
        problems += dict.fromkeys(found)  # one value with several faults (a union, a list) says it once
        return None


def _aliases(raw: object, lines: Lines, problems: list[Problem]) -> dict[str, tuple[str, ...]]:
    """[aliases]: a name, and the words it stands for."""
    if not isinstance(raw, Mapping):
        what = "a table of names is wanted."
        problems.append(
            Problem(
                where="[aliases]",
                key="",
                line=lines.find("aliases"),
                what=what,
                instead='英伟达 = ["英伟达", "NVIDIA"]',
            )
        )
        return {}
    good = {}
    for name, words in raw.items():
        if (
            isinstance(words, list)
            and words
            and all(isinstance(word, str) and word.strip() for word in words)
        ):
            good[name] = tuple(words)
            continue
        what = 'a list of words is wanted, as in ["英伟达", "NVIDIA"].'
        problems.append(Problem(where="[aliases]", key=name, line=lines.find("aliases", 0, name), what=what))
    return good


def _problem(name: str, index: int, raw: object, detail: Any, lines: Lines, known: Sequence[str]) -> Problem:
    key = str(detail["loc"][0]) if detail["loc"] else ""
    where = _title(name, raw.get("name") if isinstance(raw, Mapping) else None)
    line = lines.find(name, index, key)
    if detail["type"] == "extra_forbidden":
        return Problem(where=where, key=key, line=line, what="is not known.", instead=_nearest(key, known))
    if detail["type"] == "missing":
        example = {"to": '["you@example.org"]', "url": '"https://cn.nytimes.com/rss/"'}.get(key, '"…"')
        instead = f"Add {key} = {example}"
        return Problem(where=where, key=key, line=line, what="is missing.", instead=instead)
    what = str(detail["msg"]).removeprefix("Value error, ").removesuffix(".")
    # A proxy or a store may carry a password: what was given there is not repeated.
    shown = key and key != "proxy" and name != "store" and not isinstance(detail["input"], dict | list)
    given = f", not {detail['input']!r}" if shown else ""
    return Problem(where=where, key=key, line=line, what=f"{what}{given}.")


def _title(table: str, name: object) -> str:
    if table in OPTION_TABLES:
        return f"[{table}]"
    return f'[[{table}]] "{name}"' if isinstance(name, str) else f"[[{table}]]"


def _crossed(
    raw: Mapping[str, Any], nouns: Mapping[str, list[tuple[int, Any]]], lines: Lines, *, whole: bool
) -> Iterator[Problem]:
    """What is wrong between tables: names given twice, names of nobody."""
    for table, found in nouns.items():
        for key in ("name", "url") if table == "feeds" else ("name",):
            count = Counter(getattr(one, key) for _, one in found)
            for index, one in found:
                if count[getattr(one, key)] > 1:
                    what = f"{getattr(one, key)!r} stands more than once; give each its own."
                    yield Problem(
                        where=_title(table, one.name), key=key, line=lines.find(table, index, key), what=what
                    )
    named = (("rules", "feeds", "feeds"), ("subscriptions", "rules", "rules"))
    for table, key, target in named if whole else ():
        # The names of broken tables count too: each mistake is told once.
        written = raw.get(target, [])
        names = (
            [str(one.get("name")) for one in written if isinstance(one, dict)]
            if isinstance(written, list)
            else []
        )
        for index, one in nouns[table]:
            for name in getattr(one, key):
                if name not in names:
                    yield Problem(
                        where=_title(table, one.name),
                        key=key,
                        line=lines.find(table, index, key),
                        what=f'there is no [[{target}]] named "{name}".',
                        instead=_nearest(name, names) if names else "",
                    )


def _feed(table: FeedTable) -> model.Feed:
    return model.Feed(**{key: getattr(table, key) for key in FeedTable.model_fields})


def _rule(table: RuleTable) -> model.Rule:
    values = {key: getattr(table, key) for key in RuleTable.model_fields}
    words = [word for key in ("any", "all", "none", "hints") for word in values[key]]
    # In the rule a word is a string and nothing else; what it counts stands beside it.
    values |= {key: tuple(map(str, values[key])) for key in ("any", "all", "none", "hints", "ignore")}
    weights = {str(word): word.weight for word in words if isinstance(word, Weighed) and word.weight != 1}
    return model.Rule(**values, weights=tuple(sorted(weights.items())))


def _subscription(table: SubscriptionTable) -> model.Subscription:
    values = {key: getattr(table, key) for key in SubscriptionTable.model_fields}
    values["to"] = tuple(dict.fromkeys(table.to))
    return model.Subscription(
        **{**values, "at": tuple(sorted(set(table.at))), "days": tuple(sorted(set(table.days)))}
    )


def smtp_password(smtp: SmtpOptions, *, folder: Path, environ: Mapping[str, str] = os.environ) -> str:
    """The password for the mail server, or "" when no login is wanted.

    The first of: $CREDENTIALS_DIRECTORY/smtp_password (systemd), [smtp] password_file (a relative path counts
    from `folder`), $MONITOR_SMTP__PASSWORD. Raises ConfigError when a login is wanted and none can be had.
    """
    if not smtp.host or not smtp.username:
        return ""
    credential = Path(environ.get("CREDENTIALS_DIRECTORY", "")) / PASSWORD_CREDENTIAL
    file = folder / smtp.password_file if smtp.password_file else None
    try:
        if environ.get("CREDENTIALS_DIRECTORY") and credential.is_file():
            return credential.read_text("utf-8").strip("\r\n")
        if file:
            return file.read_text("utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        what = f"cannot be read: {reason}."
        raise ConfigError(
            str(file or credential), [Problem(where="[smtp]", key="password_file", line=None, what=what)]
        ) from None
    if password := environ.get(PASSWORD_VARIABLE, ""):
        return password
    what = f"there is no password for the login {smtp.username}."
    instead = f'Add password_file = "/etc/monitor/smtp_password", or set {PASSWORD_VARIABLE}.'
    raise ConfigError(
        "config.toml", [Problem(where="[smtp]", key="password_file", line=None, what=what, instead=instead)]
    )
