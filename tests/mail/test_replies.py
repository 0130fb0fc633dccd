import errno
import socket
import ssl
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import SendCause, SendKind
from monitor.mail.replies import (
    Step,
    cause_of,
    kind_of_reply,
    kind_of_silence,
    no_reply,
    one_line,
    reason,
    refusal,
    window_of,
)

SERVER = "smtp.example.org:465"
TEXT = st.text(st.characters(exclude_categories=["Cs"]))  # as st.text(), which takes 3 s to find that out
LATER, RELAY, REFUSED, UNCERTAIN = SendKind.LATER, SendKind.RELAY, SendKind.REFUSED, SendKind.UNCERTAIN


@pytest.mark.parametrize(
    ("step", "code", "text", "kind"),
    [
        # deferred: greylisting, a full mailbox, a server short of space
        (Step.RCPT, 450, "4.2.0 <ann@example.org>: Recipient address rejected: Greylisted", LATER),
        (Step.RCPT, 451, "4.7.1 Please try again later", LATER),
        (Step.RCPT, 452, "4.2.2 The recipient's mailbox is full", LATER),
        (Step.DATA, 451, "4.3.0 local error in processing", LATER),
        (Step.DOT, 450, "4.7.1 Try later", LATER),
        (Step.DOT, 451, "DT:SPM ,please try again", LATER),
        (Step.DOT, 452, "4.3.1 Insufficient system storage", LATER),
        # the relay pauses
        *((step, 421, "4.3.2 Service shutting down", RELAY) for step in Step),
        (Step.TLS, 454, "4.7.0 TLS not available due to local problem", RELAY),
        (Step.RCPT, 454, "4.7.1 Relay access denied", RELAY),
        (Step.CONNECT, 554, "5.7.1 No SMTP service here", RELAY),
        (Step.CONNECT, 421, "HL:REP example", RELAY),
        (Step.MAIL, 451, "MI:SFQ 163 smtp8 example", RELAY),
        (Step.RCPT, 451, "RP:QRC 163 smtp8 example", RELAY),
        (Step.MAIL, 450, "MI:DMC 163 smtp8 example", RELAY),
        (Step.RCPT, 450, "RP:DRC 163 smtp8 example", RELAY),
        (Step.MAIL, 452, "4.3.1 Insufficient system storage", RELAY),
        # 5xx that really means later
        (Step.MAIL, 550, "MI:STC 163 smtp8 example", RELAY),
        (Step.DOT, 554, "MI:STC 163 smtp8 example", RELAY),
        (Step.RCPT, 550, "RP:TRC 163 smtp8 example", RELAY),
        (Step.RCPT, 554, "RP:TRC 163 smtp8 example", RELAY),
        (Step.DOT, 554, "HL:ITC 163 smtp8 example", RELAY),
        (Step.DOT, 554, "HL:IHU 163 smtp8 example", RELAY),
        (Step.RCPT, 550, "Sender frequency limited", RELAY),
        (Step.DOT, 550, "Domain frequency limited", RELAY),
        (Step.CONNECT, 550, "Connection frequency limited", RELAY),
        (Step.DOT, 550, "超出发信频率限制", RELAY),
        (Step.RCPT, 550, "5.4.5 Daily user sending limit exceeded.", RELAY),
        (Step.DOT, 550, "5.4.5 Daily user sending limit exceeded.", RELAY),
        (Step.DOT, 421, "4.7.0 Try again later, closing connection.", RELAY),
        (Step.DOT, 554, "Reject by behaviour spam at DATA stage", RELAY),
        (Step.DOT, 454, "Reject by behaviour spam at DATA stage", RELAY),
        # the login
        (Step.AUTH, 535, "Login fail. Please enter your authorization code to login.", RELAY),
        (Step.AUTH, 535, "5.7.139 Authentication unsuccessful", RELAY),
        (Step.AUTH, 534, "5.7.9 Application-specific password required.", RELAY),
        (Step.AUTH, 550, "User has no permission", RELAY),
        (Step.AUTH, 550, "5.7.30 Basic authentication is not supported", RELAY),
        (Step.AUTH, 451, "too much fail authentication", RELAY),
        (Step.AUTH, 454, "4.7.0 Temporary authentication failure", RELAY),
        (Step.AUTH, 334, "Invalid CRAM-MD5 challenge", RELAY),
        (Step.RCPT, 530, "5.7.0 Authentication required", RELAY),
        (Step.DATA, 538, "5.7.11 Encryption required", RELAY),
        # the sender: a fault of the configuration, not of one mail
        (Step.MAIL, 553, "Mail from must equal authorized user", RELAY),
        (Step.MAIL, 501, "mail from address must be same as authorization user", RELAY),
        (Step.MAIL, 550, "5.7.1 not welcome", RELAY),
        (Step.DOT, 553, "Mail from must equal authorized user", RELAY),
        (Step.DOT, 554, "5.2.252 SendAsDenied", RELAY),
        (Step.RCPT, 553, "5.7.1 <a@example.org>: Sender address rejected: not owned by user b", RELAY),
        (Step.RCPT, 550, "5.1.8 <a@example.org>: Domain not found", RELAY),
        (Step.RCPT, 554, "5.7.1 <ann@example.org>: Relay access denied", RELAY),
        (Step.RCPT, 550, "5.7.54 Unable to relay recipient in non-accepted domain", RELAY),
        (Step.RCPT, 553, "sorry, that domain isn't in my list of allowed rcpthosts", RELAY),
        (Step.RCPT, 554, "5.7.1 Service unavailable; Client host [192.0.2.1] blocked", RELAY),
        # the address
        (Step.RCPT, 550, "5.1.1 <ann@example.org>: User unknown in virtual mailbox table", REFUSED),
        (Step.RCPT, 550, "5.1.1 <ann@example.org>: User unknown in relay recipient table", REFUSED),
        (Step.RCPT, 550, "5.1.10 RESOLVER.ADR.RecipientNotFound", REFUSED),
        (Step.RCPT, 553, "5.1.3 malformed address", REFUSED),
        (Step.RCPT, 550, "Mailbox not found", REFUSED),
        (Step.RCPT, 550, "Invalid User", REFUSED),
        (Step.RCPT, 551, "User not local", REFUSED),
        # the mailbox
        (Step.RCPT, 552, "5.2.2 Over quota", LATER),
        (Step.RCPT, 552, "too many recipients", LATER),
        (Step.RCPT, 550, "5.2.1 Mailbox disabled", LATER),
        (Step.RCPT, 550, "User suspended", LATER),
        (Step.RCPT, 550, "Mailbox unavailable or access denied", LATER),
        (Step.RCPT, 554, "mailbox is full", LATER),
        (Step.DOT, 552, "5.2.2 Mailbox full", LATER),
        (Step.DOT, 552, "Requested mail action aborted: exceeded storage allocation", LATER),
        # the content
        (Step.DOT, 554, "DT:SPM 163 smtp8 example", REFUSED),
        (Step.DOT, 550, "Mail content denied", REFUSED),
        (Step.DOT, 550, "5.7.1 Our system has detected that this message is likely unsolicited", REFUSED),
        (Step.DOT, 554, "5.6.0 malformed", REFUSED),
        (Step.DOT, 550, 'The "From" header is missing or invalid. Please follow RFC5322', REFUSED),
        (Step.DOT, 552, "5.3.4 Message size exceeds fixed limit", REFUSED),
        (Step.DOT, 552, "Error: Too much mail data", REFUSED),
        (Step.MAIL, 552, "5.3.4 Message size exceeds fixed limit", REFUSED),
        (Step.DATA, 554, "no valid recipients", REFUSED),
        # the session
        (Step.RCPT, 503, "5.5.1 bad sequence of commands", LATER),
        (Step.DATA, 503, "5.5.1 no valid recipients", LATER),
        (Step.DOT, 503, "5.5.1 no valid recipients", LATER),
        (Step.DOT, 552, "refused", REFUSED),
        # no answer to the question
        (Step.CONNECT, -1, "", RELAY),
        (Step.MAIL, -1, "", LATER),
        (Step.DATA, 250, "OK", LATER),
        (Step.DOT, -1, "", UNCERTAIN),
        (Step.DOT, 354, "go ahead", UNCERTAIN),
    ],
)
def test_a_reply_means(step: Step, code: int, text: str, kind: SendKind) -> None:
    assert kind_of_reply(step, code, text) is kind


