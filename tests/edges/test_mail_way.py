"""A test mail on its way: each fault stops it at the right stage, and is told with its cause and its cure.

The servers are real, on loopback, and bear a provider's name by the network that is given to the walk.
"""

import asyncio
import base64
import errno
import hmac
import os
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitor.mail.stages import Fault, Network, Stage
from tests.edges.mail_way import CODE, PUBLIC, SHORT, Authority, Walked, leading_to, smtp_options, walk_to
from tests.edges.scripted import Answer, scripted, serving
from tests.edges.scripted import Fault as Does

NOTHING: Mapping[str, Answer] = {}
PLAIN: dict[str, Any] = {
    "security": "none",
    "host": "127.0.0.1",
    "port": 25,
}  # the scripted server in plain text
STARTTLS_OFFERED = "250-here\r\n250-SIZE 1000000\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN"
QQ: dict[str, Any] = {"host": "smtp.qq.com", "username": "me@qq.com", "sender": "me@qq.com"}
NETEASE: dict[str, Any] = {"host": "smtp.163.com", "username": "me@163.com", "sender": "me@163.com"}
GMAIL: dict[str, Any] = {"host": "smtp.gmail.com", "username": "me@gmail.com", "sender": "me@gmail.com"}
OUTLOOK: dict[str, Any] = {
    "host": "smtp-mail.outlook.com",
    "username": "me@outlook.com",
    "sender": "me@outlook.com",
}
MICROSOFT: dict[str, Any] = {
    "host": "smtp.office365.com",
    "username": "me@corp.example",
    "sender": "me@corp.example",
}
ALIYUN: dict[str, Any] = {"host": "smtp.aliyun.com", "username": "me@aliyun.com", "sender": "me@aliyun.com"}
OWN: dict[str, Any] = {"host": "mail.corp.example", "username": "me", "sender": "me@corp.example"}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.in_folder(tmp_path_factory.mktemp("authority"))


async def _provider(
    authority: Authority,
    account: dict[str, Any],
    script: Mapping[str, Answer] = NOTHING,
    *,
    password: str = CODE,
    to: str = "",
) -> Walked:
    """Send a test mail by a scripted server that bears the name of the account's provider."""
    async with serving(script, implicit=authority.server(account["host"])) as server:
        recipient = to or "reader@example.org"
        return await walk_to(server, password=password, to=recipient, ca_file=str(authority.file), **account)


# --- all is well ------------------------------------------------------------------------------------


async def test_a_mail_that_is_taken_is_told_stage_by_stage(authority: Authority) -> None:
    walked = await _provider(authority, QQ)
    assert walked.failed is None
    assert [stage.value for stage in walked.stages] == [
        *("dns", "tcp", "tls", "greeting", "ehlo", "auth", "mail", "rcpt", "data", "dot"),
    ]
    told = [str(report.said) for report in walked.reports]
    assert told[0] == f"smtp.qq.com is {PUBLIC}"
    assert told[2] == "TLSv1.3, a certificate for smtp.qq.com, valid until 3000-01-01"
    assert told[4] == "offers AUTH PLAIN LOGIN, SIZE 1000000"
    assert told[-1] == "250 kept"
    assert all(report.seconds >= 0 for report in walked.reports)


async def test_starttls_comes_between_the_greeting_and_tls(authority: Authority) -> None:
    async with serving({"EHLO": STARTTLS_OFFERED}, starttls=authority.server("smtp.qq.com")) as server:
        walked = await walk_to(server, ca_file=str(authority.file), port=587, security="starttls")
    assert walked.failed is None
    assert [stage.value for stage in walked.stages][2:7] == ["greeting", "ehlo", "starttls", "tls", "auth"]
    assert [line.split(b" ")[0] for line in server.commands[:3]] == [b"EHLO", b"STARTTLS", b"EHLO"]


async def test_a_walk_up_to_the_recipient_sends_no_mail() -> None:
    async with scripted() as server:
        walked = await walk_to(server, last=Stage.RCPT, **PLAIN)
        await server.client_left.wait()
    assert walked.failed is None
    assert walked.stages[-1] is Stage.RCPT
    assert server.mails == []
    assert server.commands[-1] == b"QUIT"


@pytest.mark.parametrize("script", [NOTHING, {"AUTH": "535 no"}, {"HELLO": "554 no"}])
async def test_the_connection_is_closed_however_the_walk_ends(script: Mapping[str, Answer]) -> None:
    async with serving(script) as server:
        network, writers = _watched(server.port)
        await walk_to(network, **PLAIN)
        assert [writer.is_closing() for writer in writers] == [True]


async def test_the_connection_on_which_a_certificate_was_looked_at_is_closed_too(
    authority: Authority,
) -> None:
    async with serving(NOTHING, implicit=authority.server("smtp.qq.com")) as server:
        network, writers = _watched(server.port)
        walked = await walk_to(network)
        assert walked.failed == (Stage.TLS, Fault.CERTIFICATE)
        assert [writer.is_closing() for writer in writers] == [True, True]


