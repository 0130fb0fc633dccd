"""A worker that is killed at one point of the story; run by test_killed.py in a process of its own."""

import asyncio
import os
import signal
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from monitor.config.options import Feed, SmtpOptions
from monitor.feeds.fetch import Fetched, NotModified
from monitor.mail import BeforeDot, BeforeRcpt, go_on
from monitor.mail.smtp import smtp_sender
from monitor.model.feeds import Validators
from monitor.model.mail import Mail
from monitor.store.database import open_database
from tests import make
from tests.fakes import FakeClock
from tests.jobs.desk import Desk

DOCUMENT = make.rss("大模型降价", "天气转凉")


def work(url: str, point: str, port: int, ca_file: Path) -> int:
    """Poll, compose and deliver over real SMTP, and die at the point named (or by the server's hand)."""
    asyncio.run(_work(url, point, port, ca_file))
    return 0  # still alive


async def _work(url: str, point: str, port: int, ca_file: Path) -> None:
    desk = Desk(db=open_database(url), clock=FakeClock())
    desk.web.serves(desk.feeds[0], DOCUMENT)
    await desk.register()
    if point == "before poll commits":
        answered = asyncio.Event()

        async def fetch(feed: Feed, validators: Validators) -> Fetched | NotModified:
            answer = await desk.web.fetch(feed, validators)
            answered.set()
            return answer

        desk.fetch = fetch
        desk.clock = DeadlyClock(answered)
    await desk.poll()
    if point == "after poll":
        die()
    await desk.compose()
    if point == "after compose":
        die()
    smtp = smtp_sender(
        SmtpOptions(host="127.0.0.1", port=port, security="starttls", ca_file=str(ca_file)), ""
    )

    async def then_die(mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        await smtp(mail, before_dot, before_rcpt)
        die()

    desk.send = then_die if point == "after the 250" else smtp
    await desk.deliver()


class DeadlyClock(FakeClock):
    """Kills the process when the time is read once the feed has answered, which is before the poll is stored."""

    def __init__(self, answered: asyncio.Event) -> None:
        super().__init__()
        self._answered = answered

    def __call__(self) -> datetime:
        if self._answered.is_set():
            die()
        return super().__call__()


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody survives SIGKILL")
