"""The archive: the issues that were queued, and the pages that stand for them."""

from dataclasses import dataclass
from datetime import datetime

from monitor.model import require_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A slot's digest as the database has it: the rows of its parts, over all its issues."""

    digest_ids: tuple[int, ...]  # in order
    subscription: str  # its key
    slot: str  # its name
    at: datetime
    ruleset: str  # the fingerprint of the rules that were in force

    def __post_init__(self) -> None:
        require_utc(self.at)

    @property
    def id(self) -> int:
        """What its page is known by: the id of its first part."""
        return self.digest_ids[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the archive, as the index and the Atom feed name it."""

    digest_id: int
    subscription: str  # its key
    at: datetime  # of the digest, as it was when the page was made first
    uid: str  # its id in the Atom feed: it never changes
    file: str  # within the archive, with "/"
    title: str
    items: int
    content: str = ""  # HTML; "" where the Atom feed does not have it any more

    def __post_init__(self) -> None:
        require_utc(self.at)
