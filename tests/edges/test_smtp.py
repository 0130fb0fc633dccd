import asyncio
import socket
from pathlib import Path

import pytest

from monitor.demo.smtp_server import LoopbackSmtpServer
from monitor.errors import SendKind
from monitor.mail.smtp import Deadlines
from tests import make
from tests.edges.scripted import (
    PASSWORD,
    SOON,
    Answer,
    Fault,
    Scripted,
    Security,
    failure,
    hand_over,
    scripted,
)

UGLY = b"From: a@example.org\r\n\r\n.\r\n..\r\n.dots\r\nFrom the start\r\n" + b"x" * 998 + b"\r\n\r\n.\r\n"


# --- what arrives -------------------------------------------------------------------------------


@pytest.mark.parametrize("security", ["starttls", "implicit"])
async def test_a_mail_arrives_over_tls_after_a_login(tmp_path: Path, security: Security) -> None:
    with LoopbackSmtpServer(tmp_path, security=security, username="me", password=PASSWORD) as smtp_server:
        reply = await hand_over(smtp_server, security=security, username="me")
        assert reply == "250 OK"
        [received] = smtp_server.received
    assert (received.sender, received.recipients) == ("digest@example.org", ("reader@example.org",))
    assert received.raw == make.mail().raw


async def test_the_bytes_received_are_the_bytes_stored(tmp_path: Path) -> None:
    with LoopbackSmtpServer(tmp_path) as smtp_server:
        await hand_over(smtp_server, make.mail(raw=UGLY))
        assert smtp_server.received[0].raw == UGLY


async def test_dots_are_doubled_once_on_the_wire() -> None:
    async with scripted() as server:
        await hand_over(server, make.mail(raw=b".\r\na\r\n.b\r\n"))
        assert server.mails == [b"..\r\na\r\n..b\r\n.\r\n"]


