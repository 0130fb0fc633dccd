"""Name the cause of a failed stage on the way to a mail server, and what to do about it, in the provider's terms."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from monitor.config.addresses import parse_mailbox
from monitor.config.options import SmtpOptions
from monitor.errors import SendKind
from monitor.mail.providers import Password, Provider, provider_at, provider_of
from monitor.mail.replies import Step, kind_of_reply
from monitor.mail.stages import Failure, Fault, Stage
from monitor.texts import Text, listed, sentence

_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/32", "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
        *("::/127", "fc00::/7", "fe80::/10"),
    )
)
# What Clash, Surge and their kind answer for a name ("fake-ip").
_INVENTED = ipaddress.ip_network("198.18.0.0/15")
_QQ_CODE = 16  # letters
_LIMIT = re.compile(
    r"\b(HL:(ICC|IFC|ITC|IHU)|MI:(SFQ|DMC|STC)|RP:(QRC|DRC|TRC))\b|frequency limited|发信频率|\b5\.4\.5\b|"
    r"behaviou?r spam|too many (messages|mails|emails|connections|login|bad auth)|"
    r"(rate|sending|quota) limit|limit exceeded|"
    r"\b4\.7\.28\b|quota exceeded",
    re.IGNORECASE,
)
_SWITCHED_OFF = re.compile(
    r"no permission|not (enabled|open)|service is not open|is disabled|未开启|没有开启|"
    r"SOURCE_NOT_ALLOWED|OPER_NO_PERMISSION",
    re.IGNORECASE,
)
_NO_PASSWORDS = re.compile(r"basic authentication|\b5\.7\.30\b|\b5\.7\.139\b", re.IGNORECASE)
_WRONG_SENDER = re.compile(
    r"mail from( address)? must|must be (the )?same|authori[sz]ed user|doesn.t conform with authentication|"
    r"non-local account|\b5\.2\.252\b|SendAsDenied|not owned by|relaying disallowed as|\b5\.7\.60\b|"
    r"sender (address )?(rejected|denied|not allowed)|\bnot allowed to send (as|from)",
    re.IGNORECASE,
)
_UNPROVEN = re.compile(r"\b5\.7\.(26|27|23|515)\b|\bSPF\b|\bDKIM\b|\bDMARC\b|unauthenticated", re.IGNORECASE)
_SPAM = re.compile(
    r"DT:SPM|spam|junk|mail content denied|content (rejected|denied)|垃圾邮件|\bblocked using\b",
    re.IGNORECASE,
)
_TOO_BIG = re.compile(
    r"\b5\.3\.4\b|\b5\.2\.3\b|message size|too (big|large)|fixed maximum|exceeds", re.IGNORECASE
)
_FULL = re.compile(r"\b[45]\.2\.2\b|full|over ?quota|insufficient (system )?storage", re.IGNORECASE)
# No reply came, or none of a mail server.
_SILENT = (Fault.TIMEOUT, Fault.CLOSED, Fault.NO_SMTP, Fault.ENDLESS, Fault.TLS_FIRST)
_WANTS_LOGIN = re.compile(r"authenticat|\bauth\b|log ?in", re.IGNORECASE)
_WANTS_TLS = re.compile(r"STARTTLS|\bTLS\b|encrypt", re.IGNORECASE)
_NO_RELAY = re.compile(r"relay|rcpthosts|not permitted", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordShape:
    """What may be told of a password. It is never shown itself."""

    length: int  # characters
    is_ascii: bool
    is_letters: bool  # of a to z alone
    has_space_around: bool
    lines: int

    @classmethod
    def of(cls, password: str) -> "PasswordShape":
        """Return the shape of a password."""
        return cls(
            length=len(password),
            is_ascii=password.isascii(),
            is_letters=password.isascii() and password.isalpha(),
            has_space_around=password != password.strip(),
            lines=len(password.splitlines()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The login at a mail server as it is configured."""

    smtp: SmtpOptions
    to: str  # the recipient
    shape: PasswordShape
    place: str  # where the password stands: a file, or a variable of the environment

    @property
    def sender(self) -> str:
        """The envelope address."""
        return parse_mailbox(self.smtp.sender).address

    @property
    def host(self) -> Provider | None:
        """Whose server [smtp] host is; None for one that is not known."""
        return provider_at(self.smtp.host)

    @property
    def meant(self) -> Provider | None:
        """The provider whose addresses the login or the sender has; None where that is not known."""
        return provider_of(self.smtp.username) or provider_of(self.sender)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Why a stage failed, and what to do about it."""

    cause: str
    cure: str


def diagnose(failure: Failure, account: Account, now: datetime) -> Diagnosis:
    """Return the cause and the cure of a failed stage. `now` is this machine's time, UTC."""
    if failure.fault is Fault.CERTIFICATE:
        cause, cure = _certificate(failure, account, now)
    elif failure.fault is Fault.CA_FILE:
        cause = sentence(
            "[smtp] ca_file {file} cannot be used ({why}).", file=account.smtp.ca_file, why=failure.said
        )
        cure = sentence("Name a file of certificates in PEM, or take the line out.")
    else:
        of_stage: Mapping[Stage, Callable[[Failure, Account], tuple[str, str]]] = {
            Stage.DNS: _dns,
            Stage.TCP: _tcp,
            Stage.TLS: _tls,
            Stage.GREETING: _greeting,
            Stage.STARTTLS: _starttls,
            Stage.AUTH: _auth,
            Stage.MAIL: _mail_from,
            Stage.RCPT: _rcpt_to,
            Stage.DATA: _content,
            Stage.DOT: _content,
        }
        has_silence_of_its_own = failure.stage in (Stage.TCP, Stage.TLS, Stage.GREETING, Stage.DOT)
        if failure.fault in _SILENT and not has_silence_of_its_own:
            cause, cure = _silence(failure, account)
        else:
            cause, cure = of_stage.get(failure.stage, _other)(failure, account)
    return Diagnosis(cause=cause, cure=cure)


