"""A mail reaches an inbox.

Whatever can deliver a mail is a `Send`: mail/smtp.py and mail/maildir.py make one each, jobs/ use it.
"""

from collections.abc import Awaitable, Callable

from monitor.model.mail import Mail

# Awaited at the last moment at which the mail is certainly not delivered: the outbox row is marked here.
BeforeData = Callable[[], Awaitable[None]]

# Returns the receiver's last word, one line of clean text. Raises SendError, and what BeforeData raises.
Send = Callable[[Mail, BeforeData], Awaitable[str]]
