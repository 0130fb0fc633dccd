"""Put what a new installation needs into the text of a config.toml: recipient, mail server, feeds, language, times."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from monitor.config.addresses import parse_mailbox
from monitor.config.conversion import convert_table
from monitor.config.options import Config
from monitor.config.positions import read_positions
from monitor.editing.edit import behind_tables, put_whole, with_line, with_value
from monitor.editing.feeds import NewFeed, with_feeds
from monitor.errors import MonitorError
from monitor.mail.providers import Password, Provider, provider_at, provider_of
from monitor.reasons import reason_of
from monitor.rules.words import quoted
from monitor.texts import sentence

Security = Literal["implicit", "starttls", "none"]
PASSWORD_FILE = "smtp_password"  # noqa: S105 - the name of a file, beside config.toml
_PORTS: dict[Security, int] = {"implicit": 465, "starttls": 587, "none": 25}
_SENDER = "AI 日报"  # the name of the shipped sender
_WAITING = re.compile(r'^# host = "([^"\n]+)"  # waits for its password\r?\n', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A mail server and the login there."""

    host: str
    port: int
    security: Security
    username: str
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What is to stand in the file; None, or no feed: as it is."""

    to: tuple[str, ...] = ()
    host: str | None = None
    port: int | None = None
    security: str | None = None
    username: str | None = None
    password_file: str | None = None
    sender: str | None = None
    feeds: tuple[NewFeed, ...] = ()
    locale: str | None = None
    at: tuple[str, ...] | None = None
    waiting_host: str = ""  # a server that is written as a comment until there is its password


def waiting_host(text: str) -> str:
    """Return the server that waits for its password in the text of a config.toml; "" for none."""
    found = _WAITING.search(text)
    return found[1] if found else ""


def propose_server(address: str, host: str | None = None) -> Server | None:
    """Return the server by which an address is likely to send, or one at `host`; None where none is known.

    Without `host` it is the server of the address's provider; None, too, where that takes no passwords.
    """
    provider = provider_at(host) if host else provider_of(address)
    account = parse_mailbox(address).address
    if provider is None:
        if not host:
            return None
        return Server(
            host=host,
            port=_PORTS["implicit"],
            security="implicit",
            username=account,
            sender=sender_of(account),
        )
    if not provider.takes_passwords and not host:
        return None
    return Server(
        host=host or provider.host,
        port=provider.port,
        security=provider.security,
        username=account,
        sender=sender_of(account),
    )


def port_of(security: str) -> int:
    """Return the usual port of a kind of security."""
    return next((port for kind, port in _PORTS.items() if kind == security), _PORTS["implicit"])


def security_at(port: int | None) -> Security | None:
    """Return the security that a port is for; None for another port, and for 25, where it may be either."""
    return next((kind for kind in ("implicit", "starttls") if _PORTS[kind] == port), None)


def sender_of(address: str) -> str:
    """Return an address with the name of the shipped sender."""
    return f"{_SENDER} <{address}>"


def is_example(address: str) -> bool:
    """Return whether an address is one of those for examples, as the shipped ones are."""
    return parse_mailbox(address).is_example


def is_set_up(config: Config) -> bool:
    """Return whether a configuration has a recipient of its own."""
    return any(not is_example(to) for subscription in config.subscriptions for to in subscription.to)


def clean_password(typed: str, provider: Provider | None) -> str:
    """Return a password as a server takes it. Raises ValueError for characters that none of its kind has.

    A code that a provider has made is shown in groups, and has no spaces.
    """
    is_code = provider is not None and provider.password in (Password.CODE, Password.CLIENT, Password.APP)
    password = "".join(typed.split()) if is_code else typed.strip("\r\n")
    if not password:
        raise ValueError(sentence("the password is empty"))
    if (is_code and not password.isascii()) or not password.isprintable():
        raise ValueError(
            sentence("the password has characters that no such password has: switch the Chinese input off")
        )
    return password


def mistake_in(kind: type, key: str, value: object) -> str:
    """Return what is wrong with the value of an option; "" when nothing is."""
    _, mistakes = convert_table(kind, {key: value})
    return next((mistake.what for mistake in mistakes if mistake.key == key), "")


def contradiction_in(kind: type, values: Mapping[str, object]) -> str:
    """Return what options of a table may not say together; "" when nothing."""
    _, mistakes = convert_table(kind, values)
    return next((mistake.what for mistake in mistakes if not mistake.key), "")


def set_up(text: str, setup: Setup, *, is_new: bool) -> str:
    """Return the text with what is given; comments stay. Raises MonitorError where it cannot be changed in place.

    With `is_new` the text is the shipped one: the first feed stands in place of its own.
    """
    smtp: dict[str, str | int | None] = {
        "host": setup.host,
        "port": setup.port,
        "security": setup.security,
        "username": setup.username,
        "password_file": setup.password_file,
        "sender": setup.sender,
    }
    if setup.host or setup.waiting_host:
        text = _WAITING.sub("", text)
    text = _with_options(text, "smtp", {key: value for key, value in smtp.items() if value is not None})
    if setup.waiting_host:
        line = f"# host = {_written(setup.waiting_host)}  # waits for its password"
        text = with_line(text, ("smtp", 0, "host"), line)
    text = _with_subscription(text, setup)
    if setup.feeds and is_new:
        text, rest = _with_first_feed(text, setup.feeds[0]), setup.feeds[1:]
        return with_feeds(text, rest) if rest else text
    return with_feeds(text, setup.feeds) if setup.feeds else text


def _with_options(text: str, table: str, values: dict[str, str | int]) -> str:
    if not values:
        return text
    if read_positions(text).table(table) is None:
        lines = "".join(f"{key} = {_written(value)}\n" for key, value in values.items())
        return behind_tables(text, table, f"[{table}]\n{lines}")
    for key, value in values.items():
        place = read_positions(text)
        keys = [known.names[0] for known in place.keys if known.table.name == table]
        text = with_value(text, (table, 0, key), _written(value), behind=keys[-1] if keys else "")
    return text


def _with_subscription(text: str, setup: Setup) -> str:
    values: dict[str, str] = {}
    if setup.to:
        values["to"] = f"[{', '.join(map(quoted, setup.to))}]"
    if setup.at is not None:
        values["at"] = f"[{', '.join(map(quoted, setup.at))}]"
    if setup.locale is not None:
        values["locale"] = quoted(setup.locale)
    if not values:
        return text
    if read_positions(text).table("subscriptions") is None:
        if not setup.to:
            raise MonitorError(sentence("the file has no [[subscriptions]], so an address is needed: --to"))
        values = {"name": quoted(_SENDER), "to": "", "at": '["08:00"]'} | values
        lines = "".join(f"{key} = {value}\n" for key, value in values.items())
        return behind_tables(text, "subscriptions", f"[[subscriptions]]\n{lines}")
    for key, value in values.items():
        text = with_value(text, ("subscriptions", 0, key), value, behind="name" if key == "to" else "to")
    return text


def _with_first_feed(text: str, feed: NewFeed) -> str:
    """Return the shipped text with another feed in the place of its own, whose address has a comment about it."""
    key = read_positions(text).key("feeds", 0, "url")
    assert key  # it is the shipped text
    if key.comment:
        text = text[: key.value.end] + text[key.comment[1] :]
    text = with_value(text, ("feeds", 0, "url"), quoted(feed.url), behind="name")
    return with_value(text, ("feeds", 0, "name"), quoted(feed.name), behind="url")


def _written(value: str | int) -> str:
    return str(value) if isinstance(value, int) else quoted(value)


@contextlib.contextmanager
def password_in_place(file: Path, password: str) -> Iterator[None]:
    """Put a password into a file that only its owner can read; when what follows fails, the file is as it was before.

    Raises MonitorError when it cannot be written.
    """
    try:
        before = file.read_bytes() if file.exists() else None
        put_whole(file, f"{password}\n".encode())
    except OSError as error:
        raise MonitorError(
            sentence(
                "{path} cannot be written: {reason}. Nothing was changed", path=file, reason=reason_of(error)
            )
        ) from error
    try:
        yield
    except BaseException:  # also when it is interrupted
        with contextlib.suppress(OSError):
            if before is None:
                file.unlink()
            else:
                put_whole(file, before)
        raise