def _both(first: str, second: str) -> Text:
    return sentence("{first} {second}", first=first, second=second)


def _server(account: Account) -> str:
    return account.smtp.server


def _settings(account: Account) -> str:
    """Return what to write into [smtp] to reach the server that is meant."""
    provider = account.host or account.meant
    if provider:
        values = {"host": provider.host, "port": provider.port, "security": provider.security}
        return sentence(
            '{provider} wants: host = "{host}", port = {port}, security = "{security}".',
            provider=provider.name,
            **values,
        )
    return sentence(
        'Compare [smtp] host, port and security with what the provider says: port 465 goes with "implicit", 587 with'
        ' "starttls".'
    )


# --- to the server ----------------------------------------------------------------------------------


def _dns(failure: Failure, account: Account) -> tuple[str, str]:
    host = account.smtp.host
    if failure.fault is Fault.NO_SUCH_NAME:
        cause = sentence("There is no host of the name {host}.", host=host)
        if account.host and host.lower().removesuffix(".") == account.host.host:
            cause = sentence(
                "The name {host} is right, but this machine finds no address for it: its network or DNS fails.",
                host=host,
            )
            return cause, _look_at_network()
        if account.host or account.meant:
            return cause, _settings(account)
        return cause, sentence("Correct [smtp] host.")
    cause = sentence(
        "The name {host} could not be looked up ({why}): this machine's DNS fails.",
        **{"host": host, "why": failure.said},
    )
    return cause, _look_at_network()


def _look_at_network() -> str:
    return sentence(
        "Check the network of this machine and the name servers in /etc/resolv.conf; in a container, those of the"
        " container."
    )


