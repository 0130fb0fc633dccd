"""What can go wrong, sorted by what has to stop.

A class is earned by a caller that would act differently. Every message is fit for the operator:
who, what, and what next.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from enum import Enum
from typing import Literal

from monitor.texts import joined, listed, masked, sentence

RuleTable = Literal[
    "rules", "aliases", "matching"
]  # the tables of config.toml in which a word of a rule may stand


def suggestion(name: str, known: Sequence[str]) -> str:
    """Return what may have been meant instead of an unknown name: 'Did you mean "smtp"?', else the known names."""
    if close := nearest(name, known):
        return sentence('Did you mean "{name}"?', name=close)
    return sentence("There are: {names}.", names=listed(known)) if known else ""


def with_advice(what: str, advice: str) -> str:
    """Return what is wrong and what to do about it, "" for nothing, as one text."""
    return sentence("{what} {instead}", what=what, instead=advice) if advice else what


def nearest(name: str, known: Sequence[str]) -> str:
    """Return the known name that is most like an unknown one, "" when none is like it."""
    folded = {_folded(each): each for each in reversed(known)}
    return next((folded[each] for each in get_close_matches(_folded(name), folded, n=1, cutoff=0.5)), "")


def _folded(name: str) -> str:
    """Return a name without what is easily mistaken in it: capitals, widths, and which sign stands between words."""
    return re.sub(r"[\s_-]+", "_", unicodedata.normalize("NFKC", name).casefold())


ENVIRONMENT = sentence("environment")  # where a problem is that is not in the file


class MonitorError(Exception):
    """Everything raised on purpose; `str()` of it is fit for the operator, and secrets are masked in it.

    `text` is the same, in English too, as `texts.in_language` takes it.
    """

    def __init__(self, what: str = "") -> None:
        self.text = masked(what)
        super().__init__(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with a configuration file. Secrets are masked in it."""

    where: str  # the table as the operator sees it: '[[rules]] "人工智能"'
    key: str  # "" when the whole table or file is meant
    line: int | None  # in the file, from 1
    what: str  # what is wrong
    instead: str = ""  # what to write instead; "" when there is nothing to propose

    def __post_init__(self) -> None:
        for name in ("where", "key", "what", "instead"):
            object.__setattr__(self, name, masked(getattr(self, name)))

    @property
    def text(self) -> str:
        """The problem in one sentence or two: place, mistake, and what to write instead."""
        place = (
            sentence("line {line}, {where}", line=self.line, where=self.where) if self.line else self.where
        )
        if self.key:
            place = sentence("{place}, {key}", place=place, key=self.key)
        if not self.instead:
            return sentence("{place}: {what}", place=place, what=self.what)
        values = {"place": place, "what": self.what, "instead": self.instead}
        return sentence("{place}: {what} {instead}", **values)

    def __str__(self) -> str:
        return str(self.text)


