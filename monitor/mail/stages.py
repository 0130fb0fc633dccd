"""Walk the way to a mail server stage by stage, from its name to the reply to the mail, and tell how each went.

What a failed stage means is told by diagnosis.py. The service sends by smtp.py, which knows fewer stages.
"""

import asyncio
import base64
import hmac
import ipaddress
import re
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum

from monitor.config.options import SmtpOptions
from monitor.mail.certificate import Certificate, read_certificate
from monitor.mail.replies import one_line, reason, without_login
from monitor.mail.session import name_of, stuffed, trusting
from monitor.model.mail import Mail
from monitor.texts import Text, listed, sentence

_NO_ANSWER = sentence("no answer in time")
_CLOSED = sentence("the connection was closed")
_MOST_LINES = 100  # of one reply
_BEGINNING = 1000  # bytes that are looked at of a line without an end
_MOST_ADDRESSES = 4  # of one name that are tried
_REPLY = re.compile(rb"([2-5][0-9]{2})([ -]?)([^\r\n]*)\r?\n")
_TLS_RECORD = re.compile(rb"[\x14-\x17]\x03")  # how an alert or handshake begins (RFC 8446 5.1)


class Stage(Enum):
    """A part of the way to a mail server, as send-test shows it."""

    DNS = "dns"
    TCP = "tcp"
    TLS = "tls"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"  # the command: no byte of the mail has been sent
    DOT = "dot"  # the mail, up to the dot that ends it


class Fault(Enum):
    """In which way a stage failed."""

    NO_SUCH_NAME = "no such name"
    NO_DNS = "no dns"  # the name could not be looked up
    TIMEOUT = "timeout"
    REFUSED = "refused"  # the connection
    UNREACHABLE = "unreachable"
    CLOSED = "closed"
    CERTIFICATE = "certificate"
    NO_TLS = "no tls"  # the server answers in plain text
    TLS_FIRST = "tls first"  # the server speaks TLS where plain text was expected
    TLS = "tls"  # any other failure of the handshake
    CA_FILE = "ca file"
    NO_SMTP = "no smtp"  # what answers is no mail server
    ENDLESS = "endless"  # nor does a mail server give a reply of so many lines
    REPLY = "reply"  # the server says no
    NOT_OFFERED = "not offered"  # STARTTLS, a login with a password, or SMTPUTF8


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How a stage failed. No secret stands in it."""

    stage: Stage
    fault: Fault
    code: int = 0  # of the reply
    said: str = ""  # the reply behind its code, or the error in a few words
    addresses: tuple[str, ...] = ()  # to which the server's name led
    certificate: Certificate | None = None  # that the server showed
    offered: tuple[str, ...] = ()  # the extensions that the server offers, in capitals

    @property
    def reply(self) -> str:
        """The reply with its code, or the error in a few words; a Text where it is ours."""
        return f"{self.code} {self.said}".strip() if self.code else self.said


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReport:
    """One stage that was walked."""

    stage: Stage
    seconds: float
    said: str  # what there is to tell of it
    failure: Failure | None = None


Resolve = Callable[[str, int], Awaitable[Sequence[str]]]  # host, port: its addresses; raises OSError
Dial = Callable[[str, int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]  # address, port


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What names lead to, and how addresses are dialled."""

    resolve: Resolve
    dial: Dial


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDeadlines:
    """How long to wait, in seconds. Shorter than those of the service: somebody is watching."""

    connect: float = 15  # each of: the name, the connection to one address, the handshake
    reply: float = 60
    dot: float = 300


PATIENT = StageDeadlines()


async def _resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


