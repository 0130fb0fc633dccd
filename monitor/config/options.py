"""Declare every option of config.toml once, Feed, Rule and Subscription included: type, bounds, default, sentence.

config.toml at the top of the project is the same list as reference and example: a test compares keys, defaults and
sentences. reading.py fills these tables from a file; values.py defines what a single value may look like.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import time, timedelta
from functools import cache
from ipaddress import ip_address
from typing import Annotated, Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from monitor.config.values import (
    DAYS,
    Address,
    Check,
    FilePath,
    Headers,
    Host,
    Moment,
    Name,
    Network,
    OptionalAddress,
    OptionalWebAddress,
    Proxy,
    PublicUrl,
    QuietHours,
    Reader,
    Size,
    TimeZone,
    UserAgent,
    WebAddress,
    Weekday,
    When,
    Words,
    between,
    in_order,
    in_words,
    integer,
    integer_or,
    not_empty,
    number,
    span,
    span_or,
)
from monitor.masking import MASK, mask, mask_header
from monitor.texts import sentence

T = TypeVar("T")

EntryField = Literal["title", "summary", "text", "author", "section", "link", "feed"]
ENTRY_FIELDS: tuple[str, ...] = get_args(EntryField)  # where a word can stand
Language = Literal["zh", "zh-Hans", "zh-Hant", "ja", "ko", "en"]
Locale = Literal["zh-Hans", "zh-Hant", "en"]
OperatorLocale = Literal["", "zh-Hans", "zh-Hant", "en"]
Pace = Literal["digest", "at once"]
# Durations, each within bounds in which the instants that are computed of it exist, and mean something.
Deadline = Annotated[timedelta, Reader(span("1s", "1h"))]
Pause = Annotated[timedelta, Reader(span("1s", "30d"))]
Wait = Annotated[timedelta, Reader(span("0s", "30d"))]
Interval = Annotated[timedelta, Reader(span("0s", "365d"))]
Lifetime = Annotated[timedelta, Reader(span("1s", "365d"))]
# How often a feed is polled; "auto": as its own rhythm and the digests want it.
Auto = Literal["auto"]
PollInterval = Annotated[timedelta | Auto, Reader(span_or("auto", "0s", "365d"))]
Age = Annotated[timedelta, Reader(span("0s", "36500d"))]
Silence = Annotated[timedelta, Reader(span("1d", "365d"))]
# How many mails a mail server is given; "auto": as its provider allows.
MailLimit = Annotated[int | Auto, Reader(integer_or("auto", 1, 10_000_000))]


def option(default: T, sentence: str) -> T:
    """Declare an option with its default and the sentence that stands beside it in config.toml."""
    made: Any = field(default=default, metadata={"sentence": sentence})
    value: T = made  # a dataclass field; type checkers see the type of the default
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """[store]"""

    url: str = option(
        "sqlite:///data/monitor.db",
        "or \"postgresql+psycopg://user:password@host/name\" (pip install 'feed-monitor[postgres]')",
    )
    keep: Annotated[timedelta, Reader(span("90d", "36500d"))] = option(
        timedelta(days=400), "so long the texts of entries are kept; titles, links and what was mailed always"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOptions:
    """[fetch]"""

    timeout: Deadline = option(timedelta(seconds=30), "give up on a feed after this long, redirects included")
    max_bytes: Size = option(8_000_000, "and when it is larger than this, unpacked")
    concurrency: Annotated[int, Reader(integer(1, 1000))] = option(
        32, "feeds polled at the same time; never more than two of one host"
    )
    min_interval: Wait = option(
        timedelta(minutes=15), 'no feed is polled more often than this, whatever its "every" says'
    )
    backoff: Pause = option(
        timedelta(minutes=5), "a feed that fails is polled again after this, then twice this, and so on"
    )
    max_backoff: Pause = option(timedelta(hours=12), "up to this")
    allow_private: tuple[Network, ...] = option(
        (), 'private addresses feeds may be fetched from: ["127.0.0.1", "10.0.0.0/8"]'
    )
    proxy: Proxy = option("", '"http://127.0.0.1:8118" or "socks5h://127.0.0.1:1080", for all feeds')


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxOptions:
    """[outbox]"""

    retry: Annotated[tuple[Pause, ...], Check(not_empty)] = option(
        tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 240)),
        "a mail that was refused temporarily is tried again after these",
    )
    uncertain_after: Pause = option(
        timedelta(minutes=15),
        "a mail whose last reply was lost is sent again after this, and after four times this; then it rests",
    )
    lease: Deadline = option(
        timedelta(seconds=30), "a mail claimed by a worker that died is free again after this"
    )
    expire: Lifetime = option(
        timedelta(hours=48),
        "a mail older than this is given up when it fails for another hour: the next digest brings it",
    )
    keep: Age = option(
        timedelta(days=90), "a mail is kept for this long, to be sent again; its outcome for 90 days at least"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpOptions:
    """[smtp]"""

    host: Host = option(
        "", 'empty: digests are put into a local Maildir beside the database, and "monitor status" says so'
    )
    port: Annotated[int, Reader(integer(1, 65535))] = option(465, '465 with "implicit", 587 with "starttls"')
    security: Literal["implicit", "starttls", "none"] = option(
        "implicit", 'or "starttls" (required, no fallback to plain text), or "none" (a relay on this machine)'
    )
    username: str = option("", "")
    password_file: FilePath = option(
        "", "or MONITOR_SMTP__PASSWORD in the environment, or systemd's LoadCredential=smtp_password:..."
    )
    sender: Address = option("AI 日报 <digest@example.org>", "most servers require the account's own address")
    reply_to: OptionalAddress = option(
        "", "where answers of the readers go, and what the mails name as the address of who answers"
    )
    ca_file: FilePath = option("", "a certificate authority of your own")
    insecure: bool = option(
        False,
        'true: "none" is meant, though the server is not on this machine: anybody between can read the mails',
    )
    per_minute: MailLimit = option(
        "auto", 'mails a minute, or "auto": as the provider of the host allows; for other servers, no limit'
    )
    per_day: MailLimit = option("auto", "the same within 24 hours: what is over it waits")
    per_connection: MailLimit = option("auto", "the same on one connection: then another is made")

    @property
    def server(self) -> str:
        """The mail server as "host:port", by which the database knows it; "" when mails are put into a Maildir."""
        return f"{self.host}:{self.port}" if self.host else ""

    def check(self) -> None:
        """Raise ValueError where options contradict each other."""
        if self.security != "none" or not self.host or is_this_machine(self.host):
            return
        if self.username:
            raise ValueError(
                sentence(
                    'with security = "none" the password would travel in the clear. Write "implicit" or "starttls"'
                )
            )
        if not self.insecure:
            raise ValueError(
                sentence(
                    'with security = "none" the mails would travel in the clear. Write "implicit" or "starttls", or '
                    "add insecure = true if the network up to the server is yours"
                )
            )


def is_this_machine(host: str) -> bool:
    """Return whether a host of an option is localhost, or a loopback address; a name is not resolved."""
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestOptions:
    """[digests]"""

    templates: FilePath = option(
        "", "a directory of your own templates; files in it replace the built-in ones of the same name"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveOptions:
    """[archive]"""

    directory: FilePath = option(
        "", "each digest is kept there as a web page, with an index and an Atom feed; empty: no archive"
    )
    url: OptionalWebAddress = option(
        "", 'where a web server of yours shows that directory, for the links in the feed: "https://…"'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorOptions:
    """[operator]"""

    to: tuple[Address, ...] = option(
        (),
        'who gets a mail when something is wrong, with what to do; empty: nobody, only "monitor status" shows it',
    )
    locale: OperatorLocale = option(
        "", '"zh-Hans", "zh-Hant" or "en": the language of these mails; empty: that of $LANG, else English'
    )
    heartbeat: OptionalWebAddress = option(
        "", '"https://hc-ping.com/…": asked every five minutes while all is well, with /fail when not'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebOptions:
    """[web]"""

    enabled: bool = option(False, "true: /healthz, /readyz and /metrics are served there:")
    host: Host = option("127.0.0.1", "")
    port: Annotated[int, Reader(integer(1, 65535))] = option(8080, "")
    public_url: PublicUrl = option(
        "",
        '"https://news.example.org": how readers reach it; each mail then has a link to unsubscribe, or pause',
    )

    @property
    def unanswered(self) -> str:
        """Why nothing answers under the links that mails have; "" where they have none, or something does."""
        if not self.public_url or self.enabled:
            return ""
        return sentence(
            "public_url in [web] puts a link to unsubscribe into each mail, but while enabled = false nothing answers "
            "there."
        )

    def check(self) -> None:
        """Raise ValueError where readers could not trust the pages."""
        parts = urlsplit(self.public_url)
        if parts.scheme == "http" and not is_this_machine(parts.hostname or ""):
            raise ValueError(
                sentence(
                    '"public_url" begins with http://, and mail programs press the button of https:// alone. Write '
                    "https://…, and let a proxy with a certificate stand before it"
                )
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchingOptions:
    """[matching]"""

    ignore: Words = option((), 'phrases that every rule ignores: ["图片由AI生成", "题图来自AI"]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """[[feeds]]: a feed to watch. Its url, as written, is its key."""

    name: Name
    url: WebAddress
    every: PollInterval = option(
        "auto", 'or "30m"; "auto": by how often it publishes, 1h to 12h, and shortly before each digest'
    )
    sections: tuple[str, ...] = option(
        (), "empty: all. AI news appears in business, opinion and china as well as in technology"
    )
    proxy: Proxy = option("", "for this feed alone")
    first_visit: Age = option(
        timedelta(days=3), "entries older than this at the first visit are remembered, but not mailed"
    )
    user_agent: UserAgent = option("", "what this server is told in place of the program's name")
    headers: Headers = option((), 'more request headers, for this host alone: {Accept-Language = "zh-CN"}')
    username: str = option("", "a login (HTTP Basic), for this host alone")
    password_file: FilePath = option("", "the file that holds its password")
    enabled: bool = option(True, "false: the feed is paused, not polled; what is known of it stays")

    def check(self) -> None:
        """Raise ValueError where options contradict each other."""
        if bool(self.username) != bool(self.password_file):
            raise ValueError(
                sentence('"username" and "password_file" go together: add the other one, or remove this one')
            )
        if ":" in self.username or not self.username.isprintable():
            raise ValueError(sentence('"username" has a colon, or a character that cannot be sent'))
        names = [name.lower() for name, _ in self.headers]
        if self.username and ("authorization" in names or "@" in urlsplit(self.url).netloc):
            raise ValueError(
                sentence('there are two logins: "username", and one in "url" or "headers". Keep one of them')
            )
        if len(set(names)) < len(names):
            raise ValueError(sentence('"headers" has the same name twice'))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """[[rules]]: what to look for, as the operator wrote it."""

    name: Name
    any: Words = option((), "")
    all: Words = option((), "")
    none: Words = option((), "")
    hints: Words = option((), "")
    ignore: Words = option((), "phrases this rule ignores, besides those of [matching]:")
    when: When = option("", 'instead of lists: "(英伟达 OR 台积电) AND 出口 NEAR/8 许可 AND NOT title:广告"')
    threshold: Annotated[float, Reader(number(above=0, most=1000))] = option(
        1.0,
        "a word counts 1, in the summary 1.5, in the title 2, a hint half: so one in the title, or two; 1.0: one",
    )
    fields: Annotated[tuple[EntryField, ...], Check(not_empty)] = option(
        ("title", "summary", "text"), 'where to look; also "author", "section", "link", "feed"'
    )
    feeds: tuple[str, ...] = option((), "names of feeds; empty: all")
    sections: tuple[str, ...] = option((), "names of sections as the feed gives them; empty: all")
    languages: tuple[Language, ...] = option(
        (), '"zh", "zh-Hans", "zh-Hant", "ja", "ko", "en" (any in Latin letters); empty: all'
    )
    max: Annotated[int, Reader(integer(0))] = option(
        0, "items shown whole in one digest at most, best score first; the others by title; 0: no limit"
    )
    pace: Pace = option("digest", 'or "at once": sent within minutes, and not again in the digest')
    quiet: tuple[QuietHours, ...] = option(
        (), '["23:00-07:00"]: nothing is sent at once between these times of the subscription\'s zone'
    )
    enabled: bool = option(True, "false: the rule stays in the file and does nothing")
    priority: int = option(0, "the higher, the earlier in the digest")
    # Filled from words written as {word = "AI", weight = 2}: (word, weight) of those whose weight is not 1, sorted.
    weights: tuple[tuple[str, float], ...] = field(default=(), metadata={"derived": True})

    def check(self) -> None:
        """Raise ValueError where options contradict each other."""
        if not (self.any or self.all or self.hints or self.when):
            raise ValueError(
                sentence(
                    'neither "any" nor "all" has a word, nor "hints", nor "when", so the rule can never match. '
                    'Add any = ["AI"]'
                )
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """[[subscriptions]]: who gets which matches, when. Either `at` has times, or `every` is given."""

    name: Name
    to: Annotated[tuple[Address, ...], Check(not_empty)]
    rules: tuple[str, ...] = option((), "names of rules, in the order of the digest; empty: all")
    at: Annotated[tuple[Moment, ...], Check(in_order)] = option(
        (), "a digest at these times, if there is news. Instead of it:"
    )
    every: Interval | None = option(
        None, 'a digest whenever there are new matches, at most this often; "0s" at once'
    )
    days: Annotated[tuple[Weekday, ...], Check(in_order)] = option(
        (), 'empty: every day. ["mon", "fri"], or ["workday"]: the working days of mainland China'
    )
    at_once_most: Annotated[int, Reader(integer(0, 3600))] = option(
        6,
        "mails sent at once within an hour, at most; the rest waits for the digest. 0: nothing is sent at once",
    )
    quiet_after: Silence | None = option(
        None, "when no mail went for so long, one says so, at the next time of a digest"
    )
    first_issue: Annotated[timedelta, Reader(span("0s", "30d"))] = option(
        timedelta(days=3),
        'who is new gets the best of so long before along with the first digest; "0s": nothing',
    )
    timezone: TimeZone = option("Asia/Shanghai", "")
    locale: Locale = option("zh-Hans", 'or "zh-Hant", "en": the words around the news, not the news')
    archived: bool = option(True, "false: its digests stay out of [archive]")

    def check(self) -> None:
        """Raise ValueError where options contradict each other."""
        if bool(self.at) == (self.every is not None):
            raise ValueError(
                sentence('either "at" or "every" is expected, not both. Write at = ["08:00"] or every = "0s"')
            )
        if self.every == timedelta(0) and not self.at_once_most:
            raise ValueError(
                sentence(
                    'with every = "0s" all is sent at once, and at_once_most = 0 forbids that. Remove one of them'
                )
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole configuration, checked."""

    store: StoreOptions = StoreOptions()
    fetch: FetchOptions = FetchOptions()
    outbox: OutboxOptions = OutboxOptions()
    smtp: SmtpOptions = SmtpOptions()
    digests: DigestOptions = DigestOptions()
    archive: ArchiveOptions = ArchiveOptions()
    operator: OperatorOptions = OperatorOptions()
    web: WebOptions = WebOptions()
    matching: MatchingOptions = MatchingOptions()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    feeds: tuple[Feed, ...] = ()
    rules: tuple[Rule, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()

    @property
    def polled(self) -> tuple[Feed, ...]:
        """The feeds that are not paused."""
        return tuple(feed for feed in self.feeds if feed.enabled)


OPTION_TABLES: Mapping[str, type] = {
    declared.name: type(declared.default) for declared in fields(Config) if is_dataclass(declared.default)
}
NOUN_TABLES: Mapping[str, type] = {"feeds": Feed, "rules": Rule, "subscriptions": Subscription}
# The lists of a rule that hold words.
WORD_LISTS: tuple[str, ...] = tuple(declared.name for declared in fields(Rule) if declared.type is Words)


def options_of(table: type) -> tuple["dataclasses.Field[Any]", ...]:
    """Return the declared options of a table, in their order; fields that a file cannot set are left out."""
    return _options_of(table)


@cache  # a file may have thousands of tables of one type
def _options_of(table: type) -> tuple["dataclasses.Field[Any]", ...]:
    return tuple(declared for declared in fields(table) if not declared.metadata.get("derived"))


def changed_options(old: object, new: object) -> list[str]:
    """Return the keys of the options that differ between two tables of one type."""
    keys = (declared.name for declared in options_of(type(new)))
    return [key for key in keys if getattr(old, key) != getattr(new, key)]


def as_written(value: object) -> Any:
    """Return a configuration, or a part of it, as it would stand in config.toml; secrets are masked."""
    match value:
        case Config():
            return {declared.name: as_written(getattr(value, declared.name)) for declared in fields(value)}
        case Rule():
            weights = dict(value.weights)
            rule = _table_as_written(value) | {"quiet": [between(span) for span in value.quiet]}
            for key in WORD_LISTS:
                rule[key] = [
                    {"word": word, "weight": weights[word]} if word in weights else word for word in rule[key]
                ]
            return rule
        case Feed():
            headers = {name: mask_header(name, item) for name, item in value.headers}
            return _table_as_written(value) | {"headers": headers}
        case Subscription():
            days = [DAYS[day - 1] for day in value.days]
            return _table_as_written(value) | {"days": days}
        case OperatorOptions():
            return _table_as_written(value) | {"heartbeat": _masked_path(value.heartbeat)}
        case timedelta():
            return in_words(value)
        case time():
            return value.isoformat("seconds" if value.second else "minutes")
        case Mapping():
            return {key: as_written(item) for key, item in value.items()}
        case tuple():
            return [as_written(item) for item in value]
        case str():
            return mask(value)
        case _:
            return _table_as_written(value) if is_dataclass(value) else value


def _masked_path(address: str) -> str:
    """Return an address of which the host alone is told: who knows the path of a heartbeat can send it."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}/{MASK}" if address else ""


def _table_as_written(table: object) -> dict[str, Any]:
    keys = (declared.name for declared in options_of(type(table)))
    return {key: as_written(item) for key in keys if (item := getattr(table, key)) is not None}
