"""The questions of monitor init; what stands in the file, or is likely, is the default."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import get_args

from monitor.cli.questions import ask, ask_password, ask_yes
from monitor.cli.terminal import complain, say
from monitor.config.options import Config, Feed, Locale, SmtpOptions, Subscription
from monitor.editing.feeds import NewFeed, feed_at, name_for
from monitor.editing.setup import (
    Setup,
    clean_password,
    contradiction_in,
    is_example,
    mistake_in,
    propose_server,
    security_at,
    sender_of,
)
from monitor.errors import FeedError
from monitor.loaded import LoadedConfig
from monitor.mail.providers import Password, Provider, provider_at, provider_of
from monitor.masking import mask
from monitor.texts import SHOWN_IN, listed, locale_named, sentence, shown

_NONE = "-"  # the answer for no mail server, and for no login


def ask_address(default: str) -> str:
    """Ask for the address that gets the digests."""

    def read(typed: str) -> str:
        if not typed:
            raise ValueError(sentence("An address is needed, as in you@qq.com."))
        if mistake := mistake_in(SmtpOptions, "sender", typed):
            raise ValueError(mistake)
        if is_example(typed):
            raise ValueError(sentence("{address} is for examples: nobody reads mail there.", address=typed))
        return typed

    return ask(sentence("Who gets the digests (mail address)"), read, default)


def ask_server(setup: Setup, to: str, config: Config, waiting: str = "") -> tuple[Setup, str | None]:
    """Ask for the mail server and the login; return the password, None where it stays as it is.

    Without a mail server, or without a password for its login, mails go into a folder on this machine. `waiting` is the
    server that was given before, without its password.
    """
    smtp, own = config.smtp, provider_of(to)
    if own and not own.takes_passwords:
        say(sentence("{provider}: {advice}", provider=own.name, advice=own.where))
    likely = propose_server(to)
    default = smtp.host or waiting or (likely.host if likely else _NONE)
    say("")
    say(sentence('Which mail server sends the digests? "-" is none: they go into a folder on this machine.'))
    host = ask(sentence("Mail server"), _reader("host"), default)
    if host in (_NONE, ""):
        return (replace(setup, host="") if smtp.host else setup), None
    provider, proposed = provider_at(host), propose_server(to, host)
    assert proposed  # for a host there is always one
    is_same = host == (smtp.host or waiting)
    default_port = setup.port or (smtp.port if is_same else proposed.port)
    port = int(ask(sentence("Port"), _reader("port"), str(default_port)))
    chosen = {"host": host, "insecure": smtp.insecure}
    security = ask(
        sentence("Security (implicit, starttls or none)"),
        _reader("security", chosen),
        setup.security
        or (smtp.security if is_same and port == smtp.port else security_at(port) or proposed.security),
    )
    username = ask(
        sentence('User name ("-": no login)'),
        _reader("username", chosen | {"security": security}),
        setup.username or (smtp.username if is_same else proposed.username) or _NONE,
    )
    username = "" if username == _NONE else username
    password = _ask_password(provider, keeps=is_same and bool(smtp.password_file)) if username else ""
    if password == "" and username:
        if smtp.host:
            say(sentence("Without a password no mail can be sent: the mail server stays as it is."))
            return setup, None
        say(
            sentence(
                "The password is missing, so digests go into a folder for now. The mail server is kept: run"
                ' "monitor init" again when you have the password.'
            )
        )
        kept = replace(setup, port=port, security=security, username=username, waiting_host=host)
        return kept, None
    setup = replace(setup, host=host, port=port, security=security, username=username)
    return replace(setup, sender=_sender(setup, config, to)), password or None


def _ask_password(provider: Provider | None, *, keeps: bool) -> str | None:
    """Ask for the password; "" where there is none yet, None for the one that is kept."""
    if provider:
        kind = {
            Password.CODE: sentence(
                "{provider} wants a code (授权码), not the password you log in with. It is made here:",
                provider=provider.name,
            ),
            Password.CLIENT: sentence(
                "{provider} wants a password for programs (客户端专用密码), not the one you log in with."
                " It is made here:",
                provider=provider.name,
            ),
            Password.APP: sentence(
                "{provider} wants an app password, not that of the account. It is made here:",
                provider=provider.name,
            ),
        }.get(provider.password)
        if kind:
            say(kind)
            say(sentence("  {where}.", where=provider.where))
    question = (
        sentence("Password (not shown; Enter keeps the one that is there)")
        if keeps
        else sentence("Password (not shown; Enter: none yet)")
    )
    while True:
        typed = ask_password(question)
        if not typed.strip():
            return None if keeps else ""
        try:
            return clean_password(typed, provider)
        except ValueError as error:
            complain(error.args[0])


def _sender(setup: Setup, config: Config, to: str) -> str | None:
    """Return the sender: the account, as most servers want it; None to keep the one that is there."""
    if setup.sender:
        return setup.sender
    if not is_example(config.smtp.sender) and setup.username == config.smtp.username:
        return None
    account = setup.username or ""
    likely = account if "@" in account and not mistake_in(SmtpOptions, "sender", account) else ""
    if likely:
        return sender_of(likely)
    return ask(sentence("Sender"), _reader("sender"), sender_of(to))


def ask_feeds(config: Config, loaded: LoadedConfig, *, is_new: bool) -> tuple[NewFeed, ...]:
    """Ask for feeds, each of which is visited; () to keep those that are there.

    With `is_new` those that are there are the shipped ones, and others stand in their place.
    """
    known = () if is_new else config.feeds
    new: list[NewFeed] = []
    say("")
    say(sentence("Which feeds are watched? The address of a feed or of a site's home page, one a line."))
    question, default = sentence("Feed"), shown(first_feeds(config))
    while typed := ask(question, _read_feed, default):
        if typed == default:
            break
        question, default = sentence("Another one (Enter: no more)"), ""
        if found := _found(typed, [*known, *map(_as_feed, new)], loaded):
            new.append(found)
    return tuple(new)


def first_feeds(config: Config) -> str:
    """Return the names of a file's first three feeds."""
    return listed([*(feed.name for feed in config.feeds[:3]), *["…"] * (len(config.feeds) > 3)])


