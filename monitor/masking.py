"""Mask passwords, tokens and keys in text that is logged, mailed, stored or printed."""

import re
from collections.abc import Iterable, Iterator

MASK = "***"

_OPEN_HEADERS = ("referer", "origin", "dnt", "cache-control", "pragma", "from")

_Span = tuple[int, int]  # offsets: text[start:end]

# Parts of names that stand for a secret wherever the name stands, and those that do so in a URL and in a configuration.
_ANYWHERE = (
    "token",
    "secret",
    "passw",
    "passphrase",
    "passkey",
    "pwd",
    "apikey",
    "api_key",
    "api-key",
    "credential",
)
_PARTS = (*_ANYWHERE, "signature", "session", "sessid", "cookie", "authorization")
_WORDS = frozenset(("auth", "pass", "pw", "sig", "sign", "hash", "jwt", "sid", "code", "otp", "pin"))
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")

# The user of a URL, up to the last @ before the path; also with a slash in the password, which no URL may have.
_USER = re.compile(
    r""":\\?/\\?/(?P<value>[^\s/?#"'<>]{1,2000}(?=@)|[^\s/?#"'<>@:\[]{0,200}:(?!\d*[/?#])[^\s"'<>]{0,2000}(?=@))"""
)
_PARAMETER = re.compile(r"""[?&;#](?P<name>[\w.~$%\[\]-]{1,80})=(?P<value>[^&;#\s"'<>]+)""")
# A parameter of a URL that is a parameter itself.
_ENCODED_PARAMETER = re.compile(
    r"""(?:%3f|%26)(?P<name>[\w.~-]{1,80})%3d(?P<value>(?:(?!%26)[^&;#\s"'<>])+)""", re.IGNORECASE
)
_HEADER = re.compile(
    r"""\b(?:(?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]{0,40}(?:key|token|auth))["']?[ \t]*[:=][ \t]*"""
    r"(?P<value>\S[^\r\n]*)",
    re.IGNORECASE,
)
_ASSIGNMENT = re.compile(
    r"""(?<![\w.?&;#-])(?P<name>[\w.-]{1,80})["']?[ \t]*=[ \t]*(?P<value>"[^"\n]*"?|'[^'\n]*'?|[^\s"'&;,)]+)"""
)
# A line that is not TOML may have its quotation marks anywhere: none of them is taken for the end of a secret.
_USER_IN_LINE = re.compile(
    r""":\\?/\\?/(?![\w.-]+(?::\d+)?/[^\s"'@]{0,2000}@[^@]*$)(?P<value>.{1,2000}(?=@))"""
)
_USER_WITHOUT_SCHEME = re.compile(
    r"""(?<![^\s"'=,\[{])(?![\w.+-]+:\\?/)(?P<value>[^\s"'=,\[{]{0,200}:(?!\\?/)[^"'@]{1,2000}(?=@))"""
)
_PARAMETER_IN_LINE = re.compile(r"""[?&;#](?P<name>[\w.~$%\[\]-]{1,80})=(?P<value>[^&]+)""")
_REST_OF_LINE = re.compile(r"""(?<![\w.-])(?P<name>[\w.-]{1,80})["']?[ \t]*=[ \t]*(?P<value>\S.*)""")


def mask(text: str) -> str:
    """Return the text with *** in place of each secret.

    Secrets are the user and password of a URL, and the values of parameters, headers and assignments whose names speak
    of a token, a key or a password. What was masked stays the same when it is masked again.
    """
    return _masked(text, _joined(_secrets(text)))


def mask_header(name: str, value: str) -> str:
    """Return the value of a request header, *** but for those that hold no secret: what a client understands."""
    return mask(value) if name.lower().startswith("accept") or name.lower() in _OPEN_HEADERS else MASK


def mask_line(line: str, column: int = 0) -> tuple[str, int]:
    """Return a broken line of a configuration with *** in place of each secret, and the place of `column` in it.

    More is taken for a secret than by `mask`: where a quotation mark is missing, none tells where a value ends.
    """
    spans = _joined((*_secrets(line), *_secrets_of_broken_line(line)))
    shift = sum(len(MASK) - (min(end, column) - start) for start, end in spans if start < column)
    return _masked(line, spans), column + shift


def is_secret_name(name: str) -> bool:
    """Return whether the value of a parameter, a header or an option of this name is a secret."""
    lower = name.lower()
    # password_file, LoadCredential: where a secret is, which the operator has to see
    if lower.endswith(("file", "path", "loadcredential")):
        return False
    words = {word.lower() for word in _WORD.findall(name)}
    return lower.endswith("key") or any(part in lower for part in _PARTS) or not _WORDS.isdisjoint(words)


def _secrets(text: str) -> Iterator[_Span]:
    for pattern in (_USER, _HEADER):
        yield from (found.span("value") for found in pattern.finditer(text))
    for pattern in (_PARAMETER, _ENCODED_PARAMETER):
        yield from _of_secret_names(pattern, text)
    for found in _ASSIGNMENT.finditer(text):
        name = found["name"].lower()
        if is_secret_name(name) and any(part in name for part in _ANYWHERE):
            yield found.span("value")


def _secrets_of_broken_line(line: str) -> Iterator[_Span]:
    for pattern in (_USER_IN_LINE, _USER_WITHOUT_SCHEME):
        yield from (found.span("value") for found in pattern.finditer(line))
    for pattern in (_PARAMETER_IN_LINE, _REST_OF_LINE):
        yield from _of_secret_names(pattern, line)


def _of_secret_names(pattern: "re.Pattern[str]", text: str) -> Iterator[_Span]:
    return (found.span("value") for found in pattern.finditer(text) if is_secret_name(found["name"]))


def _joined(spans: Iterable[_Span]) -> list[_Span]:
    """Return spans in order, those that overlap or touch as one."""
    joined: list[_Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _masked(text: str, spans: list[_Span]) -> str:
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(text)]
    return MASK.join(text[end:start] for end, start in zip(ends, starts, strict=True))