class ConfigError(MonitorError):
    """The start stops (exit code 2), or the old configuration stays in force."""

    def __init__(self, path: str, problems: Sequence[Problem]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__(
            joined(
                "\n",
                (
                    each.text
                    if each.where == ENVIRONMENT
                    else sentence("{path}, {problem}", path=path, problem=each.text)
                    for each in self.problems
                ),
            )
        )


class RuleError(MonitorError):
    """A word of a rule cannot be understood.

    `what` is the mistake, `fix` the cure ("" when there is none to propose), `column` where the mistake is in `word`,
    from 0. `table` is where the word stands: "rules" (then `rule` is the rule's name), "aliases" (the set's) or
    "matching".
    """

    def __init__(
        self, rule: str, word: str, what: str, column: int = 0, *, fix: str = "", table: RuleTable = "rules"
    ) -> None:
        self.rule, self.word, self.what, self.fix = rule, word, what, fix
        self.column, self.table = column, table
        values = {"rule": rule, "explanation": self.explanation, "word": word}
        match table:
            case "rules":
                what = sentence('rule "{rule}": {explanation}: {word}', **values)
            case "aliases":
                what = sentence('alias set "{rule}": {explanation}: {word}', **values)
            case _:
                what = sentence('matching "{rule}": {explanation}: {word}', **values)
        super().__init__(what)

    @property
    def explanation(self) -> str:
        """The mistake and its cure as one sentence."""
        return sentence("{mistake}; {fix}", mistake=self.what, fix=self.fix) if self.fix else self.what


class FeedError(MonitorError):
    """This feed waits; the others go on."""


class FetchError(FeedError):
    """The server did not give a feed: what it said, and when it may be asked again.

    `status` is the HTTP status where one was given, `retry_after` the server's own wish, `permanent`
    is True for an answer that asking again will not change (410), `connection` where no whole answer came: the
    network, the name, the server or its certificate was at fault.
    """

    def __init__(
        self,
        what: str,
        *,
        status: int | None = None,
        retry_after: timedelta | datetime | None = None,
        permanent: bool = False,
        connection: bool = False,
    ) -> None:
        super().__init__(what)
        self.status, self.retry_after, self.permanent = status, retry_after, permanent
        self.connection = connection


class ParseError(FeedError):
    """The bytes are not a feed, or (`broke_parser`) took a parser more time or memory than a feed may."""

    def __init__(self, message: str, *, broke_parser: bool = False) -> None:
        super().__init__(message)
        self.broke_parser = broke_parser


class DigestError(MonitorError):
    """This digest waits; a template failed."""


class SendKind(Enum):
    """What an unsuccessful attempt to hand over a mail means for that mail."""

    LATER = "later"  # certainly not delivered; this mail is tried again
    RELAY = "relay"  # certainly not delivered; no mail would get through just now
    REFUSED = "refused"  # certainly not delivered, and never will be
    UNCERTAIN = "uncertain"  # the server may have it: the reply after DATA was lost (RFC 1047)


class SendCause(Enum):
    """What was wrong when a mail was not handed over."""

    NONE = ""
    RELAY = "relay"  # the server takes no mail at all
    LOGIN = "login"  # the server refuses the login
    SENDER = "sender"  # the server takes no mail from this sender
    ADDRESS = "address"  # the server refuses the recipient
    CONTENT = "content"  # the server refuses what stands in the mail, or its size

    @property
    def stops_all(self) -> bool:
        """Whether the server takes no mail at all: that says nothing about this one, and does not count against it."""
        return self in (SendCause.RELAY, SendCause.LOGIN, SendCause.SENDER)


class SendError(MonitorError):
    """This mail was not (known to be) handed over; `kind` says what follows, `cause` what was wrong.

    `fact` is the text without `advice`, which a notice about the mail server gives anyway. `lasting`: it is refused
    until the operator has changed something. `of_connection`: another connection may take the mail at once. `window` is
    given where the server has had enough mails for now: so long its limit lasts at most. `stage` is the part of the
    SMTP session that failed, as a `Step` has it.
    """

    def __init__(
        self,
        what: str,
        kind: SendKind,
        *,
        cause: SendCause | None = None,
        code: int | None = None,
        advice: str = "",
        lasting: bool = False,
        of_connection: bool = False,
        window: timedelta | None = None,
        stage: str = "",
    ) -> None:
        super().__init__(sentence("{fact}: {advice}", fact=what, advice=advice) if advice else what)
        self.fact = masked(what)
        self.kind, self.code, self.lasting, self.stage = kind, code, lasting, stage
        self.of_connection, self.window = of_connection, window
        self.cause = cause or (SendCause.RELAY if kind is SendKind.RELAY else SendCause.NONE)


class ClockError(MonitorError):
    """The clock is wrong; nothing is done until it is right."""


class StoreError(MonitorError):
    """This job stops; it is tried again at the next tick."""


class SchemaError(StoreError):
    """The database is not one this version can use; the service stops."""


class DatabaseGoneError(SchemaError):
    """The database file was deleted or replaced while it was open; the service stops, and must not start by itself."""
