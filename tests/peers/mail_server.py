"""A mail server on loopback: a Postfix and a Dovecot of our own, in a directory of their own, on ports of their own.

Debian's packages have to be installed; their own services are neither used nor needed. It takes root. Without either a
test is skipped, or fails where CI=true.
"""

import imaplib
import os
import shlex
import shutil
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

DOMAIN = "example.org"
USER, PASSWORD = "digest@example.org", "fromtheprovider"
READERS = ("ann", "bo", "cy")  # each has a mailbox; "digest" has one, too: bounces come back there
GONE = "gone@example.org"  # is taken, and comes back later
PIPED = "bounces@example.org"  # what comes here goes to the command of `pipe_to`
GREYLISTED_FOR = timedelta(minutes=5)
_PATIENCE = 30.0  # seconds for a server to start, or a mail to arrive
_LOOK = 0.05  # seconds between looks
_SBIN = Path("/usr/lib/postfix/sbin")

_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file_prefixes = {folder}
maillog_file = {folder}/log
myhostname = mx.example.org
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtputf8_enable = no
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = texthash:{folder}/mailboxes
transport_maps = texthash:{folder}/transport
virtual_alias_maps = texthash:{folder}/aliases
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_tls_chain_files = {folder}/certificate.pem
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/run/auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = reject_unlisted_recipient, permit
# Also for who has logged in, whom Postfix would trust with a wrong recipient.
smtpd_reject_unlisted_recipient = yes
smtpd_peername_lookup = no
smtpd_tls_session_cache_database =
"""
_MASTER = """
127.0.0.1:{starttls} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes
127.0.0.1:{implicit} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes
127.0.0.1:{seven_bit} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes
  -o smtpd_discard_ehlo_keywords=8bitmime,chunking,size,pipelining,dsn,enhancedstatuscodes
127.0.0.1:{greylisting} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes
  -o smtpd_recipient_restrictions=check_policy_service,inet:127.0.0.1:{policy},permit
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
showq unix n - n - - showq
flush unix n - n 1000? 0 flush
discard unix - - n - - discard
postlog unix-dgram n - n - 1 postlogd
# As docs/guide/bounces.md has it.
monitor-bounce unix - n n - 1 pipe
  flags=R user=nobody argv=/bin/sh {folder}/bounce
"""
_DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = maildir:{folder}/mail/%n
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%n
}}
service auth {{
  unix_listener auth {{
    mode = 0666
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service stats {{
  chroot =
}}
"""


@dataclass
class MailServer:
    """A running server: where it takes mail, and what arrived."""

    folder: Path
    ports: dict[str, int]  # by name
    ca_file: str
    now: Callable[[], datetime] | None = None  # the clock by which greylisting is over
    _seen: dict[str, datetime] = field(default_factory=dict)

    def mails(self, user: str, count: int) -> list[bytes]:
        """Return what is in a user's mailbox, as IMAP gives it, once so much has arrived."""
        end = time.monotonic() + _PATIENCE
        while len(found := self._read(user)) < count:
            assert time.monotonic() < end, f"{user} got {len(found)} of {count}:\n{self.log()}"
            time.sleep(_LOOK)
        return found

    def _read(self, user: str) -> list[bytes]:
        with imaplib.IMAP4("127.0.0.1", self.ports["imap"]) as client:
            client.login(f"{user}@{DOMAIN}", PASSWORD)
            client.select("INBOX", readonly=True)
            numbers = client.search(None, "ALL")[1][0].split()
            return [_content(client.fetch(number.decode(), "(BODY.PEEK[])")[1]) for number in numbers]

    def idle(self) -> None:
        """Wait until nothing is under way any more."""
        end = time.monotonic() + _PATIENCE
        queues = [self.folder / "queue" / name for name in ("maildrop", "incoming", "active", "deferred")]
        while any(file.is_file() for queue in queues for file in queue.rglob("*")):
            assert time.monotonic() < end, self.log()
            time.sleep(_LOOK)

    def empty(self) -> None:
        """Forget every mail that arrived, and whom it has seen."""
        self.idle()
        self._seen.clear()
        for mail in (self.folder / "mail").glob("*/*/*"):
            if mail.parent.name in ("new", "cur"):
                mail.unlink()

    def pipe_to(self, *command: str, **environ: str) -> None:
        """Give the bounces that come to PIPED to a command, on its standard input."""
        words = [f"{name}={shlex.quote(value)}" for name, value in environ.items()]
        script = self.folder / "bounce"
        script.write_text(" ".join(["exec env", *words, *map(shlex.quote, command), "\n"]))

    def log(self) -> str:
        """Return what both servers have written about themselves."""
        files = (self.folder / "log", self.folder / "dovecot.log")
        return "\n".join(file.read_text("utf-8", "replace")[-4000:] for file in files if file.exists())

    def policy(self, triplet: str) -> str:
        """Return what is to be done with a recipient: one that is new has to come again, after a while."""
        assert self.now
        if self.now() < self._seen.setdefault(triplet, self.now()) + GREYLISTED_FOR:
            return "450 4.2.0 Greylisted, come again in 5 minutes"
        return "DUNNO"


