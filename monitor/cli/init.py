"""The command that sets an installation up: init. It asks on a terminal, or takes everything as options."""

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from monitor.assets import DEFAULT_CONFIG
from monitor.cli.init_questions import (
    ask_address,
    ask_feeds,
    ask_language,
    ask_server,
    ask_times,
    first_feeds,
    times_in,
)
from monitor.cli.questions import ask_yes
from monitor.cli.terminal import complain, say, show_diff
from monitor.config.addresses import parse_mailbox
from monitor.config.options import Config, Feed, SmtpOptions
from monitor.config.reading import as_text, parse_config, read_file
from monitor.editing.edit import (
    ChangeRefusedError,
    create,
    plan_change,
    read_valid_text,
    refuse_link_to_nothing,
    write_change,
)
from monitor.editing.feeds import NewFeed, feed_at, name_for
from monitor.editing.setup import (
    PASSWORD_FILE,
    Setup,
    clean_password,
    is_example,
    is_set_up,
    mistake_in,
    password_in_place,
    port_of,
    propose_server,
    security_at,
    sender_of,
    set_up,
    waiting_host,
)
from monitor.errors import ConfigError, FeedError, MonitorError
from monitor.loaded import check_bytes
from monitor.mail.providers import provider_at, provider_of
from monitor.masking import mask
from monitor.texts import listed, sentence

