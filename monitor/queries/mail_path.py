"""Walk the way that mails take, by the configuration: who sends to whom by which server, and what stops a mail."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from monitor.config.addresses import parse_mailbox
from monitor.config.options import Config, SmtpOptions
from monitor.config.secrets import password_place, smtp_password
from monitor.errors import ConfigError, Problem
from monitor.mail.diagnosis import Account, PasswordShape
from monitor.texts import said, sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPath:
    """Who sends to whom, and by which server."""

    password: str = field(repr=False)
    to: str  # perhaps with a display name
    account: Account

    @property
    def smtp(self) -> SmtpOptions:
        """The options of the server, ca_file as an absolute path."""
        return self.account.smtp


def mail_path_of(
    config: Config,
    *,
    folder: Path,
    file: str,
    to: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> MailPath:
    """Return the way of a mail to an address, without one to the operator or the first recipient.

    Relative paths count from `folder`; `file` is the name of the configuration, for messages. Raises ConfigError where
    there is no recipient, or no password though a login is wanted.
    """
    recipient = to or next(iter(_addressed(config)), "")
    smtp = config.smtp
    if smtp.ca_file:
        smtp = replace(smtp, ca_file=str(folder / smtp.ca_file))
    password = smtp_password(smtp, folder=folder, environ=environ)
    place = password_place(smtp, folder=folder, environ=environ)
    if smtp.host and smtp.username and not password.strip():
        what = sentence(
            "{place} is empty: there is no password for the login {username}.",
            place=place,
            username=smtp.username,
        )
        instead = sentence("Write the password (授权码) into it, and nothing else.")
        raise ConfigError(
            file, [Problem(where="[smtp]", key="password_file", line=None, what=what, instead=instead)]
        )
    account = Account(smtp=smtp, to=_address(recipient, file), shape=PasswordShape.of(password), place=place)
    return MailPath(password=password, to=recipient, account=account)


def _addressed(config: Config) -> tuple[str, ...]:
    return (*config.operator.to, *(to for subscription in config.subscriptions for to in subscription.to))


def _address(recipient: str, file: str) -> str:
    if not recipient:
        what = sentence("there is nobody to send to.")
        instead = sentence(
            "Name an address: monitor send-test you@example.org, or write it into [operator] to."
        )
        raise ConfigError(file, [Problem(where="send-test", key="", line=None, what=what, instead=instead)])
    try:
        return parse_mailbox(recipient).address
    except ValueError as error:
        what = sentence("{address} is no mail address: {why}.", address=recipient, why=said(error))
        raise ConfigError(file, [Problem(where="send-test", key="", line=None, what=what)]) from None
