"""Deliver mails: by SMTP, or into a Maildir on this machine.

A function that delivers one mail is a `Send`: smtp.py and maildir.py make one each, jobs/deliver.py calls it.
"""

from collections.abc import Awaitable, Callable

from monitor.model.mail import Mail

# Awaited at the last moment at which the mail is certainly not delivered: the outbox row is marked in it.
BeforeDot = Callable[[], Awaitable[None]]

# Returns the receiver's last reply as one line of printable text. Raises SendError, and what BeforeDot raises.
Send = Callable[[Mail, BeforeDot], Awaitable[str]]
