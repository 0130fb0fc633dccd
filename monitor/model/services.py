"""A running service, as the database knows it by its heartbeat."""

from dataclasses import dataclass
from datetime import datetime

from monitor.model import require_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningService:
    """One process of `monitor run`."""

    id: str  # another one at each start
    host: str
    pid: int
    version: str  # of monitor
    started_at: datetime
    beat_at: datetime  # when it wrote last
    content_hash: str  # of the configuration in force
    ended_at: datetime | None = None  # it was told to stop

    def __post_init__(self) -> None:
        require_utc(self.started_at, self.beat_at, self.ended_at)