def _read_feed(typed: str) -> str:
    from monitor.cli.feeds_show import address_of

    return address_of(typed) or typed


def _as_feed(feed: NewFeed) -> Feed:
    return Feed(name=feed.name, url=feed.url)


def _found(typed: str, known: Sequence[Feed], loaded: LoadedConfig) -> NewFeed | None:
    """Return the feed at an address that was typed, None where there is none, or it is known; it says so."""
    from monitor.cli.feeds_show import address_of, visit_feed

    url = address_of(typed)
    if not url:
        complain(sentence('"{typed}" is no web address, as in https://cn.nytimes.com/rss/', typed=typed))
        return None
    say(sentence("  asking {url} …", url=mask(url)))
    title = ""
    try:
        visit = visit_feed(Feed(name=typed, url=url), loaded)
    except FeedError as error:
        complain(sentence("  no feed there: {error}", error=error.text))
        if not ask_yes(sentence("Take it all the same?"), default=False):
            return None
    else:
        url, title = visit.lasting_url, visit.title
        say(
            sentence(
                "  {title}: {entries} entries, {matched} match the rules",
                title=title or mask(url),
                entries=len(visit.entries),
                matched=len(visit.matched),
            )
        )
    if feed := feed_at(url, known):
        say(sentence('  it is there already, as "{name}"', name=feed.name))
        return None
    return NewFeed(name=name_for(title, url, [feed.name for feed in known]), url=url)


def ask_language(setup: Setup, config: Config, *, is_new: bool) -> Setup:
    """Ask for the language of the digests."""

    def read(typed: str) -> str:
        locale = locale_named(typed)
        if locale not in get_args(Locale):
            raise ValueError(sentence("It is one of {names}.", names=listed(get_args(Locale))))
        return locale

    present = config.subscriptions[0].locale if config.subscriptions else "zh-Hans"
    default = SHOWN_IN.get() if is_new else present
    say("")
    locale = ask(sentence("Language of the digests (zh-Hans, zh-Hant or en)"), read, default)
    return replace(setup, locale=locale if locale != present else None)


def ask_times(setup: Setup, config: Config) -> Setup:
    """Ask for the times of day of the digests; not where they come at intervals."""
    first = config.subscriptions[0] if config.subscriptions else None
    if first and first.every is not None:
        return setup
    present = tuple(f"{at:%H:%M}" for at in first.at) if first else ("08:00",)
    zone = first.timezone if first else "Asia/Shanghai"
    at = ask(sentence("Times of the digests ({zone})", zone=zone), read_times, shown(listed(present)))
    return replace(setup, at=at if at != present else None)


def read_times(typed: str) -> tuple[str, ...]:
    """Return the times of day in a text, sorted. Raises ValueError."""
    times = times_in(typed)
    if not times or mistake_in(Subscription, "at", list(times)):
        raise ValueError(sentence("A time of day is needed, as in 08:00, or several: 08:00, 18:30"))
    return times


def times_in(typed: str) -> tuple[str, ...]:
    """Return the parts of a text that are meant as times of day, sorted: 8:00 as 08:00."""
    parts = [part for part in re.split(r"[\s,、，;]+", typed.replace("：", ":")) if part]
    return tuple(sorted({f"0{part}" if re.match(r"\d:", part) else part for part in parts}))


def _reader(key: str, others: Mapping[str, object] = MappingProxyType({})) -> Callable[[str], str]:
    """Return what reads the answer for an option of [smtp]; `others` are options that it may contradict."""

    def read(typed: str) -> str:
        if key in ("host", "username") and typed == _NONE:
            return typed
        value = int(typed) if key == "port" and typed.isdecimal() else typed
        if key == "host" and not {".", ":"} & set(typed) and typed.lower() != "localhost":
            raise ValueError(sentence("A mail server is named with its domain, as in smtp.example.org."))
        mistake = mistake_in(SmtpOptions, key, value)
        if mistake := mistake or contradiction_in(SmtpOptions, {**others, key: value} if others else {}):
            raise ValueError(mistake)
        return typed

    return read
