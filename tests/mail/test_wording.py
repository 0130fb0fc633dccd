import errno
import socket
import ssl

import pytest

from monitor.errors import SendKind
from monitor.mail.replies import Step
from monitor.mail.wording import reason, refused, unanswered

WHERE = "smtp.example.org:465"


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("step", "code", "text", "told"),
    [
        (Step.CONNECT, 421, "busy", f"{WHERE} put off the connection (421 busy)"),
        (Step.RCPT, 550, "5.1.1 no such user", f"{WHERE} refused the recipient (550 5.1.1 no such user)"),
        (Step.DATA, -1, "??", f"{WHERE} answered the mail with nonsense (??)"),
        (
            Step.DOT,
            -1,
            "??",
            f"{WHERE} answered the mail with nonsense (??): the mail may or may not have been delivered",
        ),
    ],
)
def test_a_refusal_says_who_what_and_in_which_words(step: Step, code: int, text: str, told: str) -> None:
    assert str(refused(WHERE, step, code, text)) == told


def test_a_refused_login_says_what_to_look_at() -> None:
    error = refused(WHERE, Step.AUTH, 535, "5.7.8 no")
    assert str(error).startswith(f"{WHERE} refused the login (535 5.7.8 no): check [smtp] username and")
    assert "授权码" in str(error)
    assert (error.kind, error.code) == (SendKind.RELAY, 535)


def test_a_refused_sender_says_what_to_look_at() -> None:
    assert "check [smtp] sender" in str(refused(WHERE, Step.MAIL, 553, "no"))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"), "Connection refused"),
        (caused(RuntimeError("wrapped"), OSError(errno.EHOSTUNREACH, "x")), "No route to host"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (caused(TimeoutError(), RuntimeError("how asyncio tells it")), "no answer in time"),
        (ConnectionError("closed"), "closed"),
        (ssl.SSLError(1, "[SSL] wrong version number"), "[SSL] wrong version number"),
    ],
)
def test_the_reason_is_the_trouble_itself(error: Exception, words: str) -> None:
    assert reason(error) == words


def test_only_after_the_dot_is_it_uncertain_what_became_of_the_mail() -> None:
    before, after = (unanswered(WHERE, step, ConnectionError("closed")) for step in (Step.DATA, Step.DOT))
    assert (before.kind, after.kind) == (SendKind.LATER, SendKind.UNCERTAIN)
    assert str(after) == f"{before}: the mail may or may not have been delivered"
