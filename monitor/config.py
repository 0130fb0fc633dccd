"""Everything the operator may choose, with its default.

config.toml at the top of the project is the same list, as reference and example; a test compares the two.
config_file.py reads it; config_values.py says what a single value may look like.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic import model_validator as whole_table

from monitor import model
from monitor.config_values import (
    Address,
    Duration,
    Moment,
    Name,
    Network,
    Proxy,
    Quiet,
    Size,
    TimeZone,
    WebAddress,
    Weekday,
    When,
    Words,
    hide_password,
    not_empty,
)


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class StoreOptions(_Table):
    url: Annotated[str, PlainSerializer(hide_password, return_type=str)] = "sqlite:///data/monitor.db"


class FetchOptions(_Table):
    timeout: Duration = timedelta(seconds=30)
    max_bytes: Size = 8_000_000
    concurrency: Annotated[int, Field(ge=1, le=1000)] = 32
    min_interval: Duration = timedelta(minutes=15)
    backoff: Duration = timedelta(minutes=5)
    max_backoff: Duration = timedelta(hours=12)
    allow_private: tuple[Network, ...] = ()
    proxy: Proxy = ""


class OutboxOptions(_Table):
    retry: Annotated[tuple[Duration, ...], Field(min_length=1)] = tuple(
        timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 240)
    )
    uncertain_after: Duration = timedelta(minutes=15)
    lease: Duration = timedelta(seconds=30)
    expire: Duration = timedelta(hours=48)
    keep: Duration = timedelta(days=90)


class SmtpOptions(_Table):
    host: str = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 465
    security: Literal["implicit", "starttls", "none"] = "implicit"
    username: str = ""
    password_file: str = ""
    sender: Address = "AI 日报 <digest@example.org>"
    ca_file: str = ""

    @whole_table(mode="after")
    def _keeps_the_password_to_itself(self) -> "SmtpOptions":
        local = self.host in ("localhost", "127.0.0.1", "::1")
        if self.security == "none" and self.username and not local:
            raise ValueError(
                'with security = "none" the password would travel in the clear. Write "implicit" or "starttls"'
            )
        return self


class DigestOptions(_Table):
    templates: str = ""


class OperatorOptions(_Table):
    to: tuple[Address, ...] = ()


class WebOptions(_Table):
    enabled: bool = False
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8080


class MatchingOptions(_Table):
    ignore: Words = ()


class FeedTable(_Table):
    name: Name
    url: WebAddress
    every: Duration = timedelta(minutes=30)
    sections: tuple[str, ...] = ()
    proxy: Proxy = ""
    first_visit: Duration = timedelta(days=3)


WordField = Literal["title", "summary", "text", "author", "section", "link", "feed"]


class RuleTable(_Table):
    name: Name
    any: Words = ()
    all: Words = ()
    none: Words = ()
    hints: Words = ()
    ignore: Words = ()
    when: When = ""
    threshold: Annotated[float, Field(gt=0, le=1000)] = 1.0
    fields: Annotated[tuple[WordField, ...], BeforeValidator(not_empty)] = ("title", "summary", "text")
    feeds: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    languages: tuple[Literal["zh", "zh-Hans", "zh-Hant", "ja", "ko", "en"], ...] = ()
    max: Annotated[int, Field(ge=0)] = 0
    pace: Literal["digest", "at once"] = "digest"
    quiet: tuple[Quiet, ...] = ()
    enabled: bool = True
    priority: int = 0

    @whole_table(mode="after")
    def _asks_for_something(self) -> "RuleTable":
        if not (self.any or self.all or self.hints or self.when):
            raise ValueError(
                'neither "any" nor "all" has a word, nor "hints", nor "when", so the rule can never match. '
                'Add any = ["AI"]'
            )
        return self


class SubscriptionTable(_Table):
    name: Name
    to: Annotated[tuple[Address, ...], BeforeValidator(not_empty)]
    rules: tuple[str, ...] = ()
    at: tuple[Moment, ...] = ()
    every: Duration | None = None
    days: tuple[Weekday, ...] = ()
    timezone: TimeZone = "Asia/Shanghai"
    locale: Literal["zh-Hans", "zh-Hant", "en"] = "zh-Hans"

    @whole_table(mode="after")
    def _says_when(self) -> "SubscriptionTable":
        if bool(self.at) == (self.every is not None):
            raise ValueError(
                'either "at" or "every" is wanted, not both. Write at = ["08:00"] or every = "0s"'
            )
        return self


class Config(_Table):
    """A whole configuration, checked. The nouns are in `feeds`, `rules` and `subscriptions`."""

    store: StoreOptions = StoreOptions()
    fetch: FetchOptions = FetchOptions()
    outbox: OutboxOptions = OutboxOptions()
    smtp: SmtpOptions = SmtpOptions()
    digests: DigestOptions = DigestOptions()
    operator: OperatorOptions = OperatorOptions()
    web: WebOptions = WebOptions()
    matching: MatchingOptions = MatchingOptions()
    aliases: Mapping[str, Words] = {}
    feeds: tuple[model.Feed, ...] = ()
    rules: tuple[model.Rule, ...] = ()
    subscriptions: tuple[model.Subscription, ...] = ()


OPTION_TABLES: Mapping[str, type[_Table]] = {
    "store": StoreOptions,
    "fetch": FetchOptions,
    "outbox": OutboxOptions,
    "smtp": SmtpOptions,
    "digests": DigestOptions,
    "operator": OperatorOptions,
    "web": WebOptions,
    "matching": MatchingOptions,
}
NOUN_TABLES: Mapping[str, type[_Table]] = {
    "feeds": FeedTable,
    "rules": RuleTable,
    "subscriptions": SubscriptionTable,
}
