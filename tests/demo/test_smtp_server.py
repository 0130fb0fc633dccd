import asyncio
from pathlib import Path

import pytest

from monitor.demo.smtp_server import Cut, LoopbackSmtpServer
from monitor.errors import SendKind
from monitor.mail.replies import Step
from tests.edges.scripted import (
    PASSWORD,
    failure,
    hand_over,
)


async def test_the_catcher_wants_tls_before_anything_else(tmp_path: Path) -> None:
    with LoopbackSmtpServer(tmp_path) as catcher:
        error = await failure(catcher, security="none")
    assert error.code == 530


async def test_the_catcher_wants_the_login_it_was_given(tmp_path: Path) -> None:
    with LoopbackSmtpServer(tmp_path, username="me", password=PASSWORD) as catcher:
        error = await failure(catcher)
        assert error.code == 530
        await hand_over(catcher, username="me")
        assert len(catcher.caught) == 1


@pytest.mark.parametrize(
    ("step", "answer", "kind", "kept"),
    [
        (Step.MAIL, "550 you?", SendKind.RELAY, 0),
        (Step.RCPT, "451 later", SendKind.LATER, 0),
        (Step.RCPT, Cut.MAIL_LOST, SendKind.LATER, 0),
        (Step.DOT, "554 spam", SendKind.REFUSED, 0),
        (Step.DOT, Cut.MAIL_LOST, SendKind.UNCERTAIN, 0),
        (Step.DOT, Cut.MAIL_KEPT, SendKind.UNCERTAIN, 1),
    ],
)
async def test_the_catcher_plays_a_script(
    tmp_path: Path, step: Step, answer: str | Cut, kind: SendKind, kept: int
) -> None:
    def script(at: Step, address: str) -> str | Cut | None:
        assert address == ("digest@example.org" if at is Step.MAIL else "reader@example.org")
        return answer if at is step else None

    with LoopbackSmtpServer(tmp_path, script=script) as catcher:
        assert (await failure(catcher)).kind is kind
        assert len(catcher.caught) == kept
        catcher.script = None
        await hand_over(catcher)
        assert len(await asyncio.to_thread(catcher.wait, kept + 1, 10)) == kept + 1
        with pytest.raises(TimeoutError, match="of 9 mails arrived"):
            catcher.wait(9, 0)
