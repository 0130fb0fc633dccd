"""Look over an accepted configuration for what would fail once the service runs, and for what is likely a mistake."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import get_args

from monitor.config.addresses import parse_mailbox
from monitor.config.checked import missing_work
from monitor.config.options import (
    NOUN_TABLES,
    OPTION_TABLES,
    Config,
    SmtpOptions,
    Subscription,
    is_this_machine,
    options_of,
)
from monitor.config.positions import Positions, read_positions
from monitor.config.values import Size, in_words
from monitor.digests.workdays import unknown_year
from monitor.errors import DigestError, Problem, StoreError
from monitor.loaded import LoadedConfig
from monitor.mail.providers import provider_at
from monitor.texts import ENGLISH, sentence


def problems_of(loaded: LoadedConfig) -> Iterator[Problem]:
    """Yield what would keep the service from starting or a digest from being made, though every option is good."""
    positions = read_positions(loaded.text)
    if error := _store_error(loaded.store_url):
        yield Problem(
            where="[store]",
            key="url",
            line=positions.line_of("store", 0, "url"),
            what=sentence("{what}.", what=error),
        )
    line = positions.line_of("digests", 0, "templates")
    for failed in template_errors(loaded) if loaded.templates else ():  # ours render: a test sees to it
        yield Problem(where="[digests]", key="templates", line=line, what=failed.text)


def _store_error(url: str) -> str:
    """Return what keeps a database of this URL from being opened, "" for nothing that can be told without it."""
    if url.startswith("sqlite:///") and ":memory:" not in url:
        return ""
    # Not for every check: SQLAlchemy takes longer to load than the rest.
    from monitor.store.engines import require_driver

    try:
        require_driver(url)
    except StoreError as error:
        return error.text
    return ""


def warnings_of(loaded: LoadedConfig, now: datetime) -> Iterator[Problem]:
    """Yield what is accepted, and is likely not what the operator wants; at `now`."""
    config, positions = loaded.config, read_positions(loaded.text)
    yield from missing_work(config)
    yield from _numbers_in_quotes(config, positions)
    if config.smtp.host:
        yield from _odd_sender(config.smtp, positions)
    for index, subscription in enumerate(config.subscriptions):
        yield from _example_recipients(subscription, index, positions)
        if year := unknown_year((subscription,), now):
            yield Problem(
                where=f'[[subscriptions]] "{subscription.name}"',
                key="days",
                line=positions.line_of("subscriptions", index, "days"),
                what=sentence(
                    "the holidays of {year} are not known: in that year, Monday to Friday are taken for the working"
                    " days.",
                    year=str(year),
                ),
                instead=sentence("Update the calendar: pip install --upgrade chinesecalendar."),
            )
    for index, feed in enumerate(config.feeds):
        if isinstance(feed.every, timedelta) and feed.every < config.fetch.min_interval:
            yield Problem(
                where=f'[[feeds]] "{feed.name}"',
                key="every",
                line=positions.line_of("feeds", index, "every"),
                what=sentence(
                    "{every} is less than [fetch] min_interval: the feed is polled every {least}.",
                    every=in_words(feed.every),
                    least=in_words(config.fetch.min_interval),
                ),
            )
    if config.web.unanswered:
        line, instead = positions.line_of("web", 0, "enabled"), sentence("Write enabled = true.")
        yield Problem(where="[web]", key="enabled", line=line, what=config.web.unanswered, instead=instead)
    if config.web.enabled and not is_this_machine(config.web.host):
        line = positions.line_of("web", 0, "host")
        what = sentence("whoever reaches this address can ask for the figures; there is no login.")
        instead = sentence('Write host = "127.0.0.1", or let a firewall or proxy stand before it.')
        yield Problem(where="[web]", key="host", line=line, what=what, instead=instead)


def _numbers_in_quotes(config: Config, positions: Positions) -> Iterator[Problem]:
    """Report numbers, true and false that were written as texts: they are read, but are a slip."""
    for key in positions.keys:
        table, name = key.table.name, key.names[0]
        kind = OPTION_TABLES.get(table) or NOUN_TABLES.get(table)
        if kind and positions.text[key.value.start] in "\"'" and name in _unquoted_options(kind):
            where = f"[{table}]"
            if table in NOUN_TABLES:
                where = f'[[{table}]] "{getattr(config, table)[key.table.index].name}"'
            line = f"{name} = {positions.read(key.value).strip().lower()}"
            what = sentence("this stands without quotation marks.")
            instead = sentence("Write {line}", line=line)
            yield Problem(where=where, key=name, line=key.line, what=what, instead=instead)


def _unquoted_options(kind: type) -> list[str]:
    """Return the options of a table that are a number, true or false."""
    return [
        declared.name
        for declared in options_of(kind)
        if declared.type is not Size
        and (get_args(declared.type) or (declared.type,))[0] in (bool, int, float)
    ]


def _odd_sender(smtp: SmtpOptions, positions: Positions) -> Iterator[Problem]:
    sender, line = parse_mailbox(smtp.sender), positions.line_of("smtp", 0, "sender")
    instead = sentence("Most servers require the address of the account as the sender.")
    if sender.is_example:
        what = sentence(
            "{domain} is a domain for examples, and servers refuse mail from it.", domain=sender.domain
        )
        yield Problem(where="[smtp]", key="sender", line=line, what=what, instead=instead)
        return
    provider = provider_at(smtp.host)
    if not (provider and provider.sender_is_account and smtp.username):
        return
    account = smtp.username.rpartition("@")[2].lower() if "@" in smtp.username else ""
    domains = provider.domains if account in ("", *provider.domains) else (account,)
    if domains and sender.domain not in domains:
        what = sentence(
            "{address} is not of the account's domain ({domain}), which {host} requires.",
            **{"address": sender.address, "domain": domains[0], "host": smtp.host},
        )
        instead = sentence("Write the account's own address.")
        yield Problem(where="[smtp]", key="sender", line=line, what=what, instead=instead)


def _example_recipients(subscription: Subscription, index: int, positions: Positions) -> Iterator[Problem]:
    for address in subscription.to:
        if parse_mailbox(address).is_example:
            yield Problem(
                where=f'[[subscriptions]] "{subscription.name}"',
                key="to",
                line=positions.line_of("subscriptions", index, "to"),
                what=sentence(
                    "{address} is an address for examples, where nobody reads mail.", address=address
                ),
                instead=sentence('Write your own, or run "monitor init".'),
            )


def template_errors(loaded: LoadedConfig) -> Iterator[DigestError]:
    """Yield why templates fail to render a sample; each reason once."""
    from monitor.digests.parts import split
    from monitor.digests.render import digest_renderer, notice_renderer
    from monitor.digests.sample import sample_digests, sample_notice

    render, render_notice = (
        digest_renderer(loaded.templates),
        notice_renderer(loaded.templates, loaded.config.operator.locale or ENGLISH),
    )
    of_each_locale = {subscription.locale: subscription for subscription in loaded.config.subscriptions}
    samples = [sample for each in of_each_locale.values() for sample in sample_digests(each)]
    attempts: list[Callable[[], object]] = [partial(render, sample) for sample in samples]
    # One is split as well: a template may make more of a single title than a mail takes.
    attempts += [partial(split, sample, render) for sample in samples[-1:]]
    failed: dict[str, DigestError] = {}
    attempts.append(partial(render_notice, sample_notice()))
    for attempt in attempts:
        try:
            attempt()
        except DigestError as error:
            failed[str(error)] = error
    yield from failed.values()
