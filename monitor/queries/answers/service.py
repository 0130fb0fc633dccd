"""Declare the answers about the service as the machine runs it: service install, uninstall, alive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallAnswer:
    """What was installed or removed."""

    dry_run: bool  # true: nothing was done
    unit: str  # the file of the systemd unit
    config: str  # the config.toml of the service
    state: str  # the directory of its database
    done: tuple[str, ...]  # what was done, or would be, in words
    to_do: tuple[str, ...]  # what is left for you to do, in words
    runs: bool  # whether the service was started


@dataclass(frozen=True, slots=True, kw_only=True)
class AliveAnswer:
    """Whether a service works on this machine."""

    alive: bool  # it has worked on the database in the last minute
    pid: int | None  # its process
    since: datetime | None  # when it started