def _tcp(failure: Failure, account: Account) -> tuple[str, str]:
    smtp, server = account.smtp, _server(account)
    if odd := _misled(failure, account):
        return odd
    if failure.fault is Fault.REFUSED:
        cause = sentence(
            "{server} refuses the connection: nothing listens on port {port} there.",
            server=server,
            port=smtp.port,
        )
        if _is_local(smtp.host):
            return cause, sentence("Start the mail server on this machine, or correct [smtp] port.")
        return cause, _settings(account)
    if failure.fault is Fault.UNREACHABLE:
        if failure.addresses and all(":" in address for address in failure.addresses):
            cause = sentence(
                "{host} has IPv6 addresses only, and this machine has no way to them ({why}).",
                host=smtp.host,
                why=failure.said,
            )
            return cause, sentence(
                "Give this machine IPv6, or write a server that has an IPv4 address as [smtp] host."
            )
        cause = sentence(
            "There is no way from this machine to {server} ({why}).", server=server, why=failure.said
        )
        return cause, sentence(
            "Check the network of this machine: its route, its firewall, the network of the container."
        )
    if smtp.port == 25:
        cause = sentence(
            "{server} does not answer: clouds and most home connections close port 25 to all mail.",
            server=server,
        )
        if account.host or account.meant:
            return cause, _settings(account)
        return cause, sentence('Write port = 465 and security = "implicit", or 587 and "starttls".')
    cause = sentence("{server} does not answer: a firewall on the way drops the connection.", server=server)
    cure = sentence(
        "Open port {port} for outgoing connections in the firewall of this machine and the security group (安全组) of"
        " the cloud. {settings}",
        port=smtp.port,
        settings=_settings(account),
    )
    return cause, cure


def _misled(failure: Failure, account: Account) -> tuple[str, str] | None:
    """Return cause and cure where the name led to an address that is not the server's."""
    host = account.smtp.host
    if _is_local(host) or not failure.addresses:
        return None
    address = ipaddress.ip_address(failure.addresses[0].partition("%")[0])
    if address in _INVENTED:
        cause = sentence(
            "{host} led to {address}: a proxy program on this network (Clash, Surge or the like) invents"
            " such addresses,"
            " and it does not carry mail.",
            host=host,
            address=address,
        )
        return cause, sentence(
            "Let the proxy program connect {host} directly: add it to fake-ip-filter and to the rules with DIRECT.",
            host=host,
        )
    if account.host and any(address in network for network in _NOT_PUBLIC):
        cause = sentence(
            "{host} led to {address}, which is not the provider's: something on this network answers for it.",
            host=host,
            address=address,
        )
        return cause, sentence("Look for {host} in /etc/hosts, and use other name servers.", host=host)
    return None


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost"


# --- TLS --------------------------------------------------------------------------------------------


def _tls(failure: Failure, account: Account) -> tuple[str, str]:
    smtp, server = account.smtp, _server(account)
    if failure.fault is Fault.NO_TLS:
        cause = sentence(
            "{server} does not begin with TLS: its port is one that begins in plain text.", server=server
        )
        if smtp.port == 465:
            return cause, _settings(account)
        return cause, sentence(
            'Write security = "starttls" with port {port}, or port = 465 with "implicit".', port=smtp.port
        )
    if failure.fault is Fault.TLS:
        cause = sentence(
            "{server} and this machine could not agree on TLS ({why}).", server=server, why=failure.said
        )
        return cause, sentence("The server has to offer TLS 1.2 or newer: update it, or use another one.")
    if odd := _misled(failure, account):
        return odd
    cause = sentence(
        "{server} took the connection, and the beginning of TLS got no answer.",
        server=server,
    )
    return cause, _both(_settings(account), _IN_BETWEEN)


_IN_BETWEEN = sentence(
    "If that is what stands there, a firewall, proxy or virus scanner on the way holds the connection up: try another"
    " network."
)
SET_CLOCK = sentence('Set the clock of this machine: "sudo timedatectl set-ntp true".')


