import pytest

from monitor.feeds.head import body_length, mended, status_of


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (b"A: 1\r\nB:2\r\n", b"A: 1\r\nB: 2\r\n"),
        (b"A : 1\r\nnone\r\n(: 1\r\n: 2\r\n", b"A: 1\r\n"),
        (b"A: 1\n folded\n\tmore\n", b"A: 1 folded more\r\n"),
        (b" alone\r\nnone\r\n with more\r\nA: 1\r\n", b"A: 1\r\n"),
        (b"A: \xe6\x96\xb0\0\r\n", b"A: \xe6\x96\xb0 \r\n"),
        (b"A:\r\n", b"A: \r\n"),
        (b"Content-Length: 5\r\ncontent-length: 5, 5\r\n", b"Content-Length: 5\r\n"),
        (b"Content-Length: -5\r\nContent-Length: \r\n", b""),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"Transfer-Encoding: chunked\r\n"),
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"Transfer-Encoding: chunked\r\n"),
    ],
)
def test_a_head_is_mended_line_by_line(lines: bytes, wanted: bytes) -> None:
    assert mended(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n") == b"HTTP/1.1 200 OK\r\n" + wanted + b"\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nX-Empty: \r\n\r\n',
        b"HTTP/1.1 200 \r\nServer: a server  of two spaces\r\nContent-Length: 5\r\nAge: 1\r\n\r\n",
        b"HTTP/1.0 200\r\nTransfer-Encoding: chunked\r\nName: \xe6\x96\xb0\r\n\r\n",
    ],
)
def test_a_sound_head_stays_byte_for_byte(head: bytes) -> None:
    assert mended(head) == head


@pytest.mark.parametrize(
    "line",
    [
        b"Content-Length: 5,5",
        b"Content-Length: 5\r\nContent-Length: 5",
        b"A: 1 ",
        b"A:1",
        b"A: a\0b",
        b"A: 1\r",
    ],
)
def test_mended_once_a_head_is_sound(line: bytes) -> None:
    head = mended(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n")
    assert head.count(b"\r\n\r\n") == 1
    assert mended(head) == head != b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n"


def test_two_lengths_that_differ_stay_for_the_parser_to_refuse() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"
    assert mended(head) == head


@pytest.mark.parametrize(
    ("head", "status", "length"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n", 200, 12),
        (b"HTTP/1.0 404\r\nX: content-length: 12\r\n\r\n", 404, None),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 12\r\n\r\n", 304, 0),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, 0),
        (b"HTTP/1.1 2OO OK\r\n\r\n", 0, None),
    ],
)
def test_status_and_length_are_read(head: bytes, status: int, length: int | None) -> None:
    assert (status_of(head), body_length(head)) == (status, length)
