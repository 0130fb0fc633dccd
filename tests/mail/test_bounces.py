import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import MonitorError
from monitor.mail.bounces import MOST_BYTES, Fault, Report, read_bounce
from tests.cost import cpu_seconds
from tests.mail.bounce_mails import ANN, MESSAGE_ID, RETURNED, group, plain, report

ABSENT, REFUSED, NOT, LATER, DELIVERED = (
    Fault.NO_SUCH_ADDRESS,
    Fault.REFUSED,
    Fault.NOT_THE_ADDRESS,
    Fault.FOR_NOW,
    Fault.DELIVERED,
)


def only_report(raw: bytes) -> Report:
    (read,) = read_bounce(raw).reports
    return read


def test_a_report_says_which_mail_came_back_for_whom_and_why() -> None:
    bounce = read_bounce(report())
    assert bounce.message_ids == (MESSAGE_ID,)
    (read,) = bounce.reports
    assert read.addresses == {ANN}
    assert (read.fault, read.status) == (ABSENT, "5.1.1")
    assert read.reply == "550 5.1.1 <ann@example.org>: Recipient address rejected: User unknown"


@pytest.mark.parametrize(
    ("status", "reply", "fault"),
    [
        ("5.1.1", "", ABSENT),
        ("5.1.2", "smtp; 550 5.1.2 no such domain", ABSENT),
        ("5.1.3", "", ABSENT),
        ("5.1.6", "", ABSENT),
        ("5.1.10", "smtp; 550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found", ABSENT),
        ("5.1.0", "smtp; 550 5.1.0 address rejected", REFUSED),
        ("5.2.1", "smtp; 550 5.2.1 The account is disabled", REFUSED),
        ("5.4.4", "X-Postfix; Host or domain name not found", REFUSED),
        ("5.4.1", "smtp; 550 5.4.1 Recipient address rejected: Access denied", REFUSED),
        ("5.0.0", "smtp; 550 rejected", REFUSED),
        ("", "smtp; 550 rejected", REFUSED),
        # Exim says 5.0.0 of everything; the server it spoke to is more exact.
        ("5.0.0", "smtp; 550 5.1.1 no", ABSENT),
        ("5.0.0", "smtp; 550 Mailbox not found. http://service.mail.qq.com/", ABSENT),
        ("5.0.0", "smtp; 550 User not found: ann@example.org", ABSENT),
        ("5.1.1", "smtp; 550 5.7.1 blocked: listed", NOT),
        # Content, relays, limits and room.
        ("5.7.1", "smtp; 550 5.7.1 message rejected by policy", NOT),
        ("5.6.0", "", NOT),
        ("5.3.4", "smtp; 552 5.3.4 message too large", NOT),
        ("5.0.0", "smtp; 554 DT:SPM 163 smtp1", NOT),
        ("5.0.0", "smtp; 550 MI:STC 163 smtp1", NOT),
        ("5.0.0", "smtp; 550 Sender frequency limited", NOT),
        ("5.0.0", "smtp; 550 Mail content denied", NOT),
        ("5.0.0", "smtp; 554 transaction failed", NOT),
        ("5.7.1", "smtp; 554 5.7.1 Relay access denied", NOT),
        ("5.1.8", "smtp; 553 5.1.8 sender address does not exist", NOT),
        ("5.2.2", "smtp; 552 5.2.2 mailbox full", NOT),
        ("5.4.5", "smtp; 550 5.4.5 Daily user sending limit exceeded", NOT),
        ("5.4.6", "smtp; 554 5.4.6 mail loop", NOT),
        ("4.4.1", "X-Postfix; connect to mx.example.org: Connection timed out", LATER),
        ("4.2.2", "smtp; 452 4.2.2 mailbox full", LATER),
        ("", "smtp; 450 greylisted", LATER),
        ("2.0.0", "smtp; 250 ok", DELIVERED),
    ],
)
def test_the_status_and_the_words_say_whether_the_address_is_to_blame(
    status: str, reply: str, fault: Fault
) -> None:
    assert only_report(report(group(status, reply))).fault is fault


@pytest.mark.parametrize(
    ("action", "fault"),
    [
        ("failed", ABSENT),
        ("Failed (expired)", ABSENT),
        ("delayed", LATER),
        ("relayed", DELIVERED),
        ("expanded", DELIVERED),
        ("delivered", DELIVERED),
    ],
)
def test_only_a_failure_can_be_the_addresss_fault(action: str, fault: Fault) -> None:
    assert only_report(report(group(action=action))).fault is fault


