"""What goes to a process that parses documents, and what comes back: each a pickle behind its length.

The document itself follows the task, behind its own length: a pickle of it would be another copy.
"""

import struct
from dataclasses import dataclass
from datetime import datetime

from monitor.config.options import Feed
from monitor.model.feeds import ParsedFeed

LENGTH = struct.Struct(">Q")  # of what follows, in bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """How a document is to be parsed: the other arguments of `parse`."""

    feed: Feed
    now: datetime
    content_type: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a task: a document, or why there is none."""

    parsed: ParsedFeed | None = None
    error: str = ""
    broke_parser: bool = False
    memory: int = 0  # bytes that the process holds now; 0 where that is not known