@pytest.mark.parametrize("raw", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\n.\nMAIL FROM:<x@example.org>\r\n", b"a"])
async def test_a_mail_that_could_smuggle_commands_never_leaves(raw: bytes) -> None:
    async with scripted() as server:
        error = await failure(server, make.mail(raw=raw))
        assert (error.kind, server.commands) == (SendKind.REFUSED, [])


async def test_the_commands_are_the_usual_ones() -> None:
    async with scripted() as server:
        assert await hand_over(server) == "250 kept"
        await server.client_left.wait()
    size = len(make.mail().raw)
    assert server.commands == [
        b"EHLO [127.0.0.1]",
        f"MAIL FROM:<digest@example.org> SIZE={size}".encode(),
        b"RCPT TO:<reader@example.org>",
        b"DATA",
        b"QUIT",
    ]


async def test_the_size_is_told_only_where_it_is_asked_for() -> None:
    async with scripted(EHLO="250 here") as server:
        await hand_over(server)
    assert server.commands[1] == b"MAIL FROM:<digest@example.org>"


async def test_a_reply_of_many_lines_comes_back_as_one() -> None:
    async with scripted(DOT="250-2.0.0 kept\r\n250 2.0.0 as 42") as server:
        assert await hand_over(server) == "250 2.0.0 kept 2.0.0 as 42"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
async def test_an_ipv6_client_names_itself_as_the_rfc_wants() -> None:
    async with scripted("::1") as server:
        await hand_over(server, host="::1")
    assert server.commands[0] == b"EHLO [IPv6:::1]"


async def test_the_deadlines_are_those_of_the_rfc() -> None:
    assert Deadlines() == Deadlines(connect=30, command=300, data=120, dot=600, quit=5)


# --- addresses that are not ASCII ---------------------------------------------------------------


async def test_a_domain_travels_as_ascii() -> None:
    async with scripted() as server:
        await hand_over(server, make.mail(to="reader@例子.example"))
        assert server.commands[2] == b"RCPT TO:<reader@xn--fsqu00a.example>"


async def test_smtputf8_is_asked_for_where_the_address_needs_it(tmp_path: Path) -> None:
    with LoopbackSmtpServer(tmp_path) as smtp_server:
        await hand_over(smtp_server, make.mail(to="读者@例子.example"))
        assert smtp_server.received[0].recipients == ("读者@xn--fsqu00a.example",)


async def test_a_recipient_that_needs_smtputf8_is_refused_where_it_is_not_offered() -> None:
    async with scripted() as server:
        error = await failure(server, make.mail(to="读者@example.org"))
    assert error.kind is SendKind.REFUSED
    assert "does not offer SMTPUTF8, which the address 读者@example.org needs" in str(error)
    assert len(server.commands) == 1


@pytest.mark.parametrize(
    ("differ", "kind"),
    [
        ({"to": "reader@example..org"}, SendKind.REFUSED),
        ({"to": "reader> SIZE=1 <@example.org"}, SendKind.REFUSED),
        ({"to": "reader@example.org＞"}, SendKind.REFUSED),  # full width, which IDNA makes half width
        ({"to": "reader"}, SendKind.REFUSED),
        ({"to": "a@b@example.org"}, SendKind.REFUSED),
        ({"sender": "digest@example.org\r\nRSET"}, SendKind.RELAY),
    ],
)
async def test_an_address_that_is_none_is_never_said(differ: dict[str, str], kind: SendKind) -> None:
    async with scripted() as server:
        error = await failure(server, make.mail(**differ))
    assert error.kind is kind
    assert server.commands[1:] in ([], [b"QUIT"])


# --- after the dot ------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [Fault.CLOSE, b"250 ke", b"\x00\xff\x80\r\n", b"99\r\n", "354 more?"])
async def test_anything_but_a_reply_after_the_dot_leaves_the_mail_uncertain(answer: Answer) -> None:
    async with scripted(DOT=answer) as server:
        error = await failure(server)
    assert (error.kind, len(server.mails)) == (SendKind.UNCERTAIN, 1)
    assert str(error).endswith("the mail may or may not have been delivered")


async def test_silence_after_the_dot_leaves_the_mail_uncertain() -> None:
    async with scripted(DOT=Fault.HANG) as server:
        error = await failure(server, deadlines=Deadlines(dot=SOON, quit=SOON))
        await server.client_left.wait()
    assert error.kind is SendKind.UNCERTAIN
    assert "(no answer in time)" in str(error)


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        ("421 4.3.2 shutting down", SendKind.RELAY, 421),
        ("451 4.3.0 try again", SendKind.LATER, 451),
        ("550 5.7.1 spam", SendKind.REFUSED, 550),
        ("554 MI:STC 163 smtp8", SendKind.RELAY, 554),
        ("552 5.2.2 mailbox full", SendKind.LATER, 552),
    ],
)
async def test_a_reply_to_the_dot_decides(answer: str, kind: SendKind, code: int) -> None:
    async with scripted(DOT=answer) as server:
        error = await failure(server)
    assert (error.kind, error.code) == (kind, code)
    assert f"({answer})" in str(error)


@pytest.mark.parametrize("answer", [Fault.CLOSE, b"\xff\x00\r\n", "500 what?"])
async def test_what_follows_the_250_changes_nothing(answer: Answer) -> None:
    async with scripted(QUIT=answer) as server:
        assert await hand_over(server) == "250 kept"
        await server.client_left.wait()


async def test_nobody_waits_for_the_server_to_say_goodbye() -> None:
    async with scripted(QUIT=Fault.HANG) as server, asyncio.timeout(10):  # well below the patient 30 s
        assert await hand_over(server) == "250 kept"


async def test_a_server_that_never_says_goodbye_is_left() -> None:
    async with scripted(QUIT=Fault.HANG) as server, asyncio.timeout(10):
        await hand_over(server, deadlines=Deadlines(quit=SOON))
        await server.client_left.wait()


