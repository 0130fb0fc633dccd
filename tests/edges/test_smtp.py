import asyncio
import base64
import os
import socket
import traceback
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal

import pytest

from monitor.config import SmtpOptions
from monitor.demo.catcher import Catcher, Cut
from monitor.errors import SendError, SendKind
from monitor.mail.replies import Step
from monitor.mail.smtp import Deadlines, smtp_sender
from monitor.model import Mail
from tests import make

PASSWORD = "jade-otter 4711 授权"
SOON = 0.2  # seconds, for a deadline that is meant to pass
PATIENT = Deadlines(connect=30, command=30, data=30, dot=30, quit=30)
UGLY = b"From: a@example.org\r\n\r\n.\r\n..\r\n.dots\r\nFrom the start\r\n" + b"x" * 998 + b"\r\n\r\n.\r\n"


class Fault(Enum):
    """What the scripted server does instead of answering."""

    HANG = "hang"
    CLOSE = "close"


Security = Literal["starttls", "implicit"]
Answer = str | bytes | Fault  # bytes are sent as they are; CLOSE follows where the script ends


@dataclass
class Scripted:
    """A server on loopback that answers each command from a script, and notes what it was told."""

    script: Mapping[str, Answer]
    port: int = 0
    told: list[bytes] = field(default_factory=list)  # commands; the lines of a mail are in `mails`
    mails: list[bytes] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)  # a client has left
    talks: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = field(default_factory=dict)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.talks[writer] = asyncio.current_task()
        try:
            going = await self._say(reader, writer, "HELLO", "220 here")
            while going and (line := await reader.readline()):
                self.told.append(line.rstrip(b"\r\n"))
                verb = line.rstrip().partition(b" ")[0].decode("latin-1").upper()
                going = await self._say(reader, writer, verb, USUAL.get(verb, "500 what?"))
                if verb == "DATA" and going and "DATA" not in self.script:
                    self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
                    going = await self._say(reader, writer, "DOT", "250 kept")
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self.gone.set()

    async def _say(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, verb: str, usual: str
    ) -> bool:
        answer = self.script.get(verb, usual)
        if answer is Fault.HANG:
            await reader.read()  # until the client has had enough
        if isinstance(answer, Fault):
            return False
        writer.write(f"{answer}\r\n".encode() if isinstance(answer, str) else answer)
        await writer.drain()
        return isinstance(answer, str) or answer.endswith(b"\n")


USUAL = {
    "EHLO": "250-here\r\n250-SIZE 1000000\r\n250 AUTH PLAIN LOGIN",
    "AUTH": "235 in",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go",
    "QUIT": "221 bye",
}


@asynccontextmanager
async def scripted(host: str = "127.0.0.1", /, **script: Answer) -> AsyncIterator[Scripted]:
    playing = Scripted(script)
    server = await asyncio.start_server(playing.talk, host, 0)
    playing.port = server.sockets[0].getsockname()[1]
    async with server:
        yield playing
        server.close()
        for writer in playing.talks:
            writer.close()
        await asyncio.gather(*(talk for talk in playing.talks.values() if talk))


def options(server: Scripted | Catcher, **differ: object) -> SmtpOptions:
    security = "none" if isinstance(server, Scripted) else "starttls"
    ca_file = "" if isinstance(server, Scripted) else str(server.ca_file)
    values = {"host": "127.0.0.1", "port": server.port, "security": security, "ca_file": ca_file, **differ}
    return SmtpOptions.model_validate(values)


async def nothing() -> None:
    return None


async def hand_over(
    server: Scripted | Catcher, mail: Mail | None = None, *, deadlines: Deadlines = PATIENT, **differ: object
) -> str:
    return await smtp_sender(options(server, **differ), PASSWORD, deadlines)(mail or make.mail(), nothing)


async def failure(
    server: Scripted | Catcher, mail: Mail | None = None, *, deadlines: Deadlines = PATIENT, **differ: object
) -> SendError:
    with pytest.raises(SendError) as raised:
        await hand_over(server, mail, deadlines=deadlines, **differ)
    assert not leaks(raised.value)
    assert str(raised.value).isprintable()
    return raised.value


