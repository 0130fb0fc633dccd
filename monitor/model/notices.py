"""Troubles that the operator is told about: their kinds, with what happened and what to do, and what is known of one.

A new kind is one member of NoticeKind; who finds such a trouble calls `store.notices.report` in his own transaction,
and `store.notices.clear` when it is over. When and how it is told is decided in `digests/notice.py`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from monitor.model import require_utc
from monitor.texts import sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How troubles of a kind are told. `happened` and `to_do` are sentences that fit one such trouble, and many."""

    happened: str  # at most 80 characters: it is the mail's subject too
    to_do: str
    patience: timedelta = timedelta(0)  # so long it must have stood as it is before it is told
    pause: timedelta = timedelta(hours=1)  # at least, between two mails about troubles of this kind
    is_event: bool = False  # it happened once and is not over some time: `clear` need not be called
    stops_mail: bool = (
        False  # no mail can leave: it is told when it is over; its subject is the server, "host:port"
    )


class NoticeKind(Enum):
    """A kind of trouble, in the order in which a notice tells them; its value is what the database keeps."""

    telling: Telling

    def __new__(cls, value: str, telling: Telling) -> "NoticeKind":
        member = object.__new__(cls)
        member._value_ = value
        member.telling = telling
        return member

    DATABASE_REPLACED = (
        "database replaced",
        Telling(
            happened=sentence("The database was deleted or replaced under the service, which ended."),
            to_do=sentence(
                "If you put back a copy on purpose, there is nothing to do. If not, put the last backup in its place"
                " while the service is stopped: without it, entries of the feeds' first visits may be mailed again."
            ),
            is_event=True,
        ),
    )
    CLOCK_BEHIND = (
        "clock behind",
        Telling(
            happened=sentence("The clock of this machine is behind; no news is stored or mailed."),
            to_do=sentence(
                "Set the clock: timedatectl set-ntp true, or date -s. The service goes on when it is right."
            ),
        ),
    )
    CLOCK_WRONG = (
        "clock wrong",
        Telling(
            happened=sentence("The clock of this machine is wrong, as the servers of most feeds say."),
            to_do=sentence(
                "Set the clock: timedatectl set-ntp true, or date -s. Until then digests come at the wrong time."
            ),
            patience=timedelta(minutes=10),  # NTP may be about to set it
        ),
    )
    DISK_FULL = (
        "disk nearly full",
        Telling(
            happened=sentence("The disk of the database is nearly full."),
            to_do=sentence(
                "Make room, or shorten [store] keep and [outbox] keep. When the disk is full, nothing new is stored or"
                " mailed until there is room; nothing is lost."
            ),
        ),
    )
    CALENDAR_ENDS = (
        "calendar ends",
        Telling(
            happened=sentence("The calendar of Chinese holidays ends; its digests come Monday to Friday."),
            to_do=sentence(
                "Update the calendar: pip install --upgrade chinesecalendar, or a newer feed-monitor, and restart the"
                " service. The holidays of a year are announced in the November before it."
            ),
        ),
    )
    CONFIG_REFUSED = (
        "config refused",
        Telling(
            happened=sentence("An edit of config.toml is refused; the configuration before it is in force."),
            to_do=sentence(
                'Correct the file, and the service takes it up within two seconds ("monitor check" lists what is'
                ' wrong). Or restore the previous rules: "monitor rules undo" ("monitor rules history" lists them).'
            ),
            patience=timedelta(minutes=1),  # a torn or half finished save is corrected before
            pause=timedelta(minutes=1),
        ),
    )
    CONFIG_SHRUNK = (
        "config shrunk",
        Telling(
            happened=sentence(
                "An edit of config.toml drops more than half of the feeds or rules, and waits."
            ),
            to_do=sentence(
                "If it is meant, there is nothing to do: it takes effect when the file has stood unchanged for a"
                ' minute. If it is not, put the file back; "monitor rules undo" restores the rules.'
            ),
            pause=timedelta(minutes=1),
        ),
    )
    TEMPLATE_FAILED = (
        "template failed",
        Telling(
            happened=sentence("A digest template of your own fails; the built-in ones are used."),
            to_do=sentence(
                'Correct the template ("monitor check" says where it fails), or remove it. The digests go out'
                " meanwhile, looking as they do without templates of your own."
            ),
        ),
    )
    ARCHIVE_FAILED = (
        "archive failed",
        Telling(
            happened=sentence("The archive cannot be written; mails go out as before."),
            to_do=sentence(
                "Read the reason below: make room on the disk, or correct [archive] directory or your template. What is"
                " missing is written as soon as it can be; nothing is lost."
            ),
            patience=timedelta(minutes=5),  # a disk that is being mounted is there before
        ),
    )
    FEED_GONE = (
        "feed gone",
        Telling(
            happened=sentence("A feed is gone for good, as its server says; it is asked no more."),
            to_do=sentence(
                'Correct its url in config.toml, or remove it there. "monitor poll" asks it once more.'
            ),
        ),
    )
    FEED_DEAD = (
        "feed dead",
        Telling(
            happened=sentence("A feed has not worked for a day."),
            to_do=sentence(
                "If its name is not found, or it cannot be reached: check the network and DNS of this machine, and set"
                " [fetch] proxy where the site is blocked, as cn.nytimes.com in mainland China. Else open its url in a"
                " browser: if it has moved, correct the url in config.toml; if it is gone, remove it there. It is asked"
                " on, and you are told when it works again."
            ),
        ),
    )
    FEED_QUIET = (
        "feed quiet",
        Telling(
            happened=sentence("A feed answers, but has brought nothing new for unusually long."),
            to_do=sentence(
                "Look whether its site has news that the feed lacks: it may have moved. If the site is silent too,"
                " there is nothing to do; you are told when the feed brings something again."
            ),
        ),
    )
    FEED_MOVED = (
        "feed moved",
        Telling(
            happened=sentence("A feed has moved for good; it is asked at its new address."),
            to_do=sentence(
                "Ask it at its new address: edit its url in config.toml. What is known of it stays."
            ),
            is_event=True,
        ),
    )
    FEED_RESET = (
        "feed reset",
        Telling(
            happened=sentence("A feed brought many old entries at once; they are held back."),
            to_do=sentence(
                'To mail those that match: "monitor rules apply --held-back --since 30d" (with --dry-run it lists'
                " them). Else there is nothing to do."
            ),
            is_event=True,
        ),
    )
    RELAY_DOWN = (
        "relay down",
        Telling(
            happened=sentence("The mail server takes no mail."),
            to_do=sentence(
                "If this lasts, compare [smtp] host, port and security with what the provider says, and try"
                ' "monitor deliver --now". Mails wait until they expire; entries of expired mails come again.'
            ),
            stops_mail=True,
        ),
    )
    MAIL_LIMIT = (
        "mail limit",
        Telling(
            happened=sentence("The mail server takes no more mails for now: it has had too many."),
            to_do=sentence(
                "No mail is lost: they wait, and one is tried when the limit may be over. If this comes again, write a"
                " lower per_day or per_minute into [smtp], or send by a provider that allows more."
            ),
            stops_mail=True,
        ),
    )
    LOGIN_REFUSED = (
        "login refused",
        Telling(
            happened=sentence("The mail server refuses the login; no mail leaves."),
            to_do=sentence(
                "Correct [smtp] username or the password; many providers want an app password. The service tries"
                ' again when either has changed, or by "monitor deliver --now".'
            ),
            stops_mail=True,
        ),
    )
    SENDER_REFUSED = (
        "sender refused",
        Telling(
            happened=sentence("The mail server takes no mail from the sender; no mail leaves."),
            to_do=sentence(
                "Write the address of the login as [smtp] sender: most providers require it. The service tries again"
                ' within a quarter of an hour, at once when [smtp] has changed, or by "monitor deliver --now".'
            ),
            stops_mail=True,
        ),
    )
    ADDRESS_SUSPENDED = (
        "address suspended",
        Telling(
            happened=sentence(
                "A recipient is no longer mailed: the address does not exist, or refuses mail."
            ),
            to_do=sentence(
                'Correct or remove the address in config.toml, or have it mailed again: "monitor suppressions remove'
                ' ADDRESS". What it missed is not sent any more.'
            ),
        ),
    )
    ADDRESS_REFUSED = (
        "address refused",
        Telling(
            happened=sentence("A recipient's address is refused for good by the mail server."),
            to_do=sentence(
                "Correct or remove the address in config.toml. After three digests in a row it is no longer mailed."
            ),
        ),
    )
    MAIL_GIVEN_UP = (
        "mail given up",
        Telling(
            happened=sentence("Mails were given up."),
            to_do=sentence(
                'Read the server\'s reply below. "monitor outbox --retry NUMBER" sends a mail again.'
            ),
            is_event=True,
        ),
    )
    MAIL_REFUSED = (
        "mail refused",
        Telling(
            happened=sentence("The mail server refuses what stands in a mail, or its size."),
            to_do=sentence(
                'Read the server\'s reply below. The digest is rendered once more, smaller; "monitor outbox" shows'
                " how that went. Its entries do not come again beyond that."
            ),
            is_event=True,
        ),
    )
    MAIL_EXPIRED = (
        "mail expired",
        Telling(
            happened=sentence("Mails became too old before the mail server took them."),
            to_do=sentence(
                "Nothing, where their entries come again. [outbox] expire says how old a mail may become."
            ),
            is_event=True,
        ),
    )
    MAIL_UNCERTAIN = (
        "mail uncertain",
        Telling(
            happened=sentence("It is not known whether mails arrived; they are not sent again."),
            to_do=sentence(
                'Ask the recipients, if it matters. "monitor outbox --retry NUMBER" sends a mail again.'
            ),
            is_event=True,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One trouble: its kind, what it is about, and what is told of it beside the sentences of its kind."""

    kind: NoticeKind
    subject: str = (
        ""  # what it is about: an address, a mail's number; "" where a kind has only one. Key with kind
    )
    content: str = ""  # told again when this differs: without counts or times that change by themselves
    details: str = ""  # a line or more that says which; kept up to date without being told again
    address: str = ""  # the address that cannot be reached: its owner gets no mail about it
    since: datetime

    def __post_init__(self) -> None:
        require_utc(self.since)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTrouble:
    """A row of the table notices: a trouble, and what of it was told."""

    trouble: Trouble
    changed_at: datetime  # since when its content is what it is
    told: str | None = None  # the content last mailed; None: it was not mailed
    over_at: datetime | None = None

    def __post_init__(self) -> None:
        require_utc(self.changed_at, self.over_at)

    @property
    def is_over(self) -> bool:
        """Whether the trouble is over."""
        return self.over_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Swarm:
    """The troubles of one kind that are new or changed since the operator was told, or those that are over since."""

    kind: NoticeKind
    is_over: bool
    oldest: datetime  # when the first of them came, changed or was over
    newest: datetime  # and the last

    def __post_init__(self) -> None:
        require_utc(self.oldest, self.newest)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastTold:
    """When a mail last told of any trouble of a kind, and of the end of one; None: never."""

    at: datetime | None = None
    over_at: datetime | None = None

    def __post_init__(self) -> None:
        require_utc(self.at, self.over_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleGroup:
    """Troubles of one kind, told together: the first few of them, and how many there are."""

    kind: NoticeKind
    troubles: tuple[KnownTrouble, ...]  # the oldest first
    count: int  # those that are not shown included
    since: datetime  # of the oldest

    @property
    def more(self) -> int:
        """The count of troubles that are not shown."""
        return self.count - len(self.troubles)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What one mail tells the operator: troubles that are there, and troubles that are over."""

    at: datetime
    present: tuple[TroubleGroup, ...] = ()
    over: tuple[TroubleGroup, ...] = ()

    def __post_init__(self) -> None:
        require_utc(self.at)
