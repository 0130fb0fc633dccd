"""Decide from two looks at the content of config.toml whether to reload it.

Content is compared, not events or times: an edit in place, a rename, a swapped link and a mounted volume look alike.
"""

from enum import Enum


class Step(Enum):
    """What to do after a look at the file."""

    NOTHING = "nothing"
    RELOAD = "reload"
    RESTORED = "restored"  # the file is again what is in force, after one that was refused


class ConfigWatcher:
    """The content hashes of a file: at the last look, and of the edit that was refused."""

    def __init__(self, in_force: str) -> None:
        self._last = in_force
        self._refused: str | None = None

    def look(self, content_hash: str, *, in_force: str) -> Step:
        """Return what to do about the content of the file.

        An edit is taken up once two looks see the same content: at the first it may be half written.
        """
        settled, self._last = content_hash == self._last, content_hash
        if not settled or content_hash == self._refused:
            return Step.NOTHING
        if content_hash != in_force:
            return Step.RELOAD
        if self._refused is not None:
            self._refused = None
            return Step.RESTORED
        return Step.NOTHING

    def refuse(self, content_hash: str) -> None:
        """Remember an edit that was refused, so that it is not read again before it changes."""
        self._refused = content_hash

    def accept(self) -> None:
        """Forget the refused edit: another one is in force."""
        self._refused = None
