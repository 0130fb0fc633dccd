"""What a recipient chose about a subscription, and how the mails of one say how to leave it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote

from monitor.config.values import LONGEST_PUBLIC_URL
from monitor.model import require_utc

LONGEST_PAUSE = timedelta(days=365)
_SET_BACK = timedelta(days=1)  # a clock that was set right does not end a pause that was begun before
_TOKEN = 54  # characters (mail/tokens.py; a test compares)
_NAME_IN_SUBJECT = 60  # characters

# Stands in a rendered mail for the link that is the recipient's own, so that many recipients share one rendering.
# It is as long as the longest link, for mails have a limit. U+FDD0 stands in nothing that feeds said (feeds/text.py).
OWN_LINK = (
    "\ufdd0own-link".ljust(LONGEST_PUBLIC_URL + len("/u/") + _TOKEN - len("\ufdd0".encode()), "-") + "\ufdd0"
)


class ChangedBy(StrEnum):
    """Who made a choice what it is."""

    RECIPIENT = "recipient"  # on the page behind the link
    ONE_CLICK = "one-click"  # by the button of a mail program (RFC 8058)
    OPERATOR = "operator"  # by a command


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What one recipient chose about one subscription; with the defaults he gets all of it."""

    number: int  # what tokens name
    subscription: str  # its key
    address: str  # the key of the mailbox
    signed_for: str  # the key that its tokens are signed for
    unsubscribed_at: datetime | None = None
    paused_until: datetime | None = None
    without: tuple[str, ...] = ()  # names of rules
    changed_at: datetime | None = None
    changed_by: ChangedBy | None = None

    def __post_init__(self) -> None:
        require_utc(self.unsubscribed_at, self.paused_until, self.changed_at)

    def is_paused(self, now: datetime) -> bool:
        """Return whether a pause runs. One that ends later than any can was begun by a clock that was ahead."""
        return self.paused_until is not None and now < self.paused_until <= now + LONGEST_PAUSE + _SET_BACK

    def declines(self, now: datetime) -> bool:
        """Return whether no mail of the subscription is wanted now."""
        return self.unsubscribed_at is not None or self.is_paused(now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """How the readers of a mail reach who sends it: on a page of their own, or by a mail."""

    public_url: str = ""  # of the pages, without a slash at its end; "": there are none
    reply_to: str = ""  # where replies go, as [smtp] has it; "": to the sender
    answers: str = ""  # the address of who answers; "" where a mail tells nothing of all this

    def page(self, token: str) -> str:
        """Return the address of the page of a token. It is for the pages that there is a public URL."""
        return f"{self.public_url}/u/{token}"

    def mailto(self, what: str, name: str) -> str:
        """Return a link that writes a mail about the list of this name (RFC 6068): "unsubscribe", "help"."""
        subject = f"{what} {name[:_NAME_IN_SUBJECT]}"
        return f"mailto:{quote(self.answers, safe='@+')}?subject={quote(subject, safe='')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """What tokens are signed with."""

    version: int  # counts from 1
    secret: bytes

    def __repr__(self) -> str:  # the secret stays out of tracebacks
        return f"TokenKey(version={self.version})"
