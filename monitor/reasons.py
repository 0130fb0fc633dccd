"""Say what the system and libraries say of a failure as sentences, for failures that are met in practice.

What else they say stays in their English.
"""

import errno
import os
import re
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence

from monitor.texts import Text, sentence

# By errno: the words of strerror.
_OF_SYSTEM: Mapping[int, Text] = {
    errno.EPERM: sentence("Operation not permitted"),
    errno.ENOENT: sentence("No such file or directory"),
    errno.EIO: sentence("Input/output error"),
    errno.ENOMEM: sentence("Cannot allocate memory"),
    errno.EACCES: sentence("Permission denied"),
    errno.EEXIST: sentence("File exists"),
    errno.ENOTDIR: sentence("Not a directory"),
    errno.EISDIR: sentence("Is a directory"),
    errno.EMFILE: sentence("Too many open files"),
    errno.EFBIG: sentence("File too large"),
    errno.ENOSPC: sentence("No space left on device"),
    errno.EROFS: sentence("Read-only file system"),
    errno.EPIPE: sentence("Broken pipe"),
    errno.ENAMETOOLONG: sentence("File name too long"),
    errno.ELOOP: sentence("Too many levels of symbolic links"),
    errno.EDQUOT: sentence("Disk quota exceeded"),
    errno.EADDRINUSE: sentence("Address already in use"),
    errno.EADDRNOTAVAIL: sentence("Cannot assign requested address"),
    errno.ENETDOWN: sentence("Network is down"),
    errno.ENETUNREACH: sentence("Network is unreachable"),
    errno.ECONNABORTED: sentence("Software caused connection abort"),
    errno.ECONNRESET: sentence("Connection reset by peer"),
    errno.ETIMEDOUT: sentence("Connection timed out"),
    errno.ECONNREFUSED: sentence("Connection refused"),
    errno.EHOSTUNREACH: sentence("No route to host"),
}
# By the error of getaddrinfo; not every system has each.
_OF_RESOLVER: Mapping[int, Text] = {
    getattr(socket, name, 0): words
    for name, words in (
        ("EAI_NONAME", sentence("Name or service not known")),
        ("EAI_NODATA", sentence("No address associated with hostname")),
        ("EAI_AGAIN", sentence("Temporary failure in name resolution")),
        ("EAI_FAIL", sentence("Non-recoverable failure in name resolution")),
    )
}
# By OpenSSL's X509_V_ERR.
_OF_CERTIFICATE: Mapping[int, Text] = {
    9: sentence("certificate is not yet valid"),
    10: sentence("certificate has expired"),
    18: sentence("self-signed certificate"),
    19: sentence("self-signed certificate in certificate chain"),
    20: sentence("unable to get local issuer certificate"),
    21: sentence("unable to verify the first certificate"),
    23: sentence("certificate revoked"),
    62: sentence("hostname mismatch"),
    64: sentence("IP address mismatch"),
}
# By what a library writes, which gives no number.
_OF_LIBRARIES: Sequence[tuple[re.Pattern[str], Callable[[Mapping[str, str]], Text]]] = [
    (re.compile(pattern), made)
    for pattern, made in (
        ("Expecting value", lambda _: sentence("Expecting value")),
        ("Extra data", lambda _: sentence("Extra data")),
        ("Expecting ('.') delimiter", lambda _: sentence("Expecting ',' or ':'")),
        (
            "Expecting property name enclosed in double quotes",
            lambda _: sentence("Expecting property name enclosed in double quotes"),
        ),
        ("Unterminated string starting at", lambda _: sentence("Unterminated string")),
        ("Invalid control character at", lambda _: sentence("Invalid control character")),
        (r"missing \)", lambda _: sentence("missing )")),
        ("unterminated character set", lambda _: sentence("unterminated character set")),
        ("unbalanced parenthesis", lambda _: sentence("unbalanced parenthesis")),
        ("nothing to repeat", lambda _: sentence("nothing to repeat")),
        ("database is locked", lambda _: sentence("database is locked")),
        ("database or disk is full", lambda _: sentence("database or disk is full")),
        ("unable to open database file", lambda _: sentence("unable to open database file")),
        (
            "attempt to write a readonly database",
            lambda _: sentence("attempt to write a readonly database"),
        ),
        ("disk I/O error", lambda _: sentence("disk I/O error")),
        (
            "database disk image is malformed",
            lambda _: sentence("database disk image is malformed"),
        ),
        ("file is not a database", lambda _: sentence("file is not a database")),
        (
            "[Hh]ostname mismatch, certificate is not valid for '(?P<host>.*)'\\.?",
            lambda found: sentence("hostname mismatch, certificate is not valid for '{host}'", **found),
        ),
        (
            "IP address mismatch, certificate is not valid for '(?P<host>.*)'\\.?",
            lambda found: sentence("IP address mismatch, certificate is not valid for '{host}'", **found),
        ),
        ("'(?P<name>.*)' is undefined", lambda found: sentence("'{name}' is undefined", **found)),
        (
            "'(?P<kind>.*)' has no attribute '(?P<name>.*)'",
            lambda found: sentence("'{kind}' has no attribute '{name}'", **found),
        ),
        (
            "Encountered unknown tag '(?P<name>.*)'\\.(?: .*)?",
            lambda found: sentence("unknown tag '{name}'", **found),
        ),
        (
            "[Nn]o filter named '(?P<name>.*)'( found)?\\.?",
            lambda found: sentence("no filter named '{name}'", name=found["name"]),
        ),
    )
]


def reason_of(error: BaseException) -> str:
    """Return why something failed, in a few words, without what asyncio, files and OpenSSL write around them."""
    if isinstance(
        error, ssl.SSLError
    ):  # OpenSSL fills these in; an error made by Python code has none of them
        words = getattr(error, "verify_message", "") or getattr(error, "reason", "") or str(error)
        named = said_by_library(words.replace("_", " "))
        code = getattr(error, "verify_code", 0)
        return named if isinstance(named, Text) else _OF_CERTIFICATE.get(code, named)
    if isinstance(error, socket.gaierror):
        return _OF_RESOLVER.get(error.errno or 0) or error.strerror or str(error)
    if isinstance(error, OSError) and error.errno:
        # asyncio's own text repeats the address.
        words = os.strerror(error.errno) if error.errno > 0 else error.strerror
        return _OF_SYSTEM.get(error.errno) or words or str(error)
    return said_by_library(str(error)) or type(error).__name__


def said_by_library(words: str) -> str:
    """Return what a library says as a sentence, where it is one of those known here; else as it is."""
    for pattern, made in _OF_LIBRARIES:
        if found := pattern.fullmatch(words):
            return made(found.groupdict())
    return words
