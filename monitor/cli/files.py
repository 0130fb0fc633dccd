"""Commands about the configuration file: init, check, config."""

import sys
from pathlib import Path

from monitor.assets import DEFAULT_CONFIG
from monitor.cli.lint import finding_answers, found_in, say_findings
from monitor.cli.terminal import answer, complain, count, say
from monitor.config.checked import CheckedConfig, read_options
from monitor.config.options import as_written
from monitor.errors import ConfigError
from monitor.loaded import load
from monitor.queries.answers.config import CheckAnswer, MaildirTransport, SmtpTransport


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
            answer(CheckAnswer(ok=False, file=str(path), problems=error.problems))
            return 2
        raise
    config = current.config
    found = found_in(path)
    if json:
        answer(
            CheckAnswer(ok=True, file=str(path), findings=finding_answers(found), mail=transport_of(current))
        )
        return 0
    mail = f"Maildir {current.maildir}" if current.maildir else f"{config.smtp.host}:{config.smtp.port}"
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


def transport_of(current: CheckedConfig) -> MaildirTransport | SmtpTransport:
    """Return how digests leave by a configuration."""
    if current.maildir:
        return MaildirTransport(path=str(current.maildir))
    return SmtpTransport(host=current.config.smtp.host, port=current.config.smtp.port)


def show_config(path: Path, *, json: bool) -> int:
    """Every option in force, in the form of config.toml."""
    values = as_written(read_options(path).config)
    if json:
        answer(values)
        return 0
    import tomlkit

    sys.stdout.write(tomlkit.dumps(values))
    return 0
