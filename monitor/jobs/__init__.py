"""Use cases that change the database, each owning its transactions: poll, rematch, compose, deliver, notify, prune."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]  # the time now, aware and UTC
Jitter = Callable[[], float]  # a number in [0, 1), another one each time
Step = Callable[[], object]  # called for each piece of long work that is done


def no_step() -> None:
    """Report progress to nobody."""
