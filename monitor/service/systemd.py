"""Tell systemd how the service is: ready, reloading, stopping, its status line, and that it still works (sd_notify(3)).

The protocol is a datagram to a Unix socket named in the environment; without one nobody is told.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceManager:
    """Who started this process and wants to hear of it: systemd, or nobody."""

    address: str = ""  # of the socket, "@" first where it is abstract; "" for nobody
    watchdog: float = 0.0  # seconds without a sign of life after which this process is killed; 0: never

    def tell(self, **states: str) -> None:
        """Send states, such as READY="1". One that nobody receives is lost: the service goes on without."""
        if not self.address:
            return
        text = "\n".join(f"{name}={' '.join(state.split())}" for name, state in states.items())
        name = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)  # a manager that does not read must not hold up the service
            sender.sendto(text.encode(), name)

    def tell_reloading(self) -> None:
        """Say that the configuration is read again; to be followed by READY, however that ends."""
        self.tell(RELOADING="1", MONOTONIC_USEC=str(time.monotonic_ns() // 1000))

    async def keep_alive(self, is_working: Callable[[float], bool]) -> None:
        """Send a sign of life each third of the watchdog's time, as long as `is_working` says so; until cancelled.

        `is_working` is given the seconds by which work may be late.
        """
        while self.watchdog:
            if is_working(self.watchdog / 3):
                self.tell(WATCHDOG="1")
            await asyncio.sleep(self.watchdog / 3)


def service_manager(environ: MutableMapping[str, str]) -> ServiceManager:
    """Return who is to be told, and take that out of the environment: child processes are not to speak for us."""
    address = environ.pop("NOTIFY_SOCKET", "")
    microseconds, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
    is_watched = microseconds.isdecimal() and pid in ("", str(os.getpid()))
    return ServiceManager(
        address=address if address.startswith(("/", "@")) else "",
        watchdog=int(microseconds) / 1_000_000 if is_watched else 0.0,
    )