def _certificate(failure: Failure, account: Account, now: datetime) -> tuple[str, str]:
    host, shown = account.smtp.host, failure.certificate
    if shown and shown.not_before > now:
        cause = sentence(
            "The certificate of {host} is valid from {start} on, and this machine's clock says {now}.",
            host=host,
            start=f"{shown.not_before:%Y-%m-%d}",
            now=f"{now:%Y-%m-%d %H:%M}",
        )
        return cause, SET_CLOCK
    if shown and shown.not_after < now:
        cause = sentence(
            "The certificate of {host} has expired on {end}; this machine's clock says {now}.",
            host=host,
            end=f"{shown.not_after:%Y-%m-%d}",
            now=f"{now:%Y-%m-%d %H:%M}",
        )
        if account.host:
            return cause, SET_CLOCK
        return cause, sentence("If the clock is right, the certificate has to be renewed on the server.")
    if re.search("hostname mismatch|not valid for|IP address mismatch", failure.said, re.IGNORECASE):
        names = shown.names if shown else ()
        cause = sentence(
            "The certificate is for {names}, not for {host}.", names=listed(names[:4]) or "-", host=host
        )
        plain = [name for name in names if "*" not in name]
        if account.host or not plain:
            return cause, _both(_settings(account), _IN_BETWEEN)
        return cause, sentence('Write host = "{name}", if that is the server you mean.', name=plain[0])
    cause = sentence(
        "No authority that this machine trusts has signed the certificate of {host} ({why}).",
        host=host,
        why=failure.said,
    )
    if account.host:
        cure = sentence(
            "Install the certificates of this machine (package ca-certificates). If they are there,"
            " somebody on the way"
            " answers in place of {provider}: a company's proxy or a virus scanner.",
            provider=account.host.name,
        )
        return cause, cure
    return cause, sentence(
        "If it is your own server, name the authority of its certificate in [smtp] ca_file; if not, do not trust it."
    )


def _starttls(failure: Failure, account: Account) -> tuple[str, str]:
    server = _server(account)
    if failure.fault is Fault.NOT_OFFERED:
        cause = sentence(
            "{server} offers no encryption (STARTTLS), so neither password nor mail was sent.", server=server
        )
        if account.host:
            return cause, sentence(
                'Write port = 465 and security = "implicit". {provider} does offer STARTTLS on port 587: something'
                " on the way takes it out.",
                provider=account.host.name,
            )
        if _is_local(account.smtp.host):
            return cause, sentence('For a mail server on this machine itself, write security = "none".')
        return cause, sentence('Try port = 465 with security = "implicit", or switch TLS on at the server.')
    cause = sentence(
        "{server} offers STARTTLS, and then refuses it ({reply}).", server=server, reply=failure.reply
    )
    return cause, sentence('Try again later, or port = 465 with security = "implicit".')


# --- the greeting -----------------------------------------------------------------------------------


def _greeting(failure: Failure, account: Account) -> tuple[str, str]:
    smtp, server = account.smtp, _server(account)
    if failure.fault is Fault.TLS_FIRST or (
        failure.fault is Fault.TIMEOUT and smtp.port == 465 and smtp.security != "implicit"
    ):
        cause = sentence("{server} expects TLS from the first byte.", server=server)
        return cause, sentence(
            'Write security = "implicit" with port {port}, or port = 587 with "starttls".', port=smtp.port
        )
    if failure.fault in (Fault.NO_SMTP, Fault.ENDLESS):
        if failure.fault is Fault.ENDLESS:
            cause = sentence(
                "What answers at {server} is no mail server: its greeting has no end.", server=server
            )
        elif not failure.said:
            cause = sentence(
                "What answers at {server} is no mail server: nothing that it says can be read.", server=server
            )
        else:
            cause = sentence(
                'What answers at {server} is no mail server: it says "{said}".',
                server=server,
                said=failure.said[:100],
            )
        return cause, _both(_settings(account), _IN_BETWEEN)
    if failure.fault is Fault.REPLY:
        if failure.code // 100 == 4 or _LIMIT.search(failure.said):
            cause = sentence(
                "{server} takes nobody in just now ({reply}).", server=server, reply=failure.reply
            )
            return cause, sentence(
                "Too many connections, or the server is being looked after: try again in a quarter of an hour."
            )
        cause = sentence("{server} turns this machine away ({reply}).", server=server, reply=failure.reply)
        if account.host:
            return cause, sentence(
                "{provider} does not trust the address of this machine, as with many in clouds: try from another"
                " network, or ask the provider.",
                provider=account.host.name,
            )
        return cause, sentence(
            "The address of this machine is on a block list there. Send by a provider with a login (port"
            " 465 or 587), or ask the server's owner."
        )
    if odd := _misled(failure, account):
        return odd
    if failure.fault is Fault.TIMEOUT:
        cause = sentence("{server} took the connection, and says nothing.", server=server)
    else:
        cause = sentence("{server} took the connection, and closed it at once.", server=server)
    return cause, _both(_settings(account), _IN_BETWEEN)