_SAMPLE = Path("preview")  # where a sample is written


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the command was given, as options or answers."""

    setup: Setup = field(default_factory=Setup)
    feeds: tuple[str, ...] = ()  # addresses of feeds or home pages
    password: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """The file that is set up: what it holds, or what a new one is made of."""

    path: Path
    raw: bytes | None  # None: there is none yet
    is_new: bool  # there is nothing in it of the operator's
    text: str
    config: Config

    @property
    def to(self) -> tuple[str, ...]:
        """The recipients of the first subscription, those for examples left out."""
        return tuple(to for each in self.config.subscriptions[:1] for to in each.to if not is_example(to))


def given_by(
    *,
    to: str | None,
    host: str | None,
    port: int | None,
    security: str | None,
    username: str | None,
    password_file: Path | None,
    sender: str | None,
    feeds: Sequence[str],
    locale: str | None,
    at: str | None,
    folder: Path,
) -> Given:
    """Return what stands in the options; `folder` is that of config.toml."""
    password = password_file.absolute() if password_file else None
    setup = Setup(
        to=(to,) if to else (),
        host=host,
        port=port,
        security=security,
        username=username,
        password_file=None
        if password is None
        else password.name
        if password.parent == folder
        else str(password),
        sender=sender,
        locale=locale,
        at=times_in(at) if at is not None else None,
    )
    return Given(setup=setup, feeds=tuple(feeds))


def mistaken_address(address: str) -> str:
    """Return what is wrong with an address; "" when nothing is."""
    return mistake_in(SmtpOptions, "sender", address)


def init(path: Path, given: Given, *, yes: bool, password_stdin: bool, send_test: bool, sample: bool) -> int:
    """Write config.toml as it was given or answered; return 0, and 130 when interrupted: nothing is written then.

    It asks on a terminal, unless `yes`. A file that is there is edited in place. Raises MonitorError, and ConfigError
    for a file that is refused.
    """
    file = _read(path)
    is_asking = not (yes or password_stdin) and sys.stdin.isatty() and sys.stdout.isatty()
    try:
        if password_stdin:
            given = replace(given, password=sys.stdin.readline())
        if is_asking:
            given = _answers(file, given)
        if given == Given() and not file.is_new:
            if not is_asking:
                _say_what_is_there(file)
            return _finish(file, file.config, is_asking=is_asking, send_test=send_test, sample=sample)
        setup, password = _complete(file, given)
        changed = set_up(file.text, setup, is_new=file.is_new)
        _write(file, changed, password)
    except (KeyboardInterrupt, EOFError):
        say("")
        complain(sentence("Interrupted: nothing was written."))
        return 130
    config = parse_config(changed, path.name)
    if password is not None:
        say(sentence("The password is in {file}, which only you can read.", file=_password_file(file)))
    if file.raw is None:
        say(sentence("{file} is written.", file=path))
    elif changed != file.text:
        say(sentence("{file} is changed. A running service takes it up within two seconds.", file=path))
    _say_where_mails_go(config)
    return _finish(file, config, is_asking=is_asking, send_test=send_test, sample=sample)


def _read(path: Path) -> _File:
    refuse_link_to_nothing(path)
    raw = read_file(path) if path.exists() else None
    is_new = raw is None or not raw.strip(b"\xef\xbb\xbf \t\r\n")
    text = DEFAULT_CONFIG.read_text("utf-8") if is_new else read_valid_text(path)
    return _File(path=path, raw=raw, is_new=is_new, text=text, config=parse_config(text, path.name))


def _answers(file: _File, given: Given) -> Given:
    """Ask for what was not given; an answer that is as the file has it changes nothing."""
    if not file.is_new:
        _say_what_is_there(file)
        if (
            is_set_up(file.config)
            and given == Given()
            and not ask_yes(sentence("Change anything of it?"), default=False)
        ):
            return given
    say(sentence("Enter takes what stands in [brackets]. Ctrl-C ends, and nothing is written."))
    setup, config = given.setup, file.config
    if not setup.to and len(file.to) <= 1:
        address = ask_address(next(iter(file.to), ""))
        setup = replace(setup, to=(address,) if (address,) != file.to else ())
    if setup.host is None and given.password is None and not setup.password_file:
        setup, password = ask_server(setup, (*setup.to, *file.to)[0], config, waiting_host(file.text))
        given = replace(given, password=password)
    if not given.feeds:
        loaded = check_bytes(file.path, file.text.encode())
        setup = replace(setup, feeds=ask_feeds(config, loaded, is_new=file.is_new))
    if setup.locale is None:
        setup = ask_language(setup, config, is_new=file.is_new)
    if setup.at is None:
        setup = ask_times(setup, config)
    return replace(given, setup=_only_changes(setup, config))


def _only_changes(setup: Setup, config: Config) -> Setup:
    """Return what differs from the file; of another mail server all that was answered counts."""
    smtp = config.smtp
    if setup.host != smtp.host:
        return setup
    same = {
        key: None
        for key in ("host", "port", "security", "username", "sender")
        if getattr(setup, key) == getattr(smtp, key)
    }
    return replace(setup, **same)  # type: ignore[arg-type] # each of these five may be None


# --- what follows from what was given -----------------------------------------------------------


def _complete(file: _File, given: Given) -> tuple[Setup, str | None]:
    """Return all that is to stand in the file, and the password to write. Raises MonitorError."""
    setup, password = given.setup, given.password
    if len(file.to) > 1 and setup.to:  # nobody is taken off the list
        setup = replace(setup, to=tuple(dict.fromkeys((*file.to, *setup.to))))
    if given.feeds:
        setup = replace(setup, feeds=_found_feeds(file, given.feeds))
    if not setup.waiting_host and any(
        (setup.host, setup.port, setup.security, setup.username, setup.password_file, password)
    ):
        has_password = password is not None or bool(setup.password_file)
        setup = _with_server(file, setup, has_password=has_password)
        provider = provider_at(setup.host or "")
        if provider and not has_password and not file.config.smtp.host and setup.username == "":
            complain(
                sentence(
                    "{server} wants a login: add --username and --password-stdin, or --password-file.",
                    server=setup.host,
                )
            )
    if password is not None:
        provider = provider_at(setup.host or file.config.smtp.host)
        try:
            password = clean_password(password, provider)
        except ValueError as error:
            raise MonitorError(sentence("{what}. Nothing was written", what=error.args[0])) from None
        setup = replace(setup, password_file=file.config.smtp.password_file or PASSWORD_FILE)
    return setup, password


def _with_server(file: _File, setup: Setup, *, has_password: bool) -> Setup:
    """Return the setup with what is likely of the mail server and was not given. Raises MonitorError."""
    smtp, to = file.config.smtp, next(iter((*setup.to, *file.to)), "")
    if smtp.host and not setup.host:
        if has_password and not smtp.username and setup.username is None and to:
            return replace(setup, username=parse_mailbox(to).address)
        return setup
    waiting = "" if setup.host else waiting_host(file.text)
    if waiting:  # all about it was given before, but for the password
        return replace(
            setup,
            host=waiting,
            sender=setup.sender or (sender_of(smtp.username or to) if is_example(smtp.sender) else None),
        )
    proposed = propose_server(to, setup.host) if to else None
    if proposed is None:
        raise MonitorError(_why_no_server(to))
    security = setup.security or security_at(setup.port) or proposed.security
    is_usual = security == proposed.security
    username = setup.username if setup.username is not None else proposed.username if has_password else ""
    sender = setup.sender
    if sender is None and is_example(smtp.sender):
        sender = sender_of(username if "@" in username else to)
    return replace(
        setup,
        host=proposed.host,
        port=setup.port or (proposed.port if is_usual else port_of(security)),
        security=security,
        username=username,
        sender=sender,
    )


def _why_no_server(to: str) -> str:
    provider = provider_of(to) if to else None
    if not to:
        return sentence("whose mail server is it? Add --to ADDRESS, or --smtp-host")
    if provider:
        return sentence("{provider}: {advice} (--smtp-host)", provider=provider.name, advice=provider.where)
    return sentence("the mail server of {address} is not known: add --smtp-host", address=to)


def _found_feeds(file: _File, sources: tuple[str, ...]) -> tuple[NewFeed, ...]:
    """Return the feeds at addresses, of home pages too; one that does not answer is taken as it is, and named.

    Raises MonitorError for what is no address.
    """
    from monitor.cli.feeds_show import address_of, visit_feed  # what visits feeds takes half a second to load

    loaded = check_bytes(file.path, file.text.encode())
    known = [] if file.is_new else list(file.config.feeds)
    new = []
    for source in sources:
        url, title = address_of(source), ""
        if not url:
            raise MonitorError(sentence('"{source}" is no web address. Nothing was written', source=source))
        try:
            found = visit_feed(Feed(name=source, url=url), loaded)
            url, title = found.lasting_url, found.title
        except FeedError as error:
            complain(
                sentence(
                    "{url} brings no feed now, and is written as it is: {error}",
                    url=mask(url),
                    error=error.text,
                )
            )
        if not feed_at(url, known):
            feed = NewFeed(name=name_for(title, url, [feed.name for feed in known]), url=url)
            known.append(Feed(name=feed.name, url=feed.url))
            new.append(feed)
    return tuple(new)


# --- what is written ----------------------------------------------------------------------------


def _password_file(file: _File) -> Path:
    return file.path.absolute().parent / (file.config.smtp.password_file or PASSWORD_FILE)


def _write(file: _File, changed: str, password: str | None) -> None:
    """Write the password and the file: both, or neither. Raises MonitorError, ChangeRefusedError among them."""
    with password_in_place(_password_file(file), password) if password else contextlib.nullcontext():
        if file.raw is None:
            try:
                check_bytes(file.path, changed.encode())
            except ConfigError as error:
                raise ChangeRefusedError(error) from None
            create(file.path, changed.encode())
            return
        before = as_text(file.raw, file.path)
        if changed == before:
            return
        change = plan_change(file.path, before, changed)
        if not file.is_new:
            show_diff(change.diff)
        write_change(change)


def _finish(file: _File, config: Config, *, is_asking: bool, send_test: bool, sample: bool) -> int:
    """Send a test mail and write a sample where they are wanted, or offered and accepted; return the exit code.

    What else can be done is said at the end.
    """
    if is_asking and is_set_up(config):
        say("")
        with contextlib.suppress(EOFError):
            sample = sample or ask_yes(
                sentence("Write a sample of a digest into {folder}?", folder=_SAMPLE), default=True
            )
            if config.smtp.host:
                send_test = send_test or ask_yes(sentence("Send a test mail now?"), default=True)
    code = 0
    if sample:
        from monitor.cli.preview import preview

        code = preview(file.path, only=None, out=_SAMPLE, sample=True, json=False)
    if send_test:
        from monitor.cli.mail_path import send_test as send

        code = send(file.path, to=None, json=False) or code
    _say_what_is_next(config, was_sent=send_test, has_sample=sample)
    return code


# --- what is said -------------------------------------------------------------------------------


def _say_what_is_there(file: _File) -> None:
    config = file.config
    say(sentence("{file} is there, and stays as it is but for what you change.", file=file.path))
    say(sentence("  feeds: {count} ({names})", count=len(config.feeds), names=first_feeds(config)))
    say(sentence("  rules: {count}", count=len(config.rules)))
    _say_where_mails_go(config)


def _say_where_mails_go(config: Config) -> None:
    for subscription in config.subscriptions:
        times = listed(f"{at:%H:%M}" for at in subscription.at)
        to = listed(subscription.to)
        if times:
            say(
                sentence(
                    '  "{name}" goes to {to} at {times} ({zone})',
                    name=subscription.name,
                    to=to,
                    times=times,
                    zone=subscription.timezone,
                )
            )
        else:
            say(sentence('  "{name}" goes to {to} as soon as there is news', name=subscription.name, to=to))
    if config.smtp.host:
        say(
            sentence(
                "  mail server: {server} ({security}), sender {sender}",
                server=config.smtp.server,
                security=config.smtp.security,
                sender=config.smtp.sender,
            )
        )
    else:
        say(sentence("  mail server: none yet; digests go into a folder on this machine (a Maildir)"))


def _say_what_is_next(config: Config, *, was_sent: bool, has_sample: bool) -> None:
    say("")
    if not is_set_up(config):
        say(
            sentence(
                "Nobody gets the digests yet. Next: monitor init --to ADDRESS, or on a terminal: monitor init"
            )
        )
        return
    say(sentence("Next:"))
    if config.smtp.host and not was_sent:
        say(sentence("  monitor send-test          sends a test mail, and says what is wrong where it fails"))
    say(sentence("  monitor poll               visits the feeds"))
    if not has_sample:
        say(sentence("  monitor preview --sample   writes a digest as it would look"))
    say(sentence("  monitor run                is the service"))