@given(st.sampled_from(Step), st.integers(-1, 999), TEXT)
def test_only_silence_after_the_dot_leaves_a_mail_uncertain(step: Step, code: int, text: str) -> None:
    uncertain = kind_of_reply(step, code, text) is UNCERTAIN
    assert uncertain == (step is Step.DOT and not 400 <= code <= 599)


@given(st.sampled_from(Step), st.integers(-1, 999), TEXT)
def test_a_mail_is_given_up_only_for_a_5xx_about_this_mail(step: Step, code: int, text: str) -> None:
    if kind_of_reply(step, code, text) is REFUSED:
        assert 500 <= code <= 599
        assert step in (Step.MAIL, Step.RCPT, Step.DATA, Step.DOT)


def test_a_server_that_falls_silent_before_the_mail_is_sent_does_not_have_it() -> None:
    assert [kind_of_silence(step) for step in Step] == [RELAY, RELAY, RELAY, LATER, LATER, LATER, UNCERTAIN]


def test_a_reply_of_many_lines_becomes_one() -> None:
    assert one_line(b"5.7.1 first line\n5.7.1 second\tline\r\n") == "5.7.1 first line 5.7.1 second line"


@pytest.mark.parametrize("charset", ["utf-8", "gbk"])
def test_a_chinese_reply_can_be_read_in_both_charsets(charset: str) -> None:
    assert one_line("发信频率超限".encode(charset)) == "发信频率超限"