def _silence(failure: Failure, account: Account) -> tuple[str, str]:
    server = _server(account)
    if failure.fault is Fault.TIMEOUT:
        cause = sentence("{server} fell silent.", server=server)
    elif failure.fault is Fault.CLOSED:
        cause = sentence("{server} closed the connection.", server=server)
    elif failure.fault is Fault.ENDLESS:
        cause = sentence("{server} gave an answer without an end, which no mail server gives.", server=server)
    elif not failure.said:
        cause = sentence("{server} gave an answer that cannot be read.", server=server)
    else:
        cause = sentence(
            "{server} gave an answer that no mail server gives ({said}).",
            server=server,
            said=failure.said[:100],
        )
    if failure.stage is Stage.AUTH:
        return cause, sentence(
            "Servers do that after many wrong passwords: wait a quarter of an hour, then check [smtp]"
            " username and the password."
        )
    return cause, sentence(
        "Try again in a few minutes. If it stays so, ask the provider, or try another network."
    )


# --- the login --------------------------------------------------------------------------------------


def _auth(failure: Failure, account: Account) -> tuple[str, str]:
    smtp, provider, server = account.smtp, account.host, _server(account)
    refused = sentence(
        "{server} refused the login as {username} ({reply}).",
        server=server,
        username=smtp.username,
        reply=failure.reply,
    )
    if provider and not provider.takes_passwords:
        return sentence("{provider} takes no passwords at all.", provider=provider.name), provider.where
    if failure.fault is Fault.NOT_OFFERED:
        return _no_login(failure, account)
    is_about_password = _mentions_password(failure.said)
    if failure.code // 100 == 4 or (_LIMIT.search(failure.said) and not is_about_password):
        return refused, sentence(
            "Too many tries: wait a quarter of an hour. The service tries by itself, and seldom."
        )
    is_closed = _SWITCHED_OFF.search(failure.said) or _NO_PASSWORDS.search(failure.said)
    if provider and is_closed and not is_about_password:
        cause = sentence(
            "{provider} says that programs may not send from this mailbox ({reply}).",
            provider=provider.name,
            reply=failure.reply,
        )
        return cause, sentence("Switch it on: {where}.", where=provider.where)
    if _NO_PASSWORDS.search(failure.said):
        cause = sentence(
            "{server} takes no passwords any more ({reply}).", server=server, reply=failure.reply
        )
        return cause, sentence(
            "Ask who runs it for SMTP AUTH or an app password, or send by another provider."
        )
    for odd in _about_password(account):
        refused = _both(refused, odd)
    return refused, _password_cure(account)


def _no_login(failure: Failure, account: Account) -> tuple[str, str]:
    smtp, server = account.smtp, _server(account)
    if failure.said:
        cause = sentence(
            "{server} takes no passwords: it offers only {methods}.", server=server, methods=failure.said
        )
        return cause, sentence("Ask who runs it for a login with a password, or send by another provider.")
    cause = sentence("{server} offers no login here.", server=server)
    if smtp.security == "none" and "STARTTLS" in failure.offered:
        return cause, sentence('It does only after TLS has begun: write security = "starttls".')
    if smtp.port == 25:
        return cause, sentence(
            'Logins are for port 465 ("implicit") and 587 ("starttls"); port 25 is for mail between servers.'
        )
    return cause, sentence(
        "If it takes mail without a login, empty [smtp] username; else compare host and port with what"
        " the provider says."
    )


def _mentions_password(reply: str) -> bool:
    """Return whether a refusal names several reasons, a wrong password among them, as QQ does."""
    return re.search(r"password|authori[sz]ation code", reply, re.IGNORECASE) is not None


