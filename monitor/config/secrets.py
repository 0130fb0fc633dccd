"""Find passwords: the mail server's (systemd's credential, a file, or the environment), a feed's (a file)."""

import os
from collections.abc import Mapping
from pathlib import Path

from monitor.config.options import Feed, SmtpOptions
from monitor.errors import ConfigError, Problem
from monitor.reasons import reason_of
from monitor.texts import sentence

PASSWORD_VARIABLE = "MONITOR_SMTP__PASSWORD"  # noqa: S105 - the name of a variable, not its value
PASSWORD_CREDENTIAL = "smtp_password"  # noqa: S105 - likewise


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
        raise _unreadable(error, file or credential, smtp.password_file, "[smtp]") from None
    if password := environ.get(PASSWORD_VARIABLE, ""):
        return password
    what = sentence("there is no password for the login {name}.", name=smtp.username)
    instead = sentence(
        'Add password_file = "/etc/monitor/smtp_password", or set {variable}.', variable=PASSWORD_VARIABLE
    )
    raise ConfigError(
        "config.toml", [Problem(where="[smtp]", key="password_file", line=None, what=what, instead=instead)]
    )


def password_place(smtp: SmtpOptions, *, folder: Path, environ: Mapping[str, str] = os.environ) -> str:
    """Return where `smtp_password` finds the password: a file, or the name of a variable."""
    credential = Path(environ.get("CREDENTIALS_DIRECTORY", "")) / PASSWORD_CREDENTIAL
    if environ.get("CREDENTIALS_DIRECTORY") and credential.is_file():
        return str(credential)
    return str(folder / smtp.password_file) if smtp.password_file else PASSWORD_VARIABLE


def feed_password(feed: Feed, *, folder: Path) -> str:
    """Return the password in a feed's password_file, "" without one; a relative path counts from `folder`.

    Raises ConfigError for a file that cannot be read.
    """
    if not feed.password_file:
        return ""
    file = folder / feed.password_file
    try:
        return file.read_text("utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(error, file, feed.password_file, f'[[feeds]] "{feed.name}"') from None


def _unreadable(error: OSError | UnicodeDecodeError, file: Path, written: str, where: str) -> ConfigError:
    what: str
    instead: str
    if isinstance(error, OSError) and written and not {"/", "\\", ".", "~"} & set(written):
        # Who writes the password itself here shall not find it in a log.
        what = sentence("cannot be read: there is no file of this name in {folder}.", folder=str(file.parent))
        instead = sentence("Name the file that holds the password, such as /etc/monitor/smtp_password.")
        name = "config.toml"
    else:
        why = reason_of(error) if isinstance(error, OSError) else sentence("it is not UTF-8 text")
        what, instead, name = sentence("cannot be read: {why}.", why=why), "", str(file)
    return ConfigError(
        name, [Problem(where=where, key="password_file", line=None, what=what, instead=instead)]
    )
