"""The programs that look at the golden mails from outside: Node with packages of npm, Perl, SpamAssassin, Chromium."""

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from email.utils import format_datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.make import NOW

_HERE = Path(__file__).parent
_NODE = _HERE / "node"
AXE = _NODE / "node_modules" / "axe-core" / "axe.min.js"

# What a server at home would be seen as by the server of a reader: with a name, and encrypted.
_RECEIVED = (
    "Received: from mail.example.org (mail.example.org [1.0.0.1])\r\n by mx.example.net with ESMTPS id 1\r\n"
    f" for <reader@example.org>; {format_datetime(NOW)}\r\n"
)
# No network: no look-up of names, of lists, or of what others say of a mail.
_SPAM_RULES = """
dns_available no
skip_rbl_checks 1
use_bayes 0
use_razor2 0
use_pyzor 0
report_safe 0
"""


def without(what: str, install: str) -> NoReturn:
    """Skip the test, or fail it in CI, for what is missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing: .ci/run installs it")
    pytest.skip(f"{what} is missing: {install}")


def node(questions: Iterable[object]) -> list[Any]:
    """Return what node/look.cjs answers to each question."""
    if shutil.which("node") is None:
        without("node", "apt-get install nodejs npm")
    if not AXE.exists():
        without("what node needs", "make golden-tools")
    return _answers(["node", str(_NODE / "look.cjs")], [json.dumps(question) for question in questions])


def perl(headers: Iterable[bytes]) -> list[Any]:
    """Return the raw values of headers as Perl reads them."""
    if shutil.which("perl") is None:
        without("perl", "apt-get install perl")
    return _answers(["perl", str(_HERE / "decode.pl")], [base64.b64encode(each).decode() for each in headers])


def _answers(command: Sequence[str], lines: Sequence[str]) -> list[Any]:
    asked = "".join(f"{line}\n" for line in lines)
    done = subprocess.run(command, input=asked, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(lines)
    return answers


def spam_scores(mails: Sequence[bytes], folder: Path) -> list[tuple[float, str]]:
    """Return of each mail, as it arrives at a reader's server, SpamAssassin's score and the tests that it hit."""
    if shutil.which("spamassassin") is None:
        without("spamassassin", "apt-get install spamassassin")
    (folder / "rules").write_text(_SPAM_RULES)
    start = b"From digest@example.org Tue Nov 24 00:00:00 2026\n" + _RECEIVED.encode()
    box = b"".join((start + mail + b"\n").replace(b"\r\n", b"\n") for mail in mails)
    done = subprocess.run(
        ["spamassassin", "--local", "--mbox", f"--prefspath={folder / 'rules'}"],
        input=box,
        capture_output=True,
        env={**os.environ, "HOME": str(folder)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:].decode()
    # They do not come back in their order.
    told = re.findall(
        rb"^X-Spam-Status: ((?:.|\n[ \t])*)(?:.|\n)*?^Message-ID: (.*)$", done.stdout, re.MULTILINE
    )
    by_id = {message_id: " ".join(status.decode().split()) for status, message_id in told}
    statuses = [by_id[re.findall(rb"^Message-ID: (.*)\r$", mail, re.MULTILINE)[0]] for mail in mails]
    return [
        (float(score[1]), status) for status in statuses if (score := re.search(r"score=(-?[0-9.]+)", status))
    ]
