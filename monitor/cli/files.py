"""Commands about the configuration file: init, check, config."""

import sys
from dataclasses import asdict
from pathlib import Path

from monitor.assets import DEFAULT_CONFIG
from monitor.cli.lint import found_in, say_findings
from monitor.cli.terminal import answer, complain, count, say
from monitor.config.options import as_written
from monitor.editing.findings import values
from monitor.errors import ConfigError
from monitor.loaded import load


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
    values = as_written(load(path).config)
    if json:
        answer(values)
        return 0
    import tomlkit

    sys.stdout.write(tomlkit.dumps(values))
    return 0