def test_what_is_in_no_charset_is_replaced() -> None:
    assert one_line(b"bad \xff\xff end") == "bad \ufffd\ufffd end"


@given(st.binary(max_size=600))
def test_any_bytes_become_clean_text(reply: bytes) -> None:
    text = one_line(reply)
    text.encode("utf-8")  # no surrogate
    assert text.isprintable()
    assert len(text) <= 500


def test_a_reply_is_cut_to_what_can_be_shown() -> None:
    assert len(one_line(b"x" * 9000)) == 500


def test_marks_that_turn_the_line_round_do_not_get_through() -> None:
    assert one_line("a\u202eb\u2028c\x1b[31m".encode()) == "a b c [31m"


@pytest.mark.parametrize(
    ("step", "code", "text"),
    [
        (Step.MAIL, 501, "mail from address must be same as authorization user"),
        (Step.MAIL, 553, "Mail from must equal authorized user"),
        (Step.MAIL, 553, "5.7.1 Sender address rejected: not owned by user"),
        (Step.RCPT, 554, "5.7.1 <me@example.org>: Sender address rejected: Access denied"),
        (Step.DATA, 554, "5.2.252 SendAsDenied"),
        (Step.DOT, 501, "mail from address must be same as authorization user"),
    ],
)
def test_a_refused_sender_is_called_so(step: Step, code: int, text: str) -> None:
    error = refusal("s:25", step, code, text)
    assert (error.kind, error.cause, error.lasting) == (SendKind.RELAY, SendCause.SENDER, True)


