"""Deliver mails: by SMTP, or into a Maildir on this machine.

A function that delivers one mail is a `Send`: smtp.py and maildir.py make one each, jobs/deliver.py calls it.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from monitor.model.mail import Mail

# Awaited when the server is about to be told the recipient: whoever has left meanwhile is not named to it.
BeforeRcpt = Callable[[], Awaitable[None]]

# Awaited at the last moment at which the mail is certainly not delivered: the outbox row is marked in it.
BeforeDot = Callable[[], Awaitable[None]]


async def go_on() -> None:
    """Let the mail go on: what nobody has to be asked about."""


class Send(Protocol):
    """What delivers a mail."""

    async def __call__(self, mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on, /) -> str:
        """Return the receiver's last reply as one line of printable text.

        Raises SendError, and what the two functions raise.
        """