async def _dial(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(address, port)


INTERNET = Network(resolve=_resolve, dial=_dial)


async def walk(
    smtp: SmtpOptions,
    password: str,
    mail: Mail,
    *,
    last: Stage = Stage.DOT,
    network: Network = INTERNET,
    deadlines: StageDeadlines = PATIENT,
) -> AsyncGenerator[StageReport, None]:
    """Yield a report for each stage up to `last`, as soon as it is done; none after one that failed.

    `smtp` has ca_file as an absolute path. The mail goes out at the last of all stages only. Not to be left before its
    end without `aclose`: the connection would stay open.
    """
    way = _Way(smtp, password, mail, network, deadlines)
    loop = asyncio.get_running_loop()
    try:
        for stage in way.stages():
            start = loop.time()
            try:
                said: str = await way.walk(stage)
            except _FailedError as failed:
                failure = await way.completed(failed.failure)
                yield StageReport(
                    stage=stage, seconds=loop.time() - start, said=failure.said, failure=failure
                )
                return
            yield StageReport(stage=stage, seconds=loop.time() - start, said=said)
            if stage is last:
                return
    finally:
        await way.leave()


class _FailedError(Exception):
    """A stage failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.fault.value)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class _Reply:
    code: int
    text: str  # without the login
    lines: tuple[str, ...]


@dataclass(slots=True)
class _Way:
    """The way to one mail server."""

    smtp: SmtpOptions
    password: str = field(repr=False)
    mail: Mail
    network: Network
    deadlines: StageDeadlines
    addresses: tuple[str, ...] = ()
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    # Extensions in capitals, with what stands behind each.
    offered: Mapping[str, str] = field(default_factory=dict)

    def stages(self) -> tuple[Stage, ...]:
        """Return the stages of this configuration, in their order."""
        opening: tuple[Stage, ...] = (Stage.GREETING, Stage.EHLO)
        if self.smtp.security == "implicit":
            opening = (Stage.TLS, *opening)
        elif self.smtp.security == "starttls":
            opening = (*opening, Stage.STARTTLS, Stage.TLS)
        login = (Stage.AUTH,) if self.smtp.username else ()
        return (Stage.DNS, Stage.TCP, *opening, *login, Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT)

    async def walk(self, stage: Stage) -> str:
        """Do one stage and return what there is to tell. Raises _FailedError."""
        walks: Mapping[Stage, Callable[[], Awaitable[str]]] = {
            Stage.DNS: self._look_up,
            Stage.TCP: self._connect,
            Stage.TLS: self._secure,
            Stage.GREETING: self._greeting,
            Stage.EHLO: self._ehlo,
            Stage.STARTTLS: self._start_tls,
            Stage.AUTH: self._log_in,
            Stage.MAIL: self._mail_from,
            Stage.RCPT: self._rcpt_to,
            Stage.DATA: self._data,
            Stage.DOT: self._content,
        }
        return await walks[stage]()

    async def leave(self) -> None:
        """Say QUIT without waiting for the answer, and close the connection."""
        if self.writer is None:
            return
        with suppress(OSError, RuntimeError):
            self.writer.write(b"QUIT\r\n")
        self.writer.close()
        try:
            async with asyncio.timeout(1):
                await self.writer.wait_closed()
        except (OSError, TimeoutError):
            self.writer.transport.abort()

    async def completed(self, failure: Failure) -> Failure:
        """Return a failure with what is known besides: addresses, extensions, the certificate that was shown."""
        certificate = await self._look_at_certificate() if failure.fault is Fault.CERTIFICATE else None
        return Failure(
            stage=failure.stage,
            fault=failure.fault,
            code=failure.code,
            said=failure.said,
            addresses=self.addresses,
            certificate=certificate,
            offered=tuple(f"{name} {rest}".strip() for name, rest in self.offered.items()),
        )

    # --- to the server ------------------------------------------------------------------------------

    async def _look_up(self) -> str:
        host = self.smtp.host
        try:
            async with asyncio.timeout(self.deadlines.connect):
                found = await self.network.resolve(host, self.smtp.port)
        except TimeoutError:
            raise self._failed(Stage.DNS, Fault.NO_DNS, _NO_ANSWER) from None
        except socket.gaierror as error:
            unknown = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
            fault = Fault.NO_SUCH_NAME if unknown else Fault.NO_DNS
            raise self._failed(Stage.DNS, fault, reason(error)) from None
        except (OSError, UnicodeError) as error:
            raise self._failed(Stage.DNS, Fault.NO_SUCH_NAME, reason(error)) from None
        self.addresses = tuple(dict.fromkeys(found))
        if not self.addresses:
            raise self._failed(Stage.DNS, Fault.NO_SUCH_NAME, "")
        return sentence("{host} is {addresses}", host=host, addresses=listed(self.addresses[:3]))

    async def _connect(self) -> str:
        failures: list[tuple[str, OSError]] = []
        for address in self.addresses[:_MOST_ADDRESSES]:
            try:
                async with asyncio.timeout(self.deadlines.connect):
                    self.reader, self.writer = await self.network.dial(address, self.smtp.port)
                return sentence("connected to {address}, port {port}", address=address, port=self.smtp.port)
            except OSError as error:  # TimeoutError included
                failures.append((address, error))
        # An IPv6 address that cannot be reached says little where an IPv4 address fails in another way.
        failures.sort(key=lambda failure: ipaddress.ip_address(failure[0].partition("%")[0]).version)
        first = failures[0][1]
        fault = Fault.UNREACHABLE
        if isinstance(first, TimeoutError):
            raise self._failed(Stage.TCP, Fault.TIMEOUT, _NO_ANSWER)
        if isinstance(first, ConnectionRefusedError):
            fault = Fault.REFUSED
        raise self._failed(Stage.TCP, fault, reason(first))

    async def _secure(self) -> str:
        certificate = await self._handshake(self._trusting())
        assert self.writer is not None
        version = self.writer.get_extra_info("ssl_object").version()
        if self.smtp.security == "starttls":
            await self._ehlo()  # what was offered in plain text does not count any more (RFC 3207 4.2)
        if certificate is None:
            return str(version)
        return sentence(
            "{version}, a certificate for {names}, valid until {until}",
            version=version,
            names=listed(certificate.names[:3]) or "-",
            until=f"{certificate.not_after:%Y-%m-%d}",
        )

    def _trusting(self) -> ssl.SSLContext:
        try:
            return trusting(self.smtp.ca_file)
        except OSError as error:
            raise self._failed(Stage.TLS, Fault.CA_FILE, reason(error)) from None

    async def _handshake(self, context: ssl.SSLContext) -> Certificate | None:
        _, writer = self._connection(Stage.TLS)
        try:
            async with asyncio.timeout(self.deadlines.connect):
                await writer.start_tls(context, server_hostname=self.smtp.host)
        except TimeoutError:
            raise self._failed(Stage.TLS, Fault.TIMEOUT, _NO_ANSWER) from None
        except ssl.SSLCertVerificationError as error:
            raise self._failed(Stage.TLS, Fault.CERTIFICATE, reason(error)) from None
        except ssl.SSLError as error:
            plain = error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
            raise self._failed(Stage.TLS, Fault.NO_TLS if plain else Fault.TLS, reason(error)) from None
        except (OSError, ValueError) as error:
            raise self._failed(Stage.TLS, Fault.CLOSED, reason(error)) from None
        return read_certificate(writer.get_extra_info("ssl_object").getpeercert(binary_form=True) or b"")

    async def _look_at_certificate(self) -> Certificate | None:
        """Return the certificate that the server shows, over another connection, by which nothing else is said."""
        trusting_anybody = ssl.create_default_context()
        trusting_anybody.check_hostname, trusting_anybody.verify_mode = False, ssl.CERT_NONE
        again = _Way(self.smtp, "", self.mail, self.network, self.deadlines)
        try:
            for stage in again.stages():
                if stage is Stage.TLS:
                    return await again._handshake(trusting_anybody)
                await again.walk(stage)
        except _FailedError:
            pass
        finally:
            await again.leave()
        return None

    # --- with the server ----------------------------------------------------------------------------

    async def _greeting(self) -> str:
        return self._expected(Stage.GREETING, await self._reply(Stage.GREETING), 2)

    async def _ehlo(self) -> str:
        _, writer = self._connection(Stage.EHLO)
        reply = await self._command(Stage.EHLO, f"EHLO {name_of(writer.get_extra_info('sockname'))}")
        self._expected(Stage.EHLO, reply, 2)
        offers = [line.upper().replace("AUTH=", "AUTH ").partition(" ") for line in reply.lines[1:]]
        self.offered = {name: rest.strip() for name, _, rest in offers}
        shown = [f"AUTH {self.offered['AUTH']}"] if "AUTH" in self.offered else []
        shown += [name for name in ("STARTTLS", "SMTPUTF8") if name in self.offered]
        shown += [f"SIZE {self.offered['SIZE']}"] if self.offered.get("SIZE") else []
        return sentence("offers {extensions}", extensions=listed(shown) or "-")

    async def _start_tls(self) -> str:
        if "STARTTLS" not in self.offered:
            raise self._failed(Stage.STARTTLS, Fault.NOT_OFFERED, "")
        said = self._expected(Stage.STARTTLS, await self._command(Stage.STARTTLS, "STARTTLS"), 2)
        reader, _ = self._connection(Stage.STARTTLS)
        with suppress(TimeoutError):
            async with asyncio.timeout(0):  # what has come by now
                # Somebody on the way may add replies in plain text, to be read as if TLS had protected them.
                more = await reader.read(_MOST_LINES)
                raise self._no_reply(Stage.STARTTLS, more)
        return said

    async def _log_in(self) -> str:
        offered = self.offered.get("AUTH", "").split()
        method = next((method for method in ("PLAIN", "LOGIN", "CRAM-MD5") if method in offered), "")
        user, password = self.smtp.username.encode(), self.password.encode("utf-8", "surrogateescape")
        if not method:
            raise self._failed(Stage.AUTH, Fault.NOT_OFFERED, " ".join(offered))
        if method == "PLAIN":
            login = _base64(b"\0" + user + b"\0" + password)
            reply = await self._command(Stage.AUTH, f"AUTH PLAIN {login}")
        else:
            reply = await self._command(Stage.AUTH, f"AUTH {method}")
            self._expected(Stage.AUTH, reply, 3)
            if method == "LOGIN":
                reply = await self._command(Stage.AUTH, _base64(user))
                self._expected(Stage.AUTH, reply, 3)
                reply = await self._command(Stage.AUTH, _base64(password))
            else:
                digest = hmac.new(password, self._challenge(reply), "md5").hexdigest().encode()
                reply = await self._command(Stage.AUTH, _base64(user + b" " + digest))
        self._expected(Stage.AUTH, reply, 2)
        return sentence("logged in as {username} ({method})", username=self.smtp.username, method=method)

    def _challenge(self, reply: _Reply) -> bytes:
        try:
            return base64.b64decode(reply.text)
        except ValueError:
            raise self._failed(Stage.AUTH, Fault.REPLY, reply.text, reply.code) from None

    async def _mail_from(self) -> str:
        extensions = []
        if not f"{self.mail.sender}{self.mail.to}".isascii():
            if "SMTPUTF8" not in self.offered:
                raise self._failed(Stage.MAIL, Fault.NOT_OFFERED, "SMTPUTF8")
            extensions.append(" SMTPUTF8")
        if "SIZE" in self.offered:
            extensions.append(f" SIZE={len(self.mail.raw)}")
        command = f"MAIL FROM:<{self.mail.sender}>{''.join(extensions)}"
        return self._expected(Stage.MAIL, await self._command(Stage.MAIL, command), 2)

    async def _rcpt_to(self) -> str:
        return self._expected(Stage.RCPT, await self._command(Stage.RCPT, f"RCPT TO:<{self.mail.to}>"), 2)

    async def _data(self) -> str:
        return self._expected(Stage.DATA, await self._command(Stage.DATA, "DATA"), 3)

    async def _content(self) -> str:
        await self._write(Stage.DOT, stuffed(self.mail.raw) + b".\r\n")
        return self._expected(Stage.DOT, await self._reply(Stage.DOT), 2)

    async def _command(self, stage: Stage, line: str) -> _Reply:
        await self._write(stage, f"{line}\r\n".encode())
        return await self._reply(stage)

    async def _write(self, stage: Stage, content: bytes) -> None:
        _, writer = self._connection(stage)
        try:
            async with asyncio.timeout(self.deadlines.reply):
                writer.write(content)
                await writer.drain()
        except TimeoutError:
            raise self._failed(stage, Fault.TIMEOUT, _NO_ANSWER) from None
        except OSError as error:
            raise self._failed(stage, Fault.CLOSED, reason(error)) from None

    async def _reply(self, stage: Stage) -> _Reply:
        reader, _ = self._connection(stage)
        lines: list[bytes] = []
        try:
            async with asyncio.timeout(self.deadlines.dot if stage is Stage.DOT else self.deadlines.reply):
                while True:
                    line = await _line(reader)
                    reply = _REPLY.fullmatch(line)
                    if not reply:
                        raise self._no_reply(stage, line)
                    if len(lines) == _MOST_LINES:
                        raise self._failed(stage, Fault.ENDLESS, self._readable(line))
                    lines.append(reply[3])
                    if reply[2] != b"-":
                        break
        except TimeoutError:
            raise self._failed(stage, Fault.TIMEOUT, _NO_ANSWER) from None
        except OSError as error:
            raise self._failed(stage, Fault.CLOSED, reason(error)) from None
        return _Reply(
            int(reply[1]), self._readable(b" ".join(lines)), tuple(one_line(line) for line in lines)
        )

    def _no_reply(self, stage: Stage, line: bytes) -> _FailedError:
        if not line:
            return self._failed(stage, Fault.CLOSED, _CLOSED)
        if _TLS_RECORD.match(line):
            return self._failed(stage, Fault.TLS_FIRST, "")
        return self._failed(stage, Fault.NO_SMTP, self._readable(line))

    def _expected(self, stage: Stage, reply: _Reply, first_digit: int) -> str:
        """Return a reply whose code begins with this digit (RFC 5321 4.2.1), or raise _FailedError."""
        if reply.code // 100 != first_digit:
            raise self._failed(stage, Fault.REPLY, reply.text, reply.code)
        return f"{reply.code} {reply.text}"

    def _readable(self, reply: bytes) -> str:
        return without_login(reply, self.smtp.username, self.password.encode("utf-8", "surrogateescape"))

    def _connection(self, stage: Stage) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.reader is None or self.writer is None:
            raise self._failed(stage, Fault.CLOSED, _CLOSED)
        return self.reader, self.writer

    def _failed(self, stage: Stage, fault: Fault, said: str, code: int = 0) -> _FailedError:
        return _FailedError(Failure(stage=stage, fault=fault, said=said, code=code))


async def _line(reader: asyncio.StreamReader) -> bytes:
    """Return a line; of one that ends too late, or not at all, what there is of its beginning."""
    try:
        return await reader.readuntil()
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError:
        return await reader.read(_BEGINNING)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def stage_name(stage: Stage) -> Text:
    """Return what a stage is called."""
    return _NAMES[stage]


_NAMES = {
    Stage.DNS: sentence("DNS"),
    Stage.TCP: sentence("TCP"),
    Stage.TLS: sentence("TLS"),
    Stage.GREETING: sentence("greeting"),
    Stage.EHLO: sentence("EHLO"),
    Stage.STARTTLS: sentence("STARTTLS"),
    Stage.AUTH: sentence("login"),
    Stage.MAIL: sentence("sender"),
    Stage.RCPT: sentence("recipient"),
    Stage.DATA: sentence("DATA"),
    Stage.DOT: sentence("content"),
}