def test_a_forwarded_mail_is_reported_under_both_addresses() -> None:
    forwarded = group(final="rfc822;Ann@Elsewhere.example.net", original=f"rfc822;{ANN}")
    assert only_report(report(forwarded)).addresses == {"ann@elsewhere.example.net", ANN}


def test_a_report_on_several_recipients_has_one_for_each() -> None:
    bounce = read_bounce(report(group(), group("4.2.2", "", final="rfc822; bo@example.org")))
    assert [(sorted(each.addresses), each.fault) for each in bounce.reports] == [
        ([ANN], ABSENT),
        (["bo@example.org"], LATER),
    ]


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers", "message/global", "text/plain"])
def test_the_mail_is_known_by_whatever_of_it_is_returned(kind: str) -> None:
    assert read_bounce(report(returned_as=kind)).message_ids == (MESSAGE_ID,)


def test_a_report_that_returns_nothing_names_no_mail() -> None:
    assert read_bounce(report(returned="")).message_ids == ()


def test_the_message_id_of_the_bounce_itself_is_not_that_of_a_returned_mail() -> None:
    assert read_bounce(b"Message-ID: <bounce@example.net>\n" + report()).message_ids == (MESSAGE_ID,)


def test_addresses_beyond_ascii_are_read() -> None:
    fields = group(final=r"utf-8; \x{738B}@example.org", original="utf-8; 王@xn--fiqs8s")
    read = only_report(report(fields, status_as="message/global-delivery-status"))
    assert read.addresses == {"王@example.org", "王@xn--fiqs8s"}


def test_line_ends_and_a_line_of_an_mbox_do_not_matter() -> None:
    raw = b"From MAILER-DAEMON Tue Nov 24 08:00:00 2026\n" + report()
    assert read_bounce(raw.replace(b"\n", b"\r\n")) == read_bounce(report())


def test_a_reply_in_gbk_and_with_control_characters_is_one_line() -> None:
    raw = report(group("5.0.0", "smtp; 550 该用户不存在\x1b[2J")).decode().encode("gb18030")
    read = only_report(raw)
    assert read.fault is ABSENT
    assert read.reply == "550 该用户不存在 [2J"


# --- plain texts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"无法发送到 {ANN}\n退信原因：host mx.example.org said: 550 Mailbox not found", ABSENT),
        (f"收件人：{ANN}\nSMTP error, RCPT TO: 550 User not found", ABSENT),
        (f"<{ANN}>：550 5.1.1 该用户不存在", ABSENT),
        (f"{ANN}\n550 Requested action not taken: mailbox unavailable", REFUSED),
        (f"{ANN}\n554 DT:SPM 163 smtp1,please see the help", NOT),
        (f"{ANN}\n550 Mailbox unavailable or access denied", NOT),
        (f"{ANN}\n552 Quota exceeded", NOT),
        (f"{ANN}\n451 Temporary local problem", LATER),
        (f"<{ANN}>:\nSorry, no mailbox here by that name. (#5.1.1)", ABSENT),
        (f"<{ANN}>:\n550: 5.1.1 <{ANN}>: rejected", ABSENT),
        # What a page of help says of other cases is not what the server said.
        (f"{ANN}\n550 rejected\n\n\n\n常见原因：用户不存在；垃圾邮件", REFUSED),
    ],
)
def test_a_text_by_a_mail_server_is_read_by_the_reply_it_quotes(text: str, fault: Fault) -> None:
    bounce = read_bounce(plain(text))
    assert bounce.message_ids == (MESSAGE_ID,)
    (read,) = bounce.reports
    assert ANN in read.addresses
    assert read.fault is fault


def test_a_text_may_be_html_in_gbk() -> None:
    html = f"<p>收件人 <b>&lt;{ANN}&gt;</b></p><p>550 Mailbox&nbsp;not found</p><p>5.1.1</p>"
    raw = plain(html, kind="text/html; charset=gb2312", charset="gb18030")
    read = only_report(raw)
    assert read.fault is ABSENT
    assert ANN in read.addresses