@pytest.mark.parametrize(
    ("step", "code", "text", "cause"),
    [
        (Step.MAIL, 451, "4.1.8 later", SendCause.RELAY),
        (Step.MAIL, 550, "5.4.5 Daily sending quota exceeded", SendCause.RELAY),
        (Step.MAIL, 530, "5.7.0 Authentication required", SendCause.LOGIN),
        (Step.RCPT, 554, "5.7.1 Relay access denied", SendCause.RELAY),
    ],
)
def test_what_is_no_matter_of_the_sender_is_not_called_so(
    step: Step, code: int, text: str, cause: SendCause
) -> None:
    assert refusal("s:25", step, code, text).cause is cause


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("step", "code", "text", "message"),
    [
        (Step.CONNECT, 421, "busy", f"{SERVER} temporarily refused the connection (421 busy)"),
        (Step.RCPT, 550, "5.1.1 no such user", f"{SERVER} refused the recipient (550 5.1.1 no such user)"),
        (Step.DATA, -1, "??", f"{SERVER} gave an invalid reply to the mail (??)"),
        (
            Step.DOT,
            -1,
            "??",
            f"{SERVER} gave an invalid reply to the mail (??): the mail may or may not have been delivered",
        ),
    ],
)
def test_a_refusal_says_who_what_and_in_which_words(step: Step, code: int, text: str, message: str) -> None:
    assert str(refusal(SERVER, step, code, text)) == message


@pytest.mark.parametrize(("code", "verb"), [(499, "temporarily refused"), (500, "refused"), (599, "refused")])
def test_a_reply_from_500_on_is_a_refusal_for_good(code: int, verb: str) -> None:
    assert str(refusal(SERVER, Step.RCPT, code, "no")) == f"{SERVER} {verb} the recipient ({code} no)"


def test_a_refused_login_says_what_to_look_at() -> None:
    error = refusal(SERVER, Step.AUTH, 535, "5.7.8 no")
    assert str(error).startswith(f"{SERVER} refused the login (535 5.7.8 no): check [smtp] username and")
    assert "授权码" in str(error)
    assert (error.kind, error.code) == (SendKind.RELAY, 535)


@pytest.mark.parametrize(
    ("step", "code", "text", "lasting"),
    [
        (Step.AUTH, 535, "5.7.8 no", True),
        (Step.AUTH, 454, "4.7.0 Temporary authentication failure", False),
        (Step.RCPT, 530, "5.7.0 Authentication required", True),
        (Step.MAIL, 553, "Mail from must equal authorized user", True),
        (Step.DOT, 553, "Mail from must equal authorized user", True),
        (Step.MAIL, 550, "MI:STC 163 smtp8 example", False),
        (Step.MAIL, 451, "4.3.0 later", False),
        (Step.CONNECT, 554, "5.7.1 No SMTP service here", False),
        (Step.RCPT, 550, "5.1.1 no such user", False),
    ],
)
def test_a_refused_login_or_sender_does_not_mend_itself(
    step: Step, code: int, text: str, lasting: bool
) -> None:
    assert refusal(SERVER, step, code, text).lasting is lasting


def test_a_refused_sender_says_what_to_look_at() -> None:
    assert "check [smtp] sender" in str(refusal(SERVER, Step.MAIL, 553, "no"))


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


def test_a_failed_certificate_is_told_by_what_openssl_found_wrong_with_it() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.reason, error.verify_message = "CERTIFICATE_VERIFY_FAILED", "self-signed certificate"
    assert reason(error) == "self-signed certificate"
    error.verify_message = ""
    assert reason(error) == "CERTIFICATE VERIFY FAILED"


def test_only_after_the_dot_is_it_uncertain_what_became_of_the_mail() -> None:
    before, after = (no_reply(SERVER, step, ConnectionError("closed")) for step in (Step.DATA, Step.DOT))
    assert (before.kind, after.kind) == (SendKind.LATER, SendKind.UNCERTAIN)
    assert str(after) == f"{before}: the mail may or may not have been delivered"