def _about_password(account: Account) -> list[str]:
    """Return what is odd about the login, without showing it."""
    shape, provider = account.shape, account.host
    said: list[str] = []
    if provider and "@" not in account.smtp.username:
        said.append(sentence("[smtp] username is not a whole address."))
    if shape.lines > 1:
        said.append(sentence("The password in {place} has more than one line.", place=account.place))
    if not shape.is_ascii:
        said.append(
            sentence(
                "The password in {place} has characters other than ASCII, such as full-width ones.",
                place=account.place,
            )
        )
    if shape.has_space_around:
        said.append(sentence("The password in {place} begins or ends with a space.", place=account.place))
    if (
        not said
        and provider
        and provider.host == "smtp.qq.com"
        and not (shape.is_letters and shape.length == _QQ_CODE)
    ):
        said.append(
            sentence(
                "The password in {place} is not a code (授权码): those are 16 letters.", place=account.place
            )
        )
    return said


def _password_cure(account: Account) -> str:
    provider, place = account.host, account.place
    if provider is None:
        return sentence(
            "Correct [smtp] username and the password in {place}; many providers want an app password (授权码).",
            place=place,
        )
    values = {"provider": provider.name, "where": provider.where, "place": place}
    if wanted := _WANTED.get(provider.password):
        return sentence(
            "{provider} wants {password}. Make one: {where}. Write it into {place}.",
            password=wanted,
            **values,
        )
    return sentence(
        "Correct [smtp] username and the password in {place}. Which password {provider} wants: {where}.",
        **values,
    )


_WANTED = {
    Password.CODE: sentence("a code (授权码), not the password you log in with"),
    Password.CLIENT: sentence("a password for programs (客户端专用密码), not the one you log in with"),
    Password.APP: sentence("an app password, not the one you log in with"),
}


# --- the envelope -----------------------------------------------------------------------------------


def _mail_from(failure: Failure, account: Account) -> tuple[str, str]:
    smtp, server, sender = account.smtp, _server(account), account.sender
    if failure.fault is Fault.NOT_OFFERED:
        cause = sentence(
            "{server} takes ASCII addresses only, and an address of this mail is not one.", server=server
        )
        return cause, sentence(
            "Write a sender and a recipient of ASCII letters, or send by another provider."
        )
    if common := _limits_and_login(failure, account):
        return common
    if _UNPROVEN.search(failure.said):
        return _unproven(failure, account)
    if _TOO_BIG.search(failure.said):
        return _too_big(failure, account)
    if (
        smtp.username
        and smtp.username.lower() != sender.lower()
        and (_WRONG_SENDER.search(failure.said) or account.host)
    ):
        return _wrong_sender(failure, account)
    cause = sentence(
        "{server} takes no mail from {sender} ({reply}).", server=server, sender=sender, reply=failure.reply
    )
    if failure.code // 100 == 4:
        return cause, sentence("It may do so later. If it stays so, check [smtp] sender.")
    return cause, sentence(
        "Write an address of your own as [smtp] sender; most providers require the address of the login."
    )


def _wrong_sender(failure: Failure, account: Account) -> tuple[str, str]:
    cause = sentence(
        "{server} takes no mail from {sender} of the login {username} ({reply}).",
        server=_server(account),
        sender=account.sender,
        username=account.smtp.username,
        reply=failure.reply,
    )
    address = account.smtp.username
    if "@" not in address and account.host and account.host.domains:
        address = f"{address}@{account.host.domains[0]}"
    if "@" not in address:
        return cause, sentence("Write the address of the login as [smtp] sender.")
    name = parse_mailbox(account.smtp.sender).name
    written = f"{name} <{address}>" if name else address
    return cause, sentence('The sender must be the account: write sender = "{written}".', written=written)


def _limits_and_login(failure: Failure, account: Account) -> tuple[str, str] | None:
    """Return cause and cure of what any part of the envelope, or the mail, may be refused for."""
    server, reply = _server(account), failure.reply
    if _LIMIT.search(failure.said):
        cause = sentence(
            "The limit of mails that {server} takes from this account is reached ({reply}).",
            server=server,
            reply=reply,
        )
        return cause, sentence(
            "Wait: some limits are for a quarter of an hour, others for a day. The service tries again by itself."
        )
    if failure.code == 530 or (
        not account.smtp.username and failure.code // 100 == 5 and _WANTS_LOGIN.search(failure.said)
    ):
        if account.smtp.security == "none" and _WANTS_TLS.search(failure.said):
            cause = sentence("{server} wants TLS first ({reply}).", server=server, reply=reply)
            return cause, sentence('Write security = "starttls".')
        cause = sentence("{server} wants a login ({reply}).", server=server, reply=reply)
        return cause, sentence("Write [smtp] username, and the password into password_file.")
    return None