def leaks(error: BaseException) -> bool:
    """Does any error in the chain show the password, in the clear or as AUTH sends it?"""
    encoded = PASSWORD.encode()
    forms = [PASSWORD, base64.b64encode(encoded).decode(), base64.b64encode(b"\0me\0" + encoded).decode()]
    chain: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        if (each := todo.pop()) is not None and each not in chain:
            chain.append(each)
            todo += [each.__cause__, each.__context__]
    shown = "".join(f"{each}{each!r}{''.join(traceback.format_exception(each))}" for each in chain)
    return any(form in shown for form in forms)


# --- what arrives -------------------------------------------------------------------------------


@pytest.mark.parametrize("security", ["starttls", "implicit"])
async def test_a_mail_arrives_over_tls_after_a_login(tmp_path: Path, security: Security) -> None:
    with Catcher(tmp_path, security=security, username="me", password=PASSWORD) as catcher:
        reply = await hand_over(catcher, security=security, username="me")
        assert reply == "250 OK"
        [caught] = catcher.caught
    assert (caught.sender, caught.recipients) == ("digest@example.org", ("reader@example.org",))
    assert caught.raw == make.mail().raw


async def test_the_bytes_received_are_the_bytes_stored(tmp_path: Path) -> None:
    with Catcher(tmp_path) as catcher:
        await hand_over(catcher, make.mail(raw=UGLY))
        assert catcher.caught[0].raw == UGLY


async def test_dots_are_doubled_once_on_the_wire() -> None:
    async with scripted() as server:
        await hand_over(server, make.mail(raw=b".\r\na\r\n.b\r\n"))
        assert server.mails == [b"..\r\na\r\n..b\r\n.\r\n"]