def _content(answer: list[Any]) -> bytes:
    return next(bytes(part[1]) for part in answer if isinstance(part, tuple))


@contextmanager
def running_mail_server() -> Iterator[MailServer]:
    """Run a server in a directory of its own until the context is left."""
    _need(shutil.which("postconf") and shutil.which("dovecot"), "postfix and dovecot-imapd are not installed")
    _need(os.getuid() == 0, "it takes root")
    # Short, for the paths of sockets, and open to the users of both servers.
    folder = Path(tempfile.mkdtemp(prefix="mx"))
    try:
        folder.chmod(0o755)
        names = ("starttls", "implicit", "seven_bit", "greylisting", "policy", "imap")
        ports = dict(zip(names, _free_ports(len(names)), strict=True))
        authority = trustme.CA()
        (folder / "ca.pem").write_bytes(authority.cert_pem.bytes())
        server = MailServer(folder, ports, str(folder / "ca.pem"))
        _write(folder, ports, authority)
        with (
            _policy_service(server),
            _running(["dovecot", "-F", "-c", str(folder / "dovecot.conf")]),
            _running([str(_SBIN / "master"), "-c", str(folder / "postfix"), "-d"]),
        ):
            for name in names:
                _await_port(ports[name], server)
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _need(there: object, otherwise: str) -> None:
    if not there and os.environ.get("CI") == "true":
        pytest.fail(otherwise)
    if not there:
        pytest.skip(otherwise)


def _write(folder: Path, ports: dict[str, int], authority: trustme.CA) -> None:
    owner = shutil.which("postconf") and Path("/var/lib/postfix").stat()
    assert owner
    values = {"folder": folder, "domain": DOMAIN, "uid": owner.st_uid, "gid": owner.st_gid, **ports}
    certificate = authority.issue_cert("127.0.0.1")
    pem = certificate.private_key_pem.bytes() + b"".join(each.bytes() for each in certificate.cert_chain_pems)
    (folder / "certificate.pem").write_bytes(pem)
    users = [*READERS, USER.partition("@")[0]]
    (folder / "mailboxes").write_text("".join(f"{user}@{DOMAIN} {user}/\n" for user in [*users, "bounces"]))
    (folder / "transport").write_text(f"{PIPED} monitor-bounce:\n")
    (folder / "aliases").write_text(f"{GONE} nobody@{DOMAIN}\n")
    (folder / "users").write_text("".join(f"{user}@{DOMAIN}:{PASSWORD}\n" for user in users))
    for name in ("postfix", "queue", "data", "mail", "run", "state"):
        (folder / name).mkdir()
    for name in ("data", "mail"):
        os.chown(folder / name, owner.st_uid, owner.st_gid)
    (folder / "postfix" / "main.cf").write_text(_MAIN.format_map(values))
    (folder / "postfix" / "master.cf").write_text(_MASTER.format_map(values))
    (folder / "dovecot.conf").write_text(_DOVECOT.format_map(values))
    # It makes the directories of the queue.
    subprocess.run(
        ["postfix", "-c", str(folder / "postfix"), "check"], check=True, stderr=subprocess.DEVNULL, timeout=60
    )


@contextmanager
def _running(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        # Whoever of its children outlives it: they are a session of their own.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)


@contextmanager
def _policy_service(server: MailServer) -> Iterator[None]:
    """Serve Postfix's policy protocol (SMTPD_POLICY_README): attributes, an empty line, an action."""

    class Answering(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked: dict[str, str] = {}
            for line in self.rfile:
                name, _, value = line.decode().strip().partition("=")
                if name:
                    asked[name] = value
                    continue
                action = server.policy(f"{asked['client_address']} {asked['sender']} {asked['recipient']}")
                self.wfile.write(f"action={action}\n\n".encode())
                asked = {}

    class Service(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Service(("127.0.0.1", server.ports["policy"]), Answering) as service:
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": _LOOK})
        thread.start()
        try:
            yield
        finally:
            service.shutdown()
            thread.join()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _await_port(port: int, server: MailServer) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            assert time.monotonic() < end, f"nobody listens on {port}:\n{server.log()}"
            time.sleep(_LOOK)
        else:
            return