def _watched(port: int) -> tuple[Network, list[asyncio.StreamWriter]]:
    """Return a network that leads to a port on loopback, and where each connection is kept."""
    network, writers = leading_to(port), list[asyncio.StreamWriter]()

    async def dial(address: str, at: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await network.dial(address, at)
        writers.append(writer)
        return reader, writer

    return Network(resolve=network.resolve, dial=dial), writers


async def test_without_a_login_nothing_is_said_of_one() -> None:
    async with scripted() as server:
        walked = await walk_to(server, **PLAIN, username="")
    assert Stage.AUTH not in walked.stages


@pytest.mark.parametrize("method", ["LOGIN", "CRAM-MD5"])
async def test_each_login_with_a_password_is_known(method: str) -> None:
    async with scripted(EHLO=f"250-here\r\n250 AUTH {method}", AUTH="535 no") as server:
        walked = await walk_to(server, **PLAIN)
    assert walked.failed == (Stage.AUTH, Fault.REPLY)
    assert server.commands[1] == f"AUTH {method}".encode()


async def test_a_login_in_steps_is_gone_through() -> None:
    user, password = (base64.b64encode(each).decode() for each in (b"me@qq.com", CODE.encode()))
    script = {"AUTH": "334 VXNlcm5hbWU6", user.upper(): "334 UGFzc3dvcmQ6", password.upper(): "235 in"}
    async with serving({"EHLO": "250-here\r\n250 AUTH LOGIN", **script}) as server:
        walked = await walk_to(server, **PLAIN)
    assert walked.failed is None
    assert server.commands[1:4] == [b"AUTH LOGIN", user.encode(), password.encode()]


async def test_a_login_by_a_challenge_keeps_the_password_to_itself() -> None:
    digest = hmac.new(CODE.encode(), b"<1@here>", "md5").hexdigest()
    answer = base64.b64encode(f"me@qq.com {digest}".encode()).decode()
    script = {"AUTH": "334 " + base64.b64encode(b"<1@here>").decode(), answer.upper(): "235 in"}
    async with serving({"EHLO": "250-here\r\n250 AUTH CRAM-MD5", **script}) as server:
        walked = await walk_to(server, **PLAIN)
    assert walked.failed is None


async def test_a_challenge_that_is_none_is_told() -> None:
    async with serving({"EHLO": "250-here\r\n250 AUTH CRAM-MD5", "AUTH": "334 x"}) as server:
        walked = await walk_to(server, **PLAIN)
    assert walked.failed == (Stage.AUTH, Fault.REPLY)


async def test_a_dot_at_the_start_of_a_line_is_doubled() -> None:
    async with scripted() as server:
        await walk_to(server, **PLAIN)
    assert server.mails[0].endswith(b"\r\n.\r\n")


# --- DNS --------------------------------------------------------------------------------------------


def _failing_dns(error: Exception) -> Network:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        raise error

    return Network(resolve=resolve, dial=leading_to(1).dial)


def _failing_dial(error: Exception, *addresses: str) -> Network:
    async def dial(_address: str, _port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        raise error

    return Network(resolve=leading_to(1, addresses or (PUBLIC,)).resolve, dial=dial)


def _silent_dial(*addresses: str) -> Network:
    async def dial(_address: str, _port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await asyncio.Event().wait()
        raise AssertionError

    return Network(resolve=leading_to(1, addresses or (PUBLIC,)).resolve, dial=dial)


async def test_a_server_name_with_a_slip_of_the_pen_names_the_right_one() -> None:
    dns = _failing_dns(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    walked = await walk_to(dns, host="smtp.qq.con")
    assert walked.failed == (Stage.DNS, Fault.NO_SUCH_NAME)
    assert walked.cause == "There is no host of the name smtp.qq.con."
    assert walked.cure == 'QQ Mail wants: host = "smtp.qq.com", port = 465, security = "implicit".'
    assert walked.cure_zh == 'QQ 邮箱应当这样写：host = "smtp.qq.com"，port = 465，security = "implicit"。'


async def test_the_right_name_of_a_providers_server_is_not_doubted() -> None:
    dns = _failing_dns(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    walked = await walk_to(dns)
    assert walked.failed == (Stage.DNS, Fault.NO_SUCH_NAME)
    assert "smtp.qq.com is right" in walked.cause
    assert "/etc/resolv.conf" in walked.cure
    walked = await walk_to(dns, host="smpt.qq.com")
    assert walked.cause == "There is no host of the name smpt.qq.com."
    assert 'host = "smtp.qq.com"' in walked.cure


async def test_dns_that_fails_is_told_as_that() -> None:
    walked = await walk_to(_failing_dns(socket.gaierror(socket.EAI_AGAIN, "Temporary failure")))
    assert walked.failed == (Stage.DNS, Fault.NO_DNS)
    assert "this machine's DNS fails" in walked.cause
    assert "/etc/resolv.conf" in walked.cure


async def test_a_server_of_ones_own_that_is_not_found_has_to_be_corrected() -> None:
    dns = _failing_dns(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    assert (await walk_to(dns, **OWN)).cure == "Correct [smtp] host."


async def test_dns_that_does_not_answer_is_told() -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError

    walked = await walk_to(Network(resolve=resolve, dial=leading_to(1).dial), deadlines=SHORT)
    assert walked.failed == (Stage.DNS, Fault.NO_DNS)


async def test_a_name_without_addresses_is_none() -> None:
    walked = await walk_to(leading_to(1, ()))
    assert walked.failed == (Stage.DNS, Fault.NO_SUCH_NAME)


async def test_a_name_that_cannot_be_one_is_no_crash() -> None:
    walked = await walk_to(_failing_dns(UnicodeError("label too long")))
    assert walked.failed == (Stage.DNS, Fault.NO_SUCH_NAME)


# --- TCP --------------------------------------------------------------------------------------------


async def test_port_25_that_does_not_answer_is_closed_by_the_cloud() -> None:
    walked = await walk_to(_silent_dial(), port=25, security="starttls", deadlines=SHORT)
    assert walked.failed == (Stage.TCP, Fault.TIMEOUT)
    assert "close port 25" in walked.cause
    assert "port = 465" in walked.cure
    assert walked.cause_zh == "smtp.qq.com:25 没有应答：云服务器和多数家庭宽带都封了 25 端口，不让发信。"


async def test_port_25_of_a_server_of_ones_own_names_the_ports_for_logins() -> None:
    walked = await walk_to(_silent_dial(), **OWN, port=25, security="starttls", deadlines=SHORT)
    assert walked.cure == 'Write port = 465 and security = "implicit", or 587 and "starttls".'


async def test_another_port_that_does_not_answer_is_dropped_by_a_firewall() -> None:
    walked = await walk_to(_silent_dial(), deadlines=SHORT)
    assert walked.failed == (Stage.TCP, Fault.TIMEOUT)
    assert "firewall" in walked.cause
    assert "Open port 465 for outgoing connections" in walked.cure
    assert "安全组" in walked.cure_zh


async def test_a_port_on_which_nothing_listens_is_told_with_the_right_one() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        walked = await walk_to(leading_to(unused.getsockname()[1]), port=466)
    assert walked.failed == (Stage.TCP, Fault.REFUSED)
    assert walked.cause == "smtp.qq.com:466 refuses the connection: nothing listens on port 466 there."
    assert "port = 465" in walked.cure


async def test_a_relay_on_this_machine_that_is_not_started_is_told() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        network = leading_to(unused.getsockname()[1], ("127.0.0.1",))
        walked = await walk_to(network, host="localhost", port=25, security="none", username="")
    assert walked.cure == "Start the mail server on this machine, or correct [smtp] port."


async def test_a_server_with_ipv6_alone_is_told_where_there_is_none() -> None:
    gone = OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
    walked = await walk_to(_failing_dial(gone, "2001:db8::7"))
    assert walked.failed == (Stage.TCP, Fault.UNREACHABLE)
    assert "has IPv6 addresses only" in walked.cause
    assert "Give this machine IPv6" in walked.cure


async def test_a_machine_without_a_network_is_told() -> None:
    gone = OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
    walked = await walk_to(_failing_dial(gone, "2001:db8::7", PUBLIC))
    assert "There is no way from this machine" in walked.cause


async def test_the_second_address_of_a_name_is_tried(authority: Authority) -> None:
    async with serving({}, implicit=authority.server("smtp.qq.com")) as server:
        reached = leading_to(server.port)

        async def dial(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            if ":" in address:
                raise OSError(errno.ENETUNREACH, "no IPv6")
            return await reached.dial(address, port)

        network = Network(resolve=leading_to(1, ("2001:db8::7", PUBLIC)).resolve, dial=dial)
        walked = await walk_to(network, ca_file=str(authority.file))
    assert walked.failed is None


async def test_an_address_that_a_proxy_program_invented_is_told() -> None:
    walked = await walk_to(_silent_dial("198.18.0.9"), deadlines=SHORT)
    assert "a proxy program on this network" in walked.cause
    assert "fake-ip-filter" in walked.cure
    assert "fake-ip" in walked.cause_zh


async def test_a_provider_that_leads_to_this_machine_is_told() -> None:
    refused = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    walked = await walk_to(_failing_dial(refused, "127.0.0.1"))
    assert "which is not the provider's" in walked.cause
    assert "/etc/hosts" in walked.cure


# --- TLS --------------------------------------------------------------------------------------------


async def test_implicit_tls_to_the_port_for_starttls_is_told() -> None:
    async with scripted() as server:
        walked = await walk_to(server, port=587)
    assert walked.failed == (Stage.TLS, Fault.NO_TLS)
    assert walked.cure == 'Write security = "starttls" with port 587, or port = 465 with "implicit".'
    assert walked.cure_zh == '请写 security = "starttls"，端口仍为 587；或者改用 port = 465 配 "implicit"。'


async def test_starttls_to_the_port_for_implicit_tls_is_told_when_the_server_waits(
    authority: Authority,
) -> None:
    async with serving({}, implicit=authority.server("smtp.qq.com")) as server:
        walked = await walk_to(server, port=465, security="starttls", deadlines=SHORT)
    assert walked.failed == (Stage.GREETING, Fault.TIMEOUT)
    assert walked.cause == "smtp.qq.com:465 expects TLS from the first byte."
    assert 'security = "implicit" with port 465' in walked.cure


async def test_a_server_that_answers_plain_text_with_tls_is_told() -> None:
    async with scripted(HELLO=b"\x15\x03\x03\x00\x02\x02\x46") as server:
        walked = await walk_to(server, port=2465, security="starttls")
    assert walked.failed == (Stage.GREETING, Fault.TLS_FIRST)
    assert 'security = "implicit" with port 2465' in walked.cure


async def test_a_server_without_starttls_gets_neither_password_nor_mail() -> None:
    async with scripted() as server:
        walked = await walk_to(server, **OWN, port=587, security="starttls")
        await server.client_left.wait()
    assert walked.failed == (Stage.STARTTLS, Fault.NOT_OFFERED)
    assert "neither password nor mail was sent" in walked.cause
    assert "port = 465" in walked.cure
    assert [line.split(b" ")[0] for line in server.commands] == [b"EHLO", b"QUIT"]


async def test_a_provider_without_starttls_has_somebody_in_between() -> None:
    async with scripted() as server:
        walked = await walk_to(server, port=587, security="starttls")
    assert "something on the way takes it out" in walked.cure


async def test_a_relay_on_this_machine_needs_no_encryption() -> None:
    async with scripted() as server:
        network = leading_to(server.port, ("127.0.0.1",))
        walked = await walk_to(network, host="localhost", port=25, security="starttls", username="")
    assert walked.cure == 'For a mail server on this machine itself, write security = "none".'


async def test_starttls_that_is_offered_and_refused_is_told() -> None:
    async with scripted(EHLO=STARTTLS_OFFERED, STARTTLS="454 4.7.0 not now") as server:
        walked = await walk_to(server, port=587, security="starttls")
    assert walked.failed == (Stage.STARTTLS, Fault.REPLY)
    assert "then refuses it (454 4.7.0 not now)" in walked.cause


async def test_a_reply_smuggled_in_before_tls_is_not_taken_for_one_behind_it(authority: Authority) -> None:
    script = {"EHLO": STARTTLS_OFFERED, "STARTTLS": "220 go\r\n250 I am the server"}
    async with serving(script, starttls=authority.server("smtp.qq.com")) as server:
        walked = await walk_to(server, port=587, security="starttls", ca_file=str(authority.file))
    assert walked.failed == (Stage.STARTTLS, Fault.NO_SMTP)
    assert "I am the server" in walked.cause


async def test_a_server_that_closes_right_behind_its_leave_to_begin_tls_has_closed() -> None:
    async def dial(_address: str, _port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        reader = asyncio.StreamReader()
        reader.feed_data(f"220 here\r\n{STARTTLS_OFFERED}\r\n220 go\r\n".encode())
        reader.feed_eof()
        return reader, writer

    async with scripted() as server:
        network = Network(resolve=leading_to(server.port).resolve, dial=dial)
        walked = await walk_to(network, port=587, security="starttls")
    assert walked.failed == (Stage.STARTTLS, Fault.CLOSED)
    assert "closed the connection" in walked.cause


async def test_a_certificate_that_nobody_vouches_for_is_told(authority: Authority) -> None:
    async with serving({}, implicit=authority.server("mail.corp.example")) as server:
        walked = await walk_to(server, **OWN)
        await server.client_left.wait()
    assert set(server.commands) <= {b"QUIT"}
    assert walked.failed == (Stage.TLS, Fault.CERTIFICATE)
    assert "No authority that this machine trusts" in walked.cause
    assert "[smtp] ca_file" in walked.cure


async def test_a_providers_certificate_that_nobody_vouches_for_is_not_trusted_away(
    authority: Authority,
) -> None:
    async with serving({}, implicit=authority.server("smtp.qq.com")) as server:
        walked = await walk_to(server)
    assert "ca-certificates" in walked.cure
    assert "ca_file" not in walked.cure
    assert "冒充QQ 邮箱应答" in walked.cure_zh


async def test_a_certificate_for_another_name_names_the_right_host(authority: Authority) -> None:
    async with serving({}, implicit=authority.server("mx.corp.example", "*.corp.test")) as server:
        walked = await walk_to(server, **OWN, ca_file=str(authority.file))
    assert walked.failed == (Stage.TLS, Fault.CERTIFICATE)
    assert walked.cause == "The certificate is for mx.corp.example, *.corp.test, not for mail.corp.example."
    assert walked.cure == 'Write host = "mx.corp.example", if that is the server you mean.'


async def test_a_providers_certificate_for_another_name_is_somebody_elses(authority: Authority) -> None:
    async with serving({}, implicit=authority.server("proxy.corp.example")) as server:
        walked = await walk_to(server, ca_file=str(authority.file))
    assert "The certificate is for proxy.corp.example, not for smtp.qq.com." in walked.cause
    assert "proxy or virus scanner" in walked.cure


async def test_an_expired_certificate_of_a_provider_is_the_clock(authority: Authority) -> None:
    expired = authority.server("smtp.qq.com", not_after=datetime(2020, 1, 2, tzinfo=UTC))
    async with serving({}, implicit=expired) as server:
        walked = await walk_to(server, ca_file=str(authority.file))
    assert "timedatectl" in walked.cure


async def test_plain_text_on_port_465_names_what_the_provider_wants() -> None:
    async with scripted() as server:
        walked = await walk_to(server)
    assert walked.cure == 'QQ Mail wants: host = "smtp.qq.com", port = 465, security = "implicit".'


async def test_an_expired_certificate_of_ones_own_server_is_told(authority: Authority) -> None:
    expired = authority.server("mail.corp.example", not_after=datetime(2020, 1, 2, tzinfo=UTC))
    async with serving({}, implicit=expired) as server:
        walked = await walk_to(server, **OWN, ca_file=str(authority.file))
    assert "has expired on 2020-01-02; this machine's clock says 2026-11-28 09:30" in walked.cause
    assert "renewed on the server" in walked.cure


@pytest.mark.parametrize("security", ["implicit", "starttls"])
async def test_a_clock_that_is_behind_makes_certificates_not_valid_yet(
    authority: Authority, security: str
) -> None:
    # The clock of the test's machine counts for OpenSSL, so the certificate lies ahead of that one, too.
    ahead = authority.server(
        "smtp.qq.com", not_before=datetime(2990, 1, 2, tzinfo=UTC), not_after=datetime(2991, 1, 2, tzinfo=UTC)
    )
    tls: dict[str, Any] = {"implicit": ahead} if security == "implicit" else {"starttls": ahead}
    async with serving({"EHLO": STARTTLS_OFFERED}, **tls) as server:
        walked = await walk_to(server, ca_file=str(authority.file), security=security)
    assert walked.failed == (Stage.TLS, Fault.CERTIFICATE)
    assert "is valid from 2990-01-02 on, and this machine's clock says 2026-11-28" in walked.cause
    assert "timedatectl" in walked.cure
    assert walked.cure_zh == "请校准本机时间：“sudo timedatectl set-ntp true”。"


async def test_a_ca_file_of_no_use_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    async with scripted() as server:
        walked = await walk_to(server, ca_file=str(tmp_path / "ca.pem"))
    assert walked.failed == (Stage.TLS, Fault.CA_FILE)
    assert "Name a file of certificates in PEM" in walked.cure


@pytest.mark.parametrize("alert", [40, 70])  # handshake_failure, protocol_version (RFC 8446 6.2)
async def test_a_server_of_old_tls_is_told(alert: int) -> None:
    async with scripted(HELLO=b"\x15\x03\x03\x00\x02\x02" + bytes([alert])) as server:
        walked = await walk_to(server, **OWN)
    assert walked.failed == (Stage.TLS, Fault.TLS)
    assert "could not agree on TLS" in walked.cause
    assert "TLS 1.2" in walked.cure


async def test_a_connection_held_up_at_the_handshake_is_told() -> None:
    async with scripted(HELLO=Does.HANG) as server:
        walked = await walk_to(server, deadlines=SHORT)
    assert walked.failed == (Stage.TLS, Fault.TIMEOUT)
    assert "the beginning of TLS got no answer" in walked.cause


async def test_a_connection_cut_at_the_handshake_is_told() -> None:
    async with scripted(HELLO=Does.CLOSE) as server:
        walked = await walk_to(server)
    assert walked.failed == (Stage.TLS, Fault.CLOSED)
    assert "proxy" in walked.cure


# --- the greeting -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "fault", "cause"),
    [
        ("554 5.7.1 your address is on a block list", Fault.REPLY, "turns this machine away (554 5.7.1"),
        ("550 Ip frequency limited", Fault.REPLY, "takes nobody in just now (550 Ip frequency"),
        ("421 too many connections", Fault.REPLY, "takes nobody in just now (421 too many"),
        ("HTTP/1.1 400 Bad Request", Fault.NO_SMTP, 'no mail server: it says "HTTP/1.1 400 Bad Request"'),
        (Does.CLOSE, Fault.CLOSED, "took the connection, and closed it at once"),
        (Does.HANG, Fault.TIMEOUT, "took the connection, and says nothing"),
        (b"x" * 200_000 + b"\n", Fault.NO_SMTP, f'no mail server: it says "{"x" * 100}"'),
        (b"y" * 200_000, Fault.NO_SMTP, f'no mail server: it says "{"y" * 100}"'),
        (b"220 hel", Fault.NO_SMTP, 'no mail server: it says "220 hel"'),
        (b"\0\n", Fault.NO_SMTP, "no mail server: nothing that it says can be read"),
        (b"220-on and on\r\n" * 1000, Fault.ENDLESS, "no mail server: its greeting has no end"),
    ],
)
async def test_a_server_that_does_not_greet_is_told(answer: Answer, fault: Fault, cause: str) -> None:
    async with scripted(HELLO=answer) as server:
        walked = await walk_to(server, **PLAIN, deadlines=SHORT)
    assert walked.failed == (Stage.GREETING, fault)
    assert cause in walked.cause
    assert walked.cure


@pytest.mark.parametrize("answer", [Does.CLOSE, Does.HANG, "garbage"])
async def test_a_server_that_falls_silent_in_between_is_told(answer: Answer) -> None:
    async with scripted(EHLO=answer) as server:
        walked = await walk_to(server, **PLAIN, deadlines=SHORT)
    assert walked.stages[-1] is Stage.EHLO
    assert "Try again in a few minutes" in walked.cure


@pytest.mark.parametrize(
    ("answer", "fault", "cause"),
    [
        (b"250-on and on\r\n" * 1000, Fault.ENDLESS, "gave an answer without an end"),
        (b"z" * 200_000, Fault.NO_SMTP, f"that no mail server gives ({'z' * 100})"),
        (b"\0\n", Fault.NO_SMTP, "gave an answer that cannot be read"),
    ],
)
async def test_an_answer_that_no_mail_server_gives_is_told(answer: Answer, fault: Fault, cause: str) -> None:
    async with scripted(EHLO=answer) as server:
        walked = await walk_to(server, **PLAIN)
    assert walked.failed == (Stage.EHLO, fault)
    assert cause in walked.cause


# --- the login --------------------------------------------------------------------------------------


async def test_qq_wants_the_code_and_not_the_password(authority: Authority) -> None:
    reply = "535 Login Fail. Please enter your authorization code to login. More information in the help"
    walked = await _provider(authority, QQ, {"AUTH": reply}, password="my-qq-password")
    assert walked.failed == (Stage.AUTH, Fault.REPLY)
    assert "is not a code (授权码): those are 16 letters" in walked.cause
    assert walked.cure.startswith("QQ Mail wants a code (授权码), not the password you log in with.")
    assert "POP3/IMAP/SMTP service" in walked.cure
    assert "/etc/monitor/smtp_password" in walked.cure
    assert "QQ 邮箱要填的是授权码，不是登录密码" in walked.cure_zh


async def test_qqs_reply_that_names_every_reason_is_taken_for_the_password(authority: Authority) -> None:
    reply = (
        "535 Login fail. Account is abnormal, service is not open, password is incorrect, login frequency "
        "limited, or system is busy."
    )
    walked = await _provider(authority, QQ, {"AUTH": reply})
    assert "授权码" in walked.cure
    assert "is not a code" not in walked.cause  # this one has 16 letters


async def test_163_wants_the_code(authority: Authority) -> None:
    walked = await _provider(authority, NETEASE, {"AUTH": "535 Error: authentication failed"})
    assert walked.cure.startswith("163 Mail wants a code (授权码)")
    assert "网易 163 邮箱要填的是授权码" in walked.cure_zh


@pytest.mark.parametrize("reply", ["550 User has no permission", "535 该账号未开启SMTP服务"])
async def test_163_without_smtp_switched_on_is_told(authority: Authority, reply: str) -> None:
    walked = await _provider(authority, NETEASE, {"AUTH": reply})
    assert "programs may not send from this mailbox" in walked.cause
    assert walked.cure.startswith("Switch it on: in the mailbox on the web")
    assert "没有开启 SMTP 服务" in walked.cause_zh


async def test_exmail_wants_the_password_for_programs(authority: Authority) -> None:
    account = {"host": "smtp.exmail.qq.com", "username": "me@corp.example", "sender": "me@corp.example"}
    walked = await _provider(authority, account, {"AUTH": "535 Error: authentication failed"})
    assert "wants a password for programs (客户端专用密码)" in walked.cure
    assert "administrator allows IMAP/SMTP" in walked.cure
    assert "要填的是客户端专用密码，不是登录密码" in walked.cure_zh


async def test_a_provider_that_blocks_the_machine_is_told_apart_from_a_server_of_ones_own(
    authority: Authority,
) -> None:
    walked = await _provider(authority, NETEASE, {"HELLO": "554 IP is rejected"})
    assert walked.failed == (Stage.GREETING, Fault.REPLY)
    assert "163 Mail does not trust the address of this machine" in walked.cure


async def test_gmail_wants_an_app_password(authority: Authority) -> None:
    walked = await _provider(authority, GMAIL, {"AUTH": "534 5.7.9 Application-specific password required"})
    assert walked.cure.startswith("Gmail wants an app password, not the one you log in with.")
    assert "myaccount.google.com/apppasswords" in walked.cure


@pytest.mark.parametrize(
    "script",
    [
        {"AUTH": "535 5.7.139 Authentication unsuccessful, basic authentication is disabled."},
        {"EHLO": "250-here\r\n250 AUTH XOAUTH2"},
    ],
)
async def test_outlook_takes_no_passwords_at_all(authority: Authority, script: dict[str, Answer]) -> None:
    walked = await _provider(authority, OUTLOOK, script)
    assert walked.stages[-1] is Stage.AUTH
    assert walked.cause == "Outlook.com takes no passwords at all."
    assert walked.cure.startswith("Send by another provider")
    assert "请换一家邮箱来发信" in walked.cure_zh


async def test_microsoft_365_with_smtp_auth_switched_off_is_told(authority: Authority) -> None:
    reply = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."
    walked = await _provider(authority, MICROSOFT, {"AUTH": reply})
    assert "programs may not send" in walked.cause
    assert "administrator allows SMTP AUTH" in walked.cure


async def test_aliyuns_refusal_names_its_password(authority: Authority) -> None:
    walked = await _provider(authority, ALIYUN, {"AUTH": "526 Authentication failure[0]"})
    assert "Which password Aliyun Mail wants" in walked.cure


async def test_a_server_of_ones_own_with_a_wrong_password_is_told(authority: Authority) -> None:
    walked = await _provider(authority, OWN, {"AUTH": "535 5.7.8 authentication failed"})
    assert "refused the login as me (535 5.7.8 authentication failed)" in walked.cause
    assert "/etc/monitor/smtp_password" in walked.cure


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("ａｂｃｄｅｆｇｈ", "characters other than ASCII, such as full-width ones"),
        (" abcdefghijklmnop", "begins or ends with a space"),
        ("abcdefghijklmnop\nsecond", "has more than one line"),
    ],
)
async def test_what_is_odd_about_a_password_is_told_without_it(
    authority: Authority, password: str, told: str
) -> None:
    walked = await _provider(authority, QQ, {"AUTH": "535 no"}, password=password)
    assert told in walked.cause


async def test_a_login_without_its_domain_is_told(authority: Authority) -> None:
    walked = await _provider(authority, QQ | {"username": "me"}, {"AUTH": "535 no"})
    assert "[smtp] username is not a whole address." in walked.cause


async def test_too_many_tries_are_told(authority: Authority) -> None:
    walked = await _provider(authority, OWN, {"AUTH": "454 4.7.0 too many login attempts, try again later"})
    assert "Too many tries" in walked.cure


async def test_a_login_that_is_cut_off_is_told(authority: Authority) -> None:
    walked = await _provider(authority, OWN, {"AUTH": Does.CLOSE})
    assert walked.failed == (Stage.AUTH, Fault.CLOSED)
    assert "after many wrong passwords" in walked.cure


async def test_a_login_that_is_offered_only_after_tls_is_told() -> None:
    async with scripted(EHLO="250-here\r\n250 STARTTLS") as server:
        walked = await walk_to(server, **PLAIN)
    assert walked.failed == (Stage.AUTH, Fault.NOT_OFFERED)
    assert walked.cure == 'It does only after TLS has begun: write security = "starttls".'


async def test_a_port_without_logins_is_told(authority: Authority) -> None:
    script = {"EHLO": "250-x\r\n250 STARTTLS"}
    async with serving(script, starttls=authority.server("mail.corp.example")) as server:
        walked = await walk_to(server, **OWN, port=25, security="starttls", ca_file=str(authority.file))
    assert "port 25 is for mail between servers" in walked.cure


async def test_a_server_of_ones_own_that_takes_no_passwords_any_more_is_told(authority: Authority) -> None:
    walked = await _provider(authority, OWN, {"AUTH": "535 5.7.30 Basic authentication is not supported"})
    assert "takes no passwords any more" in walked.cause


async def test_a_server_without_a_login_on_the_right_port_is_told(authority: Authority) -> None:
    walked = await _provider(authority, OWN, {"EHLO": "250 here"})
    assert "empty [smtp] username" in walked.cure


async def test_a_server_with_other_logins_only_is_told(authority: Authority) -> None:
    walked = await _provider(authority, OWN, {"EHLO": "250-here\r\n250 AUTH XOAUTH2 GSSAPI"})
    assert "it offers only XOAUTH2 GSSAPI" in walked.cause


async def test_a_server_that_repeats_the_password_does_not_make_it_told(authority: Authority) -> None:
    walked = await _provider(authority, OWN, {"AUTH": f"535 wrong: {CODE}"})  # walk_to looks for it
    assert "(535 wrong: ***)" in walked.cause


# --- the envelope -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "stage", "reply"),
    [
        (QQ, "MAIL", "501 mail from address must be same as authorization user."),
        (NETEASE, "MAIL", "553 Mail from must equal authorized user"),
        (ALIYUN, "MAIL", "440 mail from account doesn't conform with authentication"),
        (
            OWN | {"username": "me@corp.example"},
            "RCPT",
            "553 5.7.1 Sender address rejected: not owned by user me",
        ),
        (MICROSOFT, "DOT", "554 5.2.252 SendAsDenied; not allowed to send as x@example.org"),
    ],
)
async def test_a_sender_that_is_not_the_account_is_told(
    authority: Authority, account: dict[str, Any], stage: str, reply: str
) -> None:
    walked = await _provider(authority, account | {"sender": "AI 日报 <x@example.org>"}, {stage: reply})
    assert f"takes no mail from x@example.org of the login {account['username']}" in walked.cause
    assert walked.cure == (
        f'The sender must be the account: write sender = "AI 日报 <{account["username"]}>".'
    )
    assert "发件人必须就是登录的账号" in walked.cure_zh


@pytest.mark.parametrize(
    ("account", "reply", "cure"),
    [
        (OWN, "451 4.1.8 sender's domain not found", "It may do so later."),
        (OWN, "550 5.1.8 sender's domain not found", "Write an address of your own as [smtp] sender"),
        (OWN, "550 5.7.23 SPF validation failed", "SPF record"),
        (OWN, "552 5.3.4 message size exceeds limit", "3 kB"),
        (OWN, "553 sender not allowed, mail from must equal authorized user", "address of the login"),
        (NETEASE | {"username": "me", "sender": "x@163.com"}, "553 no", 'write sender = "me@163.com"'),
    ],
)
async def test_what_a_sender_is_refused_for_is_told(
    authority: Authority, account: dict[str, Any], reply: str, cure: str
) -> None:
    walked = await _provider(authority, account, {"MAIL": reply})
    assert walked.failed == (Stage.MAIL, Fault.REPLY)
    assert cure in walked.cure


async def test_a_server_that_wants_a_login_first_is_told() -> None:
    async with scripted(MAIL="530 5.7.0 Authentication required") as server:
        walked = await walk_to(server, **PLAIN, username="")
    assert walked.failed == (Stage.MAIL, Fault.REPLY)
    assert "wants a login" in walked.cause


async def test_a_server_that_wants_tls_first_is_told() -> None:
    async with scripted(MAIL="530 5.7.0 Must issue a STARTTLS command first") as server:
        walked = await walk_to(server, **PLAIN, username="")
    assert walked.cure == 'Write security = "starttls".'


async def test_a_recipient_that_does_not_exist_is_told(authority: Authority) -> None:
    walked = await _provider(authority, QQ, {"RCPT": "550 5.1.1 User unknown"}, to="nobody@example.org")
    assert walked.failed == (Stage.RCPT, Fault.REPLY)
    assert "There is no mailbox nobody@example.org" in walked.cause
    assert walked.cure == "Correct the address."


@pytest.mark.parametrize(
    ("reply", "cause", "cure"),
    [
        ("451 4.7.1 Greylisted, please come back later", "does not take mail for", "greylisting"),
        ("450 4.2.0 try again", "does not take mail for", "greylisting"),
        ("452 4.2.2 Mailbox full", "is full", "Delete mail there."),
        ("554 5.7.1 Relay access denied", "carries no mail to", "let this login send to other domains"),
        ("550 Domain frequency limited", "The limit of mails", "Wait"),
        ("550 Mailbox unavailable or access denied", "takes nothing just now", "another recipient"),
        ("550 5.7.26 unauthenticated sender, SPF fails", "no proof", "SPF record"),
    ],
)
async def test_what_a_recipient_is_refused_for_is_told(
    authority: Authority, reply: str, cause: str, cure: str
) -> None:
    walked = await _provider(authority, QQ, {"RCPT": reply})
    assert cause in walked.cause
    assert cure in walked.cure


async def test_no_relaying_without_a_login_asks_for_one() -> None:
    async with scripted(RCPT="554 5.7.1 Relay access denied") as server:
        walked = await walk_to(server, **PLAIN, username="")
    assert "Write [smtp] username and password_file" in walked.cure


async def test_an_address_of_other_letters_needs_a_server_that_takes_it() -> None:
    async with scripted() as server:
        walked = await walk_to(server, **PLAIN, to="读者@example.org")
    assert walked.failed == (Stage.MAIL, Fault.NOT_OFFERED)


# --- the mail ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "cause", "cure"),
    [
        (
            "554 DT:SPM 163 smtp9, please see http://mail.163.com",
            "for spam",
            "A new account is often distrusted",
        ),
        ("550 Mail content denied", "for spam", "by hand first"),
        ("552 5.3.4 Message size exceeds fixed limit", "too big", "3 kB"),
        ("550 5.4.5 Daily user sending limit exceeded", "The limit of mails", "for a day"),
        ("554 5.7.0 no", "refused the content", "ask the provider"),
        ("451 4.3.0 local trouble", "said no (451 4.3.0 local trouble)", "Try again later"),
        ("503 5.5.1 bad sequence", "said no (503 5.5.1 bad sequence)", "Try again later"),
        ("550 5.7.515 Access denied, sending domain does not meet DMARC", "no proof", "DKIM"),
    ],
)
async def test_what_a_mail_is_refused_for_is_told(
    authority: Authority, reply: str, cause: str, cure: str
) -> None:
    walked = await _provider(authority, NETEASE, {"DOT": reply})
    assert walked.failed == (Stage.DOT, Fault.REPLY)
    assert cause in walked.cause
    assert cure in walked.cure


@pytest.mark.parametrize("answer", [Does.CLOSE, Does.HANG])
async def test_a_mail_whose_reply_is_lost_may_have_been_delivered(answer: Answer) -> None:
    async with scripted(DOT=answer) as server:
        walked = await walk_to(server, **PLAIN, deadlines=SHORT)
    assert walked.stages[-1] is Stage.DOT
    assert "may or may not have been delivered" in walked.cause
    assert "Look whether it arrived at reader@example.org" in walked.cure


async def test_no_stage_is_without_a_cure() -> None:
    for verb in ("EHLO", "MAIL", "RCPT", "DATA", "DOT"):
        async with serving({verb: "599 what is this"}) as server:
            walked = await walk_to(server, **PLAIN)
        assert walked.cause
        assert walked.cure


def test_options_of_the_tests_are_real_ones() -> None:
    assert smtp_options().server == "smtp.qq.com:465"
