"""Killed at each point of the story, a worker loses nothing (the table in house.md, section 4)."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.config.options import SmtpOptions
from monitor.demo.smtp_server import Disconnect, LoopbackSmtpServer, ReceivedMail
from monitor.jobs.deliver import InHand, recover
from monitor.mail.replies import Step
from monitor.mail.smtp import smtp_sender
from monitor.model.mail import DeliveryStatus
from monitor.store import outbox
from tests.forked import ForkedProcess
from tests.jobs import killed
from tests.jobs.desk import OUTBOX, Desk


class Killer:
    """Ends the worker when the mail server is at a step of the conversation."""

    def __init__(self) -> None:
        self.worker: ForkedProcess | None = None
        self.at: Step | None = None

    def __call__(self, step: Step, _address: str) -> Disconnect | None:
        if step is not self.at or self.worker is None:
            return None
        self.worker.kill()
        self.worker.wait()
        return Disconnect.MAIL_KEPT


@pytest.fixture
def killer() -> Killer:
    return Killer()


@pytest.fixture
def smtp_server(tmp_path: Path, killer: Killer) -> Iterator[LoopbackSmtpServer]:
    with LoopbackSmtpServer(tmp_path, script=killer) as smtp_server:
        yield smtp_server


async def _killed_and_resumed(
    point: str, desk: Desk, url: str, smtp_server: LoopbackSmtpServer, killer: Killer
) -> tuple[ReceivedMail, ...]:
    """What arrived in all, once a worker was killed at `point` and another one has gone on."""
    with ForkedProcess(killed.work, url, point, smtp_server.port, smtp_server.ca_file) as killer.worker:
        assert killer.worker.wait(60) == -signal.SIGKILL
    killer.at = None
    smtp = SmtpOptions(
        host="127.0.0.1", port=smtp_server.port, security="starttls", ca_file=str(smtp_server.ca_file)
    )
    desk.send = smtp_sender(smtp, "")
    desk.clock.forward(hours=1)  # beyond every lease, and what uncertain mails wait
    desk.web.serves(desk.feeds[0], killed.DOCUMENT)
    await desk.poll()
    await desk.compose()
    await recover(db=desk.db, now=desk.clock(), options=OUTBOX, in_hand=InHand())
    while await desk.deliver():
        pass
    desk.clock.forward(minutes=16)
    while await desk.deliver():
        pass
    return smtp_server.received


@pytest.mark.parametrize("point", ["before poll commits", "after poll", "after compose"])
async def test_killed_before_it_sends_it_is_sent_once(
    point: str, desk: Desk, db_url: str, smtp_server: LoopbackSmtpServer, killer: Killer
) -> None:
    received = await _killed_and_resumed(point, desk, db_url, smtp_server, killer)
    assert len(received) == 1


async def test_killed_before_dot_it_is_sent_once(
    desk: Desk, db_url: str, smtp_server: LoopbackSmtpServer, killer: Killer
) -> None:
    killer.at = Step.RCPT
    received = await _killed_and_resumed("-", desk, db_url, smtp_server, killer)
    assert len(received) == 1


async def test_killed_after_data_it_is_sent_again_byte_for_byte(
    desk: Desk, db_url: str, smtp_server: LoopbackSmtpServer, killer: Killer
) -> None:
    killer.at = Step.DOT
    received = await _killed_and_resumed("-", desk, db_url, smtp_server, killer)
    (row,) = await desk.db.read(outbox.listing, status=None, limit=10)
    assert (row.attempts, row.interrupted, row.status) == (2, 1, DeliveryStatus.SENT)
    assert {mail.raw for mail in received} == {row.mail.raw}, "once or twice, but the same"


async def test_killed_after_the_250_it_is_sent_again_byte_for_byte(
    desk: Desk, db_url: str, smtp_server: LoopbackSmtpServer, killer: Killer
) -> None:
    received = await _killed_and_resumed("after the 250", desk, db_url, smtp_server, killer)
    assert len(received) == 2
    assert received[0].raw == received[1].raw
