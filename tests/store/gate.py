"""A transaction that waits until a test has looked at what happens meanwhile."""

import threading

from monitor.store.database import Connection


class Gate:
    """`wait` is a function to write, or to call in one; it ends when the test calls `open`."""

    def __init__(self) -> None:
        self.reached, self._open = threading.Event(), threading.Event()

    def wait(self, tx: Connection) -> None:
        self.reached.set()
        assert self._open.wait(30)

    def open(self) -> None:
        self._open.set()
