import asyncio
from pathlib import Path

import pytest

from monitor.demo.smtp_server import Disconnect, LoopbackSmtpServer
from monitor.errors import SendKind
from monitor.mail.replies import Step
from tests.edges.scripted import (
    PASSWORD,
    failure,
    hand_over,
)


async def test_the_smtp_server_wants_tls_before_anything_else(tmp_path: Path) -> None:
    with LoopbackSmtpServer(tmp_path) as smtp_server:
        error = await failure(smtp_server, security="none")
    assert error.code == 530


async def test_the_smtp_server_wants_the_login_it_was_given(tmp_path: Path) -> None:
    with LoopbackSmtpServer(tmp_path, username="me", password=PASSWORD) as smtp_server:
        error = await failure(smtp_server)
        assert error.code == 530
        await hand_over(smtp_server, username="me")
        assert len(smtp_server.received) == 1


@pytest.mark.parametrize(
    ("step", "answer", "kind", "kept"),
    [
        (Step.MAIL, "550 you?", SendKind.RELAY, 0),
        (Step.RCPT, "451 later", SendKind.LATER, 0),
        (Step.RCPT, Disconnect.MAIL_LOST, SendKind.LATER, 0),
        (Step.DOT, "554 spam", SendKind.REFUSED, 0),
        (Step.DOT, Disconnect.MAIL_LOST, SendKind.UNCERTAIN, 0),
        (Step.DOT, Disconnect.MAIL_KEPT, SendKind.UNCERTAIN, 1),
    ],
)
async def test_the_smtp_server_plays_a_script(
    tmp_path: Path, step: Step, answer: str | Disconnect, kind: SendKind, kept: int
) -> None:
    def script(at: Step, address: str) -> str | Disconnect | None:
        assert address == ("digest@example.org" if at is Step.MAIL else "reader@example.org")
        return answer if at is step else None

    with LoopbackSmtpServer(tmp_path, script=script) as smtp_server:
        assert (await failure(smtp_server)).kind is kind
        assert len(smtp_server.received) == kept
        smtp_server.script = None
        await hand_over(smtp_server)
        assert len(await asyncio.to_thread(smtp_server.wait, kept + 1, 10)) == kept + 1
        with pytest.raises(TimeoutError, match="of 9 mails arrived"):
            smtp_server.wait(9, 0)