def test_the_failed_recipient_of_a_header_counts_too() -> None:
    raw = plain(
        "550 user unknown",
        sender="a@example.net",
        more=f"X-Failed-Recipients: {ANN}\n",
        returned="Message-ID: <2@x>\n",
    )
    assert only_report(raw).addresses == {ANN}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff" * 100,
        b"From: ann@example.org\nSubject: Re: 1\n\nyour digest says: 550 user unknown\n",
        plain(f"{ANN}\n550 user unknown", sender="ann@example.org"),
        plain("no code is named here, on port 465 or in 2026"),
        b"From: MAILER-DAEMON@example.net\nContent-Type: multipart/report\n\n",
        b"From: x@example.net\nContent-Type: message/delivery-status\n\n\n\n",
    ],
)
def test_what_is_no_bounce_is_refused(raw: bytes) -> None:
    with pytest.raises(MonitorError, match="is no bounce"):
        read_bounce(raw)


# --- hostile ----------------------------------------------------------------------------------------


def nested(depth: int, kind: str) -> bytes:
    heads = [f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(depth)]
    return ("".join(heads) if kind == "multipart" else "Content-Type: message/rfc822\n\n" * depth).encode()


@pytest.mark.parametrize("kind", ["multipart", "message"])
def test_parts_within_parts_are_not_followed_for_ever(kind: str) -> None:
    with pytest.raises(MonitorError, match="too many parts"):
        read_bounce(nested(1000, kind) + report())


def test_ten_megabytes_are_read_and_more_are_refused() -> None:
    returned = RETURNED + "\n" + "x" * 70 + "\n"
    large = report(returned=returned) + b"y" * 70 + b"\n"
    assert read_bounce(large + b"z" * (MOST_BYTES - len(large))).message_ids == (MESSAGE_ID,)
    with pytest.raises(MonitorError, match="larger than 10 MB"):
        read_bounce(large + b"z" * MOST_BYTES)


HOSTILE = {
    "one line": b"x" * MOST_BYTES,
    "parameters": b"Content-Type: multipart/report" + b';a="' * (MOST_BYTES // 4),
    "folded parameters": b"Content-Type: multipart/report" + b';\n a="b' * (MOST_BYTES // 8),
    "many headers": b'Content-Type: multipart/report;boundary=";;;;;;;;\n' * (MOST_BYTES // 50),
    "parts without boundary": b"Content-Type: multipart/x\n\n" * (MOST_BYTES // 27),
    "addresses": b"From: postmaster@x\n\n550 no " + b"a@" * (MOST_BYTES // 2 - 20),
    "replies": b"From: postmaster@x\n\n" + b"550 1 " * (MOST_BYTES // 6 - 5),
    "ids": b"From: postmaster@x\n\n550 x\n" + b"Message-ID: <" * (MOST_BYTES // 13 - 5),
    "tags": b"From: postmaster@x\nContent-Type: text/html\n\n550 x\n" + b"<a " * (MOST_BYTES // 3 - 20),
    "boundaries": b"Content-Type: multipart/report; boundary=b\n\n" + b"--b\n\n" * (MOST_BYTES // 5 - 10),
    "groups": report(*[group()] * 20_000),
    "encoded": b"From: postmaster@x\nContent-Transfer-Encoding: base64\n\n"
    + b"NTUwIHgK" * (MOST_BYTES // 8 - 10),
    "spaces": b"From: postmaster@x\n\n550 x" + b" \t" * (MOST_BYTES // 2 - 20),
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.untraced
def test_a_hostile_message_takes_little_time(raw: bytes) -> None:
    def read(message: bytes) -> None:
        with contextlib.suppress(MonitorError):
            read_bounce(message)

    honest = report(returned=RETURNED + ("x" * 70 + "\n") * 140_000)
    whole = cpu_seconds(lambda: read(honest), lambda: read(honest))
    assert cpu_seconds(lambda: read(raw[:MOST_BYTES])) < 60 * whole, "most of these would take thousands"


@given(st.binary(max_size=400), st.integers(0, 2**32))
def test_no_mutilated_bounce_does_more_than_be_refused(noise: bytes, seed: int) -> None:
    draw = random.Random(seed)
    raw = draw.choice([report(), plain(f"{ANN}\n550 user unknown")])
    start = draw.randrange(len(raw))
    with contextlib.suppress(MonitorError):
        read_bounce(raw[:start] + noise + raw[start + draw.randrange(200) :])