QUARTER, HOUR, DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("step", "code", "text", "window"),
    [
        # at 163: for the day, for a while, for a quarter of an hour
        (Step.MAIL, 550, "MI:STC 163 smtp8 example", DAY),
        (Step.DOT, 554, "MI:STC 163 smtp8 example", DAY),
        (Step.RCPT, 550, "RP:TRC 163 smtp8 example", DAY),
        (Step.CONNECT, 554, "HL:ITC 163 smtp8 example", DAY),
        (Step.DOT, 554, "HL:ITC 163 smtp8 example", DAY),
        (Step.DOT, 554, "HL:IHU 163 smtp8 example", HOUR),
        (Step.MAIL, 451, "MI:SFQ 163 smtp8 example", QUARTER),
        (Step.RCPT, 451, "RP:QRC 163 smtp8 example", QUARTER),
        (Step.CONNECT, 421, "HL:IFC 163 smtp8 example", QUARTER),
        # at QQ and Aliyun
        (Step.DOT, 550, "超出发信频率限制", HOUR),
        (Step.RCPT, 550, "Sender frequency limited", HOUR),
        (Step.CONNECT, 550, "Connection frequency limited", HOUR),
        (Step.DOT, 554, "Reject by behaviour spam at DATA stage", HOUR),
        (Step.RCPT, 454, "Reject by behavior spam ANTISPAM_BAT", HOUR),
        # at Gmail and Microsoft 365
        (Step.DOT, 550, "5.4.5 Daily user sending limit exceeded. For more information", DAY),
        (Step.RCPT, 550, "5.4.5 Daily SMTP relay sending limit exceeded for customer", DAY),
        (Step.DOT, 421, "4.7.0 Try again later, closing connection.", QUARTER),
        (Step.DOT, 550, "5.1.90 Your message can't be sent: you've reached your daily limit", DAY),
        (Step.DOT, 554, "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", DAY),
        # a congestion, which is no limit of ours (RFC 3463 3.5)
        (Step.RCPT, 550, "5.4.5 mail system congestion", QUARTER),
    ],
)
def test_a_limit_of_the_server_pauses_it_and_never_fails_or_suppresses(
    step: Step, code: int, text: str, window: timedelta
) -> None:
    error = refusal(SERVER, step, code, text)
    assert (error.kind, error.cause, error.window) == (RELAY, SendCause.RELAY, window)


@pytest.mark.parametrize(
    ("step", "code", "text"),
    [
        (Step.AUTH, 535, "Login fail. Please enter your authorization code to login."),
        (Step.AUTH, 454, "4.7.0 Too many login attempts, please try again later."),
        (Step.RCPT, 450, "4.7.0 greylisted"),
        (Step.RCPT, 451, "4.7.1 Please try again later"),
        (Step.CONNECT, 421, "4.3.2 Service shutting down"),
        (Step.CONNECT, 421, "HL:ICC 163 smtp8 example"),
        (Step.MAIL, 450, "MI:DMC 163 smtp8 example"),
        (Step.RCPT, 450, "4.2.1 The user is receiving mail at a rate that"),
        (Step.RCPT, 452, "4.2.2 over quota"),
        (Step.DOT, 250, "kept"),
    ],
)
def test_other_refusals_speak_of_no_limit(step: Step, code: int, text: str) -> None:
    assert window_of(step, code, text) is None


def test_a_greylisted_recipient_stays_one() -> None:
    assert kind_of_reply(Step.RCPT, 450, "4.7.0 greylisted") is LATER
    assert cause_of(Step.RCPT, 450, "4.7.0 greylisted") is SendCause.NONE


@pytest.mark.parametrize(
    ("step", "code", "text", "expected"),
    [
        (Step.MAIL, 421, "4.7.0 too many messages", True),
        (Step.RCPT, 421, "4.7.0 too many messages", False),
        (Step.MAIL, 450, "MI:DMC 163 smtp8 example", True),
        (Step.RCPT, 450, "RP:DRC 163 smtp8 example", True),
        (Step.MAIL, 452, "4.5.3 Too many messages in this session", True),
        (Step.RCPT, 452, "4.5.3 too many recipients", False),
        (Step.MAIL, 550, "MI:STC 163 smtp8 example", False),
        (Step.DOT, 450, "MI:DMC 163 smtp8 example", False),
    ],
)
def test_a_limit_of_the_connection_is_told_apart(step: Step, code: int, text: str, expected: bool) -> None:
    assert refusal(SERVER, step, code, text).of_connection is expected