@pytest.mark.parametrize("raw", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\n.\nMAIL FROM:<x@example.org>\r\n", b"a"])
async def test_a_mail_that_could_smuggle_commands_never_leaves(raw: bytes) -> None:
    async with scripted() as server:
        error = await failure(server, make.mail(raw=raw))
        assert (error.kind, server.told) == (SendKind.REFUSED, [])


async def test_the_commands_are_the_usual_ones() -> None:
    async with scripted() as server:
        assert await hand_over(server) == "250 kept"
        await server.gone.wait()
    size = len(make.mail().raw)
    assert server.told == [
        b"EHLO [127.0.0.1]",
        f"MAIL FROM:<digest@example.org> SIZE={size}".encode(),
        b"RCPT TO:<reader@example.org>",
        b"DATA",
        b"QUIT",
    ]


async def test_a_reply_of_many_lines_comes_back_as_one() -> None:
    async with scripted(DOT="250-2.0.0 kept\r\n250 2.0.0 as 42") as server:
        assert await hand_over(server) == "250 2.0.0 kept 2.0.0 as 42"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
async def test_an_ipv6_client_names_itself_as_the_rfc_wants() -> None:
    async with scripted("::1") as server:
        await hand_over(server, host="::1")
    assert server.told[0] == b"EHLO [IPv6:::1]"


async def test_the_deadlines_are_those_of_the_rfc() -> None:
    assert Deadlines() == Deadlines(connect=30, command=300, data=120, dot=600, quit=5)


# --- addresses that are not ASCII ---------------------------------------------------------------


async def test_a_domain_travels_as_ascii() -> None:
    async with scripted() as server:
        await hand_over(server, make.mail(to="reader@例子.example"))
        assert server.told[2] == b"RCPT TO:<reader@xn--fsqu00a.example>"


async def test_smtputf8_is_asked_for_where_the_address_needs_it(tmp_path: Path) -> None:
    with Catcher(tmp_path) as catcher:
        await hand_over(catcher, make.mail(to="读者@例子.example"))
        assert catcher.caught[0].recipients == ("读者@xn--fsqu00a.example",)


async def test_a_recipient_that_needs_smtputf8_is_refused_where_it_is_not_offered() -> None:
    async with scripted() as server:
        error = await failure(server, make.mail(to="读者@example.org"))
    assert error.kind is SendKind.REFUSED
    assert "does not offer SMTPUTF8, which the address 读者@example.org needs" in str(error)
    assert len(server.told) == 1


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
    assert server.told[1:] in ([], [b"QUIT"])


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
        await server.gone.wait()
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
        await server.gone.wait()


async def test_nobody_waits_for_the_server_to_say_goodbye() -> None:
    async with scripted(QUIT=Fault.HANG) as server, asyncio.timeout(10):  # well below the patient 30 s
        assert await hand_over(server) == "250 kept"


async def test_a_server_that_never_says_goodbye_is_left() -> None:
    async with scripted(QUIT=Fault.HANG) as server:
        await hand_over(server, deadlines=Deadlines(quit=SOON))
        await server.gone.wait()


async def test_a_hanging_rset_does_not_hide_a_refusal() -> None:
    async with scripted(DOT="550 5.7.1 spam", RSET=Fault.HANG, QUIT=Fault.HANG) as server:
        assert (await failure(server, deadlines=Deadlines(quit=SOON))).kind is SendKind.REFUSED
        await server.gone.wait()


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


@pytest.mark.parametrize("host", ["nobody.invalid", "nobody..invalid"])
async def test_a_name_nobody_has_is_told_plainly(host: str) -> None:
    error = await failure(Scripted({}, port=25), host=host)
    assert error.kind is SendKind.RELAY
    assert "check [smtp] host" in str(error)


async def test_a_reply_in_gbk_can_be_read() -> None:
    async with scripted(RCPT="550 发信频率超限".encode("gbk") + b"\r\n") as server:
        error = await failure(server)
    assert error.kind is SendKind.RELAY
    assert "refused the recipient (550 发信频率超限)" in str(error)


# --- the moment before DATA ---------------------------------------------------------------------


async def test_when_the_row_cannot_be_marked_the_server_sees_no_data() -> None:
    async def fail() -> None:
        raise LookupError("the row is gone")

    async with scripted() as server:
        with pytest.raises(LookupError, match="the row is gone"):
            await smtp_sender(options(server), "", PATIENT)(make.mail(), fail)
        await server.gone.wait()
    assert server.told[-2:] == [b"RCPT TO:<reader@example.org>", b"QUIT"]
    assert server.mails == []


async def test_the_row_is_marked_when_the_recipient_is_accepted_and_not_sooner() -> None:
    seen: list[bytes] = []

    async def mark() -> None:
        seen.extend(server.told)

    async with scripted() as server:
        await smtp_sender(options(server), "", PATIENT)(make.mail(), mark)
    assert seen[-1] == b"RCPT TO:<reader@example.org>"


async def test_a_mail_that_is_refused_at_once_is_never_marked() -> None:
    async def mark() -> None:
        raise AssertionError("marked")

    async with scripted(RCPT="550 no") as server:
        with pytest.raises(SendError):
            await smtp_sender(options(server), "", PATIENT)(make.mail(), mark)


async def test_a_server_that_leaves_while_the_row_is_marked_does_not_have_the_mail() -> None:
    async def mark() -> None:
        await server.gone.wait()

    async with scripted(RCPT=b"250 ok\r\n421 bye") as server:
        with pytest.raises(SendError) as raised:
            await smtp_sender(options(server), "", PATIENT)(make.mail(), mark)
    assert raised.value.kind is SendKind.LATER


async def test_a_service_that_stops_hangs_up_at_once() -> None:
    marked = asyncio.Event()

    async def mark() -> None:
        marked.set()

    async with scripted(DOT=Fault.HANG) as server:
        sending = asyncio.ensure_future(smtp_sender(options(server), "", PATIENT)(make.mail(), mark))
        await marked.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await server.gone.wait()


# --- TLS and the login --------------------------------------------------------------------------


@pytest.mark.parametrize("security", ["starttls", "implicit"])
async def test_a_certificate_nobody_vouches_for_stops_everything(tmp_path: Path, security: Security) -> None:
    with Catcher(tmp_path, security=security, username="me", password=PASSWORD) as catcher:
        error = await failure(catcher, security=security, username="me", ca_file="")
        assert catcher.caught == ()
    assert error.kind is SendKind.RELAY
    assert f"the certificate of 127.0.0.1:{catcher.port} cannot be trusted (" in str(error)
    assert "name its CA in ca_file" in str(error)


async def test_a_certificate_for_another_name_is_not_accepted(tmp_path: Path) -> None:
    with Catcher(tmp_path) as catcher:
        error = await failure(catcher, host="127.1")  # leads to the same address
        assert catcher.caught == ()
    assert error.kind is SendKind.RELAY
    assert "certificate is not valid for '127.1'" in str(error)


async def test_without_starttls_neither_login_nor_mail_is_said_in_the_clear() -> None:
    async with scripted() as server:
        error = await failure(server, security="starttls", username="me")
        await server.gone.wait()
    assert error.kind is SendKind.RELAY
    assert "does not offer STARTTLS, so nothing was sent" in str(error)
    assert server.told == [b"EHLO [127.0.0.1]", b"QUIT"]


@pytest.mark.parametrize("answer", ["454 4.7.0 not now", Fault.CLOSE, "220 go"])
async def test_a_starttls_that_fails_sends_nothing_in_the_clear(answer: Answer) -> None:
    async with scripted(EHLO="250-here\r\n250 STARTTLS", STARTTLS=answer) as server:
        error = await failure(server, deadlines=Deadlines(connect=SOON), security="starttls", username="me")
        await server.gone.wait()
    assert error.kind is SendKind.RELAY
    assert not any(line.startswith((b"AUTH", b"MAIL")) for line in server.told)


async def test_tls_spoken_to_a_server_that_speaks_none_is_told_plainly() -> None:
    async with scripted() as server:
        error = await failure(server, security="implicit")
    assert error.kind is SendKind.RELAY
    assert "port 465: implicit, port 587: starttls" in str(error)


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_ca_file_of_no_use_holds_the_mail(tmp_path: Path, content: str | None) -> None:
    ca_file = tmp_path / "ca.pem"
    if content:
        ca_file.write_text(content)
    async with scripted() as server:
        error = await failure(server, security="implicit", ca_file=str(ca_file))
    assert error.kind is SendKind.RELAY
    assert f"[smtp] ca_file {ca_file} is of no use (" in str(error)


async def test_a_wrong_password_is_tried_once_and_told_without_it(tmp_path: Path) -> None:
    with Catcher(tmp_path, username="me", password="another") as catcher:
        error = await failure(catcher, username="me")
    assert (error.kind, error.code) == (SendKind.RELAY, 535)
    assert "refused the login (535 5.7.8" in str(error)
    assert "授权码" in str(error)


@pytest.mark.parametrize("methods", ["PLAIN LOGIN", "LOGIN", "CRAM-MD5", "PLAIN CRAM-MD5 LOGIN"])
async def test_one_wrong_password_is_one_try(methods: str) -> None:
    async with scripted(EHLO=f"250-here\r\n250 AUTH {methods}", AUTH="535 5.7.8 no") as server:
        error = await failure(server, username="me")
    assert error.kind is SendKind.RELAY
    assert sum(line.startswith(b"AUTH") for line in server.told) == 1


async def test_a_server_that_repeats_the_login_does_not_make_us_tell_it() -> None:
    secret = base64.b64encode(b"\0me\0" + PASSWORD.encode()).decode()
    echo = f"500-unknown command AUTH PLAIN {secret}\r\n500 {PASSWORD}"
    async with scripted(AUTH=echo) as server:
        error = await failure(server, username="me")
    assert "(500 unknown command AUTH PLAIN *** ***)" in str(error)


async def test_a_server_without_a_login_is_told_plainly() -> None:
    async with scripted(EHLO="250 here") as server:
        error = await failure(server, username="me")
        await server.gone.wait()
    assert error.kind is SendKind.RELAY
    assert "offers no login with a password" in str(error)
    assert server.told == [b"EHLO [127.0.0.1]", b"QUIT"]


async def test_a_password_that_is_not_utf8_is_sent_as_it_is_and_not_shown() -> None:
    strange = os.fsdecode(b"p\xe4ss")
    async with scripted() as server:
        await smtp_sender(options(server, username="me"), strange, PATIENT)(make.mail(), nothing)
    assert server.told[1] == b"AUTH PLAIN " + base64.b64encode(b"\0me\0p\xe4ss")


# --- the catcher --------------------------------------------------------------------------------


async def test_the_catcher_wants_tls_before_anything_else(tmp_path: Path) -> None:
    with Catcher(tmp_path) as catcher:
        error = await failure(catcher, security="none")
    assert error.code == 530


async def test_the_catcher_wants_the_login_it_was_given(tmp_path: Path) -> None:
    with Catcher(tmp_path, username="me", password=PASSWORD) as catcher:
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

    with Catcher(tmp_path, script=script) as catcher:
        assert (await failure(catcher)).kind is kind
        assert len(catcher.caught) == kept
        catcher.script = None
        await hand_over(catcher)
        assert len(await asyncio.to_thread(catcher.wait, kept + 1, 10)) == kept + 1
        with pytest.raises(TimeoutError, match="of 9 mails arrived"):
            catcher.wait(9, 0)
