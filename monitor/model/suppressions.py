"""Suppressions: to which addresses nothing goes, why, since when, and who decided it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from monitor.model import require_utc


class SuppressedBy(StrEnum):
    """Who decided that an address gets nothing."""

    SERVER = "server"  # it refused the address for three digests in a row
    BOUNCE = "bounce"  # a bounce said that the address does not exist, or was the third refusal in a row
    OPERATOR = "operator"
    IMPORT = "import"  # it stood in a list that the operator imported


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """Nothing goes to this address, of one subscription or of all."""

    address: str  # as `Mailbox.key`: equal for every spelling
    subscription: str = ""  # its key; "": all
    at: datetime
    by: SuppressedBy
    reason: str = ""  # the server's words, or the operator's
    content_hash: str = ""  # until config.toml has another one; "": until somebody removes it

    def __post_init__(self) -> None:
        require_utc(self.at)