async def test_a_hanging_rset_does_not_hide_a_refusal() -> None:
    async with scripted(DOT="550 5.7.1 spam", RSET=Fault.HANG, QUIT=Fault.HANG) as server:
        assert (await failure(server, deadlines=Deadlines(quit=SOON))).kind is SendKind.REFUSED
        await server.client_left.wait()


# --- before the dot -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ({"HELLO": "421 busy"}, SendKind.RELAY),
        ({"HELLO": "554 no service"}, SendKind.RELAY),
        ({"HELLO": "250 odd"}, SendKind.RELAY),
        ({"HELLO": Fault.CLOSE}, SendKind.RELAY),
        ({"HELLO": b"\xff\xfe\r\n"}, SendKind.RELAY),
        ({"EHLO": "502 what?"}, SendKind.RELAY),
        ({"EHLO": Fault.CLOSE}, SendKind.RELAY),
        ({"MAIL": "550 5.7.1 you?"}, SendKind.RELAY),
        ({"MAIL": "451 later"}, SendKind.RELAY),
        ({"MAIL": "552 5.3.4 too big"}, SendKind.REFUSED),
        ({"MAIL": Fault.CLOSE}, SendKind.LATER),
        ({"RCPT": "451 4.7.1 greylisted"}, SendKind.LATER),
        ({"RCPT": "550 5.1.1 no such user"}, SendKind.REFUSED),
        ({"RCPT": "421 closing"}, SendKind.RELAY),
        ({"RCPT": Fault.CLOSE}, SendKind.LATER),
        ({"RCPT": b"250 o"}, SendKind.LATER),
        ({"DATA": "451 4.3.0 no space"}, SendKind.LATER),
        ({"DATA": "554 no valid recipients"}, SendKind.REFUSED),
        ({"DATA": "250 misunderstood"}, SendKind.LATER),
        ({"DATA": Fault.CLOSE}, SendKind.LATER),
    ],
)
async def test_trouble_before_the_mail_is_sent_means_it_is_not_delivered(
    script: dict[str, Answer], kind: SendKind
) -> None:
    async with scripted(**script) as server:
        error = await failure(server)
    assert (error.kind, server.mails) == (kind, [])


@pytest.mark.parametrize(
    ("verb", "deadlines", "kind"),
    [
        ("HELLO", Deadlines(connect=SOON), SendKind.RELAY),
        ("EHLO", Deadlines(connect=SOON), SendKind.RELAY),
        ("AUTH", Deadlines(connect=SOON), SendKind.RELAY),
        ("MAIL", Deadlines(command=SOON), SendKind.LATER),
        ("RCPT", Deadlines(command=SOON), SendKind.LATER),
        ("DATA", Deadlines(data=SOON), SendKind.LATER),
    ],
)
async def test_each_answer_has_its_own_deadline(verb: str, deadlines: Deadlines, kind: SendKind) -> None:
    async with scripted(**{verb: Fault.HANG}) as server:
        error = await failure(server, deadlines=deadlines, username="me")
    assert error.kind is kind
    assert "no answer in time" in str(error)


async def test_a_server_that_is_not_there_is_told_apart_from_a_refused_mail() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = await failure(Scripted({}, port=port))
    assert error.kind is SendKind.RELAY
    assert str(error).startswith(f"cannot open a connection to 127.0.0.1:{port} (Connection refused): check")


async def test_a_name_nobody_has_is_told_plainly() -> None:
    error = await failure(Scripted({}, port=25), host="nobody.invalid", insecure=True)
    assert error.kind is SendKind.RELAY
    assert "check [smtp] host" in str(error)


async def test_a_reply_in_gbk_can_be_read() -> None:
    async with scripted(RCPT="550 发信频率超限".encode("gbk") + b"\r\n") as server:
        error = await failure(server)
    assert error.kind is SendKind.RELAY
    assert "refused the recipient (550 发信频率超限)" in str(error)
