"""The rooms, and the broom: poll, compose, rematch, deliver, prune."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]  # the time now, aware and UTC
Jitter = Callable[[], float]  # a number in [0, 1), another one each time
