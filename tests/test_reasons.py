"""What the system and libraries say of a failure is a sentence, which has its Chinese."""

import errno
import json
import os
import socket
import sqlite3
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from monitor.reasons import reason_of, said_by_library
from monitor.texts import in_language


def _in_chinese(error: BaseException) -> str:
    return in_language(reason_of(error), "zh-Hans")


@pytest.mark.parametrize(
    ("number", "chinese"),
    [
        (errno.ECONNREFUSED, "连接被拒绝"),
        (errno.ENOENT, "没有这个文件或目录"),
        (errno.EACCES, "没有权限"),
        (errno.ENOSPC, "磁盘已满"),
        (errno.ETIMEDOUT, "连接超时"),
        (errno.ECONNRESET, "连接被对方重置"),
        (errno.EHOSTUNREACH, "找不到通往主机的路由"),
        (errno.EADDRINUSE, "端口已被占用"),
    ],
)
def test_an_error_of_the_system_is_told_by_its_number(number: int, chinese: str) -> None:
    error = OSError(number, "what some system says")
    assert (reason_of(error), _in_chinese(error)) == (os.strerror(number), chinese)


def test_an_error_of_the_system_that_is_rare_stays_as_it_is() -> None:
    assert reason_of(OSError(errno.EXDEV, "")) == os.strerror(errno.EXDEV)
    assert reason_of(OSError("without a number")) == "without a number"
    assert reason_of(ValueError()) == "ValueError"


def test_a_name_that_no_server_knows_is_told() -> None:
    assert _in_chinese(socket.gaierror(socket.EAI_NONAME, "x")) == "没有这个域名"
    assert _in_chinese(socket.gaierror(socket.EAI_AGAIN, "x")) == "域名解析暂时失败"
    assert reason_of(socket.gaierror(socket.EAI_SOCKTYPE, "ai_socktype not supported")) == (
        "ai_socktype not supported"
    )


@pytest.mark.parametrize(
    ("names", "not_after", "trusted", "chinese"),
    [
        (("mail.test",), datetime(2020, 1, 2, tzinfo=UTC), True, "证书已过期"),
        (("other.test",), None, True, "证书与主机名不符，不适用于“mail.test”"),
        (("mail.test",), None, False, "找不到签发者的证书"),
    ],
)
def test_a_certificate_that_is_refused_is_told_by_what_openssl_found(
    names: tuple[str, ...], not_after: datetime | None, trusted: bool, chinese: str
) -> None:
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert(*names, not_after=not_after).configure_cert(server)
    if trusted:
        authority.configure_trust(client)
    assert _in_chinese(_refused(server, client)) == chinese


def _refused(server: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLError:
    """Let a client and a server shake hands in memory, and return why the client refuses the other."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = client.wrap_bio(back, there, server_hostname="mail.test")
    called = server.wrap_bio(there, back, server_side=True)
    for end in (caller, called, caller):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            return error
    raise AssertionError("it was accepted")


def test_a_self_signed_certificate_is_told() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = 18, "self-signed certificate"
    assert _in_chinese(error) == "证书是自签名的"
    error.verify_code, error.verify_message = 999, "something new"
    assert reason_of(error) == "something new"


def test_what_openssl_says_else_stays_as_it_is() -> None:
    error = ssl.SSLError(1, "x")
    error.reason = "WRONG_VERSION_NUMBER"
    assert reason_of(error) == "WRONG VERSION NUMBER"


def test_what_sqlite_says_is_told(tmp_path: Path) -> None:
    for place, chinese in ((tmp_path / "absent" / "file.db", "打不开数据库文件"),):
        with pytest.raises(sqlite3.OperationalError) as caught:
            sqlite3.connect(place).execute("SELECT 1")
        assert _in_chinese(caught.value) == chinese
    (tmp_path / "text.db").write_text("no database at all, but quite some text" * 9)
    with pytest.raises(sqlite3.DatabaseError) as refused:
        sqlite3.connect(tmp_path / "text.db").execute("SELECT * FROM sqlite_master")
    assert _in_chinese(refused.value) == "文件不是数据库"
    assert in_language(said_by_library("database is locked"), "zh-Hans") == "数据库被占用"


@pytest.mark.parametrize(
    ("document", "chinese"),
    [
        ("", "这里应有一个值"),
        ("{} {}", "末尾有多余的内容"),
        ("[1 2]", "缺少 , 或 :"),
        ("{a", "属性名应放在英文双引号里"),
        ('"a', "字符串没有结束"),
    ],
)
def test_what_is_no_json_is_told(document: str, chinese: str) -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads(document)
    assert in_language(said_by_library(caught.value.msg), "zh-Hans") == chinese


@pytest.mark.parametrize(
    ("template", "chinese"),
    [
        ("{{ digst }}", "“digst”没有定义"),
        ("{{ {}.title }}", "“dict object”没有属性“title”"),
        ("{% iff x %}", "没有“iff”这个标签"),
        ("{{ 1 | shout }}", "没有名为“shout”的过滤器"),
    ],
)
def test_what_is_wrong_in_a_template_is_told(template: str, chinese: str) -> None:
    with pytest.raises(TemplateError) as caught:
        SandboxedEnvironment(undefined=StrictUndefined).from_string(template).render()
    assert _in_chinese(caught.value) == chinese