def _unproven(failure: Failure, account: Account) -> tuple[str, str]:
    domain = account.sender.rpartition("@")[2]
    cause = sentence(
        "The receiver has no proof that this server may send for {domain} ({reply}).",
        domain=domain,
        reply=failure.reply,
    )
    return cause, sentence(
        "Send by the provider of {domain}, or add this server to its SPF record and sign with DKIM.",
        domain=domain,
    )


def _too_big(failure: Failure, account: Account) -> tuple[str, str]:
    cause = sentence(
        "The mail is too big for {server} ({reply}).", server=_server(account), reply=failure.reply
    )
    return cause, sentence(
        "The test mail has 3 kB, so this server or mailbox takes hardly anything: ask who runs it, or"
        " free space there."
    )


def _rcpt_to(failure: Failure, account: Account) -> tuple[str, str]:
    server, to, reply = _server(account), account.to, failure.reply
    if common := _limits_and_login(failure, account):
        return common
    if _WRONG_SENDER.search(failure.said):
        return _wrong_sender(failure, account)
    if _UNPROVEN.search(failure.said):
        return _unproven(failure, account)
    if _FULL.search(failure.said):
        cause = sentence("The mailbox of {to} is full ({reply}).", to=to, reply=reply)
        return cause, sentence("Delete mail there.")
    if failure.code // 100 == 4:
        cause = sentence(
            "{server} does not take mail for {to} yet ({reply}).", server=server, to=to, reply=reply
        )
        return cause, sentence(
            "Many servers let unknown senders wait (greylisting): try again in a quarter of an hour. The"
            " service does so by itself."
        )
    if _NO_RELAY.search(failure.said):
        cause = sentence(
            "{server} carries no mail to {to} for this machine ({reply}).", server=server, to=to, reply=reply
        )
        if not account.smtp.username:
            return cause, sentence(
                "Write [smtp] username and password_file: servers carry mail for those who log in."
            )
        return cause, sentence("Ask who runs the server to let this login send to other domains.")
    if kind_of_reply(Step.RCPT, failure.code, failure.said) is SendKind.LATER:
        cause = sentence("The mailbox {to} takes nothing just now ({reply}).", to=to, reply=reply)
        return cause, sentence("It is suspended or flooded: try again later, or name another recipient.")
    cause = sentence("There is no mailbox {to}, says {server} ({reply}).", to=to, server=server, reply=reply)
    return cause, sentence("Correct the address.")


def _content(failure: Failure, account: Account) -> tuple[str, str]:
    server, reply = _server(account), failure.reply
    if failure.fault is not Fault.REPLY:
        cause = sentence(
            "{server} gave no answer to the mail: it may or may not have been delivered.", server=server
        )
        return cause, sentence(
            "Look whether it arrived at {to}. If it did, all is well but slow; if not, try again later.",
            to=account.to,
        )
    if common := _limits_and_login(failure, account):
        return common
    if _UNPROVEN.search(failure.said):
        return _unproven(failure, account)
    if _TOO_BIG.search(failure.said):
        return _too_big(failure, account)
    if _WRONG_SENDER.search(failure.said):
        return _wrong_sender(failure, account)
    if _SPAM.search(failure.said) or (failure.code // 100 == 5 and failure.code != 503):
        cause = sentence("{server} took the mail for spam ({reply}).", server=server, reply=reply)
        if not _SPAM.search(failure.said):
            cause = sentence(
                "{server} refused the content of the mail ({reply}).", server=server, reply=reply
            )
        return cause, sentence(
            "A new account is often distrusted: send a few mails from it by hand first, send to your own"
            " address at the"
            " same provider, and write a plain name as sender. If it stays so, ask the provider."
        )
    return _other(failure, account)


def _other(failure: Failure, account: Account) -> tuple[str, str]:
    cause = sentence("{server} said no ({reply}).", server=_server(account), reply=failure.reply)
    return cause, sentence("Try again later. If it stays so, ask the provider what the reply means.")
