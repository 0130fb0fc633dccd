import base64
import os
from pathlib import Path

import pytest

from monitor.demo.smtp_server import LoopbackSmtpServer
from monitor.errors import SendKind
from monitor.mail.smtp import Deadlines, smtp_sender
from tests import make
from tests.edges.scripted import (
    PASSWORD,
    PATIENT,
    SOON,
    Answer,
    Fault,
    Security,
    failure,
    nothing,
    options,
    scripted,
)


@pytest.mark.parametrize("security", ["starttls", "implicit"])
async def test_a_certificate_nobody_vouches_for_stops_everything(tmp_path: Path, security: Security) -> None:
    with LoopbackSmtpServer(tmp_path, security=security, username="me", password=PASSWORD) as smtp_server:
        error = await failure(smtp_server, security=security, username="me", ca_file="")
        assert smtp_server.received == ()
    assert error.kind is SendKind.RELAY
    assert f"the certificate of 127.0.0.1:{smtp_server.port} cannot be trusted (" in str(error)
    assert "name its CA in ca_file" in str(error)


async def test_a_certificate_for_another_name_is_not_accepted(tmp_path: Path) -> None:
    with LoopbackSmtpServer(tmp_path) as smtp_server:
        error = await failure(smtp_server, host="127.1")  # leads to the same address
        assert smtp_server.received == ()
    assert error.kind is SendKind.RELAY
    assert "certificate is not valid for '127.1'" in str(error)


async def test_without_starttls_neither_login_nor_mail_is_said_in_the_clear() -> None:
    async with scripted() as server:
        error = await failure(server, security="starttls", username="me")
        await server.client_left.wait()
    assert error.kind is SendKind.RELAY
    assert "does not offer STARTTLS, so nothing was sent" in str(error)
    assert server.commands == [b"EHLO [127.0.0.1]", b"QUIT"]


@pytest.mark.parametrize("answer", ["454 4.7.0 not now", Fault.CLOSE, "220 go"])
async def test_a_starttls_that_fails_sends_nothing_in_the_clear(answer: Answer) -> None:
    async with scripted(EHLO="250-here\r\n250 STARTTLS", STARTTLS=answer) as server:
        error = await failure(server, deadlines=Deadlines(connect=SOON), security="starttls", username="me")
        await server.client_left.wait()
    assert error.kind is SendKind.RELAY
    assert not any(line.startswith((b"AUTH", b"MAIL")) for line in server.commands)


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
    assert f"[smtp] ca_file {ca_file} cannot be used (" in str(error)


async def test_a_wrong_password_is_tried_once_and_told_without_it(tmp_path: Path) -> None:
    with LoopbackSmtpServer(tmp_path, username="me", password="another") as smtp_server:
        error = await failure(smtp_server, username="me")
    assert (error.kind, error.code) == (SendKind.RELAY, 535)
    assert "refused the login (535 5.7.8" in str(error)
    assert "授权码" in str(error)


@pytest.mark.parametrize("methods", ["PLAIN LOGIN", "LOGIN", "CRAM-MD5", "PLAIN CRAM-MD5 LOGIN"])
async def test_one_wrong_password_is_one_try(methods: str) -> None:
    async with scripted(EHLO=f"250-here\r\n250 AUTH {methods}", AUTH="535 5.7.8 no") as server:
        error = await failure(server, username="me")
    assert error.kind is SendKind.RELAY
    assert sum(line.startswith(b"AUTH") for line in server.commands) == 1


async def test_a_server_that_repeats_the_login_does_not_make_us_tell_it() -> None:
    secret = base64.b64encode(b"\0me\0" + PASSWORD.encode()).decode()
    echo = f"500-unknown command AUTH PLAIN {secret}\r\n500 {PASSWORD}"
    async with scripted(AUTH=echo) as server:
        error = await failure(server, username="me")
    assert "(500 unknown command AUTH PLAIN *** ***)" in str(error)


async def test_a_server_without_a_login_is_told_plainly() -> None:
    async with scripted(EHLO="250 here") as server:
        error = await failure(server, username="me")
        await server.client_left.wait()
    assert error.kind is SendKind.RELAY
    assert "offers no login with a password" in str(error)
    assert server.commands == [b"EHLO [127.0.0.1]", b"QUIT"]


async def test_a_password_that_is_not_utf8_is_sent_as_it_is_and_not_shown() -> None:
    strange = os.fsdecode(b"p\xe4ss")
    async with scripted() as server:
        await smtp_sender(options(server, username="me"), strange, PATIENT)(make.mail(), nothing)
    assert server.commands[1] == b"AUTH PLAIN " + base64.b64encode(b"\0me\0p\xe4ss")
