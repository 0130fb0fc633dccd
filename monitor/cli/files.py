"""Commands about the configuration file: init, check, config."""

import sys
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import time, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from monitor.assets import DEFAULT_CONFIG
from monitor.cli.lint import found_in, say_findings
from monitor.config_values import between, hide_password, in_words
from monitor.current import load
from monitor.errors import ConfigError
from monitor.model import Feed, Rule, Subscription
from monitor.rule_findings import values
from monitor.terminal import answer, complain, count, say


def init(path: Path) -> int:
    """Write the default configuration; 1 when a file is there already."""
    try:
        with path.open("xb") as file:
            file.write(DEFAULT_CONFIG.read_bytes())
    except FileExistsError:
        complain(f"{path} is there already and was left as it is. Move it away to start anew.")
        return 1
    except OSError as error:
        complain(f"{path} cannot be written: {error.strerror}.")
        return 1
    say(f'{path} is written. Put your address in [[subscriptions]] "to", then: monitor check, monitor run.')
    return 0


def check(path: Path, *, json: bool) -> int:
    """Name every problem, 2 when there is one; and what is odd in the rules, which is no error."""
    try:
        current = load(path)
    except ConfigError as error:
        if json:
            problems = [asdict(problem) for problem in error.problems]
            answer({"ok": False, "file": str(path), "problems": problems})
            return 2
        raise
    config = current.config
    mail = f"{config.smtp.host}:{config.smtp.port}" if config.smtp.host else f"Maildir {current.maildir}"
    found = found_in(path)
    if json:
        answer({"ok": True, "file": str(path), "problems": [], "findings": values(found), "mail": mail})
        return 0
    say(
        f"{path} is good: {count(len(config.feeds), 'feed')}, {count(len(config.rules), 'rule')}, "
        f"{count(len(config.subscriptions), 'subscription')}. Mail goes to {mail}."
    )
    if current.maildir:
        say("[smtp] host is empty, so digests are put into that folder. Set it to send mail.")
    if found:
        say(f"{count(len(found), 'thing')} in the rules may not do what it seems to:")
        say_findings(path, found)
    return 0


def show_config(path: Path, *, json: bool) -> int:
    """Every option in force, in the form of config.toml."""
    values = _as_written(load(path).config)
    if json:
        answer(values)
        return 0
    import tomlkit

    sys.stdout.write(tomlkit.dumps(values))
    return 0


def _as_written(value: object) -> Any:
    """A value as it would stand in config.toml, passwords in URLs hidden."""
    match value:
        case BaseModel():
            return {key: _as_written(getattr(value, key)) for key in type(value).model_fields}
        case Rule():
            weights = dict(value.weights)
            shown = {field.name: _as_written(getattr(value, field.name)) for field in fields(value)}
            del shown["weights"]
            for key in ("any", "all", "none", "hints"):
                shown[key] = [
                    {"word": word, "weight": weights[word]} if word in weights else word
                    for word in shown[key]
                ]
            shown["quiet"] = [between(span) for span in value.quiet]
            return shown
        case Feed() | Subscription():
            pairs = ((field.name, getattr(value, field.name)) for field in fields(value))
            return {key: _as_written(item) for key, item in pairs if item is not None}
        case timedelta():
            return in_words(value)
        case time():
            return value.isoformat("seconds" if value.second else "minutes")
        case Mapping():
            return {key: _as_written(item) for key, item in value.items()}
        case tuple():
            return [_as_written(item) for item in value]
        case str():
            return hide_password(value)
        case _:
            return value
