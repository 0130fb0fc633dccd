"""Decide from looks at the content of config.toml whether to reload it.

Content is compared, not events or times: an edit in place, a rename, a swapped link and a mounted volume look alike.
"""

from enum import Enum

STANDS = 60.0  # seconds that an edit which drops much has to stand unchanged before it takes effect


class Step(Enum):
    """What to do after a look at the file."""

    NOTHING = "nothing"
    RELOAD = "reload"
    CONFIRMED = "confirmed"  # an edit that was postponed has stood unchanged: reload it
    RESTORED = "restored"  # the file is again what is in force, after one that was refused or postponed


class ConfigWatcher:
    """The content hashes of a file: at the last look, of the edit that was refused, and of the one that waits."""

    def __init__(self, in_force: str) -> None:
        self._last, self._since = in_force, 0.0
        self._refused: str | None = None
        self._postponed: str | None = None

    def look(self, content_hash: str, *, in_force: str, now: float) -> Step:
        """Return what to do about the content of the file at `now`, in seconds of a clock that is never set.

        An edit is taken up once two looks see the same content: at the first it may be half written.
        """
        if content_hash != self._last:
            self._last, self._since = content_hash, now
            return Step.NOTHING
        if content_hash == self._postponed:
            return Step.CONFIRMED if now - self._since >= STANDS else Step.NOTHING
        if content_hash == self._refused:
            return Step.NOTHING
        if content_hash != in_force:
            return Step.RELOAD
        if self._refused is not None or self._postponed is not None:
            self.accept()
            return Step.RESTORED
        return Step.NOTHING

    def refuse(self, content_hash: str) -> None:
        """Remember an edit that was refused, so that it is not read again before it changes."""
        self._refused, self._postponed = content_hash, None

    def postpone(self, content_hash: str) -> None:
        """Remember an edit that takes effect once it has stood unchanged for STANDS."""
        self._refused, self._postponed = None, content_hash

    def accept(self) -> None:
        """Forget the edit that was refused or postponed: another one is in force."""
        self._refused = self._postponed = None
